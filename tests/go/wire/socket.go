package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
)

// Duplex is a byte stream in both directions, whose ends a test chooses.
type Duplex interface {
	io.ReadWriter
	CloseWrite() error // this direction alone, as an end
	Cancel()           // both, as a cut: RST_STREAM, or the connection's close
	Shut()             // the connection in this direction, as TLS and TCP do it
	Cut()              // the connection, by TCP's RST
}

// Shut sends TLS's end, or TCP's, and leaves the other direction open.
func Shut(conn net.Conn) error {
	for {
		switch c := conn.(type) {
		case interface{ CloseWrite() error }:
			return c.CloseWrite()
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return fmt.Errorf("%T has no end of its own", c)
		}
	}
}

// Reset closes the TCP socket below conn so that the peer gets RST.
func Reset(conn net.Conn) {
	for {
		switch c := conn.(type) {
		case *net.TCPConn:
			_ = c.SetLinger(0)
			_ = c.Close()
			return
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			_ = c.Close()
			return
		}
	}
}

// Cancel gives the stream up.
func (s *Stream) Cancel() { s.Reset(Cancel) }

// Shut ends the connection's sending, with all its streams.
func (s *Stream) Shut() { _ = Shut(s.conn.raw) }

// Cut resets the connection with all its streams.
func (s *Stream) Cut() { Reset(s.conn.raw) }

// Tunnel is a Duplex that has a connection of its own; In may hold bytes that came already.
type Tunnel struct {
	net.Conn
	In *bufio.Reader
}

func (t *Tunnel) Read(p []byte) (int, error) { return t.In.Read(p) }

// CloseWrite is Shut.
func (t *Tunnel) CloseWrite() error { return Shut(t.Conn) }

// Shut ends the connection's sending.
func (t *Tunnel) Shut() { _ = Shut(t.Conn) }

// Cancel closes the connection.
func (t *Tunnel) Cancel() { t.Conn.Close() }

// Cut resets it.
func (t *Tunnel) Cut() { Reset(t.Conn) }

// Socket is a WebSocket over a Duplex, of either role. One goroutine reads, any may write.
type Socket struct {
	Duplex
	in      *bufio.Reader
	masks   bool
	writing sync.Mutex
	// Pings are those that Next has answered.
	Pings int
}

// NewSocket begins behind the handshake; clients mask.
func NewSocket(stream Duplex, client bool) *Socket {
	return &Socket{Duplex: stream, in: bufio.NewReaderSize(stream, 32<<10), masks: client}
}

// Send writes one frame, masked as the role wants it.
func (s *Socket) Send(f WsFrame) error {
	f.Masked = s.masks
	text := f.Bytes()
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.Duplex.Write(text)
	return err
}

// Say sends a text message.
func (s *Socket) Say(text string) error {
	return s.Send(WsFrame{Final: true, Opcode: WsText, Payload: []byte(text)})
}

// SayBytes sends a binary message.
func (s *Socket) SayBytes(bytes []byte) error {
	return s.Send(WsFrame{Final: true, Opcode: WsBinary, Payload: bytes})
}

// Ping sends a ping.
func (s *Socket) Ping(text string) error {
	return s.Send(WsFrame{Final: true, Opcode: WsPing, Payload: []byte(text)})
}

// Close sends a close frame; the connection stays.
func (s *Socket) Close(code int, reason string) error {
	return s.Send(WsFrame{Final: true, Opcode: WsClose, Payload: WsClosing(code, reason)})
}

// Next reads the next whole message, pong or close frame; pings are answered on the way. io.EOF is an end between two
// frames.
func (s *Socket) Next() (opcode byte, payload []byte, err error) {
	begun := false
	for {
		f, err := ReadWsFrame(s.in)
		if err != nil {
			return 0, nil, err
		}
		switch {
		case f.Masked == s.masks:
			return 0, nil, fmt.Errorf("a frame with mask %v", f.Masked)
		case f.Opcode >= WsClose && (!f.Final || len(f.Payload) > 125):
			return 0, nil, fmt.Errorf("a control frame of %d bytes, final %v", len(f.Payload), f.Final)
		case f.Opcode == WsPing:
			s.Pings++
			if err := s.Send(WsFrame{Final: true, Opcode: WsPong, Payload: f.Payload}); err != nil {
				return 0, nil, err
			}
			continue
		case f.Opcode >= WsClose:
			return f.Opcode, f.Payload, nil
		case begun != (f.Opcode == WsContinuation):
			return 0, nil, fmt.Errorf("opcode %d within a message: %v", f.Opcode, begun)
		}
		if !begun {
			begun, opcode = true, f.Opcode
		}
		payload = append(payload, f.Payload...)
		if f.Final {
			return opcode, payload, nil
		}
	}
}
