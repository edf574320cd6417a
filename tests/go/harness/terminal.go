package harness

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// Terminal is a pseudo terminal with a program on it, such as an interactive shell.
type Terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	ended  chan struct{}

	mutex sync.Mutex
	seen  strings.Builder
	at    int // how much of seen Expect has gone past
}

func ioctl(fd, request, argument uintptr) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, argument); errno != 0 {
		return errno
	}
	return nil
}

// StartOnTerminal starts cmd as the leader of a session of its own whose terminal has 24 rows and 80 columns.
// It ends with the test.
func StartOnTerminal(t *testing.T, cmd *exec.Cmd) *Terminal {
	t.Helper()
	fd, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("no pseudo terminal: %v", err)
	}
	// Not blocking, and so the runtime's own poller waits and a Close ends the waiting.
	master := os.NewFile(uintptr(fd), "ptmx")
	unlock, number := int32(0), uint32(0)
	if err := ioctl(uintptr(fd), syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock))); err != nil {
		t.Fatal(err)
	}
	if err := ioctl(uintptr(fd), syscall.TIOCGPTN, uintptr(unsafe.Pointer(&number))); err != nil {
		t.Fatal(err)
	}
	side, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer side.Close()
	term := &Terminal{t: t, master: master, cmd: cmd, ended: make(chan struct{})}
	term.Resize(24, 80)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = side, side, side
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go term.read()
	go func() { _ = cmd.Wait(); close(term.ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-term.ended
		_ = master.Close()
	})
	return term
}

func (t *Terminal) read() {
	chunk := make([]byte, 4096)
	for {
		n, err := t.master.Read(chunk)
		t.mutex.Lock()
		t.seen.Write(chunk[:n])
		text := t.seen.String()
		t.mutex.Unlock()
		// fish and zsh ask a terminal who it is, and wait for the answer.
		if strings.HasSuffix(text, "\x1b[c") || strings.HasSuffix(text, "\x1b[0c") {
			_, _ = t.master.WriteString("\x1b[?62;c")
		}
		if err != nil {
			return
		}
	}
}

// Type sends keys.
func (t *Terminal) Type(keys string) {
	t.t.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		t.t.Fatal(err)
	}
}

// AwaitRaw waits until the program reads each key: before, it is the terminal itself that shows what is typed.
func (t *Terminal) AwaitRaw() {
	t.t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		var state syscall.Termios
		get := func(fd uintptr) { _ = ioctl(fd, syscall.TCGETS, uintptr(unsafe.Pointer(&state))) }
		if raw, err := t.master.SyscallConn(); err == nil && raw.Control(get) == nil && state.Lflag&syscall.ECHO == 0 &&
			state.Cflag != 0 {
			return
		}
	}
	t.t.Fatal("the program does not take the terminal")
}

// Expect waits for text that appears after what the last Expect waited for.
func (t *Terminal) Expect(text string) {
	t.t.Helper()
	if t.Appears(text, 30*time.Second) {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.t.Fatalf("%q does not appear; since the last text that did: %q", text, t.seen.String()[t.at:])
}

// Appears is Expect with a limit of its own, and says whether the text did.
func (t *Terminal) Appears(text string, limit time.Duration) bool {
	for until := time.Now().Add(limit); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		t.mutex.Lock()
		found := strings.Index(t.seen.String()[t.at:], text)
		if found >= 0 {
			t.at += found + len(text)
		}
		t.mutex.Unlock()
		if found >= 0 {
			return true
		}
	}
	return false
}

// Shows waits until the screen of that size, as its program has drawn it, has each of these texts; and returns its
// lines. For programs that fill the terminal.
func (t *Terminal) Shows(rows, columns int, texts ...string) []string {
	t.t.Helper()
	var lines []string
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		t.mutex.Lock()
		lines = Screen(t.seen.String(), rows, columns)
		t.mutex.Unlock()
		screen, found := strings.Join(lines, "\n"), 0
		for _, text := range texts {
			if strings.Contains(screen, text) {
				found++
			}
		}
		if found == len(texts) {
			return lines
		}
	}
	t.t.Fatalf("%q are not all on the screen:\n%s", texts, strings.Join(lines, "\n"))
	return nil
}

// Output is all that the program has written.
func (t *Terminal) Output() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.seen.String()
}

// Status is the exit status of the program; -1 for a signal. It waits for the end.
func (t *Terminal) Status() int {
	t.t.Helper()
	t.Ended()
	return t.cmd.ProcessState.ExitCode()
}

// Resize changes the window, and the foreground is told so.
func (t *Terminal) Resize(rows, columns uint16) {
	t.t.Helper()
	size := [4]uint16{rows, columns}
	// Fd() would make it blocking, and then no Close ends a Read that waits.
	raw, err := t.master.SyscallConn()
	if err != nil {
		t.t.Fatal(err)
	}
	var failed error
	resize := func(fd uintptr) { failed = ioctl(fd, syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))) }
	if err := raw.Control(resize); err != nil || failed != nil {
		t.t.Fatal(err, failed)
	}
}

// HangUp closes the terminal, as a window that is closed.
func (t *Terminal) HangUp() { _ = t.master.Close() }

// Ended waits for the program's end.
func (t *Terminal) Ended() {
	t.t.Helper()
	select {
	case <-t.ended:
	case <-time.After(30 * time.Second):
		t.t.Fatal("the program on the terminal does not end")
	}
}
