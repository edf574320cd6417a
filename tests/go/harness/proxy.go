// Package harness starts the real bottle-proxy and gives tests the clients, the scanner and the measurements they
// need. Ports are always chosen by the kernel; waiting is always for a fact with a deadline.
package harness

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BinDir is where bottle and bottle-proxy lie: BOTTLE_BIN_DIR, else build/dev of this tree.
func BinDir() string {
	if dir := os.Getenv("BOTTLE_BIN_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(Repository(), "build", "dev")
}

// Repository is the root of this source tree.
func Repository() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Binary finds a built program or skips the test, saying what is missing.
func Binary(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(BinDir(), name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		if os.Getenv("BOTTLE_REQUIRE") == "1" {
			t.Fatalf("%s is not built in %s", name, BinDir())
		}
		t.Skipf("%s is not built in %s (set BOTTLE_BIN_DIR)", name, BinDir())
	}
	return path
}

// Instrumented says whether a binary was built with AddressSanitizer, whose memory figures mean nothing.
func Instrumented(path string) bool {
	if os.Getenv("BOTTLE_RELEASE") == "1" {
		return false
	}
	text, err := os.ReadFile(path)
	return err != nil || bytes.Contains(text, []byte("__asan_init"))
}

// Proxy is a running bottle-proxy.
type Proxy struct {
	Path string
	Addr string // host:port it listens on
	// EnginesEnd: the test itself ends processes that serve; otherwise such an end is a failure.
	EnginesEnd bool
	Exit       string // host:port of its exit, if it has one
	Names      string // host:port of its exit's name server, if it has one
	SHA256     string // fingerprint from the ready line
	CAFile     string
	Bundle     string
	Audit      string
	cmd        *exec.Cmd
	stderr     *lockedBuffer
	exited     chan struct{}
	state      *os.ProcessState
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.text.Len() < 1<<20 {
		b.text.Write(p)
	}
	return len(p), nil
}

func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.text.String() }

// StartProxy runs bottle-proxy with args plus a listening port, CA and audit files, and waits until it is ready. It is
// stopped, and its sanitizer reports fail the test, when the test ends.
func StartProxy(t testing.TB, args ...string) *Proxy {
	t.Helper()
	return StartProxyWith(t, nil, args...)
}

// StartProxyWith is StartProxy with a hook that may change the command before it starts.
func StartProxyWith(t testing.TB, change func(*exec.Cmd), args ...string) *Proxy {
	t.Helper()
	dir := t.TempDir()
	p := &Proxy{Path: Binary(t, "bottle-proxy"), CAFile: filepath.Join(dir, "ca.pem"),
		Bundle: filepath.Join(dir, "bundle.pem"),
		Audit:  filepath.Join(dir, "audit.jsonl"), stderr: &lockedBuffer{}, exited: make(chan struct{})}
	all := append([]string{"--listen", "127.0.0.1:0", "--ca-out", p.CAFile, "--bundle-out", p.Bundle, "--audit",
		p.Audit}, args...)
	p.cmd = exec.Command(p.Path, all...)
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if change != nil {
		change(p.cmd)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Pdeathsig follows the starting thread: pin it so that the runtime does not end it under the child.
	ready := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := p.cmd.Start(); err != nil {
			ready <- err
			close(p.exited)
			return
		}
		ready <- nil
		lines := bufio.NewScanner(stdout)
		announced := false
		for lines.Scan() {
			if !announced && strings.HasPrefix(lines.Text(), "bottle-proxy ready ") {
				announced = true
				for _, word := range strings.Fields(lines.Text()) {
					if value, ok := cutPrefix(word, "listen="); ok {
						p.Addr = value
					} else if value, ok := cutPrefix(word, "exit="); ok {
						p.Exit = value
					} else if value, ok := cutPrefix(word, "exit_names="); ok {
						p.Names = value
					} else if value, ok := cutPrefix(word, "ca_sha256="); ok {
						p.SHA256 = value
					}
				}
				ready <- nil
			}
		}
		_ = p.cmd.Wait()
		p.state = p.cmd.ProcessState
		close(p.exited)
		if !announced {
			ready <- fmt.Errorf("bottle-proxy ended before it was ready (%v): %s", p.state, p.stderr)
		}
	}()
	for i := 0; i < 2; i++ {
		select {
		case err := <-ready:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(30 * time.Second):
			_ = p.cmd.Process.Kill()
			t.Fatalf("bottle-proxy was not ready within 30 s: %s", p.stderr)
		}
	}
	t.Cleanup(func() { p.finish(t) })
	return p
}

func cutPrefix(s, prefix string) (string, bool) {
	if strings.HasPrefix(s, prefix) {
		return s[len(prefix):], true
	}
	return "", false
}

