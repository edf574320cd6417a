package attack

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/wire"
)

// ordinary is the traffic of clients in good faith, of all kinds that take memory.
func ordinary(t *testing.T, w *harness.World) {
	t.Helper()
	big := strings.Repeat("a line of an ordinary upload\n", 10_000)
	for i := 0; i < 10; i++ {
		for _, proto := range []harness.Proto{harness.H1, harness.H2} {
			client := w.Client(proto)
			for k := 0; k < 5; k++ {
				w.Do(client, "GET", "/text", nil)
			}
			if answer := w.Do(client, "POST", "/mirror", strings.NewReader(big)); answer.StatusCode != 200 {
				t.Fatalf("an upload: status %d", answer.StatusCode)
			}
			client.CloseIdleConnections()
		}
	}
	visits(t, w, 100, 5*time.Second)
}

// hoard is an HTTP/2 connection that makes the proxy hold what it can.
type hoard struct {
	w     *harness.World
	conn  *wire.Conn
	ended chan struct{}
	bytes atomic.Int64 // of bodies that the proxy took
}

// hoards wraps a connection in TLS, which takes nothing of any answer.
func hoards(w *harness.World, open func() (net.Conn, error)) (*hoard, error) {
	raw, err := open()
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Time{})
	const initialWindow = 4
	h := &hoard{w: w, conn: wire.NewConn(raw, true, initialWindow, 0), ended: make(chan struct{})}
	go func() {
		_, _ = h.conn.Accept() // until the connection's end: a server opens no streams
		close(h.ended)
	}()
	return h, nil
}

// fill begins requests with a body that the origin does not read, and a head of 3 KiB, and as many with an answer.
func (h *hoard) fill(streams int, answers bool) {
	large := wire.Field{Name: "x-fill", Value: strings.Repeat("h", 3000)}
	for i := 0; i < streams; i++ {
		stream := h.conn.Open(false, h.w.Request("POST", "/slow?ms=60000", large)...)
		go func() {
			piece := make([]byte, 8<<10)
			for {
				n, err := stream.Write(piece)
				h.bytes.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
		if answers {
			h.conn.Open(true, h.w.Request("GET", "/bytes?n=1000000")...)
		}
	}
}

func (h *hoard) over() bool {
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}

// full waits until the proxy takes no more of the bodies.
func (h *hoard) full() {
	for before := int64(-1); !h.over() && h.bytes.Load() != before; time.Sleep(100 * time.Millisecond) {
		before = h.bytes.Load()
	}
}

// closing is a connection that a held closes.
type closing struct{ conn *wire.Conn }

func (c closing) Close() error { c.conn.Close(); return nil }

// TestMemoryGoesBack: what an attack took is the system's again soon after it.
//
// [T58]
func TestMemoryGoesBack(t *testing.T) {
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("memory is judged with a release build")
	}
	const soon = 30 * time.Second
	for _, c := range []struct {
		name   string
		attack func(w *harness.World, attacker *held, open map[string]func() (net.Conn, error))
	}{
		{"2000 idle connections of h2", func(w *harness.World, attacker *held,
			open map[string]func() (net.Conn, error)) {
			inParallel(2000, 8, func() {
				if conn, err := open["no request, h2"](); err == nil {
					attacker.add(conn)
				}
			})
		}},
		{"100 full connections of h2", func(w *harness.World, attacker *held,
			open map[string]func() (net.Conn, error)) {
			inParallel(100, 8, func() {
				if h, err := hoards(w, open["h2"]); err == nil {
					attacker.add(closing{h.conn})
					h.fill(16, true)
				}
			})
			time.Sleep(3 * time.Second)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{})
			open := silences(t, w)
			open["h2"] = secured(t, w, "h2")
			ordinary(t, w)
			time.Sleep(10 * time.Second) // the warm-up's own goes back
			before := w.Proxy.RSS()
			attacker := &held{}
			c.attack(w, attacker, open)
			during := w.Proxy.RSS()
			opened := len(attacker.conns)
			attacker.close()
			begun := time.Now()
			back := harness.Eventually(soon, func() bool { return w.Proxy.RSS() <= before+before/10 })
			t.Logf("%.1f MiB before, %.1f MiB beside %d connections, %.1f MiB %v after it", mib(before), mib(during),
				opened, mib(w.Proxy.RSS()), time.Since(begun).Round(time.Second))
			if !back {
				t.Errorf("%.1f MiB are not given back", mib(w.Proxy.RSS()-before))
			}
			if during < before*3/2 {
				t.Errorf("the attack took next to nothing: this shows nothing")
			}
		})
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
