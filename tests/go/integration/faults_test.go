package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// wantProblem checks one of the proxy's own answers.
func wantProblem(t *testing.T, answer harness.Answer, status int, codes ...string) harness.Problem {
	t.Helper()
	if answer.Status() != status {
		t.Errorf("status %d, want %d: %s", answer.Status(), status, answer.Text)
		return harness.Problem{}
	}
	p := answer.Problem(t)
	for _, code := range codes {
		if p.Code == code {
			return p
		}
	}
	t.Errorf("code %q, want one of %q: %s", p.Code, codes, answer.Text)
	return p
}

func TestScannerAbsent(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{})
		w.Double.Kill()
		wantProblem(t, w.Do(w.Client(proto), "POST", "/echo", strings.NewReader("body")), 503, "scanner_unavailable")
		if n := len(w.Origin.Requests()); n != 0 {
			t.Errorf("%d requests reached the origin without the scanner", n)
		}
		// It comes back by itself.
		if err := w.Double.Revive(); err != nil {
			t.Fatal(err)
		}
		client := w.Client(proto)
		if !harness.Eventually(10*time.Second, func() bool {
			answer, err := w.Try(client, "GET", "/text", nil)
			return err == nil && answer.StatusCode == 200
		}) {
			t.Errorf("no answer after the scanner came back")
		}
	})
}

// TestScannerRestartedBetweenRequests: a pooled connection that died must not become an error.
func TestScannerRestartedBetweenRequests(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{})
		client := w.Client(proto)
		w.Do(client, "GET", "/text", nil)
		w.Double.Kill()
		if err := w.Double.Revive(); err != nil {
			t.Fatal(err)
		}
		if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 {
			t.Errorf("status %d: %s", answer.StatusCode, answer.Text)
		}
	})
}

func TestScannerBrokenBeforeTheHead(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault double.Fault
		want  []int
		code  []string
	}{
		{"garbage", double.Fault{Kind: double.FaultGarbage}, []int{502}, []string{"upstream_broken"}},
		{"half-head", double.Fault{Kind: double.FaultHalfHead}, []int{502},
			[]string{"upstream_broken", "upstream_truncated"}},
		{"reset", double.Fault{Kind: double.FaultReset}, []int{502, 503},
			[]string{"upstream_broken", "scanner_unavailable"}},
		{"closed", double.Fault{Kind: double.FaultRaw, Bytes: ""}, []int{502, 503},
			[]string{"upstream_broken", "scanner_unavailable", "upstream_truncated"}},
		{"101-unasked", double.Fault{Kind: double.Fault101}, []int{502}, []string{"upstream_broken"}},
		{"both-lengths", double.Fault{Kind: double.FaultBothLengths}, []int{502}, []string{"upstream_broken"}},
		{"two-lengths", double.Fault{Kind: double.FaultTwoLengths}, []int{502}, []string{"upstream_broken"}},
		{"bad-header", double.Fault{Kind: double.FaultBadHeader}, []int{502}, []string{"upstream_broken"}},
		{"huge-head", double.Fault{Kind: double.FaultHugeHead}, []int{502}, []string{"response_head_too_large"}},
		{"407", double.Fault{Kind: double.FaultRaw,
			Bytes: "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n" +
				"Content-Length: 0\r\n\r\n"}, []int{502}, []string{"upstream_broken"}},
		{"http-0.9", double.Fault{Kind: double.FaultRaw, Bytes: "hello, this is a body\n"}, []int{502},
			[]string{"upstream_broken"}},
		{"obs-fold", double.Fault{Kind: double.FaultRaw,
			Bytes: "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"}, []int{502},
			[]string{"upstream_broken"}},
		{"te-gzip", double.Fault{Kind: double.FaultRaw,
			Bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"}, []int{502},
			[]string{"upstream_broken"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) {
				w := withDouble(t, double.Options{})
				client := w.Client(proto)
				w.Double.SetFault(c.fault)
				answer := w.Do(client, "POST", "/echo", strings.NewReader("body"))
				if !in(answer.StatusCode, c.want) {
					t.Fatalf("status %d, want %v: %s", answer.StatusCode, c.want, answer.Text)
				}
				wantProblem(t, answer, answer.StatusCode, c.code...)
				w.Double.SetFault(double.Fault{})
				if answer := w.Do(w.Client(proto), "GET", "/text", nil); answer.StatusCode != 200 {
					t.Errorf("after the fault: status %d", answer.StatusCode)
				}
			})
		})
	}
}

