package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// Behind the exit a scanner may die, hang, mix answers up or change them: every exchange ends with its own answer or
// with an honest error, never with another one's.

// processWorld has a scanner that can be stopped and killed: the double as a program, or a real pipelock.
func processWorld(t *testing.T, args ...string) *harness.World {
	t.Helper()
	return harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true, Program: true, Args: args})
}

func fine(t *testing.T, w *harness.World, proto harness.Proto) {
	t.Helper()
	if answer := w.Do(w.Client(proto), "GET", "/text", nil); answer.StatusCode != 200 ||
		answer.Text != "hello from the origin\n" {
		t.Errorf("afterwards: status %d: %s", answer.StatusCode, answer.Text)
	}
}

// later makes a request in the background; its answer comes through the channel.
func later(w *harness.World, client *http.Client, method, path string, body io.Reader) chan harness.Answer {
	out := make(chan harness.Answer, 1)
	go func() {
		answer, err := w.Try(client, method, path, body, "Content-Type", "text/plain")
		if err != nil {
			answer.BodyErr = err
		}
		out <- answer
	}()
	return out
}

func TestExitScannerKilledAndRestarted(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := processWorld(t)
		client := w.Client(proto)
		pending := later(w, client, "POST", "/slow?ms=3000", strings.NewReader("once"))
		if !w.Origin.Wait(10*time.Second, func(r []origin.Record) bool { return len(r) == 1 }) {
			t.Fatal("the request did not reach the origin")
		}
		w.Program.Kill()
		answer := <-pending
		if answer.Response == nil || answer.StatusCode != 502 && answer.StatusCode != 503 {
			t.Errorf("killed before the answer: status %d, %v: %s", answer.Status(), answer.BodyErr, answer.Text)
		}
		wantProblem(t, w.Do(client, "GET", "/text", nil), 503, "scanner_unavailable")
		w.Program.Restart()
		fine(t, w, proto)
		if n := len(w.Origin.Requests()); n != 2 {
			t.Errorf("%d requests at the origin, want 2: a POST that went out must not go out again", n)
		}
	})
}

func TestExitScannerKilledInAStream(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := processWorld(t)
		resp := begun(t, w, w.Client(proto), "/sse?n=1000&ms=20")
		if _, err := io.ReadFull(resp.Body, make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
		w.Program.Kill()
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("a killed scanner looks like the end of the stream")
		}
		if !w.Origin.Wait(5*time.Second, func(r []origin.Record) bool { return r[0].Done }) {
			t.Errorf("the origin still sends to nobody")
		}
		w.Program.Restart()
		fine(t, w, proto)
	})
}

func TestExitScannerStopped(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := processWorld(t, "--limit", "upstream_head_ms=1000", "--limit", "response_stall_ms=1000")
		fine(t, w, proto)
		resp := begun(t, w, w.Client(proto), "/sse?n=1000&ms=20")
		w.Program.Signal(syscall.SIGSTOP)
		began := time.Now()
		wantProblem(t, w.Do(w.Client(proto), "GET", "/text", nil), 504, "upstream_timeout", "no_response",
			"scanner_timeout")
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("a stopped scanner looks like the end of the stream")
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v with limits of a second", took)
		}
		w.Program.Signal(syscall.SIGCONT)
		if !harness.Eventually(5*time.Second, func() bool {
			answer, err := w.Try(w.Client(proto), "GET", "/text", nil)
			return err == nil && answer.StatusCode == 200
		}) {
			t.Errorf("a scanner that goes on is not used again")
		}
	})
}

