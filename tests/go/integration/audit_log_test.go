package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// refusedCount is how many refusals for one reason the log tells of.
func refusedCount(t *testing.T, w *harness.World, reason string) (lines int, count int) {
	t.Helper()
	for _, line := range w.Proxy.AuditLines(t) {
		if line["verdict"] != "refused" || line["reason"] != reason {
			continue
		}
		lines++
		if n, ok := line["count"].(float64); ok {
			count += int(n)
		} else {
			count++
		}
	}
	return lines, count
}

// TestAuditFloodPushesNothingOut: an agent that makes refusals as fast as it can, of hosts that it makes up and with
// secrets, leaves what it did in the log, and the refusals are counted exactly.
func TestAuditFloodPushesNothingOut(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{})
	w.Do(w.Client(harness.H1), "POST", "/upload", strings.NewReader("what the agent did"))
	const each, clients = 400, 8
	began := time.Now()
	var group sync.WaitGroup
	for c := 0; c < clients; c++ {
		group.Add(1)
		go func(c int) {
			defer group.Done()
			// Plain requests to the proxy: a connection carries as many as it likes.
			transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: w.Proxy.Addr})}
			defer transport.CloseIdleConnections()
			for i := 0; i < each; i++ {
				answer, err := transport.RoundTrip(mustRequest(fmt.Sprintf("http://h%d-%d.evil.test/%d", c, i, i)))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		}(c)
	}
	group.Wait()
	w.Proxy.Signal(syscall.SIGTERM)
	if code := w.Proxy.WaitExit(15 * time.Second); code != 0 {
		t.Fatalf("exit code %d: %s", code, w.Proxy.Stderr())
	}
	lines, count := refusedCount(t, w, "host_not_allowed")
	if count != each*clients {
		t.Errorf("the log tells of %d refusals, there were %d", count, each*clients)
	}
	// Ten of a kind, of at most 17 kinds, then one a kind and second, and one a kind at the end.
	if most := 17 * (11 + int(time.Since(began).Seconds()) + 1); lines > most {
		t.Errorf("%d lines for %d refusals, more than %d", lines, count, most)
	}
	exchanges, _ := os.ReadFile(w.Proxy.Audit)
	if text := string(exchanges); strings.Count(text, "\n") != 3 || !strings.Contains(text, `"kind":"begin"`) ||
		!strings.Contains(text, "/upload") || !strings.Contains(text, `"kind":"log_end"`) {
		t.Errorf("the exchanges' file: %s", text)
	}
}

func mustRequest(target string) *http.Request {
	request, err := http.NewRequest("GET", target, nil)
	if err != nil {
		panic(err)
	}
	return request
}

// TestAuditBeginningSurvivesAKill: what was sent has left a line when the proxy is killed before the answer came.
func TestAuditBeginningSurvivesAKill(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true})
		client := w.Client(proto)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, "POST", w.URL("/slow?ms=60000"),
			strings.NewReader(strings.Repeat("x", 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if answer, err := client.Do(request); err == nil {
				answer.Body.Close()
			}
		}()
		eventually(t, 20*time.Second, "the origin has the request", func() bool { return len(w.Origin.Requests()) > 0 })
		w.Proxy.Kill()
		w.Proxy.WaitExit(10 * time.Second)
		lines := w.Proxy.AllAuditLines(t)
		if len(lines) != 1 || lines[0]["kind"] != "begin" || lines[0]["host"] != "origin.test" ||
			lines[0]["method"] != "POST" {
			t.Fatalf("the log has %v", lines)
		}
		path, want := lines[0]["path"], any("/slow?ms=*")
		if via == harness.Scanner {
			want = nil // the scanner may yet find a secret in it
		}
		if path != want {
			t.Errorf("the path is %v, want %v", path, want)
		}
	})
}

