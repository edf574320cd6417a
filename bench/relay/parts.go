package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bottle.test/origin"
	"bottle.test/wire"
)

// server is the origin: as many bytes as are asked for, uploads that are counted, and WebSockets that echo.
type server struct {
	addr      string
	http      *http.Server
	piece     []byte
	mediaType string
}

func startOrigin(leaf tls.Certificate, piece []byte, mediaType string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{addr: listener.Addr().String(), piece: piece, mediaType: mediaType}
	mux := http.NewServeMux()
	mux.HandleFunc("/bytes", s.bytes)
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	mux.HandleFunc("/ws", echo)
	s.http = &http.Server{Handler: mux, ErrorLog: stdlog.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS13}}
	go func() { _ = s.http.ServeTLS(listener, "", "") }()
	return s, nil
}

func (s *server) bytes(w http.ResponseWriter, r *http.Request) {
	left, _ := strconv.Atoi(r.URL.Query().Get("n"))
	w.Header().Set("Content-Type", s.mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(left))
	for left > 0 {
		n := len(s.piece)
		if n > left {
			n = left
		}
		if _, err := w.Write(s.piece[:n]); err != nil {
			return
		}
		left -= n
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", wire.WsAccept(r.Header.Get("Sec-WebSocket-Key")))
	socket := wire.NewSocket(&wire.Tunnel{Conn: conn, In: buffered.Reader}, false)
	for {
		opcode, payload, err := socket.Next()
		if err != nil || opcode == wire.WsClose {
			return
		}
		_ = socket.Send(wire.WsFrame{Final: true, Opcode: opcode, Payload: payload})
	}
}

// hop is what stands between client and origin: nothing, bottle-proxy or nghttpx.
type hop struct {
	name  string
	proxy *url.URL // of bottle-proxy
	to    string   // where the origin's name leads, else
	roots *x509.CertPool
	cmd   *exec.Cmd
}

const host = "bench.test"

func (h *hop) cpu() time.Duration {
	if h.cmd == nil {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100
}

func (h *hop) stop() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	}
}

func (h *hop) client(proto string) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.roots}, DisableCompression: true,
		MaxIdleConnsPerHost: *atOnce, ForceAttemptHTTP2: proto == "h2", WriteBufferSize: 64 << 10,
		ReadBufferSize: 64 << 10}
	if proto == "h1" {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	if h.proxy != nil {
		transport.Proxy = http.ProxyURL(h.proxy)
	} else {
		transport.Dial = func(string, string) (net.Conn, error) { return net.Dial("tcp", h.to) }
	}
	return &http.Client{Transport: transport, Timeout: 5 * time.Minute}
}

// dial is a TLS connection to the origin's name for a WebSocket.
func (h *hop) dial() (net.Conn, error) {
	to := h.to
	if h.proxy != nil {
		to = h.proxy.Host
	}
	conn, err := net.Dial("tcp", to)
	if err != nil {
		return nil, err
	}
	if h.proxy != nil {
		fmt.Fprintf(conn, "CONNECT %[1]s:443 HTTP/1.1\r\nHost: %[1]s:443\r\n\r\n", host)
		resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("CONNECT: %v, %v", resp, err)
		}
	}
	secured := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: h.roots, NextProtos: []string{"http/1.1"}})
	return secured, secured.Handshake()
}

func startBottle(dir string, ca *origin.CA, to string) (*hop, error) {
	roots, file := filepath.Join(dir, "origin-ca.pem"), filepath.Join(dir, "bottle-ca.pem")
	if err := ca.WriteFile(roots); err != nil {
		return nil, err
	}
	cmd := exec.Command(*binary, "--listen", "127.0.0.1:0", "--allow", host, "--allow-address", "127.0.0.0/8",
		"--ca-out", file, "--audit", filepath.Join(dir, "audit.jsonl"), "--upstream", "direct", "--origin-ca", roots,
		"--resolve", host+":443="+to, "--route", host+"=relay", "--threads", strconv.Itoa(*workers))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("no ready line: %w", err)
	}
	listen := ""
	for _, word := range strings.Fields(line) {
		if strings.HasPrefix(word, "listen=") {
			listen = strings.TrimPrefix(word, "listen=")
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &hop{name: "relay", proxy: &url.URL{Scheme: "http", Host: listen}, roots: pool, cmd: cmd}, nil
}

// startNghttpx ends TLS on both sides, as the proxy does, and looks at nothing.
func startNghttpx(dir, name, proto string, ca *origin.CA, leaf tls.Certificate, to string) (*hop, error) {
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		return nil, err
	}
	keyFile, certFile := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	for file, block := range map[string]*pem.Block{keyFile: {Type: "PRIVATE KEY", Bytes: key},
		certFile: {Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := free.Addr().String()
	free.Close()
	cmd := exec.Command("nghttpx", "--conf=/dev/null", "--frontend="+strings.Replace(listen, ":", ",", 1),
		"--backend="+strings.Replace(to, ":", ",", 1)+";;tls;proto="+proto+";sni="+host, "--insecure",
		"--workers="+strconv.Itoa(*workers), "--errorlog-file="+filepath.Join(dir, "nghttpx.log"),
		"--single-process", keyFile, certFile)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("nghttpx (Debian: nghttp2-proxy): %w", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", listen); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("nghttpx does not listen on %s", listen)
		}
	}
	return &hop{name: name, to: listen, roots: ca.Pool(), cmd: cmd}, nil
}
