// Package origin is the stand-in for the servers an agent talks to: TLS with h2 and HTTP/1.1 on its
// own throw-away authority, endpoints for every shape of answer, and a record of every request.
package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"time"

	"bottle.test/wire"
)

// Options say what kind of server to start. The zero value: TLS, h2 and HTTP/1.1, 127.0.0.1.
type Options struct {
	Listen string       // default 127.0.0.1:0
	On     net.Listener // already listens; in place of Listen
	Names  []string     // names of the leaf; 127.0.0.1 is always added
	H1Only bool
	H2Only bool
	Plain  bool // no TLS, HTTP/1.1
	// Sockets makes its HTTP/2 connections take WebSockets (RFC 8441), and nothing else.
	Sockets bool
	// Streams takes over each stream of HTTP/2 connections.
	Streams func(*wire.Stream)
	CA      *CA // nil makes a new one
	Leaf    LeafOptions
	// RSAOnly gives it TLS 1.2 without forward secrecy alone, with a key that is RSA.
	RSAOnly bool
	// ClientAuth is what it wants of clients; with TLS 1.3 it refuses after their handshake.
	ClientAuth tls.ClientAuthType
	// MaxVersion is its highest version of TLS; 0 is the highest there is.
	MaxVersion uint16
	// Login makes it want an Authorization field, of any kind, for git and packages.
	Login bool
	// Password is the one that Login, the registry of images and the models want; "" is any.
	Password string
	// SecretKey is the key by which requests to /s3/ are signed, SessionToken what comes with it.
	SecretKey    string
	SessionToken string
	// Accounts makes it an origin for agents that are logged in.
	Accounts *Accounts
	// Raw takes over each connection after the handshake (HTTP/1.1 only).
	Raw func(net.Conn)
}

// Server is a running origin. Close ends it.
type Server struct {
	CA       *CA
	listener net.Listener
	opts     Options
	log      *log
	h1, h2   *http.Server
	h1in     *feed
	h2in     *feed
	tlsConf  *tls.Config
	git      gitRepos

	mu    sync.Mutex
	conns map[net.Conn]bool
	done  bool
	wg    sync.WaitGroup
}

// Start listens and serves until Close.
func Start(opts Options) (*Server, error) {
	if opts.Listen == "" {
		opts.Listen = "127.0.0.1:0"
	}
	s := &Server{opts: opts, CA: opts.CA, log: &log{}, conns: map[net.Conn]bool{}}
	if !opts.Plain {
		if s.CA == nil {
			ca, err := NewCA("stand-in origin CA")
			if err != nil {
				return nil, err
			}
			s.CA = ca
		}
		opts.Leaf.RSA = opts.Leaf.RSA || opts.RSAOnly
		leaf, err := s.CA.Leaf(opts.Leaf, append([]string{"127.0.0.1"}, opts.Names...)...)
		if err != nil {
			return nil, err
		}
		protos := []string{"h2", "http/1.1"}
		if opts.H1Only || opts.Raw != nil {
			protos = []string{"http/1.1"}
		} else if opts.H2Only {
			protos = []string{"h2"}
		}
		s.tlsConf = &tls.Config{Certificates: []tls.Certificate{leaf}, NextProtos: protos, MinVersion: tls.VersionTLS12,
			MaxVersion: opts.MaxVersion, ClientAuth: opts.ClientAuth}
		if opts.RSAOnly {
			s.tlsConf.MaxVersion = tls.VersionTLS12
			s.tlsConf.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA}
			s.tlsConf.NextProtos = []string{"http/1.1"} // HTTP/2 forbids them
		}
		if opts.H2Only {
			s.tlsConf.GetConfigForClient = s.onlyH2
		}
	}
	listener := opts.On
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", opts.Listen); err != nil {
			return nil, err
		}
	}
	s.listener = listener
	handler := s.log.recorded(s.login(s.routes()))
	quiet := stdlog.New(io.Discard, "", 0)
	s.h1in, s.h2in = newFeed(listener.Addr()), newFeed(listener.Addr())
	s.h1 = &http.Server{Handler: handler, ErrorLog: quiet, IdleTimeout: 60 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, tapKey{}, c)
		}}
	s.h2 = &http.Server{Handler: handler, ErrorLog: quiet, IdleTimeout: 60 * time.Second}
	s.spawn(func() { _ = s.h1.Serve(s.h1in) })
	s.spawn(func() { _ = s.h2.Serve(s.h2in) })
	s.spawn(s.accept)
	return s, nil
}

