package integration

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// Attacks that would get past the scanner or into it (docs/threats.md has the numbers): each is refused in a readable
// way, and nothing of it reaches the scanner or the origin.

// everything is a world that allows every host and, with the double, also the double's own port.
func everything(t *testing.T, via harness.Via, names string) *harness.World {
	t.Helper()
	return harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true, Allow: []string{"*"},
		Double: double.Options{Allow: []string{"*"}},
		LateArgs: func(w *harness.World) []string {
			args := []string{"--ca-names", names}
			if w.Double != nil {
				_, port, _ := strings.Cut(w.Double.Addr(), ":")
				args = append(args, "--allow", "*:"+port)
			}
			return args
		}})
}

// TestScannersOwnApiIsOutOfReach: no spelling of an address reaches the scanner's own endpoints or the proxy itself.
// [T01]
func TestScannersOwnApiIsOutOfReach(t *testing.T) {
	w := everything(t, harness.Scanner, "allowlist")
	_, port, _ := strings.Cut(w.Double.Addr(), ":")
	_, own, _ := strings.Cut(w.Proxy.Addr, ":")
	hosts := []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
		"[::127.0.0.1]", "127.1", "127.0.1",
		"2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "017700000001", "127.0.0.1.", "localhost",
		"LOCALHOST", "localhost.", "ip6-localhost",
		"0", "0.0.0.0", "[::]", "[::1%25lo]", "[::1%lo]", "127.000.000.001", "①②⑦.0.0.1", "127。0。0。1", "user@127.0.0.1",
		"127.0.0.1@x"}
	var targets []string
	for _, host := range hosts {
		targets = append(targets, host+":"+port, host+":"+own)
	}
	targets = append(targets, "", ":"+port, ":", "/metrics", "//metrics", "http:///metrics", "127.0.0.1:"+port+
		"/health", "127.0.0.1:0"+port, "127.0.0.1:+"+port, "127.0.0.1: "+port)
	for _, target := range targets {
		raw := w.RawDial()
		answer := raw.Connect("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n")
		if s := answer.Status(); s != 400 && s != 403 && s != 0 {
			t.Errorf("CONNECT %q: status %d, want 400 or 403", target, s)
		}
		raw.Close()
		raw = w.RawDial()
		raw.Say("GET http://" + target + "/metrics HTTP/1.1\r\nHost: " + target + "\r\n\r\n")
		got, err := raw.Answer("GET")
		if s := got.Status(); err == nil && s != 400 && s != 403 {
			t.Errorf("GET http://%s/metrics: status %d, want 400 or 403", target, s)
		}
		raw.Close()
	}
	for _, line := range []string{"GET /metrics", "GET //pipelock/x", "GET http:///metrics", "GET http:/x",
		"GET http:x", "GET https:///health",
		"POST /api/v1/killswitch", "GET /health", "GET /fetch?url=https://origin.test/",
		"GET /ws?url=wss://origin.test/", "GET *", "OPTIONS *", "GET https://origin.test/text"} {
		raw := w.RawDial()
		raw.Say(line + " HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 0\r\n\r\n")
		got, err := raw.Answer("GET")
		if err == nil && got.StatusCode != 400 && got.StatusCode != 403 {
			t.Errorf("%s: status %d, want 400 or 403", line, got.StatusCode)
		}
		raw.Close()
	}
	w.Untouched()
}

// TestScannersPathsInsideTlsAreTheOrigins: paths of the scanner's own API are ordinary paths of the origin.
// [T01]
func TestScannersPathsInsideTlsAreTheOrigins(t *testing.T) {
	w := withDouble(t, double.Options{})
	for _, path := range []string{"/metrics", "/health", "//double/slash", "/api/v1/killswitch",
		"/fetch?url=https://elsewhere.test/"} {
		answer := w.Do(w.Client(harness.H1), "GET", path, nil)
		if answer.StatusCode != 404 && answer.StatusCode != 301 && answer.StatusCode != 200 {
			t.Errorf("%s: status %d", path, answer.StatusCode)
		}
	}
	for _, seen := range w.Double.Requests() {
		if !strings.HasPrefix(seen.Line, "GET https://origin.test/") {
			t.Errorf("the scanner got %q", seen.Line)
		}
	}
}

