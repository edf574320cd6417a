// Package double is a stand-in for pipelock: it does what docs/pipelock.md says that bottle-proxy relies on (how
// requests are accepted, what is scanned and stripped, what errors look like on the wire, which responses are buffered,
// cut or re-serialised) without being it. Every connection and every raw request line is recorded, so that a test can
// fail on a request that pipelock's own endpoints would have taken.
package double

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Options configure a double. Zero durations and sizes mean pipelock's defaults.
type Options struct {
	Contract Contract // "" = 2.3
	// An origin's own X-Pipelock-Block-Reason fields are relayed, as 2.3 relays them in any case.
	KeepsForged bool

	Listen  string
	Roots   *x509.CertPool    // trusted towards origins; nil = system (SSL_CERT_FILE)
	Hosts   map[string]string // name → IP, the double's only name service (localhost is known)
	Dial    map[string]string // "host:port" or "host" → "addr:port", tried before Hosts
	DNS     string            // "addr:port" of a server to ask for names that no table has
	System  bool              // ask the system's resolver for names that no table has
	Allow   []string          // exact or *.suffix, "*" = every host; port is ignored, as pipelock does
	IPAllow []string          // CIDRs allowed although private

	ReadHeader      time.Duration // 5 s
	ReadTimeout     time.Duration // 10 s: headers and the whole upload
	Idle            time.Duration // 120 s
	Total           time.Duration // 30 s: the whole origin exchange
	MaxResponse     int64         // 10 MiB, cut silently
	MaxRequest      int64         // 5 MiB, 403
	MaxURL          int           // 2048
	MaxEvent        int           // 64 KiB of data: lines
	PerMinute       int           // 0 = no rate limit
	SensitiveHeader []string      // default X-Token, Proxy-Authorization
	ScanDelay       time.Duration // added per MiB of buffered response, as scanning costs
	RequestDelay    time.Duration // the same per MiB of a request's body
	IdlePerHost     int           // idle connections kept to one origin; 2, as Go's default
	ExplainBlocks   bool
	Audit           io.Writer
}

func (o *Options) defaults() {
	if o.Contract == "" {
		o.Contract = Contract2
	}
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.ReadHeader, 5*time.Second)
	set(&o.ReadTimeout, 10*time.Second)
	set(&o.Idle, 120*time.Second)
	set(&o.Total, 30*time.Second)
	if o.MaxResponse == 0 {
		o.MaxResponse = 10 << 20
	}
	if o.MaxRequest == 0 {
		o.MaxRequest = 5 << 20
	}
	if o.MaxURL == 0 {
		o.MaxURL = 2048
	}
	if o.MaxEvent == 0 {
		o.MaxEvent = 64 << 10
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.SensitiveHeader == nil {
		o.SensitiveHeader = []string{"X-Token", "Proxy-Authorization"}
	}
}

// Seen is one request as it stood on the wire. Path says which door it took: forward, mux, connect.
type Seen struct {
	Conn   int
	Line   string // raw request line
	Head   string // raw head
	Method string
	URL    string
	Door   string
	Agent  string
	Length int64 // -1 when chunked
	Status int
}

// Double is a running stand-in.
type Double struct {
	opts      Options
	listener  net.Listener
	addr      string
	server    *http.Server
	client    *http.Client
	transport *http.Transport
	ctx       context.Context
	cancel    context.CancelFunc
	started   time.Time

	mu      sync.Mutex
	conns   int
	open    map[net.Conn]bool
	seen    []*Seen
	early   []string // bytes on connections that never became a request
	fault   Fault
	tamper  Tamper
	recent  []sent  // the latest requests that went out, for Replay
	parked  *parked // waits for another answer (FaultSwap)
	before  *parked // the answer before (FaultStale)
	reached map[string][]time.Time
	blocked int
	total   int
	nextID  int
	halted  bool
}

var (
	dlpSecret = regexp.MustCompile(`(?i)sk-ant-[A-Za-z0-9_-]{10,}`)
	injection = regexp.MustCompile(`(?i)ignore\s+(all\s+)?previous\s+instructions`)
)

// Start listens and serves until Close.
func Start(opts Options) (*Double, error) {
	opts.defaults()
	d := &Double{opts: opts, open: map[net.Conn]bool{}, reached: map[string][]time.Time{}, started: time.Now()}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.Rewire(opts.Roots, opts.Dial)
	if err := d.listen(opts.Listen); err != nil {
		return nil, err
	}
	return d, nil
}

// Rewire changes what the double trusts and where names lead, for an exit that starts after it. Not while requests are
// under way.
func (d *Double) Rewire(roots *x509.CertPool, dial map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opts.Roots, d.opts.Dial = roots, dial
	if d.transport != nil {
		d.transport.CloseIdleConnections()
	}
	d.transport = &http.Transport{
		DialContext: d.dial, DisableCompression: true, TLSClientConfig: tlsTo(roots),
		ResponseHeaderTimeout: d.opts.Total, MaxIdleConns: 100, MaxIdleConnsPerHost: d.opts.IdlePerHost,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}
	d.client = &http.Client{Transport: d.transport, Timeout: d.opts.Total, CheckRedirect: d.checkRedirect}
}

