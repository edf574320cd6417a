package harness

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Proto is the protocol a client speaks inside its tunnel.
type Proto string

// The two protocols.
const (
	H1 Proto = "h1"
	H2 Proto = "h2"
)

// Client returns an http.Client that goes through the proxy with one protocol, follows no redirect, asks for no
// compression, and fails on the other protocol.
func (w *World) Client(proto Proto) *http.Client { return w.ClientWith(proto, nil) }

// ClientWith is Client with a hook that may change the transport.
func (w *World) ClientWith(proto Proto, change func(*http.Transport)) *http.Client {
	transport := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: w.Proxy.Addr}),
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{RootCAs: w.Proxy.Pool(w.t)},
	}
	if proto == H2 {
		transport.ForceAttemptHTTP2 = true
	} else {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	if change != nil {
		change(transport)
	}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: &onlyProto{transport, proto, w.Scheme}, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type onlyProto struct {
	next   http.RoundTripper
	proto  Proto
	scheme string
}

// CloseIdleConnections lets http.Client's method of that name reach the transport.
func (o *onlyProto) CloseIdleConnections() {
	if closer, ok := o.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

func (o *onlyProto) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.next.RoundTrip(r)
	if err == nil && r.URL.Scheme == "https" && (resp.ProtoMajor == 2) != (o.proto == H2) {
		resp.Body.Close()
		return nil, fmt.Errorf("the proxy spoke %s, the test wants %s", resp.Proto, o.proto)
	}
	return resp, err
}

// Answer is a whole response.
type Answer struct {
	*http.Response
	Text    string
	BodyErr error
}

// Do sends a request and reads the whole answer; a transport error fails the test.
func (w *World) Do(client *http.Client, method, path string, body io.Reader, fields ...string) Answer {
	w.t.Helper()
	answer, err := w.Try(client, method, path, body, fields...)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

// Try is Do without the judgement. fields are name, value, name, value …
func (w *World) Try(client *http.Client, method, path string, body io.Reader, fields ...string) (Answer, error) {
	target := path
	if strings.HasPrefix(path, "/") {
		target = w.URL(path)
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		return Answer{}, err
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	return ReadAnswer(resp), nil
}

// ReadAnswer reads an answer to its end.
func ReadAnswer(resp *http.Response) Answer {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return Answer{Response: resp, Text: string(text), BodyErr: err}
}

// Problem is the body of the proxy's own errors.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	Hint      string `json:"hint"`
}

// Problem parses the answer as problem+json and checks the parts every such answer has.
func (a Answer) Problem(t testing.TB) Problem {
	t.Helper()
	return ParseProblem(t, a.StatusCode, a.Header, a.Text)
}

// ParseProblem is Answer.Problem for answers read by other means.
func ParseProblem(t testing.TB, status int, fields http.Header, body string) Problem {
	t.Helper()
	var p Problem
	if kind := fields.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") {
		t.Errorf("Content-Type is %q, want application/problem+json; status %d, body %q", kind, status, clip(body))
		return p
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Errorf("problem body is no JSON: %v: %q", err, clip(body))
		return p
	}
	if p.Status != status || p.Title == "" || p.Detail == "" || p.Code == "" || p.RequestID == "" {
		t.Errorf("problem lacks a part, or its status is not %d: %s", status, body)
	}
	if fields.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("problem without nosniff: %v", fields)
	}
	return p
}

func clip(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// Raw is a connection whose bytes the test writes itself.
type Raw struct {
	net.Conn
	In *bufio.Reader
	t  testing.TB
}

// RawDial connects to the proxy.
func (w *World) RawDial() *Raw {
	w.t.Helper()
	return RawDial(w.t, w.Proxy.Addr)
}

// RawDial connects to addr; every read and write gets 20 s.
func RawDial(t testing.TB, addr string) *Raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return &Raw{Conn: conn, In: bufio.NewReader(conn), t: t}
}

// Say writes text; a failing write is not judged, the answer is.
func (r *Raw) Say(text string) { _, _ = io.WriteString(r.Conn, text) }

