package attack

import (
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bottle.test/harness"
)

// fakedClock gives a program a clock that the test moves, by libfaketime; its timers stay as they are.
func fakedClock(t *testing.T) (change func(*exec.Cmd), move func(offset string)) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if len(found) == 0 {
		t.Skip("libfaketime is not installed (package faketime)")
	}
	file := filepath.Join(t.TempDir(), "clock")
	move = func(offset string) {
		if err := os.WriteFile(file+".new", []byte(offset+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	move("+0")
	change = func(cmd *exec.Cmd) {
		cmd.Env = append(os.Environ(), "LD_PRELOAD="+found[0], "FAKETIME_TIMESTAMP_FILE="+file, "FAKETIME_NO_CACHE=1",
			"FAKETIME_DONT_FAKE_MONOTONIC=1")
	}
	return change, move
}

// TestClockJumps: the clock goes a day on, back, and some minutes back; each handshake gets a certificate that is valid
// at that time, and a stream that is under way goes on.
func TestClockJumps(t *testing.T) {
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("the sanitizers and libfaketime are not for one program: set BOTTLE_BIN_DIR to a release build")
	}
	change, move := fakedClock(t)
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Change: change,
		// In their sandboxes the processes do not reach the file of libfaketime.
		Args: []string{"--single-process", "--limit", "response_stall_ms=5000"}})
	stream, err := w.Client(harness.H2).Get(w.URL("/sse?n=100&ms=40"))
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan harness.Answer, 1)
	go func() { events <- harness.ReadAnswer(stream) }()
	for _, jump := range []struct {
		offset string
		by     time.Duration
	}{{"+0", 0}, {"+25h", 25 * time.Hour}, {"+0", 0}, {"-4m", -4 * time.Minute}} {
		move(jump.offset)
		now := func() time.Time { return time.Now().Add(jump.by) }
		for _, proto := range faultProtos {
			var leaf [2]time.Time
			client := w.ClientWith(proto, func(transport *http.Transport) {
				transport.TLSClientConfig.Time = now
				transport.TLSClientConfig.VerifyConnection = func(state tls.ConnectionState) error {
					leaf = [2]time.Time{state.PeerCertificates[0].NotBefore, state.PeerCertificates[0].NotAfter}
					return nil
				}
			})
			answer, err := w.Try(client, "GET", "/text", nil)
			// The origin's own certificate is a day old at +25h, and may be refused: with a reason.
			if err != nil || answer.StatusCode != 200 && answer.StatusCode != 502 {
				t.Errorf("%s at %s: %v, status %d", proto, jump.offset, err, answer.Status())
			}
			if now().Before(leaf[0]) || now().After(leaf[1]) {
				t.Errorf("%s at %s: a leaf from %v to %v", proto, jump.offset, leaf[0], leaf[1])
			}
		}
	}
	move("+0")
	if answer := <-events; answer.BodyErr != nil {
		t.Errorf("the stream that was under way: %v", answer.BodyErr)
	}
}
