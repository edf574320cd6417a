package attack

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// The soak: everything at once at a third of what the machine can do, with a hostile part of a twentieth, for
// SOAK_MINUTES (`make soak`: 30). Without it a few seconds, which find that the soak itself works.

// soakTime is how long it runs, and whether that is long enough to judge memory.
func soakTime(t *testing.T) (time.Duration, bool) {
	text := os.Getenv("SOAK_MINUTES")
	if text == "" {
		return 12 * time.Second, false
	}
	minutes, err := strconv.ParseFloat(text, 64)
	if err != nil || minutes <= 0 {
		t.Fatalf("SOAK_MINUTES is %q", text)
	}
	return time.Duration(minutes * float64(time.Minute)), minutes >= 4
}

// soak is one run.
type soak struct {
	t     *testing.T
	w     *harness.World
	roots *x509.CertPool
	stop  chan struct{}
	wait  sync.WaitGroup

	clients []*http.Client

	exchanges, events, messages, bytes, hostile, wrong atomic.Int64

	mu     sync.Mutex
	first  []string // of what went wrong
	begin  time.Time
	length time.Duration
	early  []time.Duration // times of plain requests in the first and the last fifth
	late   []time.Duration
}

// TestSoak: no error that has no cause, memory and descriptors stay, and SIGTERM under load loses no exchange.
// [T41]
func TestSoak(t *testing.T) {
	length, judged := soakTime(t)
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("memory and rates of a build with sanitizers mean nothing: set BOTTLE_BIN_DIR to a release build")
	}
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, More: []string{"relayed.test"},
		Args: []string{"--route", "relayed.test=relay", "--limit", "drain_ms=20000"}})
	s := &soak{t: t, w: w, roots: w.Proxy.Pool(t), stop: make(chan struct{}), length: length}
	capacity := s.capacity(2 * time.Second)
	rate := capacity / 3
	time.Sleep(500 * time.Millisecond)
	descriptors := w.Proxy.Descriptors()
	t.Logf("capacity %d exchanges a second, load %d with %d hostile; %d descriptors", capacity, rate, rate/20,
		descriptors)

	s.begin = time.Now()
	s.load(rate)
	memory := s.watch()
	close(s.stop)
	s.wait.Wait()
	for _, client := range s.clients {
		client.CloseIdleConnections()
	}
	s.report(memory, judged)
	// Idle connections to origins may stay for 90 s, 16 to each of the two.
	patience, pooled := 15*time.Second, 2*16
	if judged {
		patience, pooled = 100*time.Second, 0
	}
	if !harness.Eventually(patience, func() bool { return w.Proxy.Descriptors() <= descriptors+pooled }) {
		t.Errorf("%d descriptors before, %d afterwards", descriptors, w.Proxy.Descriptors())
	}
	t.Logf("%d descriptors afterwards", w.Proxy.Descriptors())
	s.endUnderLoad(200)
}

// capacity is how many plain exchanges a second there can be.
func (s *soak) capacity(length time.Duration) int {
	var done atomic.Int64
	var wait sync.WaitGroup
	until := time.Now().Add(length)
	for i := 0; i < 16; i++ {
		proto := faultProtos[i%2]
		client := s.w.Client(proto)
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer client.CloseIdleConnections()
			for time.Now().Before(until) {
				if answer, err := s.w.Try(client, "GET", "/text", nil); err == nil && answer.StatusCode == 200 {
					done.Add(1)
				}
			}
		}()
	}
	wait.Wait()
	s.w.Origin.Forget()
	return int(done.Load() * int64(time.Second) / int64(length))
}

// each calls f at a rate, from n goroutines, until the end.
func (s *soak) each(n, rate int, f func(worker, i int)) {
	if rate < n {
		n = rate
	}
	for worker := 0; worker < n; worker++ {
		worker := worker
		s.wait.Add(1)
		go func() {
			defer s.wait.Done()
			gap := time.Duration(n) * time.Second / time.Duration(rate)
			for i, next := 0, time.Now().Add(gap*time.Duration(worker)/time.Duration(n)); ; i++ {
				select {
				case <-s.stop:
					return
				case <-time.After(time.Until(next)):
				}
				f(worker, i)
				if next = next.Add(gap); time.Since(next) > time.Second {
					next = time.Now()
				}
			}
		}()
	}
}

