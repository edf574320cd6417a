package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// TestBottlesAreListedEnteredAndStopped follows two bottles through list, exec, env and stop.
func TestBottlesAreListedEnteredAndStopped(t *testing.T) {
	s := newShelf(t)
	s.call("list").want(t, 0, "ID")
	s.extra = []string{"TOKEN=tok-0123456789"}
	manifest := `{"bottles": {"work": {"env": {"TOKEN": {"from_host": true}, "PLAIN": "two words"}}}}`
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	one := s.start("sleep 1000; : tok-0123456789", "work")
	two := s.start("sleep 1000", "work")

	var listed []struct {
		ID, Backend, Bottle, Workspace, Audit string
		Command                               []string
	}
	list := s.call("list", "--json")
	if err := json.Unmarshal([]byte(list.out), &listed); err != nil || len(listed) != 2 {
		t.Fatalf("list --json: %v, %s", err, list.out)
	}
	if listed[0].Backend != "local" || listed[0].Bottle != "work" || listed[0].Command[0] != "sh" {
		t.Errorf("list --json: %+v", listed[0])
	}
	s.call("list").want(t, 0, one.id, two.id, "local", "work", "sh -c")
	if strings.Contains(list.out+s.call("list").out, "tok-0123456789") {
		t.Error("a secret of the command line is listed")
	}
	record, err := os.ReadFile(filepath.Join(s.run, one.id, "record.json"))
	if err != nil || bytes.Contains(record, []byte("tok-0123456789")) {
		t.Errorf("the record: %v, %s", err, record)
	}

	// The command's own environment and folder, the same user, and no more rights.
	inside := s.call("exec", one.id[:6], "--", "sh", "-c",
		`echo "$PLAIN/$TOKEN"; pwd; id -u; grep -h Cap /proc/self/status; grep NoNewPrivs /proc/self/status; cat `+
			`/proc/1/comm; ls /proc/self/fd; exit 7`)
	inside.want(t, 7, "two words/tok-0123456789", s.project, fmt.Sprintf("\n%d\n", os.Getuid()),
		"NoNewPrivs:\t1", "CapBnd:\t0000000000000000", "CapEff:\t0000000000000000", "bwrap")
	// The agent's world, not the host's: the network has the loopback only, the home is the bottle's.
	s.call("exec", one.id, "--", "sh", "-c", "cat /proc/net/dev | wc -l; ls /home; ls "+
		filepath.Join(s.root, "home")).want(t, 2, "3\n", "agent")
	s.call("exec", one.id, "--", "nosuch").want(t, 127, "nosuch")
	s.call("exec", one.id, "--", "/etc/hostname").want(t, 126, "/etc/hostname")
	killed := s.call("exec", one.id, "--", "sh", "-c", "kill -9 $$")
	killed.want(t, 128+9)
	s.call("env", one.id, "--shell", "sh").want(t, 0, "export HTTPS_PROXY='http://127.0.0.1:3128'",
		"export SSL_CERT_FILE='/run/bottle/ca-bundle.pem'")

	// A wrong id names the right ones.
	s.call("exec", "nosuch", "--", "true").want(t, 64, one.id, two.id)
	s.call("stop", "nosuch").want(t, 64, one.id, two.id)
	s.call("stop").want(t, 64, "--all")

	s.call("stop", one.id).want(t, 0, one.id)
	if code := one.end(t).code; code != 128+15 {
		t.Errorf("the stopped bottle ended with %d", code)
	}
	if s.call("list", "-q").out != two.id+"\n" {
		t.Error("the other bottle does not run any more")
	}
	s.call("stop", "--all").want(t, 0, two.id)
	two.end(t)
	s.call("stop", "--all").want(t, 0, "no bottle is running")
	s.nothingLeft()
}

