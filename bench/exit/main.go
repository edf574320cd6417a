// exit measures what the exit costs: the proxy's CPU time a request in direct mode, in front of a scanner that does
// nothing but relay, and with the exit behind that scanner. All on loopback, in one run, in turns. Only the proxy's own
// CPU counts; clients, scanner and origin are goroutines of this program.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"bottle.test/origin"
)

var (
	binary  = flag.String("proxy", "../../build/release/bottle-proxy", "the bottle-proxy to measure: a release build")
	count   = flag.Int("n", 5000, "requests a measurement")
	rounds  = flag.Int("rounds", 5, "measurements of each kind; the median counts")
	workers = flag.Int("c", 16, "requests at once")
	size    = flag.Int("size", 1024, "bytes of each body")
	idle    = flag.Int("idle", 64, "idle connections that the scanner keeps to the exit (pipelock: 2)")
	h1      = flag.Bool("origin-h1", false, "the origin speaks HTTP/1.1 alone")
	train   = flag.Bool("train", false, "every proxy is one process and ends in order, as one that counts has to")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/exit:", err)
		os.Exit(1)
	}
}

// modes in the order in which they are measured.
var modes = []string{"direct, one process", "direct", "front", "front+exit"}

type load struct{ client, method string }

var loads = []load{{"h1", "GET"}, {"h1", "POST"}, {"h2", "GET"}, {"h2", "POST"}}

func run() error {
	ca, err := origin.NewCA("bench CA")
	if err != nil {
		return err
	}
	server, err := startOrigin(ca)
	if err != nil {
		return err
	}
	defer server.close()
	proxies := map[string]*proxy{}
	for _, mode := range modes {
		p, err := startProxy(mode, ca, server.addr)
		if err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
		defer p.stop()
		proxies[mode] = p
	}
	results := map[load]map[string][]float64{}
	for _, l := range loads {
		results[l] = map[string][]float64{}
		clients := map[string]*http.Client{}
		for _, mode := range modes {
			client, err := proxies[mode].client(l.client)
			if err != nil {
				return err
			}
			defer client.CloseIdleConnections()
			clients[mode] = client
			// connections and leaves are made before it counts
			if err := send(client, l, *count/5+*workers); err != nil {
				return fmt.Errorf("%s %v: %w", mode, l, err)
			}
		}
		for round := 0; round < *rounds; round++ {
			for _, mode := range modes {
				before := proxies[mode].cpu()
				if err := send(clients[mode], l, *count); err != nil {
					return fmt.Errorf("%s %v: %w", mode, l, err)
				}
				used := proxies[mode].cpu() - before
				results[l][mode] = append(results[l][mode], float64(used.Microseconds())/float64(*count))
			}
		}
	}
	report(results)
	return nil
}

// send makes n requests over all workers and checks each answer.
func send(client *http.Client, l load, n int) error {
	body := bytes.Repeat([]byte("b"), *size)
	var left atomic.Int64
	left.Store(int64(n))
	failed := make(chan error, *workers)
	var wait sync.WaitGroup
	for i := 0; i < *workers; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for left.Add(-1) >= 0 {
				var stream io.Reader
				if l.method == "POST" {
					stream = bytes.NewReader(body)
				}
				req, err := http.NewRequest(l.method, "https://bench.test/", stream)
				if err == nil {
					req.Header.Set("Content-Type", "application/octet-stream")
					err = once(client, req)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	wait.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func once(client *http.Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || len(text) != *size {
		return fmt.Errorf("status %d, %d bytes: %.200s", resp.StatusCode, len(text), text)
	}
	return nil
}

func (p *proxy) client(proto string) (*http.Client, error) {
	pool, err := p.pool()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.listen}),
		TLSClientConfig:     &tls.Config{RootCAs: pool},
		MaxIdleConnsPerHost: *workers, DisableCompression: true}
	if proto == "h2" {
		transport.ForceAttemptHTTP2 = true
	} else {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, nil
}

func median(values []float64) float64 {
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	return sorted[len(sorted)/2]
}

func report(results map[load]map[string][]float64) {
	to := "h2"
	if *h1 {
		to = "HTTP/1.1"
	}
	fmt.Printf("%d requests a measurement, %d at once, bodies of %d bytes, median of %d; origin over %s, scanner "+
		"keeps %d idle connections\n\n",
		*count, *workers, *size, *rounds, to, *idle)
	fmt.Printf("| client | request | one process | direct | front | front + exit | direct / one process " +
		"| front / direct | front + exit / front | front + exit / direct |\n" +
		"|---|---|---|---|---|---|---|---|---|---|\n")
	for _, l := range loads {
		var of [4]float64
		for i, mode := range modes {
			of[i] = median(results[l][mode])
		}
		fmt.Printf("| %s | %s | %.0f µs | %.0f µs | %.0f µs | %.0f µs | %.2f | %.2f | %.2f | %.2f |\n", l.client,
			l.method, of[0], of[1], of[2], of[3], of[1]/of[0], of[2]/of[1], of[3]/of[2], of[3]/of[1])
	}
}
