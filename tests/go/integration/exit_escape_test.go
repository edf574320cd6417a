package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// Nothing leaves by itself: whatever the scanner does, or somebody inside it, the exit lets out only what the front
// admitted, and only once.

const exchangeField = "X-Bottle-Exchange"

// exitWorld is a proxy with an exit and the double, at whose own doors the test may knock.
func exitWorld(t *testing.T, o harness.WorldOptions) *harness.World {
	t.Helper()
	o.Via, o.Exit, o.DoubleOnly, o.Trespass = harness.Scanner, true, true, true
	o.More = append(o.More, "other.test")
	return harness.NewWorld(t, o)
}

func refusedAtExit(t *testing.T, w *harness.World) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, line := range w.Proxy.AuditLines(t) {
		if line["kind"] == "refused_at_exit" {
			out = append(out, line)
		}
	}
	return out
}

// quiet waits until nothing of an exchange before, such as an HTTP/2 acknowledgement, is still on its way to the
// origin.
func quiet(w *harness.World) {
	last := int64(-1)
	harness.Eventually(2*time.Second, func() bool {
		now := w.Origin.BytesIn()
		same := now == last
		last = now
		time.Sleep(30 * time.Millisecond)
		return same
	})
}

// attack does something that must not get out: no byte reaches an origin, and the audit log has a line by the exit,
// with one of the reasons if there are any.
func attack(t *testing.T, w *harness.World, act func(), reasons ...string) {
	t.Helper()
	quiet(w)
	bytes, lines := w.Origin.BytesIn(), len(refusedAtExit(t, w))
	act()
	if !harness.Eventually(5*time.Second, func() bool { return len(refusedAtExit(t, w)) > lines }) {
		t.Errorf("no audit line of the exit\n%s", w.Proxy.AuditText())
	} else {
		line := refusedAtExit(t, w)[lines]
		if line["by"] != "exit" || line["verdict"] != "refused" && line["verdict"] != "failed" {
			t.Errorf("audit line by %v, verdict %v", line["by"], line["verdict"])
		}
		known := len(reasons) == 0
		for _, reason := range reasons {
			known = known || line["reason"] == reason
		}
		if !known {
			t.Errorf("reason %v (%v), want one of %q", line["reason"], line["detail"], reasons)
		}
	}
	if now := w.Origin.BytesIn(); now != bytes {
		t.Errorf("%d bytes reached the origin", now-bytes)
	}
}

