package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
)

// watch runs `bottle watch` on a terminal.
func (s *shelf) watch(term string, args ...string) *harness.Terminal {
	s.t.Helper()
	cmd := s.command(append([]string{"watch"}, args...)...)
	cmd.Env = append(cmd.Env, "TERM="+term)
	return harness.StartOnTerminal(s.t, cmd)
}

// plainOnly fails if the program sent a control character that no view needs: something of the agent's came through.
func plainOnly(t *testing.T, output string) {
	t.Helper()
	for _, bad := range []string{"\x1b]", "\x1b[31;42m", "OWNED\x07", "\u009b", "\x1b[5n"} {
		if strings.Contains(output, bad) {
			t.Errorf("%q came to the terminal", bad)
		}
	}
}

// TestWatchShowsRequestsAndAllowsAHost: the real program on a terminal, a real bottle, and real keys.
func TestWatchShowsRequestsAndAllowsAHost(t *testing.T) {
	for _, term := range []string{"xterm", "vt100"} {
		t.Run(term, func(t *testing.T) {
			s, _, args := liveShelf(t, "guard")
			b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
			ask := func(url string) string {
				return s.call("exec", b.id, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url).out
			}
			ask("https://known.test/echo")
			view := s.watch(term)
			view.Shows(24, 80, b.id, "known.test/echo", " ok ", "1 line, 0 open, 0 refused, 0 failed", "q quit")
			ask("https://late.test/x")
			view.Shows(24, 80, "REFUSED 403 GET", "late.test/x", "a allow   o once   s allow and save")
			// A line has to stand for a moment before a key acts on it.
			eventually(t, 30*time.Second, "the key allows the host", func() bool {
				view.Type("a")
				screen := strings.Join(harness.Screen(view.Output(), 24, 80), "\n")
				return strings.Contains(screen, "changed -   -       allow late.test")
			})
			if got := ask("https://late.test/echo"); got != "200" {
				t.Errorf("status %s after the host was allowed", got)
			}
			view.Shows(24, 80, "late.test/echo")
			view.Type("/refused\r")
			view.Shows(24, 80, "/refused", "late.test/x")
			view.Type("\r")
			view.Shows(24, 80, "DETAIL", "reason     host_not_allowed", "bottle allow "+b.id[:4]+" late.test")
			view.Type("x\x1b?")
			view.Shows(24, 80, "KEYS", "write it into the manifest")
			view.Resize(50, 200)
			view.Shows(50, 200, "KEYS", "any other key goes back")
			view.Type("x")
			view.Shows(50, 200, "ROUTE", "SCANNED")
			view.Type("q")
			if got := view.Status(); got != 0 {
				t.Errorf("q ends with %d", got)
			}
			plainOnly(t, view.Output())
		})
	}
}

// TestWatchKeepsHostileTextFromTheTerminal: an agent asks for hosts and paths that would be commands of a terminal.
func TestWatchKeepsHostileTextFromTheTerminal(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
	view := s.watch("xterm")
	view.Shows(24, 80, b.id)
	// Bytes as the proxy's audit log never has them: its own file, written by something else.
	log := filepath.Join(s.root, "state", "bottle", b.id, "audit.jsonl")
	file, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	evil := `\u001b]0;OWNED\u0007\u001b[31;42m\u001b[5n\u009b`
	fmt.Fprintf(file, `{"time":"2026-01-01T00:00:00.000Z","id":"x","kind":"exchange","method":"%[1]s",`+
		`"host":"evil.test%[1]s","path":"/%[1]s","verdict":"refused","reason":"%[1]s","detail":"%[1]s",`+
		`"status":403}`+"\n", evil)
	view.Shows(24, 80, "evil.test?]0;OWNED")
	view.Type("\r")
	view.Shows(24, 80, "DETAIL", "reason     ?]0;OWNED?")
	view.Type("x")
	view.Shows(24, 80, "VERDICT")
	view.Type("q")
	if got := view.Status(); got != 0 {
		t.Errorf("q ends with %d", got)
	}
	plainOnly(t, view.Output())
}

// controlDouble stands in for the control channel of a bottle's proxy, at the same socket.
type controlDouble struct {
	mutex   sync.Mutex
	version int
	asks    []map[string]any
	said    []map[string]any // messages besides the lists
	changed chan struct{}
}

func newControlDouble(t *testing.T, path string) *controlDouble {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &controlDouble{version: 1, changed: make(chan struct{})}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go c.serve(conn)
		}
	}()
	return c
}

