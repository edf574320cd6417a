package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// halves runs f for every pair of client protocol and origin protocol, direct.
func halves(t *testing.T, f func(t *testing.T, w *harness.World, client harness.Proto, server harness.Proto)) {
	for _, server := range []harness.Proto{harness.H1, harness.H2} {
		for _, client := range []harness.Proto{harness.H1, harness.H2} {
			t.Run(fmt.Sprintf("client-%s/origin-%s", client, server), func(t *testing.T) {
				w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct,
					Origin: origin.Options{H1Only: server == harness.H1, H2Only: server == harness.H2}})
				f(t, w, client, server)
			})
		}
	}
}

func echoOf(t *testing.T, answer harness.Answer) origin.Echo {
	t.Helper()
	var e origin.Echo
	if answer.StatusCode != 200 {
		t.Fatalf("status %d: %s", answer.StatusCode, answer.Text)
	}
	if err := json.Unmarshal([]byte(answer.Text), &e); err != nil {
		t.Fatalf("echo: %v: %q", err, answer.Text)
	}
	return e
}

func TestHalvesNegotiateIndependently(t *testing.T) {
	halves(t, func(t *testing.T, w *harness.World, client, server harness.Proto) {
		e := echoOf(t, w.Do(w.Client(client), "POST", "/echo?a=1&b=%2F", strings.NewReader("body"), "X-Custom", "value",
			"Content-Type", "text/plain"))
		want := map[harness.Proto]string{harness.H1: "HTTP/1.1", harness.H2: "HTTP/2.0"}[server]
		if e.Protocol != want || e.Method != "POST" || e.URI != "/echo?a=1&b=%2F" || e.BodyLen != 4 {
			t.Errorf("origin saw %+v, want protocol %s", e, want)
		}
		if e.Host != w.Authority() {
			t.Errorf("origin saw host %q, want %q", e.Host, w.Authority())
		}
		if got := e.Get("X-Custom"); len(got) != 1 || got[0] != "value" {
			t.Errorf("X-Custom is %q", got)
		}
		for _, name := range []string{"Via", "X-Forwarded-For", "Forwarded", "X-Pipelock-Agent", "X-Bottle-Exchange",
			"Proxy-Connection"} {
			if got := e.Get(name); len(got) > 0 {
				t.Errorf("the origin got %s: %q", name, got)
			}
		}
	})
}

func TestMethodsAndBodies(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		client := w.Client(proto)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			for _, size := range []int{0, 1, 1000, 100000} {
				if method == "GET" && size > 0 {
					continue
				}
				body := harness.Repeat("some text ", size)
				e := echoOf(t, w.Do(client, method, "/echo", strings.NewReader(body), "Content-Type", "text/plain"))
				if e.Method != method || e.BodyLen != int64(size) {
					t.Errorf("%s with %d bytes: origin saw %s with %d", method, size, e.Method, e.BodyLen)
				}
			}
		}
	})
}

func TestBodyInGetIsForwarded(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		e := echoOf(t, w.Do(w.Client(proto), "GET", "/echo", strings.NewReader("query body"),
			"Content-Type", "text/plain"))
		if e.BodyLen != 10 {
			t.Errorf("origin saw %d bytes, want 10", e.BodyLen)
		}
	})
}

func TestTrailersReachTheClient(t *testing.T) {
	halves(t, func(t *testing.T, w *harness.World, client, server harness.Proto) {
		for _, path := range []string{"/trailers", "/grpc", "/grpc?only=1"} {
			answer := w.Do(w.Client(client), "GET", path, nil)
			if answer.BodyErr != nil {
				t.Fatalf("%s: %v", path, answer.BodyErr)
			}
			name, want := "X-Second", "two"
			if path != "/trailers" {
				name, want = "Grpc-Status", "0"
			}
			got := answer.Trailer.Get(name)
			if path == "/grpc?only=1" && got == "" {
				got = answer.Header.Get(name)
			}
			if got != want {
				t.Errorf("%s: trailer %s is %q, want %q (%v)", path, name, got, want, answer.Trailer)
			}
		}
	})
}

