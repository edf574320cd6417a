package attack

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/wire"
)

// foe runs one attack. It judges nothing: a connection that is refused is tried again.
type foe struct {
	ctx    context.Context
	world  *harness.World
	config *tls.Config
	wg     sync.WaitGroup
	mu     sync.Mutex
	conns  map[net.Conn]bool
}

// newFoe attacks w until stop is called, or the test ends.
func newFoe(t *testing.T, w *harness.World) (f *foe, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f = &foe{ctx: ctx, world: w, config: &tls.Config{RootCAs: w.Proxy.Pool(t)}, conns: map[net.Conn]bool{}}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			f.mu.Lock()
			for conn := range f.conns {
				conn.Close()
			}
			f.mu.Unlock()
			f.wg.Wait()
		})
	}
	t.Cleanup(stop)
	return f, stop
}

func (f *foe) over() bool { return f.ctx.Err() != nil }

// wait is false when the attack is over.
func (f *foe) wait(d time.Duration) bool {
	select {
	case <-f.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// pace is the pause of an attacker between two bites: it shares the machine with the proxy and the good client, and is
// to win by what the proxy does, not by keeping the processors busy itself.
const pace = 2 * time.Millisecond

// each runs n of them at once, each again and again until the attack is over.
func (f *foe) each(n int, run func(i int)) {
	for i := 0; i < n; i++ {
		i := i
		f.wg.Add(1)
		go func() {
			defer f.wg.Done()
			for !f.over() {
				run(i)
				f.wait(10 * pace)
			}
		}()
	}
}

// rest is for a loop over streams: a pause after each ten.
func (f *foe) rest(id uint32) {
	if id%20 == 1 {
		f.wait(pace)
	}
}

// dial connects to the proxy; the connection ends with the attack.
func (f *foe) dial() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", f.world.Proxy.Addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over() {
		conn.Close()
		return nil, f.ctx.Err()
	}
	f.conns[conn] = true
	return conn, nil
}

func (f *foe) drop(conn net.Conn) {
	if conn == nil {
		return
	}
	conn.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
}

// tunnel asks for a CONNECT to authority. The status is in the error if it is none of success.
func (f *foe) tunnel(authority string) (net.Conn, error) {
	conn, err := f.dial()
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(conn, harness.ConnectHead(authority)); err == nil {
		var answer *http.Response
		answer, err = http.ReadResponse(bufio.NewReaderSize(oneByOne{conn}, 16), &http.Request{Method: "CONNECT"})
		if err == nil && answer.StatusCode != 200 {
			err = fmt.Errorf("CONNECT: %s", answer.Status)
		}
	}
	if err != nil {
		f.drop(conn)
		return nil, err
	}
	return conn, nil
}

// oneByOne reads no byte ahead of what is asked for: the tunnel's first bytes stay in the connection.
type oneByOne struct{ conn net.Conn }

func (o oneByOne) Read(p []byte) (int, error) { return o.conn.Read(p[:1]) }

// secure opens TLS to a name through the proxy; raw is the connection to drop.
func (f *foe) secure(name string, change func(*tls.Config), alpn ...string) (secured *tls.Conn, raw net.Conn,
	err error) {
	raw, err = f.tunnel(name + ":443")
	if err != nil {
		return nil, nil, err
	}
	config := f.config.Clone()
	config.ServerName, config.NextProtos = name, alpn
	if change != nil {
		change(config)
	}
	secured = tls.Client(raw, config)
	if err = secured.HandshakeContext(f.ctx); err != nil {
		f.drop(raw)
		return nil, nil, err
	}
	return secured, raw, nil
}

// frames opens HTTP/2 to a name and hands over the connection; it is dropped when run returns. Bytes that come are
// read and thrown away, unless it is deaf.
func (f *foe) frames(name string, deaf bool, settings []byte, run func(c *tls.Conn)) {
	secured, raw, err := f.secure(name, nil, "h2")
	if err != nil {
		f.wait(20 * time.Millisecond)
		return
	}
	defer f.drop(raw)
	first := append([]byte(wire.Preface), harness.Frame{Type: harness.FrameSettings, Payload: settings}.Bytes()...)
	first = append(first, harness.Frame{Type: harness.FrameSettings, Flags: harness.FlagAck}.Bytes()...)
	if _, err := secured.Write(first); err != nil {
		return
	}
	if !deaf {
		gone := make(chan struct{})
		go func() { defer close(gone); _, _ = io.Copy(io.Discard, secured) }()
		defer func() { f.drop(raw); <-gone }()
	}
	run(secured)
}

// write sends bytes again and again, so many times or until the connection ends or the attack is over.
func (f *foe) write(c net.Conn, text []byte, times int, pause time.Duration) {
	for i := 0; i < times && !f.over(); i++ {
		if _, err := c.Write(text); err != nil {
			return
		}
		if pause > 0 && !f.wait(pause) {
			return
		}
	}
}

// say opens a TLS connection to a name and writes text; it is handed over then.
func (f *foe) say(name, text string, run func(c net.Conn)) {
	secured, raw, err := f.secure(name, nil, "http/1.1")
	if err != nil {
		f.wait(20 * time.Millisecond)
		return
	}
	defer f.drop(raw)
	if _, err := io.WriteString(secured, text); err == nil {
		run(secured)
	}
}

// stay waits until the attack is over, or the connection has ended.
func (f *foe) stay(c net.Conn) {
	buffer := make([]byte, 4096)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

// request is a head for HTTP/1.1.
func request(method, path, name string, fields ...string) string {
	head := method + " " + path + " HTTP/1.1\r\nHost: " + name + "\r\n"
	if len(fields) > 0 {
		head += strings.Join(fields, "\r\n") + "\r\n"
	}
	return head + "\r\n"
}

// stream is a HEADERS frame of a request for HTTP/2, which ends the request.
func stream(id uint32, name, method, path string, fields ...harness.Field) []byte {
	all := append([]harness.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: name}, {Name: ":path", Value: path}}, fields...)
	var out []byte
	for _, frame := range wire.HeaderFrames(id, true, all...) {
		out = append(out, frame.Bytes()...)
	}
	return out
}
