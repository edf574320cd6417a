package attack

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
)

const leastMemory = 64 << 20 // that --memory takes

// base is what the engine takes beside what --memory counts (docs/decisions/020-memory.md).
const base = 48 << 20

// TestMemoryHasOneBound: an attacker fills many connections with what each may make the proxy hold, which together is
// a multiple of --memory. The largest are ended, the process stays below its bound, and a good client is served when
// the attack is over.
//
// [T95]
func TestMemoryHasOneBound(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--memory", "64M", "--threads", "1"}})
	open := secured(t, w, "h2")
	ordinary(t, w)
	w.Proxy.ResetPeak()
	before := w.Proxy.RSS()
	attacker := &held{}
	defer attacker.close()
	const connections = 200
	var all []*hoard
	var mu sync.Mutex
	inParallel(connections, 8, func() {
		h, err := hoards(w, open)
		if err != nil {
			return
		}
		attacker.add(closing{h.conn})
		mu.Lock()
		all = append(all, h)
		mu.Unlock()
	})
	if len(all) < connections {
		t.Fatalf("only %d connections", len(all))
	}
	for _, h := range all {
		h.fill(16, true)
	}
	time.Sleep(5 * time.Second)
	ended := 0
	for _, h := range all {
		if h.over() {
			ended++
		}
	}
	beside := visits(t, w, 5, time.Second)
	peak := w.Proxy.PeakRSS()
	t.Logf("%d of %d connections were ended; %.1f MiB before, %.1f MiB at the most; beside it %v", ended, connections,
		mib(before), mib(peak), beside)
	if ended == 0 || ended == connections {
		t.Errorf("%d of %d connections were ended", ended, connections)
	}
	if !harness.Instrumented(w.Proxy.Path) && peak > leastMemory+base {
		t.Errorf("%.1f MiB were taken", mib(peak))
	}
	attacker.close()
	begun := time.Now()
	if !harness.Eventually(5*time.Second, func() bool { return visits(t, w, 1, time.Second).bad == 0 }) {
		t.Fatal("a good client is not served after the attack")
	}
	t.Logf("served again %v after the attack", time.Since(begun).Round(time.Millisecond))
	visits(t, w, 50, 5*time.Second).judge(t, w)
	w.Proxy.WaitAudit(t, "an exchange that was ended", func(l map[string]any) bool {
		return l["reason"] == "memory_full" && l["by"] == "proxy"
	})
	if lines := strings.Count(w.Proxy.Stderr(), "the connection that held the most"); lines < 1 || lines > 10 {
		t.Errorf("%d lines of the log about it", lines)
	}
}

// TestTheLargestConnectionIsEndedFirst: beside many that hold a little, one holds much; and the others lose nothing.
//
// [T95]
func TestTheLargestConnectionIsEndedFirst(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--memory", "64M", "--threads", "1"}})
	open := secured(t, w, "h2")
	var all []*hoard
	for i := 0; i < 90; i++ {
		h, err := hoards(w, open)
		if err != nil {
			t.Fatal(err)
		}
		defer h.conn.Close()
		all = append(all, h)
	}
	hog := all[0]
	hog.fill(16, true)
	hog.full()
	if hog.over() {
		t.Fatal("one connection was too much")
	}
	filled := 0
	for _, h := range all[1:] {
		h.fill(4, false)
		h.full()
		filled++
		if hog.over() {
			break
		}
	}
	if !hog.over() {
		t.Fatalf("it is still there beside %d others", filled)
	}
	for i, h := range all[1:] {
		if h.over() {
			t.Errorf("number %d was ended, too", i)
		}
	}
	t.Logf("it was ended when %d others held their part", filled)
	w.Proxy.WaitAudit(t, "its exchanges", func(l map[string]any) bool { return l["reason"] == "memory_full" })
}

// TestNewRequestsAreRefusedWhenMemoryIsShort: from four fifths on a request is answered 503, and a new connection
// waits.
//
// [T95]
func TestNewRequestsAreRefusedWhenMemoryIsShort(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--memory", "64M", "--threads", "1"}})
	clients := map[harness.Proto]*http.Client{}
	for _, proto := range faultProtos {
		clients[proto] = w.Client(proto)
		if answer := w.Do(clients[proto], "GET", "/text", nil); answer.StatusCode != 200 {
			t.Fatalf("%s: status %d", proto, answer.StatusCode)
		}
	}
	open := secured(t, w, "h2")
	attacker := &held{}
	defer attacker.close()
	for i := 0; ; i++ {
		answer, err := w.Try(clients[harness.H2], "GET", "/text", nil)
		if err == nil && answer.StatusCode == 503 {
			if problem := answer.Problem(t); problem.Code != "memory_full" {
				t.Fatalf("code %s", problem.Code)
			}
			break
		}
		if i == 120 {
			t.Fatalf("%d connections hold their part, and nothing is refused", i)
		}
		h, err := hoards(w, open)
		if err != nil {
			t.Fatal(err)
		}
		attacker.add(closing{h.conn})
		h.fill(4, false)
		h.full()
	}
	answer, err := w.Try(clients[harness.H1], "GET", "/text", nil)
	if err == nil && answer.StatusCode != 503 {
		t.Errorf("h1: status %d", answer.StatusCode)
	}
	if f := visits(t, w, 1, time.Second); f.good != 0 {
		t.Error("a new connection was taken")
	}
	attacker.close()
	for proto, client := range clients {
		if !harness.Eventually(10*time.Second, func() bool {
			answer, err := w.Try(client, "GET", "/text", nil)
			return err == nil && answer.StatusCode == 200
		}) {
			t.Errorf("%s is not served when memory is there again", proto)
		}
	}
}
