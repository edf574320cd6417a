package integration

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"bottle.test/double"
	"bottle.test/harness"
)

// Desync and injection shapes (docs/threats.md has the numbers): each gets 400 or 501 and a closed connection, and zero
// bytes go upstream.

func tables(t *testing.T, cases []raw) {
	t.Helper()
	bothWorlds(t, func(t *testing.T, w *harness.World) { refuseRaw(t, w, cases) })
}

const post = "POST /echo HTTP/1.1\r\nHost: {A}\r\n"

var bad = []int{400, 501}

// [T20]
func TestLengthAndChunkedTogetherAreRefused(t *testing.T) {
	chunks := "0\r\n\r\n"
	tables(t, []raw{
		{"cl-te", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, bad},
		{"te-cl", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunks, bad},
		{"case", post + "content-length: 5\r\ntransfer-encoding: CHUNKED\r\n\r\n" + chunks, bad},
		{"cl-0", post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, bad},
		{"get", "GET /echo HTTP/1.1\r\nHost: {A}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
			bad},
		{"second-request", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5c\r\n" +
			"GET /admin HTTP/1.1\r\nHost: {A}\r\n\r\n0\r\n\r\n", bad},
	})
}

// [T21]
func TestOddTransferEncodingsAreRefused(t *testing.T) {
	var cases []raw
	for _, te := range []string{"identity", "gzip, chunked", "chunked, identity", ",chunked", "chunked,", "xchunked",
		"\"chunked\"", "chunked;q=1", "chunked chunked",
		"\x0bchunked", "chunked\x0c", "\xa0chunked", "chunked\x00", "", "chunked, chunked", "deflate", "chunke",
		"'chunked'", "chunked\xff"} {
		cases = append(cases, raw{fmt.Sprintf("%q", te), post + "Transfer-Encoding: " + te +
			"\r\n\r\n2\r\nhi\r\n0\r\n\r\n", bad})
	}
	cases = append(cases,
		raw{"two-lines", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"two-lines-identity", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
			bad},
		raw{"fold", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"space-before-colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"underscore", post + "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"http-1.0", "POST /echo HTTP/1.0\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
	)
	tables(t, cases)
}

// [T22]
func TestOddContentLengthsAreRefused(t *testing.T) {
	var cases []raw
	for _, cl := range []string{"5, 5", "5,6", "+5", "-5", "0x5", "5_0", "5.0", "05", "00", "5 5", "", " ",
		"99999999999999999999", "18446744073709551616", "9007199254740993000", "5;", "five", "5\x00", "\x0b5"} {
		cases = append(cases, raw{fmt.Sprintf("%q", cl), post + "Content-Length: " + cl + "\r\n\r\nhello",
			[]int{400, 413}})
	}
	cases = append(cases,
		raw{"twice-equal", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", bad},
		raw{"twice-different", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", bad},
	)
	tables(t, cases)
	t.Run("on-connect", func(t *testing.T) {
		w := direct(t)
		raw := w.RawDial()
		answer := raw.Connect("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\nContent-Length: 5\r\n" +
			"\r\nhello")
		if answer.Status() != 400 {
			t.Errorf("status %d", answer.Status())
		}
	})
}

// [T23]
func TestOddChunkSizesAreRefused(t *testing.T) {
	var cases []raw
	for _, size := range []string{"0x2", "+2", "-2", "2_", " 2", "2 ", "\t2", "", "00000000000000002", "fffffffff",
		"ffffffffffffffff", "10000000000000002", "g", "2\x00", "２"} {
		cases = append(cases, raw{fmt.Sprintf("%q", size), post + "Content-Type: text/plain\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n" + size + "\r\nhi\r\n0\r\n\r\n", []int{400, 413}})
	}
	// In direct mode the head may be out before the chunk comes, so only the double must stay untouched.
	refuseRaw(t, withDouble(t, double.Options{}), cases)
	w := direct(t)
	for _, c := range cases {
		answer := w.Exchange(fill(w, c.text))
		if answer.Status() == 200 {
			t.Errorf("direct %s: accepted", c.name)
		}
	}
	wholeBodies(t, w)
}

// wholeBodies fails if the origin took one of the broken requests for complete.
func wholeBodies(t *testing.T, w *harness.World) {
	t.Helper()
	for _, r := range w.Origin.Requests() {
		if r.Done && r.BodyErr == "" {
			t.Errorf("the origin took a broken request for complete: %s %s with %d bytes", r.Method, r.URI, r.BodyLen)
		}
	}
}

// [T24]
func TestOddChunksAreRefused(t *testing.T) {
	head := post + "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
	var cases []raw
	for name, body := range map[string]string{
		"term-ext":        "2;\nhi\r\n0\r\n\r\n",
		"bare-cr":         "2;a=\rb\r\nhi\r\n0\r\n\r\n",
		"quoted-crlf":     "2;a=\"\r\n\"\r\nhi\r\n0\r\n\r\n",
		"long-ext":        "2;" + harness.Repeat("a", 100) + "\r\nhi\r\n0\r\n\r\n",
		"mib-ext":         "2;" + harness.Repeat("a", 1<<20) + "\r\nhi\r\n0\r\n\r\n",
		"many-exts":       strings.Repeat("1;"+harness.Repeat("a", 60)+"\r\nx\r\n", 400) + "0\r\n\r\n",
		"spill":           "2\r\nhiX\r\n0\r\n\r\n",
		"spill-more":      "2\r\nhi, more\r\n0\r\n\r\n",
		"lf-size":         "2\nhi\r\n0\r\n\r\n",
		"lf-data":         "2\r\nhi\n0\r\n\r\n",
		"lf-last":         "2\r\nhi\r\n0\n\r\n",
		"lf-end":          "2\r\nhi\r\n0\r\n\n",
		"cr-only":         "2\rhi\r0\r\r\n\r\n",
		"trailer-lf":      "2\r\nhi\r\n0\r\nX-A: b\n\r\n",
		"trailer-fold":    "2\r\nhi\r\n0\r\nX-A: b\r\n c\r\n\r\n",
		"ctl-in-ext":      "2;a\x01\r\nhi\r\n0\r\n\r\n",
		"two-line-number": "2\r\n\r\nhi0\r\n\r\n",
	} {
		cases = append(cases, raw{name, head + body, []int{400, 413, 431}})
	}
	refuseRaw(t, withDouble(t, double.Options{}), cases)
	w := direct(t)
	for _, c := range cases {
		if answer := w.Exchange(fill(w, c.text)); answer.Status() == 200 {
			t.Errorf("direct %s: accepted", c.name)
		}
	}
	wholeBodies(t, w)
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		answer := w.Exchange(fill(w, head+"2;name=value\r\nhi\r\n0\r\n\r\n"))
		if e := echoOf(t, answer); e.BodyLen != 2 {
			t.Errorf("a valid extension: %d bytes", e.BodyLen)
		}
		for _, r := range w.Origin.Requests() {
			if r.Contains("name=value") {
				t.Error("an extension was forwarded")
			}
		}
	})
}

// [T25]
func TestExpectTricksAreRefused(t *testing.T) {
	var cases []raw
	for _, e := range []string{"y 100-continue", "100-continue, x", "100-continue;q=1", "200-ok", "", "100 continue",
		"100-continue 100-continue"} {
		cases = append(cases, raw{fmt.Sprintf("%q", e), post + "Expect: " + e + "\r\nContent-Length: 2\r\n\r\nhi",
			[]int{417, 400}})
	}
	cases = append(cases, raw{"twice", post + "Expect: 100-continue\r\nExpect: other\r\nContent-Length: 2\r\n\r\nhi",
		[]int{417, 400}})
	tables(t, cases)
	t.Run("te.0", func(t *testing.T) {
		bothWorlds(t, func(t *testing.T, w *harness.World) {
			answer := w.Exchange(fill(w, "OPTIONS / HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n"+
				harness.Repeat("GET /smuggled HTTP/1.1\r\nHost: {A}\r\nX: ", 80)+"\r\n0\r\n\r\n"))
			_ = answer
			for _, r := range w.Origin.Requests() {
				if strings.Contains(r.URI, "smuggled") {
					t.Error("a body became a request")
				}
			}
		})
	})
	t.Run("0.cl", func(t *testing.T) {
		bothWorlds(t, func(t *testing.T, w *harness.World) {
			conn := w.H1()
			inner := fill(w, "GET /smuggled HTTP/1.1\r\nHost: {A}\r\n\r\n")
			conn.Say(fill(w, fmt.Sprintf("GET /text HTTP/1.1\r\nHost: {A}\r\nContent-Length: %d\r\n\r\n%s",
				len(inner), inner)))
			if answer, err := conn.Answer("GET"); err != nil || answer.StatusCode != 200 {
				t.Errorf("status %d, %v", answer.Status(), err)
			}
			for _, r := range w.Origin.Requests() {
				if strings.Contains(r.URI, "smuggled") {
					t.Error("a body became a request")
				}
			}
		})
	})
}

// [T26]
func TestOddHeadsAreRefused(t *testing.T) {
	get := "GET /text HTTP/1.1\r\nHost: {A}\r\n"
	var cases []raw
	for name, text := range map[string]string{
		"fold":              get + "X-A: b\r\n c\r\n\r\n",
		"fold-tab":          get + "X-A: b\r\n\tc\r\n\r\n",
		"fold-on-host":      "GET /text HTTP/1.1\r\nHost: {A}\r\n GET /x HTTP/1.1\r\n\r\n",
		"fold-first":        "GET /text HTTP/1.1\r\n Host: {A}\r\n\r\n",
		"bare-lf":           "GET /text HTTP/1.1\nHost: {A}\n\n",
		"one-bare-lf":       get + "X-A: b\nX-B: c\r\n\r\n",
		"lf-end":            get + "\n",
		"bare-cr":           get + "X-A: b\rX-B: c\r\n\r\n",
		"cr-cr-lf":          get + "X-A: b\r\r\n\r\n",
		"space-before-name": get + "X-A: b\r\n X-B: c\r\n\r\n",
		"space-colon":       get + "X-A : b\r\n\r\n",
		"tab-colon":         get + "X-A\t: b\r\n\r\n",
		"empty-name":        get + ": b\r\n\r\n",
		"colon-only":        get + ":\r\n\r\n",
		"no-colon":          get + "nocolon\r\n\r\n",
		"nul-in-value":      get + "X-A: b\x00c\r\n\r\n",
		"ctl-in-value":      get + "X-A: b\x01c\r\n\r\n",
		"del-in-value":      get + "X-A: b\x7fc\r\n\r\n",
		"esc-in-value":      get + "X-A: \x1b[31m\r\n\r\n",
		"nul-in-name":       get + "X\x00A: b\r\n\r\n",
		"space-in-name":     get + "X A: b\r\n\r\n",
		"8bit-name":         get + "X-\xe9: b\r\n\r\n",
		"brackets-in-name":  get + "X[A]: b\r\n\r\n",
	} {
		cases = append(cases, raw{name, text, []int{400}})
	}
	tables(t, cases)
}

// [T27]
func TestOddHostsAreRefused(t *testing.T) {
	var cases []raw
	for name, host := range map[string]string{
		"none": "", "empty": "Host:\r\n", "two-same": "Host: {A}\r\nHost: {A}\r\n",
		"two-different": "Host: {A}\r\nHost: elsewhere.test\r\n",
		"comma":         "Host: {A}, elsewhere.test\r\n", "userinfo": "Host: user@{A}\r\n", "space": "Host: {A} x\r\n",
		"non-ascii": "Host: \xc3\xb6rigin.test\r\n",
		"port-junk": "Host: origin.test:443x\r\n", "port-empty": "Host: origin.test:\r\n",
		"port-zeros": "Host: origin.test:0443\r\n", "bad-xn": "Host: xn--\xff.test\r\n",
		"slash": "Host: origin.test/x\r\n", "tab": "Host: origin\t.test\r\n", "percent": "Host: origin%2etest\r\n",
	} {
		cases = append(cases, raw{name, "GET /text HTTP/1.1\r\n" + host + "\r\n", []int{400, 421}})
	}
	tables(t, cases)
}

// [T28]
func TestOddRequestLinesAreRefused(t *testing.T) {
	tail := "\r\nHost: {A}\r\n\r\n"
	var cases []raw
	for name, line := range map[string]string{
		"two-spaces": "GET  /text HTTP/1.1", "tab": "GET\t/text HTTP/1.1", "trailing-space": "GET /text HTTP/1.1 ",
		"space-in-path": "GET /te xt HTTP/1.1",
		"http-1.2":      "GET /text HTTP/1.2", "http-2.0": "GET /text HTTP/2.0", "http-3": "GET /text HTTP/3",
		"lower-http": "GET /text http/1.1", "http-11": "GET /text HTTP/11",
		"http-1.10": "GET /text HTTP/1.10", "three-crlf": "\r\n\r\n\r\nGET /text HTTP/1.1",
		"lf-first": "\nGET /text HTTP/1.1", "fragment": "GET /text#x HTTP/1.1",
		"backslash": "GET \\text HTTP/1.1", "quote": "GET /te\"xt HTTP/1.1", "angle": "GET /te<x>t HTTP/1.1",
		"8bit": "GET /te\xe9xt HTTP/1.1", "nul": "GET /te\x00xt HTTP/1.1",
		"del": "GET /te\x7fxt HTTP/1.1", "no-slash": "GET text HTTP/1.1", "query-only": "GET ?x HTTP/1.1",
		"asterisk": "GET * HTTP/1.1", "no-version": "GET /text",
		"leading-space": " GET /text HTTP/1.1", "bad-method": "GE(T /text HTTP/1.1", "no-method": "/text HTTP/1.1",
	} {
		cases = append(cases, raw{name, line + tail, []int{400, 501, 505}})
	}
	cases = append(cases, raw{"http-0.9", "GET /text\r\n", []int{400, 505}})
	tables(t, cases)
	t.Run("tolerated", func(t *testing.T) {
		bothWorlds(t, func(t *testing.T, w *harness.World) {
			answer := w.Exchange(fill(w, "GET /echo?a={b}|c HTTP/1.1\r\nHost: {A}\r\n\r\n"))
			if answer.Status() != 200 {
				t.Errorf("braces in a query: status %d, %s", answer.Status(), answer.Text)
			}
		})
	})
}

// [T29]
func TestNothingFollowsTheLastAnswer(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for name, text := range map[string]string{
			"1.0":            "GET /text HTTP/1.0\r\nHost: {A}\r\n\r\n",
			"1.0-keep-alive": "GET /text HTTP/1.0\r\nHost: {A}\r\nConnection: keep-alive\r\n\r\n",
			"close":          "GET /text HTTP/1.1\r\nHost: {A}\r\nConnection: close\r\n\r\n",
		} {
			conn := w.H1()
			conn.Say(fill(w, text+"GET /after HTTP/1.1\r\nHost: {A}\r\n\r\n"))
			if answer, err := conn.Answer("GET"); err != nil || answer.StatusCode != 200 {
				t.Errorf("%s: status %d, %v", name, answer.Status(), err)
			}
			if !conn.Closed(harness.CloseLimit) {
				t.Errorf("%s: something follows the last answer", name)
			}
		}
		for _, r := range w.Origin.Requests() {
			if r.URI == "/after" {
				t.Error("a request after the end of the connection was served")
			}
		}
	})
}

