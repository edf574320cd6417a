package attack

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"bottle.test/wire"
)

// The upstream of the fault matrix: an origin with TLS, or a scanner without. The path of a request says what to do:
//
//	/f/FAULT/PHASE/TOKEN  the fault, when the exchange is in this phase
//	/gate/PHASE/TOKEN     the answer waits in this phase until open(TOKEN)
//	/ok/PHASE/TOKEN       the whole answer
//
// The text of an answer is made of the token, so that no answer can be taken for another one's.

// faultPhase is where an exchange is when its upstream fails.
type faultPhase string

const (
	phaseIdle   faultPhase = "idle"      // its connection had an answer and waits for the next request
	phaseHead   faultPhase = "head"      // the request is out, no byte of an answer has come
	phaseBody   faultPhase = "mid-body"  // half of a body has come
	phaseStream faultPhase = "streaming" // some events of an event stream have come
)

var faultPhases = []faultPhase{phaseIdle, phaseHead, phaseBody, phaseStream}

const textPieces = 20

// textOf is the whole answer to a request.
func textOf(phase faultPhase, token string) string {
	var text strings.Builder
	for i := 0; i < textPieces; i++ {
		text.WriteString(pieceOf(phase, token, i))
	}
	return text.String()
}

func pieceOf(phase faultPhase, token string, i int) string {
	if phase == phaseStream {
		return fmt.Sprintf("data: %s %d\n\n", token, i)
	}
	return fmt.Sprintf("%s %d %s\n", token, i, strings.Repeat("x", 1000))
}

func headOf(phase faultPhase, token string, chunked bool) string {
	kind := "text/plain"
	if phase == phaseStream {
		kind = "text/event-stream"
	}
	length := "Transfer-Encoding: chunked"
	if !chunked {
		length = fmt.Sprintf("Content-Length: %d", len(textOf(phase, token)))
	}
	return "HTTP/1.1 200 OK\r\nContent-Type: " + kind + "\r\n" + length + "\r\n\r\n"
}

func chunkOf(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

type listenMode int

const (
	listenServes listenMode = iota
	listenSilent            // takes connections and says nothing, not even TLS
	listenResets            // resets each connection at once
	listenRefuses
	listenDrops // SYNs get no answer: the queue of the socket is full
)

// upstream is one listener, whose port stays its own whatever it does.
type upstream struct {
	tls  *tls.Config // nil: a scanner
	addr string
	seen func(token string) // an exchange has reached its phase

	mu       sync.Mutex
	mode     listenMode
	listener net.Listener
	keep     int   // a bound socket that does not listen
	full     int   // the socket whose queue is full, or -1
	fillers  []int // connections that fill it
	conns    map[net.Conn]bool
	gates    map[string]chan struct{}
	rng      *rand.Rand
}

// newUpstream listens on a free port of loopback, or on the given one.
func newUpstream(config *tls.Config, port int, seed int64) (*upstream, error) {
	u := &upstream{tls: config, full: -1, seen: func(string) {}, conns: map[net.Conn]bool{},
		gates: map[string]chan struct{}{}, rng: rand.New(rand.NewSource(seed))}
	fd, err := boundSocket(port)
	if err != nil {
		return nil, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return nil, err
	}
	u.keep, u.addr = fd, fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	return u, u.listen()
}

// boundSocket shares its port with other sockets of ours.
func boundSocket(port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	const reusePort = 15
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, reusePort, 1); err != nil {
		return -1, err
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	return fd, syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

func (u *upstream) port() int {
	var port int
	_, _ = fmt.Sscanf(u.addr, "127.0.0.1:%d", &port)
	return port
}

func (u *upstream) listen() error {
	fd, err := boundSocket(u.port())
	if err != nil {
		return err
	}
	if err := syscall.Listen(fd, 128); err != nil {
		return err
	}
	listener, err := listenerOf(fd)
	if err != nil {
		return err
	}
	u.listener = listener
	go u.accept(listener)
	return nil
}

// become changes what happens to new connections; those that are there go on.
func (u *upstream) become(mode listenMode) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	listens := func(m listenMode) bool { return m != listenRefuses && m != listenDrops }
	before := u.mode
	u.mode = mode
	if listens(before) && !listens(mode) {
		u.listener.Close()
	}
	if before == listenDrops {
		u.unfill()
	}
	if mode == listenDrops {
		return u.fill()
	}
	if !listens(before) && listens(mode) {
		return u.listen()
	}
	return nil
}

// fill makes a socket whose queue has no place, so that the kernel drops what comes.
func (u *upstream) fill() error {
	fd, err := boundSocket(u.port())
	if err != nil {
		return err
	}
	u.full = fd
	if err := syscall.Listen(fd, 0); err != nil {
		return err
	}
	for i := 0; i < 4; i++ {
		const kind = syscall.SOCK_STREAM | syscall.SOCK_CLOEXEC | syscall.SOCK_NONBLOCK
		filler, err := syscall.Socket(syscall.AF_INET, kind, 0)
		if err != nil {
			return err
		}
		_ = syscall.Connect(filler, &syscall.SockaddrInet4{Port: u.port(), Addr: [4]byte{127, 0, 0, 1}})
		u.fillers = append(u.fillers, filler)
	}
	time.Sleep(20 * time.Millisecond) // the handshakes of the first ones
	return nil
}

func (u *upstream) unfill() {
	for _, fd := range append(u.fillers, u.full) {
		_ = syscall.Close(fd)
	}
	u.fillers, u.full = nil, -1
}

func (u *upstream) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		mode := u.mode
		u.conns[conn] = true
		u.mu.Unlock()
		switch mode {
		case listenServes:
			go u.serve(conn)
		case listenSilent:
			go func() { _, _ = io.Copy(io.Discard, conn); u.gone(conn) }()
		default:
			wire.Reset(conn)
			u.gone(conn)
		}
	}
}

