package integration

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

type event struct {
	Seq  int   `json:"seq"`
	Sent int64 `json:"sent"`
	came time.Time
}

// readEvents reads an event stream and notes when each event was complete.
func readEvents(t *testing.T, body io.Reader) []event {
	t.Helper()
	var out []event
	var data string
	lines := bufio.NewReader(body)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("event stream: %v after %d events", err, len(out))
		}
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "data:") {
			data = strings.TrimSpace(line[5:])
			continue
		}
		if line == "" && data != "" {
			one := event{came: time.Now()}
			if err := json.Unmarshal([]byte(data), &one); err != nil {
				t.Fatalf("event %q: %v", data, err)
			}
			out = append(out, one)
			data = ""
		}
	}
}

// TestSseArrivesEventByEvent: 10 events, 300 ms apart, each at the client within 50 ms.
func TestSseArrivesEventByEvent(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via})
		client := w.Client(proto)
		w.Do(client, "GET", "/text", nil) // connection and leaf are made before the clock matters
		resp := begun(t, w, client, "/sse?n=10&ms=300")
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"),
			"text/event-stream") {
			t.Fatalf("status %d, type %q", resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		events := readEvents(t, resp.Body)
		if len(events) != 10 {
			t.Fatalf("%d events, want 10", len(events))
		}
		var late []time.Duration
		for i, e := range events {
			if e.Seq != i {
				t.Errorf("event %d has number %d", i, e.Seq)
			}
			late = append(late, e.came.Sub(time.Unix(0, e.Sent)))
			if i > 0 && e.came.Sub(events[i-1].came) < 200*time.Millisecond {
				t.Errorf("events %d and %d came together: %v apart", i-1, i, e.came.Sub(events[i-1].came))
			}
		}
		sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
		t.Logf("delay of an event: median %v, worst %v", late[5], late[9])
		if late[9] > 50*time.Millisecond {
			t.Errorf("an event took %v, want at most 50 ms", late[9])
		}
	})
}

// TestDripIsNotHeld: a single byte reaches the client although the next one is far away.
func TestDripIsNotHeld(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		client := w.Client(proto)
		client.Timeout = 3 * time.Second
		began := time.Now()
		req, _ := http.NewRequest("GET", w.URL("/drip?n=2&ms=1500"), nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		first := make([]byte, 1)
		if _, err := io.ReadFull(resp.Body, first); err != nil || time.Since(began) > time.Second {
			t.Errorf("first byte after %v (%v)", time.Since(began), err)
		}
	})
}

// TestSseCommentsPassInDirectMode: direct mode keeps the origin's comments.
func TestSseCommentsPassInDirectMode(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		answer := w.Do(w.Client(proto), "GET", "/sse?n=3&ms=10&comments=1", nil)
		if got := strings.Count(answer.Text, ": keep-alive\n"); got != 3 || answer.BodyErr != nil {
			t.Errorf("%d comments, want 3 (%v)", got, answer.BodyErr)
		}
	})
}

// begun is a GET whose head has come; the end of the test closes its body.
func begun(t *testing.T, w *harness.World, client *http.Client, path string) *http.Response {
	t.Helper()
	resp, err := client.Get(w.URL(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func memoryJudged(w *harness.World) bool { return !harness.Instrumented(w.Proxy.Path) }

func judgeMemory(t *testing.T, w *harness.World, before int64) {
	t.Helper()
	grown := w.Proxy.PeakRSS() - before
	if !memoryJudged(w) {
		t.Logf("memory is not judged: an AddressSanitizer build (grew by %d KiB)", grown>>10)
		return
	}
	t.Logf("peak memory grew by %d KiB", grown>>10)
	if grown > 16<<20 {
		t.Errorf("peak memory grew by %d MiB, want at most 16", grown>>20)
	}
}

// TestLargeDownload: 64 MiB, digest equal, memory flat.
func TestLargeDownload(t *testing.T) {
	const size = 64 << 20
	want := origin.PatternSHA256(size)
	for _, form := range []string{"length", "chunked"} {
		form := form
		matrixNamed(t, form, func(t *testing.T, proto harness.Proto, via harness.Via) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true,
				Double: double.Options{MaxResponse: 256 << 20, Total: 120 * time.Second}})
			client := w.Client(proto)
			w.Do(client, "GET", "/bytes?n=1048576", nil)
			w.Proxy.ResetPeak()
			before := w.Proxy.RSS()
			path := fmt.Sprintf("/bytes?n=%d", size)
			if form == "chunked" {
				path += "&chunked=1"
			}
			resp := begun(t, w, client, path)
			sum := sha256.New()
			n, err := io.Copy(sum, resp.Body)
			if err != nil || n != size {
				t.Fatalf("%d of %d bytes: %v", n, size, err)
			}
			if got := hex.EncodeToString(sum.Sum(nil)); got != want {
				t.Errorf("digest %s, want %s", got, want)
			}
			judgeMemory(t, w, before)
		})
	}
}