// TestConnectInsideTlsIsRefused: no second tunnel.
// [T02]
func TestConnectInsideTlsIsRefused(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for _, target := range []string{"origin.test:443", "elsewhere.test:22"} {
			conn := w.H1()
			conn.Say("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n")
			answer, err := conn.Answer("GET")
			if err != nil || !in(answer.StatusCode, []int{405, 501, 400}) {
				t.Errorf("h1 CONNECT %s: status %d, %v", target, answer.Status(), err)
			} else if !conn.Closed(harness.CloseLimit) {
				t.Errorf("h1 CONNECT %s: the connection stays open", target)
			}
		}
		for name, fields := range map[string][]harness.Field{
			"plain": {{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: "origin.test:443"}},
			"extended": {{Name: ":method", Value: "CONNECT"}, {Name: ":scheme", Value: "https"},
				{Name: ":authority", Value: "origin.test"}, {Name: ":path", Value: "/"},
				{Name: ":protocol", Value: "websocket"}},
			"full": {{Name: ":method", Value: "CONNECT"}, {Name: ":scheme", Value: "https"},
				{Name: ":authority", Value: "origin.test"}, {Name: ":path", Value: "/"}},
		} {
			c := w.H2()
			c.Headers(1, false, fields...)
			if out := c.Await(1); !out.Refused() && !in(out.Status, []int{400, 405, 501}) {
				t.Errorf("h2 %s: %v", name, out)
			}
		}
		w.Untouched()
	})
}

// TestExtendedConnectIsOfferedWhereItHasAWay: SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441) is a promise, and pipelock
// alone cannot keep it.
// [T02]
func TestExtendedConnectIsOfferedWhereItHasAWay(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		offered := false
		c := w.H2()
		for {
			f, err := c.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if f.Type != harness.FrameSettings || f.Flags&harness.FlagAck != 0 {
				continue
			}
			for i := 0; i+6 <= len(f.Payload); i += 6 {
				if id := int(f.Payload[i])<<8 | int(f.Payload[i+1]); id == 8 && f.Payload[i+5] != 0 {
					offered = true
				}
			}
			break
		}
		if want := w.Double == nil; offered != want {
			t.Errorf("extended CONNECT is offered: %v, want %v", offered, want)
		}
	})
}

// TestNotTlsInConnectIsClosed: what is neither TLS nor HTTP is closed, and nothing of it goes anywhere.
// [T03]
func TestNotTlsInConnectIsClosed(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for name, bytes := range map[string]string{
			"ssh":           "SSH-2.0-OpenSSH_9.2\r\n",
			"smtp":          "EHLO there\r\n",
			"garbage":       "\xff\xfe\xfd\xfc some bytes",
			"tls-then-junk": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + strings.Repeat("\xaa", 512),
			"sslv2":         "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
			"h2-cleartext":  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
			"huge-record":   "\x16\x03\x01\xff\xff" + strings.Repeat("\x01", 40000),
			"tls-alert":     "\x15\x03\x03\x00\x02\x02\x28",
		} {
			raw := w.Tunnel()
			raw.Say(bytes)
			_ = raw.SetReadDeadline(time.Now().Add(10 * time.Second))
			rest := make([]byte, 4096)
			n, err := 0, error(nil)
			for err == nil {
				var more int
				more, err = raw.In.Read(rest)
				n += more
			}
			if strings.Contains(err.Error(), "timeout") {
				t.Errorf("%s: the connection stays open", name)
			}
			if n > 2000 {
				t.Errorf("%s: %d bytes came back", name, n)
			}
		}
		w.Untouched()
		if n := w.Origin.Connections(); n > 0 {
			t.Errorf("%d connections to the origin", n)
		}
	})
}

