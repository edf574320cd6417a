package attack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// How a client fares that does nothing wrong.
type treatment struct {
	asked, served    int
	median, p99, max time.Duration
	cpu              float64 // that the proxy used meanwhile, of one core
	why              string  // of the last failure
}

func (f treatment) rate() float64 { return float64(f.served) / float64(f.asked) }

func (f treatment) String() string {
	text := fmt.Sprintf("%d of %d served, median %v, 99%% %v, longest %v; the proxy took %.0f%% of a core", f.served,
		f.asked, f.median.Round(100*time.Microsecond), f.p99.Round(100*time.Microsecond),
		f.max.Round(100*time.Microsecond), 100*f.cpu)
	if f.why != "" {
		text += "; last failure: " + f.why
	}
	return text
}

// The patience of the good client: a request that takes longer has failed.
const patience = 5 * time.Second

// goodClient sends small requests for that long, each by turns on a new connection and on kept ones. Bodies have
// size bytes.
func goodClient(t *testing.T, w *harness.World, length time.Duration, size int) treatment {
	t.Helper()
	kept := map[bool]*http.Client{false: w.Client(harness.H1), true: w.Client(harness.H2)}
	body := strings.Repeat("a good client's body. ", size/22+1)[:size]
	var out treatment
	var all []time.Duration
	start, used := time.Now(), w.Proxy.CPU()
	for end := start.Add(length); time.Now().Before(end); time.Sleep(40 * time.Millisecond) {
		i := out.asked
		client := kept[i%4 >= 2]
		if i%2 == 0 {
			client = w.ClientWith(harness.H1, func(transport *http.Transport) { transport.DisableKeepAlives = true })
		}
		out.asked++
		begun := time.Now()
		if err := askOnce(w, client, i%3 == 0, body); err != nil {
			out.why = err.Error()
			continue
		}
		all = append(all, time.Since(begun))
	}
	out.cpu = (w.Proxy.CPU() - used).Seconds() / time.Since(start).Seconds()
	out.served = len(all)
	if len(all) == 0 {
		return out
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	out.median, out.p99, out.max = all[len(all)/2], all[(len(all)*99-1)/100], all[len(all)-1]
	return out
}

func askOnce(w *harness.World, client *http.Client, post bool, body string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	method, path, content := "GET", "/text", io.Reader(nil)
	if post {
		method, path, content = "POST", "/upload", bytes.NewReader([]byte(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, w.URL(path), content)
	if err != nil {
		return err
	}
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return err
	}
	if answer.StatusCode != 200 {
		return fmt.Errorf("status %d: %.200s", answer.StatusCode, text)
	}
	return nil
}

// strict says whether times are judged: the machine is ours, and the program was built to be fast.
func strict() bool { return os.Getenv("BOTTLE_RELEASE") == "1" }

// bound is the time within which 99 of 100 requests of a good client are answered.
func bound() time.Duration {
	if strict() {
		return 250 * time.Millisecond
	}
	return patience
}

func (f treatment) good() bool {
	few := f.asked < 10 && strict() // with sanitizers an answer takes long, and is one
	return !few && f.served > 0 && f.rate() >= 0.95 && f.p99 <= bound()
}

// staysGood measures up to three times while an attack goes on. A worker that is kept from others is so each time; a
// machine that is busy otherwise need not be.
func staysGood(t *testing.T, w *harness.World, name string, size int) {
	t.Helper()
	length := 3 * time.Second
	if strict() {
		length = 5 * time.Second
	}
	var out treatment
	for try := 0; try < 3; try++ {
		out = goodClient(t, w, length, size)
		t.Logf("%s: %v", name, out)
		if out.good() {
			return
		}
	}
	t.Errorf("%s: %v", name, out)
}

// TestAGoodClientBesideEachAttack runs each attack at its bound, and beside it a client that asks for little. All of
// the proxy is one worker, so that no other one helps.
// [T50] [T51] [T52] [T53] [T54] [T55] [T56] [T57] [T58] [T59] [T60] [T61] [T62] [T63] [T64] [T65] [T66]
func TestAGoodClientBesideEachAttack(t *testing.T) {
	for _, row := range attackRows {
		row := row
		t.Run(row.name, func(t *testing.T) {
			w := row.world(t)
			if out := goodClient(t, w, 300*time.Millisecond, 1000); out.served != out.asked {
				t.Fatalf("before the attack: %v", out)
			}
			f, stop := newFoe(t, w)
			row.run(f)
			time.Sleep(row.warm)
			size := row.size
			if size == 0 {
				size = 1000
			}
			staysGood(t, w, row.name, size)
			stop()
			if w.Proxy.Exited() {
				t.Fatal("the proxy has ended")
			}
			if out := goodClient(t, w, 300*time.Millisecond, 1000); out.served != out.asked {
				t.Errorf("after the attack: %v", out)
			}
		})
	}
}
