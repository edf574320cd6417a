package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serverOf is the words of a shell that run the server of these tests in a bottle.
func (s *shelf) serverOf(t *testing.T, address string, port int) string {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is missing")
	}
	program, err := os.ReadFile("testdata/port_server.py")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.project, "port_server.py"), program, 0o644); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("exec python3 port_server.py %s %d", address, port)
}

func (s *shelf) listening(t *testing.T) {
	t.Helper()
	eventually(t, 30*time.Second, "the server in the bottle listens", func() bool {
		_, err := os.Stat(filepath.Join(s.project, "listening"))
		return err == nil
	})
}

// hostPort is where `bottle ports` says that a port is.
func (s *shelf) hostPort(t *testing.T, id string, port int) string {
	t.Helper()
	var place string
	eventually(t, 30*time.Second, "the port is open", func() bool {
		var listed []struct {
			ID       string
			Port     int
			Address  string
			HostPort int `json:"host_port"`
		}
		out := s.call("ports", "--json", id)
		if err := json.Unmarshal([]byte(out.out), &listed); err != nil {
			t.Fatalf("%v: %+v", err, out)
		}
		for _, one := range listed {
			if one.ID == id && one.Port == port {
				place = net.JoinHostPort(one.Address, fmt.Sprint(one.HostPort))
				return true
			}
		}
		return false
	})
	return place
}

// halfClosed sends text, ends its side, and gives what comes back.
func halfClosed(place string, text []byte) ([]byte, error) {
	connection, err := net.DialTimeout("tcp", place, 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := connection.Write(text); err != nil {
		return nil, err
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		return nil, err
	}
	return io.ReadAll(connection)
}

func wantEcho(t *testing.T, place string, size int) {
	t.Helper()
	text := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	back, err := halfClosed(place, text)
	if err != nil || !bytes.Equal(back, append([]byte("got "), text...)) {
		t.Errorf("%d bytes to %s: %d bytes come back, %v", len(text), place, len(back), err)
	}
}

func refused(place string) bool {
	connection, err := net.DialTimeout("tcp", place, 5*time.Second)
	if err == nil {
		_ = connection.Close()
	}
	return err != nil
}

// TestAPortOfTheBottleIsOpenHere: both ways, half-closed, many at once, on the loopback address alone, until the end.
func TestAPortOfTheBottleIsOpenHere(t *testing.T) {
	s := newShelf(t)
	b := s.start(s.serverOf(t, "127.0.0.1", 3000), "-p", "3000:0", "--publish", "3001:0")
	s.listening(t)
	place := s.hostPort(t, b.id, 3000)
	if !strings.HasPrefix(place, "127.0.0.1:") {
		t.Errorf("it is open at %s", place)
	}
	s.call("ports").want(t, 0, b.id, "3000", place)
	for _, size := range []int{0, 16, 4 << 20} {
		wantEcho(t, place, size)
	}
	// More than are carried at a time: the others wait, and are served then.
	var open []net.Conn
	for i := 0; i < 70; i++ {
		connection, err := net.Dial("tcp", place)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, connection)
	}
	results := make(chan error, len(open))
	for i := len(open) - 1; i >= 0; i-- {
		go func(c net.Conn, text string) {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(60 * time.Second))
			_, _ = c.Write([]byte(text))
			_ = c.(*net.TCPConn).CloseWrite()
			back, err := io.ReadAll(c)
			if err == nil && string(back) != "got "+text {
				err = fmt.Errorf("%q comes back for %q", back, text)
			}
			results <- err
		}(open[i], fmt.Sprint("number ", i))
	}
	for range open {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	// No program in the bottle has this port: the connection is closed at once.
	if back, err := halfClosed(s.hostPort(t, b.id, 3001), nil); len(back) > 0 {
		t.Errorf("a port without a server says %q, %v", back, err)
	}
	// The number of this machine is not open in the bottle, and the bottle reaches nothing here by it.
	_, number, _ := net.SplitHostPort(place)
	s.call("exec", b.id, "--", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+number).want(t, 1, "refused")
	s.call("exec", b.id, "--", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/3000").want(t, 0)
	for _, address := range otherAddresses(t) {
		if !refused(net.JoinHostPort(address, number)) {
			t.Errorf("it is open at %s, too", address)
		}
	}
	s.call("stop", b.id).want(t, 0)
	if !refused(place) {
		t.Errorf("%s is open after the bottle's end", place)
	}
	s.nothingLeft()
}

// otherAddresses are those of this machine that are not its loopback's.
func otherAddresses(t *testing.T) []string {
	t.Helper()
	var out []string
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range addresses {
		if network, ok := one.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
			out = append(out, network.IP.String())
		}
	}
	return out
}