// floodedOverH2 asks on stream 1: more 1xx heads come before the answer than are passed on. The frames are read here,
// because Go's client before 1.23 takes no more than 5 such heads.
func floodedOverH2(t *testing.T, w *harness.World, codes []string) *harness.H2Conn {
	t.Helper()
	c := w.H2()
	c.Headers(1, false, w.Request("POST", "/echo")...)
	c.Data(1, true, "body")
	answer := c.Await(1)
	if answer.Status != 502 || len(answer.Interim) > 5 {
		t.Fatalf("%v, interim %v", answer, answer.Interim)
	}
	got := answer.Problem(t).Code
	for _, code := range codes {
		if got == code {
			return c
		}
	}
	t.Errorf("code %q, want one of %q", got, codes)
	return c
}

// TestScannerFloodsInterimHeads: 20 heads of status 103 come before the answer; at most 5 are passed on.
func TestScannerFloodsInterimHeads(t *testing.T) {
	codes := []string{"upstream_broken", "interim_flood"}
	flooded := func(t *testing.T) *harness.World {
		w := withDouble(t, double.Options{})
		w.Double.SetFault(double.Fault{Kind: double.FaultInterim})
		return w
	}
	t.Run("h1", func(t *testing.T) {
		w := flooded(t)
		wantProblem(t, w.Do(w.Client(harness.H1), "POST", "/echo", strings.NewReader("body")), 502, codes...)
	})
	t.Run("h2", func(t *testing.T) {
		w := flooded(t)
		c := floodedOverH2(t, w, codes)
		w.Double.SetFault(double.Fault{})
		c.Headers(3, true, w.Request("GET", "/text")...)
		if answer := c.Await(3); answer.Status != 200 {
			t.Errorf("after the fault: %v", answer)
		}
	})
}

// cut sends a GET and returns what came of the body and how it ended.
func cut(t *testing.T, w *harness.World, proto harness.Proto, path string) (harness.Answer, error) {
	t.Helper()
	client := w.Client(proto)
	client.Timeout = 30 * time.Second
	answer, err := w.Try(client, "GET", path, nil)
	return answer, err
}

// TestCutStreamIsNeverACleanEnd: whatever breaks after the head, the client must see it broken.
func TestCutStreamIsNeverACleanEnd(t *testing.T) {
	faults := map[string]double.Fault{
		"killed-mid-body":     {Kind: double.FaultKillBody, After: 1000},
		"killed-mid-big-body": {Kind: double.FaultKillBody, After: 300000},
		"chunked-without-end": {Kind: double.FaultCutChunked, After: 1000},
		"bad-chunk-size": {Kind: double.FaultRaw,
			Bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"},
		"chunk-too-long": {Kind: double.FaultRaw, Bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n" +
			"abcdef\r\n0\r\n\r\n"},
	}
	for name, fault := range faults {
		t.Run("scanner/"+name, func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) {
				w := withDouble(t, double.Options{})
				w.Double.SetFault(fault)
				answer, err := cut(t, w, proto, "/text")
				if err == nil && answer.BodyErr == nil && answer.StatusCode == 200 {
					t.Errorf("%d bytes and a clean end", len(answer.Text))
				}
			})
		})
	}
	for _, query := range []string{"after=1000", "after=1000&cl=1", "after=1000&how=rst", "after=300000&cl=1",
		"after=0&cl=1"} {
		t.Run("direct/"+query, func(t *testing.T) {
			halves(t, func(t *testing.T, w *harness.World, client, server harness.Proto) {
				answer, err := cut(t, w, client, "/die?"+query)
				if err == nil && answer.BodyErr == nil && answer.StatusCode == 200 {
					t.Errorf("%d bytes and a clean end", len(answer.Text))
				}
				if err == nil && answer.StatusCode != 200 {
					wantProblem(t, answer, 502, "upstream_broken", "upstream_truncated")
				}
			})
		})
	}
}

