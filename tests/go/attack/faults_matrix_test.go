package attack

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// The limits of the proxy in the matrix are two seconds, and so an exchange that fails may take little more.
const (
	faultLimit = 2 * time.Second
	hangLimit  = 15 * time.Second
)

var faultProtos = []harness.Proto{harness.H1, harness.H2}

// faultRuns is how often each cell runs: once, or BOTTLE_FAULT_RUNS times.
func faultRuns(t *testing.T) int {
	text := os.Getenv("BOTTLE_FAULT_RUNS")
	if text == "" {
		return 1
	}
	runs, err := strconv.Atoi(text)
	if err != nil || runs < 1 {
		t.Fatalf("BOTTLE_FAULT_RUNS is %q", text)
	}
	return runs
}

// faultWorld is a proxy whose only way out is one upstream.
type faultWorld struct {
	t      *testing.T
	proxy  *harness.Proxy
	pool   *x509.CertPool
	up     *upstream      // in this process
	child  *childUpstream // or in one of its own
	asked  atomic.Int64   // exchanges
	mu     sync.Mutex
	seen   map[string]chan struct{}
	number atomic.Int64
	begun  bool

	transports []*http.Transport
}

// TestFaultMatrix: 20 faults of the upstream, in four phases of an exchange, for clients of both protocols; the
// upstream is the origin, or the scanner. Nothing hangs, nothing stays behind, and no broken answer looks whole.
// [T41]
func TestFaultMatrix(t *testing.T) {
	runs := faultRuns(t)
	seed := time.Now().UnixNano()
	if text := os.Getenv("BOTTLE_FAULT_SEED"); text != "" {
		seed, _ = strconv.ParseInt(text, 10, 64)
	}
	t.Logf("BOTTLE_FAULT_SEED=%d", seed)
	for _, way := range []harness.Via{harness.Direct, harness.Scanner} {
		for i, fault := range matrixFaults {
			way, fault, seed := way, fault, seed+int64(i)
			t.Run(fmt.Sprintf("%s/%s", way, fault.name), func(t *testing.T) {
				t.Parallel()
				w := newFaultWorld(t, way, fault, seed)
				before := w.baseline()
				for run := 0; run < runs && !t.Failed(); run++ {
					switch {
					case fault.process != "":
						w.processRun(way, fault)
					case fault.listen != listenServes:
						w.listenRun(way, fault)
					default:
						w.messageRun(way, fault)
					}
				}
				w.nothingStays(before)
			})
		}
	}
}

func newFaultWorld(t *testing.T, way harness.Via, fault matrixFault, seed int64) *faultWorld {
	t.Helper()
	w := &faultWorld{t: t, seen: map[string]chan struct{}{}}
	dir := t.TempDir()
	var config *tls.Config
	leaf, args := "plain", []string{}
	if way == harness.Direct {
		ca, err := origin.NewCA("the matrix's CA")
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := ca.Leaf(origin.LeafOptions{}, "faulty.test")
		if err != nil {
			t.Fatal(err)
		}
		leaf = filepath.Join(dir, "leaf.pem")
		roots := filepath.Join(dir, "roots.pem")
		if err := writeLeaf(leaf, certificate); err != nil {
			t.Fatal(err)
		}
		if err := ca.WriteFile(roots); err != nil {
			t.Fatal(err)
		}
		config = &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}}
		args = append(args, "--origin-ca", roots)
	}
	addr := ""
	if fault.process != "" {
		w.child = startChildUpstream(t, leaf, seed, w.reached)
		addr = w.child.addr
	} else {
		up, err := newUpstream(config, 0, seed)
		if err != nil {
			t.Fatal(err)
		}
		up.seen = w.reached
		t.Cleanup(up.close)
		w.up, addr = up, up.addr
	}
	if way == harness.Direct {
		args = append(args, "--upstream", "direct", "--resolve", "faulty.test:443="+addr)
	} else {
		args = append(args, "--upstream", "pipelock", "--pipelock", "http://"+addr)
	}
	for _, limit := range []string{"upstream_head_ms", "response_stall_ms", "upstream_connect_ms", "upstream_tls_ms"} {
		args = append(args, "--limit", fmt.Sprintf("%s=%d", limit, faultLimit.Milliseconds()))
	}
	args = append(args, "--allow", "faulty.test", "--allow-address", "127.0.0.0/8")
	w.proxy = harness.StartProxy(t, args...)
	w.pool = w.proxy.Pool(t)
	return w
}