// TestExitScannersOwnCalls: /fetch, /ws and CONNECT of the scanner. With a real pipelock too.
func TestExitScannersOwnCalls(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true, Trespass: true})
	target := url.QueryEscape(w.URL("/text"))
	t.Run("fetch", func(t *testing.T) {
		attack(t, w, func() {
			conn := harness.RawDial(t, w.ScannerAddr())
			defer conn.Close()
			conn.Say("GET /fetch?url=" + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
			answer, err := conn.Answer("GET")
			if err != nil || strings.Contains(answer.Text, "hello from the origin") {
				t.Errorf("%v: %s", err, answer.Text)
			}
		}, "no_ticket")
	})
	t.Run("ws", func(t *testing.T) {
		attack(t, w, func() {
			conn := harness.RawDial(t, w.ScannerAddr())
			defer conn.Close()
			conn.Say("GET /ws?url=" + strings.Replace(target, "https", "wss", 1) +
				" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			_, _ = conn.Answer("GET")
		}, "no_ticket")
	})
	t.Run("connect", func(t *testing.T) {
		attack(t, w, func() {
			conn := harness.RawDial(t, w.ScannerAddr())
			defer conn.Close()
			if answer := conn.Connect(harness.ConnectHead(w.HostPort())); answer.Status() != 200 {
				t.Fatalf("CONNECT: %d", answer.Status())
			}
			inside, err := w.TryTLS(conn, &tls.Config{ServerName: w.Name})
			if err != nil {
				t.Fatalf("TLS to the exit: %v", err)
			}
			inside.Say("GET /text HTTP/1.1\r\nHost: " + w.Authority() + "\r\n\r\n")
			answer, err := inside.Answer("GET")
			if err != nil || answer.StatusCode != 403 {
				t.Errorf("status %d, %v", answer.Status(), err)
			}
		}, "no_ticket")
	})
}

// TestExitTamperedRequests: what the front admitted and something else comes out of the scanner.
func TestExitTamperedRequests(t *testing.T) {
	w := exitWorld(t, harness.WorldOptions{})
	ticket := func(out *http.Request) string { return out.Header.Get(exchangeField) }
	same := func(change func(*http.Request)) func(*http.Request, []byte) []byte {
		return func(out *http.Request, body []byte) []byte { change(out); return body }
	}
	mismatch := []string{"exit_mismatch"}
	for _, c := range []struct {
		name    string
		tamper  func(*http.Request, []byte) []byte
		reasons []string
	}{
		{"method", same(func(out *http.Request) { out.Method = "PUT" }), mismatch},
		{"host", same(func(out *http.Request) { out.URL.Host = "other.test" }), nil},
		{"host-field", same(func(out *http.Request) { out.Host = "other.test" }), nil},
		{"name-in-tls", same(func(out *http.Request) { out.URL.Host, out.Host = "other.test", "origin.test" }), nil},
		{"path", same(func(out *http.Request) { out.URL.Path = "/echo/more" }), mismatch},
		{"query-added", same(func(out *http.Request) { out.URL.RawQuery += "&stolen=1" }), mismatch},
		{"query-value", same(func(out *http.Request) { out.URL.RawQuery = "a=2" }), mismatch},
		{"query-dropped", same(func(out *http.Request) { out.URL.RawQuery = "" }), mismatch},
		{"field-added", same(func(out *http.Request) { out.Header.Set("X-Stolen", "data") }), mismatch},
		{"field-doubled", same(func(out *http.Request) { out.Header.Add("X-Kept", "data") }), mismatch},
		{"field-value", same(func(out *http.Request) { out.Header.Set("X-Kept", "data") }), mismatch},
		{"field-dropped", same(func(out *http.Request) { out.Header.Del("X-Kept") }), mismatch},
		{"cookie-added", same(func(out *http.Request) { out.Header.Set("Cookie", "a=b") }), mismatch},
		{"authorization", same(func(out *http.Request) { out.Header.Set("Authorization", "Bearer other") }), mismatch},
		{"body-byte", func(_ *http.Request, body []byte) []byte { body[0] ^= 1; return body }, mismatch},
		{"body-longer", func(_ *http.Request, body []byte) []byte { return append(body, "more"...) }, mismatch},
		{"body-shorter", func(_ *http.Request, body []byte) []byte { return body[:len(body)-1] }, mismatch},
		{"body-dropped", func(*http.Request, []byte) []byte { return nil }, mismatch},
		{"scheme", same(func(out *http.Request) { out.URL.Scheme, out.URL.Host = "http", "origin.test:443" }), nil},
		{"direct-address", same(func(out *http.Request) { out.URL.Host = "127.0.0.9" }), nil},
		{"no-ticket", same(func(out *http.Request) { out.Header.Del(exchangeField) }), []string{"no_ticket"}},
		{"empty-ticket", same(func(out *http.Request) { out.Header.Set(exchangeField, "") }), []string{"no_ticket"}},
		{"garbled-ticket", same(func(out *http.Request) {
			out.Header.Set(exchangeField, "..//\x80")
		}), []string{"no_ticket"}},
		{"forged-mac", same(func(out *http.Request) {
			text := ticket(out)
			last := map[bool]string{true: "1", false: "0"}[strings.HasSuffix(text, "0")]
			out.Header.Set(exchangeField, text[:len(text)-1]+last)
		}), nil},
		{"forged-id", same(func(out *http.Request) {
			_, mac, _ := strings.Cut(ticket(out), ".")
			out.Header.Set(exchangeField, "00000000-9-9."+mac)
		}), []string{"stale_ticket"}},
		{"two-tickets", same(func(out *http.Request) { out.Header.Add(exchangeField, ticket(out)) }), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) {
				table := map[string]string{}
				for _, name := range []string{"origin.test:443", "origin.test:80", "other.test:443", "127.0.0.9:443"} {
					table[name] = w.Proxy.Exit
				}
				w.Double.Rewire(w.Proxy.Pool(t), table)
				client := w.Client(proto)
				w.Double.SetTamper(c.tamper)
				defer w.Double.SetTamper(nil)
				attack(t, w, func() {
					answer := w.Do(client, "POST", "/echo?a=1", strings.NewReader("body"), "X-Kept", "value",
						"Content-Type", "text/plain")
					if answer.StatusCode < 400 {
						t.Errorf("status %d: %s", answer.StatusCode, answer.Text)
					}
				}, c.reasons...)
			})
		})
	}
	if t.Failed() {
		return
	}
	if answer := w.Do(w.Client(harness.H2), "POST", "/echo?a=1", strings.NewReader("body"), "X-Kept", "value",
		"Content-Type", "text/plain"); answer.StatusCode != 200 {
		t.Errorf("untouched, the request is answered with %d: %s", answer.StatusCode, answer.Text)
	}
}

