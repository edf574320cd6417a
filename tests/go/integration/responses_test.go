package integration

import (
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// rawOrigin makes a world whose direct origin answers every request with the same bytes.
func rawOrigin(t *testing.T, response string) *harness.World {
	t.Helper()
	server, err := origin.RawKeep(origin.Options{Names: []string{"origin.test"}}, []byte(response))
	if err != nil {
		t.Fatal(err)
	}
	return harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, RawOrigin: server})
}

// TestHostileResponsesAreBadGateways: shapes that no honest origin sends.
// [T36]
func TestHostileResponsesAreBadGateways(t *testing.T) {
	for name, response := range map[string]string{
		"cl-and-te": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" +
			"0\r\n\r\n",
		"two-cl":       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
		"cl-list":      "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
		"cl-sign":      "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
		"101":          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
		"nul-in-value": "HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
		"lf-only":      "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"space-colon":  "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n",
		"obs-fold":     "HTTP/1.1 200 OK\r\nX-A: b\r\n\tc\r\nContent-Length: 0\r\n\r\n",
		"interims": strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20) +
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"many-fields": "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", 500) + "Content-Length: 0\r\n\r\n",
		"huge-field":  "HTTP/1.1 200 OK\r\nX-A: " + harness.Repeat("b", 300000) + "\r\nContent-Length: 0\r\n\r\n",
		"status-99":   "HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n",
		"not-http":    "SSH-2.0-OpenSSH_9.2\r\n",
	} {
		name, response := name, response
		t.Run(name, func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) {
				w := rawOrigin(t, response)
				codes := []string{"upstream_broken", "upstream_truncated", "interim_flood"}
				if name == "many-fields" || name == "huge-field" {
					codes = []string{"response_head_too_large"}
				}
				if name == "interims" && proto == harness.H2 {
					floodedOverH2(t, w, codes)
					return
				}
				wantProblem(t, w.Do(w.Client(proto), "GET", "/", nil), 502, codes...)
			})
		})
	}
	t.Run("surplus-bytes", func(t *testing.T) {
		protos(t, func(t *testing.T, proto harness.Proto) {
			w := rawOrigin(t, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n"+
				"Content-Length: 6\r\n\r\nPOISON")
			client := w.Client(proto)
			for i := 0; i < 5; i++ {
				answer, err := w.Try(client, "GET", "/", nil)
				if err == nil && strings.Contains(answer.Text, "POISON") {
					t.Fatalf("request %d got the surplus bytes of another", i)
				}
			}
		})
	})
	t.Run("body-after-204", func(t *testing.T) {
		protos(t, func(t *testing.T, proto harness.Proto) {
			w := rawOrigin(t, "HTTP/1.1 204 No Content\r\n\r\nPOISON")
			client := w.Client(proto)
			for i := 0; i < 3; i++ {
				answer, err := w.Try(client, "GET", "/", nil)
				if err == nil && strings.Contains(answer.Text, "POISON") {
					t.Fatal("the body of a 204 was relayed")
				}
			}
		})
	})
}
