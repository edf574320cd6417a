package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// TestHostNotAllowedIsReadableInsideTls: with ca-names any the refusal comes where clients show it.
func TestHostNotAllowedIsReadableInsideTls(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true, Args: []string{"--ca-names", "any"}})
		answer := w.Do(w.Client(proto), "GET", "https://elsewhere.test/path?token=hunter2", nil)
		p := wantProblem(t, answer, 403, "host_not_allowed")
		if answer.Header.Get("X-Bottle-Deny") != "host_not_allowed" || p.Hint == "" ||
			!strings.Contains(p.Detail+p.Hint, "elsewhere.test") {
			t.Errorf("deny %q, problem %+v: the name and a way on belong into it", answer.Header.Get("X-Bottle-Deny"),
				p)
		}
		w.Untouched()
		line := w.Proxy.WaitAudit(t, "refused exchange", func(l map[string]any) bool {
			return strings.Contains(fmt.Sprint(l), "elsewhere.test")
		})
		if text := fmt.Sprint(line); strings.Contains(text, "hunter2") {
			t.Errorf("a query value in the audit log: %s", text)
		}
	})
}

// TestHostNotAllowedAtConnect: with ca-names allowlist CONNECT itself is refused.
func TestHostNotAllowedAtConnect(t *testing.T) {
	w := direct(t, "--ca-names", "allowlist")
	raw := w.RawDial()
	answer := raw.Connect(harness.ConnectHead("elsewhere.test:443"))
	wantProblem(t, answer, 403, "host_not_allowed")
	if answer.Response != nil && !strings.Contains(answer.Response.Status, " ") {
		t.Errorf("no reason phrase in %q", answer.Response.Status)
	}
	w.Proxy.WaitAudit(t, "refused connection", func(l map[string]any) bool {
		return strings.Contains(fmt.Sprint(l), "elsewhere.test")
	})
	w.Untouched()
}

func TestAbsoluteFormHostNotAllowed(t *testing.T) {
	w := direct(t)
	raw := w.RawDial()
	raw.Say("GET http://elsewhere.test/ HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n")
	answer, err := raw.Answer("GET")
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, answer, 403, "host_not_allowed")
	w.Untouched()
}

func TestWildcardsAndRoutes(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Name: "a.origin.test",
		Allow: []string{"*.origin.test"},
		Args:  []string{"--ca-names", "any", "--route", "denied.origin.test=deny"}})
	client := w.Client(harness.H2)
	if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("a.origin.test: status %d", answer.StatusCode)
	}
	wantProblem(t, w.Do(client, "GET", "https://denied.origin.test/", nil), 403, "route_deny")
	wantProblem(t, w.Do(client, "GET", "https://origin.test.elsewhere.test/", nil), 403, "host_not_allowed")
	wantProblem(t, w.Do(client, "GET", "https://xorigin.test/", nil), 403, "host_not_allowed")
}

// TestPrivateAddressIsRefused: a name that leads inside is not dialled without --allow-address.
func TestPrivateAddressIsRefused(t *testing.T) {
	server, err := origin.Start(origin.Options{Names: []string{"inside.test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := harness.StartProxy(t, "--upstream", "direct", "--allow", "inside.test", "--resolve", "inside.test:443="+
		server.Addr())
	raw := harness.RawDial(t, p.Addr)
	if answer := raw.Connect(harness.ConnectHead("inside.test:443")); answer.Status() == 200 {
		w := &clientOf{t: t, proxy: p}
		answer := w.get("https://inside.test/text")
		if answer.StatusCode != 403 && answer.StatusCode != 502 {
			t.Errorf("status %d: %s", answer.StatusCode, answer.Text)
		}
		answer.Problem(t)
	}
	if n := server.Connections(); n != 0 {
		t.Errorf("%d connections to a private address", n)
	}
}

type clientOf struct {
	t     *testing.T
	proxy *harness.Proxy
}

func (c *clientOf) get(target string) harness.Answer {
	c.t.Helper()
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: c.proxy.Addr}),
		TLSClientConfig: tlsConfig("")}
	transport.TLSClientConfig.RootCAs = c.proxy.Pool(c.t)
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(target)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return harness.Answer{Response: resp, Text: string(text)}
}