// messageRun has one exchange in each cell; the upstream acts by itself.
func (w *faultWorld) messageRun(way harness.Via, fault matrixFault) {
	cells, one := w.cells(), func(c *cell) {
		client := c.client
		path := fmt.Sprintf("/f/%s/%s/%s", fault.name, c.phase, c.token)
		got := ""
		switch {
		case c.phase == phaseIdle:
			if first := w.ask(client, path, c.phase, c.token, nil); first != "whole" {
				w.t.Errorf("%s %s: the answer before: %s", c.proto, c.phase, first)
			}
			w.await(c.token)
			next := c.token + "n"
			got = w.ask(client, "/ok/idle/"+next, phaseIdle, next, nil)
		case fault.name == "early-403":
			got = w.ask(client, path, c.phase, c.token, newUpload(c.phase))
		default:
			got = w.ask(client, path, c.phase, c.token, nil)
		}
		w.judge(way, fault, c, got)
		w.fine(client, c.proto)
	}
	// Bytes that come on an idle connection just after it was taken for another request look like its answer, and no
	// reader could tell. So nothing else is under way in the phase idle.
	var others []*cell
	for _, c := range cells {
		if c.phase == phaseIdle {
			one(c)
		} else {
			others = append(others, c)
		}
	}
	w.each(others, one)
}

// listenRun changes what the listener does while exchanges are in all phases.
func (w *faultWorld) listenRun(way harness.Via, fault matrixFault) {
	w.up.cutAll() // the pool must have no connections of the run before
	cells := w.cells()
	results := w.begin(cells, func(c *cell) bool { return c.phase == phaseBody || c.phase == phaseStream })
	w.warm(cells)
	if err := w.up.become(fault.listen); err != nil {
		w.t.Fatal(err)
	}
	idle := w.begin(cells, func(c *cell) bool { return c.phase == phaseIdle })
	heads := w.send(cells, phaseHead)
	if fault.listen == listenRefuses || fault.listen == listenResets {
		w.collect(way, fault, heads)
		heads = nil
	} else {
		time.Sleep(faultLimit / 8) // they dial: those that wait below must not come to their own limits
	}
	for _, c := range cells {
		if c.phase != phaseHead {
			w.up.open(c.token)
		}
	}
	w.collect(way, fault, results)
	w.collect(way, fault, idle)
	w.collect(way, fault, heads)
	if err := w.up.become(listenServes); err != nil {
		w.t.Fatal(err)
	}
	w.allFine(cells)
}

// processRun stops, kills or restarts the upstream while exchanges are in all phases.
func (w *faultWorld) processRun(way harness.Via, fault matrixFault) {
	cells := w.cells()
	results := w.begin(cells, func(c *cell) bool { return c.phase != phaseIdle })
	w.warm(cells)
	w.child.fail(fault.process)
	w.eachOf(cells, phaseIdle, func(c *cell) {
		w.judge(way, fault, c, w.ask(c.client, "/ok/idle/"+c.token, phaseIdle, c.token, nil))
	})
	w.collect(way, fault, results)
	w.child.mend(fault.process)
	w.allFine(cells)
}

// begin sends the requests of the chosen cells, and returns when all are in their phase.
func (w *faultWorld) begin(cells []*cell, chosen func(*cell) bool) map[*cell]chan string {
	out := map[*cell]chan string{}
	for _, c := range cells {
		if !chosen(c) {
			continue
		}
		c, done := c, make(chan string, 1)
		out[c] = done
		path := fmt.Sprintf("/gate/%s/%s", c.phase, c.token)
		go func() { done <- w.ask(c.client, path, c.phase, c.token, nil) }()
	}
	for c := range out {
		w.await(c.token)
	}
	return out
}

// send asks for whole answers in the cells of a phase.
func (w *faultWorld) send(cells []*cell, phase faultPhase) map[*cell]chan string {
	out := map[*cell]chan string{}
	for _, c := range cells {
		if c.phase == phase {
			c, done := c, make(chan string, 1)
			out[c] = done
			path := fmt.Sprintf("/ok/%s/%s", phase, c.token)
			go func() { done <- w.ask(c.client, path, phase, c.token, nil) }()
		}
	}
	return out
}

// warm leaves an idle upstream connection for each of the cells of the phase idle.
func (w *faultWorld) warm(cells []*cell) {
	var meeting sync.WaitGroup // all of them at once, so that no one takes the connection of another one
	meeting.Add(len(faultProtos))
	w.eachOf(cells, phaseIdle, func(c *cell) {
		first := c.token + "w"
		path := "/ok/idle/" + first
		if w.up != nil {
			path = "/gate/idle/" + first
			go func() { w.await(first); meeting.Done(); meeting.Wait(); w.up.open(first) }()
		}
		if got := w.ask(c.client, path, phaseIdle, first, nil); got != "whole" {
			w.t.Errorf("%s idle: the answer before: %s", c.proto, got)
		}
	})
}

func (w *faultWorld) collect(way harness.Via, fault matrixFault, results map[*cell]chan string) {
	for c, done := range results {
		w.judge(way, fault, c, <-done)
	}
}