// TestLargeDownloadInSmallReads: Go's client gives back the window with two frames for each 4 KiB that are read; that
// is no flood.
func TestLargeDownloadInSmallReads(t *testing.T) {
	const size = 32 << 20
	w := direct(t)
	resp := begun(t, w, w.Client(harness.H2), fmt.Sprintf("/bytes?n=%d", size))
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{resp.Body}, make([]byte, 4096))
	if err != nil || n != size {
		t.Errorf("%d of %d bytes: %v", n, size, err)
	}
}

// TestLargeUpload: 32 MiB, digest equal, memory flat (the spool is on disk).
func TestLargeUpload(t *testing.T) {
	const size = 32 << 20
	want := origin.PatternSHA256(size)
	for _, form := range []string{"length", "unknown-length"} {
		form := form
		matrixNamed(t, form, func(t *testing.T, proto harness.Proto, via harness.Via) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true,
				Double: double.Options{MaxRequest: 64 << 20, Total: 120 * time.Second, ReadTimeout: 60 * time.Second}})
			client := w.Client(proto)
			w.Do(client, "POST", "/upload", origin.Pattern(1<<20), "Content-Type", "application/octet-stream")
			w.Proxy.ResetPeak()
			before := w.Proxy.RSS()
			req, _ := http.NewRequest("POST", w.URL("/upload"), origin.Pattern(size))
			req.Header.Set("Content-Type", "application/octet-stream")
			if form == "length" {
				req.ContentLength = size
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			var got struct {
				Bytes  int64
				SHA256 string
			}
			if err := json.Unmarshal(text, &got); err != nil || resp.StatusCode != 200 {
				t.Fatalf("status %d, %v: %q", resp.StatusCode, err, text)
			}
			if got.Bytes != size || got.SHA256 != want {
				t.Errorf("origin got %d bytes with digest %s, want %d with %s", got.Bytes, got.SHA256,
					int64(size), want)
			}
			judgeMemory(t, w, before)
		})
	}
}

// wantSlowReaderHeld: a client that stops reading stops the origin; memory stands still.
func wantSlowReaderHeld(t *testing.T, w *harness.World, proto harness.Proto) {
	t.Helper()
	client := w.Client(proto)
	w.Do(client, "GET", "/text", nil)
	w.Proxy.ResetPeak()
	before := w.Proxy.RSS()
	resp := begun(t, w, client, fmt.Sprintf("/bytes?n=%d&chunked=1", 256<<20))
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	// The peak must stand still while the client does not read: look until two readings, a while apart, agree.
	last := int64(-1)
	settled := harness.Eventually(10*time.Second, func() bool {
		now := w.Proxy.PeakRSS()
		same := now == last
		last = now
		time.Sleep(300 * time.Millisecond)
		return same
	})
	if !settled {
		t.Errorf("memory keeps growing while the client does not read")
	}
	judgeMemory(t, w, before)
}

// TestSlowReaderDoesNotFillMemory: a client that stops reading stops the origin.
func TestSlowReaderDoesNotFillMemory(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t)
		wantSlowReaderHeld(t, w, proto)
	})
}

// TestTwoStreamsAreIndependent: a stream that is not read does not stop another one of the same connection.
func TestTwoStreamsAreIndependent(t *testing.T) {
	w := direct(t)
	client := w.Client(harness.H2)
	begun(t, w, client, fmt.Sprintf("/bytes?n=%d&chunked=1", 64<<20))
	client.Timeout = 10 * time.Second
	for i := 0; i < 5; i++ {
		if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 {
			t.Fatalf("status %d", answer.StatusCode)
		}
	}
}