func (s *Server) spawn(f func()) {
	s.wg.Add(1)
	go func() { defer s.wg.Done(); f() }()
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.done {
			s.mu.Unlock()
			conn.Close()
			return
		}
		s.conns[conn] = true
		s.mu.Unlock()
		s.log.mu.Lock()
		s.log.conns++
		s.log.poke()
		s.log.mu.Unlock()
		s.spawn(func() { s.greet(conn) })
	}
}

// greet finishes the handshake and hands the connection to the server of its protocol.
func (s *Server) greet(conn net.Conn) {
	var stream net.Conn = &countedConn{Conn: conn, log: s.log}
	proto := ""
	if s.tlsConf != nil {
		secured := tls.Server(stream, s.tlsConf)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return
		}
		proto = secured.ConnectionState().NegotiatedProtocol
		stream = secured
	}
	switch {
	case s.opts.Raw != nil:
		tap := &tapConn{Conn: stream}
		s.opts.Raw(tap)
		tap.Close()
	case proto == "h2" && s.opts.Sockets:
		s.streams(stream, s.socketOverH2)
	case proto == "h2" && s.opts.Streams != nil:
		s.streams(stream, s.opts.Streams)
	case proto == "h2":
		s.h2in.put(stream)
	case s.opts.H2Only:
		stream.Close()
	default:
		s.h1in.put(&tapConn{Conn: stream})
	}
}

// onlyH2 refuses clients that do not offer h2 (no_application_protocol), as other servers do: Go's lets those with
// HTTP/1.1 in without a protocol.
func (s *Server) onlyH2(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	for _, offered := range hello.SupportedProtos {
		if offered == "h2" {
			return nil, nil
		}
	}
	strict := s.tlsConf.Clone()
	strict.NextProtos = []string{"none"}
	return strict, nil
}

// streams serves a connection by frames, with extended CONNECT (RFC 8441), until it ends.
func (s *Server) streams(raw net.Conn, serve func(*wire.Stream)) {
	conn := wire.NewConn(raw, false, wire.EnableConnect, 1)
	defer conn.Close()
	for {
		stream, err := conn.Accept()
		if err != nil {
			return
		}
		s.spawn(func() { serve(stream) })
	}
}

// Close stops listening, cuts every connection and waits.
func (s *Server) Close() {
	s.mu.Lock()
	s.done = true
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.listener.Close()
	s.h1in.Close()
	s.h2in.Close()
	s.h1.Close()
	s.h2.Close()
	s.wg.Wait()
	s.git.close()
}

// Addr is the listening address, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Port is the listening port.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Requests returns a copy of what was seen so far.
func (s *Server) Requests() []Record { return s.log.snapshot() }

// Connections counts accepted sockets, BytesIn their raw bytes (TLS included).
func (s *Server) Connections() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.conns
}

// BytesIn counts raw bytes received, TLS included.
func (s *Server) BytesIn() int64 {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.bytesIn
}

// Wait blocks until the records satisfy done, or until the deadline; it reports which.
func (s *Server) Wait(limit time.Duration, done func([]Record) bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		s.log.mu.Lock()
		if s.log.change == nil {
			s.log.change = make(chan struct{})
		}
		change := s.log.change
		s.log.mu.Unlock()
		if done(s.Requests()) {
			return true
		}
		select {
		case <-change:
		case <-deadline.C:
			return done(s.Requests())
		}
	}
}

// feed is a listener that serves connections put into it.
type feed struct {
	addr  net.Addr
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

var errClosed = errors.New("origin closed")

func newFeed(addr net.Addr) *feed {
	return &feed{addr: addr, conns: make(chan net.Conn), over: make(chan struct{})}
}

func (f *feed) put(conn net.Conn) {
	select {
	case f.conns <- conn:
	case <-f.over:
		conn.Close()
	}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case conn := <-f.conns:
		return conn, nil
	case <-f.over:
		return nil, errClosed
	}
}

func (f *feed) Close() error   { f.once.Do(func() { close(f.over) }); return nil }
func (f *feed) Addr() net.Addr { return f.addr }
