package harness

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/origin"
)

// Via names what stands behind bottle-proxy.
type Via string

// Direct has nothing behind the proxy; Scanner is the double, or a real pipelock when PIPELOCK_BIN is set.
const (
	Direct  Via = "direct"
	Scanner Via = "scanner"
)

// WorldOptions describe a proxy with one origin.
type WorldOptions struct {
	Via        Via
	Origin     origin.Options
	Double     double.Options
	DoubleOnly bool // the test needs a fault or a knob that only the double has
	Name       string
	Allow      []string // replaces the default (the origin alone)
	Args       []string // more arguments for bottle-proxy
	LateArgs   func(*World) []string
	RawOrigin  *origin.Server // instead of Origin; plain or TLS
	Change     func(*exec.Cmd)
}

// World is an origin, perhaps a scanner, and a bottle-proxy that allows the origin's name.
type World struct {
	t       testing.TB
	Origin  *origin.Server
	Double  *double.Double // nil in direct mode and with a real pipelock
	Proxy   *Proxy
	Via     Via
	Name    string // host name of the origin
	Port    int    // port that clients use for it
	Scan    *ScannerAudit
	Scheme  string
	scanner string
}

// ScannerAudit is the scanner's own log.
type ScannerAudit struct {
	mu   sync.Mutex
	text bytes.Buffer
	file string
}

func (a *ScannerAudit) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.Write(p)
}