// TestExitRefusalReachesTheClient: the agent sees that it was the exit, with a word.
func TestExitRefusalReachesTheClient(t *testing.T) {
	w := exitWorld(t, harness.WorldOptions{})
	w.Double.SetTamper(func(out *http.Request, body []byte) []byte { out.URL.Path = "/elsewhere"; return body })
	protos(t, func(t *testing.T, proto harness.Proto) {
		answer := w.Do(w.Client(proto), "GET", "/text", nil)
		if answer.StatusCode != 403 || answer.Header.Get("X-Bottle-Deny") != "exit_mismatch" {
			t.Errorf("status %d, deny %q: %s", answer.StatusCode, answer.Header.Get("X-Bottle-Deny"), answer.Text)
		}
		id := answer.Problem(t).RequestID
		w.Proxy.WaitAudit(t, "the exchange's own line, by the exit", func(l map[string]any) bool {
			return l["kind"] == "exchange" && l["id"] == id && l["by"] == "exit" && l["verdict"] == "refused"
		})
	})
}

func TestExitReplayedTicket(t *testing.T) {
	w := exitWorld(t, harness.WorldOptions{})
	t.Run("after", func(t *testing.T) {
		if answer := w.Do(w.Client(harness.H2), "POST", "/echo", strings.NewReader("once")); answer.StatusCode != 200 {
			t.Fatalf("status %d: %s", answer.StatusCode, answer.Text)
		}
		attack(t, w, func() {
			if status, text, err := w.Double.Replay(); err != nil || status != 403 {
				t.Errorf("status %d, %v: %s", status, err, text)
			}
		}, "stale_ticket")
	})
	t.Run("meanwhile", func(t *testing.T) {
		before := len(w.Origin.Requests())
		done := make(chan int, 1)
		client := w.Client(harness.H2)
		go func() {
			answer, err := w.Try(client, "GET", "/slow?ms=1500", nil)
			if err != nil {
				done <- 0
				return
			}
			done <- answer.StatusCode
		}()
		if !w.Origin.Wait(5*time.Second, func(r []origin.Record) bool { return len(r) > before }) {
			t.Fatal("the request did not reach the origin")
		}
		attack(t, w, func() {
			if status, text, err := w.Double.Replay(); err != nil || status != 403 {
				t.Errorf("status %d, %v: %s", status, err, text)
			}
		}, "used_ticket")
		if status := <-done; status != 200 {
			t.Errorf("the exchange itself ended with %d", status)
		}
		if n := len(w.Origin.Requests()) - before; n != 1 {
			t.Errorf("%d requests at the origin, want 1", n)
		}
	})
	t.Run("after-the-client-left", func(t *testing.T) {
		arrived, release := make(chan bool), make(chan bool)
		w.Double.SetTamper(func(_ *http.Request, body []byte) []byte { arrived <- true; <-release; return body })
		defer w.Double.SetTamper(nil)
		ctx, cancel := context.WithCancel(context.Background())
		client := w.Client(harness.H1)
		over := make(chan bool)
		go func() {
			req, _ := http.NewRequestWithContext(ctx, "GET", w.URL("/text"), nil)
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
			}
			close(over)
		}()
		<-arrived
		lines := len(w.Proxy.AuditLines(t))
		cancel()
		<-over
		if !harness.Eventually(5*time.Second, func() bool { return len(w.Proxy.AuditLines(t)) > lines }) {
			t.Fatal("the exchange of a client that left has no audit line")
		}
		close(release)
		w.Double.SetTamper(nil)
		attack(t, w, func() {
			harness.Eventually(5*time.Second, func() bool {
				status, _, err := w.Double.Replay()
				return err == nil && status == 403
			})
		}, "stale_ticket")
	})
}

