package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// shelf is a home of its own for bottles, so that nothing of the person who runs the tests is seen or touched.
type shelf struct {
	t       *testing.T
	root    string
	project string
	run     string // where living bottles have their directories
	extra   []string
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	harness.Binary(t, "bottle")
	harness.Binary(t, "bottle-proxy")
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap (bwrap) is missing")
	}
	if err := exec.Command("unshare", "-Urn", "true").Run(); err != nil {
		t.Skip("this user may not make user namespaces (unshare -Urn true fails)")
	}
	root, err := os.MkdirTemp("/tmp", "bottle-shelf-") // short: it holds sockets' paths
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{t: t, root: root, project: filepath.Join(root, "project"), run: filepath.Join(root, "run", "bottle")}
	for _, name := range []string{"project", "home", "state"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.call("stop", "--all")
		_ = os.RemoveAll(root)
	})
	return s
}

// server is an origin of that name, and the file of its CA.
func (s *shelf) server(name string) (*origin.Server, string) {
	s.t.Helper()
	server, err := origin.Start(origin.Options{Names: []string{name}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(server.Close)
	ca := filepath.Join(s.root, "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		s.t.Fatal(err)
	}
	return server, ca
}

func (s *shelf) command(args ...string) *exec.Cmd {
	cmd := exec.Command(harness.Binary(s.t, "bottle"), args...)
	cmd.Dir = s.project
	cmd.Env = append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + filepath.Join(s.root, "home"),
		"SHELL=/bin/sh",
		"XDG_STATE_HOME=" + filepath.Join(s.root, "state"), "XDG_RUNTIME_DIR=" + filepath.Join(s.root, "run"),
		"BOTTLE_BACKEND=local"}, s.extra...)
	return cmd
}

type spoken struct {
	code        int
	out, errors string
}

func finish(cmd *exec.Cmd, stdout, stderr *bytes.Buffer) spoken {
	timer := time.AfterFunc(90*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait()
	return spoken{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// call runs bottle to its end.
func (s *shelf) call(args ...string) spoken {
	s.t.Helper()
	return s.run1(s.command(args...))
}

func (s *shelf) run1(cmd *exec.Cmd) spoken {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return finish(cmd, &stdout, &stderr)
}

// background is a bottle whose command has begun.
type background struct {
	id             string
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan spoken
}

// start runs a shell script in a bottle and waits until it has made the file "ready".
func (s *shelf) start(script string, options ...string) *background {
	s.t.Helper()
	mark := filepath.Join(s.project, "ready")
	_ = os.Remove(mark)
	args := append([]string{"start"}, options...)
	if !strings.Contains(strings.Join(options, " "), "--scanner ") {
		args = append(args, "--scanner", "guard")
	}
	args = append(args, "--", "sh", "-c", "echo $BOTTLE_ID > unready; mv unready ready; "+script)
	b := &background{cmd: s.command(args...), ended: make(chan spoken, 1)}
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	if err := b.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { b.ended <- finish(b.cmd, &b.stdout, &b.stderr) }()
	eventually(s.t, 30*time.Second, "the command begins", func() bool {
		text, err := os.ReadFile(mark)
		b.id = strings.TrimSpace(string(text))
		return err == nil
	})
	return b
}

func (b *background) end(t *testing.T) spoken {
	t.Helper()
	select {
	case out := <-b.ended:
		return out
	case <-time.After(60 * time.Second):
		t.Fatal("the bottle does not end")
		return spoken{}
	}
}

// eventually waits for a fact.
func eventually(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(limit); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}

func (o spoken) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit status %d, want %d\nstdout: %s\nstderr: %s", o.code, code, o.out, o.errors)
	}
	for _, word := range words {
		if !strings.Contains(o.out+o.errors, word) {
			t.Errorf("%q is not said\nstdout: %s\nstderr: %s", word, o.out, o.errors)
		}
	}
}

// processesOf: those whose command line or environment names this directory.
func processesOf(root string) []int {
	var out []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		var pid int
		if _, err := fmt.Sscanf(entry.Name(), "%d", &pid); err != nil || pid == os.Getpid() {
			continue
		}
		for _, file := range []string{"cmdline", "environ"} {
			text, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), file))
			if bytes.Contains(text, []byte(root)) {
				out = append(out, pid)
				break
			}
		}
	}
	return out
}

// nothingLeft: no process, and no directory of a bottle.
func (s *shelf) nothingLeft() {
	s.t.Helper()
	eventually(s.t, 10*time.Second, "its processes are gone", func() bool { return len(processesOf(s.root)) == 0 })
	// A process that is about to end shows no words any more, and holds its locks a moment longer.
	eventually(s.t, 10*time.Second, "a call removes what they left", func() bool {
		s.call("list").want(s.t, 0)
		entries, _ := os.ReadDir(s.run)
		for _, entry := range entries {
			if entry.IsDir() {
				return false
			}
		}
		return true
	})
}

// lockedText is a buffer that one writes to while another looks.
type lockedText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