// TestForwardedFieldsAreTheClients: what a client says of where a request comes from is its own business. pipelock
// removes some of it; an exit behind it sends what the client wrote.
func TestForwardedFieldsAreTheClients(t *testing.T) {
	sent := []string{"X-Forwarded-For", "192.0.2.1, 192.0.2.2", "X-Forwarded-Host", "a.test",
		"X-Forwarded-Proto", "https", "X-Forwarded-Port", "443",
		"X-Forwarded-Prefix", "/v1", "X-Real-IP", "192.0.2.1", "Forwarded", "for=192.0.2.1;proto=https",
		"Via", "1.1 one", "Via", "1.1 two"}
	for name, options := range map[string]harness.WorldOptions{"direct": {Via: harness.Direct},
		"exit": {Via: harness.Scanner, Exit: true}} {
		for _, proto := range []harness.Proto{harness.H1, harness.H2} {
			t.Run(name+"/"+string(proto), func(t *testing.T) {
				w := harness.NewWorld(t, options)
				e := echoOf(t, w.Do(w.Client(proto), "GET", "/echo", nil, sent...))
				want := http.Header{}
				for i := 0; i < len(sent); i += 2 {
					want.Add(sent[i], sent[i+1])
				}
				for field, values := range want {
					if got := e.Get(field); strings.Join(got, "|") != strings.Join(values, "|") {
						t.Errorf("%s: the origin got %q, want %q", field, got, values)
					}
				}
				refused := w.Do(w.Client(proto), "GET", "/echo", nil, "X-Forwarded-For", shapeSecret)
				if name == "direct" &&
					(refused.StatusCode != 403 || refused.Header.Get("X-Bottle-Deny") != "secret_in_header") {
					t.Errorf("a secret in X-Forwarded-For: status %d", refused.StatusCode)
				}
			})
		}
	}
}

func TestEarlyHintsOnlyForH2Clients(t *testing.T) {
	halves(t, func(t *testing.T, w *harness.World, client, server harness.Proto) {
		var seen []int
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { seen = append(seen, code); return nil }})
		req, _ := http.NewRequestWithContext(ctx, "GET", w.URL("/early-hints?n=2"), nil)
		resp, err := w.Client(client).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || string(text) != "after the hints\n" {
			t.Errorf("status %d, body %q", resp.StatusCode, text)
		}
		want := 0
		if client == harness.H2 {
			want = 2
		}
		if len(seen) != want {
			t.Errorf("interim responses %v, want %d", seen, want)
		}
	})
}

func TestBodilessAnswers(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		client := w.Client(proto)
		for _, status := range []int{204, 304} {
			answer := w.Do(client, "GET", fmt.Sprintf("/status/%d", status), nil)
			if answer.StatusCode != status || answer.Text != "" || answer.BodyErr != nil {
				t.Errorf("%d: status %d, body %q, %v", status, answer.StatusCode, answer.Text, answer.BodyErr)
			}
		}
		answer := w.Do(client, "HEAD", "/head", nil)
		if answer.StatusCode != 200 || answer.Text != "" || answer.Header.Get("ETag") != `"abc"` {
			t.Errorf("HEAD: status %d, %v, body %q", answer.StatusCode, answer.Header, answer.Text)
		}
		if got := answer.Header.Get("Content-Length"); via == harness.Direct && got != "12345" {
			t.Errorf("HEAD: Content-Length %q, want 12345", got)
		}
		// The connection must still be in step.
		if answer := w.Do(client, "GET", "/text", nil); answer.Text != "hello from the origin\n" {
			t.Errorf("after HEAD: %q", answer.Text)
		}
	})
}