func (c *controlDouble) serve(conn net.Conn) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	var message map[string]any
	if err != nil || json.Unmarshal(line, &message) != nil {
		return
	}
	answer := map[string]any{"v": 1, "ok": true}
	switch message["verb"] {
	case "asks.list":
		after, known := message["after"].(float64)
		c.mutex.Lock()
		changed := c.changed
		wait := known && int(after) == c.version
		c.mutex.Unlock()
		if wait {
			select {
			case <-changed:
			case <-time.After(5 * time.Second):
			}
		}
		c.mutex.Lock()
		answer["version"], answer["asks"] = c.version, c.asks
		c.mutex.Unlock()
	default:
		c.mutex.Lock()
		// A key that was pressed once more than needed answers an ask that is over, and not the next one.
		late := message["ask"] != nil && (len(c.asks) == 0 || c.asks[0]["ask"] != message["ask"])
		if !late {
			c.said = append(c.said, message)
		}
		c.mutex.Unlock()
		answer["changed"] = []string{}
		if !late {
			c.set()
		}
	}
	text, _ := json.Marshal(answer)
	conn.Write(append(text, '\n'))
}

// set replaces the asks.
func (c *controlDouble) set(asks ...map[string]any) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.version++
	if asks == nil {
		asks = []map[string]any{}
	}
	c.asks = asks
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *controlDouble) last() map[string]any {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.said) == 0 {
		return nil
	}
	return c.said[len(c.said)-1]
}

func anAsk(number, host string) map[string]any {
	return map[string]any{"ask": number, "host": host, "port": 443, "method": "GET", "path": "/simple/",
		"since": time.Now().Unix(), "seconds_left": 42, "waiting": 2}
}

// TestWatchAnswersAsks: each key gives its answer, and s writes the manifest, too.
func TestWatchAnswersAsks(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
	double := newControlDouble(t, filepath.Join(s.run, b.id, "control"))
	double.set()
	view := s.watch("xterm", b.id[:6])
	view.Shows(24, 80, b.id)
	number := 0
	for key, answer := range map[string]string{"a": "allow", "o": "once", "s": "allow", "d": "deny"} {
		number++
		host := fmt.Sprintf("host-%s.test", key)
		id := fmt.Sprint(number)
		double.set(anAsk(id, host))
		view.Shows(24, 80, "ASK "+host+":443  GET /simple/", "2 wait,", "d refuse")
		eventually(t, 30*time.Second, "the key "+key+" answers", func() bool {
			view.Type(key)
			return double.last()["ask"] == id
		})
		if got := double.last(); got["verb"] != "asks.answer" || got["answer"] != answer {
			t.Errorf("the key %s says %v", key, got)
		}
		if key != "s" {
			continue
		}
		eventually(t, 10*time.Second, "the manifest", func() bool {
			text, _ := os.ReadFile(filepath.Join(s.project, "bottle.json"))
			return strings.Contains(string(text), host)
		})
	}
	view.Type("q")
	if got := view.Status(); got != 0 {
		t.Errorf("q ends with %d", got)
	}
	text, _ := os.ReadFile(filepath.Join(s.project, "bottle.json"))
	for _, key := range []string{"a", "o", "d"} {
		if strings.Contains(string(text), "host-"+key+".test") {
			t.Errorf("the key %s wrote the manifest: %s", key, text)
		}
	}
}

// TestWatchLetsAHeldRequestGoOn: a real proxy holds the request of a real curl until the key.
func TestWatchLetsAHeldRequestGoOn(t *testing.T) {
	for key, status := range map[string]string{"o": "200", "d": "403"} {
		s, b := askingBottle(t, "guard")
		view := s.watch("xterm")
		view.Shows(24, 80, "ASK late.test:443  GET /echo", "d refuse")
		eventually(t, 30*time.Second, "the key "+key+" ends the wait", func() bool {
			view.Type(key)
			select {
			case out := <-b.ended:
				b.ended <- out
				return true
			default:
				return false
			}
		})
		if out := b.end(t); strings.TrimSpace(out.out) != status {
			t.Errorf("after the key %s curl has %s: %s", key, out.out, out.errors)
		}
		view.Shows(24, 80, "asked", "default ended")
		view.Type("q")
		if got := view.Status(); got != 0 {
			t.Errorf("q ends with %d", got)
		}
	}
}

// TestWatchPrintsJson: lines for the start, the log, asks and the end, and it ends with its bottle.
func TestWatchPrintsJson(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
	s.call("exec", b.id, "curl", "-sS", "-o", "/dev/null", "https://known.test/echo")
	double := newControlDouble(t, filepath.Join(s.run, b.id, "control"))
	double.set(anAsk("7", "pypi.org"))
	cmd := s.command("watch", "--json", b.id)
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	until := func(what string, is func(map[string]any) bool) map[string]any {
		t.Helper()
		for lines.Scan() {
			var line map[string]any
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line["bottle"] != b.id {
				t.Fatalf("%v: %s", err, lines.Text())
			}
			if is(line) {
				return line
			}
		}
		t.Fatalf("it ended without %s", what)
		return nil
	}
	has := func(key string) func(map[string]any) bool {
		return func(line map[string]any) bool { return line[key] != nil }
	}
	if line := until("the start", has("started")); line["name"] != "default" || line["backend"] != "local" {
		t.Errorf("the start: %v", line)
	}
	audit := until("the request", func(line map[string]any) bool {
		entry, _ := line["audit"].(map[string]any)
		return entry["kind"] == "exchange" && entry["host"] == "known.test"
	})
	if entry := audit["audit"].(map[string]any); entry["verdict"] != "allowed" {
		t.Errorf("the request: %v", entry)
	}
	asks := until("the ask", has("asks"))["asks"].([]any)
	if len(asks) != 1 || asks[0].(map[string]any)["host"] != "pypi.org" {
		t.Errorf("the asks: %v", asks)
	}
	double.set()
	if asks := until("no ask", has("asks"))["asks"].([]any); len(asks) != 0 {
		t.Errorf("the asks after the answer: %v", asks)
	}
	os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
	until("the end", has("ended"))
	if err := cmd.Wait(); err != nil {
		t.Errorf("with its bottle it ends with %v", err)
	}
	b.end(t)
}

