package attack

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"bottle.test/double"
	"bottle.test/harness"
)

// limitDescriptors sets how many descriptors a running process may have, and returns the limit before.
func limitDescriptors(t *testing.T, pid int, most uint64) uint64 {
	t.Helper()
	const nofile = 7
	var before syscall.Rlimit
	if _, _, errno := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(pid), nofile, 0,
		uintptr(unsafe.Pointer(&before)), 0, 0); errno != 0 {
		t.Skipf("prlimit of another process: %v", errno)
	}
	limit := syscall.Rlimit{Cur: most, Max: before.Max}
	if _, _, errno := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(pid), nofile, uintptr(unsafe.Pointer(&limit)),
		0, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	return before.Cur
}

// TestDescriptorsRunOut: without a descriptor left the proxy neither ends nor spins, and serves again when there are
// some.
// [T58]
func TestDescriptorsRunOut(t *testing.T) {
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("the sanitizers themselves need descriptors to look at memory: set BOTTLE_BIN_DIR to a release build")
	}
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct})
	for _, proto := range faultProtos {
		client := w.Client(proto)
		if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 {
			t.Fatalf("status %d", answer.StatusCode)
		}
		client.CloseIdleConnections()
	}
	before := limitDescriptors(t, w.Proxy.Pid(), uint64(w.Proxy.Descriptors()+4))
	var conns []net.Conn
	for i := 0; i < 40; i++ {
		conn, err := net.Dial("tcp", w.Proxy.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, harness.ConnectHead(w.HostPort()))
		conns = append(conns, conn)
	}
	used, began := w.Proxy.CPU(), time.Now()
	time.Sleep(2 * time.Second) // a spin would use all of it
	used, took := w.Proxy.CPU()-used, time.Since(began)
	t.Logf("%v of CPU in %v without a descriptor", used, took.Round(time.Millisecond))
	if used > took/2 {
		t.Errorf("the proxy spins: %v of CPU in %v", used, took)
	}
	if w.Proxy.Exited() {
		t.Fatal("the proxy has ended")
	}
	limitDescriptors(t, w.Proxy.Pid(), before)
	for _, conn := range conns {
		conn.Close()
	}
	for _, proto := range faultProtos {
		if !harness.Eventually(10*time.Second, func() bool {
			answer, err := w.Try(w.Client(proto), "GET", "/text", nil)
			return err == nil && answer.StatusCode == 200
		}) {
			t.Errorf("%s: no answer after there were descriptors again", proto)
		}
	}
}

// onSmallDisk runs a command with a file system of so many KiB at dir, in a mount namespace of its own.
func onSmallDisk(t *testing.T, dir string, kib int) func(*exec.Cmd) {
	t.Helper()
	script := fmt.Sprintf(`mount -t tmpfs -o size=%dk none "$1" && shift && exec "$@"`, kib)
	words := []string{"--mount", "sh", "-c", script, "sh", dir}
	if os.Getuid() != 0 {
		words = append([]string{"--user", "--map-root-user"}, words...)
	}
	if out, err := exec.Command("unshare", append(words, "true")...).CombinedOutput(); err != nil {
		t.Skipf("a mount namespace of its own: %v: %s", err, strings.TrimSpace(string(out)))
	}
	return func(cmd *exec.Cmd) {
		path, err := exec.LookPath("unshare")
		if err != nil {
			t.Fatal(err)
		}
		cmd.Args = append(append([]string{path}, append(words, cmd.Path)...), cmd.Args[1:]...)
		cmd.Path = path
	}
}

// TestNoSpaceForSpools: a body that finds no space on the disk is refused with a reason; nothing of it reaches the
// scanner, and the next one that fits goes through.
// [T60]
func TestNoSpaceForSpools(t *testing.T) {
	for _, proto := range faultProtos {
		t.Run(string(proto), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, DoubleOnly: true,
				Double: double.Options{MaxRequest: 8 << 20}, Args: []string{"--spool-dir", dir},
				Change: onSmallDisk(t, dir, 512)})
			client := w.Client(proto)
			for round := 0; round < 3; round++ {
				answer := w.Do(client, "POST", "/mirror", strings.NewReader(strings.Repeat("b", 2<<20)))
				if answer.StatusCode != 503 && answer.StatusCode != 507 {
					t.Fatalf("status %d: %.300s", answer.StatusCode, answer.Text)
				}
				t.Logf("2 MiB: %d %s", answer.StatusCode, answer.Problem(t).Code)
				if n := len(w.Origin.Requests()); n != round {
					t.Errorf("%d requests at the origin, want %d", n, round)
				}
				fits := strings.Repeat("f", 400<<10)
				if answer := w.Do(client, "POST", "/mirror", strings.NewReader(fits)); answer.Text != fits {
					t.Errorf("400 KiB afterwards: status %d, %d bytes", answer.StatusCode, len(answer.Text))
				}
			}
		})
	}
}
