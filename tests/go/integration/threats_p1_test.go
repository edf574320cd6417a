package integration

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// Desync and injection shapes: each gets 400 or 501 and a closed connection, and zero bytes go upstream.

func tables(t *testing.T, cases []raw) {
	t.Helper()
	bothWorlds(t, func(t *testing.T, w *harness.World) { refuseRaw(t, w, cases) })
}

const post = "POST /echo HTTP/1.1\r\nHost: {A}\r\n"

var bad = []int{400, 501}

func TestT20_ClTe(t *testing.T) {
	chunks := "0\r\n\r\n"
	tables(t, []raw{
		{"cl-te", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, bad},
		{"te-cl", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunks, bad},
		{"case", post + "content-length: 5\r\ntransfer-encoding: CHUNKED\r\n\r\n" + chunks, bad},
		{"cl-0", post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, bad},
		{"get", "GET /echo HTTP/1.1\r\nHost: {A}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, bad},
		{"second-request", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5c\r\nGET /admin HTTP/1.1\r\nHost: {A}\r\n\r\n0\r\n\r\n", bad},
	})
}

func TestT21_TransferEncodings(t *testing.T) {
	var cases []raw
	for _, te := range []string{"identity", "gzip, chunked", "chunked, identity", ",chunked", "chunked,", "xchunked", "\"chunked\"", "chunked;q=1", "chunked chunked",
		"\x0bchunked", "chunked\x0c", "\xa0chunked", "chunked\x00", "", "chunked, chunked", "deflate", "chunke", "'chunked'", "chunked\xff"} {
		cases = append(cases, raw{fmt.Sprintf("%q", te), post + "Transfer-Encoding: " + te + "\r\n\r\n2\r\nhi\r\n0\r\n\r\n", bad})
	}
	cases = append(cases,
		raw{"two-lines", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"two-lines-identity", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", bad},
		raw{"fold", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"space-before-colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"underscore", post + "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
		raw{"http-1.0", "POST /echo HTTP/1.0\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
	)
	tables(t, cases)
}

func TestT22_ContentLengths(t *testing.T) {
	var cases []raw
	for _, cl := range []string{"5, 5", "5,6", "+5", "-5", "0x5", "5_0", "5.0", "05", "00", "5 5", "", " ", "99999999999999999999", "18446744073709551616", "9007199254740993000", "5;", "five", "5\x00", "\x0b5"} {
		cases = append(cases, raw{fmt.Sprintf("%q", cl), post + "Content-Length: " + cl + "\r\n\r\nhello", []int{400, 413}})
	}
	cases = append(cases,
		raw{"twice-equal", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", bad},
		raw{"twice-different", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", bad},
	)
	tables(t, cases)
	t.Run("on-connect", func(t *testing.T) {
		w := direct(t)
		raw := w.RawDial()
		answer := raw.Connect("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\nContent-Length: 5\r\n\r\nhello")
		if answer.Status() != 400 {
			t.Errorf("status %d", answer.Status())
		}
	})
}

func TestT23_ChunkSizes(t *testing.T) {
	var cases []raw
	for _, size := range []string{"0x2", "+2", "-2", "2_", " 2", "2 ", "\t2", "", "00000000000000002", "fffffffff", "ffffffffffffffff", "10000000000000002", "g", "2\x00", "２"} {
		cases = append(cases, raw{fmt.Sprintf("%q", size), post + "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" + size + "\r\nhi\r\n0\r\n\r\n", []int{400, 413}})
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

func TestT24_ChunkExtensions(t *testing.T) {
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

func TestT25_ExpectTricks(t *testing.T) {
	var cases []raw
	for _, e := range []string{"y 100-continue", "100-continue, x", "100-continue;q=1", "200-ok", "", "100 continue", "100-continue 100-continue"} {
		cases = append(cases, raw{fmt.Sprintf("%q", e), post + "Expect: " + e + "\r\nContent-Length: 2\r\n\r\nhi", []int{417, 400}})
	}
	cases = append(cases, raw{"twice", post + "Expect: 100-continue\r\nExpect: other\r\nContent-Length: 2\r\n\r\nhi", []int{417, 400}})
	tables(t, cases)
	t.Run("te.0", func(t *testing.T) {
		bothWorlds(t, func(t *testing.T, w *harness.World) {
			answer := w.Exchange(fill(w, "OPTIONS / HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n"+harness.Repeat("GET /smuggled HTTP/1.1\r\nHost: {A}\r\nX: ", 80)+"\r\n0\r\n\r\n"))
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
			conn.Say(fill(w, fmt.Sprintf("GET /text HTTP/1.1\r\nHost: {A}\r\nContent-Length: %d\r\n\r\n%s", len(inner), inner)))
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

func TestT26_HeadSyntax(t *testing.T) {
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

func TestT27_Hosts(t *testing.T) {
	var cases []raw
	for name, host := range map[string]string{
		"none": "", "empty": "Host:\r\n", "two-same": "Host: {A}\r\nHost: {A}\r\n", "two-different": "Host: {A}\r\nHost: elsewhere.test\r\n",
		"comma": "Host: {A}, elsewhere.test\r\n", "userinfo": "Host: user@{A}\r\n", "space": "Host: {A} x\r\n", "non-ascii": "Host: \xc3\xb6rigin.test\r\n",
		"port-junk": "Host: origin.test:443x\r\n", "port-empty": "Host: origin.test:\r\n", "port-zeros": "Host: origin.test:0443\r\n", "bad-xn": "Host: xn--\xff.test\r\n",
		"slash": "Host: origin.test/x\r\n", "tab": "Host: origin\t.test\r\n", "percent": "Host: origin%2etest\r\n",
	} {
		cases = append(cases, raw{name, "GET /text HTTP/1.1\r\n" + host + "\r\n", []int{400, 421}})
	}
	tables(t, cases)
}

func TestT28_RequestLines(t *testing.T) {
	tail := "\r\nHost: {A}\r\n\r\n"
	var cases []raw
	for name, line := range map[string]string{
		"two-spaces": "GET  /text HTTP/1.1", "tab": "GET\t/text HTTP/1.1", "trailing-space": "GET /text HTTP/1.1 ", "space-in-path": "GET /te xt HTTP/1.1",
		"http-1.2": "GET /text HTTP/1.2", "http-2.0": "GET /text HTTP/2.0", "http-3": "GET /text HTTP/3", "lower-http": "GET /text http/1.1", "http-11": "GET /text HTTP/11",
		"http-1.10": "GET /text HTTP/1.10", "three-crlf": "\r\n\r\n\r\nGET /text HTTP/1.1", "lf-first": "\nGET /text HTTP/1.1", "fragment": "GET /text#x HTTP/1.1",
		"backslash": "GET \\text HTTP/1.1", "quote": "GET /te\"xt HTTP/1.1", "angle": "GET /te<x>t HTTP/1.1", "8bit": "GET /te\xe9xt HTTP/1.1", "nul": "GET /te\x00xt HTTP/1.1",
		"del": "GET /te\x7fxt HTTP/1.1", "no-slash": "GET text HTTP/1.1", "query-only": "GET ?x HTTP/1.1", "asterisk": "GET * HTTP/1.1", "no-version": "GET /text",
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

func TestT29_Persistence(t *testing.T) {
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

func TestT29_DeepPipeline(t *testing.T) {
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

// TestT30_BytesBeforeTheTunnel: HTTP behind a CONNECT head is not the tunnel's.
func TestT30_BytesBeforeTheTunnel(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		raw := w.RawDial()
		raw.Say(fill(w, "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\nGET http://origin.test/text HTTP/1.1\r\nHost: origin.test\r\n\r\n"))
		text, _ := io.ReadAll(raw.In)
		if strings.Contains(string(text), "hello from the origin") {
			t.Error("a pipelined request was served through the tunnel's head")
		}
		w.Untouched()
	})
}

// refuseH2 sends each field list on its own connection and expects a refusal, by status or by reset.
func refuseH2(t *testing.T, w *harness.World, cases map[string][]harness.Field) {
	t.Helper()
	for name, fields := range cases {
		c := w.H2()
		c.Headers(1, true, fields...)
		out := c.Await(1)
		if !out.Refused() && !in(out.Status, []int{400, 413, 417, 421, 431, 501}) {
			t.Errorf("%s: %v", name, out)
		}
		c.Close()
	}
	w.Untouched()
}

func TestT31_H2Injection(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		f := func(name, value string) []harness.Field {
			return w.Request("GET", "/text", harness.Field{Name: name, Value: value})
		}
		refuseH2(t, w, map[string][]harness.Field{
			"crlf-value": f("x-a", "b\r\nx-injected: 1"), "lf-value": f("x-a", "b\nc"), "cr-value": f("x-a", "b\rc"), "nul-value": f("x-a", "b\x00c"),
			"del-value": f("x-a", "b\x7f"),
			"crlf-name": f("x-a\r\nx-injected", "1"), "colon-name": f("x:a", "1"), "space-name": f("x a", "1"), "empty-name": f("", "1"), "upper-name": f("X-A", "1"),
			"8bit-name": f("x-\xe9", "1"), "nul-name": f("x\x00a", "1"),
			"crlf-method": {{Name: ":method", Value: "GET / HTTP/1.1\r\nX: y"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: w.Authority()}, {Name: ":path", Value: "/"}},
			"crlf-path":   w.Request("GET", "/text HTTP/1.1\r\nHost: elsewhere.test\r\n\r\nGET /x"),
			"space-path":  w.Request("GET", "/te xt"), "lf-path": w.Request("GET", "/te\nxt"),
			"crlf-authority": {{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: w.Authority() + "\r\nx: y"}, {Name: ":path", Value: "/"}},
		})
	})
}

// TestT31_H2OuterWhitespaceIsTakenOff: real clients send it, so it is no reason to refuse, but it goes no further.
func TestT31_H2OuterWhitespaceIsTakenOff(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for _, value := range []string{" b", "b ", "\tb", "b\t", " \tb \t"} {
			c := w.H2()
			c.Headers(1, true, w.Request("GET", "/echo", harness.Field{Name: "x-a", Value: value})...)
			if out := c.Await(1); !out.Refused() && out.Status != 400 && !strings.Contains(out.Body, `-A","b"]`) {
				t.Errorf("%q: %v", value, out)
			}
			c.Close()
		}
		if w.Double == nil {
			return
		}
		for _, seen := range w.Double.Requests() {
			if !strings.Contains(strings.ToLower(seen.Head), "\r\nx-a: b\r\n") {
				t.Errorf("the scanner got %q", seen.Head)
			}
		}
	})
}

func TestT32_H2WhatTheLibraryLetsThrough(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		a := w.Authority()
		pseudo := func(method, scheme, authority, path string, extra ...harness.Field) []harness.Field {
			return append([]harness.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: scheme}, {Name: ":authority", Value: authority}, {Name: ":path", Value: path}}, extra...)
		}
		with := func(name, value string) []harness.Field {
			return w.Request("GET", "/text", harness.Field{Name: name, Value: value})
		}
		var many []harness.Field
		for i := 0; i < 3000; i++ {
			many = append(many, harness.Field{Name: fmt.Sprintf("x-%d", i), Value: "v"})
		}
		refuseH2(t, w, map[string][]harness.Field{
			"host-differs": with("host", "elsewhere.test"), "no-authority": {{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":path", Value: "/"}, {Name: "host", Value: a}},
			"comma-authority": pseudo("GET", "https", a+",elsewhere.test", "/"), "userinfo": pseudo("GET", "https", "user@"+a, "/"), "port-junk": pseudo("GET", "https", "origin.test:443x", "/"),
			"scheme-http": pseudo("GET", "http", a, "/"), "scheme-ftp": pseudo("GET", "ftp", a, "/"), "method-token": pseudo("SECRET", "https", a, "/"),
			"path-fragment": pseudo("GET", "https", a, "/a#b"), "path-backslash": pseudo("GET", "https", a, "/a\\b"), "path-8bit": pseudo("GET", "https", a, "/\xe9"),
			"path-angle": pseudo("GET", "https", a, "/<a>"), "path-quote": pseudo("GET", "https", a, "/\"a"), "path-relative": pseudo("GET", "https", a, "text"), "path-empty": pseudo("GET", "https", a, ""),
			"path-absolute": pseudo("GET", "https", a, "https://elsewhere.test/"),
			"length-zeros":  w.Request("GET", "/text", harness.Field{Name: "content-length", Value: "000"}), "underscore": with("transfer_encoding", "chunked"),
			"te-other": with("te", "gzip"), "transfer-encoding": with("transfer-encoding", "chunked"), "connection": with("connection", "close"), "upgrade": with("upgrade", "websocket"),
			"expect-other": with("expect", "other"), "3000-fields": w.Request("GET", "/text", many...), "60k-value": with("x-a", harness.Repeat("v", 70000)),
			"late-pseudo": append([]harness.Field{{Name: ":method", Value: "GET"}, {Name: "x-a", Value: "b"}}, pseudo("GET", "https", a, "/")[1:]...), "unknown-pseudo": append([]harness.Field{{Name: ":evil", Value: "1"}}, w.Request("GET", "/")...),
			"double-path": append([]harness.Field{{Name: ":path", Value: "/x"}}, w.Request("GET", "/")...), "long-name": with(harness.Repeat("n", 65), "v"),
		})
		// What is refused by taking it away.
		c := w.H2()
		c.Headers(1, true, w.Request("GET", "/echo", harness.Field{Name: "http2-settings", Value: "AAA"}, harness.Field{Name: "proxy-authorization", Value: "Basic dTpw"},
			harness.Field{Name: "te", Value: "trailers"}, harness.Field{Name: "proxy-connection", Value: "keep-alive"})...)
		out := c.Await(1)
		if out.Status == 200 {
			lower := strings.ToLower(out.Body)
			for _, name := range []string{"http2-settings", "proxy-authorization", "proxy-connection"} {
				if strings.Contains(lower, name) {
					t.Errorf("%s reached the origin", name)
				}
			}
		} else if !out.Refused() && out.Status != 400 {
			t.Errorf("%v", out)
		}
	})
}

func TestT32_H2OptionsAsterisk(t *testing.T) {
	w := direct(t)
	c := w.H2()
	c.Headers(1, true, w.Request("OPTIONS", "*")...)
	if out := c.Await(1); out.Status == 0 && !out.Refused() {
		t.Errorf("%v", out)
	}
}

func TestT33_H2LengthMismatch(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for name, send := range map[string]func(c *harness.H2Conn){
			"less-data": func(c *harness.H2Conn) {
				c.Headers(1, false, w.Request("POST", "/echo", harness.Field{Name: "content-length", Value: "10"})...)
				c.Data(1, true, "hi")
			},
			"more-data": func(c *harness.H2Conn) {
				c.Headers(1, false, w.Request("POST", "/echo", harness.Field{Name: "content-length", Value: "1"})...)
				c.Data(1, true, "hi there")
			},
			"no-data": func(c *harness.H2Conn) {
				c.Headers(1, true, w.Request("POST", "/echo", harness.Field{Name: "content-length", Value: "10"})...)
			},
			"two-lengths": func(c *harness.H2Conn) {
				c.Headers(1, false, w.Request("POST", "/echo", harness.Field{Name: "content-length", Value: "2"}, harness.Field{Name: "content-length", Value: "3"})...)
				c.Data(1, true, "hi")
			},
		} {
			c := w.H2()
			send(c)
			if out := c.Await(1); !out.Refused() && out.Status != 400 {
				t.Errorf("%s: %v", name, out)
			}
			c.Close()
		}
		if w.Double != nil {
			w.Untouched()
		}
		wholeBodies(t, w)
	})
}

func TestT34_CookieCrumbs(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		crumbs := func(n int) []harness.Field {
			var fields []harness.Field
			for i := 0; i < n; i++ {
				fields = append(fields, harness.Field{Name: "cookie", Value: fmt.Sprintf("c%d=v", i)})
			}
			return fields
		}
		c := w.H2()
		c.Headers(1, true, w.Request("GET", "/echo", crumbs(4096)...)...)
		if out := c.Await(1); !out.Refused() && out.Status != 431 && out.Status != 400 {
			t.Errorf("4096 crumbs: %v", out)
		}
		w.Untouched()
		c = w.H2()
		c.Headers(1, true, w.Request("GET", "/echo", crumbs(20)...)...)
		out := c.Await(1)
		if out.Status != 200 || !strings.Contains(out.Body, "c0=v; c1=v; c2=v") || strings.Count(out.Body, `"Cookie"`)+strings.Count(out.Body, `"cookie"`) != 1 {
			t.Errorf("20 crumbs: %v", out)
		}
	})
}

func TestT35_DuplicateSingletons(t *testing.T) {
	var cases []raw
	for _, name := range []string{"Content-Type", "Authorization"} {
		cases = append(cases, raw{name, "POST /echo HTTP/1.1\r\nHost: {A}\r\n" + name + ": a/b\r\n" + name + ": c/d\r\nContent-Length: 2\r\n\r\nhi", []int{400}})
	}
	tables(t, cases)
}

// TestT42_ErrorsEchoNothing: the proxy's own error pages never give input back.
func TestT42_ErrorsEchoNothing(t *testing.T) {
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
		if lower := strings.ToLower(answer.Text); strings.Contains(lower, "bearer") || strings.Contains(lower, "<script") {
			t.Errorf("%q comes back: %s", text, answer.Text)
		}
	}
}

// TestT50_RapidReset: a flood of opened and cancelled streams ends the connection; others go on.
func TestT50_RapidReset(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct})
	good := w.Client(harness.H2)
	w.Do(good, "GET", "/text", nil)
	c := w.H2()
	for i := uint32(0); i < 2000; i++ {
		c.Headers(2*i+1, true, w.Request("GET", "/slow?ms=1000")...)
		c.Send(harness.Frame{Type: harness.FrameReset, Stream: 2*i + 1, Payload: []byte{0, 0, 0, 8}})
	}
	if out := c.Await(99999); out.GoAway <= 0 && out.Err == nil {
		t.Errorf("%v", out)
	}
	if answer := w.Do(good, "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("another connection: status %d", answer.StatusCode)
	}
	if n := len(w.Origin.Requests()); n > 500 {
		t.Errorf("%d of 2000 cancelled requests reached the origin", n)
	}
}

// TestT52_ContinuationFlood: endless CONTINUATION frames end the connection early.
func TestT52_ContinuationFlood(t *testing.T) {
	w := direct(t)
	c := w.H2()
	c.Send(harness.Frame{Type: harness.FrameHeaders, Stream: 1, Payload: harness.Literal(w.Request("GET", "/text")...)})
	for i := 0; i < 2000; i++ {
		c.Send(harness.Frame{Type: harness.FrameContinuation, Stream: 1, Payload: harness.Literal(harness.Field{Name: "x-a", Value: "b"})})
	}
	if out := c.Await(1); !out.Refused() {
		t.Errorf("%v", out)
	}
	w.Untouched()
}

// TestT54_FrameFloods: cheap frames without end are stopped.
func TestT54_FrameFloods(t *testing.T) {
	for name, frame := range map[string]harness.Frame{
		"ping":     {Type: harness.FramePing, Payload: make([]byte, 8)},
		"settings": {Type: harness.FrameSettings},
		"priority": {Type: harness.FramePriority, Stream: 1, Payload: []byte{0, 0, 0, 0, 1}},
		"unknown":  {Type: 0x42, Payload: []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: origin.Options{}})
			c := w.H2()
			go func() {
				for i := 0; i < 20000; i++ {
					c.Send(frame)
				}
			}()
			if out := c.Await(99999); out.GoAway <= 0 && out.Err == nil {
				t.Errorf("%v", out)
			}
			if answer := w.Do(w.Client(harness.H2), "GET", "/text", nil); answer.StatusCode != 200 {
				t.Errorf("another connection: status %d", answer.StatusCode)
			}
		})
	}
}
