package attack

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bottle.test/harness"
)

// hello is a ClientHello of TLS 1.3, made by hand: any groups, any key shares, any padding.
type hello struct {
	name    string
	groups  []uint16
	shares  []uint16 // of 32 bytes each
	padding int
}

func vector(lengthBytes int, body []byte) []byte {
	size := make([]byte, 8)
	binary.BigEndian.PutUint64(size, uint64(len(body)))
	return append(size[8-lengthBytes:], body...)
}

func numbers(list ...uint16) []byte {
	var out []byte
	for _, n := range list {
		out = append(out, byte(n>>8), byte(n))
	}
	return out
}

// records are the hello's bytes on the wire.
func (h hello) records() []byte {
	var extensions []byte
	add := func(kind uint16, body []byte) {
		extensions = append(append(extensions, numbers(kind)...), vector(2, body)...)
	}
	add(0, vector(2, append([]byte{0}, vector(2, []byte(h.name))...)))
	add(10, vector(2, numbers(h.groups...)))
	add(13, vector(2, numbers(0x0403)))
	add(43, vector(1, numbers(0x0304)))
	var shares []byte
	for _, group := range h.shares {
		// 9 is the base point of X25519, and a point of no other group.
		point := make([]byte, 32)
		point[0] = 9
		shares = append(append(shares, numbers(group)...), vector(2, point)...)
	}
	add(51, vector(2, shares))
	if h.padding > 0 {
		add(21, make([]byte, h.padding))
	}
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, vector(1, make([]byte, 32))...)
	body = append(body, vector(2, numbers(0x1301, 0x1303, 0x1302))...)
	body = append(body, 1, 0)
	body = append(body, vector(2, extensions)...)
	message := append([]byte{1}, vector(3, body)...)
	var out []byte
	for len(message) > 0 {
		n := len(message)
		if n > 1<<14 {
			n = 1 << 14
		}
		out = append(append(out, 22, 3, 1), vector(2, message[:n])...)
		message = message[n:]
	}
	return out
}

// reply is the first record that comes back: its type, and of an alert the description. -1: none came.
func reply(t *testing.T, w *harness.World, bytes []byte) (kind, alert int) {
	t.Helper()
	conn, err := tunnel(w, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(bytes)
	head := make([]byte, 7)
	n, _ := io.ReadFull(conn, head)
	if n < 7 {
		return -1, -1
	}
	return int(head[0]), int(head[6])
}

// TestHellosThatAreRefusedGetAnAlert: a hello that is too long, or offers nothing that is spoken here, is answered. One
// that merely offers much that is unknown is served.
//
// [T59]
func TestHellosThatAreRefusedGetAnAlert(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{})
	const (
		x25519    = 0x001d
		p384      = 0x0018
		alert     = 21
		handshake = 22
	)
	many := func(n int, also ...uint16) []uint16 {
		var out []uint16
		for i := 0; i < n; i++ {
			out = append(out, 0x2a00+uint16(i))
		}
		return append(out, also...)
	}
	for _, c := range []struct {
		name  string
		hello hello
		kind  int
		alert int
	}{
		{"ordinary", hello{groups: []uint16{x25519}, shares: []uint16{x25519}}, handshake, -1},
		{"5000 unknown groups", hello{groups: many(5000, x25519), shares: []uint16{x25519}}, handshake, -1},
		{"200 unknown key shares", hello{groups: many(200, x25519), shares: many(200, x25519)}, handshake, -1},
		{"400 unknown key shares, none known", hello{groups: many(400), shares: many(400)}, alert, 40},
		{"P-384 alone", hello{groups: []uint16{p384}, shares: nil}, alert, 40},
		{"just below 16 KiB", hello{groups: []uint16{x25519}, shares: []uint16{x25519}, padding: 16000}, handshake, -1},
		{"17 KiB", hello{groups: []uint16{x25519}, shares: []uint16{x25519}, padding: 17000}, alert, 47},
		{"9000 unknown groups", hello{groups: many(9000, x25519), shares: []uint16{x25519}}, alert, 47},
		{"60 KiB", hello{groups: many(30000, x25519), shares: []uint16{x25519}}, alert, 47},
		{"1000 unknown key shares", hello{groups: many(1000, x25519), shares: many(1000, x25519)}, alert, 47},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.hello.name = w.Name
			sent := c.hello.records()
			kind, description := reply(t, w, sent)
			t.Logf("%d bytes: record type %d, %d", len(sent), kind, description)
			if kind != c.kind || c.alert >= 0 && description != c.alert {
				t.Errorf("record type %d with %d, want %d with %d", kind, description, c.kind, c.alert)
			}
		})
	}
}

