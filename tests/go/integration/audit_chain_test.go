package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// auditTo makes a world whose proxy writes its audit log to a file of the caller's.
func auditTo(t *testing.T, log string, args ...string) *harness.World {
	t.Helper()
	return harness.NewWorld(t, harness.WorldOptions{Args: args, Change: func(cmd *exec.Cmd) {
		for i, word := range cmd.Args {
			if word == "--audit" {
				cmd.Args[i+1] = log
			}
		}
	}})
}

// verify calls `bottle logs --verify FILE` and returns its status and what it says.
func verify(t *testing.T, log string) (int, string) {
	t.Helper()
	out, err := exec.Command(harness.Binary(t, "bottle"), "logs", "--verify", log).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

// TestAuditChain: the lines of a log that several proxies wrote, one of which was killed, follow each other; and each
// thing that can happen to a log is found at its place.
func TestAuditChain(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.jsonl")
	killed := auditTo(t, log)
	for i := 0; i < 5; i++ {
		killed.Do(killed.Client(harness.H2), "GET", "/text", nil)
		_, _ = killed.Try(killed.Client(harness.H1), "GET", "https://evil.test/", nil) // refused
	}
	// The last end may wait for another line to be written with.
	eventually(t, 5*time.Second, "five beginnings and ends", func() bool {
		written, err := os.ReadFile(log)
		return err == nil && bytes.Count(written, []byte("\n")) == 10
	})
	killed.Proxy.Kill()
	killed.Proxy.WaitExit(10 * time.Second)
	if status, out := verify(t, log); status != 67 || !strings.Contains(out, "no end: the proxy was killed") {
		t.Errorf("after a kill: %d %s", status, out)
	}
	w := auditTo(t, log)
	w.Do(w.Client(harness.H2), "GET", "/text", nil)
	if status, out := verify(t, log); status != 0 || !strings.Contains(out, "until now") {
		t.Errorf("while it runs: %d %s", status, out)
	}
	w.Proxy.Signal(syscall.SIGTERM)
	if code := w.Proxy.WaitExit(15 * time.Second); code != 0 {
		t.Fatalf("exit code %d: %s", code, w.Proxy.Stderr())
	}
	status, out := verify(t, log)
	if status != 0 || !strings.Contains(out, "ended in order") {
		t.Fatalf("the whole log: %d %s", status, out)
	}
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	refusals, err := os.ReadFile(log + ".refusals")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines = lines[:len(lines)-1]
	if len(lines) < 13 {
		t.Fatalf("%d lines", len(lines))
	}
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	edited := bytes.Replace(lines[4], []byte("origin.test"), []byte("origin.tesT"), 1)
	lastRefusal := bytes.LastIndexByte(refusals[:len(refusals)-1], '\n') + 1
	for _, c := range []struct {
		name     string
		exchange []byte
		refusals []byte
		want     []string
	}{
		{"one byte", join(append(append(append([][]byte{}, lines[:4]...), edited), lines[5:]...)...), refusals,
			[]string{log + ":5: line 5 was changed"}},
		{"a line", join(append(append([][]byte{}, lines[:4]...), lines[5:]...)...), refusals,
			[]string{log + ":5: line 5 is missing"}},
		{"two lines swapped",
			join(append(append(append([][]byte{}, lines[:4]...), lines[5], lines[4]), lines[6:]...)...), refusals,
			[]string{log + ":5: line 6 is in front of line 5"}},
		{"torn", whole[:len(whole)-20], refusals, []string{"torn"}},
		{"the end", join(lines[:len(lines)-1]...), refusals, []string{"no end"}},
		{"the end of another part", whole, refusals[:lastRefusal], []string{log + ".refusals", "missing at the end"}},
		{"another part", whole, nil, []string{log + ".refusals", "missing at the end"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(log, c.exchange, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(log+".refusals", c.refusals, 0o600); err != nil {
				t.Fatal(err)
			}
			status, out := verify(t, log)
			if status != 67 {
				t.Errorf("status %d", status)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in: %s", want, out)
				}
			}
		})
	}
}

// TestLogsVerifyOfABottle: the launcher finds the log of a bottle, one that runs too.
func TestLogsVerifyOfABottle(t *testing.T) {
	s := newShelf(t)
	running := s.start("sleep 1000")
	s.call("logs", running.id, "--verify").want(t, 0, "whole", "the bottle runs")
	s.call("logs", running.id, "--verify", "-f").want(t, 64, "--verify and --follow do not go together")
	s.call("logs", running.id, "--verify", "--json").want(t, 64, "--verify and --json do not go together")
	s.call("stop", running.id).want(t, 0, running.id)
	running.end(t)
	s.call("logs", running.id, "--verify").want(t, 0, "ended in order")
}

// TestAuditCopy: each line goes to a socket too. When the receiver is gone, requests are served as before, and the
// log tells how many lines the copy lacks.
func TestAuditCopy(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "copy")
	receiver, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	log := filepath.Join(t.TempDir(), "audit.jsonl")
	w := auditTo(t, log, "--audit-copy", "unix:"+socket)
	w.Do(w.Client(harness.H2), "GET", "/text", nil)
	for _, kind := range []string{"begin", "exchange"} {
		piece := make([]byte, 64<<10)
		_ = receiver.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := receiver.Read(piece)
		if err != nil {
			t.Fatalf("no copy of the line %s: %v", kind, err)
		}
		var line map[string]any
		err = json.Unmarshal(piece[:n], &line)
		if err != nil || line["kind"] != kind || line["host"] != "origin.test" {
			t.Errorf("copy: %v %s", err, piece[:n])
		}
		if text, _ := os.ReadFile(log); !bytes.Contains(text, piece[:n]) {
			t.Errorf("the log has no such line: %s", piece[:n])
		}
	}
	receiver.Close()
	if answer := w.Do(w.Client(harness.H2), "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("without a receiver: %d", answer.StatusCode)
	}
	w.Proxy.Signal(syscall.SIGTERM)
	if code := w.Proxy.WaitExit(15 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	text, _ := os.ReadFile(log)
	if !bytes.Contains(text, []byte(`"kind":"lost_copies"`)) {
		t.Errorf("the log does not tell of it: %s", text)
	}
	if status, out := verify(t, log); status != 0 {
		t.Errorf("%d %s", status, out)
	}
}
