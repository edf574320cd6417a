package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// The attacks that need HTTP/2 frames (docs/threats.md has the numbers): injection through fields, heads that the
// library lets through, and floods.

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

// [T31]
func TestH2InjectionIsRefused(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		f := func(name, value string) []harness.Field {
			return w.Request("GET", "/text", harness.Field{Name: name, Value: value})
		}
		refuseH2(t, w, map[string][]harness.Field{
			"crlf-value": f("x-a", "b\r\nx-injected: 1"), "lf-value": f("x-a", "b\nc"), "cr-value": f("x-a", "b\rc"),
			"nul-value": f("x-a", "b\x00c"),
			"del-value": f("x-a", "b\x7f"),
			"crlf-name": f("x-a\r\nx-injected", "1"), "colon-name": f("x:a", "1"), "space-name": f("x a", "1"),
			"empty-name": f("", "1"), "upper-name": f("X-A", "1"),
			"8bit-name": f("x-\xe9", "1"), "nul-name": f("x\x00a", "1"),
			"crlf-method": {{Name: ":method", Value: "GET / HTTP/1.1\r\nX: y"}, {Name: ":scheme", Value: "https"},
				{Name: ":authority", Value: w.Authority()}, {Name: ":path", Value: "/"}},
			"crlf-path":  w.Request("GET", "/text HTTP/1.1\r\nHost: elsewhere.test\r\n\r\nGET /x"),
			"space-path": w.Request("GET", "/te xt"), "lf-path": w.Request("GET", "/te\nxt"),
			"crlf-authority": {{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"},
				{Name: ":authority", Value: w.Authority() + "\r\nx: y"}, {Name: ":path", Value: "/"}},
		})
	})
}

// TestH2OuterWhitespaceIsTakenOff: real clients send it, so it is no reason to refuse, but it goes no further.
// [T31]
func TestH2OuterWhitespaceIsTakenOff(t *testing.T) {
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

// [T32]
func TestH2WhatTheLibraryLetsThroughIsRefused(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		a := w.Authority()
		pseudo := func(method, scheme, authority, path string, extra ...harness.Field) []harness.Field {
			return append([]harness.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: scheme},
				{Name: ":authority", Value: authority}, {Name: ":path", Value: path}}, extra...)
		}
		with := func(name, value string) []harness.Field {
			return w.Request("GET", "/text", harness.Field{Name: name, Value: value})
		}
		var many []harness.Field
		for i := 0; i < 3000; i++ {
			many = append(many, harness.Field{Name: fmt.Sprintf("x-%d", i), Value: "v"})
		}
		refuseH2(t, w, map[string][]harness.Field{
			"host-differs": with("host", "elsewhere.test"), "no-authority": {{Name: ":method", Value: "GET"},
				{Name: ":scheme", Value: "https"}, {Name: ":path", Value: "/"}, {Name: "host", Value: a}},
			"comma-authority": pseudo("GET", "https", a+",elsewhere.test", "/"),
			"userinfo":        pseudo("GET", "https", "user@"+a, "/"), "port-junk": pseudo("GET", "https",
				"origin.test:443x", "/"),
			"scheme-http": pseudo("GET", "http", a, "/"), "scheme-ftp": pseudo("GET", "ftp", a, "/"),
			"method-token":  pseudo("SECRET", "https", a, "/"),
			"path-fragment": pseudo("GET", "https", a, "/a#b"), "path-backslash": pseudo("GET", "https", a, "/a\\b"),
			"path-8bit":  pseudo("GET", "https", a, "/\xe9"),
			"path-angle": pseudo("GET", "https", a, "/<a>"), "path-quote": pseudo("GET", "https", a, "/\"a"),
			"path-relative": pseudo("GET", "https", a, "text"), "path-empty": pseudo("GET", "https", a, ""),
			"path-absolute": pseudo("GET", "https", a, "https://elsewhere.test/"),
			"length-zeros":  w.Request("GET", "/text", harness.Field{Name: "content-length", Value: "000"}),
			"underscore":    with("transfer_encoding", "chunked"),
			"te-other":      with("te", "gzip"), "transfer-encoding": with("transfer-encoding", "chunked"),
			"connection": with("connection", "close"), "upgrade": with("upgrade", "websocket"),
			"expect-other": with("expect", "other"), "3000-fields": w.Request("GET", "/text", many...),
			"60k-value": with("x-a", harness.Repeat("v", 70000)),
			"late-pseudo": append([]harness.Field{{Name: ":method", Value: "GET"}, {Name: "x-a", Value: "b"}},
				pseudo("GET", "https", a, "/")[1:]...),
			"unknown-pseudo": append([]harness.Field{{Name: ":evil", Value: "1"}}, w.Request("GET", "/")...),
			"double-path":    append([]harness.Field{{Name: ":path", Value: "/x"}}, w.Request("GET", "/")...),
			"long-name":      with(harness.Repeat("n", 65), "v"),
		})
		// Fields that are taken away instead of refused.
		c := w.H2()
		c.Headers(1, true, w.Request("GET", "/echo", harness.Field{Name: "http2-settings", Value: "AAA"},
			harness.Field{Name: "proxy-authorization", Value: "Basic dTpw"},
			harness.Field{Name: "te", Value: "trailers"}, harness.Field{Name: "proxy-connection",
				Value: "keep-alive"})...)
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