// TestScannerKilledMidStream: kill -9 of the scanner while events flow.
func TestScannerKilledMidStream(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{})
		resp := begun(t, w, w.Client(proto), "/sse?n=1000&ms=20")
		if _, err := io.ReadFull(resp.Body, make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
		w.Double.Kill()
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("a killed scanner looks like the end of the stream")
		}
	})
}

// TestSilentTruncationIsCut: pipelock ends a stream cleanly when its time is over; the event log shows less than
// the origin sent, and the proxy must notice by its configured limit of bytes.
// [T38]
func TestSilentTruncationIsCut(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{MaxResponse: 1 << 20}, "--limit", "pipelock_max_response_bytes=1048576")
		answer, err := cut(t, w, proto, "/bytes?n=3145728")
		if err == nil && answer.BodyErr == nil && answer.StatusCode == 200 {
			t.Errorf("%d of 3145728 bytes and a clean end", len(answer.Text))
		}
	})
}

func TestHangingUpstreamIs504(t *testing.T) {
	short := []string{"--limit", "upstream_head_ms=1000", "--limit", "response_stall_ms=1000"}
	t.Run("scanner", func(t *testing.T) {
		protos(t, func(t *testing.T, proto harness.Proto) {
			w := withDouble(t, double.Options{}, short...)
			w.Double.SetFault(double.Fault{Kind: double.FaultHang})
			wantProblem(t, w.Do(w.Client(proto), "GET", "/text", nil), 504, "upstream_timeout", "no_response")
			w.Double.SetFault(double.Fault{Kind: double.FaultHangBody, After: 100})
			answer, err := cut(t, w, proto, "/text")
			if err == nil && answer.BodyErr == nil {
				t.Errorf("a stalled body ends cleanly after %d bytes", len(answer.Text))
			}
		})
	})
	t.Run("direct", func(t *testing.T) {
		halves(t, func(t *testing.T, _ *harness.World, client, server harness.Proto) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Args: short,
				Origin: origin.Options{H1Only: server == harness.H1, H2Only: server == harness.H2}})
			wantProblem(t, w.Do(w.Client(client), "GET", "/slow?ms=20000", nil), 504, "upstream_timeout", "no_response")
			answer, err := cut(t, w, client, "/drip?n=2&ms=20000")
			if err == nil && answer.BodyErr == nil {
				t.Errorf("a stalled body ends cleanly")
			}
		})
	})
}

func TestOriginNotReachable(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		w.Origin.Close()
		wantProblem(t, w.Do(w.Client(proto), "GET", "/text", nil), 502, "connection_refused")
	})
}

func TestUnknownNameIs502(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) {
				w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true,
					Allow:  []string{"nowhere.invalid", "origin.test"},
					Double: double.Options{Allow: []string{"*"}}})
				wantProblem(t, w.Do(w.Client(proto), "GET", "https://nowhere.invalid/", nil), 502, "dns_failed")
			})
		})
	}
}

