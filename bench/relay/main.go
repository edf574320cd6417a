// relay measures the route relay beside nghttpx, which ends TLS on both sides too but looks at nothing: the latency of
// a WebSocket's echo, the throughput of bodies and the cost of small requests. All on loopback, in one run, in turns.
// Client and origin are goroutines of this program, so the CPU time of each proxy stands beside the wall's.
package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

var (
	binary  = flag.String("proxy", "../../build/release/bottle-proxy", "the bottle-proxy to measure: a release build")
	workers = flag.Int("workers", 1, "threads of each proxy")
	rounds  = flag.Int("rounds", 5, "measurements of each kind; the median counts")
	echoes  = flag.Int("echoes", 2000, "echoes a measurement")
	message = flag.Int("message", 100, "bytes of an echo")
	size    = flag.Int("size", 64, "MiB a measurement of throughput, all bodies together")
	atOnce  = flag.Int("c", 4, "bodies at once")
	count   = flag.Int("n", 4000, "small requests a measurement")
)

func main() {
	flag.Parse()
	runtime.LockOSThread() // the proxies end with the thread that started them
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/relay:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "bench-relay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ca, err := origin.NewCA("bench CA")
	if err != nil {
		return err
	}
	leaf, err := ca.Leaf(origin.LeafOptions{}, host)
	if err != nil {
		return err
	}
	random := make([]byte, 64<<10)
	_, _ = rand.Read(random)
	text := bytes.Repeat([]byte("Ordinary words of a log, one line after the other, with numbers like 4711.\n"), 900)
	for _, piece := range []struct {
		name, mediaType string
		bytes           []byte
	}{{"random bytes", "application/octet-stream", random}, {"text", "text/plain", text}} {
		server, err := startOrigin(leaf, piece.bytes, piece.mediaType)
		if err != nil {
			return err
		}
		defer server.http.Close()
		bottle, err := startBottle(dir, ca, server.addr)
		if err != nil {
			return err
		}
		defer bottle.stop()
		direct := &hop{name: "direct", to: server.addr, roots: ca.Pool()}
		others := map[string]*hop{}
		for proto, alpn := range map[string]string{"h1": "http/1.1", "h2": "h2"} {
			other, err := startNghttpx(dir, "nghttpx", alpn, ca, leaf, server.addr)
			if err != nil {
				return err
			}
			defer other.stop()
			others[proto] = other
		}
		if piece.name == "random bytes" {
			if err := latency([]*hop{direct, others["h1"], bottle}); err != nil {
				return err
			}
			fmt.Printf("%d MiB a measurement, %d bodies at once, %d small requests a measurement, %d threads a proxy, "+
				"median of %d\n\n| bodies | load | nghttpx | relay | relay / nghttpx | nghttpx CPU | relay CPU |\n"+
				"|---|---|---|---|---|---|---|\n", *size, *atOnce, *count, *workers, *rounds)
		}
		for _, l := range []string{"download", "upload", "small requests"} {
			for _, proto := range []string{"h1", "h2"} {
				if err := throughput(piece.name, l, proto, others[proto], bottle, piece.bytes); err != nil {
					return fmt.Errorf("%s, %s: %w", l, proto, err)
				}
			}
		}
	}
	return nil
}

