package integration

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// These tests pin what bottle-proxy relies on in the scanner, section by section of docs/pipelock.md, for the contract
// that BOTTLE_CONTRACT names. They run against the double, and against the real program when PIPELOCK_BIN names it, so
// that the double cannot drift from it unseen.

type scannerWorld struct {
	t         *testing.T
	origin    *origin.Server
	addr      string
	authority string
	double    *double.Double
	audit     *harness.ScannerAudit
	contract  double.Contract
}

func newScanner(t *testing.T) *scannerWorld {
	t.Helper()
	server, err := origin.Start(origin.Options{H1Only: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &scannerWorld{t: t, origin: server, contract: harness.Contract(t)}
	s.addr, s.authority, s.double, s.audit = harness.StartScanner(t, server, double.Options{MaxRequest: 1 << 20,
		MaxResponse: 2 << 20, MaxURL: 8192, Total: 60 * time.Second})
	return s
}

// ask sends one request with raw extra fields and a body; it returns the answer and its raw head.
func (s *scannerWorld) ask(method, path, fields, body string) (harness.Answer, string) {
	s.t.Helper()
	conn := harness.RawDial(s.t, s.addr)
	defer conn.Close()
	length := ""
	if body != "" || method == "POST" {
		length = fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	target := path
	if !strings.Contains(path, "://") {
		target = "https://" + s.authority + path
	}
	conn.Say(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n%s", method, target, s.authority, length, fields, body))
	head := ""
	peek := 1
	for !strings.Contains(head, "\r\n\r\n") {
		text, err := conn.In.Peek(peek)
		if err != nil {
			s.t.Fatalf("%s %s: no answer: %v", method, path, err)
		}
		head = string(text)
		if peek = conn.In.Buffered(); peek <= len(head) {
			peek = len(head) + 1
		}
	}
	head, _, _ = strings.Cut(head, "\r\n\r\n")
	answer, err := conn.Answer(method)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer, head
}

// names lists the fields of a head in their order, without those that start with one of `not`.
func names(head string, not ...string) string {
	var out []string
next:
	for _, line := range strings.Split(head, "\r\n")[1:] {
		name, _, _ := strings.Cut(line, ":")
		for _, prefix := range not {
			if strings.HasPrefix(name, prefix) {
				continue next
			}
		}
		out = append(out, name)
	}
	return strings.Join(out, ",")
}

const blockField = "X-Pipelock-Block-Reason"

// checkMark says whether the answer is marked as a refusal if the contract has marks, and not otherwise.
func (s *scannerWorld) checkMark(t *testing.T, answer harness.Answer, code string) {
	t.Helper()
	if s.contract == double.Contract2 {
		if got := answer.Header[blockField]; len(got) > 0 {
			t.Errorf("marked as %q: that is 3.x", got)
		}
		return
	}
	retry := answer.Header.Get(blockField + "-Retry")
	severity := answer.Header.Get(blockField + "-Severity")
	if got := answer.Header.Get(blockField); got != code || answer.Header.Get(blockField+"-Version") != "1" ||
		!strings.Contains("none transient policy", retry) || retry == "" ||
		!strings.Contains("info warn critical", severity) || severity == "" {
		t.Errorf("marked as %q, want %q: %v", got, code, answer.Header)
	}
}

func TestContractUriBeatsHost(t *testing.T) {
	s := newScanner(t)
	conn := harness.RawDial(t, s.addr)
	conn.Say("GET https://" + s.authority + "/echo HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n")
	answer, err := conn.Answer("GET")
	if err != nil {
		t.Fatal(err)
	}
	if e := echoOf(t, answer); e.Host != s.authority {
		t.Errorf("origin saw host %q", e.Host)
	}
}

func TestContractBlocks(t *testing.T) {
	s := newScanner(t)
	secret := "sk-ant-" + strings.Repeat("a1B2c3D4", 5)
	for _, c := range []struct{ name, method, path, fields, body, want, code string }{
		{"allowlist", "GET", "https://elsewhere.test/", "", "", "blocked: domain not in allowlist: elsewhere.test",
			"domain_blocklist"},
		{"query", "GET", "/echo?k=" + secret, "", "", "blocked: DLP match: Anthropic API Key (critical)", "dlp_match"},
		{"body", "POST", "/echo", "Content-Type: text/plain\r\n", "key " + secret,
			"blocked: request body contains secret: Anthropic API Key", "dlp_match"},
		{"header", "GET", "/echo", "X-Token: " + secret + "\r\n", "", "blocked: request header contains secret",
			"dlp_match"},
		{"gzip-body", "POST", "/echo", "Content-Encoding: gzip\r\n", "xx",
			`blocked: request body uses Content-Encoding "gzip"; compressed bodies cannot be scanned for secrets`,
			"bad_request"},
		{"json", "POST", "/echo", "Content-Type: application/json\r\n", "{nope", "blocked: invalid JSON body",
			"parse_error"},
		{"form", "POST", "/echo", "Content-Type: application/x-www-form-urlencoded\r\n", "a=%zz",
			"blocked: invalid application/x-www-form-urlencoded body", "parse_error"},
		{"too-large", "POST", "/echo", "Content-Type: text/plain\r\n", strings.Repeat("word ", 220000),
			"blocked: request body exceeds max_body_bytes (1048576)", "bad_request"},
		{"compressed-answer", "GET", "/gzip?force=1", "", "", "blocked: compressed response cannot be scanned",
			"compressed_response"},
		{"crlf", "GET", "/echo?a=%0d%0ab", "", "", "blocked: ", "bad_request"},
		{"traversal", "GET", "/a/../b", "", "", "blocked: path traversal sequence in URL", "bad_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, head := s.ask(c.method, c.path, c.fields, c.body)
			if answer.StatusCode != 403 || !strings.HasPrefix(answer.Text, c.want) ||
				!strings.HasSuffix(answer.Text, "\n") {
				t.Errorf("status %d, body %q, want 403 %q", answer.StatusCode, answer.Text, c.want)
			}
			s.checkMark(t, answer, c.code)
			got := names(head, "X-Pipelock-Hint", blockField)
			if !strings.HasPrefix(got, "Content-Type,X-Content-Type-Options,Date,Content-Length") {
				t.Errorf("wire order %s", got)
			}
			if answer.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("type %q", answer.Header.Get("Content-Type"))
			}
		})
	}
}

func TestContractUpstreamFailureIs502(t *testing.T) {
	s := newScanner(t)
	conn := harness.RawDial(t, s.addr)
	conn.Say("GET https://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")
	answer, err := conn.Answer("GET")
	if err != nil || answer.StatusCode != 502 || answer.Text != "forward proxy fetch failed\n" {
		t.Errorf("status %d, %q, %v", answer.Status(), answer.Text, err)
	}
}

func TestContractHeaders(t *testing.T) {
	s := newScanner(t)
	fields := "X-Pipelock-Agent: me\r\nX-Forwarded-For: 1.2.3.4\r\nVia: 1.1 x\r\nForwarded: for=x\r\nTE: trailers\r\n" +
		"Keep-Alive: 1\r\nProxy-Authorization: Basic dTpw\r\nConnection: X-Listed\r\nX-Listed: 1\r\nx-kept: yes\r\n" +
		"Accept-Encoding: identity\r\nUser-Agent:\r\n"
	answer, _ := s.ask("GET", "/echo?z=1&agent=forged&a=%20", fields, "")
	e := echoOf(t, answer)
	for _, name := range []string{"X-Pipelock-Agent", "X-Forwarded-For", "Via", "Forwarded", "TE", "Keep-Alive",
		"Proxy-Authorization", "X-Listed", "User-Agent"} {
		if got := e.Get(name); len(got) > 0 {
			t.Errorf("%s reached the origin: %q", name, got)
		}
	}
	if got := e.Get("X-Kept"); len(got) != 1 || len(e.Get("Accept-Encoding")) != 1 {
		t.Errorf("X-Kept %q, Accept-Encoding %q", got, e.Get("Accept-Encoding"))
	}
	if e.URI != "/echo?a=+&z=1" {
		t.Errorf("origin saw %q: the agent parameter makes the query sorted and re-encoded", e.URI)
	}
	if found := harness.Eventually(3*time.Second, func() bool {
		return strings.Contains(s.audit.String(), `"agent":"me"`)
	}); !found {
		t.Errorf("no audit line for agent me")
	}
}

func TestContractDefaultUserAgent(t *testing.T) {
	s := newScanner(t)
	answer, _ := s.ask("GET", "/echo", "", "")
	if got := echoOf(t, answer).Get("User-Agent"); len(got) != 1 || got[0] != "Go-http-client/1.1" {
		t.Errorf("User-Agent %q", got)
	}
}

func TestContractRelayedResponse(t *testing.T) {
	s := newScanner(t)
	answer, head := s.ask("GET", "/bytes?n=1000", "", "")
	if len(answer.Text) != 1000 || answer.Header.Get("Content-Length") != "1000" ||
		names(head) != "Content-Type,Date,X-Sha256,Content-Length" {
		t.Errorf("%d bytes, wire order %s", len(answer.Text), names(head))
	}
	answer, _ = s.ask("GET", "/bytes?n=100000", "", "")
	if len(answer.Text) != 100000 || len(answer.TransferEncoding) != 1 {
		t.Errorf("%d bytes, transfer codings %v: large bodies come chunked", len(answer.Text), answer.TransferEncoding)
	}
	answer, head = s.ask("HEAD", "/head", "", "")
	if answer.StatusCode != 200 || strings.Contains(head, "Content-Length") {
		t.Errorf("HEAD keeps its length: %q", head)
	}
	answer, _ = s.ask("GET", "/trailers", "", "")
	if len(answer.Trailer) > 0 {
		t.Errorf("trailers %v", answer.Trailer)
	}
	answer, _ = s.ask("GET", "/early-hints", "", "")
	if answer.StatusCode != 200 {
		t.Errorf("status %d: interim responses are swallowed", answer.StatusCode)
	}
	for _, status := range []int{204, 304} {
		answer, _ = s.ask("GET", fmt.Sprintf("/status/%d", status), "", "")
		if answer.StatusCode != status {
			t.Errorf("status %d, want %d", answer.StatusCode, status)
		}
	}
}

// TestContractRedirects: 2.3 follows them, 3.x returns them.
func TestContractRedirects(t *testing.T) {
	s := newScanner(t)
	if s.contract == double.Contract3 {
		s.returnsRedirects(t)
	} else {
		s.followsRedirects(t)
	}
}

func (s *scannerWorld) returnsRedirects(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/redirect?n=5", 302},
		{"GET", "/redirect?to=https%3A%2F%2Felsewhere.test/", 302},
		{"POST", "/redirect?to=/echo", 302},
		{"POST", "/redirect?code=307&to=/echo", 307},
		{"POST", "/redirect?code=307&to=https%3A%2F%2Felsewhere.test/", 403},
	} {
		body := map[string]string{"POST": "body"}[c.method]
		answer, _ := s.ask(c.method, c.path, "Content-Type: text/plain\r\n", body)
		if answer.StatusCode != c.want {
			t.Errorf("%s %s: status %d, want %d: %s", c.method, c.path, answer.StatusCode, c.want, answer.Text)
		}
		if c.want == 403 {
			s.checkMark(t, answer, "redirect_scan_denied")
		} else if answer.Header.Get("Location") == "" || len(answer.Header["Set-Cookie"]) == 0 {
			t.Errorf("%s %s: %v", c.method, c.path, answer.Header)
		}
	}
	for _, r := range s.origin.Requests() {
		if !strings.HasPrefix(r.URI, "/redirect") {
			t.Errorf("the origin saw %s", r.URI)
		}
	}
}

func (s *scannerWorld) followsRedirects(t *testing.T) {
	answer, _ := s.ask("GET", "/redirect?n=4", "", "")
	if answer.StatusCode != 200 || answer.Text != "hello from the origin\n" {
		t.Errorf("4 redirects: status %d, %q", answer.StatusCode, answer.Text)
	}
	answer, _ = s.ask("GET", "/redirect?n=5", "", "")
	if answer.StatusCode != 502 {
		t.Errorf("5 redirects: status %d, want 502", answer.StatusCode)
	}
	answer, _ = s.ask("GET", "/redirect?to=https%3A%2F%2Felsewhere.test/", "", "")
	if answer.StatusCode != 403 || !strings.HasPrefix(answer.Text, "blocked: redirect blocked: domain not in "+
		"allowlist: elsewhere.test") {
		t.Errorf("status %d, %q", answer.StatusCode, answer.Text)
	}
	answer, _ = s.ask("POST", "/redirect?to=/echo", "Content-Type: text/plain\r\n", "body")
	if e := echoOf(t, answer); e.Method != "GET" || e.BodyLen != 0 {
		t.Errorf("302 after POST: origin saw %s with %d bytes", e.Method, e.BodyLen)
	}
	answer, _ = s.ask("POST", "/redirect?code=307&to=/echo", "Content-Type: text/plain\r\n", "body")
	if e := echoOf(t, answer); e.Method != "POST" || e.BodyLen != 4 {
		t.Errorf("307 after POST: origin saw %s with %d bytes", e.Method, e.BodyLen)
	}
}

func TestContractEventStream(t *testing.T) {
	s := newScanner(t)
	answer, _ := s.ask("GET", "/sse?n=3&ms=20&comments=1", "", "")
	if strings.Contains(answer.Text, "keep-alive") || strings.Count(answer.Text, "data: ") != 3 ||
		strings.Count(answer.Text, "event: tick\n") != 3 {
		t.Errorf("stream %q", answer.Text)
	}
	answer, _ = s.ask("GET", "/sse?n=2&ms=20&last=sk-ant-"+strings.Repeat("%61", 3)+"%2Dapi03-abcdefghijklmnop", "", "")
	if answer.StatusCode == 200 {
		// The query itself may be what is blocked; a stream that was cut must end cleanly.
		if answer.BodyErr != nil || strings.Contains(answer.Text, "api03") {
			t.Errorf("a finding in an event: %v, %q", answer.BodyErr, answer.Text)
		}
	}
}

func TestContractTruncationEndsCleanly(t *testing.T) {
	if harness.RealPipelock() != "" && testing.Short() {
		t.Skip("a real pipelock scans 2 MiB for 15 s; not with -short")
	}
	s := newScanner(t)
	conn := harness.RawDial(t, s.addr)
	_ = conn.SetDeadline(time.Now().Add(90 * time.Second))
	conn.Say("GET https://" + s.authority + "/bytes?n=3145728 HTTP/1.1\r\nHost: " + s.authority + "\r\n\r\n")
	answer, err := conn.Answer("GET")
	if err != nil || answer.BodyErr != nil || len(answer.Text) != 2<<20 || answer.StatusCode != 200 {
		t.Errorf("status %d, %d bytes, %v %v: a cut at max_response_mb ends cleanly", answer.Status(), len(answer.Text),
			err, answer.BodyErr)
	}
}

func TestContractBrokenOrigin(t *testing.T) {
	s := newScanner(t)
	answer, _ := s.ask("GET", "/die?after=1000", "", "")
	if answer.StatusCode != 403 || s.contract == double.Contract2 && answer.Text != "blocked: response read error\n" {
		t.Errorf("status %d, %q", answer.StatusCode, answer.Text)
	}
	s.checkMark(t, answer, "parse_error")
	if s.contract == double.Contract3 && answer.Header.Get(blockField+"-Layer") != "response_scan" {
		t.Errorf("layer %q", answer.Header.Get(blockField+"-Layer"))
	}
}

func TestContractFinCancels(t *testing.T) {
	s := newScanner(t)
	conn := harness.RawDial(t, s.addr)
	conn.Say("GET https://" + s.authority + "/slow?ms=5000 HTTP/1.1\r\nHost: " + s.authority + "\r\n\r\n")
	if !s.origin.Wait(5*time.Second, func(r []origin.Record) bool { return len(r) == 1 }) {
		t.Fatal("the request never reached the origin")
	}
	began := time.Now()
	conn.Close()
	if !s.origin.Wait(3*time.Second, func(r []origin.Record) bool {
		return r[0].Done
	}) || time.Since(began) > 3*time.Second {
		t.Errorf("the origin was not left when the caller closed")
	}
}

func TestContractOwnEndpoints(t *testing.T) {
	s := newScanner(t)
	for path, want := range map[string]int{"/health": 200, "/nothing": 404, "/api/v1/killswitch": 503} {
		conn := harness.RawDial(t, s.addr)
		method := "GET"
		if want == 503 {
			method = "POST"
		}
		conn.Say(method + " " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		answer, err := conn.Answer(method)
		if err != nil || answer.StatusCode != want {
			t.Errorf("%s: status %d, want %d (%v)", path, answer.Status(), want, err)
		}
	}
}

// TestContractCallsOfItsOwn: what reaches the scanner's port can make it fetch and dial for itself.
func TestContractCallsOfItsOwn(t *testing.T) {
	s := newScanner(t)
	conn := harness.RawDial(t, s.addr)
	conn.Say("GET /fetch?url=" + url.QueryEscape("https://"+s.authority+"/text") + " HTTP/1.1\r\nHost: x\r\n\r\n")
	answer, err := conn.Answer("GET")
	if err != nil || answer.StatusCode != 200 || !strings.Contains(answer.Text, "hello from the origin") {
		t.Errorf("/fetch: status %d, %v: %s", answer.Status(), err, answer.Text)
	}
	conn = harness.RawDial(t, s.addr)
	conn.Say("GET /ws?url=" + url.QueryEscape("wss://"+s.authority+"/text") +
		" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if answer, err := conn.Answer("GET"); err != nil || answer.StatusCode != 101 {
		t.Errorf("/ws: status %d, %v", answer.Status(), err)
	}
	frame := make([]byte, 4)
	if _, err := io.ReadFull(conn.In, frame); err != nil || frame[0] != 0x88 || frame[2] != 3 || frame[3] != 0xf3 {
		t.Errorf("/ws to an origin without WebSocket: % x, %v, want a close frame with 1011", frame, err)
	}
	if n := len(s.origin.Requests()); n != 2 {
		t.Errorf("%d requests at the origin, want 2", n)
	}
}

func TestContractMalformedRequests(t *testing.T) {
	s := newScanner(t)
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"no-host":   {"GET https://{A}/ HTTP/1.1\r\n\r\n", 400},
		"two-hosts": {"GET https://{A}/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"bad-uri":   {"GET https://{A}/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"te-gzip":   {"POST https://{A}/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		"http-2":    {"GET https://{A}/ HTTP/2.0\r\nHost: a\r\n\r\n", 505},
		"expect": {"POST https://{A}/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: other\r\n\r\nx",
			http.StatusExpectationFailed},
		"wss": {"GET wss://{A}/ HTTP/1.1\r\nHost: a\r\n\r\n", 403},
	} {
		t.Run(name, func(t *testing.T) {
			conn := harness.RawDial(t, s.addr)
			conn.Say(strings.ReplaceAll(c.text, "{A}", s.authority))
			answer, err := conn.Answer("GET")
			if err != nil || answer.StatusCode != c.want {
				t.Errorf("status %d, want %d (%v) %q", answer.Status(), c.want, err, answer.Text)
			}
		})
	}
}

func TestContractChunkedUpload(t *testing.T) {
	s := newScanner(t)
	conn := harness.RawDial(t, s.addr)
	conn.Say("POST https://" + s.authority + "/echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	answer, err := conn.Answer("POST")
	if err != nil {
		t.Fatal(err)
	}
	if e := echoOf(t, answer); e.BodyLen != 5 || !e.Chunked {
		t.Errorf("origin saw %d bytes, chunked %v", e.BodyLen, e.Chunked)
	}
}

func TestContractConnect(t *testing.T) {
	s := newScanner(t)
	conn := harness.RawDial(t, s.addr)
	if answer := conn.Connect(harness.ConnectHead("elsewhere.test:443")); answer.Status() != 403 ||
		!strings.HasPrefix(answer.Text, "CONNECT blocked: ") {
		t.Errorf("status %d, %q", answer.Status(), answer.Text)
	}
	conn = harness.RawDial(t, s.addr)
	if answer := conn.Connect(harness.ConnectHead(s.authority)); answer.Status() != 200 {
		t.Errorf("status %d, %q", answer.Status(), answer.Text)
	}
}