// TestExitTicketIsUsedOnce: many copies of one request at the same moment; the origin sees one at most. (None, if the
// scanner's refused one made the front give up before the one that was first had begun.)
func TestExitTicketIsUsedOnce(t *testing.T) {
	w := exitWorld(t, harness.WorldOptions{})
	const copies = 30
	var wait sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	start := make(chan bool)
	w.Double.SetTamper(func(out *http.Request, body []byte) []byte {
		for i := 0; i < copies; i++ {
			wait.Add(1)
			header := out.Header.Clone()
			go func() {
				defer wait.Done()
				<-start
				status, _, err := w.Double.Call("POST", w.URL("/echo"), "", header, []byte("body"))
				if err != nil {
					status = -1
				}
				mu.Lock()
				answers[status]++
				mu.Unlock()
			}()
		}
		close(start)
		return body
	})
	answer := w.Do(w.Client(harness.H2), "POST", "/echo", strings.NewReader("body"), "Content-Type", "text/plain")
	wait.Wait()
	if n := len(w.Origin.Requests()); n > 1 {
		t.Errorf("%d requests at the origin; the client got %d, the copies %v", n, answer.StatusCode, answers)
	}
	refused := answers[403]
	if answer.StatusCode != 200 {
		refused++
	}
	told := func() (count int) {
		for _, line := range refusedAtExit(t, w) {
			if n, ok := line["count"].(float64); ok {
				count += int(n) - 1
			}
			count++
		}
		return count
	}
	if !harness.Eventually(5*time.Second, func() bool { return told() == refused }) || refused < copies-1 {
		t.Errorf("%d audit lines, %d refusals; the client got %d, the copies %v", len(refusedAtExit(t, w)), refused,
			answer.StatusCode, answers)
	}
}

