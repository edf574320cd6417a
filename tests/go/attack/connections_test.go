package attack

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/wire"
)

// held are connections of an attacker, open until the test ends.
type held struct {
	mu      sync.Mutex
	conns   []io.Closer
	closed  bool
	running sync.WaitGroup
}

func (h *held) add(conn io.Closer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, conn)
	if h.closed {
		_ = conn.Close()
	}
}

func (h *held) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

func (h *held) close() {
	h.mu.Lock()
	h.closed = true
	for _, conn := range h.conns {
		_ = conn.Close()
	}
	h.mu.Unlock()
	h.running.Wait()
}

// insists opens connections until close(), on a few goroutines; each keeps its newest ones open. How many were opened.
func (h *held) insists(open func() (net.Conn, error), goroutines, each int) func() int64 {
	var opened int64
	for i := 0; i < goroutines; i++ {
		h.running.Add(1)
		go func() {
			defer h.running.Done()
			var mine []net.Conn
			for !h.over() {
				conn, err := open()
				if err != nil {
					continue
				}
				atomic.AddInt64(&opened, 1)
				h.add(conn)
				if mine = append(mine, conn); len(mine) > each {
					_ = mine[0].Close()
					mine = mine[1:]
				}
			}
		}()
	}
	return func() int64 { return atomic.LoadInt64(&opened) }
}

// inParallel runs f n times on a few goroutines.
func inParallel(n, goroutines int, f func()) {
	var all sync.WaitGroup
	work := make(chan struct{}, n)
	for i := 0; i < n; i++ {
		work <- struct{}{}
	}
	close(work)
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for range work {
				f()
			}
		}()
	}
	all.Wait()
}

// tunnel is a connection to the proxy after its answer to CONNECT; the error says how far it came.
func tunnel(w *harness.World, patience time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", w.Proxy.Addr, patience)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, harness.ConnectHead(w.HostPort()))
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		_ = conn.Close()
		return nil, fmt.Errorf("CONNECT: %d", answer.StatusCode)
	}
	return conn, nil
}

