package harness

import (
	"bufio"
	"crypto/tls"
	"strings"
	"testing"

	"bottle.test/origin"
)

// toOrigin speaks raw frames with the stand-in origin itself, to test the framer.
func toOrigin(t *testing.T) (*H2Conn, *origin.Server) {
	t.Helper()
	server, err := origin.Start(origin.Options{Names: []string{"origin.test"}, H2Only: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	conn, err := tls.Dial("tcp", server.Addr(), &tls.Config{ServerName: "origin.test", RootCAs: server.CA.Pool(),
		NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &H2Conn{Raw: &Raw{Conn: conn, In: bufio.NewReader(conn), t: t}}
	c.Say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	c.Send(Frame{Type: FrameSettings})
	return c, server
}

func request(method, path string, extra ...Field) []Field {
	return append([]Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "origin.test"}, {Name: ":path", Value: path}}, extra...)
}

func TestFramesRoundTrip(t *testing.T) {
	c, _ := toOrigin(t)
	c.Headers(1, false, request("POST", "/echo", Field{Name: "x-long", Value: strings.Repeat("v", 20000)})...)
	c.Data(1, true, "hello")
	out := c.Await(1)
	if out.Status != 200 || !strings.Contains(out.Body, `"body_len":5`) ||
		out.Fields.Get("content-type") != "application/json" {
		t.Errorf("%v %v", out, out.Fields)
	}
	c.Headers(3, true, request("GET", "/trailers")...)
	if out := c.Await(3); out.Trailers.Get("x-second") != "two" || out.Fields.Get("date") == "" {
		t.Errorf("%v, trailers %v", out, out.Trailers)
	}
	c.Headers(5, true, request("GET", "/early-hints?n=2")...)
	if out := c.Await(5); len(out.Interim) != 2 || out.Status != 200 {
		t.Errorf("%v, interim %v", out, out.Interim)
	}
	c.Headers(7, true, request("GET", "/bytes?n=300000")...)
	if out := c.Await(7); len(out.Body) != 300000 {
		t.Errorf("%d bytes", len(out.Body))
	}
	c.Headers(9, true, request("GET", "/die?after=10")...)
	if out := c.Await(9); out.Reset < 0 || out.Ended {
		t.Errorf("%v", out)
	}
}

func TestHostileFramesAreSentAsTold(t *testing.T) {
	c, server := toOrigin(t)
	c.Headers(1, true, request("GET", "/text", Field{Name: "x-a", Value: "b\r\nc"})...)
	if out := c.Await(1); !out.Refused() {
		t.Errorf("%v", out)
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