func TestStatusesPass(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		client := w.Client(proto)
		for _, status := range []int{200, 201, 206, 400, 401, 403, 404, 409, 418, 429, 451, 500, 502, 503, 504} {
			answer := w.Do(client, "GET", fmt.Sprintf("/status/%d", status), nil)
			if answer.StatusCode != status || answer.Header.Get("X-Origin-Status") == "" {
				t.Errorf("origin's %d came as %d (%v)", status, answer.StatusCode, answer.Header)
			}
			if answer.Header.Get("X-Bottle-Deny") != "" {
				t.Errorf("the origin's own %d is marked as refused", status)
			}
		}
	})
}

// TestExpectIsAnsweredByTheProxy: the 100 comes from the proxy, and the origin never sees Expect.
func TestExpectIsAnsweredByTheProxy(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via})
			conn := w.H1()
			conn.Say(fill(w, "POST /echo HTTP/1.1\r\nHost: {A}\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"+
				"Expect: 100-continue\r\n\r\n"))
			line, err := conn.In.ReadString('\n')
			if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("got %q (%v), want 100 Continue before the body", line, err)
			}
			for line != "\r\n" {
				if line, err = conn.In.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			conn.Say("hello")
			answer, err := conn.Answer("POST")
			if err != nil {
				t.Fatal(err)
			}
			e := echoOf(t, answer)
			if e.BodyLen != 5 || len(e.Get("Expect")) != 0 {
				t.Errorf("origin saw %d bytes, Expect %q", e.BodyLen, e.Get("Expect"))
			}
		})
	}
	t.Run("h2", func(t *testing.T) {
		w := direct(t)
		e := echoOf(t, w.Do(w.Client(harness.H2), "POST", "/echo", strings.NewReader("hello"),
			"Expect", "100-continue"))
		if e.BodyLen != 5 {
			t.Errorf("origin saw %d bytes", e.BodyLen)
		}
	})
}

// TestExpectRefusedBeforeTheBody: a refusal needs no 100 first.
func TestExpectRefusedBeforeTheBody(t *testing.T) {
	w := direct(t, "--ca-names", "any")
	raw, err := w.TryTLS(w.TunnelTo("elsewhere.test:443"), tlsConfig("elsewhere.test", "http/1.1"))
	if err != nil {
		t.Fatal(err)
	}
	raw.Say("POST / HTTP/1.1\r\nHost: elsewhere.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	answer, err := raw.Answer("POST")
	if err != nil || answer.StatusCode != 403 {
		t.Errorf("status %d (%v), want 403 at once", answer.Status(), err)
	}
}

func TestOptionsAsterisk(t *testing.T) {
	w := direct(t)
	answer := w.Exchange(fill(w, "OPTIONS * HTTP/1.1\r\nHost: {A}\r\n\r\n"))
	if s := answer.Status(); s == 0 || s >= 500 && s != 501 {
		t.Errorf("OPTIONS *: status %d, %v", s, answer.BodyErr)
	}
}

// TestCookieCrumbsAreJoined: many cookie fields of an h2 request become one.
func TestCookieCrumbsAreJoined(t *testing.T) {
	halves(t, func(t *testing.T, w *harness.World, client, server harness.Proto) {
		if client == harness.H2 {
			c := w.H2()
			c.Headers(1, true, w.Request("GET", "/echo", harness.Field{Name: "cookie", Value: "a=1"},
				harness.Field{Name: "cookie", Value: "b=2"}, harness.Field{Name: "cookie", Value: "c=3"})...)
			out := c.Await(1)
			if out.Status != 200 || !strings.Contains(out.Body, "a=1; b=2; c=3") {
				t.Errorf("%v", out)
			}
			return
		}
		e := echoOf(t, w.Do(w.Client(client), "GET", "/echo", nil, "Cookie", "a=1; b=2; c=3"))
		if got := e.Get("Cookie"); strings.Join(got, "|") != "a=1; b=2; c=3" {
			t.Errorf("origin saw cookies %q", got)
		}
	})
}

func TestSetCookiesStaySeparate(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		answer := w.Do(w.Client(proto), "GET", "/cookies", nil)
		if got := answer.Header["Set-Cookie"]; len(got) != 2 {
			t.Errorf("Set-Cookie: %q, want two", got)
		}
	})
}

