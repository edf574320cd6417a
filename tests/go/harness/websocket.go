package harness

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"bottle.test/wire"
)

// WebSocket is a client's, or the answer that it got in place of one.
type WebSocket struct {
	*wire.Socket          // nil: refused
	Answer       Answer   // of h2: made from its fields; without a text if it was opened
	Conn         net.Conn // below all of it
	h2           *wire.Conn
}

// Hold lets the connection live without the deadline that Raw sets.
func (s *WebSocket) Hold() { _ = s.Conn.SetDeadline(time.Time{}) }

// Leave closes the connection.
func (s *WebSocket) Leave() { s.Conn.Close() }

// WebSocket opens one to the origin over a connection of its own; a transport error fails the test. fields are name,
// value, name, value …
func (w *World) WebSocket(proto Proto, path string, fields ...string) *WebSocket {
	w.t.Helper()
	alpn := map[Proto]string{H1: "http/1.1", H2: "h2"}[proto]
	socket, err := OpenWebSocket(w.TLS(alpn), proto, w.Authority(), path, fields...)
	if err != nil {
		w.t.Fatalf("WebSocket over %s to %s: %v", proto, path, err)
	}
	return socket
}

// OpenWebSocket makes the handshake on conn, to the proxy or to an origin itself.
func OpenWebSocket(conn net.Conn, proto Proto, authority, path string, fields ...string) (*WebSocket, error) {
	if proto == H2 {
		return openOverH2(conn, authority, path, fields)
	}
	var random [16]byte
	_, _ = rand.Read(random[:])
	key := base64.StdEncoding.EncodeToString(random[:])
	head := "GET " + path + " HTTP/1.1\r\nHost: " + authority + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n"
	for i := 0; i+1 < len(fields); i += 2 {
		head += fields[i] + ": " + fields[i+1] + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return &WebSocket{Answer: ReadAnswer(resp), Conn: conn}, nil
	}
	if got := resp.Header.Get("Sec-WebSocket-Accept"); got != wire.WsAccept(key) {
		return nil, fmt.Errorf("Sec-WebSocket-Accept is %q", got)
	}
	return &WebSocket{Socket: wire.NewSocket(&wire.Tunnel{Conn: conn, In: in}, true), Answer: Answer{Response: resp},
		Conn: conn}, nil
}

func openOverH2(raw net.Conn, authority, path string, fields []string) (*WebSocket, error) {
	conn := wire.NewConn(raw, true)
	settings, err := conn.Settings()
	if err != nil {
		return nil, err
	}
	if settings[wire.EnableConnect] != 1 {
		return nil, ErrNoExtendedConnect
	}
	head := ConnectFields(authority, path)
	for i := 0; i+1 < len(fields); i += 2 {
		head = append(head, Field{Name: fields[i], Value: fields[i+1]})
	}
	return AskOverH2(raw, conn, conn.Open(false, head...))
}

// ConnectFields are those of an extended CONNECT.
func ConnectFields(authority, path string) []Field {
	return []Field{{Name: ":method", Value: "CONNECT"}, {Name: ":protocol", Value: "websocket"},
		{Name: ":scheme", Value: "https"}, {Name: ":authority", Value: authority}, {Name: ":path", Value: path},
		{Name: "sec-websocket-version", Value: "13"}}
}

// ErrNoExtendedConnect says that a server offers no extended CONNECT.
var ErrNoExtendedConnect = fmt.Errorf("SETTINGS_ENABLE_CONNECT_PROTOCOL is not offered")

// AskOverH2 waits for the answer to an extended CONNECT.
func AskOverH2(raw net.Conn, conn *wire.Conn, stream *wire.Stream) (*WebSocket, error) {
	got, err := stream.Head()
	if err != nil {
		return nil, err
	}
	status, _ := strconv.Atoi(wire.Value(got, ":status"))
	resp := &http.Response{StatusCode: status, Header: http.Header{}, ProtoMajor: 2}
	for _, f := range got {
		resp.Header.Add(f.Name, f.Value)
	}
	socket := &WebSocket{Answer: Answer{Response: resp}, Conn: raw, h2: conn}
	if status == http.StatusOK {
		socket.Socket = wire.NewSocket(stream, true)
		return socket, nil
	}
	text, err := io.ReadAll(stream)
	socket.Answer.Text, socket.Answer.BodyErr = string(text), err
	return socket, nil
}