const shapeSecret = "sk-ant-" + "api03-" + "k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW9tLm"

// TestSecretsAreRefused: a well-known shape and an exact value, in every place and coding.
func TestSecretsAreRefused(t *testing.T) {
	const exact = "correct-horse/battery+staple=42"
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Change: giveSecrets(t,
			fmt.Sprintf("{\"name\":\"DEPLOY_TOKEN\",\"value\":%q,\"hosts\":[\"home.test\"]}\n", exact)),
			Args: []string{"--secrets", "fd:3"}})
		client := w.Client(proto)
		for name, text := range map[string]string{
			"shape": "the key is " + shapeSecret + " ok", "exact": "x" + exact + "y",
			"base64":     base64.StdEncoding.EncodeToString([]byte(exact)),
			"base64-1":   base64.StdEncoding.EncodeToString([]byte("a" + exact)),
			"base64-2":   base64.StdEncoding.EncodeToString([]byte("ab" + exact)),
			"base64-url": base64.URLEncoding.EncodeToString([]byte(exact)), "hex": hex.EncodeToString([]byte(exact)),
			"url": url.QueryEscape(exact),
		} {
			body := harness.Repeat("filler ", 100000) + text + harness.Repeat(" filler", 1000)
			answer, err := w.Try(client, "POST", "/upload?case="+name, strings.NewReader(body),
				"Content-Type", "text/plain")
			if err != nil {
				t.Errorf("%s in a body: %v", name, err)
				continue
			}
			p := wantProblem(t, answer, 403, "secret_in_body")
			if answer.Header.Get("X-Bottle-Deny") == "" || p.Hint == "" || strings.Contains(answer.Text, exact) ||
				strings.Contains(answer.Text, shapeSecret) {
				t.Errorf("%s: deny %q, %s", name, answer.Header.Get("X-Bottle-Deny"), answer.Text)
			}
			query := url.QueryEscape(text)
			if name == "url" {
				query = text // it is encoded already; twice is out of scope
			}
			if answer = w.Do(client, "GET", "/text?q="+query, nil); answer.StatusCode != 403 {
				t.Errorf("%s: let through in a query", name)
			}
			wantProblem(t, answer, 403, "secret_in_url")
			answer = w.Do(client, "GET", "/text", nil, "X-Data", text)
			if wantProblem(t, answer, 403, "secret_in_header"); answer.StatusCode != 403 {
				t.Errorf("%s: let through in a header", name)
			}
			for _, r := range w.Origin.Requests() {
				if r.Contains(text) || r.Contains(exact) || r.Contains(shapeSecret) {
					t.Errorf("%s: the origin got all of it: %s %s", name, r.Method, r.URI)
				}
				if r.Done && r.BodyErr == "" && r.Method == "POST" {
					t.Errorf("%s: the origin took the refused body for complete (%d bytes)", name, r.BodyLen)
				}
			}
		}
		if log := w.Proxy.AuditText(); strings.Contains(log, exact) || strings.Contains(log, shapeSecret) {
			t.Error("a secret stands in the audit log")
		}
		w.Proxy.WaitAudit(t, "a refusal that names the secret", func(l map[string]any) bool {
			return l["verdict"] == "refused" && strings.Contains(fmt.Sprint(l), "DEPLOY_TOKEN")
		})
	})
}

// giveSecrets hands lines to the proxy as descriptor 3.
func giveSecrets(t *testing.T, lines string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		r, wr, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(wr, lines); err != nil {
			t.Fatal(err)
		}
		wr.Close()
		t.Cleanup(func() { r.Close() })
		cmd.ExtraFiles = []*os.File{r}
	}
}

