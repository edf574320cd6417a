package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

const redactedToken = "[bottle: GitHub token removed]"

// redacting adds the rule for the origin.
func redacting(o harness.WorldOptions) harness.WorldOptions {
	o.Args = append(append([]string(nil), o.Args...), "--on-secret", "origin.test=redact")
	return o
}

// arrived is the last request that the origin has got as a whole.
func arrived(t *testing.T, w *harness.World) origin.Record {
	t.Helper()
	all := w.Origin.Requests()
	if len(all) == 0 {
		t.Fatal("nothing arrived at the origin")
	}
	last := all[len(all)-1]
	if last.BodyErr != "" {
		t.Errorf("the origin got a broken body: %s", last.BodyErr)
	}
	return last
}

func messages(texts ...string) string {
	type message struct {
		Role    string `json:"role"`
		Content []any  `json:"content"`
	}
	var all []message
	for i, text := range texts {
		role := []string{"user", "assistant"}[i%2]
		all = append(all, message{role, []any{map[string]string{"type": "text", "text": text}}})
	}
	out, _ := json.Marshal(map[string]any{"model": "m", "messages": all})
	return string(out)
}

// TestRedactedConversationGoesOn: on every way out the origin gets each turn without the secret, with the right length,
// and the client gets the answer.
func TestRedactedConversationGoesOn(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, redacting(options))
		client := w.Client(proto)
		texts := []string{"look at the environment"}
		clean := texts
		for turn := 0; turn < 3; turn++ {
			texts = append(texts, "I did", "GH=\""+gitHubToken+"\"\nHOME=/home/é "+strings.Repeat("x ", 500))
			clean = append(append([]string(nil), clean...), "I did",
				"GH=\""+redactedToken+"\"\nHOME=/home/é "+strings.Repeat("x ", 500))
			answer := w.Do(client, "POST", "/echo", strings.NewReader(messages(texts...)),
				"Content-Type", "application/json")
			if answer.Status() != 200 {
				t.Fatalf("turn %d: status %d: %s", turn, answer.Status(), answer.Text)
			}
			got := arrived(t, w)
			if string(got.Body) != messages(clean...) {
				t.Errorf("turn %d: the origin got %s", turn, got.Body)
			}
			if length := got.Header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(got.Body)) {
				t.Errorf("turn %d: Content-Length %s, %d bytes", turn, length, len(got.Body))
			}
		}
		line := w.Proxy.WaitAudit(t, "the last turn", func(l map[string]any) bool {
			return l["verdict"] == "allowed" &&
				strings.Contains(fmt.Sprint(l["findings"]), "messages[6].content[0].text")
		})
		if text := fmt.Sprint(line["findings"], line["changed"]); !strings.Contains(text, "action:redacted") ||
			!strings.Contains(text, "messages[2].content[0].text") || !strings.Contains(text, "request_body") {
			t.Errorf("the audit line tells %s", text)
		}
		if strings.Contains(w.Proxy.AuditText(), gitHubToken) {
			t.Error("the token stands in the audit log")
		}
	})
}

// TestRedactsOtherTypesAndCodings: forms and plain text, gzip, a body without a length, Expect: 100-continue.
func TestRedactsOtherTypesAndCodings(t *testing.T) {
	cases := []struct{ name, body, want string }{
		{"form", "a=1&t=" + gitHubToken + "+x", "a=1&t=%5Bbottle%3A+GitHub+token+removed%5D+x"},
		{"plain", "key " + gitHubToken + " end", "key " + redactedToken + " end"},
		{"gzip", gzipped("[\"" + gitHubToken + "\"]"), "[\"" + redactedToken + "\"]"},
		{"chunked", "[\"" + gitHubToken + "\"]", "[\"" + redactedToken + "\"]"},
		{"expect", "[\"" + gitHubToken + "\"]", "[\"" + redactedToken + "\"]"},
	}
	fields := map[string][]string{
		"form":    {"Content-Type", "application/x-www-form-urlencoded"},
		"plain":   {"Content-Type", "text/plain"},
		"gzip":    {"Content-Type", "application/json", "Content-Encoding", "gzip"},
		"chunked": {"Content-Type", "application/json"},
		"expect":  {"Content-Type", "application/json", "Expect", "100-continue"},
	}
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, redacting(options))
		client := w.Client(proto)
		for _, c := range cases {
			body := io.Reader(strings.NewReader(c.body))
			if c.name == "chunked" {
				body = io.MultiReader(body) // of no known length
			}
			answer := w.Do(client, "POST", "/echo", body, fields[c.name]...)
			got := arrived(t, w)
			if answer.Status() != 200 || string(got.Body) != c.want || got.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: status %d, the origin got %q with %q", c.name, answer.Status(), got.Body,
					got.Header.Get("Content-Encoding"))
			}
		}
	})
}

// TestRedactRefusesTheRest: nothing of these arrives.
func TestRedactRefusesTheRest(t *testing.T) {
	cases := []struct {
		name, path, body, deny string
		fields                 []string
	}{
		{"URL", "/echo?k=" + gitHubToken, "[]", "secret_in_url", []string{"Content-Type", "application/json"}},
		{"field", "/echo", "[]", "secret_in_header", []string{"Content-Type", "application/json", "X-A", gitHubToken}},
		{"name", "/echo", "{\"" + gitHubToken + "\":1}", "secret_in_body",
			[]string{"Content-Type", "application/json"}},
		{"no JSON", "/echo", "{" + gitHubToken, "secret_in_body", []string{"Content-Type", "application/json"}},
		{"multipart", "/echo", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + gitHubToken +
			"\r\n--b--\r\n", "secret_in_body", []string{"Content-Type", "multipart/form-data; boundary=b"}},
		{"signed", "/echo", "[\"" + gitHubToken + "\"]", "secret_in_body",
			[]string{"Content-Type", "application/json", "Content-Digest", "sha-256=:x:"}},
	}
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, redacting(options))
		client := w.Client(proto)
		for _, c := range cases {
			answer, err := w.Try(client, "POST", c.path, strings.NewReader(c.body), c.fields...)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if deny := answer.Header.Get("X-Bottle-Deny"); deny != c.deny {
				t.Errorf("%s: status %d, X-Bottle-Deny %q", c.name, answer.StatusCode, deny)
			}
		}
		for _, r := range w.Origin.Requests() {
			if r.Done && r.BodyErr == "" {
				t.Errorf("the origin got %s %s", r.Method, r.URI)
			}
		}
	})
}

// TestRedactLargerBodiesStream: beyond the limit a body without a secret passes, and one with a secret is refused.
func TestRedactLargerBodiesStream(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := harness.NewWorld(t, redacting(harness.WorldOptions{Via: harness.Direct,
			Args: []string{"--limit", "redact_body_bytes=65536"}}))
		client := w.Client(proto)
		filler := strings.Repeat("words ", 20000)
		if answer := w.Do(client, "POST", "/upload", strings.NewReader("[\""+filler+"\"]"),
			"Content-Type", "application/json"); answer.Status() != 200 ||
			arrived(t, w).BodyLen != int64(len(filler)+4) {
			t.Errorf("a large body: status %d", answer.Status())
		}
		answer := w.Do(client, "POST", "/upload", strings.NewReader("[\""+gitHubToken+filler+"\"]"),
			"Content-Type", "application/json")
		if answer.Header.Get("X-Bottle-Deny") != "secret_in_body" {
			t.Errorf("a large body with a secret: status %d", answer.Status())
		}
	})
}