// TestSilenceInConnectIsClosed: no first byte, no patience.
// [T03]
func TestSilenceInConnectIsClosed(t *testing.T) {
	t.Parallel()
	w := direct(t, "--limit", "first_byte_ms=500", "--limit", "client_hello_ms=500")
	raw := w.Tunnel()
	if !raw.Closed(10 * time.Second) {
		t.Error("a silent tunnel stays open")
	}
	raw = w.Tunnel()
	raw.Say("\x16\x03\x01\x02\x00\x01")
	if !raw.Closed(10 * time.Second) {
		t.Error("half a ClientHello keeps the tunnel open")
	}
	raw = w.RawDial()
	if !raw.Closed(10 * time.Second) {
		t.Error("a silent connection stays open")
	}
}

// TestPlainHttpInConnect443IsRefused: HTTP where TLS belongs is refused readably.
// [T03]
func TestPlainHttpInConnect443IsRefused(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		raw := w.Tunnel()
		raw.Say("GET /text HTTP/1.1\r\nHost: origin.test\r\n\r\n")
		answer, err := raw.Answer("GET")
		if err == nil && answer.StatusCode < 400 {
			t.Errorf("status %d", answer.StatusCode)
		}
		w.Untouched()
	})
}

// TestOtherPortsAreRefused: allowing a host allows 443 and 80, and ports have one spelling.
// [T04]
func TestOtherPortsAreRefused(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for port, want := range map[string]int{"22": 403, "25": 403, "6379": 403, "8443": 403, "65535": 403,
			"0": 400, "65536": 400, "99999999999": 400, "0443": 400, "+443": 400, "-1": 400, "": 400, "44x": 400,
			"4 43": 400, "443.0": 400, "0x1bb": 400} {
			raw := w.RawDial()
			answer := raw.Connect("CONNECT origin.test:" + port + " HTTP/1.1\r\nHost: origin.test\r\n\r\n")
			if answer.Status() != want {
				t.Errorf("port %q: status %d, want %d", port, answer.Status(), want)
			} else if p := answer.Problem(t); want == 403 && p.Code != "port_not_allowed" &&
				p.Code != "host_not_allowed" {
				t.Errorf("port %q: code %q", port, p.Code)
			}
		}
		w.Untouched()
	})
}

// TestRequestTrailersAreRead: trailers go where the guard has read them, and never through pipelock; dangerous ones are
// refused.
// [T05]
func TestRequestTrailersAreRead(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		passes := w.Double == nil
		late := func(text string) bool {
			for _, r := range w.Origin.Requests() {
				if r.Contains(text) {
					return true
				}
			}
			return false
		}
		answer := w.Exchange(fill(w, "POST /echo HTTP/1.1\r\nHost: {A}\r\nContent-Type: text/plain\r\n"+
			"Trailer: X-Late\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Late: of-h1\r\n\r\n"))
		if e := echoOf(t, answer); e.BodyLen != 2 || (len(e.Trailers) > 0) != passes || len(e.Get("Trailer")) > 0 {
			t.Errorf("h1: origin saw %+v", e)
		}
		c := w.H2()
		c.Headers(1, false, w.Request("POST", "/echo", harness.Field{Name: "content-type", Value: "text/plain"},
			harness.Field{Name: "trailer", Value: "x-late"})...)
		c.Data(1, false, "hi")
		c.Headers(1, true, harness.Field{Name: "x-late", Value: "of-h2"})
		if out := c.Await(1); out.Status != 200 || !strings.Contains(out.Body, `"body_len":2`) {
			t.Errorf("h2: %v", out)
		}
		for _, text := range []string{"of-h1", "of-h2"} {
			if late(text) != passes {
				t.Errorf("%s reached the origin: %v, want %v", text, !passes, passes)
			}
		}
		token := gitHubToken
		answer = w.Exchange(fill(w, "POST /echo HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"2\r\nhi\r\n0\r\nX-Late: "+token+"\r\n\r\n"))
		if passes && answer.Status() != 403 {
			t.Errorf("a token in a trailer: %d", answer.Status())
		}
		if late(token) {
			t.Error("a token in a trailer reached the origin")
		}
	})
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for _, trailer := range []string{"Host: elsewhere.test", "Content-Length: 5", "Transfer-Encoding: chunked",
			"Authorization: Bearer x", "X-Pipelock-Agent: forged", "X : y", "X\x00: y"} {
			answer := w.Exchange(fill(w, "POST /echo HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n"+
				"2\r\nhi\r\n0\r\n"+trailer+"\r\n\r\n"))
			if s := answer.Status(); s == 200 {
				t.Errorf("trailer %q: accepted", trailer)
			}
		}
		if w.Double != nil {
			w.Untouched()
		}
	})
}