func TestRedirectsReachTheClientInDirectMode(t *testing.T) {
	halves(t, func(t *testing.T, w *harness.World, client, server harness.Proto) {
		answer := w.Do(w.Client(client), "GET", "/redirect?code=307&to=https://elsewhere.test/x", nil)
		if answer.StatusCode != 307 || answer.Header.Get("Location") != "https://elsewhere.test/x" ||
			len(answer.Header["Set-Cookie"]) != 2 {
			t.Errorf("status %d, %v", answer.StatusCode, answer.Header)
		}
	})
}

func TestPipeliningIsServedInOrder(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via})
			conn := w.H1()
			var text string
			for i := 0; i < 8; i++ {
				text += fill(w, fmt.Sprintf("POST /echo?n=%d HTTP/1.1\r\nHost: {A}\r\nContent-Type: text/plain\r\n"+
					"Content-Length: %d\r\n\r\n%s", i, i, harness.Repeat("x", i)))
			}
			conn.Say(text)
			for i := 0; i < 8; i++ {
				answer, err := conn.Answer("POST")
				if err != nil {
					t.Fatalf("answer %d: %v", i, err)
				}
				if e := echoOf(t, answer); e.URI != fmt.Sprintf("/echo?n=%d", i) || e.BodyLen != int64(i) {
					t.Errorf("answer %d is for %s with %d bytes", i, e.URI, e.BodyLen)
				}
			}
		})
	}
}

func TestKeepAliveServesManyRequests(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		client := w.Client(proto)
		for i := 0; i < 50; i++ {
			if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 {
				t.Fatalf("request %d: status %d", i, answer.StatusCode)
			}
		}
		if n := w.Origin.Connections(); w.Via == harness.Direct && n > 2 {
			t.Errorf("%d connections to the origin for 50 requests in turn", n)
		}
		if w.Double != nil && w.Double.Connections() > 2 {
			t.Errorf("%d connections to the scanner for 50 requests in turn", w.Double.Connections())
		}
	})
}

// TestConnectForms: every form of CONNECT that real clients send.
func TestConnectForms(t *testing.T) {
	w := direct(t)
	for name, head := range map[string]string{
		"1.0-bare": "CONNECT {H} HTTP/1.0\r\n\r\n",
		"1.1":      "CONNECT {H} HTTP/1.1\r\nHost: {H}\r\n\r\n",
		"undici": "CONNECT {H} HTTP/1.1\r\nhost: {H}\r\nconnection: close\r\n" +
			"proxy-connection: keep-alive\r\n\r\n",
		"aiohttp": "CONNECT {H} HTTP/1.1\r\nHost: {H}\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n" +
			"User-Agent: aiohttp\r\n\r\n",
		"proxy-auth":      "CONNECT {H} HTTP/1.1\r\nHost: {H}\r\nProxy-Authorization: Basic dTpw\r\n\r\n",
		"upper-case-name": "CONNECT ORIGIN.TEST:443 HTTP/1.1\r\nHost: ORIGIN.TEST:443\r\n\r\n",
		"host-no-port":    "CONNECT {H} HTTP/1.1\r\nHost: origin.test\r\n\r\n",
		"content-len-0":   "CONNECT {H} HTTP/1.1\r\nHost: {H}\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			raw := w.RawDial()
			answer := raw.Connect(strings.ReplaceAll(head, "{H}", w.HostPort()))
			if answer.Status() != 200 {
				t.Fatalf("status %d, %v, %s", answer.Status(), answer.BodyErr, answer.Text)
			}
			secured, err := w.TryTLS(raw, tlsConfig(w.Name, "http/1.1"))
			if err != nil {
				t.Fatal(err)
			}
			secured.Say(fill(w, "GET /text HTTP/1.1\r\nHost: {A}\r\n\r\n"))
			if got, err := secured.Answer("GET"); err != nil || got.StatusCode != 200 {
				t.Errorf("status %d, %v", got.Status(), err)
			}
		})
	}
}