// latency prints the echo's time on each way, measured in turns.
func latency(hops []*hop) error {
	sockets := map[*hop]*harness.WebSocket{}
	for _, h := range hops {
		conn, err := h.dial()
		if err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
		defer conn.Close()
		socket, err := harness.OpenWebSocket(conn, harness.H1, host, "/ws")
		if err == nil && socket.Socket == nil {
			err = fmt.Errorf("%d %s", socket.Answer.StatusCode, socket.Answer.Text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
		sockets[h] = socket
	}
	said := strings.Repeat("m", *message)
	times, used := map[*hop][]time.Duration{}, map[*hop]time.Duration{}
	for round := 0; round <= *rounds; round++ {
		for _, h := range hops {
			before := h.cpu()
			for i := 0; i < *echoes; i++ {
				began := time.Now()
				_ = sockets[h].Say(said)
				_, heard, err := sockets[h].Next()
				if err != nil || string(heard) != said {
					return fmt.Errorf("%s: %d bytes back, %v", h.name, len(heard), err)
				}
				if round > 0 { // the first one warms up
					times[h] = append(times[h], time.Since(began))
				}
			}
			if round > 0 {
				used[h] += h.cpu() - before
			}
		}
	}
	fmt.Printf("Echo of %d bytes in a WebSocket, %d echoes on each way\n\n"+
		"| way | p50 | p99 | added p50 | CPU an echo |\n|---|---|---|---|---|\n", *message, *rounds**echoes)
	base := at(times[hops[0]], 50)
	for _, h := range hops {
		p50 := at(times[h], 50)
		fmt.Printf("| %s | %v | %v | %v | %v |\n", h.name, p50.Round(time.Microsecond),
			at(times[h], 99).Round(time.Microsecond), (p50 - base).Round(time.Microsecond),
			(used[h] / time.Duration(*rounds**echoes)).Round(time.Microsecond))
	}
	fmt.Println()
	return nil
}

func at(all []time.Duration, percent int) time.Duration {
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all[len(all)*percent/100]
}

// throughput prints one row: both proxies in turns.
func throughput(bodies, load, proto string, other, bottle *hop, piece []byte) error {
	rates, used := map[*hop][]float64{}, map[*hop][]float64{}
	hops := []*hop{other, bottle}
	clients := map[*hop]*http.Client{}
	for _, h := range hops {
		clients[h] = h.client(proto)
		defer clients[h].CloseIdleConnections()
	}
	amount, unit := float64(*size), "MiB/s"
	if load == "small requests" {
		amount, unit = float64(*count), "/s"
	}
	for round := 0; round <= *rounds; round++ {
		for _, h := range hops {
			cpu, began := h.cpu(), time.Now()
			if err := work(clients[h], load, piece); err != nil {
				return fmt.Errorf("%s: %w", h.name, err)
			}
			wall, cpu := time.Since(began), h.cpu()-cpu
			if round > 0 { // the first one makes connections
				rates[h] = append(rates[h], amount/wall.Seconds())
				used[h] = append(used[h], cpu.Seconds()/amount*1000)
			}
		}
	}
	a, b := median(rates[other]), median(rates[bottle])
	fmt.Printf("| %s | %s, %s to %s | %.0f %s | %.0f %s | %.2f | %.2f ms | %.2f ms |\n", bodies, load, proto, proto, a,
		unit, b, unit, b/a, median(used[other]), median(used[bottle]))
	return nil
}

// work makes all requests of a measurement.
func work(client *http.Client, load string, piece []byte) error {
	each := *size << 20 / *atOnce
	var all sync.WaitGroup
	failed := make(chan error, *atOnce)
	for i := 0; i < *atOnce; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			failed <- part(client, load, piece, each)
		}()
	}
	all.Wait()
	for i := 0; i < *atOnce; i++ {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func part(client *http.Client, load string, piece []byte, each int) error {
	switch load {
	case "download":
		return get(client, each)
	case "upload":
		body := io.LimitReader(&endless{piece: piece}, int64(each))
		resp, err := client.Post("https://"+host+"/upload", "text/plain", body)
		if err != nil {
			return err
		}
		return wantText(resp, fmt.Sprint(each))
	}
	for i := 0; i < *count / *atOnce; i++ {
		if err := get(client, 1000); err != nil {
			return err
		}
	}
	return nil
}

func get(client *http.Client, n int) error {
	resp, err := client.Get(fmt.Sprintf("https://%s/bytes?n=%d", host, n))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (got != int64(n) || resp.StatusCode != http.StatusOK) {
		err = fmt.Errorf("status %d, %d bytes of %d", resp.StatusCode, got, n)
	}
	return err
}

func wantText(resp *http.Response, want string) error {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && string(text) != want {
		err = errors.New("the origin got another length: " + string(text))
	}
	return err
}

// endless repeats its piece.
type endless struct {
	piece []byte
	at    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.piece[e.at:])
	e.at = (e.at + n) % len(e.piece)
	return n, nil
}

func median(values []float64) float64 {
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	return sorted[len(sorted)/2]
}