func TestOriginsCertificateIsVerified(t *testing.T) {
	cases := map[string]origin.Options{
		"tls_expired": {Leaf: origin.LeafOptions{NotBefore: time.Now().Add(-48 * time.Hour),
			NotAfter: time.Now().Add(-time.Hour)}},
		"tls_not_yet_valid": {Leaf: origin.LeafOptions{NotBefore: time.Now().Add(time.Hour)}},
	}
	for code, o := range cases {
		t.Run(code, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: o})
			wantProblem(t, w.Do(w.Client(harness.H1), "GET", "/text", nil), 502, code)
			w.Untouched()
		})
	}
	t.Run("unknown-ca", func(t *testing.T) {
		stranger, err := origin.Start(origin.Options{Names: []string{"stranger.test"}})
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Allow: []string{"stranger.test"},
			Args: []string{"--resolve", "stranger.test:443=" + stranger.Addr()}})
		wantProblem(t, w.Do(w.Client(harness.H1), "GET", "https://stranger.test/text", nil), 502, "tls_unknown_ca")
		if n := len(stranger.Requests()); n > 0 {
			t.Errorf("%d requests reached a server that nobody vouches for", n)
		}
	})
	t.Run("wrong-name", func(t *testing.T) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Allow: []string{"other.test", "origin.test"},
			LateArgs: func(w *harness.World) []string {
				return []string{"--resolve", "other.test:443=" + w.Origin.Addr()}
			}})
		wantProblem(t, w.Do(w.Client(harness.H1), "GET", "https://other.test/text", nil), 502, "tls_wrong_name")
		w.Untouched()
	})
	t.Run("plain-server", func(t *testing.T) {
		plain, err := origin.Start(origin.Options{Plain: true})
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Allow: []string{"plain.test"},
			Args: []string{"--resolve", "plain.test:443=" + plain.Addr()}})
		wantProblem(t, w.Do(w.Client(harness.H1), "GET", "https://plain.test/text", nil), 502, "tls_protocol")
	})
}

// TestSurplusFromTheScannerAnswersNothing: bytes after a whole response must never answer the next request.
// [T36]
func TestSurplusFromTheScannerAnswersNothing(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{})
		w.Double.SetFault(double.Fault{Kind: double.FaultSurplus, Times: 1})
		client := w.Client(proto)
		_, _ = w.Try(client, "GET", "/text", nil)
		for i := 0; i < 3; i++ {
			answer := w.Do(client, "GET", "/text", nil)
			if answer.Text != "hello from the origin\n" {
				t.Fatalf("request %d: %q", i, answer.Text)
			}
		}
	})
}

// TestEarlyBlockOfTheScannerArrives: the scanner refuses before it has read the upload.
// [T36]
func TestEarlyBlockOfTheScannerArrives(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{})
		w.Double.SetFault(double.Fault{Kind: double.FaultEarly403})
		answer := w.Do(w.Client(proto), "POST", "/echo", origin.Pattern(4<<20),
			"Content-Type", "application/octet-stream")
		if answer.StatusCode != 403 || answer.Header.Get("X-Bottle-Deny") == "" ||
			!strings.Contains(answer.Text, "blocked: request body contains secret") {
			t.Errorf("status %d, %v, %q", answer.StatusCode, answer.Header, answer.Text)
		}
	})
}

// TestResponseFieldsAreCleaned: hop-by-hop and proxy-control fields do not reach the client.
// [T37]
func TestResponseFieldsAreCleaned(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := rawOrigin(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Listed\r\n"+
			"X-Listed: 1\r\nKeep-Alive: timeout=5\r\n"+
			"Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nAlt-Svc: h3=\":443\"\r\nX-Bottle-Deny: forged\r\n"+
			"X-Pipelock-Hint: forged\r\nX-Kept: yes\r\n\r\nok")
		answer := w.Do(w.Client(proto), "GET", "/", nil)
		if answer.StatusCode != 200 || answer.Header.Get("X-Kept") != "yes" {
			t.Fatalf("status %d, %v", answer.StatusCode, answer.Header)
		}
		for _, name := range []string{"X-Listed", "Keep-Alive", "Proxy-Authenticate", "Upgrade", "Alt-Svc",
			"X-Bottle-Deny", "X-Pipelock-Hint"} {
			if got := answer.Header.Get(name); got != "" {
				t.Errorf("%s: %s reached the client", name, got)
			}
		}
	})
}