// TestExitAnswersOfOthers: two exchanges get each other's answers, or one gets the answer of the one before.
func TestExitAnswersOfOthers(t *testing.T) {
	for name, kind := range map[string]double.FaultKind{"swap": double.FaultSwap, "stale": double.FaultStale} {
		t.Run(name, func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) {
				w := exitWorld(t, harness.WorldOptions{})
				client := w.Client(proto)
				w.Double.SetFault(double.Fault{Kind: kind})
				for round := 0; round < 5; round++ {
					var pending []chan harness.Answer
					for i := 0; i < 2; i++ {
						pending = append(pending, later(w, client, "POST", "/mirror",
							strings.NewReader(fmt.Sprintf("body %d of round %d", i, round))))
					}
					for i, one := range pending {
						answer := <-one
						if answer.Response == nil {
							continue // closed: honest
						}
						if want := fmt.Sprintf("body %d of round %d", i, round); answer.StatusCode == 200 &&
							answer.Text != want {
							t.Errorf("got %q, want %q", answer.Text, want)
						} else if answer.StatusCode != 200 {
							wantProblem(t, answer, 502, "scanner_mixed_up")
						}
					}
				}
				w.Double.SetFault(double.Fault{})
				fine(t, w, proto)
			})
		})
	}
}

// TestExitAnswersTwice: the second answer goes to no client.
func TestExitAnswersTwice(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := exitWorld(t, harness.WorldOptions{})
		client := w.Client(proto)
		w.Double.SetFault(double.Fault{Kind: double.FaultTwice})
		for i := 0; i < 10; i++ {
			want := fmt.Sprintf("body %d", i)
			answer, err := w.Try(client, "POST", "/mirror", strings.NewReader(want), "Content-Type", "text/plain")
			if err == nil && answer.StatusCode == 200 && answer.Text != want {
				t.Errorf("got %q, want %q", answer.Text, want)
			} else if err == nil && answer.StatusCode != 200 && answer.StatusCode != 502 {
				t.Errorf("status %d: %s", answer.StatusCode, answer.Text)
			}
		}
		w.Double.SetFault(double.Fault{})
		fine(t, w, proto)
	})
}

// TestExitChangedAnswers: what the scanner changed is told as its doing, or cut; never passed off as the origin's.
func TestExitChangedAnswers(t *testing.T) {
	const large = 1 << 20
	for _, c := range []struct {
		name  string
		fault double.Fault
		path  string
		want  string // "denied", "cut"
	}{
		{"blocked-afterwards", double.Fault{Kind: double.FaultBlockAfter}, "/text", "denied"},
		{"status", double.Fault{Kind: double.FaultStatus, After: 203}, "/text", "denied"},
		{"field", double.Fault{Kind: double.FaultField, Bytes: "X-Added: yes"}, "/text", "denied"},
		{"small-body", double.Fault{Kind: double.FaultChangeBody}, "/text", "denied"},
		{"small-body-longer", double.Fault{Kind: double.FaultLongerBody, Bytes: "more"}, "/text", "denied"},
		{"small-body-shorter", double.Fault{Kind: double.FaultShorterBody, After: 5}, "/text", "cut"},
		{"large-body", double.Fault{Kind: double.FaultChangeBody}, fmt.Sprintf("/bytes?n=%d", large), "cut"},
		{"large-body-longer", double.Fault{Kind: double.FaultLongerBody, Bytes: "more"},
			fmt.Sprintf("/bytes?n=%d", large), "cut"},
		{"large-body-shorter", double.Fault{Kind: double.FaultShorterBody, After: 600000},
			fmt.Sprintf("/bytes?n=%d", large), "cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) {
				w := exitWorld(t, harness.WorldOptions{})
				w.Double.SetFault(c.fault)
				answer, err := w.Try(w.Client(proto), "GET", c.path, nil)
				switch {
				case c.want == "denied" && err != nil:
					t.Errorf("no answer: %v", err)
				case c.want == "denied":
					if answer.Header.Get("X-Bottle-Deny") == "" || answer.BodyErr != nil {
						t.Errorf("status %d, no X-Bottle-Deny (%v): %.100s", answer.StatusCode, answer.BodyErr,
							answer.Text)
					}
					w.Proxy.WaitAudit(t, "a line by pipelock", func(l map[string]any) bool {
						return l["by"] == "pipelock"
					})
				case err == nil && answer.BodyErr == nil && answer.StatusCode == 200:
					t.Errorf("%d bytes and a clean end", len(answer.Text))
				}
				w.Double.SetFault(double.Fault{})
				fine(t, w, proto)
			})
		})
	}
}