func (s *soak) failed(format string, args ...any) {
	s.wrong.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.first) < 10 {
		s.first = append(s.first, fmt.Sprintf("after %v: ", time.Since(s.begin).Round(time.Second))+
			fmt.Sprintf(format, args...))
	}
}

// watch samples the proxy's memory until the time is over.
func (s *soak) watch() []int64 {
	var memory []int64
	step := s.length / 60
	for time.Since(s.begin) < s.length {
		time.Sleep(step)
		memory = append(memory, s.w.Proxy.RSS())
		s.w.Origin.Forget()
		if s.w.Proxy.Exited() {
			s.t.Fatal("the proxy has ended")
		}
	}
	return memory
}

func median(values []int64) int64 {
	sorted := append([]int64{}, values...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	return sorted[len(sorted)/2]
}

func percentile(times []time.Duration, part float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return times[int(part*float64(len(times)-1))]
}

func (s *soak) report(memory []int64, judged bool) {
	third := memory[len(memory)/4:] // behind the warm-up
	before, after := median(third[:len(third)/3]), median(third[2*len(third)/3:])
	s.t.Logf("%v: %d exchanges, %d MiB, %d events, %d WebSocket messages, %d hostile connections, %d errors",
		s.length, s.exchanges.Load(), s.bytes.Load()>>20, s.events.Load(), s.messages.Load(), s.hostile.Load(),
		s.wrong.Load())
	s.t.Logf("RSS %.1f MiB after the warm-up, %.1f MiB at the end (%+.2f)", float64(before)/(1<<20),
		float64(after)/(1<<20), float64(after-before)/(1<<20))
	s.t.Logf("p99 of plain exchanges %v in the first fifth, %v in the last", percentile(s.early, 0.99),
		percentile(s.late, 0.99))
	for _, one := range s.first {
		s.t.Error(one)
	}
	if judged && after-before > 2<<20 {
		s.t.Errorf("memory has grown by %d bytes", after-before)
	}
}

// endUnderLoad has so many exchanges under way when the proxy is told to end: none is lost, in fact or in the log.
func (s *soak) endUnderLoad(exchanges int) {
	s.w.Origin.Forget()
	before := s.ends()
	var good atomic.Int64
	var wait sync.WaitGroup
	for i := 0; i < exchanges; i++ {
		client := s.w.Client(faultProtos[i%2])
		wait.Add(1)
		go func() {
			defer wait.Done()
			answer, err := s.w.Try(client, "GET", "/slow?ms=3000", nil)
			if err == nil && answer.StatusCode == 200 && answer.BodyErr == nil {
				good.Add(1)
			}
		}()
	}
	under := func(r []origin.Record) bool { return len(r) == exchanges }
	if !s.w.Origin.Wait(20*time.Second, under) {
		s.t.Errorf("%d of %d requests reached the origin", len(s.w.Origin.Requests()), exchanges)
	}
	s.w.Proxy.Signal(syscall.SIGTERM)
	wait.Wait()
	code := s.w.Proxy.WaitExit(20 * time.Second)
	told := s.ends() - before
	s.t.Logf("SIGTERM with %d exchanges under way: %d whole, %d told, exit code %d", exchanges, good.Load(), told, code)
	if good.Load() != int64(exchanges) || told != exchanges || code != 0 {
		s.t.Errorf("SIGTERM lost an exchange, its line, or the clean end")
	}
}

// ends counts the ends of slow exchanges in the audit log.
func (s *soak) ends() int {
	count := 0
	for _, line := range s.w.Proxy.AuditLines(s.t) {
		if path, _ := line["path"].(string); line["kind"] == "exchange" && len(path) >= 5 && path[:5] == "/slow" {
			count++
		}
	}
	return count
}