// visit is what a new client does: connect, shake hands, ask, take the answer, go.
func visit(w *harness.World, config *tls.Config, patience time.Duration) error {
	conn, err := tunnel(w, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	secured := tls.Client(conn, config)
	if err := secured.Handshake(); err != nil {
		return err
	}
	_, _ = io.WriteString(secured, "GET /text HTTP/1.1\r\nHost: "+w.Authority()+"\r\nConnection: close\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(secured), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

// fare is how visits of a client in good faith went.
type fare struct {
	good, bad int
	p50, p99  time.Duration
	first     error // the first that went wrong
}

func (f fare) String() string {
	return fmt.Sprintf("%d of %d visits went well, p50 %v, p99 %v", f.good, f.good+f.bad,
		f.p50.Round(100*time.Microsecond), f.p99.Round(100*time.Microsecond))
}

// visits of a client in good faith, each on a connection of its own, one after another.
func visits(t *testing.T, w *harness.World, n int, patience time.Duration) fare {
	t.Helper()
	config := &tls.Config{RootCAs: w.Proxy.Pool(t), ServerName: w.Name, NextProtos: []string{"http/1.1"}}
	var f fare
	var took []time.Duration
	for i := 0; i < n; i++ {
		begun := time.Now()
		err := visit(w, config, patience)
		took = append(took, time.Since(begun))
		if err == nil {
			f.good++
			continue
		}
		f.bad++
		if f.first == nil {
			f.first = err
		}
		if f.bad > 3 && f.good == 0 {
			break // locked out: no need to wait for each
		}
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	f.p50, f.p99 = took[len(took)/2], took[len(took)*99/100]
	return f
}

// judge expects 95 % of the visits to go well, and with a release build 99 % of them within 250 ms.
func (f fare) judge(t *testing.T, w *harness.World) {
	t.Helper()
	if f.good*100 < 95*(f.good+f.bad) {
		t.Errorf("%v; the first failure: %v", f, f.first)
	}
	if !harness.Instrumented(w.Proxy.Path) && f.p99 > 250*time.Millisecond {
		t.Errorf("%v: too slow", f)
	}
}

// secured opens connections in TLS, which speak proto.
func secured(t *testing.T, w *harness.World, proto string) func() (net.Conn, error) {
	config := &tls.Config{RootCAs: w.Proxy.Pool(t), ServerName: w.Name, NextProtos: []string{proto}}
	return func() (net.Conn, error) {
		conn, err := tunnel(w, 5*time.Second)
		if err != nil {
			return nil, err
		}
		s := tls.Client(conn, config)
		if err := s.Handshake(); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return s, nil
	}
}

// silences are the ways to hold a connection that has nothing under way.
func silences(t *testing.T, w *harness.World) map[string]func() (net.Conn, error) {
	dial := func(text string) func() (net.Conn, error) {
		return func() (net.Conn, error) {
			conn, err := net.DialTimeout("tcp", w.Proxy.Addr, 5*time.Second)
			if err == nil {
				_, err = io.WriteString(conn, text)
			}
			return conn, err
		}
	}
	inTunnel := func(text string) func() (net.Conn, error) {
		return func() (net.Conn, error) {
			conn, err := tunnel(w, 5*time.Second)
			if err == nil {
				_, err = io.WriteString(conn, text)
			}
			return conn, err
		}
	}
	saying := func(proto string, say string) func() (net.Conn, error) {
		open := secured(t, w, proto)
		return func() (net.Conn, error) {
			s, err := open()
			if err != nil {
				return nil, err
			}
			_, err = io.WriteString(s, say)
			if err == nil && strings.HasSuffix(say, "\r\n\r\n") {
				answer, failed := http.ReadResponse(bufio.NewReader(s), nil)
				if failed != nil {
					return s, failed
				}
				_, err = io.Copy(io.Discard, answer.Body)
			}
			return s, err
		}
	}
	settings := wire.Frame{Type: wire.FrameSettings}
	return map[string]func() (net.Conn, error){
		"nothing said":       dial(""),
		"half a head":        dial("GET http://"),
		"an empty tunnel":    inTunnel(""),
		"half a hello":       inTunnel("\x16\x03\x01\x02\x00\x01"),
		"one request, h1":    saying("http/1.1", "GET /text HTTP/1.1\r\nHost: "+w.Authority()+"\r\n\r\n"),
		"no request, h2":     saying("h2", wire.Preface+string(settings.Bytes())),
		"half a head in TLS": saying("http/1.1", "GET /te"),
	}
}

// TestIdleConnectionsMakeRoom: an attacker holds more connections than there may be, in each way in which a connection
// can have nothing under way, and a client in good faith comes.
//
// [T55, T58]
func TestIdleConnectionsMakeRoom(t *testing.T) {
	most := 2048
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		most = 256 // these open a few hundred a second
	}
	for _, name := range []string{"nothing said", "half a head", "an empty tunnel", "half a hello", "one request, h1",
		"no request, h2", "half a head in TLS"} {
		t.Run(name, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--limit", fmt.Sprint("connections=", most)}})
			alone := visits(t, w, 50, 5*time.Second)
			silent := silences(t, w)[name]
			attacker := &held{}
			defer attacker.close()
			opened := attacker.insists(silent, 16, (most+most/4)/16)
			harness.Eventually(10*time.Second, func() bool { return opened() > int64(most+most/4) })
			before, begun := opened(), time.Now()
			beside := visits(t, w, 50, 5*time.Second)
			t.Logf("%s: alone %v; beside %d connections and %.0f new ones a second %v", name, alone, most,
				float64(opened()-before)/time.Since(begun).Seconds(), beside)
			if opened() < int64(most) {
				t.Errorf("only %d connections were opened", opened())
			}
			beside.judge(t, w)
		})
	}
}

// TestAConnectionWithWorkIsNeverEnded: a full house of idle connections that come and go costs no exchange.
//
// [T58]
func TestAConnectionWithWorkIsNeverEnded(t *testing.T) {
	const most = 64
	for _, proto := range []harness.Proto{harness.H1, harness.H2} {
		t.Run(string(proto), func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--limit", fmt.Sprint("connections=", most)}})
			const busy = 8
			ended := make(chan string, busy)
			for i := 0; i < busy; i++ {
				client := w.Client(proto)
				go func() {
					answer, err := client.Get(w.URL("/drip?n=20&ms=150"))
					if err != nil {
						ended <- err.Error()
						return
					}
					defer answer.Body.Close()
					_, err = io.Copy(io.Discard, answer.Body)
					ended <- fmt.Sprint(answer.StatusCode, " ", err)
				}()
			}
			attacker := &held{}
			defer attacker.close()
			until := time.Now().Add(2 * time.Second)
			opened := 0
			for time.Now().Before(until) {
				conn, err := net.DialTimeout("tcp", w.Proxy.Addr, time.Second)
				if err != nil {
					break
				}
				attacker.add(conn)
				opened++
				if opened > most {
					time.Sleep(5 * time.Millisecond)
				}
			}
			for i := 0; i < busy; i++ {
				if end := <-ended; end != "200 <nil>" {
					t.Errorf("an exchange ended with %q", end)
				}
			}
			t.Logf("%d exchanges went on beside %d connections that came, of which %d may be open", busy, opened, most)
		})
	}
}

// TestFourThousandIdleConnections is the attack at its real bound: each of them made one request, and the proxy has its
// own limit. A release build alone, since the others need a minute for the handshakes.
//
// [T58]
func TestFourThousandIdleConnections(t *testing.T) {
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("needs a release build")
	}
	w := harness.NewWorld(t, harness.WorldOptions{})
	silent := silences(t, w)["one request, h1"]
	attacker := &held{}
	defer attacker.close()
	inParallel(4100, 16, func() {
		if conn, err := silent(); err == nil {
			attacker.add(conn)
		}
	})
	beside := visits(t, w, 200, 5*time.Second)
	t.Logf("beside %d idle connections: %v; the proxy has %d MiB", len(attacker.conns), beside, w.Proxy.RSS()>>20)
	beside.judge(t, w)
}

