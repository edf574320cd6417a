// policy measures what changes of the policy cost a proxy under load: failed exchanges, wrong verdicts, and the time of
// requests with and without changes. All on loopback, in one run, in turns.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

var (
	binary  = flag.String("proxy", "../../build/release/bottle-proxy", "the bottle-proxy to measure: a release build")
	changes = flag.Int("changes", 1000, "changes of the policy, of all rounds together")
	rounds  = flag.Int("rounds", 5, "phases without and with changes")
	rate    = flag.Int("rate", 200, "requests a second")
	pause   = flag.Duration("pause", 20*time.Millisecond, "between two changes")
	threads = flag.String("threads", "2", "worker threads of the proxy")
)

const clients = 8

func main() {
	flag.Parse()
	wrong, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/policy:", err)
		os.Exit(1)
	}
	if wrong {
		os.Exit(1)
	}
}

// tally counts the results of requests. Times are those of requests for the host that is always allowed.
type tally struct {
	mu     sync.Mutex
	times  []time.Duration
	failed int
	judged int
	wrong  int
}

func (t *tally) add(other *tally) {
	t.times = append(t.times, other.times...)
	t.failed += other.failed
	t.judged += other.judged
	t.wrong += other.wrong
}

func run() (bool, error) {
	w, err := newWorld()
	if err != nil {
		return false, err
	}
	defer w.close()
	// A request that begins and ends with the same value n > 0 was between the acknowledgement of change n and the next
	// command; odd: the host is allowed.
	var since atomic.Int64
	var quiet, busy tally
	var differences []time.Duration
	for round := 0; round < *rounds; round++ {
		each := *changes / *rounds
		var quietOnce, busyOnce tally
		stop := make(chan struct{})
		time.AfterFunc(time.Duration(each)**pause, func() { close(stop) })
		w.load(&quietOnce, &since, stop)
		stop = make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			ended <- w.flip(each, &since)
			close(stop)
		}()
		w.load(&busyOnce, &since, stop)
		if err := <-ended; err != nil {
			return false, err
		}
		differences = append(differences, percentile(&busyOnce, 99)-percentile(&quietOnce, 99))
		quiet.add(&quietOnce)
		busy.add(&busyOnce)
	}
	report("without changes", &quiet)
	report(fmt.Sprintf("with %d changes", *changes), &busy)
	sort.Slice(differences, func(a, b int) bool { return differences[a] < differences[b] })
	fmt.Printf("p99 with changes, less p99 without: %+.2f ms (median of %d rounds)\n",
		ms(differences[len(differences)/2]), *rounds)
	return quiet.failed+busy.failed+quiet.wrong+busy.wrong > 0 || busy.judged == 0, nil
}

// flip allows and denies late.test in turns.
func (w *world) flip(times int, since *atomic.Int64) error {
	for i := 0; i < times; i++ {
		message := `{"v":1,"verb":"policy.allow","host":"late.test"}`
		if i%2 == 1 {
			message = `{"v":1,"verb":"policy.deny","host":"late.test"}`
		}
		since.Store(-1)
		if err := w.say(message); err != nil {
			return err
		}
		w.changes++
		since.Store(int64(2*w.changes - i%2 - 1))
		time.Sleep(*pause)
	}
	since.Store(-1)
	return nil
}

// load sends requests at the rate until `stop` is closed.
func (w *world) load(into *tally, since *atomic.Int64, stop chan struct{}) {
	var all sync.WaitGroup
	for i := 0; i < clients; i++ {
		client := w.clients[i]
		all.Add(1)
		go func() {
			defer all.Done()
			// Each turn has two requests.
			tick := time.NewTicker(2 * time.Second * clients / time.Duration(*rate))
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					w.turn(client, into, since)
				}
			}
		}()
	}
	all.Wait()
}

func (w *world) turn(client *http.Client, into *tally, since *atomic.Int64) {
	begun := time.Now()
	status, err := get(client, "https://known.test/echo")
	took := time.Since(begun)
	before := since.Load()
	late, lateErr := get(client, "https://late.test/echo")
	same := before > 0 && since.Load() == before
	into.mu.Lock()
	defer into.mu.Unlock()
	into.times = append(into.times, took)
	if err != nil || status != 200 || lateErr != nil || late != 200 && late != 403 {
		into.failed++
		if into.failed <= 10 {
			fmt.Fprintln(os.Stderr, "failed:", status, err, late, lateErr)
		}
		return
	}
	if !same {
		return
	}
	into.judged++
	if allowed := before%2 == 1; (late == 200) != allowed {
		into.wrong++
	}
}

func percentile(of *tally, percent int) time.Duration {
	sort.Slice(of.times, func(a, b int) bool { return of.times[a] < of.times[b] })
	if len(of.times) == 0 {
		return 0
	}
	return of.times[len(of.times)*percent/100]
}

func ms(time time.Duration) float64 { return float64(time.Microseconds()) / 1000 }

func report(name string, of *tally) {
	fmt.Printf("%-20s %6d requests, %d failed; %d verdicts, %d wrong; p50 %.2f ms, p99 %.2f ms\n", name, len(of.times),
		of.failed, of.judged, of.wrong, ms(percentile(of, 50)), ms(percentile(of, 99)))
}