// TestExitDroppedAndChangedEvents: an event that the scanner did not pass is not sent, and those after it are.
func TestExitDroppedAndChangedEvents(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := exitWorld(t, harness.WorldOptions{})
		for kind, name := range map[double.FaultKind]string{double.FaultDropEvent: "dropped",
			double.FaultChangeEvent: "changed"} {
			w.Double.SetFault(double.Fault{Kind: kind, After: 1, Times: 1})
			answer, err := w.Try(w.Client(proto), "GET", "/sse?n=4&ms=30&comments=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(answer.Text, `"seq":1,`) || !strings.Contains(answer.Text, `"seq":0,`) {
				t.Errorf("%s: %q", name, answer.Text)
			}
			if kind == double.FaultDropEvent && answer.BodyErr == nil && !strings.Contains(answer.Text, `"seq":3,`) {
				t.Errorf("%s: a clean end without the last event: %q", name, answer.Text)
			}
			if kind == double.FaultChangeEvent && answer.BodyErr == nil &&
				strings.Contains(answer.Text, "data: changed") {
				t.Errorf("%s: an event that no origin sent: %q", name, answer.Text)
			}
		}
		fine(t, w, proto)
	})
}

// TestExitManyExchanges: 10 000 exchanges, 100 at a time, clients of both protocols, both routes, bodies that differ
// both ways: none gets another one's.
func TestExitManyExchanges(t *testing.T) {
	total, largest := 10000, 4000
	if harness.RealPipelock() != "" {
		total, largest = 400, 300 // it scans a few milliseconds each
	}
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true, More: []string{"other.test"},
		Args: []string{"--route", "other.test=scan-requests"}})
	clients := map[harness.Proto]*http.Client{}
	for _, proto := range []harness.Proto{harness.H1, harness.H2} {
		clients[proto] = w.ClientWith(proto, func(transport *http.Transport) { transport.MaxIdleConnsPerHost = 100 })
	}
	var next, swapped, failed atomic.Int64
	var first sync.Once
	body := func(i int) []byte {
		size := 1 + (i*7919)%largest
		if i%500 == 499 && largest > 1000 {
			size = 300 << 10 // more than is collected before a head is passed on
		}
		return bytes.Repeat([]byte(fmt.Sprintf("%d;", i)), size/8+1)
	}
	began := time.Now()
	var wait sync.WaitGroup
	for worker := 0; worker < 100; worker++ {
		wait.Add(1)
		go func(worker int) {
			defer wait.Done()
			proto := []harness.Proto{harness.H1, harness.H2}[worker%2]
			for {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				host := w.Name
				if i%4 == 3 {
					host = "other.test"
				}
				mine := body(i)
				answer, err := w.Try(clients[proto], "POST", w.URLOf(host, "/mirror"), bytes.NewReader(mine),
					"X-Number", fmt.Sprint(i),
					"Content-Type", "application/octet-stream")
				switch {
				case err != nil || answer.BodyErr != nil || answer.StatusCode != 200:
					failed.Add(1)
					first.Do(func() {
						t.Errorf("exchange %d over %s: status %d, %v %v: %.300s", i, proto, answer.Status(), err,
							answer.BodyErr, answer.Text)
					})
				case answer.Text != string(mine) || answer.Header.Get("X-Number") != fmt.Sprint(i):
					swapped.Add(1)
				}
			}
		}(worker)
	}
	wait.Wait()
	t.Logf("%d exchanges in %v: %d swapped, %d failed", total, time.Since(began).Round(time.Millisecond),
		swapped.Load(), failed.Load())
	if swapped.Load() != 0 || failed.Load() != 0 {
		t.Errorf("%d of %d exchanges got another one's answer, %d failed", swapped.Load(), total, failed.Load())
	}
	if n := len(w.Origin.Requests()); failed.Load() == 0 && n != total {
		t.Errorf("%d requests at the origin, want %d", n, total)
	}
}
