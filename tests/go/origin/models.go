package origin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ModelAnswer is what the stand-in models say.
const ModelAnswer = "the model has spoken"

// model speaks just enough of Anthropic's and OpenAI's interfaces for one turn of an agent, to those who have the key.
func (s *Server) model(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if !s.passes(r) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"type":"error","error":{"type":"authentication_error","message":"wrong key"}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	events := anthropicEvents
	if strings.HasSuffix(r.URL.Path, "/responses") {
		events = openAIEvents
	}
	for _, event := range events {
		event := strings.ReplaceAll(event, "ANSWER", ModelAnswer)
		var kind struct{ Type string }
		_ = json.Unmarshal([]byte(event), &kind)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind.Type, event)
		flush(w)
	}
}

var anthropicEvents = []string{
	`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],` +
		`"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ANSWER"}}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}`,
	`{"type":"message_stop"}`,
}

var openAIEvents = []string{
	`{"type":"response.created","response":{"id":"resp_1"}}`,
	`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","role":"assistant","id":"msg_1",` +
		`"status":"completed","content":[{"type":"output_text","text":"ANSWER","annotations":[]}]}}`,
	`{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[],"usage":` +
		`{"input_tokens":1,"input_tokens_details":{"cached_tokens":0},"output_tokens":1,` +
		`"output_tokens_details":{"reasoning_tokens":0},"total_tokens":2}}}`,
}