// TestSecretAcrossChunks: the value is cut at every byte by h1 chunks and h2 frames.
func TestSecretAcrossChunks(t *testing.T) {
	w := direct(t)
	for cutAt := 1; cutAt < len(shapeSecret); cutAt += 5 {
		conn := w.H1()
		conn.Say(fill(w, "POST /upload HTTP/1.1\r\nHost: {A}\r\nContent-Type: text/plain\r\n"+
			"Transfer-Encoding: chunked\r\n\r\n"))
		for _, part := range []string{"key: " + shapeSecret[:cutAt], shapeSecret[cutAt:] + " end"} {
			conn.Say(fmt.Sprintf("%x\r\n%s\r\n", len(part), part))
		}
		conn.Say("0\r\n\r\n")
		if answer, err := conn.Answer("POST"); err != nil || answer.StatusCode != 403 {
			t.Errorf("h1, cut at %d: status %d, %v", cutAt, answer.Status(), err)
		}
		conn.Close()
		c := w.H2()
		c.Headers(1, false, w.Request("POST", "/upload")...)
		c.Data(1, false, "key: "+shapeSecret[:cutAt])
		c.Data(1, true, shapeSecret[cutAt:]+" end")
		if out := c.Await(1); out.Status != 403 && !out.Refused() {
			t.Errorf("h2, cut at %d: %v", cutAt, out)
		}
		c.Close()
	}
	for _, r := range w.Origin.Requests() {
		if r.Contains(shapeSecret) {
			t.Error("the origin got all of it")
		}
	}
}

// TestSecretInCompressedBody: compression does not hide it.
func TestSecretInCompressedBody(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		var packed bytes.Buffer
		out := gzip.NewWriter(&packed)
		_, _ = io.WriteString(out, "key: "+shapeSecret+" end")
		_ = out.Close()
		answer := w.Do(w.Client(proto), "POST", "/upload", &packed, "Content-Encoding", "gzip")
		wantProblem(t, answer, 403, "secret_in_body")
	})
}

// TestSecretGoesHome: a credential is let through to the host it belongs to, in a header, and nowhere else.
func TestSecretGoesHome(t *testing.T) {
	const exact = "correct-horse-battery-staple-42"
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Allow: []string{"origin.test", "other.test"},
			Origin: origin.Options{Names: []string{"other.test"}},
			Change: giveSecrets(t, fmt.Sprintf("{\"name\":\"TOKEN\",\"value\":%q,\"hosts\":[\"origin.test\"]}\n",
				exact)),
			Args: []string{"--secrets", "fd:3"},
			LateArgs: func(w *harness.World) []string {
				return []string{"--resolve", "other.test:443=" + w.Origin.Addr()}
			}})
		client := w.Client(proto)
		e := echoOf(t, w.Do(client, "GET", "/echo", nil, "Authorization", "Bearer "+exact))
		if got := e.Get("Authorization"); len(got) != 1 || got[0] != "Bearer "+exact {
			t.Errorf("at home: %q", got)
		}
		wantProblem(t, w.Do(client, "GET", "https://other.test/echo", nil, "Authorization", "Bearer "+exact), 403,
			"secret_in_header")
		wantProblem(t, w.Do(client, "POST", "/upload", strings.NewReader(exact)), 403, "secret_in_body")
	})
}

// TestAuditLines: one line an exchange with what belongs into it, and nothing secret.
func TestAuditLines(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		client := w.Client(proto)
		w.Do(client, "POST", "/upload?user=alice&pin=1234", strings.NewReader("body text"),
			"Authorization", "Bearer top-secret-value", "Cookie", "sid=cookie-value", "Content-Type", "text/plain")
		line := w.Proxy.WaitAudit(t, "the exchange", func(l map[string]any) bool { return l["method"] == "POST" })
		text := fmt.Sprint(line)
		for _, secret := range []string{"alice", "1234", "top-secret-value", "cookie-value", "body text"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q stands in the audit line %s", secret, text)
			}
		}
		for _, key := range []string{"time", "id", "route", "client_protocol", "upstream_protocol", "method", "host",
			"path", "status", "verdict"} {
			if _, ok := line[key]; !ok {
				t.Errorf("audit line lacks %q: %v", key, line)
			}
		}
		if line["status"] != float64(200) || line["host"] != w.Name || line["verdict"] != "allowed" {
			t.Errorf("audit line %v", line)
		}
		w.Do(client, "GET", "/text", nil)
		w.Proxy.WaitAudit(t, "the second exchange", func(l map[string]any) bool { return l["method"] == "GET" })
		if n := len(w.Proxy.AuditLines(t)); n != 2 {
			t.Errorf("%d audit lines for 2 exchanges:\n%s", n, w.Proxy.AuditText())
		}
	})
}

