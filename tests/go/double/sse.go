package double

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// relayEvents re-serialises a stream of events: comments and unknown fields are dropped, the last id repeats, every
// event is flushed by itself. It returns why the stream was cut, or "" at its end. Whatever happens, the caller's
// response ends cleanly: that is pipelock's way, and the reason why bottle-proxy cannot trust a clean end.
func (d *Double) relayEvents(w http.ResponseWriter, body io.Reader, fault Fault) string {
	number := -1
	in := bufio.NewReaderSize(body, 64<<10)
	var event, id, retry string
	var data []string
	size := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			if err == io.EOF {
				return ""
			}
			return "sse stream read: " + err.Error()
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line != "" {
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "event":
				event = value
			case "id":
				id = value
			case "retry":
				retry = value
			case "data":
				data = append(data, value)
				size += len(value)
			}
			if size > d.opts.MaxEvent {
				return "sse stream finding: event too large"
			}
			continue
		}
		if len(data) == 0 {
			continue
		}
		text := strings.Join(data, "\n")
		meta := event + "\n" + id + "\n" + text
		switch {
		case !utf8.ValidString(meta):
			return "sse stream finding: invalid UTF-8"
		case dlpSecret.MatchString(meta):
			return "sse stream finding: DLP match: Anthropic API Key"
		case injection.MatchString(meta):
			return "sse stream finding: injection"
		}
		number++
		if fault.Kind == FaultDropEvent && number == fault.After {
			event, retry, data, size = "", "", nil, 0
			continue
		}
		if fault.Kind == FaultChangeEvent && number == fault.After {
			data[0] = "changed"
		}
		var out strings.Builder
		for _, field := range [][2]string{{"event", event}, {"id", id}, {"retry", retry}} {
			if field[1] != "" {
				out.WriteString(field[0] + ": " + field[1] + "\n")
			}
		}
		for _, one := range data {
			out.WriteString("data: " + one + "\n")
		}
		out.WriteString("\n")
		if _, err := io.WriteString(w, out.String()); err != nil {
			return "context canceled"
		}
		w.(http.Flusher).Flush()
		event, retry, data, size = "", "", nil, 0
	}
}