// String is the log as it is now.
func (a *ScannerAudit) String() string {
	if a.file != "" {
		text, _ := os.ReadFile(a.file)
		return string(text)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.String()
}

// RealPipelock is the path of a real pipelock, or "".
func RealPipelock() string { return os.Getenv("PIPELOCK_BIN") }

// NewWorld starts everything; it ends with the test.
func NewWorld(t testing.TB, opts WorldOptions) *World {
	t.Helper()
	Binary(t, "bottle-proxy")
	if opts.Via == "" {
		opts.Via = Direct
	}
	if opts.Name == "" {
		opts.Name = "origin.test"
	}
	real := opts.Via == Scanner && RealPipelock() != "" && !opts.DoubleOnly
	w := &World{t: t, Via: opts.Via, Name: opts.Name, Port: 443, Scheme: "https", Scan: &ScannerAudit{}}
	if opts.Origin.Plain {
		w.Port, w.Scheme = 80, "http"
	}
	w.Origin = opts.RawOrigin
	if w.Origin != nil && w.Origin.CA == nil {
		w.Port, w.Scheme = 80, "http"
	}
	if w.Origin == nil {
		opts.Origin.Names = append(opts.Origin.Names, opts.Name)
		server, err := origin.Start(opts.Origin)
		if err != nil {
			t.Fatal(err)
		}
		w.Origin = server
	}
	t.Cleanup(w.Origin.Close)
	args := []string{"--allow-address", "127.0.0.0/8"}
	caFile := filepath.Join(t.TempDir(), "origin-ca.pem")
	if w.Origin.CA != nil {
		if err := w.Origin.CA.WriteFile(caFile); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--origin-ca", caFile)
	}
	if real {
		w.Name, w.Port = "127.0.0.1", w.Origin.Port()
		w.scanner = startPipelock(t, w.Scan, w.Name, caFile)
	}
	allow := opts.Allow
	if allow == nil {
		allow = []string{w.Authority()}
	}
	for _, entry := range allow {
		args = append(args, "--allow", entry)
	}
	switch {
	case w.Via == Direct:
		args = append(args, "--upstream", "direct", "--resolve", fmt.Sprintf("%s:%d=%s", w.Name, w.Port, w.Origin.Addr()))
	case real:
		args = append(args, "--upstream", "pipelock", "--pipelock", w.scanner)
	default:
		o := opts.Double
		if o.Dial == nil {
			o.Dial = map[string]string{}
		}
		o.Dial[fmt.Sprintf("%s:%d", w.Name, w.Port)] = w.Origin.Addr()
		if o.Allow == nil {
			o.Allow = []string{w.Name}
		}
		o.IPAllow = append(o.IPAllow, "127.0.0.0/8")
		if w.Origin.CA != nil {
			o.Roots = w.Origin.CA.Pool()
		}
		o.ExplainBlocks = true
		o.Audit = w.Scan
		d, err := double.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		w.Double = d
		t.Cleanup(func() {
			d.Close()
			if bad := d.Trespasses(); len(bad) > 0 {
				t.Errorf("requests at the scanner that are not absolute-form proxy requests: %q", bad)
			}
		})
		args = append(args, "--upstream", "pipelock", "--pipelock", d.URL())
	}
	args = append(args, opts.Args...)
	if opts.LateArgs != nil {
		args = append(args, opts.LateArgs(w)...)
	}
	w.Proxy = StartProxyWith(t, opts.Change, args...)
	return w
}

// Authority is host[:port] as in a URL: the default port is left out.
func (w *World) Authority() string {
	if w.Scheme == "https" && w.Port == 443 || w.Scheme == "http" && w.Port == 80 {
		return w.Name
	}
	return fmt.Sprintf("%s:%d", w.Name, w.Port)
}

// HostPort is host:port, always with the port.
func (w *World) HostPort() string { return fmt.Sprintf("%s:%d", w.Name, w.Port) }

// URL is the origin's URL for a path.
func (w *World) URL(path string) string { return w.Scheme + "://" + w.Authority() + path }

// Untouched fails the test when a request reached the scanner or the origin.
func (w *World) Untouched() {
	w.t.Helper()
	if w.Double != nil {
		if seen := w.Double.Requests(); len(seen) > 0 {
			w.t.Errorf("%d requests reached the scanner, want none; the first: %q", len(seen), seen[0].Line)
		}
		if bad := w.Double.Trespasses(); len(bad) > 0 {
			w.t.Errorf("bytes at the scanner: %q", bad)
		}
	}
	if seen := w.Origin.Requests(); len(seen) > 0 {
		w.t.Errorf("%d requests reached the origin, want none; the first: %s %s", len(seen), seen[0].Method, seen[0].URI)
	}
}

// pipelockConfig is the integration-test configuration with room for the larger tests.
const pipelockConfig = `version: 1
mode: strict
enforce: true
explain_blocks: true
api_allowlist: [%[1]q, "127.0.0.1"]
ssrf:
  ip_allowlist: ["127.0.0.1/32"]
fetch_proxy:
  listen: %[2]q
  timeout_seconds: 60
  max_response_mb: 2
  monitoring:
    max_url_length: 8192
    entropy_threshold: 8.0
    subdomain_entropy_threshold: 8.0
    max_requests_per_minute: 1000000
forward_proxy:
  enabled: true
request_body_scanning:
  enabled: true
  action: block
  max_body_bytes: 1048576
  scan_headers: true
  header_mode: sensitive
  sensitive_headers: ["X-Token", "Proxy-Authorization"]
response_scanning:
  enabled: true
  action: block
  sse_streaming:
    enabled: true
    action: block
    max_event_bytes: 65536
seed_phrase_detection:
  enabled: false
media_policy:
  enabled: false
dlp:
  scan_env: false
taint:
  enabled: false
sentry:
  enabled: false
logging:
  format: json
  output: file
  file: %[3]q
  include_allowed: true
  include_blocked: true
metrics_listen: %[4]q
`

// startPipelock runs the real program and waits for its health answer; it returns the proxy URL.
func startPipelock(t testing.TB, audit *ScannerAudit, name, caFile string) string {
	t.Helper()
	dir := t.TempDir()
	listen, metrics := freePort(t), freePort(t)
	audit.file = filepath.Join(dir, "audit.jsonl")
	config := filepath.Join(dir, "pipelock.yaml")
	text := fmt.Sprintf(pipelockConfig, name, listen, audit.file, metrics)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(RealPipelock(), "run", "--config", config)
	cmd.Env = []string{"SSL_CERT_FILE=" + caFile}
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	exited := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		t.Fatalf("cannot start PIPELOCK_BIN: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
	up := Eventually(20*time.Second, func() bool {
		conn, err := net.Dial("tcp", listen)
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		answer := make([]byte, 15)
		n, _ := conn.Read(answer)
		return strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200")
	})
	if !up {
		t.Fatalf("pipelock did not come up: %s", out.String())
	}
	return "http://" + listen
}

// freePort asks the kernel for a port; only for programs that cannot listen on port 0.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// StartScanner starts a scanner alone, the double or PIPELOCK_BIN, in front of the given origin. It returns the
// scanner's host:port, the authority under which it reaches the origin, and the double if it is one.
func StartScanner(t testing.TB, server *origin.Server, o double.Options) (addr, authority string, d *double.Double, audit *ScannerAudit) {
	t.Helper()
	audit = &ScannerAudit{}
	if RealPipelock() != "" {
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := server.CA.WriteFile(file); err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(startPipelock(t, audit, "127.0.0.1", file), "http://"), server.Addr(), nil, audit
	}
	o.Allow, o.IPAllow = []string{"127.0.0.1"}, []string{"127.0.0.0/8"}
	o.Roots, o.Audit, o.ExplainBlocks = server.CA.Pool(), audit, true
	d, err := double.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d.Addr(), server.Addr(), d, audit
}