// TestExitHostileConnections: somebody at the exit's own port who has a ticket, or none.
func TestExitHostileConnections(t *testing.T) {
	w := exitWorld(t, harness.WorldOptions{})
	dial := func(t *testing.T, name string) *harness.Raw {
		t.Helper()
		raw, err := w.TryTLS(harness.RawDial(t, w.Proxy.Exit),
			&tls.Config{ServerName: name, InsecureSkipVerify: name == ""})
		if err != nil {
			return nil
		}
		return raw
	}
	// withTicket holds a live exchange at the scanner while f uses its ticket.
	withTicket := func(t *testing.T, f func(ticket string)) {
		t.Helper()
		arrived, release := make(chan string), make(chan bool)
		w.Double.SetTamper(func(out *http.Request, body []byte) []byte {
			arrived <- out.Header.Get(exchangeField)
			<-release
			out.Header.Del(exchangeField)
			return body
		})
		defer w.Double.SetTamper(nil)
		client := w.Client(harness.H1)
		done := make(chan bool)
		go func() {
			_, _ = w.Try(client, "POST", "/echo", strings.NewReader("body"), "Content-Type", "text/plain")
			close(done)
		}()
		f(<-arrived)
		close(release)
		<-done
	}
	t.Run("name-outside", func(t *testing.T) {
		before := w.Origin.BytesIn()
		if raw := dial(t, "elsewhere.test"); raw != nil {
			t.Error("the exit has a certificate for a name outside the allowlist")
		}
		if w.Origin.BytesIn() != before {
			t.Error("bytes at the origin")
		}
		w.Proxy.WaitAudit(t, "a name outside the allowlist, by the exit", func(l map[string]any) bool {
			return l["by"] == "exit" && strings.Contains(fmt.Sprint(l), "elsewhere.test")
		})
	})
	t.Run("no-name", func(t *testing.T) {
		attack(t, w, func() {
			if raw := dial(t, ""); raw != nil {
				raw.Say("GET /echo HTTP/1.1\r\nHost: origin.test\r\n\r\n")
				if answer, err := raw.Answer("GET"); err == nil && answer.StatusCode < 400 {
					t.Errorf("status %d", answer.StatusCode)
				}
			}
		})
	})
	t.Run("plain-without-ticket", func(t *testing.T) {
		attack(t, w, func() {
			raw := harness.RawDial(t, w.Proxy.Exit)
			raw.Say("GET /echo HTTP/1.1\r\nHost: origin.test\r\n\r\n")
			if answer, err := raw.Answer("GET"); err != nil || answer.StatusCode != 403 {
				t.Errorf("status %d, %v", answer.Status(), err)
			}
		})
	})
	t.Run("connect-at-the-exit", func(t *testing.T) {
		before := w.Origin.BytesIn()
		raw := harness.RawDial(t, w.Proxy.Exit)
		if answer := raw.Connect(harness.ConnectHead("origin.test:443")); answer.Status() == 200 {
			t.Error("the exit makes tunnels")
		}
		if w.Origin.BytesIn() != before {
			t.Error("bytes at the origin")
		}
	})
	for name, text := range map[string]string{
		"two-lengths": "POST /echo HTTP/1.1\r\nHost: origin.test\r\nX-Bottle-Exchange: {T}\r\n" +
			"Content-Type: text/plain\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"half-a-body": "POST /echo HTTP/1.1\r\nHost: origin.test\r\nX-Bottle-Exchange: {T}\r\n" +
			"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbo",
		"request-trailer": "POST /echo HTTP/1.1\r\nHost: origin.test\r\nX-Bottle-Exchange: {T}\r\n" +
			"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Stolen: data\r\n\r\n",
		"folded-field": "POST /echo HTTP/1.1\r\nHost: origin.test\r\nX-Bottle-Exchange: {T}\r\n" +
			"Content-Type: text/plain\r\nX-A: b\r\n c\r\nContent-Length: 4\r\n\r\nbody",
		"absolute-form": "POST https://other.test/echo HTTP/1.1\r\nHost: origin.test\r\nX-Bottle-Exchange: {T}\r\n" +
			"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody",
	} {
		t.Run(name, func(t *testing.T) {
			before := w.Origin.BytesIn()
			withTicket(t, func(ticket string) {
				raw := dial(t, "origin.test")
				if raw == nil {
					t.Fatal("no TLS for an allowed name")
				}
				raw.Say(strings.ReplaceAll(text, "{T}", ticket))
				if name == "half-a-body" {
					raw.Close()
					return
				}
				if answer, err := raw.Answer("POST"); err == nil && answer.StatusCode < 400 {
					t.Errorf("status %d: %s", answer.StatusCode, answer.Text)
				}
			})
			if now := w.Origin.BytesIn(); now != before {
				t.Errorf("%d bytes reached the origin", now-before)
			}
		})
	}
	if answer := w.Do(w.Client(harness.H2), "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("afterwards a good request is answered with %d: %s", answer.StatusCode, answer.Text)
	}
}
