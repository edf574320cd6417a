package integration

import (
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// query is a DNS question (RFC 1035) with recursion desired.
func query(id uint16, name string, kind uint16) []byte {
	out := make([]byte, 12)
	binary.BigEndian.PutUint16(out, id)
	out[2], out[5] = 1, 1
	for _, label := range strings.Split(name, ".") {
		out = append(append(out, byte(len(label))), label...)
	}
	return append(out, 0, byte(kind>>8), byte(kind), 0, 1)
}

// ask sends a packet and returns the answer, nil if none came.
func ask(t *testing.T, server string, packet []byte) []byte {
	t.Helper()
	conn, err := net.Dial("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		return nil
	}
	return answer[:n]
}

// namesWorld is an exit with a name server on a socket that the proxy inherits.
func namesWorld(t *testing.T) (*harness.World, string) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	file, err := socket.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true, DoubleOnly: true,
		Args:   []string{"--exit-names", "fd:3", "--exit-address", "192.0.2.7"},
		Change: func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{file} }})
	return w, socket.LocalAddr().String()
}

func TestExitNamesAnswerAllowedHostsOnly(t *testing.T) {
	w, server := namesWorld(t)
	answer := ask(t, server, query(7, "origin.test", 1))
	if len(answer) < 16 || binary.BigEndian.Uint16(answer) != 7 || answer[3]&15 != 0 || answer[7] != 1 ||
		!strings.HasSuffix(string(answer), "\x00\x04\xc0\x00\x02\x07") {
		t.Errorf("A origin.test: % x", answer)
	}
	if answer := ask(t, server, query(8, "ORIGIN.test", 1)); len(answer) < 12 || answer[7] != 1 {
		t.Errorf("names have no case: % x", answer)
	}
	if answer := ask(t, server, query(9, "origin.test", 28)); len(answer) < 12 || answer[3]&15 != 0 || answer[7] != 0 {
		t.Errorf("AAAA origin.test: % x, want an empty answer", answer)
	}
	for _, name := range []string{"elsewhere.test", "sub.origin.test", "origin.test.elsewhere.test",
		"secret-bytes.attacker.test", "test", "localhost"} {
		for _, kind := range []uint16{1, 28} {
			if answer := ask(t, server, query(10, name, kind)); len(answer) < 12 || answer[3]&15 != 3 ||
				answer[7] != 0 {
				t.Errorf("%s type %d: % x, want NXDOMAIN", name, kind, answer)
			}
		}
		w.Proxy.WaitAudit(t, "a line for "+name, func(l map[string]any) bool {
			return l["kind"] == "refused_name" && l["host"] == name
		})
	}
	w.Untouched()
}

// TestExitNamesDoNotAmplify: whatever the packet, the answer is hardly longer, and the server lives on.
func TestExitNamesDoNotAmplify(t *testing.T) {
	w, server := namesWorld(t)
	good := query(1, "origin.test", 1)
	change := func(f func([]byte)) []byte { packet := append([]byte(nil), good...); f(packet); return packet }
	for name, packet := range map[string][]byte{
		"any": query(1, "origin.test", 255), "txt": query(1, "origin.test", 16), "axfr": query(1, "origin.test", 252),
		"response": change(func(p []byte) { p[2] |= 0x80 }), "update": change(func(p []byte) { p[2] |= 5 << 3 }),
		"no-question": good[:12], "two-questions": append(change(func(p []byte) { p[5] = 2 }), good[12:]...),
		"chaos": change(func(p []byte) { p[len(p)-1] = 3 }), "cut": good[:len(good)-3], "short": good[:5],
		"pointer-loop": append(append([]byte(nil), good[:12]...), 0xc0, 12, 0, 1, 0, 1),
		"long-label":   append(append([]byte(nil), good[:12]...), 0x7f, 'a'),
		"trailing":     append(append([]byte(nil), good...), make([]byte, 400)...), "zeros": make([]byte, 1400),
	} {
		conn, err := net.Dial("udp", server)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
		_, _ = conn.Write(packet)
		answer := make([]byte, 4096)
		if n, err := conn.Read(answer); err == nil && n > len(packet)+16 {
			t.Errorf("%s: %d bytes answer %d", name, n, len(packet))
		}
		conn.Close()
	}
	if answer := ask(t, server, good); len(answer) < 12 || answer[7] != 1 {
		t.Errorf("afterwards: % x", answer)
	}
	w.Untouched()
}

// TestExitAtAnInheritedListener: what a launcher does: the listener was opened elsewhere.
func TestExitAtAnInheritedListener(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true, DoubleOnly: true,
		ExitListen: "fd:3",
		Change:     func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{file} }})
	if w.Proxy.Exit != listener.Addr().String() {
		t.Errorf("the ready line says exit=%s, want %s", w.Proxy.Exit, listener.Addr())
	}
	if answer := w.Do(w.Client(harness.H2), "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("status %d: %s", answer.StatusCode, answer.Text)
	}
}