// Answer reads one response to a request with the given method.
func (r *Raw) Answer(method string) (Answer, error) {
	resp, err := http.ReadResponse(r.In, &http.Request{Method: method})
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return Answer{Response: resp, Text: string(text), BodyErr: err}, nil
}

// Closed says whether the peer closes (or resets) within limit; bytes that arrive before count as not closed.
func (r *Raw) Closed(limit time.Duration) bool {
	_ = r.SetReadDeadline(time.Now().Add(limit))
	_, err := r.In.ReadByte()
	if err == nil {
		return false
	}
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return false
	}
	return true
}

// Connect sends a CONNECT head as given (with the blank line) and returns the answer's head.
func (r *Raw) Connect(head string) Answer {
	r.t.Helper()
	r.Say(head)
	resp, err := http.ReadResponse(r.In, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return Answer{BodyErr: err}
	}
	answer := Answer{Response: resp}
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(resp.Body)
		answer.Text, answer.BodyErr = string(text), err
	}
	return answer
}

// ConnectHead is the usual head of a CONNECT.
func ConnectHead(authority string) string {
	return "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n"
}

// Tunnel makes a CONNECT to the origin and returns the connection after the 200.
func (w *World) Tunnel() *Raw {
	w.t.Helper()
	return w.TunnelTo(w.HostPort())
}

// TunnelTo is Tunnel for any authority.
func (w *World) TunnelTo(authority string) *Raw {
	w.t.Helper()
	raw := w.RawDial()
	answer := raw.Connect(ConnectHead(authority))
	if answer.Response == nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("CONNECT %s: %+v %v", authority, answer.Response, answer.BodyErr)
	}
	return raw
}

// TLS shakes hands inside a tunnel to the origin, with the origin's name and the given ALPN.
func (w *World) TLS(alpn ...string) *Raw {
	w.t.Helper()
	return w.TLSTo(w.HostPort(), alpn...)
}

// TLSTo is TLS for any authority.
func (w *World) TLSTo(authority string, alpn ...string) *Raw {
	w.t.Helper()
	host, _, _ := net.SplitHostPort(authority)
	raw, err := w.TryTLS(w.TunnelTo(authority), &tls.Config{ServerName: host, NextProtos: alpn})
	if err != nil {
		w.t.Fatalf("TLS to %s: %v", authority, err)
	}
	return raw
}

// TryTLS shakes hands on a tunnel with the given configuration; roots are the proxy's.
func (w *World) TryTLS(raw *Raw, config *tls.Config) (*Raw, error) {
	config.RootCAs = w.Proxy.Pool(w.t)
	secured := tls.Client(&peeked{raw}, config)
	if err := secured.Handshake(); err != nil {
		return nil, err
	}
	return &Raw{Conn: secured, In: bufio.NewReader(secured), t: w.t}, nil
}

// peeked reads through the buffered reader, which may hold bytes already.
type peeked struct{ *Raw }

// NetConn is the connection below.
func (r *Raw) NetConn() net.Conn { return r.Conn }

func (p *peeked) Read(b []byte) (int, error) { return p.Raw.In.Read(b) }

// H1 opens a decrypted HTTP/1.1 connection to the origin.
func (w *World) H1() *Raw { w.t.Helper(); return w.TLS("http/1.1") }

// Exchange sends raw bytes on a fresh decrypted HTTP/1.1 connection and returns the first answer. An answer that never
// comes (the proxy closed without one) has a nil Response.
func (w *World) Exchange(text string) Answer {
	w.t.Helper()
	raw := w.H1()
	defer raw.Close()
	raw.Say(text)
	method, _, _ := strings.Cut(text, " ")
	answer, err := raw.Answer(method)
	if err != nil {
		return Answer{BodyErr: err}
	}
	return answer
}

// Status is the answer's status, 0 when there was none.
func (a Answer) Status() int {
	if a.Response == nil {
		return 0
	}
	return a.StatusCode
}

// Repeat is n bytes of text.
func Repeat(text string, n int) string {
	return string(bytes.Repeat([]byte(text), n/len(text)+1)[:n])
}

// CloseLimit is how long the proxy may take to close a connection that it has given up.
const CloseLimit = 5 * time.Second
