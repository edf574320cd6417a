package integration

import (
	"io"
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// endless is a body without an end, until it is told.
type endless struct{ over *atomic.Value }

func (e endless) Read(p []byte) (int, error) {
	if e.over.Load() != nil {
		return 0, io.EOF
	}
	return len(p), nil
}

// quantiles of the time that a small request takes, one after another for that long.
func smallRequests(t *testing.T, w *harness.World, client *http.Client, length time.Duration) (median,
	p99 time.Duration, n int) {
	t.Helper()
	var all []time.Duration
	for end := time.Now().Add(length); time.Now().Before(end); {
		begun := time.Now()
		answer := w.Do(client, "GET", "/text", nil)
		if answer.Status() != 200 {
			t.Fatalf("a small request: %d", answer.Status())
		}
		all = append(all, time.Since(begun))
		time.Sleep(5 * time.Millisecond)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all[len(all)/2], all[len(all)*99/100], len(all)
}

// TestFairBesideBulkTransfers: one worker, eight transfers as fast as they go, and a client with small requests. The
// median is judged, since the machine's own noise is in the tail; before each loop gave way it was seconds.
func TestFairBesideBulkTransfers(t *testing.T) {
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("time is judged with a release build")
	}
	for _, proto := range []harness.Proto{harness.H1, harness.H2} {
		for _, direction := range []string{"upload", "download"} {
			t.Run(string(proto)+" "+direction, func(t *testing.T) {
				w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: origin.Options{},
					Args: []string{"--threads", "1"}})
				small := w.Client(harness.H1)
				alone, _, _ := smallRequests(t, w, small, time.Second)
				var over atomic.Value
				var bulk sync.WaitGroup
				for i := 0; i < 8; i++ {
					client := w.Client(proto)
					bulk.Add(1)
					go func() {
						defer bulk.Done()
						if direction == "upload" {
							if answer, err := client.Post(w.URL("/upload"), "application/octet-stream",
								endless{&over}); err == nil {
								_ = answer.Body.Close()
							}
							return
						}
						answer, err := client.Get(w.URL("/bytes?chunked=1&n=100000000000"))
						if err != nil {
							return
						}
						buffer := make([]byte, 64*1024)
						for over.Load() == nil {
							if _, err := answer.Body.Read(buffer); err != nil {
								break
							}
						}
						_ = answer.Body.Close()
					}()
				}
				bound := 3 * alone
				if bound < 10*time.Millisecond {
					bound = 10 * time.Millisecond
				}
				// A worker that is kept from others is so each time; a machine that is busy otherwise need not be.
				median := bound + 1
				for try := 0; try < 3 && median > bound; try++ {
					var p99 time.Duration
					var n int
					median, p99, n = smallRequests(t, w, small, 3*time.Second)
					t.Logf("alone %v, beside eight transfers %v, 99%% of %d within %v", alone, median, n, p99)
				}
				over.Store(true)
				bulk.Wait()
				if median > bound {
					t.Errorf("a small request took %v, alone %v", median, alone)
				}
			})
		}
	}
}

// TestFairBesideFramesOnClosedStreams: they are counted, so their connection ends, and the others are served meanwhile.
func TestFairBesideFramesOnClosedStreams(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: origin.Options{},
		Args: []string{"--threads", "1"}})
	c := w.H2()
	c.Headers(1, false, w.Request("POST", "/upload")...)
	c.Send(harness.Frame{Type: harness.FrameReset, Stream: 1, Payload: []byte{0, 0, 0, 8}})
	written := make(chan int, 1)
	go func() {
		block := harness.Literal(w.Request("GET", "/")...)
		late := append([]byte{0, 0, byte(len(block)), harness.FrameHeaders, harness.FlagEndHeaders, 0, 0, 0, 1},
			block...)
		n := 0
		for ; n < 1_000_000; n++ {
			if _, err := c.Conn.Write(late); err != nil {
				break
			}
		}
		written <- n
	}()
	for i := 0; i < 20; i++ {
		if answer := w.Do(w.Client(harness.H1), "GET", "/text", nil); answer.Status() != 200 {
			t.Fatalf("another client got %d", answer.Status())
		}
	}
	// Each such frame is answered by a reset (RFC 9113 section 5.1), until they are too many.
	out := c.Await(1)
	for out.Err == nil && out.GoAway < 0 {
		out = c.Await(1)
	}
	if out.GoAway != 11 {
		t.Errorf("the flood ended with %v", out)
	}
	_ = c.Conn.Close()
	t.Logf("%d frames were written", <-written)
}