func (u *upstream) gone(conn net.Conn) {
	conn.Close()
	u.mu.Lock()
	delete(u.conns, conn)
	u.mu.Unlock()
}

// cutAll ends all connections.
func (u *upstream) cutAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for conn := range u.conns {
		conn.Close()
	}
}

// close ends everything.
func (u *upstream) close() {
	_ = u.become(listenRefuses)
	u.mu.Lock()
	for conn := range u.conns {
		conn.Close()
	}
	for _, gate := range u.gates {
		select {
		case <-gate:
		default:
			close(gate)
		}
	}
	_ = syscall.Close(u.keep)
	u.mu.Unlock()
}

func (u *upstream) gate(token string) chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.gates[token] == nil {
		u.gates[token] = make(chan struct{})
	}
	return u.gates[token]
}

// open lets the exchange with this token go on.
func (u *upstream) open(token string) { close(u.gate(token)) }

func (u *upstream) number(below int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rng.Intn(below)
}

// jitter waits a little.
func (u *upstream) jitter() { time.Sleep(time.Duration(u.number(8000)) * time.Microsecond) }

// serve answers the requests of one connection.
func (u *upstream) serve(raw net.Conn) {
	defer u.gone(raw)
	conn := raw
	if u.tls != nil {
		secured := tls.Server(raw, u.tls)
		_ = secured.SetDeadline(time.Now().Add(10 * time.Second))
		if secured.Handshake() != nil {
			return
		}
		_ = secured.SetDeadline(time.Time{})
		conn = secured
	}
	in := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		target, err := url.Parse(request.RequestURI)
		parts := strings.Split(strings.TrimPrefix(target.Path, "/"), "/")
		if err != nil || parts[0] == "health" {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
			continue
		}
		x := &answering{u: u, conn: conn, phase: faultPhase(parts[len(parts)-2]), token: parts[len(parts)-1]}
		early := parts[0] == "f" && parts[1] == "early-403" && x.phase != phaseIdle
		if !early {
			_, _ = io.Copy(io.Discard, request.Body)
		} else {
			_, _ = io.CopyN(io.Discard, request.Body, 1+int64(u.number(3000)))
		}
		x.handle(parts)
		if x.over {
			return
		}
	}
}

// answering is one exchange.
type answering struct {
	u     *upstream
	conn  net.Conn
	phase faultPhase
	token string
	over  bool // the connection has to end
	told  bool
}

// say writes text in pieces of any size.
func (x *answering) say(text string) {
	for len(text) > 0 {
		n := len(text)
		if x.u.number(2) == 0 {
			n = 1 + x.u.number(n)
		}
		if _, err := io.WriteString(x.conn, text[:n]); err != nil {
			x.over = true
			return
		}
		text = text[n:]
	}
}

func (x *answering) handle(parts []string) {
	switch parts[0] {
	case "gate":
		x.whole(func() { x.u.seen(x.token); <-x.u.gate(x.token) })
	case "f":
		x.fail(messageFaults[parts[1]])
	default:
		x.whole(func() {})
	}
}

// whole gives the whole answer; wait is called in the phase.
func (x *answering) whole(wait func()) {
	if x.phase == phaseHead || x.phase == phaseIdle {
		wait()
	}
	chunked := x.phase == phaseStream || x.u.number(2) == 0
	x.say(headOf(x.phase, x.token, chunked))
	for i := 0; i < textPieces; i++ {
		if i == textPieces/2 && (x.phase == phaseBody || x.phase == phaseStream) {
			wait()
		}
		if piece := pieceOf(x.phase, x.token, i); chunked {
			x.say(chunkOf(piece))
		} else {
			x.say(piece)
		}
	}
	if chunked {
		x.say("0\r\n\r\n")
	}
}

// fail commits one of the faults in messages.
func (x *answering) fail(f messageFault) {
	switch {
	case f.act == nil:
		x.over = true
		return
	case x.phase == phaseIdle:
		x.whole(func() {})
	case x.phase == phaseBody || x.phase == phaseStream:
		if !f.wholeBody {
			x.half(!f.length)
		}
	}
	x.u.jitter()
	f.act(x)
}

// half is a head and half of the body; the client has it before the fault comes.
func (x *answering) half(chunked bool) {
	x.say(headOf(x.phase, x.token, chunked))
	for i := 0; i < textPieces/2; i++ {
		if piece := pieceOf(x.phase, x.token, i); chunked {
			x.say(chunkOf(piece))
		} else {
			x.say(piece)
		}
	}
}

// committed reports that what the fault says has been said: a test of the phase idle goes on then.
func (x *answering) committed() {
	if x.phase == phaseIdle && !x.told {
		x.told = true
		x.u.seen(x.token)
	}
}

// end closes the connection in one of the ways that mean no more than that.
func (x *answering) end() {
	x.over = true
	defer x.committed()
	if secured, ok := x.conn.(*tls.Conn); ok && x.u.number(2) == 0 {
		_ = wire.Shut(secured.NetConn()) // TCP's end without TLS's
		time.Sleep(time.Millisecond)
		return
	}
	x.conn.Close()
}

func (x *answering) reset() {
	x.over = true
	time.Sleep(5 * time.Millisecond) // RST overtakes the bytes
	wire.Reset(x.conn)
	x.committed()
}

// stay keeps the connection until the peer leaves.
func (x *answering) stay() {
	x.over = true
	x.committed()
	_, _ = io.Copy(io.Discard, x.conn)
}
