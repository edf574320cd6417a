package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"sync"
	"time"

	"bottle.test/harness"
)

// cell is one exchange of the matrix.
type cell struct {
	proto  harness.Proto
	phase  faultPhase
	token  string
	client *http.Client
}

// cells makes one cell for each client protocol and phase.
func (w *faultWorld) cells() []*cell {
	var out []*cell
	for _, phase := range faultPhases {
		for _, proto := range faultProtos {
			token := fmt.Sprintf("t%d", w.number.Add(1))
			out = append(out, &cell{proto, phase, token, w.client(proto)})
		}
	}
	return out
}

func (w *faultWorld) eachOf(cells []*cell, phase faultPhase, f func(*cell)) {
	var chosen []*cell
	for _, c := range cells {
		if c.phase == phase {
			chosen = append(chosen, c)
		}
	}
	w.each(chosen, f)
}

func (w *faultWorld) each(cells []*cell, f func(*cell)) {
	var wait sync.WaitGroup
	for _, c := range cells {
		c := c
		wait.Add(1)
		go func() { defer wait.Done(); f(c) }()
	}
	wait.Wait()
}

// client has a connection to the proxy of its own.
func (w *faultWorld) client(proto harness.Proto) *http.Client {
	transport := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: w.proxy.Addr}),
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{RootCAs: w.pool},
	}
	if proto == harness.H2 {
		transport.ForceAttemptHTTP2 = true
	} else {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	w.t.Cleanup(transport.CloseIdleConnections)
	w.mu.Lock()
	w.transports = append(w.transports, transport)
	w.mu.Unlock()
	return &http.Client{Transport: transport, Timeout: hangLimit}
}

// ask makes one exchange and names its outcome.
func (w *faultWorld) ask(client *http.Client, path string, phase faultPhase, token string, body io.Reader) string {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequest(method, "https://faulty.test"+path, body)
	if err != nil {
		return err.Error()
	}
	if upload, ok := body.(*upload); ok && upload.phase != phaseStream {
		request.ContentLength = int64(upload.left)
	}
	w.asked.Add(1)
	response, err := client.Do(request)
	if err != nil {
		return failureOf("none", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil && failureOf("", err) != "" {
		return failureOf("", err)
	}
	want := textOf(phase, token)
	switch {
	case response.StatusCode == 200 && err == nil && string(text) == want:
		return "whole"
	case response.StatusCode == 200 && err == nil:
		return fmt.Sprintf("WRONG SUCCESS: %d of %d bytes: %.60q", len(text), len(want), text)
	case response.StatusCode == 200 && !strings.HasPrefix(want, string(text)):
		return fmt.Sprintf("WRONG BYTES: %.200q", text)
	case response.StatusCode == 200:
		return "cut"
	case response.StatusCode == 403:
		return "refused"
	}
	var problem harness.Problem
	if json.Unmarshal(text, &problem) != nil || problem.Status != response.StatusCode || problem.Code == "" ||
		response.StatusCode < 502 || response.StatusCode > 504 {
		return fmt.Sprintf("status %d: %.100q", response.StatusCode, text)
	}
	return "problem"
}

// failureOf tells a hang from a broken end.
func failureOf(otherwise string, err error) string {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return "HANG"
	}
	if otherwise == "" {
		return ""
	}
	return otherwise + ": " + err.Error()
}

// upload is a request body that takes its time.
type upload struct {
	phase faultPhase
	left  int
}

func newUpload(phase faultPhase) *upload {
	if phase == phaseHead {
		return &upload{phase, 4096}
	}
	return &upload{phase, 1 << 20}
}

func (u *upload) Read(p []byte) (int, error) {
	if u.left == 0 {
		return 0, io.EOF
	}
	if len(p) > 64<<10 {
		p = p[:64<<10]
	}
	n := copy(p, bytes.Repeat([]byte("u"), len(p)))
	if n > u.left {
		n = u.left
	}
	u.left -= n
	time.Sleep(2 * time.Millisecond)
	return n, nil
}

// reached is told by the upstream that an exchange is in its phase.
func (w *faultWorld) reached(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.seenLocked(token):
	default:
		close(w.seenLocked(token))
	}
}

func (w *faultWorld) seenLocked(token string) chan struct{} {
	if w.seen[token] == nil {
		w.seen[token] = make(chan struct{})
	}
	return w.seen[token]
}

func (w *faultWorld) await(token string) {
	w.mu.Lock()
	seen := w.seenLocked(token)
	w.mu.Unlock()
	select {
	case <-seen:
	case <-time.After(hangLimit):
		w.t.Errorf("the upstream did not reach the phase of %s", token)
	}
}