// TestUnlistedMethodsAreRefused: only listed methods, in capitals, for both protocols.
// [T06]
func TestUnlistedMethodsAreRefused(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		methods := []string{"TRACE", "TRACK", "PRI", "get", "Get", "c2VjcmV0LWluLXRoZS1tZXRob2Q", "PROPFIND", "X",
			"DEBUG", harness.Repeat("A", 100)}
		var cases []raw
		for _, m := range methods {
			cases = append(cases, raw{m, m + " /text HTTP/1.1\r\nHost: {A}\r\n\r\n", []int{501, 405, 400}})
		}
		refuseRaw(t, w, cases)
		for _, m := range methods {
			c := w.H2()
			c.Headers(1, true, w.Request(m, "/text")...)
			if out := c.Await(1); !out.Refused() && !in(out.Status, []int{501, 405, 400}) {
				t.Errorf("h2 %s: %v", m, out)
			}
		}
		w.Untouched()
	})
}

// TestHeaderLimitsHold: names, counts and sizes.
// [T07]
func TestHeaderLimitsHold(t *testing.T) {
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		many := func(n int) string {
			text := ""
			for i := 0; i < n; i++ {
				text += fmt.Sprintf("X-F%d: v\r\n", i)
			}
			return text
		}
		refuseRaw(t, w, []raw{
			{"long-name", "GET /text HTTP/1.1\r\nHost: {A}\r\n" + harness.Repeat("N", 65) + ": v\r\n\r\n",
				[]int{400, 431}},
			{"many-fields", "GET /text HTTP/1.1\r\nHost: {A}\r\n" + many(101) + "\r\n", []int{431}},
			{"big-value", "GET /text HTTP/1.1\r\nHost: {A}\r\nX-A: " + harness.Repeat("v", 70000) + "\r\n\r\n",
				[]int{431}},
			{"big-total", "GET /text HTTP/1.1\r\nHost: {A}\r\n" + strings.Repeat("X-A: "+harness.Repeat("v", 8000)+
				"\r\n", 10) + "\r\n", []int{431}},
			{"underscore", "GET /text HTTP/1.1\r\nHost: {A}\r\nX_A: v\r\n\r\n", []int{400}},
			{"dot", "GET /text HTTP/1.1\r\nHost: {A}\r\nX.A: v\r\n\r\n", []int{400}},
			{"long-line", "GET /" + harness.Repeat("p", 17000) + " HTTP/1.1\r\nHost: {A}\r\n\r\n",
				[]int{414, 431, 400}},
		})
		answer := w.Exchange(fill(w, "GET /echo HTTP/1.1\r\nHost: {A}\r\n"+many(95)+harness.Repeat("N", 64)+
			": v\r\n\r\n"))
		if answer.Status() != 200 {
			t.Errorf("within the limits: status %d: %s", answer.Status(), answer.Text)
		}
	})
}