// TestPortsThatCannotBeOpened: the start says so, and the command does not begin.
func TestPortsThatCannotBeOpened(t *testing.T) {
	s := newShelf(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, number, _ := net.SplitHostPort(taken.Addr().String())
	s.sh("touch begun", "-p", "3000:"+number).want(t, 64,
		"port 3000 of the bottle cannot be opened at 127.0.0.1:"+number, "another program has that port",
		"3000:0 for a free one")
	s.sh("touch begun", "-p", "3000", "--publish-address", "192.0.2.1").want(t, 64, "no address of this machine")
	for _, wrong := range []string{"0", "x", "3000:", "70000", "3000:80:1", "-1"} {
		s.sh("touch begun", "--publish="+wrong).want(t, 64, "is not a port", `"3000:8080"`)
	}
	s.sh("touch begun", "-p", "3000", "--publish-address", "localhost").want(t, 64, "is not an address")
	if _, err := os.Stat(filepath.Join(s.project, "begun")); err == nil {
		t.Error("the command began")
	}
	s.manifest(`{"bottles": {"default": {"ports": [3000, "3001:` + number + `"]}}}`)
	s.sh("touch begun").want(t, 64, "port 3001")
	s.manifest(`{"bottles": {"default": {"ports": [0]}}}`)
	s.sh("true").want(t, 65, "this is not a port")
	s.nothingLeft()
}

// TestAPublishAddressIsWarnedOf: what others reach is said, also if little else is.
func TestAPublishAddressIsWarnedOf(t *testing.T) {
	others := otherAddresses(t)
	if len(others) == 0 {
		t.Skip("this machine has no address but the loopback's")
	}
	s := newShelf(t)
	b := s.start(s.serverOf(t, "127.0.0.1", 3000), "-q", "-p", "3000:0", "--publish-address", others[0])
	s.listening(t)
	wantEcho(t, s.hostPort(t, b.id, 3000), 1024)
	s.call("stop", b.id).want(t, 0)
	b.end(t).want(t, 143, "bottle: warning: every machine that reaches "+others[0])
}

// TestForwardOpensAPortOfARunningBottle: until Ctrl-C, or until the bottle ends; also one that listens at ::1.
func TestForwardOpensAPortOfARunningBottle(t *testing.T) {
	s := newShelf(t)
	b := s.start(s.serverOf(t, "::1", 3000))
	s.listening(t)
	forward := func() (*exec.Cmd, *lockedText, chan spoken) {
		cmd := s.command("forward", b.id, "3000:0")
		text := &lockedText{}
		cmd.Stderr = text
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan spoken, 1)
		go func() { ended <- finish(cmd, &bytes.Buffer{}, &bytes.Buffer{}) }()
		return cmd, text, ended
	}
	said := regexp.MustCompile(`is open at (127\.0\.0\.1:\d+) \(Ctrl-C closes it\)`)
	place := func(text *lockedText) string {
		var out []string
		eventually(t, 30*time.Second, "it says where", func() bool {
			out = said.FindStringSubmatch(text.String())
			return out != nil
		})
		return out[1]
	}
	cmd, text, ended := forward()
	first := place(text)
	wantEcho(t, first, 1<<20)
	if at := s.hostPort(t, b.id, 3000); at != first {
		t.Errorf("bottle ports says %s, not %s", at, first)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	if got := <-ended; got.code != 130 || !refused(first) {
		t.Errorf("after Ctrl-C: %+v", got)
	}
	if out := s.call("ports", b.id); strings.Contains(out.out, first) {
		t.Errorf("it is still listed: %s", out.out)
	}
	_, text, ended = forward()
	second := place(text)
	wantEcho(t, second, 1024)
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if got := <-ended; got.code != 0 || !refused(second) || !strings.Contains(text.String(), "has ended") {
		t.Errorf("after the bottle's end: %+v %s", got, text)
	}
	s.nothingLeft()
	s.call("forward", b.id, "3000").want(t, 64, "no bottle")
	s.call("forward", b.id).want(t, 64, "needs a port")
	s.call("forward", b.id, "x").want(t, 64, "is not a port")
}

// TestAKilledLauncherClosesItsPorts: nothing of them is left.
func TestAKilledLauncherClosesItsPorts(t *testing.T) {
	s := newShelf(t)
	b := s.start(s.serverOf(t, "127.0.0.1", 3000), "-p", "3000:0")
	s.listening(t)
	place := s.hostPort(t, b.id, 3000)
	wantEcho(t, place, 1024)
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the port closes", func() bool { return refused(place) })
	s.nothingLeft()
}

// TestDoctorRunsInABottleWithoutBottle: the program that is called goes along.
func TestDoctorRunsInABottleWithoutBottle(t *testing.T) {
	s := newShelf(t)
	b := s.start("sleep 1000")
	out := s.call("exec", b.id, "--", "sh", "-c", "command -v bottle")
	if out.code == 0 {
		t.Skip("bottle is installed on this machine, at " + out.out)
	}
	s.call("exec", b.id, "--", "bottle", "doctor").want(t, 0, "trusts its CA", "privileges: none")
	s.call("exec", b.id, "bottle", "version").want(t, 0, "bottle ")
	s.call("exec", b.id, "--", "bottles").want(t, 127, "bottles in the bottle")
}

// TestPortsOfADockerBottle: by the container that shares the agent's network; nothing of it is left.
func TestPortsOfADockerBottle(t *testing.T) {
	needEngine(t)
	s := newShelf(t)
	s.extra = append(s.extra, "DOCKER_HOST="+os.Getenv("DOCKER_HOST"))
	if err := os.Chmod(s.project, 0o777); err != nil {
		t.Fatal(err)
	}
	b := s.start(s.serverOf(t, "127.0.0.1", 3000), "--backend", "docker", "-p", "3000:0",
		"--memory", "512m", "--cpus", "1.5", "--pids", "100")
	s.listening(t)
	place := s.hostPort(t, b.id, 3000)
	for _, size := range []int{0, 16, 1 << 20} {
		wantEcho(t, place, size)
	}
	limits, err := docker(t, "inspect", "--format",
		"{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}", "bottle-"+b.id+"-agent")
	if err != nil || limits != "536870912 1500000000 100" {
		t.Errorf("the container's limits: %s %v", limits, err)
	}
	s.call("exec", b.id, "--", "bottle", "doctor", "--quiet").want(t, 0)
	s.call("stop", b.id).want(t, 0)
	if !refused(place) {
		t.Errorf("%s is open after the bottle's end", place)
	}
	eventually(t, 20*time.Second, "nothing is left", func() bool { return leftOver(t) == "" })
}
