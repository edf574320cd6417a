package harness

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"bottle.test/origin"
	"bottle.test/wire"
)

// socketAtOrigin opens a WebSocket with the stand-in origin itself, to test both.
func socketAtOrigin(t *testing.T, proto Proto, path string, fields ...string) (*WebSocket, *origin.Server) {
	t.Helper()
	server, err := origin.Start(origin.Options{Names: []string{"origin.test"}, H1Only: proto == H1,
		H2Only: proto == H2, Sockets: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	conn, err := tls.Dial("tcp", server.Addr(), &tls.Config{ServerName: "origin.test", RootCAs: server.CA.Pool(),
		NextProtos: []string{map[Proto]string{H1: "http/1.1", H2: "h2"}[proto]}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	socket, err := OpenWebSocket(conn, proto, "origin.test", path, fields...)
	if err != nil {
		t.Fatal(err)
	}
	return socket, server
}

func TestWebSocketsOfTheStandIn(t *testing.T) {
	for _, proto := range []Proto{H1, H2} {
		t.Run(string(proto), func(t *testing.T) {
			s, server := socketAtOrigin(t, proto, "/ws?x=1", "sec-websocket-protocol", "chat, other")
			if s.Socket == nil || s.Answer.Header.Get("Sec-WebSocket-Protocol") != "chat" {
				t.Fatalf("%d %v", s.Answer.StatusCode, s.Answer.Header)
			}
			large := strings.Repeat("x", 300000)
			_ = s.Say("hello")
			_ = s.SayBytes([]byte(large))
			_ = s.Ping("p")
			_ = s.Say("!ping q")
			_ = s.Say("!close 4001 enough of it")
			for _, want := range []string{"1 hello", "2 " + large, "10 p", "8 \x0f\xa1enough of it"} {
				opcode, payload, err := s.Next()
				if got := fmt.Sprintf("%d %s", opcode, payload); err != nil || got != want {
					t.Fatalf("%.40q, %v; want %.40q", got, err, want)
				}
			}
			_ = s.Close(4001, "enough of it")
			if _, _, err := s.Next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			if !Eventually(5*time.Second, func() bool { return server.Sockets()[0].End != "" }) {
				t.Fatal("the origin sees no end")
			}
			seen := server.Sockets()[0]
			if seen.End != "close 4001 enough of it" || seen.Pings != 1 || seen.Pongs != 1 || len(seen.Messages) != 4 ||
				seen.URI != "/ws?x=1" || s.Pings != 1 {
				t.Errorf("%.200v", seen)
			}
		})
	}
}

func TestEndsOfWebSocketsOfTheStandIn(t *testing.T) {
	for _, proto := range []Proto{H1, H2} {
		for order, want := range map[string][2]string{
			"end": {"EOF", "EOF"}, "cancel": {"EOF", "RST_STREAM 8"},
			"reset": {"connection reset by peer", "connection closed"}} {
			s, _ := socketAtOrigin(t, proto, "/ws")
			_ = s.Say("!" + order)
			_, _, err := s.Next()
			if text := want[map[Proto]int{H1: 0, H2: 1}[proto]]; err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s over %s: %v, want %s", order, proto, err, text)
			}
		}
	}
	s, _ := socketAtOrigin(t, H2, "/ws?refuse=403")
	if s.Socket != nil || s.Answer.StatusCode != 403 {
		t.Errorf("%d", s.Answer.StatusCode)
	}
	if _, err := s.h2.Open(false, wire.Field{Name: ":method", Value: "GET"}).Head(); err != nil {
		t.Errorf("another stream: %v", err)
	}
}