// TestClientHelloInPieces: the handshake's bytes come one by one.
func TestClientHelloInPieces(t *testing.T) {
	w := direct(t)
	raw := w.Tunnel()
	secured, err := w.TryTLS(&harness.Raw{Conn: &dribble{raw}, In: raw.In}, tlsConfig(w.Name, "http/1.1"))
	if err != nil {
		t.Fatal(err)
	}
	secured.Say(fill(w, "GET /text HTTP/1.1\r\nHost: {A}\r\n\r\n"))
	if got, err := secured.Answer("GET"); err != nil || got.StatusCode != 200 {
		t.Errorf("status %d, %v", got.Status(), err)
	}
}

// TestNoAlpnMeansHttp1: wget, npm and apt offer no ALPN at all.
func TestNoAlpnMeansHttp1(t *testing.T) {
	w := direct(t)
	conn := w.TLS()
	conn.Say(fill(w, "GET /text HTTP/1.1\r\nHost: {A}\r\nProxy-Connection: keep-alive\r\n\r\n"))
	if got, err := conn.Answer("GET"); err != nil || got.StatusCode != 200 {
		t.Errorf("status %d, %v", got.Status(), err)
	}
}

// TestPlainHttpInsideConnect80: undici and Node tunnel http:// URLs as well.
func TestPlainHttpInsideConnect80(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true,
				Origin: origin.Options{Plain: true}})
			conn := w.Tunnel()
			for i := 0; i < 2; i++ {
				conn.Say(fill(w, "GET /echo HTTP/1.1\r\nHost: {A}\r\n\r\n"))
				answer, err := conn.Answer("GET")
				if err != nil {
					t.Fatal(err)
				}
				if e := echoOf(t, answer); e.Host != w.Authority() {
					t.Errorf("origin saw host %q", e.Host)
				}
			}
		})
	}
}

// TestAbsoluteFormHttp: the plain forward-proxy call.
func TestAbsoluteFormHttp(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true,
				Origin: origin.Options{Plain: true}})
			client := w.Client(harness.H1)
			for i := 0; i < 3; i++ {
				e := echoOf(t, w.Do(client, "POST", "/echo?x=1", strings.NewReader("hi"), "Content-Type", "text/plain"))
				if e.URI != "/echo?x=1" || e.Host != w.Authority() || e.BodyLen != 2 {
					t.Errorf("origin saw %+v", e)
				}
			}
		})
	}
}

// TestCloseDelimitedBody: a body that ends with the connection arrives whole and ends cleanly.
func TestCloseDelimitedBody(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: origin.Options{H1Only: true}})
		answer := w.Do(w.Client(proto), "GET", "/close-delimited", nil)
		if answer.Text != "until the end\n" || answer.BodyErr != nil {
			t.Errorf("body %q, %v", answer.Text, answer.BodyErr)
		}
	})
}

// TestHttp10ClientInsideTls: an HTTP/1.0 request is answered without chunks and the connection closes.
func TestHttp10ClientInsideTls(t *testing.T) {
	w := direct(t)
	conn := w.H1()
	conn.Say(fill(w, "GET /bytes?n=5000&chunked=1 HTTP/1.0\r\nHost: {A}\r\n\r\n"))
	answer, err := conn.Answer("GET")
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Text) != 5000 || len(answer.TransferEncoding) > 0 {
		t.Errorf("%d bytes, transfer codings %v", len(answer.Text), answer.TransferEncoding)
	}
}

// TestClientGoneCancelsUpstream: hanging up ends the exchange at the origin.
func TestClientGoneCancelsUpstream(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true})
		client := w.Client(proto)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", w.URL("/sse?n=1000&ms=50"), nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		resp.Body.Close()
		if !w.Origin.Wait(5*time.Second, func(r []origin.Record) bool { return len(r) == 1 && r[0].Done }) {
			t.Errorf("the origin still streams 5 s after the client has gone")
		}
	})
}
