package attack

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// How long an exchange that ran out of memory may take to end.
const memoryHangLimit = 8 * time.Second

// exchangeKind is one kind of exchange, each allocation of which fails once.
type exchangeKind struct {
	name    string
	options func() harness.WorldOptions
	// prepare makes a good exchange on a new connection, which has to succeed after what failed before, and gives the
	// exchange whose allocations count.
	prepare func(m *memoryWorld, proto harness.Proto) (func() error, error)
	spliced bool // the client sees the origin's certificate
}

// memoryWorld is a world whose process that serves can run out of memory.
type memoryWorld struct {
	*harness.World
	t      *testing.T
	kind   exchangeKind
	malloc *failingMalloc
	engine int
	maps   string
	leave  []func() // closes the client's connections
}

const aToken = "ghp_" + "0123456789abcdefghijABCDEFGHIJ123456"

func direct() harness.WorldOptions { return harness.WorldOptions{Via: harness.Direct} }

func scanned() harness.WorldOptions {
	return harness.WorldOptions{Via: harness.Scanner, DoubleOnly: true, Trespass: true,
		Double: double.Options{MaxRequest: 8 << 20}}
}

func behindExit() harness.WorldOptions {
	o := scanned()
	o.Exit = true
	return o
}

var exchangeKinds = []exchangeKind{
	{name: "connect", options: direct, prepare: whole("GET", "/text", "")},
	{name: "get", options: direct, prepare: warm("GET", "/text", "")},
	{name: "post", options: direct, prepare: warm("POST", "/mirror", strings.Repeat("p", 100<<10))},
	{name: "gzip", options: direct, prepare: warm("GET", "/gzip", "")},
	{name: "redact", options: func() harness.WorldOptions {
		o := direct()
		o.Args = []string{"--on-secret", "origin.test=redact"}
		return o
	}, prepare: warm("POST", "/mirror", `["`+aToken+`"]`)},
	{name: "refused secret", options: direct, prepare: warm("POST", "/mirror", `["`+aToken+`"]`)},
	{name: "websocket", options: func() harness.WorldOptions {
		o := direct()
		o.Origin = origin.Options{H1Only: true}
		return o
	}, prepare: socket},
	{name: "scanned", options: scanned, prepare: warm("POST", "/mirror", strings.Repeat("s", 1000))},
	{name: "scanned upload", options: scanned, prepare: warm("POST", "/mirror", strings.Repeat("u", 600<<10))},
	{name: "scanned events", options: scanned, prepare: warm("GET", "/sse?n=3&ms=5", "")},
	{name: "exit", options: behindExit, prepare: warm("POST", "/mirror", strings.Repeat("e", 1000))},
	{name: "exit events", options: behindExit, prepare: warm("GET", "/sse?n=3&ms=5", "")},
	{name: "relay", options: func() harness.WorldOptions {
		o := behindExit()
		o.Relay = true
		return o
	}, prepare: warm("POST", "/mirror", strings.Repeat("r", 1000))},
	{name: "splice", options: func() harness.WorldOptions {
		o := direct()
		o.Args = []string{"--route", "origin.test=splice"}
		return o
	}, prepare: whole("GET", "/text", ""), spliced: true},
}

func (m *memoryWorld) client(proto harness.Proto) *http.Client {
	client := m.ClientWith(proto, func(transport *http.Transport) {
		if m.kind.spliced {
			transport.TLSClientConfig.RootCAs = m.Origin.CA.Pool()
		}
	})
	client.Timeout = memoryHangLimit
	m.leave = append(m.leave, client.CloseIdleConnections)
	return client
}

// ask is one exchange; an error is a transport's, not what the proxy says.
func (m *memoryWorld) ask(client *http.Client, method, path, body string) (harness.Answer, error) {
	var reader io.Reader
	fields := []string{}
	if body != "" {
		reader = strings.NewReader(body)
		fields = []string{"Content-Type", "application/json"}
	}
	answer, err := m.Try(client, method, path, reader, fields...)
	if err == nil {
		err = answer.BodyErr
	}
	return answer, err
}

// whole is a connection with one exchange on it.
func whole(method, path, body string) func(*memoryWorld, harness.Proto) (func() error, error) {
	return func(m *memoryWorld, proto harness.Proto) (func() error, error) {
		client := m.client(proto)
		return func() error {
			_, err := m.ask(client, method, path, body)
			return err
		}, m.fine(proto)
	}
}

// warm is an exchange on a connection that had one before.
func warm(method, path, body string) func(*memoryWorld, harness.Proto) (func() error, error) {
	return func(m *memoryWorld, proto harness.Proto) (func() error, error) {
		client := m.client(proto)
		return func() error {
			_, err := m.ask(client, method, path, body)
			return err
		}, m.good(client)
	}
}

// socket is a WebSocket on a connection of its own, which says something and is answered.
func socket(m *memoryWorld, proto harness.Proto) (func() error, error) {
	raw := m.TLS(map[harness.Proto]string{harness.H1: "http/1.1", harness.H2: "h2"}[proto])
	m.leave = append(m.leave, func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(memoryHangLimit))
	return func() error {
		opened, err := harness.OpenWebSocket(raw, proto, m.Authority(), "/ws?x=1")
		if err != nil || opened.Socket == nil {
			return err
		}
		if err := opened.Say("hello"); err != nil {
			return err
		}
		_, _, err = opened.Next()
		opened.Leave()
		return err
	}, m.fine(proto)
}

