package integration

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

const webSocketFields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// TestWebSocketIs426: where pipelock has to read whole requests there is no way for one (RFC 9110 section 15.5.22). A
// client that can do without falls back at once; after another status it tries again.
func TestWebSocketIs426(t *testing.T) {
	check := func(t *testing.T, w *harness.World, raw *harness.Raw, request string) {
		t.Helper()
		raw.Say(request)
		_ = raw.SetReadDeadline(time.Now().Add(20 * time.Second))
		text, err := io.ReadAll(raw.In)
		if err != nil {
			t.Errorf("the connection does not end: %v", err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		body, _ := io.ReadAll(resp.Body)
		answer := harness.Answer{Response: resp, Text: string(body)}
		if p := wantProblem(t, answer, 426, "websocket_not_supported"); p.Hint == "" {
			t.Errorf("no hint")
		}
		if got := resp.Header.Values("Upgrade"); len(got) != 1 || got[0] != "HTTP/1.1" {
			t.Errorf("Upgrade is %q: it lists what the client may speak here, and WebSocket is none of it", got)
		}
		if !strings.Contains(string(text), "\r\nConnection: Upgrade, close\r\n") ||
			strings.Count(string(text), "HTTP/1.1 4") != 1 {
			t.Errorf("%q", text)
		}
		w.Untouched()
	}
	t.Run("scanner", func(t *testing.T) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner})
		check(t, w, w.H1(), fill(w, "GET /ws HTTP/1.1\r\nHost: {A}\r\n"+webSocketFields+"\r\n"))
		// Frames that a hasty client sends behind its head are no request.
		check(t, w, w.H1(), fill(w, "GET /ws HTTP/1.1\r\nHost: {A}\r\n"+webSocketFields+
			"\r\nGET /smuggled HTTP/1.1\r\nHost: {A}\r\n\r\n"))
	})
	t.Run("plain", func(t *testing.T) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Origin: origin.Options{Plain: true}})
		check(t, w, w.RawDial(), "GET http://"+w.Authority()+"/ws HTTP/1.1\r\nHost: "+w.Authority()+"\r\n"+
			webSocketFields+"\r\n")
	})
	// An offer of another protocol is an ordinary request.
	t.Run("the protocol that is there", func(t *testing.T) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct})
		answer := w.Exchange(fill(w, "GET /text HTTP/1.1\r\nHost: {A}\r\nConnection: Upgrade\r\n"+
			"Upgrade: HTTP/1.1\r\n\r\n"))
		if answer.Status() != 200 {
			t.Errorf("status %d", answer.Status())
		}
	})
}

// TestWebSocketOverHTTP2: where there is no way for one, the proxy does not say that it takes extended CONNECT (RFC
// 8441), so no client may send one; one that does anyway, or sends Upgrade, loses its stream and nothing else.
func TestWebSocketOverHTTP2(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner})
	conn := w.H2()
	defer conn.Close()
	conn.Headers(1, false, harness.Field{Name: ":method", Value: "CONNECT"},
		harness.Field{Name: ":protocol", Value: "websocket"},
		harness.Field{Name: ":scheme", Value: "https"}, harness.Field{Name: ":authority", Value: w.Authority()},
		harness.Field{Name: ":path", Value: "/ws"},
		harness.Field{Name: "sec-websocket-version", Value: "13"})
	if out := conn.Await(1); out.Reset != 1 || out.Status != 0 {
		t.Errorf("extended CONNECT: %v, want RST_STREAM with PROTOCOL_ERROR", out)
	}
	conn.Headers(3, true, w.Request("GET", "/ws", harness.Field{Name: "upgrade", Value: "websocket"})...)
	if out := conn.Await(3); out.Status != 400 && out.Reset != 1 {
		t.Errorf("Upgrade in HTTP/2: %v", out)
	}
	conn.Headers(5, true, w.Request("GET", "/text")...)
	if out := conn.Await(5); out.Status != 200 {
		t.Errorf("the next stream: %v", out)
	}
}

