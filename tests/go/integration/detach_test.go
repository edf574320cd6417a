package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// detached starts a shell script in a bottle behind the caller, and gives the bottle's id.
func (s *shelf) detached(t *testing.T, script string, options ...string) string {
	t.Helper()
	args := append([]string{"start", "-d", "--scanner", "guard"}, options...)
	out := s.call(append(args, "--", "bash", "-c", script)...)
	id := strings.TrimSpace(out.out)
	if out.code != 0 || len(id) != 12 {
		t.Fatalf("%+v", out)
	}
	return id
}

func (s *shelf) attach(t *testing.T, args ...string) *harness.Terminal {
	t.Helper()
	return harness.StartOnTerminal(t, s.command(append([]string{"attach"}, args...)...))
}

// TestADetachedBottleCanBeAttached: its output is shown again, keys and the size reach it, it runs on after Ctrl-P
// Ctrl-Q, and its end is the end of the attachment.
func TestADetachedBottleCanBeAttached(t *testing.T) {
	s := newShelf(t)
	id := s.detached(t, `echo early words; while read -r line; do echo "<$line> $(stty size)"; done; exit 7`)
	s.call("list", "--quiet").want(t, 0, id)
	first := s.attach(t, id)
	first.Expect("early words")
	first.Resize(30, 90)
	eventually(t, 30*time.Second, "the size arrives", func() bool {
		first.Type("hello\r")
		return first.Appears("<hello> 30 90", 500*time.Millisecond)
	})
	s.attachTwice(t, id)
	// A Ctrl-P alone is the command's.
	first.Type("\x10x\r")
	first.Expect("x> 30 90")
	first.Type("\x10\x11")
	first.Expect("detached; bottle " + id + " runs on")
	first.Ended()
	s.call("list", "--quiet").want(t, 0, id)

	second := s.attach(t, id)
	second.Expect("early words")
	second.Expect("<hello> 30 90")
	third := s.attach(t, "--take", id)
	second.Expect("another terminal took over")
	second.Ended()
	third.Type("\x04")
	third.Ended()
	if code := third.Status(); code != 7 {
		t.Errorf("attach ends with %d", code)
	}
	s.nothingLeft()
	log, err := os.ReadFile(filepath.Join(s.root, "state", "bottle", id, "output.log"))
	if err != nil || !strings.Contains(string(log), "<hello>") {
		t.Errorf("the log of the output: %v %q", err, log)
	}
	s.call("attach", id).want(t, 64, "no bottle")
}

// TestALargePasteReachesADetachedBottle: also if its program says more than it reads, which fills both ways.
func TestALargePasteReachesADetachedBottle(t *testing.T) {
	s := newShelf(t)
	id := s.detached(t, `stty raw -echo; echo ready; head -c 600000 | sed 's/x/xx/g'; echo all read; exit 7`)
	terminal := s.attach(t, id)
	terminal.Expect("ready")
	terminal.Type(strings.Repeat(strings.Repeat("x", 99)+"\n", 6000))
	terminal.Expect("all read")
	if code := terminal.Status(); code != 7 {
		t.Errorf("attach ends with %d", code)
	}
}

func (s *shelf) attachTwice(t *testing.T, id string) {
	t.Helper()
	busy := s.attach(t, id)
	busy.Expect("is attached to another terminal")
	busy.Ended()
	if code := busy.Status(); code != 64 {
		t.Errorf("a second attachment ends with %d", code)
	}
}

// TestADetachedStartSaysWhatFails: with the status of a start that is not detached, and nothing is left.
func TestADetachedStartSaysWhatFails(t *testing.T) {
	s := newShelf(t)
	s.call("start", "-d", "--scanner", "guard", "--", "no-such-program").want(t, 127, "no-such-program")
	s.call("start", "-d", "--scanner", "guard", "--allow", "a b", "--", "true").want(t, 64, "a b")
	s.call("start", "-d", "--scanner", "guard", "--limit", "no_such=1", "--", "true").want(t, 64, "no_such")
	s.call("start", "-d", "demo").want(t, 64, "without --detach")
	s.nothingLeft()
	b := s.start("sleep 1000")
	s.call("attach", b.id).want(t, 64, "needs a terminal")
	terminal := s.attach(t, b.id)
	terminal.Expect("was not started with --detach")
	terminal.Ended()
}