// TestProxySurvivesAbruptClients: sockets reset at every stage leave nothing behind.
func TestProxySurvivesAbruptClients(t *testing.T) {
	w := direct(t)
	w.Do(w.Client(harness.H1), "GET", "/text", nil)
	for i := 0; i < 60; i++ {
		raw := w.RawDial()
		switch i % 4 {
		case 0:
			raw.Say("CONN")
		case 1:
			raw.Connect(harness.ConnectHead(w.HostPort()))
			raw.Say("\x16\x03\x01")
		case 2:
			if secured, err := w.TryTLS(w.Tunnel(), tlsConfig(w.Name, "h2")); err == nil {
				secured.Say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
				secured.Close()
			}
		}
		if tcp, ok := raw.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		raw.Close()
	}
	if answer := w.Do(w.Client(harness.H2), "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// TestDescriptorsDoNotLeak: after many exchanges, broken ones among them, the count comes down again.
func TestDescriptorsDoNotLeak(t *testing.T) {
	w := direct(t)
	warm := w.Client(harness.H1)
	w.Do(warm, "GET", "/text", nil)
	warm.CloseIdleConnections()
	before := w.Proxy.Descriptors()
	for i := 0; i < 30; i++ {
		client := w.Client([]harness.Proto{harness.H1, harness.H2}[i%2])
		_, _ = w.Try(client, "GET", []string{"/text", "/die?after=10", "/status/500"}[i%3], nil)
		closeIdle(client)
	}
	if !harness.Eventually(10*time.Second, func() bool { return w.Proxy.Descriptors() <= before+6 }) {
		t.Errorf("%d descriptors, %d before", w.Proxy.Descriptors(), before)
	}
}

// TestDrain: SIGTERM lets a running exchange end, refuses new connections, and the process ends with 0.
func TestDrain(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		client := w.Client(proto)
		resp := begun(t, w, client, "/sse?n=10&ms=100")
		w.Proxy.Signal(syscall.SIGTERM)
		if events := readEvents(t, resp.Body); len(events) != 10 {
			t.Errorf("%d events after SIGTERM, want 10", len(events))
		}
		closeIdle(client)
		if code := w.Proxy.WaitExit(10 * time.Second); code != 0 {
			t.Errorf("exit code %d after a drain, want 0", code)
		}
	})
}

// TestSecondSignalStopsAtOnce: the second SIGTERM cuts what still runs, visibly.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		resp := begun(t, w, w.Client(proto), "/sse?n=1000&ms=100")
		w.Proxy.Signal(syscall.SIGTERM)
		if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
			t.Fatalf("the stream broke at the first signal: %v", err)
		}
		w.Proxy.Signal(syscall.SIGTERM)
		if code := w.Proxy.WaitExit(5 * time.Second); code < 0 {
			t.Fatalf("still alive 5 s after the second SIGTERM, or ended by a signal")
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("the cut stream looks complete")
		}
	})
}

func closeIdle(client *http.Client) { client.CloseIdleConnections() }

// TestManyConcurrentExchanges: 200 requests at once over both protocols, each gets its own answer.
func TestManyConcurrentExchanges(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		client := w.Client(proto)
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		errs := make(chan error, 200)
		for i := 0; i < 200; i++ {
			go func(i int) {
				body := fmt.Sprintf("request number %d", i)
				req, _ := http.NewRequestWithContext(ctx, "POST", w.URL(fmt.Sprintf("/echo?n=%d", i)),
					strings.NewReader(body))
				req.Header.Set("Content-Type", "text/plain")
				resp, err := client.Do(req)
				if err != nil {
					errs <- err
					return
				}
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				if err == nil &&
					(resp.StatusCode != 200 || !strings.Contains(string(text), fmt.Sprintf("/echo?n=%d\"", i))) {
					err = fmt.Errorf("request %d: status %d, %s", i, resp.StatusCode, text)
				}
				errs <- err
			}(i)
		}
		bad := 0
		for i := 0; i < 200; i++ {
			if err := <-errs; err != nil {
				if bad++; bad < 4 {
					t.Error(err)
				}
			}
		}
		if bad > 0 {
			t.Errorf("%d of 200 failed", bad)
		}
	})
}
