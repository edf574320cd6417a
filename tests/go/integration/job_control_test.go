package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// jobShell is an interactive shell, which is to stop and continue a bottle as any other job.
type jobShell struct {
	name   string
	args   []string
	status string // its name for the last command's status
	stop   string // its word for a job that was stopped
	silent bool   // its fg does not pass the job's status on
}

var jobShells = []jobShell{
	{"bash", []string{"--norc", "--noprofile", "-i"}, "$?", "Stopped", false},
	{"zsh", []string{"-f", "-i"}, "$?", "suspended", false},
	{"fish", []string{"--no-config", "-i"}, "$status", "has stopped", true},
}

// eachShell runs the test in every shell that is installed.
func eachShell(t *testing.T, test func(t *testing.T, s *shelf, shell jobShell)) {
	for _, shell := range jobShells {
		shell := shell
		t.Run(shell.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell.name); err != nil {
				t.Skip(shell.name + " is missing")
			}
			if _, err := exec.LookPath("python3"); err != nil {
				t.Skip("python3 is missing")
			}
			s := newShelf(t)
			program, err := os.ReadFile("testdata/full_screen.py")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(s.project, "full_screen.py"), program, 0o644); err != nil {
				t.Fatal(err)
			}
			test(t, s, shell)
		})
	}
}

// open starts the shell on a terminal of its own.
func (shell jobShell) open(t *testing.T, s *shelf) *harness.Terminal {
	t.Helper()
	cmd := s.command()
	cmd.Path, _ = exec.LookPath(shell.name)
	cmd.Args = append([]string{shell.name}, shell.args...)
	cmd.Env = append(cmd.Env, "TERM=xterm", "PS1=> ")
	terminal := harness.StartOnTerminal(t, cmd)
	shell.answers(terminal, "1")
	return terminal
}

// hasStopped: it says so of its job, and has the terminal.
func (shell jobShell) hasStopped(terminal *harness.Terminal) {
	terminal.Expect(shell.stop)
	shell.answers(terminal, "stopped")
}

// answers: the shell has the terminal, with the modes that it wants.
func (shell jobShell) answers(terminal *harness.Terminal, mark string) {
	for try := 0; try < 10; try++ {
		terminal.Type("stty -a | grep -o ' icanon' | tr a-z A-Z; echo mark-" + mark + "\r")
		// Input before the job has ended is the job's.
		if terminal.Appears("ICANON", 3*time.Second) {
			break
		}
	}
	terminal.Expect("mark-" + mark)
}

// fgEnded: the job that fg continued has ended, with this status.
func (shell jobShell) fgEnded(terminal *harness.Terminal, status string) {
	if shell.silent {
		status = "0"
	}
	terminal.Expect("status-" + status + "\r")
}

// TestCtrlZSuspendsAFullScreenProgram: it stops itself, the person's shell sees its job stop and has the terminal, and
// fg brings the program back with its own modes, the size of the window, its keys and Ctrl-C.
func TestCtrlZSuspendsAFullScreenProgram(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	eachShell(t, func(t *testing.T, s *shelf, shell jobShell) {
		terminal := shell.open(t, s)
		terminal.Type(bottle + " start -q --scanner guard -- python3 full_screen.py\r")
		terminal.Expect("begun 24x80")
		for _, size := range []struct {
			rows uint16
			text string
		}{{30, "30x80"}, {40, "40x80"}} {
			terminal.Type("a")
			terminal.Expect("key 97")
			terminal.Type("\x1a")
			terminal.Expect("leaving")
			shell.hasStopped(terminal)
			terminal.Resize(size.rows, 80)
			terminal.Type("fg; echo status-" + shell.status + "\r")
			terminal.Expect("back " + size.text)
			terminal.Type("\x03")
			terminal.Expect("key 3")
		}
		terminal.Resize(50, 90)
		terminal.Expect("resized 50x90")
		terminal.Type("q")
		shell.fgEnded(terminal, "3")
		shell.answers(terminal, "after")
		terminal.Type("exit\r")
		terminal.Ended()
	})
}

// TestCtrlZSuspendsAnyCommand: also one that knows nothing of terminals; the same of a command of bottle exec; bg lets
// it run beside the shell.
func TestCtrlZSuspendsAnyCommand(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	eachShell(t, func(t *testing.T, s *shelf, shell jobShell) {
		b := s.start("sleep 1000")
		// A shell that starts another process loses a key that comes just then.
		// Python's own handler only notes a signal, and a Ctrl-C between that note and read() would wait for a key.
		waits := "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n" +
			"print('begun', flush=True)\nopen('go').read()\nprint('wenton', flush=True)\n" +
			"print('got', input(), flush=True)\ninput()\n"
		if err := os.WriteFile(filepath.Join(s.project, "waits.py"), []byte(waits), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(s.project, "go"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, how := range []string{"start -q --scanner guard", "exec " + b.id} {
			terminal := shell.open(t, s)
			run := bottle + " " + how + " -- sh -c "
			terminal.Type(run + "'echo be''gun; read a; echo got $a; read b; echo got $b; exit 4'\r")
			terminal.Expect("begun")
			terminal.Type("\x1a")
			shell.hasStopped(terminal)
			terminal.Type("fg\r")
			terminal.Type("one\r")
			terminal.Expect("got one")
			terminal.Type("\x1a")
			shell.hasStopped(terminal)
			terminal.Type("fg; echo status-" + shell.status + "\r")
			terminal.Type("two\r")
			terminal.Expect("got two")
			shell.fgEnded(terminal, "4")
			shell.answers(terminal, "after")

			// In the background it goes on, and leaves the terminal alone.
			terminal.Type(bottle + " " + how + " -- python3 waits.py\r")
			terminal.Expect("begun")
			terminal.Type("\x1a")
			shell.hasStopped(terminal)
			terminal.Type("bg\r")
			shell.answers(terminal, "beside")
			terminal.Type("echo > go\r")
			terminal.Expect("wenton")
			shell.answers(terminal, "still")
			terminal.Type("fg; echo status-" + shell.status + "\r")
			terminal.Type("three\r")
			terminal.Expect("got three")
			terminal.Type("\x03")
			shell.fgEnded(terminal, "130")
			shell.answers(terminal, "interrupted")
			terminal.Type("exit\r")
			terminal.Ended()
		}
	})
}

// TestASuspendedBottleCanBeEnded: by bottle stop, and by the end of its terminal.
func TestASuspendedBottleCanBeEnded(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	eachShell(t, func(t *testing.T, s *shelf, shell jobShell) {
		begin := func() *harness.Terminal {
			terminal := shell.open(t, s)
			terminal.Type(bottle + " start -q --scanner guard -- python3 full_screen.py\r")
			terminal.Expect("begun")
			terminal.Type("\x1a")
			terminal.Expect("leaving")
			shell.hasStopped(terminal)
			return terminal
		}
		terminal := begin()
		asked := time.Now()
		s.call("stop", "--all").want(t, 0)
		if took := time.Since(asked); took > 20*time.Second {
			t.Errorf("its launcher had to be killed, after %v", took)
		}
		terminal.Type("exit\r")
		terminal.Ended()
		s.nothingLeft()

		terminal = begin()
		terminal.HangUp()
		terminal.Ended()
		s.nothingLeft()
	})
}