// TestWhatEndsADetachedBottle: stop, and the death of its launcher or of the process that holds its terminal.
func TestWhatEndsADetachedBottle(t *testing.T) {
	s := newShelf(t)
	s.call("stop", s.detached(t, "sleep 1000")).want(t, 0)
	s.nothingLeft()
	for _, which := range []string{"launcher", "holder"} {
		id := s.detached(t, "sleep 1000")
		terminal := s.attach(t, id)
		terminal.AwaitRaw()
		terminal.Type("x")
		terminal.Expect("x")
		launcher := s.launcherOf(t, id)
		pid := launcher
		if which == "holder" {
			pid = holderOf(t, launcher)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
		terminal.Ended()
		if code := terminal.Status(); code != 137 && code != 72 {
			t.Errorf("%s killed: attach ends with %d", which, code)
		}
		s.nothingLeft()
	}
}

// TestADetachedBottleOutlivesItsCaller: a terminal that is closed, and the caller's group.
func TestADetachedBottleOutlivesItsCaller(t *testing.T) {
	s := newShelf(t)
	shell := s.command()
	shell.Path, shell.Args = "/bin/bash", []string{"bash", "--norc", "-i"}
	terminal := harness.StartOnTerminal(t, shell)
	program := harness.Binary(t, "bottle")
	terminal.Type(program + " start -q -d --scanner guard -- sleep 1000; echo status=$?\r")
	terminal.Expect("status=0")
	id := strings.TrimSpace(s.call("list", "--quiet").out)
	terminal.HangUp()
	terminal.Ended()
	attached := s.attach(t, id)
	attached.AwaitRaw()
	attached.Type("still\r")
	attached.Expect("still")
	s.call("stop", id).want(t, 0)
	attached.Ended()
	if code := attached.Status(); code != 143 {
		t.Errorf("attach ends with %d", code)
	}
}

// TestTheOutputOfADetachedBottleIsBounded: nothing waits for an attachment, and the latest output is kept.
func TestTheOutputOfADetachedBottleIsBounded(t *testing.T) {
	s := newShelf(t)
	id := s.detached(t, `echo the begin; head -c 5000000 /dev/zero | tr '\0' x; echo; echo the end; sleep 1000`)
	folder := filepath.Join(s.root, "state", "bottle", id)
	eventually(t, 60*time.Second, "the end is in the log", func() bool {
		log, _ := os.ReadFile(filepath.Join(folder, "output.log"))
		return strings.Contains(string(log), "the end")
	})
	logs, _ := filepath.Glob(filepath.Join(folder, "output.log*"))
	if len(logs) != 2 {
		t.Errorf("the logs: %v", logs)
	}
	for _, log := range logs {
		if info, err := os.Stat(log); err != nil || info.Size() > 1<<20 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", log, info, err)
		}
	}
	terminal := s.attach(t, id)
	terminal.Expect("the end")
	s.call("stop", id).want(t, 0)
	terminal.Ended()
}

func (s *shelf) launcherOf(t *testing.T, id string) int {
	t.Helper()
	var bottles []struct {
		ID       string
		Launcher int `json:"launcher_pid"`
	}
	if err := json.Unmarshal([]byte(s.call("list", "--json").out), &bottles); err != nil {
		t.Fatal(err)
	}
	for _, one := range bottles {
		if one.ID == id {
			return one.Launcher
		}
	}
	t.Fatalf("bottle %s is not listed", id)
	return 0
}

// holderOf is the process that has the other side of the launcher's terminal: the one with an open /dev/ptmx whose
// number is that of the launcher's.
func holderOf(t *testing.T, launcher int) int {
	t.Helper()
	side, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", launcher))
	if err != nil {
		t.Fatal(err)
	}
	masters, _ := filepath.Glob("/proc/[0-9]*/fdinfo/*")
	for _, info := range masters {
		text, _ := os.ReadFile(info)
		if !strings.Contains(string(text), "tty-index:\t"+filepath.Base(side)+"\n") {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(info, "/proc/%d/", &pid); err == nil && pid != launcher {
			return pid
		}
	}
	t.Fatalf("no process holds %s", side)
	return 0
}

// TestADetachedDockerBottle: with containers it is the same.
func TestADetachedDockerBottle(t *testing.T) {
	needEngine(t)
	s := newShelf(t)
	s.extra = append(s.extra, "DOCKER_HOST="+os.Getenv("DOCKER_HOST"))
	id := s.detached(t, `echo early words; while read -r line; do echo "<$line>"; done; exit 7`, "--backend", "docker")
	terminal := s.attach(t, id)
	terminal.Expect("early words")
	terminal.Type("hello\r")
	terminal.Expect("<hello>")
	terminal.Type("\x10\x11")
	terminal.Expect("runs on")
	terminal.Ended()
	terminal = s.attach(t, id)
	terminal.Expect("<hello>")
	terminal.Type("\x04")
	terminal.Ended()
	if code := terminal.Status(); code != 7 {
		t.Errorf("attach ends with %d", code)
	}
	s.call("start", "-d", "--scanner", "guard", "--backend", "docker", "--audit", "/no/such/folder/log", "--",
		"true").want(t, 64, "/no/such/folder")
	eventually(t, 20*time.Second, "nothing is left", func() bool { return leftOver(t) == "" })
}
