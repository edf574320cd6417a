package attack

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"bottle.test/harness"
	"bottle.test/wire"
)

// load starts all kinds; plain exchanges get what is left of the rate.
func (s *soak) load(rate int) {
	clients := make([]*http.Client, 16)
	for i := range clients {
		clients[i] = s.w.Client(faultProtos[i%2])
	}
	s.clients = clients
	large := 4 + rate/200 // a second, of each kind
	s.each(16, rate, func(worker, i int) { s.plain(clients[worker], i) })
	s.each(4, rate/20+1, func(worker, i int) { s.relayed(clients[worker], i) })
	s.each(4, large, func(worker, i int) { s.download(clients[worker]) })
	s.each(4, large, func(worker, i int) { s.upload(clients[worker], i) })
	s.each(8, 8, func(worker, i int) { s.events1(clients[worker]) })
	s.each(4, 4, func(worker, i int) { s.socket() })
	s.each(32, rate/20+1, func(worker, i int) { s.attack(worker*1000003 + i) })
}

func (s *soak) plain(client *http.Client, i int) {
	began := time.Now()
	body := fmt.Sprintf("plain %d", i)
	answer, err := s.w.Try(client, "POST", "/mirror", strings.NewReader(body), "Content-Type", "text/plain")
	took, at := time.Since(began), began.Sub(s.begin)
	s.exchanges.Add(1)
	if err != nil || answer.BodyErr != nil || answer.StatusCode != 200 || answer.Text != body {
		s.failed("plain: %v, status %d, %.200q", err, answer.Status(), answer.Text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at < s.length/5 {
		s.early = append(s.early, took)
	} else if at > s.length*4/5 {
		s.late = append(s.late, took)
	}
}

func (s *soak) relayed(client *http.Client, i int) {
	body := fmt.Sprintf("relayed %d", i)
	answer, err := s.w.Try(client, "POST", s.w.URLOf("relayed.test", "/mirror"), strings.NewReader(body))
	s.exchanges.Add(1)
	if err != nil || answer.BodyErr != nil || answer.StatusCode != 200 || answer.Text != body {
		s.failed("relayed: %v, status %d, %.200q", err, answer.Status(), answer.Text)
	}
}

func (s *soak) download(client *http.Client) {
	answer, err := s.w.Try(client, "GET", "/bytes?n=262144", nil)
	s.exchanges.Add(1)
	s.bytes.Add(int64(len(answer.Text)))
	if err != nil || answer.BodyErr != nil || answer.StatusCode != 200 {
		s.failed("download: %v, %v, status %d", err, answer.BodyErr, answer.Status())
		return
	}
	sum := sha256.Sum256([]byte(answer.Text))
	if want := answer.Header.Get("X-Sha256"); want != hex.EncodeToString(sum[:]) {
		s.failed("download: %d bytes, another digest", len(answer.Text))
	}
}

func (s *soak) upload(client *http.Client, i int) {
	body := bytes.Repeat([]byte(fmt.Sprintf("%08d", i)), 32<<10)
	answer, err := s.w.Try(client, "POST", "/mirror", bytes.NewReader(body), "Content-Type", "application/octet-stream")
	s.exchanges.Add(1)
	s.bytes.Add(int64(2 * len(body)))
	if err != nil || answer.BodyErr != nil || answer.StatusCode != 200 || answer.Text != string(body) {
		s.failed("upload: %v, %v, status %d, %d bytes", err, answer.BodyErr, answer.Status(), len(answer.Text))
	}
}

// events1 reads one event stream; at a second each, all of them last half a second.
func (s *soak) events1(client *http.Client) {
	answer, err := s.w.Try(client, "GET", "/sse?n=25&ms=20", nil)
	s.exchanges.Add(1)
	got := strings.Count(answer.Text, "data: ")
	s.events.Add(int64(got))
	if err != nil || answer.BodyErr != nil || answer.StatusCode != 200 || got != 25 {
		s.failed("event stream: %v, %v, status %d, %d of 25 events", err, answer.BodyErr, answer.Status(), got)
	}
}

// socket opens a WebSocket and says something that comes back.
func (s *soak) socket() {
	conn, err := s.dialTLS("http/1.1")
	if err != nil {
		s.failed("WebSocket: %v", err)
		return
	}
	defer conn.Close()
	socket, err := harness.OpenWebSocket(conn, harness.H1, s.w.Authority(), "/ws")
	if err != nil || socket.Socket == nil {
		s.failed("WebSocket: %v", err)
		return
	}
	s.exchanges.Add(1)
	for i := 0; i < 20; i++ {
		text := fmt.Sprintf("message %d", i)
		if err := socket.Say(text); err != nil {
			s.failed("WebSocket: %v", err)
			return
		}
		if _, got, err := socket.Next(); err != nil || string(got) != text {
			s.failed("WebSocket: %q, %v", got, err)
			return
		}
		s.messages.Add(1)
	}
	_ = socket.Close(1000, "")
	_, _, _ = socket.Next()
}

// dial is a tunnel to the origin, with a deadline for all of it.
func (s *soak) dial() (net.Conn, error) {
	conn, err := net.Dial("tcp", s.w.Proxy.Addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, harness.ConnectHead(s.w.HostPort())); err != nil {
		conn.Close()
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(oneByte{conn}, 16), &http.Request{Method: "CONNECT"})
	if err != nil || answer.StatusCode != 200 {
		conn.Close()
		return nil, fmt.Errorf("CONNECT: %v", err)
	}
	return conn, nil
}

// oneByte keeps a reader from taking bytes behind the head.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

func (s *soak) dialTLS(alpn string) (net.Conn, error) {
	conn, err := s.dial()
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, &tls.Config{ServerName: s.w.Name, NextProtos: []string{alpn}, RootCAs: s.roots})
	if err := secured.Handshake(); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

// Bytes of a hostile agent, each on a connection of its own. All but the first list are inside TLS.
var hostileOpenings = []string{
	"\x16\x03\x01\xff\xff\x01\x00\x00\x00",
	"SSH-2.0-x\r\n",
	"GET http://origin.test:22/ HTTP/1.1\r\n\r\n",
	"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n",
}

var hostileRequests = []string{
	"POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n",
	"GET / HTTP/1.1\nHost: origin.test\n\n",
	"GET / HTTP/1.1\r\nHost: origin.test\r\nA",
	"POST / HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n1;\nx\r\n",
	"POST /mirror HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 100000\r\n\r\nabc",
	"GET /bytes?n=1000000 HTTP/1.1\r\nHost: origin.test\r\n\r\n",
	"CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: origin.test\r\n" + strings.Repeat("A: b\r\n", 200) + "\r\n",
}

// attack makes one hostile connection; the answer is not judged, only that the rest goes on.
func (s *soak) attack(i int) {
	s.hostile.Add(1)
	switch i % 4 {
	case 0:
		if conn, err := net.Dial("tcp", s.w.Proxy.Addr); err == nil {
			_ = conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
			_, _ = io.WriteString(conn, hostileOpenings[i/4%len(hostileOpenings)])
			_, _ = conn.Read(make([]byte, 512))
			conn.Close()
		}
	case 1:
		if conn, err := s.dialTLS("h2"); err == nil {
			s.flood(conn)
			conn.Close()
		}
	default:
		if conn, err := s.dialTLS("http/1.1"); err == nil {
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(conn, hostileRequests[i/4%len(hostileRequests)])
			_, _ = conn.Read(make([]byte, 512))
			wire.Reset(conn)
		}
	}
}

// flood opens streams and resets them at once, until the proxy has enough of it.
func (s *soak) flood(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
	frames := bytes.NewBufferString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	for stream := uint32(1); stream < 300; stream += 2 {
		number := []byte{0, 0, byte(stream >> 8), byte(stream)}
		head := "\x82\x87\x84\x41\x0borigin.test"
		frames.Write(append([]byte{0, 0, byte(len(head)), 1, 5}, number...))
		frames.WriteString(head)
		frames.Write(append(append([]byte{0, 0, 4, 3, 0}, number...), 0, 0, 0, 8))
	}
	_, _ = conn.Write(frames.Bytes())
	_, _ = io.Copy(io.Discard, conn)
}