// TestWatchEnds: by Ctrl-C, by a signal, with its reader, with its terminal; and what it cannot do is said.
func TestWatchEnds(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
	view := s.watch("xterm")
	view.Shows(24, 80, b.id)
	view.Type("\x03")
	if got := view.Status(); got != 130 {
		t.Errorf("Ctrl-C ends with %d", got)
	}
	// The terminal is given back: the alternate screen is left.
	if out := view.Output(); !strings.Contains(out, "\x1b[?1049l") {
		t.Errorf("the terminal was not given back: %q", out[len(out)-100:])
	}
	view = s.watch("xterm")
	view.Shows(24, 80, b.id)
	view.HangUp()
	view.Ended()

	cmd := s.command("watch", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		t.Fatal(err)
	}
	bufio.NewScanner(out).Scan()
	out.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("without a reader it ends with %v", err)
	}
	cmd = s.command("watch", "--json")
	out, err = cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		t.Fatal(err)
	}
	bufio.NewScanner(out).Scan()
	cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("an interrupt ends --json with %d", got)
	}

	s.call("watch").want(t, 64, "standard input or output is none", "bottle watch --json")
	s.call("watch", "nosuch").want(t, 64, "no bottle \"nosuch\" is running", b.id)
	for term, words := range map[string]string{
		"dumb":       "cannot move its cursor",
		"nosuchterm": "does not know the terminal nosuchterm",
		"":           "TERM is not set",
	} {
		view := s.watch(term)
		view.Expect(words)
		if got := view.Status(); got != 64 {
			t.Errorf("TERM=%s ends with %d", term, got)
		}
	}
}

// TestCtrlZSuspendsWatch: the shell has the terminal, and fg draws the view again, in the window's new size.
func TestCtrlZSuspendsWatch(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	eachShell(t, func(t *testing.T, s *shelf, shell jobShell) {
		terminal := shell.open(t, s)
		terminal.Type(bottle + " watch\r")
		terminal.Shows(24, 80, "no bottle runs", "q quit  ? help")
		terminal.Type("\x1a")
		shell.hasStopped(terminal)
		terminal.Resize(30, 80)
		terminal.Type("fg; echo status-" + shell.status + "\r")
		eventually(t, 30*time.Second, "the view is back", func() bool {
			lines := harness.Screen(terminal.Output(), 30, 80)
			return strings.Contains(lines[29], "q quit  ? help") && strings.Contains(lines[3], "no bottle runs")
		})
		terminal.Type("?")
		terminal.Shows(30, 80, "KEYS")
		terminal.Type("qq")
		shell.fgEnded(terminal, "0")
		shell.answers(terminal, "after")
		terminal.Type("exit\r")
		terminal.Ended()
	})
}

// TestDockerWatch: the log and the proxy of a bottle of containers are reached, too.
func TestDockerWatch(t *testing.T) {
	needEngine(t)
	root, run := t.TempDir(), t.TempDir()
	if err := os.Chmod(run, 0o700); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(harness.Binary(t, "bottle"), args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+root, "XDG_RUNTIME_DIR="+run, "TERM=xterm")
		return cmd
	}
	agent := command("start", "--backend", "docker", "--scanner", "guard", "-q", "--", "sh", "-c",
		"while sleep 0.3; do curl -sS -m 5 -o /dev/null https://refused.test/mark; done")
	var said strings.Builder
	agent.Stdout, agent.Stderr = &said, &said
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command("stop", "--all").Run()
		_ = agent.Wait()
		if t.Failed() {
			t.Logf("the bottle said: %s", said.String())
		}
		if left := leftOver(t); left != "" {
			t.Errorf("left over: %s", left)
		}
	})
	view := harness.StartOnTerminal(t, command("watch"))
	view.Shows(24, 80, "REFUSED 403 GET", "refused.test/mark")
	// New lines come all the time: the keys are for a chosen one.
	view.Type("g")
	eventually(t, 60*time.Second, "the key allows the host", func() bool {
		view.Type("a")
		policy, err := command("policy").Output()
		return err == nil && strings.Contains(string(policy), "refused.test")
	})
	view.Type("/changed\r")
	view.Shows(24, 80, "/changed", "allow refused.test")
	view.Type("q")
	if got := view.Status(); got != 0 {
		t.Errorf("q ends with %d", got)
	}
}