// TestTrailersOfHTTP1: they come without having been asked for, and those that mean something in a head alone do not.
func TestTrailersOfHTTP1(t *testing.T) {
	server, err := origin.Raw(origin.Options{Names: []string{"origin.test"}},
		[]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"+
			"X-Sum: 1\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nX-Bottle-Deny: forged\r\n"+
			"Cache-Control: public\r\nRepr-Digest: sha-256=:x:\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, RawOrigin: server})
	for _, version := range []string{"1.1", "1.0"} {
		raw := w.H1()
		raw.Say("GET / HTTP/" + version + "\r\nHost: " + w.Authority() + "\r\nConnection: close\r\n\r\n")
		_ = raw.SetReadDeadline(time.Now().Add(20 * time.Second))
		text, _ := io.ReadAll(raw.In)
		head, body, _ := strings.Cut(string(text), "\r\n\r\n")
		want := "5\r\nhello\r\n0\r\nX-Sum: 1\r\nRepr-Digest: sha-256=:x:\r\n\r\n"
		if version == "1.0" {
			want = "hello"
		}
		if !strings.HasPrefix(head, "HTTP/1.1 200") || body != want {
			t.Errorf("HTTP/%s: %q", version, text)
		}
	}
}

// TestTeGoesOn: a client that says that it takes trailers is heard by the origin, in the form of the origin's protocol.
func TestTeGoesOn(t *testing.T) {
	halves(t, func(t *testing.T, w *harness.World, client, server harness.Proto) {
		for _, te := range []string{"trailers", ""} {
			var fields []string
			if te != "" {
				fields = []string{"TE", te}
			}
			e := echoOf(t, w.Do(w.Client(client), "GET", "/echo", nil, fields...))
			if got := strings.Join(e.Get("Te"), ","); got != te {
				t.Errorf("TE: %q: the origin got %q", te, got)
			}
			if got := strings.Join(e.Get("Connection"), ","); server == harness.H1 && te != "" && got != "TE" {
				t.Errorf("TE: %q: the origin got Connection: %q (RFC 9110 section 10.1.4)", te, got)
			}
		}
	})
}

// TestUpstreamProtocolInTheLog is null where no connection came about.
func TestUpstreamProtocolInTheLog(t *testing.T) {
	var answer harness.Answer
	protocol := func(t *testing.T, w *harness.World, status int) any {
		t.Helper()
		answer = w.Do(w.Client(harness.H2), "GET", "/text", nil)
		if answer.StatusCode != status {
			t.Fatalf("status %d, want %d: %s", answer.StatusCode, status, answer.Text)
		}
		return w.Proxy.WaitAudit(t, "the exchange", func(line map[string]any) bool {
			return line["path"] == "/text"
		})["upstream_protocol"]
	}
	for name, of := range map[string]harness.WorldOptions{"direct": {Via: harness.Direct},
		"scanner": {Via: harness.Scanner, DoubleOnly: true},
		"exit":    {Via: harness.Scanner, Exit: true, DoubleOnly: true}} {
		options := of
		t.Run(name, func(t *testing.T) {
			want := map[string]string{"direct": "h2", "scanner": "http/1.1", "exit": "h2"}[name]
			if got := protocol(t, harness.NewWorld(t, options), 200); got != want {
				t.Errorf("an answer: %v, want %s", got, want)
			}
			if name != "scanner" {
				w := harness.NewWorld(t, options)
				w.Origin.Close()
				if got := protocol(t, w, 502); got != nil {
					t.Errorf("an origin that refuses: %v", got)
				}
			}
			if name != "direct" {
				w := harness.NewWorld(t, options)
				w.Double.Kill()
				if got := protocol(t, w, 503); got != nil {
					t.Errorf("a scanner that is not there: %v", got)
				}
			}
		})
	}
}