// [T29]
func TestDeepPipelineIsAnswered(t *testing.T) {
	w := direct(t)
	conn := w.H1()
	go conn.Say(strings.Repeat(fill(w, "GET /text HTTP/1.1\r\nHost: {A}\r\n\r\n"), 100))
	for i := 0; i < 100; i++ {
		answer, err := conn.Answer("GET")
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("answer %d: status %d, %v", i, answer.Status(), err)
		}
	}
}

// TestBytesBehindAConnectHeadAreNoRequest: HTTP behind a CONNECT head is not the tunnel's.
// [T30]
func TestBytesBehindAConnectHeadAreNoRequest(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		raw := w.RawDial()
		raw.Say(fill(w, "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n"+
			"GET http://origin.test/text HTTP/1.1\r\nHost: origin.test\r\n\r\n"))
		text, _ := io.ReadAll(raw.In)
		if strings.Contains(string(text), "hello from the origin") {
			t.Error("a pipelined request was served through the tunnel's head")
		}
		w.Untouched()
	})
}

// [T35]
func TestDuplicateSingletonsAreRefused(t *testing.T) {
	var cases []raw
	for _, name := range []string{"Content-Type", "Authorization"} {
		cases = append(cases, raw{name, "POST /echo HTTP/1.1\r\nHost: {A}\r\n" + name + ": a/b\r\n" + name +
			": c/d\r\nContent-Length: 2\r\n\r\nhi", []int{400}})
	}
	tables(t, cases)
}

// TestErrorsEchoNothing: the proxy's own error pages never give input back.
// [T42]
func TestErrorsEchoNothing(t *testing.T) {
	w := direct(t)
	for _, text := range []string{
		"GET /text HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer reflect-me\r\nX-A: b\x01\r\n\r\n",
		"REFLECT-ME /reflect-me HTTP/1.1\r\nHost: {A}\r\n\r\n",
		"GET /<script>reflect-me HTTP/1.1\r\nHost: {A}\r\n\r\n",
		"GET /text HTTP/1.1\r\nHost: \"><script>reflect-me\r\n\r\n",
	} {
		answer := w.Exchange(fill(w, text))
		if answer.Status() == 0 {
			continue
		}
		answer.Problem(t)
		if lower := strings.ToLower(answer.Text); strings.Contains(lower, "bearer") ||
			strings.Contains(lower, "<script") {
			t.Errorf("%q comes back: %s", text, answer.Text)
		}
	}
}
