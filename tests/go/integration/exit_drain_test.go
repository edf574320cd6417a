package integration

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// TestExitDrain: what was begun when the proxy is told to end is finished, through the scanner and the exit, on
// whichever worker it is; then all of it ends.
func TestExitDrain(t *testing.T) {
	const clients = 12
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true, DoubleOnly: true,
		Args: []string{"--threads", "3"}})
	var done sync.WaitGroup
	for i := 0; i < clients; i++ {
		client := w.Client([]harness.Proto{harness.H1, harness.H2}[i%2])
		done.Add(1)
		go func() {
			defer done.Done()
			answer, err := w.Try(client, "GET", "/slow?ms=1500", nil)
			if err != nil || answer.StatusCode != 200 || answer.BodyErr != nil {
				t.Errorf("%v, %v", answer.Response, err)
			}
		}()
	}
	if !harness.Eventually(10*time.Second, func() bool { return len(w.Origin.Requests()) == clients }) {
		t.Fatalf("%d of %d requests reached the origin", len(w.Origin.Requests()), clients)
	}
	w.Proxy.Signal(syscall.SIGTERM)
	done.Wait()
	if code := w.Proxy.WaitExit(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestExitSecondSignal: a second signal ends the wait.
func TestExitSecondSignal(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true, DoubleOnly: true})
	client := w.Client(harness.H2)
	go func() { _, _ = w.Try(client, "GET", "/slow?ms=60000", nil) }()
	if !harness.Eventually(10*time.Second, func() bool { return len(w.Origin.Requests()) == 1 }) {
		t.Fatal("the request did not reach the origin")
	}
	w.Proxy.Signal(syscall.SIGTERM)
	w.Proxy.Signal(syscall.SIGINT)
	if code := w.Proxy.WaitExit(5 * time.Second); code != 75 {
		t.Errorf("exit code %d, want 75: not drained", code)
	}
}