// TestAuditOfCutAnswer: an answer that broke off is no success.
func TestAuditOfCutAnswer(t *testing.T) {
	w := direct(t)
	_, _ = cut(t, w, harness.H1, "/die?after=1000")
	w.Proxy.WaitAudit(t, "a cut exchange", func(l map[string]any) bool {
		return l["verdict"] == "cut" || l["verdict"] == "failed"
	})
}

// TestScannersBlockIsMarked: pipelock's refusal keeps its status, its text is the detail, and it gets our mark and a
// reason.
func TestScannersBlockIsMarked(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner})
		client := w.Client(proto)
		for name, send := range map[string]func() harness.Answer{
			"url": func() harness.Answer { return w.Do(client, "GET", "/text?k="+shapeSecret, nil) },
			"body": func() harness.Answer {
				return w.Do(client, "POST", "/echo", strings.NewReader("key "+shapeSecret),
					"Content-Type", "text/plain")
			},
		} {
			answer := send()
			if answer.StatusCode != 403 || answer.Header.Get("X-Bottle-Deny") == "" {
				t.Errorf("%s: status %d, %v, %s", name, answer.StatusCode, answer.Header, answer.Text)
			}
			if !strings.Contains(answer.Text, "Anthropic") && !strings.Contains(answer.Text, "secret") {
				t.Errorf("%s: the reason is missing: %s", name, answer.Text)
			}
		}
		for _, r := range w.Origin.Requests() {
			if r.Contains(shapeSecret) {
				t.Error("the origin got the secret")
			}
		}
		w.Proxy.WaitAudit(t, "a refusal", func(l map[string]any) bool { return l["verdict"] == "refused" })
	})
}

// TestOriginsOwn403IsNotMarked: an origin that copies the block's text is still the origin.
func TestOriginsOwn403IsNotMarked(t *testing.T) {
	body := "blocked: request body contains secret: Anthropic API Key\n"
	response := fmt.Sprintf("HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"X-Content-Type-Options: nosniff\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: %d\r\n\r\n%s",
		len(body), body)
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			server, err := origin.RawKeep(origin.Options{Names: []string{"origin.test"}}, []byte(response))
			if err != nil {
				t.Fatal(err)
			}
			w := harness.NewWorld(t, harness.WorldOptions{Via: via, RawOrigin: server})
			answer := w.Do(w.Client(harness.H1), "GET", "/", nil)
			if answer.StatusCode != 403 || answer.Header.Get("X-Bottle-Deny") != "" || answer.Text != body {
				t.Errorf("status %d, deny %q, %q", answer.StatusCode, answer.Header.Get("X-Bottle-Deny"), answer.Text)
			}
		})
	}
}

// TestScannerGetsWhatTheContractAsks: absolute form, Content-Length, identity coding, decoded body, own identity.
func TestScannerGetsWhatTheContractAsks(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{})
		client := w.Client(proto)
		var packed bytes.Buffer
		out := gzip.NewWriter(&packed)
		_, _ = io.WriteString(out, harness.Repeat("plain text ", 5000))
		_ = out.Close()
		e := echoOf(t, w.Do(client, "POST", "/echo?q=1", &packed, "Content-Encoding", "gzip",
			"Content-Type", "text/plain", "Accept-Encoding", "gzip, br"))
		if e.BodyLen != 5000 || len(e.Get("Content-Encoding")) > 0 ||
			strings.Join(e.Get("Accept-Encoding"), "") != "identity" || e.Chunked {
			t.Errorf("origin saw %+v", e)
		}
		e = echoOf(t, w.Do(client, "POST", "/echo", struct{ io.Reader }{strings.NewReader("of unknown length")},
			"Content-Type", "text/plain"))
		if e.BodyLen != 17 || e.Chunked {
			t.Errorf("a body of unknown length: origin saw %d bytes, chunked %v", e.BodyLen, e.Chunked)
		}
		e = echoOf(t, w.Do(client, "GET", "/echo", nil, "User-Agent", ""))
		if got := e.Get("User-Agent"); len(got) > 0 && got[0] != "" {
			t.Errorf("a User-Agent that the client did not send: %q", got)
		}
		for _, seen := range w.Double.Requests() {
			if seen.Door != "forward" || !strings.HasPrefix(seen.Line, seen.Method+" https://origin.test/") ||
				seen.Length < 0 || seen.Agent == "" {
				t.Errorf("the scanner got %q, length %d, agent %q", seen.Line, seen.Length, seen.Agent)
			}
		}
	})
}