// TestStopOfAShellThatIgnoresSigterm: a shell that ignores SIGTERM ends too, before it is killed.
func TestStopOfAShellThatIgnoresSigterm(t *testing.T) {
	s := newShelf(t)
	b := s.start("trap '' TERM; while :; do sleep 0.1; done")
	begin := time.Now()
	s.call("stop", b.id).want(t, 0, b.id)
	if code := b.end(t).code; code != 128+1 {
		t.Errorf("ended with %d, want that of SIGHUP", code)
	}
	if took := time.Since(begin); took > 9*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestStopNeverSignalsAStranger: a directory without a lease, and one whose process number is somebody else's.
func TestStopNeverSignalsAStranger(t *testing.T) {
	s := newShelf(t)
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stranger.Wait() }()
	defer func() { _ = stranger.Process.Kill() }()
	if err := os.MkdirAll(s.run, 0o700); err != nil {
		t.Fatal(err)
	}
	forge := func(id string, start int, leased bool) *os.File {
		dir := filepath.Join(s.run, id)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		record := fmt.Sprintf(`{"id": %q, "backend": "local", "bottle": "b", "command": ["x"], "workspace": "/",
			"audit": "/a", "started": 1, "launcher": {"pid": %d, "start": %d}, "keeper": {"pid": -1, "start": 0},
			"environment_fd": 3, "proxy": "127.0.0.1:3128", "java": false}`, id, stranger.Process.Pid, start)
		if err := os.WriteFile(filepath.Join(dir, "record.json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
		lease, err := os.OpenFile(filepath.Join(dir, "lease"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if leased {
			if err := syscall.Flock(int(lease.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
				t.Fatal(err)
			}
		}
		return lease
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", stranger.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var started int
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if _, err := fmt.Sscan(fields[19], &started); err != nil {
		t.Fatal(err)
	}
	defer forge("unleased", started, false).Close()
	defer forge("otherpid", started+1, true).Close()
	for _, id := range []string{"unleased", "otherpid"} {
		s.call("stop", id).want(t, 64, "no bottle is running")
	}
	s.call("stop", "--all").want(t, 0)
	select {
	case <-ended:
		t.Error("a process that is no launcher was signalled")
	default:
	}
	if _, err := os.Stat(filepath.Join(s.run, "unleased")); err == nil {
		t.Error("what nobody leases was not removed")
	}
	if _, err := os.Stat(filepath.Join(s.run, "otherpid")); err != nil {
		t.Error("what somebody leases was removed")
	}
}

// TestLogsAreShownAndFollowed: of a bottle that runs, to its end, and of one that ended.
func TestLogsAreShownAndFollowed(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing")
	}
	s := newShelf(t)
	s.call("logs").want(t, 64, "no bottle")
	b := s.start("while [ ! -e go ]; do sleep 0.05; done; curl -s -o /dev/null https://second.test/b?key=value; " +
		"sleep 1000")
	s.call("exec", b.id, "--", "curl", "-s", "-o", "/dev/null", "https://first.test/a").want(t, 0)
	follow := s.command("logs", "-f")
	var stdout, stderr lockedText
	follow.Stdout, follow.Stderr = &stdout, &stderr
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the first line", func() bool {
		return strings.Contains(stdout.String(), "first.test/a")
	})
	if err := os.WriteFile(filepath.Join(s.project, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the second line", func() bool {
		return strings.Contains(stdout.String(), "second.test/b")
	})
	s.call("stop", b.id).want(t, 0)
	ended := make(chan error, 1)
	go func() { ended <- follow.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("logs -f: %v, %s", err, stderr.String())
		}
	case <-time.After(20 * time.Second):
		_ = follow.Process.Kill()
		t.Fatal("logs -f does not end with the bottle")
	}
	line := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d  refused  403 GET second\.test/b\S*  .* ` +
		`host_not_allowed by policy: `)
	if !line.MatchString(stdout.String()) || strings.Contains(stdout.String(), "value") ||
		strings.Contains(stdout.String(), "\x1b") {
		t.Errorf("the lines: %s", stdout.String())
	}
	// The bottle is gone, its log is not.
	b.end(t)
	s.call("logs").want(t, 0, "first.test/a", "second.test/b")
	s.call("logs", b.id[:5], "-f").want(t, 0, "first.test/a")
	raw := s.call("logs", b.id, "--json")
	var entry map[string]any
	if err := json.Unmarshal([]byte(strings.SplitN(raw.out, "\n", 2)[0]), &entry); err != nil ||
		entry["host"] != "first.test" {
		t.Errorf("logs --json: %v, %s", err, raw.out)
	}
	s.call("logs", "nosuch").want(t, 64, b.id)
}

// TestExecOnATerminal: the command has a terminal of its own, and the caller's is as before.
func TestExecOnATerminal(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("script (util-linux) is missing")
	}
	s := newShelf(t)
	b := s.start("sleep 1000")
	bottle := harness.Binary(t, "bottle")
	cmd := s.command()
	cmd.Path, _ = exec.LookPath("script")
	cmd.Args = []string{"script", "-qefc", "stty -a > before; " + bottle + " exec " + b.id +
		" -- sh -c 'test -t 0 && test -t 1 && test -t 2 && (exec 3</dev/tty) && echo all; stty rows 7; stty size; " +
		"exit 5'; code=$?; stty -a > after; exit $code", "/dev/null"}
	out := s.run1(cmd)
	out.want(t, 5, "all", "7 ")
	before, err1 := os.ReadFile(filepath.Join(s.project, "before"))
	after, err2 := os.ReadFile(filepath.Join(s.project, "after"))
	if err1 != nil || err2 != nil || !bytes.Equal(before, after) || len(before) == 0 {
		t.Errorf("the terminal was changed: %s%s", before, after)
	}
}

// TestExecEndsWithItsBottleAndItsCaller: nothing of it goes on by itself, and signals are passed on.
func TestExecEndsWithItsBottleAndItsCaller(t *testing.T) {
	s := newShelf(t)
	b := s.start("sleep 1000")
	enter := func(script string) (*exec.Cmd, chan error) {
		mark := filepath.Join(s.project, "entered")
		_ = os.Remove(mark)
		cmd := s.command("exec", b.id, "--", "sh", "-c", "touch entered; "+script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		eventually(t, 20*time.Second, "the command begins", func() bool { _, err := os.Stat(mark); return err == nil })
		return cmd, ended
	}
	wait := func(what string, ended chan error) {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatalf("bottle exec does not end: %s", what)
		}
	}
	count := func() int {
		sleeping := -1
		_, _ = fmt.Sscan(s.call("exec", b.id, "--", "sh", "-c", "cat /proc/[0-9]*/comm | grep -c '^sleep$'").out,
			&sleeping)
		return sleeping
	}

	cmd, ended := enter("exec sleep 1000")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	wait("SIGTERM", ended)
	if code := cmd.ProcessState.ExitCode(); code != 128+15 {
		t.Errorf("ended with %d, want the command's", code)
	}
	cmd, ended = enter("exec sleep 1000")
	_ = cmd.Process.Kill()
	wait("SIGKILL", ended)
	eventually(t, 20*time.Second, "the command of a killed exec ends", func() bool { return count() == 1 })
	_, ended = enter("exec sleep 1000")
	s.call("stop", b.id).want(t, 0)
	wait("the bottle's end", ended)
	s.nothingLeft()
}

// TestSecretsStayOut: values from the host, a file and a prompt reach the command and nothing else.
func TestSecretsStayOut(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("script (util-linux) is missing")
	}
	s := newShelf(t)
	s.extra = []string{"OF_HOST=host-secret-1", "TERM=dumb"}
	manifest := `{"bottles": {"default": {"scanner": "guard", "env": {
		"OF_HOST": {"from_host": true}, "OF_FILE": {"file": "token"}, "ASKED": {"prompt": "The word"}}}}}`
	for name, text := range map[string]string{"bottle.json": manifest, "token": "file-secret-2\n"} {
		if err := os.WriteFile(filepath.Join(s.project, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dry := s.call("start", "--dry-run", "--", "true")
	dry.want(t, 0, "OF_FILE=***", "ASKED=***", "The word", "chmod 600")
	none := s.run1(func() *exec.Cmd {
		cmd := s.command("start", "--", "true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal at all
		return cmd
	}())
	none.want(t, 66, "The word", "no terminal", "from_host")

	bottle := harness.Binary(t, "bottle")
	cmd := s.command()
	cmd.Path, _ = exec.LookPath("script")
	cmd.Args = []string{"script", "-qefc", bottle + ` start -- sh -c 'printf %s "$OF_HOST$OF_FILE$ASKED" > got; ` +
		`touch ready; while [ ! -e go ]; do sleep 0.05; done'`, "/dev/null"}
	var stdout lockedText
	cmd.Stdout, cmd.Stderr = &stdout, &stdout
	typed, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the question", func() bool {
		return strings.Contains(stdout.String(), "The word: ")
	})
	fmt.Fprint(typed, "typed-secret-3\n")
	eventually(t, 30*time.Second, "the command", func() bool {
		_, err := os.Stat(filepath.Join(s.project, "ready"))
		return err == nil
	})
	got, _ := os.ReadFile(filepath.Join(s.project, "got"))
	if string(got) != "host-secret-1file-secret-2typed-secret-3" {
		t.Errorf("the command got %q", got)
	}
	secrets := []string{"host-secret-1", "file-secret-2", "typed-secret-3"}
	seen := map[string]string{"stdout": stdout.String(), "dry run": dry.out + dry.errors}
	for _, pid := range processesOf(s.root) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		seen[fmt.Sprintf("command line of %d", pid)] = string(line)
	}
	for _, dir := range []string{"run", "state"} {
		_ = filepath.Walk(filepath.Join(s.root, dir), func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				text, _ := os.ReadFile(path)
				seen[path] = string(text)
			}
			return nil
		})
	}
	for where, text := range seen {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", secret, where)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(s.project, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stdout.String())
	}
}