// fine asks for a whole answer: after the fault all works again, and the next answer is no other one's.
func (w *faultWorld) fine(client *http.Client, proto harness.Proto) {
	last := ""
	if !harness.Eventually(hangLimit, func() bool {
		token := fmt.Sprintf("t%d", w.number.Add(1))
		last = w.ask(client, "/ok/head/"+token, phaseHead, token, nil)
		return last == "whole" || strings.HasPrefix(last, "WRONG")
	}) || last != "whole" {
		w.t.Errorf("%s afterwards: %s", proto, last)
	}
}

func (w *faultWorld) allFine(cells []*cell) {
	w.each(cells, func(c *cell) { w.fine(c.client, c.proto) })
}

// baseline is the proxy's number of descriptors when nothing is under way.
func (w *faultWorld) baseline() int {
	for _, proto := range faultProtos {
		w.fine(w.client(proto), proto)
	}
	return w.settled(func(int) bool { return false })
}

// settled closes all connections, and returns the number of descriptors when it is good or has not changed for long.
// One more exchange makes the proxy's pool find that those in it are closed: what stays is that exchange's.
func (w *faultWorld) settled(good func(int) bool) int {
	w.leave()
	if w.up != nil {
		w.up.cutAll()
	} else {
		w.child.fail("kill")
		w.child.mend("kill")
	}
	w.fine(w.client(harness.H1), harness.H1)
	w.leave()
	now, since := -1, time.Now()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if count := w.proxy.Descriptors(); count != now {
			now, since = count, time.Now()
		}
		quiet := time.Since(since)
		if good(now) || quiet > 3*time.Second || quiet > time.Second && !w.begun {
			break
		}
	}
	w.begun = true
	return now
}

// leave closes the clients' connections.
func (w *faultWorld) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, transport := range w.transports {
		transport.CloseIdleConnections()
	}
}

// nothingStays wants the descriptors back, and a line in the audit log for each exchange and no other.
func (w *faultWorld) nothingStays(before int) {
	if after := w.settled(func(n int) bool { return n <= before }); after > before {
		w.t.Errorf("%d descriptors before, %d afterwards", before, after)
	}
	asked, count, begun := int(w.asked.Load()), 0, 0
	harness.Eventually(5*time.Second, func() bool {
		count, begun = 0, 0
		for _, line := range w.proxy.AllAuditLines(w.t) {
			switch line["kind"] {
			case "exchange":
				many, folded := line["count"].(float64) // one line for several that failed alike
				if !folded {
					many = 1
				}
				count += int(many)
			case "begin":
				begun++
			}
		}
		return count == asked
	})
	if count != asked || begun > count {
		w.t.Errorf("%d exchanges, %d lines of their ends, %d of their beginnings", asked, count, begun)
	}
}

// The table of outcomes, over all runs.
var (
	faultTableLock sync.Mutex
	faultTable     = map[string]map[string]int{} // cell -> outcome -> times
)

// judge compares an outcome with what the cell may have, and counts it.
func (w *faultWorld) judge(way harness.Via, fault matrixFault, c *cell, got string) {
	w.t.Helper()
	allowed := false
	for _, want := range strings.Fields(fault.wants.of(c.phase)) {
		allowed = allowed || got == want
	}
	if !allowed {
		w.t.Errorf("%s client, %s: %s, want %s", c.proto, c.phase, got, fault.wants.of(c.phase))
	}
	name, _, _ := strings.Cut(got, ":")
	key := fmt.Sprintf("%-21s %-8s %s %s", fault.name, way, c.proto, c.phase)
	faultTableLock.Lock()
	defer faultTableLock.Unlock()
	if faultTable[key] == nil {
		faultTable[key] = map[string]int{}
	}
	faultTable[key][name]++
}

func printFaultTable() {
	if len(faultTable) == 0 {
		return
	}
	cells, runs, bad := map[string]string{}, 0, 0
	for key, outcomes := range faultTable {
		var names []string
		for name, times := range outcomes {
			runs += times
			if name == "HANG" || strings.HasPrefix(name, "WRONG") {
				bad += times
			}
			names = append(names, name)
		}
		sort.Strings(names)
		cells[key] = strings.Join(names, "/")
	}
	fmt.Printf("%-21s %-8s %-2s", "fault", "upstream", "")
	for _, phase := range faultPhases {
		fmt.Printf(" %-15s", phase)
	}
	fmt.Println()
	for _, fault := range matrixFaults {
		for _, way := range []harness.Via{harness.Direct, harness.Scanner} {
			for _, proto := range faultProtos {
				row := fmt.Sprintf("%-21s %-8s %s", fault.name, way, proto)
				fmt.Print(row)
				for _, phase := range faultPhases {
					fmt.Printf(" %-15s", cells[row+" "+string(phase)])
				}
				fmt.Println()
			}
		}
	}
	fmt.Printf("%d cells, %d runs, %d hangs or wrong successes\n", len(faultTable), runs, bad)
}
