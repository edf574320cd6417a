package attack

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/wire"
)

// The least rate is judged on an average of the stall times, which are a minute: too long for a test.
const (
	slowAfter = 3 * time.Second
	pause     = 200 * time.Millisecond
	// The machine may be late by that.
	leeway = 5 * time.Second
)

var hasty = []string{"--limit", "body_stall_ms=3000", "--limit", "write_stall_ms=3000"}

// drips a byte now and then until the other side has had enough; how long it took, and what was read at the end.
func drips(conn net.Conn, say func() error, read func() (string, error)) (time.Duration, string) {
	begun := time.Now()
	over := make(chan string, 1)
	go func() {
		text, err := read()
		over <- fmt.Sprint(text, " ", err)
	}()
	for {
		select {
		case end := <-over:
			return time.Since(begun), end
		case <-time.After(pause):
			_ = conn.SetDeadline(time.Now().Add(4 * leeway))
			_ = say()
		}
		if time.Since(begun) > slowAfter+2*leeway {
			return time.Since(begun), "still there"
		}
	}
}

// TestABodyThatDripsLosesItsPlace: a request's body comes with a byte now and then, which no stall timer sees.
//
// [T56]
func TestABodyThatDripsLosesItsPlace(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Args: hasty})
	judge := func(t *testing.T, took time.Duration, end string) {
		t.Helper()
		t.Logf("a byte each 200 ms: %v, then %q", took.Round(time.Second), end)
		if !strings.HasPrefix(end, "408") {
			t.Errorf("it ended with %q", end)
		}
		if took < slowAfter-time.Second || took > slowAfter+leeway {
			t.Errorf("after %v, want %v", took, slowAfter)
		}
	}
	t.Run("h1", func(t *testing.T) {
		t.Parallel()
		conn := w.H1()
		conn.Say("POST /upload HTTP/1.1\r\nHost: " + w.Authority() + "\r\nContent-Length: 100000\r\n\r\n")
		took, end := drips(conn, func() error { _, err := io.WriteString(conn, "d"); return err },
			func() (string, error) {
				answer, err := http.ReadResponse(conn.In, nil)
				if err != nil {
					return "", err
				}
				return fmt.Sprint(answer.StatusCode), nil
			})
		judge(t, took, end)
	})
	t.Run("h2", func(t *testing.T) {
		t.Parallel()
		conn := w.H2()
		conn.Headers(1, false, w.Request("POST", "/upload")...)
		took, end := drips(conn, func() error { conn.Data(1, false, "d"); return nil },
			func() (string, error) {
				out := conn.Await(1)
				return fmt.Sprint(out.Status), out.Err
			})
		judge(t, took, end)
	})
}

// TestAReaderWhoSipsLosesItsPlace: a client takes a byte of its answer now and then, by its window, and keeps a
// connection to the origin with it. An event stream with nothing pending stays meanwhile.
//
// [T57]
func TestAReaderWhoSipsLosesItsPlace(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Args: hasty})
	live := make(chan error, 1)
	go func() {
		answer, err := w.Client(harness.H2).Get(w.URL("/drip?n=6&ms=1000"))
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
		}
		live <- err
	}()
	conn := w.TLS("h2")
	// No window at first, then a byte at a time.
	noWindow := wire.Frame{Type: wire.FrameSettings, Payload: []byte{0, 4, 0, 0, 0, 0}}
	conn.Say(wire.Preface + string(noWindow.Bytes()))
	for _, f := range wire.HeaderFrames(1, true, w.Request("GET", "/bytes?n=1000000")...) {
		conn.Say(string(f.Bytes()))
	}
	begun := time.Now()
	reset := make(chan int, 1)
	go func() {
		for {
			f, err := wire.ReadFrame(conn.In)
			if err != nil {
				reset <- -1
				return
			}
			if f.Type == wire.FrameReset {
				reset <- int(f.Payload[3])
				return
			}
			if f.Type == wire.FrameSettings && f.Flags&wire.FlagAck == 0 {
				ack := wire.Frame{Type: wire.FrameSettings, Flags: wire.FlagAck}
				conn.Say(string(ack.Bytes()))
			}
		}
	}()
	sip := wire.Frame{Type: wire.FrameWindowUpdate, Stream: 1, Payload: []byte{0, 0, 0, 1}}
	code := -2
	for code == -2 && time.Since(begun) < slowAfter+2*leeway {
		select {
		case code = <-reset:
		case <-time.After(pause):
			conn.Say(string(sip.Bytes()))
		}
	}
	took := time.Since(begun)
	t.Logf("a byte each 200 ms: %v, then RST_STREAM %d", took.Round(time.Second), code)
	if code < 0 || took > slowAfter+leeway {
		t.Errorf("RST_STREAM %d after %v", code, took)
	}
	if err := <-live; err != nil {
		t.Errorf("a slow answer that is taken at once: %v", err)
	}
}