// TestAuditBeginningHasItsEnd: each exchange that was sent has two lines with one id; one that was not sent has one.
func TestAuditBeginningHasItsEnd(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{More: []string{"nowhere.test"},
		Allow: []string{"origin.test", "nowhere.test", "typo.invalid"},
		Args:  []string{"--resolve", "typo.invalid:443=127.0.0.1:1"}})
	client := w.Client(harness.H2)
	for i := 0; i < 3; i++ {
		w.Do(client, "GET", "/text", nil)
	}
	w.Do(client, "GET", "https://typo.invalid/", nil)
	// The last line may wait for another to be written with.
	var begun map[any]int
	eventually(t, 5*time.Second, "each beginning has its end", func() bool {
		begun = map[any]int{}
		open := 0
		for _, line := range w.Proxy.AllAuditLines(t) {
			switch {
			case line["kind"] == "begin":
				begun[line["id"]]++
				open++
			case line["part"] == "exchanges":
				begun[line["id"]]--
				open--
			}
		}
		return open == 0
	})
	for id, n := range begun {
		if n != 0 {
			t.Errorf("exchange %v: %d beginnings more than ends", id, n)
		}
	}
	if len(begun) != 3 {
		t.Errorf("%d exchanges began", len(begun))
	}
	failed := w.Proxy.WaitAudit(t, "the failed one", func(line map[string]any) bool {
		return line["host"] == "typo.invalid"
	})
	if failed["part"] != "refusals" || failed["verdict"] != "failed" {
		t.Errorf("got %v", failed)
	}
}

// auditToPipe starts a proxy whose audit log goes into a pipe that is not read, and gives the pipe's other end.
func auditToPipe(t *testing.T) (*harness.World, *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	w := harness.NewWorld(t, harness.WorldOptions{Change: func(cmd *exec.Cmd) {
		cmd.Stderr = writer
		for i, word := range cmd.Args {
			if word == "--audit" {
				cmd.Args[i+1] = "-"
			}
		}
	}})
	writer.Close()
	return w, reader
}

// TestAuditFullPipe: when the reader of --audit - stops reading, nothing hangs: requests are refused once no more of
// them can be recorded, SIGTERM ends the process, and when the reader comes back the log is whole.
func TestAuditFullPipe(t *testing.T) {
	for _, ending := range []string{"SIGTERM", "reader comes back"} {
		t.Run(ending, func(t *testing.T) {
			w, reader := auditToPipe(t)
			client := w.Client(harness.H2)
			served, refused := 0, 0
			for refused < 3 {
				if served > 20_000 {
					t.Fatal("nothing is refused")
				}
				began := time.Now()
				answer := w.Do(client, "GET", "/text", nil)
				if took := time.Since(began); took > 10*time.Second {
					t.Fatalf("an answer took %v", took)
				}
				if answer.StatusCode == 200 {
					served++
					continue
				}
				refused++
				if problem := answer.Problem(t); answer.StatusCode != 503 || problem.Code != "audit_unwritable" {
					t.Fatalf("got %d %v", answer.StatusCode, problem)
				}
			}
			if len(w.Origin.Requests()) != served {
				t.Errorf("%d requests arrived, %d were answered", len(w.Origin.Requests()), served)
			}
			if ending == "SIGTERM" {
				began := time.Now()
				w.Proxy.Signal(syscall.SIGTERM)
				if code := w.Proxy.WaitExit(10 * time.Second); code != 73 {
					t.Errorf("exit code %d after %v, want 73: lines are missing", code, time.Since(began))
				}
				return
			}
			var text bytes.Buffer
			var lock sync.Mutex
			done := make(chan struct{})
			go func() {
				defer close(done)
				piece := make([]byte, 64<<10)
				for {
					n, err := reader.Read(piece)
					lock.Lock()
					text.Write(piece[:n])
					lock.Unlock()
					if err != nil {
						return
					}
				}
			}()
			eventually(t, 20*time.Second, "requests are served again", func() bool {
				return w.Do(client, "GET", "/text", nil).StatusCode == 200
			})
			w.Proxy.Signal(syscall.SIGTERM)
			if code := w.Proxy.WaitExit(15 * time.Second); code != 0 {
				t.Errorf("exit code %d", code)
			}
			<-done
			if begun := strings.Count(text.String(), `"kind":"begin"`); begun != len(w.Origin.Requests()) {
				t.Errorf("%d requests arrived, %d stand in the log", len(w.Origin.Requests()), begun)
			}
		})
	}
}

