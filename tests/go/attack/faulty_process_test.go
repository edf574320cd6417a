package attack

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// childUpstream is an upstream in a process of its own, always on the same port.
type childUpstream struct {
	t     *testing.T
	addr  string
	leaf  string
	seed  int64
	seen  func(string)
	cmd   *exec.Cmd
	ended chan struct{}
}

func startChildUpstream(t *testing.T, leaf string, seed int64, seen func(string)) *childUpstream {
	t.Helper()
	c := &childUpstream{t: t, addr: "127.0.0.1:0", leaf: leaf, seed: seed, seen: seen}
	c.start()
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); <-c.ended })
	return c
}

func (c *childUpstream) start() {
	c.t.Helper()
	listens, ended := make(chan string, 1), make(chan struct{})
	_, port, _ := strings.Cut(c.addr, ":")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("BOTTLE_ATTACK_UPSTREAM=%s %d %s", port, c.seed, c.leaf))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig follows the starting thread
		err := cmd.Start()
		started <- err
		if err == nil {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if addr := strings.TrimPrefix(lines.Text(), "listens "); addr != lines.Text() {
					listens <- addr
				} else if token := strings.TrimPrefix(lines.Text(), "seen "); token != lines.Text() {
					c.seen(token)
				}
			}
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		c.t.Fatal(err)
	}
	c.cmd, c.ended = cmd, ended
	select {
	case c.addr = <-listens:
	case <-time.After(hangLimit):
		c.t.Fatal("the upstream did not start")
	}
}

// fail does to the process what the fault says.
func (c *childUpstream) fail(how string) {
	if how == "stop" {
		_ = c.cmd.Process.Signal(syscall.SIGSTOP)
		if !harness.Eventually(hangLimit, c.stopped) {
			c.t.Errorf("the upstream does not stop")
		}
		return
	}
	_ = c.cmd.Process.Kill()
	<-c.ended
	if how == "restart" {
		c.start()
	}
}

// stopped says whether all of its threads stand still.
func (c *childUpstream) stopped() bool {
	states, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", c.cmd.Process.Pid))
	for _, state := range states {
		if text, err := os.ReadFile(state); err != nil || !strings.Contains(string(text), ") T ") {
			return false
		}
	}
	return len(states) > 0
}

// mend ends the fault.
func (c *childUpstream) mend(how string) {
	switch how {
	case "stop":
		_ = c.cmd.Process.Signal(syscall.SIGCONT)
	case "kill":
		c.start()
	}
}

func writeLeaf(path string, certificate tls.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, one := range certificate.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one})...)
	}
	return os.WriteFile(path, text, 0o600)
}

// readLeaf gives the configuration of an origin; "plain" is a scanner, which has none.
func readLeaf(path string) (*tls.Config, error) {
	if path == "plain" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(path, path)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}}, nil
}