func (d *Double) listen(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	d.listener, d.addr = listener, listener.Addr().String()
	d.server = &http.Server{
		Handler: http.HandlerFunc(d.dispatch), ReadHeaderTimeout: d.opts.ReadHeader, ReadTimeout: d.opts.ReadTimeout,
		IdleTimeout: d.opts.Idle, ErrorLog: stdlog.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return d.ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, tapKey{}, c)
		},
	}
	go func(s *http.Server) { _ = s.Serve(&tapListener{Listener: listener, d: d}) }(d.server)
	return nil
}

// Addr is where the double listens, URL the same as a proxy URL.
func (d *Double) Addr() string { return d.addr }

// URL is the value for --pipelock.
func (d *Double) URL() string { return "http://" + d.addr }

// Close ends the double and cuts all connections.
func (d *Double) Close() {
	d.cancel()
	d.server.Close()
	d.transport.CloseIdleConnections()
	d.cut()
}

// Kill behaves like kill -9: the port refuses and every connection is reset.
func (d *Double) Kill() {
	d.server.Close()
	d.cut()
	d.cancel()
}

// Revive listens on the same port again after Kill.
func (d *Double) Revive() error {
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d.listen(d.addr)
}

func (d *Double) cut() {
	d.mu.Lock()
	var open []net.Conn
	for conn := range d.open {
		open = append(open, conn)
	}
	d.mu.Unlock()
	for _, conn := range open {
		if tap, ok := conn.(*tapConn); ok {
			_ = tap.tcp.SetLinger(0)
		}
		conn.Close()
	}
}

// Halt turns the kill switch on or off.
func (d *Double) Halt(on bool) { d.mu.Lock(); d.halted = on; d.mu.Unlock() }

// Connections counts accepted sockets; Open those still alive.
func (d *Double) Connections() int { d.mu.Lock(); defer d.mu.Unlock(); return d.conns }

// Open counts the sockets that are still alive.
func (d *Double) Open() int { d.mu.Lock(); defer d.mu.Unlock(); return len(d.open) }

// Requests returns a copy of all requests seen, health checks left out.
func (d *Double) Requests() []Seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []Seen{}
	for _, s := range d.seen {
		if s.Door == "mux" && s.URL == "/health" {
			continue
		}
		out = append(out, *s)
	}
	return out
}

// Trespasses returns the requests that a caller who only ever proxies must not send: anything that is not
// absolute-form, except GET /health.
func (d *Double) Trespasses() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := append([]string(nil), d.early...)
	for _, s := range d.seen {
		if s.Door == "forward" || (s.Door == "mux" && s.Line == "GET /health HTTP/1.1") {
			continue
		}
		out = append(out, s.Line)
	}
	return out
}

type tapKey struct{}

type tapListener struct {
	net.Listener
	d *Double
}

func (l *tapListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	l.d.conns++
	tap := &tapConn{Conn: conn, d: l.d, number: l.d.conns, tcp: conn.(*net.TCPConn)}
	l.d.open[tap] = true
	return tap, nil
}

// tapConn keeps what arrived until a handler takes the head of its request out of it.
type tapConn struct {
	net.Conn
	d      *Double
	number int
	tcp    *net.TCPConn
	mu     sync.Mutex
	in     []byte
	served int
	once   sync.Once
}

const tapRoom = 1 << 20

func (c *tapConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = append(c.in, p[:n]...)
	if len(c.in) > 2*tapRoom {
		c.in = append([]byte(nil), c.in[len(c.in)-tapRoom:]...)
	}
	return n, err
}

// Close also files what came in if no request was ever made of it: a garbled request is a trespass.
func (c *tapConn) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		lost := ""
		if c.served == 0 && len(c.in) > 0 {
			line, _, _ := strings.Cut(string(c.in), "\r\n")
			if len(line) > 200 {
				line = line[:200]
			}
			lost = line
		}
		c.mu.Unlock()
		c.d.mu.Lock()
		delete(c.d.open, c)
		if lost != "" && !strings.Contains(lost, " http") {
			c.d.early = append(c.d.early, "unparsed: "+lost)
		}
		c.d.mu.Unlock()
	})
	return c.Conn.Close()
}

func (c *tapConn) takeHead(method, uri string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served++
	from := bytes.Index(c.in, []byte(method+" "+uri+" HTTP/1."))
	if from < 0 {
		return ""
	}
	length := bytes.Index(c.in[from:], []byte("\r\n\r\n"))
	if length < 0 {
		return ""
	}
	head := string(c.in[from : from+length+4])
	c.in = append([]byte(nil), c.in[from+length+4:]...)
	return head
}