// TestAuditFilesOfFullDisk: a log that could not be written for a while says how many lines are missing, and the exit
// code does.
func TestAuditFilesOfFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	log := filepath.Join(dir, "audit.jsonl")
	w := harness.NewWorld(t, harness.WorldOptions{Change: func(cmd *exec.Cmd) {
		for i, word := range cmd.Args {
			if word == "--audit" {
				cmd.Args[i+1] = log
			}
		}
	}})
	fill := filepath.Join(dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	client := w.Client(harness.H1)
	eventually(t, 20*time.Second, "requests are refused", func() bool {
		return w.Do(client, "GET", "/text", nil).StatusCode == 503
	})
	before := len(w.Origin.Requests())
	if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 503 || len(w.Origin.Requests()) != before {
		t.Errorf("got %d, and %d requests arrived", answer.StatusCode, len(w.Origin.Requests())-before)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("after the disk has room: %d", answer.StatusCode)
	}
	w.Proxy.Signal(syscall.SIGTERM)
	if code := w.Proxy.WaitExit(15 * time.Second); code != 73 {
		t.Errorf("exit code %d, want 73", code)
	}
	if text := harness.AuditText(log); !strings.Contains(text, `"kind":"lost_lines"`) {
		t.Errorf("the log does not say that lines are missing: %s", text)
	}
}

// TestLastWordsTellOfFailures: bottle's closing lines have what failed, like what was refused.
func TestLastWordsTellOfFailures(t *testing.T) {
	s := newShelf(t)
	needs(t, "curl")
	server, ca := s.server("origin.test")
	script := `curl -s -o /dev/null https://closed.test/
curl -s -o /dev/null --cacert /etc/hostname --capath /nonexistent https://origin.test/text
curl -s -o /dev/null --cacert "$PWD/other.pem" --capath /nonexistent https://origin.test/text
curl -s -o /dev/null https://origin.test/text
exit 0`
	other, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.project, "other.pem"), other, 0o644); err != nil {
		t.Fatal(err)
	}
	run := s.call("start", "--scanner", "guard", "--allow", "origin.test", "--allow", "closed.test", "--allow-address",
		"127.0.0.0/8",
		"--resolve", "origin.test:443="+server.Addr(), "--resolve", "closed.test:443=127.0.0.1:1", "--origin-ca", ca,
		"--", "sh", "-c", script)
	run.want(t, 0, "2 requests failed; the audit log is ", "1 x closed.test: connection_refused",
		"1 x origin.test: ca_refused",
		"hint: ca_refused: a program does not trust the bottle's CA")
}

// A program that has the host's own certificate built in needs another route, and the person is told which.
func TestLastWordsTellOfPinnedHosts(t *testing.T) {
	s := newShelf(t)
	needs(t, "curl")
	server, ca := s.server("pinned.test")
	own, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.project, "own.pem"), own, 0o644); err != nil {
		t.Fatal(err)
	}
	start := func(script string, more ...string) spoken {
		return s.call(append(append([]string{"start", "--scanner", "guard", "--allow", "pinned.test",
			"--allow-address", "127.0.0.0/8", "--resolve", "pinned.test:443=" + server.Addr()}, more...),
			"--", "sh", "-c", script)...)
	}
	const pinned = `curl -s -o /dev/null -w '%{http_code}\n' --cacert "$PWD/own.pem" --capath /nonexistent ` +
		"https://pinned.test/text\n"
	run := start(pinned + pinned + pinned + "exit 0")
	run.want(t, 0, `"routes": { "pinned.test": "splice" }`)
	if twice := start(pinned + pinned + "exit 0"); strings.Contains(twice.errors, "in a row") {
		t.Errorf("told after two: %s", twice.errors)
	}
	s.manifest(`{"bottles": {"default": {"egress": {"routes": { "pinned.test": "splice" }}}}}`)
	if run := start(pinned + "exit 0"); !strings.Contains(run.out, "200") {
		t.Errorf("the line does not help: %s %s", run.out, run.errors)
	}
}
