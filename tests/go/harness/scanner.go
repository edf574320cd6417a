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

// Contract is the version of pipelock's behaviour that scanners have in these tests: BOTTLE_CONTRACT, else 2.3. With
// PIPELOCK_BIN it says which one that program has.
func Contract(t testing.TB) double.Contract {
	t.Helper()
	contract, err := double.ParseContract(os.Getenv("BOTTLE_CONTRACT"))
	if err != nil {
		t.Fatalf("BOTTLE_CONTRACT: %v", err)
	}
	return contract
}

// Program is a scanner that runs as a process of its own: pipelock-double, or the program that PIPELOCK_BIN names.
type Program struct {
	t      testing.TB
	addr   string // host:port it listens on
	start  func() *exec.Cmd
	out    *lockedBuffer
	cmd    *exec.Cmd
	exited chan struct{}
}

// newProgram starts the program and waits for its health answer; it is killed when the test ends.
func newProgram(t testing.TB, addr string, start func() *exec.Cmd) *Program {
	t.Helper()
	p := &Program{t: t, addr: addr, start: start, out: &lockedBuffer{}}
	p.Restart()
	t.Cleanup(p.Kill)
	return p
}

// Restart starts the program anew, on the same port; Kill it before.
func (p *Program) Restart() {
	p.t.Helper()
	cmd := p.start()
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, exited := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // Pdeathsig follows the starting thread
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		p.t.Fatalf("cannot start the scanner: %v", err)
	}
	p.cmd, p.exited = cmd, exited
	if !Eventually(20*time.Second, p.healthy) {
		p.Kill()
		p.t.Fatalf("the scanner did not come up: %s", p.out)
	}
}

func (p *Program) healthy() bool {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	answer := make([]byte, 15)
	n, _ := conn.Read(answer)
	return strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200")
}

// Kill ends it at once, as kill -9 does, and waits for the end.
func (p *Program) Kill() { _ = p.cmd.Process.Kill(); <-p.exited }

// Signal sends a signal.
func (p *Program) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// CPU is the user and system time it has used.
func (p *Program) CPU() time.Duration { return processCPU(p.cmd.Process.Pid) }

// startDoubleProgram runs pipelock-double.
func startDoubleProgram(t testing.TB, audit *ScannerAudit, url, caFile string, dial map[string]string, names []string,
	o double.Options) *Program {
	t.Helper()
	addr := strings.TrimPrefix(url, "http://")
	audit.file = filepath.Join(t.TempDir(), "scanner-audit.jsonl")
	args := []string{"--listen", addr, "--origin-ca", caFile, "--audit", audit.file, "--allow-address", "127.0.0.0/8"}
	for from, to := range dial {
		args = append(args, "--resolve", from+"="+to)
	}
	for _, name := range names {
		args = append(args, "--allow", name)
	}
	args = append(args, "--contract", string(o.Contract))
	if o.KeepsForged {
		args = append(args, "--keep-forged")
	}
	if o.Total != 0 {
		args = append(args, "--total", o.Total.String())
	}
	if o.MaxResponse != 0 {
		args = append(args, "--max-response", fmt.Sprint(o.MaxResponse))
	}
	if o.MaxRequest != 0 {
		args = append(args, "--max-request", fmt.Sprint(o.MaxRequest))
	}
	if o.IdlePerHost != 0 {
		args = append(args, "--idle-per-host", fmt.Sprint(o.IdlePerHost))
	}
	path := Binary(t, "pipelock-double")
	return newProgram(t, addr, func() *exec.Cmd { return exec.Command(path, args...) })
}

// pipelockConfig is the integration-test configuration with room for the larger tests.
const pipelockConfig = `version: 1
mode: strict
enforce: true
explain_blocks: true
api_allowlist: [%[1]s]
ssrf:
  ip_allowlist: ["127.0.0.0/8"]
fetch_proxy:
  listen: %[2]q
  timeout_seconds: %[5]d
  max_response_mb: %[6]d
  monitoring:
    max_url_length: 8192
    entropy_threshold: 8.0
    subdomain_entropy_threshold: 8.0
    max_requests_per_minute: 1000000
forward_proxy:
  enabled: true
websocket_proxy:
  enabled: true
request_body_scanning:
  enabled: true
  action: block
  max_body_bytes: %[7]d
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

// PipelockOptions say how to run a real pipelock.
type PipelockOptions struct {
	Listen string // its URL
	CAFile string // the roots that it trusts
	Names  []string
	Exit   bool           // the names lead to the exit's address, else to the origin's
	Double double.Options // Total and MaxResponse are honoured, in whole seconds and MiB
}

// startPipelock runs the real program, in a mount namespace whose /etc/hosts knows the names.
func startPipelock(t testing.TB, audit *ScannerAudit, o PipelockOptions) *Program {
	t.Helper()
	dir := t.TempDir()
	addr := strings.TrimPrefix(o.Listen, "http://")
	audit.file = filepath.Join(dir, "audit.jsonl")
	config, hosts := filepath.Join(dir, "pipelock.yaml"), filepath.Join(dir, "hosts")
	allowed, table := "\"127.0.0.1\"", "127.0.0.1 localhost\n"
	for _, name := range o.Names {
		allowed += fmt.Sprintf(", %q", name)
		if o.Exit {
			table += "127.0.0.2 " + name + "\n"
		} else {
			table += "127.0.0.1 " + name + "\n"
		}
	}
	seconds, megabytes := 60, int64(2)
	if o.Double.Total >= time.Second {
		seconds = int(o.Double.Total / time.Second)
	}
	if o.Double.MaxResponse >= 1<<20 {
		megabytes = o.Double.MaxResponse >> 20
	}
	body := int64(1 << 20)
	if o.Double.MaxRequest > body {
		body = o.Double.MaxRequest
	}
	text := fmt.Sprintf(pipelockConfig, allowed, addr, audit.file, freePort(t), seconds, megabytes, body)
	for path, content := range map[string]string{config: text, hosts: table} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return newProgram(t, addr, func() *exec.Cmd {
		cmd := exec.Command(RealPipelock(), "run", "--config", config)
		if len(o.Names) > 0 {
			cmd = exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$1" /etc/hosts && shift && exec "$@"`,
				"sh", hosts,
				RealPipelock(), "run", "--config", config)
		}
		cmd.Env = []string{"SSL_CERT_FILE=" + o.CAFile, "PATH=" + os.Getenv("PATH")}
		return cmd
	})
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
func StartScanner(t testing.TB, server *origin.Server, o double.Options) (addr, authority string, d *double.Double,
	audit *ScannerAudit) {
	t.Helper()
	audit = &ScannerAudit{}
	if o.Contract == "" {
		o.Contract = Contract(t)
	}
	if RealPipelock() != "" {
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := server.CA.WriteFile(file); err != nil {
			t.Fatal(err)
		}
		addr := freePort(t)
		startPipelock(t, audit, PipelockOptions{Listen: "http://" + addr, CAFile: file, Double: o})
		return addr, server.Addr(), nil, audit
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