// finish stops the proxy at once (two signals) and judges how it ended.
func (p *Proxy) finish(t testing.TB) {
	if !p.Exited() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.exited:
		case <-time.After(500 * time.Millisecond):
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	select {
	case <-p.exited:
	case <-time.After(15 * time.Second):
		t.Errorf("bottle-proxy did not end within 15 s of two SIGTERMs")
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	text := p.stderr.String()
	for _, sign := range []string{"AddressSanitizer", "LeakSanitizer", "runtime error:", "ThreadSanitizer", "Assertion",
		"terminate called"} {
		if strings.Contains(text, sign) {
			t.Errorf("bottle-proxy reported %s:\n%s", sign, text)
			return
		}
	}
	if strings.Contains(text, "the engine ended by") && !p.EnginesEnd {
		t.Errorf("the process that serves ended:\n%s", text)
		return
	}
	if t.Failed() && text != "" {
		if len(text) > 4000 {
			text = text[len(text)-4000:]
		}
		t.Logf("bottle-proxy's stderr:\n%s", text)
	}
}

// Exited says whether the process has ended.
func (p *Proxy) Exited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// WaitExit waits for the end and returns the exit code, -1 for a signal or the deadline.
func (p *Proxy) WaitExit(limit time.Duration) int {
	select {
	case <-p.exited:
		return p.state.ExitCode()
	case <-time.After(limit):
		return -1
	}
}

// Signal sends a signal to the proxy.
func (p *Proxy) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Pid is the process id of the proxy's first process, the keeper.
func (p *Proxy) Pid() int { return p.cmd.Process.Pid }

// Release says that the programs under test are those that are shipped, so that time and sandboxes can be judged.
func Release() bool { return os.Getenv("BOTTLE_RELEASE") == "1" }

// EnginePid is the process that serves at the moment: the keeper's child, or the keeper itself with --single-process.
func (p *Proxy) EnginePid() int { return childNamed(p.Pid(), "bottle-engine") }

// Kill ends all processes of the proxy at once; none of them can write a last word.
func (p *Proxy) Kill() {
	if engine := p.EnginePid(); engine != p.Pid() {
		_ = syscall.Kill(engine, syscall.SIGSTOP) // the kernel kills it with the keeper
	}
	p.Signal(syscall.SIGKILL)
}

// SignerPid is the process that has the CA's key.
func (p *Proxy) SignerPid() int { return childNamed(p.Pid(), "bottle-signer") }

// childNamed is the child of that name, or the parent if there is none.
func childNamed(parent int, name string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return parent
	}
	for _, word := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(word)
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
		if err == nil && strings.TrimSpace(string(comm)) == name {
			return child
		}
	}
	return parent
}

// Stderr returns what the proxy wrote there.
func (p *Proxy) Stderr() string { return p.stderr.String() }

// Pool trusts the proxy's CA alone.
func (p *Proxy) Pool(t testing.TB) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(p.CAFile)
	if err != nil {
		t.Fatalf("the proxy's CA file: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate in %s", p.CAFile)
	}
	return pool
}

// AuditText returns the audit log as it is now, all parts of it.
func (p *Proxy) AuditText() string { return AuditText(p.Audit) }

// AuditText returns the audit log that begins at file: exchanges, findings, refusals.
func AuditText(file string) string {
	all := ""
	for _, part := range []string{"", ".findings", ".refusals"} {
		text, _ := os.ReadFile(file + part)
		all += string(text[:bytes.LastIndexByte(text, '\n')+1]) // the rest is still being written
	}
	return all
}

// AuditLines parses the lines about what ended or was refused: an exchange's beginning and the log's last line are not
// among them. A line that is no JSON object fails the test.
func (p *Proxy) AuditLines(t testing.TB) []map[string]any {
	t.Helper()
	out := []map[string]any{}
	for _, entry := range p.AllAuditLines(t) {
		if entry["kind"] != "begin" && entry["kind"] != "log_end" && entry["begun"] != true {
			out = append(out, entry)
		}
	}
	return out
}

// AllAuditLines has the beginnings too, and findings about exchanges that have a line of their own.
func (p *Proxy) AllAuditLines(t testing.TB) []map[string]any {
	t.Helper()
	out := []map[string]any{}
	for _, line := range strings.Split(p.AuditText(), "\n") {
		if line == "" {
			continue
		}
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("audit line is no JSON object: %v: %q", err, line)
		}
		out = append(out, entry)
	}
	return out
}

// WaitAudit polls the audit log until one line satisfies want.
func (p *Proxy) WaitAudit(t testing.TB, what string, want func(map[string]any) bool) map[string]any {
	t.Helper()
	var found map[string]any
	ok := Eventually(5*time.Second, func() bool {
		for _, entry := range p.AuditLines(t) {
			if want(entry) {
				found = entry
				return true
			}
		}
		return false
	})
	if !ok {
		t.Fatalf("no audit line: %s\n%s", what, p.AuditText())
	}
	return found
}

// Eventually polls until the condition holds or the limit is over.
func Eventually(limit time.Duration, condition func() bool) bool {
	deadline := time.Now().Add(limit)
	for {
		if condition() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// procField reads one kB figure of /proc/PID/status of the process that serves.
func (p *Proxy) procField(name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.EnginePid()))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := cutPrefix(line, name+":"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// RSS is the resident memory now, PeakRSS the most it ever was, both in bytes.
func (p *Proxy) RSS() int64 { return p.procField("VmRSS") }

// PeakRSS is VmHWM in bytes.
func (p *Proxy) PeakRSS() int64 { return p.procField("VmHWM") }

// ResetPeak makes PeakRSS start anew.
func (p *Proxy) ResetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.EnginePid()), []byte("5"), 0o200)
}

// CPU is the user and system time used so far.
func (p *Proxy) CPU() time.Duration { return processCPU(p.EnginePid()) }

func processCPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100
}

// Descriptors counts the proxy's open file descriptors.
func (p *Proxy) Descriptors() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.EnginePid()))
	if err != nil {
		return -1
	}
	return len(entries)
}

// RunProxy runs bottle-proxy to its end, for start-up errors, and returns its exit code and both outputs.
func RunProxy(t testing.TB, limit time.Duration, args ...string) (int, string, string) {
	t.Helper()
	return Run(t, limit, Binary(t, "bottle-proxy"), args...)
}

// Run runs a program to its end within limit.
func Run(t testing.TB, limit time.Duration, path string, args ...string) (int, string, string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	var stdout, stderr lockedBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}
