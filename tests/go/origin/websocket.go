package origin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bottle.test/wire"
)

// SocketRecord is what the origin saw of one WebSocket.
type SocketRecord struct {
	Proto    string // HTTP/1.1 or HTTP/2.0
	URI      string
	Header   http.Header
	Messages []string // the first 1000, each at most 1 KiB of it
	Pings    int
	Pongs    int
	End      string // "" while it is open: close CODE, or the byte stream's end
}

// Sockets returns what was seen so far of WebSockets.
func (s *Server) Sockets() []SocketRecord {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var out []SocketRecord
	for _, r := range s.log.sockets {
		one := *r
		one.Messages = append([]string(nil), r.Messages...)
		out = append(out, one)
	}
	return out
}

// websocket opens a WebSocket over HTTP/1.1. accept=wrong proves nothing, refuse=N is an ordinary answer, protocol=P
// chooses a protocol that the client need not have offered.
func (s *Server) websocket(w http.ResponseWriter, r *http.Request) {
	if code := number(r, "refuse", 0); code != 0 {
		http.Error(w, "no socket here", int(code))
		return
	}
	key := r.Header.Get("Sec-WebSocket-Key")
	if r.ProtoMajor != 1 || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" ||
		r.Header.Get("Sec-WebSocket-Version") != "13" {
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "this is for WebSockets", http.StatusUpgradeRequired)
		return
	}
	accept := wire.WsAccept(key)
	if r.URL.Query().Get("accept") == "wrong" {
		accept = wire.WsAccept("another key")
	}
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + accept + "\r\nX-Origin: yes\r\n"
	if chosen := chosenProtocol(r.Header, r.URL.Query().Get("protocol")); chosen != "" {
		answer += "Sec-WebSocket-Protocol: " + chosen + "\r\n"
	}
	_, _ = conn.Write([]byte(answer + "\r\n"))
	s.talk(wire.NewSocket(&wire.Tunnel{Conn: conn, In: buffered.Reader}, false),
		&SocketRecord{Proto: r.Proto, URI: r.RequestURI, Header: r.Header.Clone()})
}

// chosenProtocol is the first that the client offers.
func chosenProtocol(fields http.Header, own string) string {
	if own != "" {
		return own
	}
	offer, _, _ := strings.Cut(strings.Join(fields.Values("Sec-WebSocket-Protocol"), ","), ",")
	return strings.TrimSpace(offer)
}

// socketOverH2 answers extended CONNECT (RFC 8441), and nothing else.
func (s *Server) socketOverH2(stream *wire.Stream) {
	fields, err := stream.Head()
	if err != nil {
		return
	}
	header := http.Header{}
	for _, f := range fields {
		header.Add(f.Name, f.Value)
	}
	uri := wire.Value(fields, ":path")
	status := "200"
	switch {
	case strings.Contains(uri, "refuse="):
		_, status, _ = strings.Cut(uri, "refuse=")
	case wire.Value(fields, ":method") != "CONNECT" || wire.Value(fields, ":protocol") != "websocket" ||
		wire.Value(fields, ":scheme") != "https" || wire.Value(fields, ":authority") == "" ||
		header.Get("Sec-WebSocket-Version") != "13" || header.Get("Sec-WebSocket-Key") != "":
		status = "400"
	}
	answer := []wire.Field{{Name: ":status", Value: status}, {Name: "x-origin", Value: "yes"}}
	if status != "200" {
		stream.Answer(true, answer...)
		return
	}
	_, own, _ := strings.Cut(uri, "protocol=")
	if chosen := chosenProtocol(header, own); chosen != "" {
		answer = append(answer, wire.Field{Name: "sec-websocket-protocol", Value: chosen})
	}
	stream.Answer(false, answer...)
	s.talk(wire.NewSocket(stream, false), &SocketRecord{Proto: "HTTP/2.0", URI: uri, Header: header})
}

// talk sends each message back, but does what a text that begins with "!" says: say TEXT, big N, ping, close CODE
// WORDS, and, without a close frame, end (its own direction), cancel and reset.
func (s *Server) talk(socket *wire.Socket, record *SocketRecord) {
	s.note(func() { s.log.sockets = append(s.log.sockets, record) })
	end := s.listen(socket, record)
	s.note(func() { record.End = end })
}

func (s *Server) listen(socket *wire.Socket, record *SocketRecord) string {
	closing := false
	for {
		opcode, payload, err := socket.Next()
		if err != nil {
			return err.Error()
		}
		s.note(func() {
			record.Pings = socket.Pings
			switch {
			case opcode == wire.WsPong:
				record.Pongs++
			case opcode != wire.WsClose && len(record.Messages) < 1000:
				text := payload
				if len(text) > 1024 {
					text = text[:1024]
				}
				record.Messages = append(record.Messages, string(text))
			}
		})
		if opcode == wire.WsClose {
			code, reason := wire.WsClosed(payload)
			if !closing {
				_ = socket.Send(wire.WsFrame{Final: true, Opcode: wire.WsClose, Payload: payload})
			}
			_ = socket.CloseWrite()
			return strings.TrimSpace(fmt.Sprintf("close %d %s", code, reason))
		}
		if opcode == wire.WsPong {
			continue
		}
		if opcode == wire.WsText && strings.HasPrefix(string(payload), "!") {
			closing = obey(socket, string(payload[1:])) || closing
			continue
		}
		_ = socket.Send(wire.WsFrame{Final: true, Opcode: opcode, Payload: payload})
	}
}

// note changes a record.
func (s *Server) note(change func()) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	change()
	s.log.poke()
}

// obey reports whether it has sent a close frame.
func obey(socket *wire.Socket, order string) bool {
	verb, rest, _ := strings.Cut(order, " ")
	switch verb {
	case "say":
		_ = socket.Say(rest)
	case "big":
		n, _ := strconv.Atoi(rest)
		_ = socket.Say(strings.Repeat("large text ", n/11+1)[:n])
	case "ping":
		_ = socket.Ping(rest)
	case "close":
		code, words, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(code)
		_ = socket.Close(n, words)
		return true
	case "end":
		_ = socket.CloseWrite()
	case "cancel":
		socket.Cancel()
	case "reset":
		socket.Cut()
	}
	return false
}
