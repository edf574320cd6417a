package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// askingBottle starts a bottle that asks about late.test, with options, and runs curl in it.
func askingBottle(t *testing.T, scanner string, options ...string) (*shelf, *background) {
	t.Helper()
	s, _, args := liveShelf(t, scanner)
	b := s.start("curl -sS -o /dev/null -w '%{http_code}\\n' https://late.test/echo", append(append(args, "--ask"),
		options...)...)
	return s, b
}

// TestTheAskCommandAnswers: it gets the ask as JSON; an ask that it does not answer is refused in the end.
func TestTheAskCommandAnswers(t *testing.T) {
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			s, b := askingBottle(t, scanner, "--ask-command", "cat > question; echo once", "--limit", "ask_ms=30000")
			out := b.end(t)
			out.want(t, 0, "bottle: ask: GET https://late.test/echo waits 30 s", "you are asked about others")
			if !strings.Contains(out.out, "200") {
				t.Errorf("curl: %s", out.out)
			}
			text, _ := os.ReadFile(filepath.Join(s.project, "question"))
			var asked map[string]any
			if json.Unmarshal(text, &asked) != nil || asked["host"] != "late.test" || asked["bottle"] != b.id ||
				asked["method"] != "GET" || asked["path"] != "/echo" || asked["waiting"] != 1.0 {
				t.Errorf("it was asked %s", text)
			}
			s.call("logs", b.id).want(t, 0, "asked", "late.test/echo  once by "+uid()+", ask-command after")
		})
	}
}

// TestAnAskCommandWithoutAnAnswer: the request is refused in its time, and the log says why.
func TestAnAskCommandWithoutAnAnswer(t *testing.T) {
	for _, one := range []struct{ command, says string }{
		{"echo maybe", "neither allow, once nor deny"}, {"echo no display >&2; exit 3", "status 3: no display"},
		{"sleep 600", ""}, {"exec /no/such/program", "status 127"},
	} {
		t.Run(one.command, func(t *testing.T) {
			s, b := askingBottle(t, "guard", "--ask-command", one.command, "--limit", "ask_ms=1500")
			out := b.end(t)
			if !strings.Contains(out.out, "403") {
				t.Errorf("curl: %s", out.out)
			}
			log, _ := os.ReadFile(filepath.Join(s.root, "state", "bottle", b.id, "asks.log"))
			if !strings.Contains(string(log), one.says) {
				t.Errorf("the log has %s", log)
			}
		})
	}
}

// TestTheDesktopIsTold: once an ask, by notify-send where there is a display; another command answers.
func TestTheDesktopIsTold(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	tools := filepath.Join(s.root, "tools")
	told := filepath.Join(s.root, "told")
	script := "#!/bin/sh\nprintf '%s|' \"$@\" >> " + told + "; echo >> " + told + "\n"
	program := filepath.Join(tools, "notify-send")
	if os.Mkdir(tools, 0o755) != nil || os.WriteFile(program, []byte(script), 0o755) != nil {
		t.Fatal("no tools")
	}
	s.extra = []string{"PATH=" + tools + ":/usr/local/bin:/usr/bin:/bin", "DISPLAY=:99"}
	curl := "curl -sS -o /dev/null -w '%{http_code}\\n' 'https://late.test/a&b/?key=v' & "
	b := s.start(curl+curl+"wait", append(args, "--ask", "--quiet")...)
	eventually(t, 30*time.Second, "a notification", func() bool {
		text, _ := os.ReadFile(told)
		return strings.Contains(string(text), "\n")
	})
	s.call("allow", "late.test").want(t, 0, "allows late.test")
	out := b.end(t)
	if strings.Count(out.out, "404") != 2 || strings.Contains(out.errors, "ask") { // the origin has no such page
		t.Errorf("curl: %s; standard error: %s", out.out, out.errors)
	}
	text, _ := os.ReadFile(told)
	notice := "Bottle " + b.id + " asks|GET https://late.test/a?b/\nbottle allow " + b.id + " late.test|"
	if strings.Count(string(text), notice) != 1 || strings.Count(string(text), "asks|") != 1 {
		t.Errorf("told: %s", text)
	}
}

// TestAnEndOfTheBottleEndsTheAskCommand: with all that it started.
func TestAnEndOfTheBottleEndsTheAskCommand(t *testing.T) {
	s, b := askingBottle(t, "guard", "--ask-command", "sleep 600 & echo $! > pid; wait")
	var pid int
	eventually(t, 30*time.Second, "the command runs", func() bool {
		text, _ := os.ReadFile(filepath.Join(s.project, "pid"))
		_, err := fmt.Sscan(string(text), &pid)
		return err == nil
	})
	s.call("stop", b.id).want(t, 0)
	b.end(t)
	eventually(t, 10*time.Second, "it has ended", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}

// TestWrongWordsAboutAsks: each is told what to write.
func TestWrongWordsAboutAsks(t *testing.T) {
	s := newShelf(t)
	s.call("start", "--ask-command", "true", "--", "true").want(t, 64, "add --ask")
	s.call("start", "--ask", "--ask-command", "", "--", "true").want(t, 64, "needs a command")
	s.call("start", "--ask", "--limit", "ask_ms=5", "--", "true").want(t, 64, "ask_ms takes 100 to 3600000")
	proxy := func(args ...string) string {
		words := append([]string{"--check-config", "--upstream", "direct", "--ask"}, args...)
		out, _ := exec.Command(harness.Binary(t, "bottle-proxy"), words...).CombinedOutput()
		return string(out)
	}
	if said := proxy("--ca-names", "any"); !strings.Contains(said, "--ask needs --control") {
		t.Errorf("said: %s", said)
	}
	if said := proxy("--control", "unix:/x"); !strings.Contains(said, "--ask needs --ca-names any") {
		t.Errorf("said: %s", said)
	}
}

// TestTheAgentsScreenIsLeftAlone: where the agent has the terminal, a line of the launcher would hit its screen.
func TestTheAgentsScreenIsLeftAlone(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	words := append([]string{"start", "--ask", "--ask-command", "echo allow"}, args...)
	curl := "curl -sS -o /dev/null -w 'status %{http_code}\\n' https://late.test/echo"
	terminal := harness.StartOnTerminal(t, s.command(append(words, "--", "sh", "-c", curl)...))
	terminal.Ended()
	if terminal.Appears("ask: ", 50*time.Millisecond) {
		t.Error("the line is on the agent's screen")
	}
	terminal.Expect("status 200")
	logs, _ := filepath.Glob(filepath.Join(s.root, "state", "bottle", "*", "asks.log"))
	if len(logs) != 1 {
		t.Fatalf("logs: %v", logs)
	}
	text, _ := os.ReadFile(logs[0])
	if !strings.Contains(string(text), "bottle: ask: GET https://late.test/echo waits 60 s") ||
		!strings.Contains(string(text), "--ask-command said allow") {
		t.Errorf("the log has %s", text)
	}
}