// fine wants a good exchange on a new connection.
func (m *memoryWorld) fine(proto harness.Proto) error {
	client := m.client(proto)
	defer client.CloseIdleConnections()
	return m.good(client)
}

func (m *memoryWorld) good(client *http.Client) error {
	answer, err := m.ask(client, "GET", "/text", "")
	if err == nil && answer.StatusCode != 200 {
		err = fmt.Errorf("status %d: %.200s", answer.StatusCode, answer.Text)
	}
	return err
}

// tryOne lets one allocation fail. It says how many there were, and whether it was among them.
func (m *memoryWorld) tryOne(kind exchangeKind, proto harness.Proto, nth, width uint64) (uint64, bool) {
	defer func() {
		for _, leave := range m.leave {
			leave()
		}
		m.leave = nil
	}()
	exchange, err := kind.prepare(m, proto)
	if err != nil {
		m.t.Errorf("after an allocation of %s over %s: %v\n%s", kind.name, proto, err, m.malloc.stack(m.maps))
		m.attach()
		return 0, false
	}
	m.malloc.arm(m.engine, nth, width)
	began := time.Now()
	err = exchange()
	seen, failed := m.malloc.disarm()
	took := time.Since(began)
	var timeout net.Error
	hangs := errors.As(err, &timeout) && timeout.Timeout() || took > memoryHangLimit
	if now := m.Proxy.EnginePid(); now != m.engine {
		m.t.Errorf("allocation %d of %s over %s ended the process\n%s", nth, kind.name, proto,
			m.malloc.stack(m.maps))
		m.attach()
	} else if hangs {
		m.t.Errorf("allocation %d of %s over %s: no end after %v: %v\n%s", nth, kind.name, proto,
			took.Round(time.Millisecond), err, m.malloc.stack(m.maps))
	}
	return seen, failed > 0
}

// attach waits for the process that serves, and looks at it.
func (m *memoryWorld) attach() {
	harness.Eventually(10*time.Second, func() bool { return m.fine(harness.H1) == nil })
	m.engine = m.Proxy.EnginePid()
	maps, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", m.engine))
	m.maps = string(maps)
}

// TestOutOfMemory: an allocation that fails ends the exchange or its connection; the process lives, serves the next
// connection, and keeps no descriptor. Each exchange has the same allocations again and again, and each time the next
// one fails. BOTTLE_MEMORY_SECONDS is for each kind and protocol, BOTTLE_MEMORY_WIDTH is how many fail in a row.
// [T94]
func TestOutOfMemory(t *testing.T) {
	if !harness.Release() {
		t.Skip("sanitizers have an allocator of their own: set BOTTLE_RELEASE=1 and BOTTLE_BIN_DIR to a release build")
	}
	seconds := 1.3
	if said := os.Getenv("BOTTLE_MEMORY_SECONDS"); said != "" {
		seconds, _ = strconv.ParseFloat(said, 64)
	}
	width := uint64(1)
	if said, err := strconv.ParseUint(os.Getenv("BOTTLE_MEMORY_WIDTH"), 10, 64); err == nil {
		width = said
	}
	for _, kind := range exchangeKinds {
		for _, proto := range faultProtos {
			kind, proto := kind, proto
			t.Run(fmt.Sprintf("%s %s", kind.name, proto), func(t *testing.T) {
				failEach(t, kind, proto, width, time.Duration(seconds*float64(time.Second)))
			})
		}
	}
}

// failEach lets allocations fail, evenly spread over all of the exchange's, for that long.
func failEach(t *testing.T, kind exchangeKind, proto harness.Proto, width uint64, limit time.Duration) {
	malloc := newFailingMalloc(t)
	options := kind.options()
	options.Change = malloc.preload(t)
	options.Args = append(options.Args, "--threads", "1")
	m := &memoryWorld{World: harness.NewWorld(t, options), t: t, kind: kind, malloc: malloc}
	m.attach()
	const never = 1 << 40
	var all uint64
	for i := 0; i < 3; i++ { // the first ones fill caches
		all, _ = m.tryOne(kind, proto, never, 1)
	}
	before := m.Proxy.Descriptors()
	// A permutation of the numbers, of which any piece is spread over all of them. Each run begins elsewhere.
	end, tried := time.Now().Add(limit), 0
	step, first := stepOver(all), uint64(time.Now().UnixNano())
	for i := uint64(0); i < all && time.Now().Before(end); i++ {
		m.tryOne(kind, proto, (first+i)%all*step%all+1, width)
		tried++
	}
	if err := m.fine(proto); err != nil {
		t.Errorf("after the last one: %v\n%s", err, m.malloc.stack(m.maps))
	}
	if !harness.Eventually(10*time.Second, func() bool { return m.Proxy.Descriptors() <= before+1 }) {
		t.Errorf("%d descriptors before, %d afterwards", before, m.Proxy.Descriptors())
	}
	t.Logf("%d allocations, %d of them failed", all, tried)
}

// stepOver is near to all divided by the golden ratio, and has no factor in common with all.
func stepOver(all uint64) uint64 {
	step := all*618/1000 + 1
	for greatest(step, all) != 1 {
		step++
	}
	return step
}

func greatest(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