// handshakes does as many as it can until told, with that many connections at a time; how many there were.
func handshakes(w *harness.World, config *tls.Config, parallel int, over *atomic.Value) *int64 {
	var done int64
	var all sync.WaitGroup
	for i := 0; i < parallel; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for over.Load() == nil {
				conn, err := tunnel(w, 5*time.Second)
				if err != nil {
					continue
				}
				if tls.Client(conn, config).Handshake() == nil {
					atomic.AddInt64(&done, 1)
				}
				_ = conn.Close()
			}
		}()
	}
	go all.Wait()
	return &done
}

// TestHandshakesLeaveTheOthersTheirTurn: an attacker shakes hands as fast as it can on many connections, and by hellos
// that ask for the group that costs most. A client that has its connection already gets its answers.
//
// [T59]
func TestHandshakesLeaveTheOthersTheirTurn(t *testing.T) {
	for _, c := range []struct {
		name   string
		groups []tls.CurveID
	}{{"X25519", []tls.CurveID{tls.X25519}}, {"P-384", []tls.CurveID{tls.CurveP384}}} {
		t.Run(c.name, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--threads", "1"}})
			roots := w.Proxy.Pool(t)
			client := w.Client(harness.H2)
			ask := func(n int) (worst time.Duration, bad int) {
				for i := 0; i < n; i++ {
					begun := time.Now()
					if answer, err := w.Try(client, "GET", "/text", nil); err != nil || answer.Status() != 200 {
						bad++
					}
					if took := time.Since(begun); took > worst {
						worst = took
					}
				}
				return worst, bad
			}
			alone, _ := ask(50)
			var over atomic.Value
			cpu := w.Proxy.CPU()
			config := &tls.Config{RootCAs: roots, ServerName: w.Name, CurvePreferences: c.groups}
			done := handshakes(w, config, 64, &over)
			begun := time.Now()
			worst, bad := ask(200)
			took := time.Since(begun)
			over.Store(true)
			cpu = w.Proxy.CPU() - cpu
			t.Logf("slowest of 50 alone %v, slowest of 200 beside %.0f handshakes a second %v, CPU %.0f %%", alone,
				float64(atomic.LoadInt64(done))/took.Seconds(), worst, 100*cpu.Seconds()/took.Seconds())
			if bad > 0 {
				t.Errorf("%d requests failed", bad)
			}
			if !harness.Instrumented(w.Proxy.Path) && worst > 250*time.Millisecond {
				t.Errorf("a request took %v", worst)
			}
		})
	}
}

// TestSlowHandshakesHoldUpNobody: a thousand clients stop in the middle of their handshakes.
//
// [T55, T59]
func TestSlowHandshakesHoldUpNobody(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{})
	ordinary := hello{name: w.Name, groups: []uint16{0x001d}, shares: []uint16{0x001d}}.records()
	attacker := &held{}
	defer attacker.close()
	var answered int64
	inParallel(600, 16, func() {
		conn, err := tunnel(w, 10*time.Second)
		if err != nil {
			return
		}
		attacker.add(conn)
		// Takes the server's flight, and never says that it is finished.
		_, _ = io.Copy(conn, bytes.NewReader(ordinary))
		head := make([]byte, 5)
		if _, err := io.ReadFull(conn, head); err == nil && head[0] == 22 {
			atomic.AddInt64(&answered, 1)
		}
	})
	rss := w.Proxy.RSS()
	beside := visits(t, w, 50, 5*time.Second)
	t.Logf("beside %d handshakes that stopped: %v; the proxy has %d MiB", answered, beside, rss>>20)
	if answered < 500 {
		t.Errorf("only %d handshakes came so far", answered)
	}
	beside.judge(t, w)
}