// [T32]
func TestH2OptionsAsteriskIsAnswered(t *testing.T) {
	w := direct(t)
	c := w.H2()
	c.Headers(1, true, w.Request("OPTIONS", "*")...)
	if out := c.Await(1); out.Status == 0 && !out.Refused() {
		t.Errorf("%v", out)
	}
}

// [T33]
func TestH2LengthMismatchIsRefused(t *testing.T) {
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
				c.Headers(1, false, w.Request("POST", "/echo", harness.Field{Name: "content-length", Value: "2"},
					harness.Field{Name: "content-length", Value: "3"})...)
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

// [T34]
func TestH2CookieCrumbsAreBounded(t *testing.T) {
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
		if out.Status != 200 || !strings.Contains(out.Body, "c0=v; c1=v; c2=v") || strings.Count(out.Body, `"Cookie"`)+
			strings.Count(out.Body, `"cookie"`) != 1 {
			t.Errorf("20 crumbs: %v", out)
		}
	})
}

// TestRapidResetEndsTheConnection: a flood of opened and cancelled streams ends the connection; others go on.
// [T50]
func TestRapidResetEndsTheConnection(t *testing.T) {
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

// TestRapidResetWithDataEndsTheConnection: a message in each cancelled request makes more of them possible, not all.
// [T50]
func TestRapidResetWithDataEndsTheConnection(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct})
	c := w.H2()
	go func() {
		for i := uint32(0); i < 20000; i++ {
			c.Headers(2*i+1, false, w.Request("POST", "/slow?ms=1000")...)
			c.Data(2*i+1, false, "x")
			c.Send(harness.Frame{Type: harness.FrameReset, Stream: 2*i + 1, Payload: []byte{0, 0, 0, 8}})
		}
	}()
	if out := c.Await(99999); out.GoAway <= 0 && out.Err == nil {
		t.Errorf("%v", out)
	}
	if n := len(w.Origin.Requests()); n > 2000 {
		t.Errorf("%d of 20000 cancelled requests reached the origin", n)
	}
}

// TestCancelledCallsAreNoFlood: a client that cancels all its calls at once, again and again, keeps its connection.
// [T50]
func TestCancelledCallsAreNoFlood(t *testing.T) {
	for _, kind := range []struct {
		name   string
		rounds int
	}{{"Bidi", 20}, {"ClientStream", 8}} {
		t.Run(kind.name, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct})
			c := w.H2()
			const calls = 99 // and one more request
			stream := uint32(1)
			for round := 0; round < kind.rounds; round++ {
				first := stream
				for ; stream < first+2*calls; stream += 2 {
					c.Headers(stream, false, w.Request("POST", "/grpc/"+kind.name, harness.Field{Name: "te",
						Value: "trailers"}, harness.Field{Name: "content-type", Value: "application/grpc"})...)
					c.Data(stream, false, string(origin.GrpcMessage("x")))
				}
				if kind.name == "Bidi" {
					if err := c.AwaitHeads(calls); err != nil {
						t.Fatalf("round %d: %v", round, err)
					}
				} else {
					eventually(t, 20*time.Second, "all calls at the origin", func() bool {
						return len(w.Origin.Requests()) >= round*(calls+1)+calls
					})
					// One more round trip: their messages have followed them.
					c.Headers(stream, true, w.Request("GET", "/text")...)
					if out := c.Await(stream); out.Status != 200 {
						t.Fatalf("round %d: %v", round, out)
					}
				}
				for end := first + 2*calls; first < end; first += 2 {
					c.Send(harness.Frame{Type: harness.FrameReset, Stream: first, Payload: []byte{0, 0, 0, 8}})
				}
				stream = first + 2
			}
			c.Headers(stream, true, w.Request("GET", "/text")...)
			if out := c.Await(stream); out.Status != 200 || out.GoAway >= 0 {
				t.Errorf("%v", out)
			}
		})
	}
}

// TestContinuationFloodEndsTheConnection: endless CONTINUATION frames end the connection early.
// [T52]
func TestContinuationFloodEndsTheConnection(t *testing.T) {
	w := direct(t)
	c := w.H2()
	c.Send(harness.Frame{Type: harness.FrameHeaders, Stream: 1, Payload: harness.Literal(w.Request("GET", "/text")...)})
	for i := 0; i < 2000; i++ {
		c.Send(harness.Frame{Type: harness.FrameContinuation, Stream: 1,
			Payload: harness.Literal(harness.Field{Name: "x-a", Value: "b"})})
	}
	if out := c.Await(1); !out.Refused() {
		t.Errorf("%v", out)
	}
	w.Untouched()
}

// TestFrameFloodsEndTheConnection: cheap frames without end are stopped.
// [T54]
func TestFrameFloodsEndTheConnection(t *testing.T) {
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