// TestSecretsInHeadersAreRefused: in a value, in any field, and in a name.
// [T07]
func TestSecretsInHeadersAreRefused(t *testing.T) {
	secret := shapeSecret
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		client := w.Client(proto)
		for _, field := range [][2]string{{"X-Foo", secret}, {"User-Agent", "tool/1 " + secret},
			{"Authorization", "Bearer " + secret}, {"Cookie", "k=" + secret}} {
			answer := w.Do(client, "GET", "/text", nil, field[0], field[1])
			wantProblem(t, answer, 403, "secret_in_header")
			if answer.Header.Get("X-Bottle-Deny") == "" || strings.Contains(answer.Text, secret) {
				t.Errorf("%s: deny %q, text %q", field[0], answer.Header.Get("X-Bottle-Deny"), answer.Text)
			}
		}
		w.Untouched()
	})
	t.Run("in-a-name", func(t *testing.T) {
		w := direct(t)
		wantProblem(t, w.Exchange(fill(w, "GET /text HTTP/1.1\r\nHost: {A}\r\n"+secret+": 1\r\n\r\n")), 403,
			"secret_in_header")
		c := w.H2()
		c.Headers(1, true, w.Request("GET", "/text", harness.Field{Name: strings.ToLower(secret), Value: "1"})...)
		if out := c.Await(1); out.Status != 403 && !out.Refused() {
			t.Errorf("%v", out)
		}
		w.Untouched()
	})
}

// TestForgedIdentityGoesNowhere: whatever the agent claims to be, only the proxy's own identity goes out.
// [T08]
func TestForgedIdentityGoesNowhere(t *testing.T) {
	fields := []string{
		"X-Pipelock-Agent: forged", "x-pipelock-agent: forged", "X-PIPELOCK-AGENT: forged",
		"X-Pipelock-Agent: forged\r\nX-Pipelock-Agent: forged2",
		"Pipelock-Mediation: forged", "Signature: pipelock=forged", "Signature-Input: pipelock=forged",
		"X-Bottle-Exchange: forged", "X-Bottle-Deny: forged",
		"X-Bottle-Origin-Status: forged", "Via: 1.1 a\r\nConnection: Via\r\nX-Bottle: forged",
		"Connection: X-Pipelock-Agent", "Connection: x-pipelock-agent, keep-alive",
		"Connection: close, X-Pipelock-Agent", "Proxy-Connection: forged",
		"Proxy-Authorization: Basic forged", "Keep-Alive: forged", "TE: trailers",
		"Upgrade: forged\r\nConnection: upgrade", "HTTP2-Settings: forged",
	}
	bothWorlds(t, func(t *testing.T, w *harness.World) {
		for i, field := range fields {
			answer := w.Exchange(fill(w, fmt.Sprintf("GET /echo?i=%d HTTP/1.1\r\nHost: {A}\r\n%s\r\n\r\n", i, field)))
			if answer.Status() == 0 || answer.Status() == 200 && strings.Contains(answer.Text, "forged") {
				t.Errorf("%q: %s %v", field, answer.Text, answer.BodyErr)
			}
		}
		for _, field := range []string{"X_Pipelock_Agent: forged", "X-Pipelock-Agent : forged",
			"X-Pipelock-Agent\x00: forged", "X-Pipelock-Agent:\r\n forged"} {
			answer := w.Exchange(fill(w, "GET /echo HTTP/1.1\r\nHost: {A}\r\n"+field+"\r\n\r\n"))
			if answer.Status() != 400 {
				t.Errorf("%q: status %d, want 400", field, answer.Status())
			}
		}
		c := w.H2()
		c.Headers(1, true, w.Request("GET", "/echo", harness.Field{Name: "x-pipelock-agent", Value: "forged"},
			harness.Field{Name: "x-bottle-exchange", Value: "forged"})...)
		if out := c.Await(1); out.Status != 200 || strings.Contains(out.Body, "forged") {
			t.Errorf("h2: %v", out)
		}
		if w.Double == nil {
			return
		}
		agents := map[string]bool{}
		for _, seen := range w.Double.Requests() {
			head := strings.ToLower(seen.Head)
			if strings.Contains(head, "forged") || seen.Agent == "" ||
				strings.Count(head, "\r\nx-pipelock-agent:") != 1 {
				t.Errorf("the scanner got\n%s", seen.Head)
			}
			if strings.Contains(head, "\r\nconnection:") && strings.Contains(head, "x-pipelock-agent,") {
				t.Errorf("Connection lists our own field:\n%s", seen.Head)
			}
			if agents[seen.Agent] {
				t.Errorf("identity %q used twice", seen.Agent)
			}
			agents[seen.Agent] = true
		}
	})
}