// TestCompressionLiesAreRefused: bombs, trailing bytes, wrong labels and stacked codings do not reach the scanner.
// [T15]
func TestCompressionLiesAreRefused(t *testing.T) {
	pack := func(text []byte) []byte {
		var packed bytes.Buffer
		out := gzip.NewWriter(&packed)
		_, _ = out.Write(text)
		_ = out.Close()
		return packed.Bytes()
	}
	w := withDouble(t, double.Options{})
	client := w.Client(harness.H2)
	for name, c := range map[string]struct {
		body   []byte
		coding string
		want   []int
	}{
		"bomb":      {pack(make([]byte, 64<<20)), "gzip", []int{413, 400, 415}},
		"trailing":  {append(pack([]byte("hello")), "GET / HTTP/1.1\r\n\r\n"...), "gzip", []int{400, 415}},
		"not-gzip":  {[]byte("hello there"), "gzip", []int{400, 415}},
		"cut":       {pack(bytes.Repeat([]byte("hello"), 1000))[:40], "gzip", []int{400, 415}},
		"unknown":   {[]byte("hello"), "aws-chunked", []int{415, 400, 501}},
		"stacked":   {pack(pack([]byte("hello"))), "gzip, gzip", []int{415, 400, 501}},
		"br-as-gz":  {[]byte("\x0b\x02\x80hello\x03"), "gzip", []int{400, 415}},
		"zstd-junk": {[]byte("\x28\xb5\x2f\xfd\xff\xff\xff"), "zstd", []int{400, 415, 413}},
	} {
		answer := w.Do(client, "POST", "/echo", bytes.NewReader(c.body), "Content-Encoding", c.coding,
			"Content-Type", "text/plain")
		if !in(answer.StatusCode, c.want) {
			t.Errorf("%s: status %d, want %v: %s", name, answer.StatusCode, c.want, answer.Text)
		}
	}
	w.Untouched()
}

// TestSpoolCap: a body beyond the cap is refused with 413 and does not reach the scanner.
func TestSpoolCap(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{}, "--limit", "spool_body_bytes=1048576")
		client := w.Client(proto)
		for _, known := range []bool{true, false} {
			var body io.Reader = bytes.NewReader(make([]byte, 2<<20))
			if !known {
				body = struct{ io.Reader }{body}
			}
			answer, err := w.Try(client, "POST", "/upload", body, "Content-Type", "application/octet-stream")
			if err != nil {
				t.Errorf("length known %v: %v", known, err)
				continue
			}
			wantProblem(t, answer, 413, "body_too_large")
		}
		w.Untouched()
	})
}

// TestIdleEventStreamGetsComments: pipelock swallows the origin's comments; the proxy puts its own in their place.
func TestIdleEventStreamGetsComments(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{}, "--limit", "sse_comment_ms=200")
		answer := w.Do(w.Client(proto), "GET", "/sse?n=2&ms=1000", nil)
		first := strings.Index(answer.Text, "\"seq\":0")
		second := strings.Index(answer.Text, "\"seq\":1")
		if answer.BodyErr != nil || first < 0 || second < 0 || !strings.Contains(answer.Text[first:second], "\n:") {
			t.Errorf("no comment between two events a second apart: %v %q", answer.BodyErr, answer.Text)
		}
	})
}