// onceH2 opens an HTTP/2 connection, makes one request on it and takes its answer.
func onceH2(w *harness.World, open func() (net.Conn, error)) (io.Closer, error) {
	raw, err := open()
	if err != nil {
		return nil, err
	}
	conn := wire.NewConn(raw, true)
	answer := conn.Open(true, w.Request("GET", "/text")...)
	if _, err := answer.Head(); err != nil {
		return nil, err
	}
	_, err = io.ReadAll(answer)
	return closing{conn}, err
}

// TestIdleConnectionsAreSmall: what an idle connection costs, by protocol, after one request.
func TestIdleConnectionsAreSmall(t *testing.T) {
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("memory is judged with a release build")
	}
	const n = 1000
	for _, c := range []struct {
		name string
		most int64 // KiB
	}{{"h1", 29}, {"h2", 45}} {
		t.Run(c.name, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--threads", "1"}})
			h1, h2 := silences(t, w)["one request, h1"], secured(t, w, "h2")
			attacker := &held{}
			defer attacker.close()
			open := func(n int) {
				inParallel(n, 8, func() {
					var conn io.Closer
					var err error
					if c.name == "h1" {
						conn, err = h1()
					} else {
						conn, err = onceH2(w, h2)
					}
					if err == nil {
						attacker.add(conn)
					}
				})
			}
			open(200) // the proxy takes some memory once, whatever comes
			before := w.Proxy.RSS()
			open(n)
			each := (w.Proxy.RSS() - before) / n
			t.Logf("%.1f KiB for each of %d idle connections", float64(each)/1024, n)
			if len(attacker.conns) < n {
				t.Fatalf("only %d connections", len(attacker.conns))
			}
			if each > c.most*1024 {
				t.Errorf("more than %d KiB", c.most)
			}
		})
	}
}