// TestFrontingIsMisdirected: CONNECT, SNI and Host name one place.
// [T09]
func TestFrontingIsMisdirected(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true,
				Allow:  []string{"origin.test", "other.test"},
				Origin: origin.Options{Names: []string{"other.test"}}, Double: double.Options{Allow: []string{"*"}}})
			names := []string{"origin.test", "other.test", "elsewhere.test", "127.0.0.1", "ORIGIN.test",
				"sub.origin.test"}
			for _, sni := range names {
				same := strings.EqualFold(sni, "origin.test")
				secured, err := w.TryTLS(w.Tunnel(), &tls.Config{ServerName: sni, NextProtos: []string{"http/1.1"}})
				if !same && err == nil && sni != "127.0.0.1" {
					t.Errorf("SNI %s inside CONNECT origin.test was accepted", sni)
				}
				if !same && sni != "127.0.0.1" && err != nil && !strings.Contains(err.Error(), "unrecognized name") {
					t.Errorf("SNI %s: %v, want the alert unrecognized_name", sni, err)
				}
				if same && err != nil {
					t.Errorf("SNI %s: %v", sni, err)
				}
				if err == nil {
					secured.Close()
				}
			}
			for _, host := range names {
				same := strings.EqualFold(host, "origin.test")
				if same {
					continue
				}
				answer := w.Exchange("GET /text HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
				wantProblem(t, answer, 421, "misdirected")
				answer = w.Exchange("GET https://" + host + "/text HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
				if !in(answer.Status(), []int{400, 421}) {
					t.Errorf("absolute form of %s inside TLS: status %d", host, answer.Status())
				}
			}
			for _, host := range []string{"user@origin.test", "origin.test:443@elsewhere.test", "origin.test:80",
				"origin.test:8443"} {
				answer := w.Exchange("GET /text HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
				if !in(answer.Status(), []int{400, 421}) {
					t.Errorf("Host %s: status %d", host, answer.Status())
				}
			}
			w.Untouched()

			c := w.H2()
			c.Headers(1, true, harness.Field{Name: ":method", Value: "GET"},
				harness.Field{Name: ":scheme", Value: "https"}, harness.Field{Name: ":authority", Value: "other.test"},
				harness.Field{Name: ":path", Value: "/text"})
			if out := c.Await(1); out.Status != 421 {
				t.Errorf("h2 stream for another host: %v", out)
			}
			c.Headers(3, true, w.Request("GET", "/text")...)
			if out := c.Await(3); out.Status != 200 {
				t.Errorf("after a 421 the connection must stay usable: %v", out)
			}
		})
	}
}

// TestAbsoluteFormHostMismatchIsRefused: the URI and Host must agree.
// [T09]
func TestAbsoluteFormHostMismatchIsRefused(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: origin.Options{Plain: true}})
	for _, text := range []string{
		"GET http://origin.test/text HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n",
		"GET http://user:pass@origin.test/text HTTP/1.1\r\nHost: origin.test\r\n\r\n",
		"GET http://origin.test/text HTTP/1.1\r\nHost: origin.test:8080\r\n\r\n",
	} {
		raw := w.RawDial()
		raw.Say(text)
		answer, err := raw.Answer(http.MethodGet)
		if err != nil || !in(answer.StatusCode, []int{400, 421}) {
			t.Errorf("%q: status %d, %v", text, answer.Status(), err)
		}
	}
	w.Untouched()
}
