package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// liveWorld allows origin.test from the start; late.test leads to the same origin. It takes commands.
func liveWorld(t *testing.T, o harness.WorldOptions) (*harness.World, *control) {
	t.Helper()
	directory, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	path := filepath.Join(directory, "control")
	o.More = append(o.More, "late.test")
	o.Allow = []string{"nothing.test"}
	o.Args = append(o.Args, "--control", "unix:"+path, "--threads", "2", "--ca-names", "any")
	late := o.LateArgs
	o.LateArgs = func(w *harness.World) []string {
		args := []string{"--allow", w.HostPort()}
		if late != nil {
			args = append(args, late(w)...)
		}
		return args
	}
	w := harness.NewWorld(t, o)
	return w, controlAt(t, path)
}

// policy says a message of the policy, and wants it to be done.
func (c *control) policy(verb string, rest ...any) map[string]any {
	c.t.Helper()
	answer := c.tryPolicy(verb, rest...)
	if answer["ok"] != true {
		c.t.Fatalf("%s %v: %v", verb, rest, answer)
	}
	return answer
}

func (c *control) tryPolicy(verb string, rest ...any) map[string]any {
	c.t.Helper()
	message := map[string]any{"v": 1, "id": "p", "verb": "policy." + verb}
	for i := 0; i+1 < len(rest); i += 2 {
		message[rest[i].(string)] = rest[i+1]
	}
	text, _ := json.Marshal(message)
	return c.ask(string(text))
}

func lateHost(w *harness.World) string { return fmt.Sprintf("late.test:%d", w.Port) }

// TestAHostIsAllowedAndDeniedWhileTheProxyRuns: on one connection, request by request.
func TestAHostIsAllowedAndDeniedWhileTheProxyRuns(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w, channel := liveWorld(t, options)
		client := w.Client(proto)
		late := w.URLOf("late.test", "/echo")
		refused := w.Do(client, "GET", late, nil)
		wantProblem(t, refused, 403, "host_not_allowed")
		if hint := refused.Problem(t).Hint; !strings.Contains(hint, "`bottle allow late.test") {
			t.Errorf("the hint is %q", hint)
		}
		for round := 0; round < 3; round++ {
			if round > 0 {
				channel.policy("allow", "host", "late.test") // a port alone does not take the deny back
			}
			channel.policy("allow", "host", lateHost(w))
			if answer := w.Do(client, "GET", late, nil); answer.Status() != 200 {
				t.Fatalf("allowed: %d %s", answer.Status(), answer.Text)
			}
			channel.policy("deny", "host", "late.test")
			wantProblem(t, w.Do(client, "GET", late, nil), 403, "route_deny")
			if answer := w.Do(client, "GET", "/echo", nil); answer.Status() != 200 {
				t.Fatalf("another host: %d", answer.Status())
			}
		}
		text := w.Proxy.AuditText()
		by := fmt.Sprintf(" (by uid %d)", os.Geteuid())
		if strings.Count(text, `"kind":"policy_changed"`) != 8 || !strings.Contains(text, `"deny late.test`+by) ||
			!strings.Contains(text, `"allow `+lateHost(w)+by) {
			t.Errorf("the audit log has %s", text)
		}
	})
}

// TestRunningExchangesKeepTheirDecision: what began before a deny ends as it began, also where the scanner has yet to
// look for the exit.
func TestRunningExchangesKeepTheirDecision(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w, channel := liveWorld(t, options)
		channel.policy("allow", "host", lateHost(w))
		body, feed := io.Pipe()
		answers := make(chan harness.Answer, 1)
		go func() {
			answer, err := w.Try(w.Client(proto), "POST", w.URLOf("late.test", "/echo"), body, "Content-Type",
				"text/plain")
			if err != nil {
				t.Error(err)
			}
			answers <- answer
		}()
		feed.Write([]byte("first "))
		time.Sleep(300 * time.Millisecond)
		channel.policy("deny", "host", "late.test")
		feed.Write([]byte("second"))
		feed.Close()
		answer := <-answers
		if answer.Response == nil || answer.Status() != 200 || !strings.Contains(answer.Text, `"body_len":12`) {
			t.Errorf("it ended with %q", answer.Text)
		}
	})
}

// TestOnceIsOneRequestOfAll: of many that come at once, at both workers.
func TestOnceIsOneRequestOfAll(t *testing.T) {
	for _, options := range []harness.WorldOptions{{Via: harness.Direct}, {Via: harness.Scanner, Exit: true}} {
		t.Run(string(options.Via), func(t *testing.T) {
			w, channel := liveWorld(t, options)
			for round := 1; round <= 5; round++ {
				channel.policy("allow", "host", lateHost(w), "once", true)
				var passed atomic.Int64
				var clients sync.WaitGroup
				for i := 0; i < 8; i++ {
					clients.Add(1)
					go func() {
						defer clients.Done()
						answer, err := w.Try(w.Client(harness.H1), "GET", w.URLOf("late.test", "/echo"), nil)
						if err == nil && answer.Status() == 200 {
							passed.Add(1)
						}
					}()
				}
				clients.Wait()
				if passed.Load() != 1 {
					t.Fatalf("round %d: %d passed", round, passed.Load())
				}
			}
		})
	}
}

// TestAllowedForATime: and its requests are counted.
func TestAllowedForATime(t *testing.T) {
	w, channel := liveWorld(t, harness.WorldOptions{Via: harness.Direct})
	client := w.Client(harness.H2)
	channel.policy("allow", "host", "late.test", "seconds", 2)
	for i := 0; i < 3; i++ {
		w.Do(client, "GET", w.URLOf("late.test", "/echo"), nil)
	}
	if list := fmt.Sprint(channel.policy("list")["allow"]); !strings.Contains(list, "hits:3 host:late.test") {
		t.Errorf("listed: %s", list)
	}
	eventually(t, 10*time.Second, "the end", func() bool {
		return w.Do(client, "GET", w.URLOf("late.test", "/echo"), nil).Status() == 403
	})
	if list := fmt.Sprint(channel.policy("list")["allow"]); strings.Contains(list, "late.test") {
		t.Errorf("listed: %s", list)
	}
}

// TestAPortThatTheExitDoesNotListenAt: pipelock is shown another one, the origin is asked at its own.
func TestAPortThatTheExitDoesNotListenAt(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w, channel := liveWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true,
			LateArgs: func(w *harness.World) []string {
				return []string{"--resolve", "late.test:4711=" + w.Origin.Addr(), "--route", "late.test=scan-requests"}
			}})
		client := w.Client(proto)
		wantProblem(t, w.Do(client, "GET", "https://late.test:4711/", nil), 403, "host_not_allowed")
		channel.policy("allow", "host", "late.test:4711", "route", "scan")
		for _, route := range []string{"scan", "scan-requests"} {
			channel.policy("allow", "host", "late.test:4711", "route", route)
			answer := w.Do(client, "POST", "https://late.test:4711/echo?q=1", strings.NewReader("text"), "Content-Type",
				"text/plain")
			got := arrived(t, w)
			if answer.Status() != 200 || got.Host != "late.test:4711" || string(got.Body) != "text" {
				t.Errorf("route %s: status %d %s, the origin got %q", route, answer.Status(), answer.Text, got.Host)
			}
		}
		w.Proxy.WaitAudit(t, "the real port", func(l map[string]any) bool {
			return l["host"] == "late.test" && l["port"] == 4711.0 && l["verdict"] == "allowed"
		})
	})
}

// TestCommandsOpenNothingThatIsClosed: errors that say what stands against it, and the policy stays.
func TestCommandsOpenNothingThatIsClosed(t *testing.T) {
	w, channel := liveWorld(t, harness.WorldOptions{Via: harness.Direct,
		Args: []string{"--route", "closed.test=deny", "--route", "*.shut.test=deny"}})
	for _, wrong := range []struct{ host, says string }{
		{"closed.test", "closed.test=deny"}, {"x.shut.test", "*.shut.test=deny"}, {"*.shut.test", "*.shut.test=deny"},
		{"10.0.0.1", "private"}, {"169.254.169.254", "not allowed"}, {"metadata.google.internal", "metadata"},
		{"http://a.test/", "without scheme"}, {"a..test", "not a host"}, {"", "not a host"},
	} {
		answer := channel.tryPolicy("allow", "host", wrong.host)
		if answer["ok"] != false || !strings.Contains(fmt.Sprint(answer["error"], answer["hint"]), wrong.says) {
			t.Errorf("%s: %v", wrong.host, answer)
		}
	}
	check := channel.policy("check", "url", "https://x.shut.test/a?b")["check"].(map[string]any)
	if check["passes"] != false || check["reason"] != "route_deny" || check["entry"] != nil {
		t.Errorf("checked: %v", check)
	}
	channel.policy("allow", "host", "*")
	check = channel.policy("check", "url", "https://x.shut.test/a?b")["check"].(map[string]any)
	if check["passes"] != false || check["reason"] != "route_deny" || check["entry"] == nil {
		t.Errorf("checked: %v", check)
	}
	w.Untouched()
}

// TestHangupReadsTheListsAgain: allow and route of the file; what is invalid changes nothing.
func TestHangupReadsTheListsAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"allow": ["first.test"]}`)
	w, channel := liveWorld(t, harness.WorldOptions{Via: harness.Direct, Args: []string{"--config", file}})
	client := w.Client(harness.H1)
	channel.policy("deny", "host", "first.test")
	write(`{"allow": ["late.test"], "route": ["shut.late.test=deny"]}`)
	w.Proxy.Signal(syscall.SIGHUP)
	eventually(t, 10*time.Second, "late.test is allowed", func() bool {
		return w.Do(client, "GET", w.URLOf("late.test", "/echo"), nil).Status() == 200
	})
	if text := w.Proxy.AuditText(); !strings.Contains(text, "+late.test -first.test") ||
		!strings.Contains(text, "(by SIGHUP)") {
		t.Errorf("the audit log has %s", text)
	}
	if list := fmt.Sprint(channel.policy("list")["routes"]); !strings.Contains(list, "first.test") ||
		!strings.Contains(list, "shut.late.test") {
		t.Errorf("routes: %s", list)
	}
	write(`{"allow": ["late..test"]}`)
	w.Proxy.Signal(syscall.SIGHUP)
	eventually(t, 10*time.Second, "the log says so", func() bool {
		return strings.Contains(w.Proxy.Stderr(), "the policy stays as it was")
	})
	if answer := w.Do(client, "GET", w.URLOf("late.test", "/echo"), nil); answer.Status() != 200 {
		t.Errorf("status %d", answer.Status())
	}
}

// flips says allow and deny of late.test in turns. A request that begins when `since` is odd and ends at the same value
// was between the acknowledgement of an allow and the next command; even: of a deny.
func flips(channel *control, w *harness.World, times int, pause time.Duration, since *atomic.Int64) {
	for n := 0; n < times; n++ {
		verb, host := "allow", lateHost(w)
		if n%2 == 1 {
			verb, host = "deny", "late.test"
		}
		since.Store(-1)
		if n > 0 && n%2 == 0 {
			channel.policy("allow", "host", "late.test") // takes the deny back
		}
		channel.policy(verb, "host", host)
		since.Store(int64(n + 1))
		time.Sleep(pause)
	}
}

// paced asks about so many times a second, from several clients, until `stop` is closed.
func paced(w *harness.World, perSecond int, stop chan struct{}, one func(client *http.Client)) {
	const clients = 8
	var all sync.WaitGroup
	for i := 0; i < clients; i++ {
		i := i
		all.Add(1)
		go func() {
			defer all.Done()
			client := w.Client([]harness.Proto{harness.H1, harness.H2}[i%2])
			tick := time.NewTicker(time.Second * clients / time.Duration(perSecond))
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					one(client)
				}
			}
		}()
	}
	all.Wait()
}

func p99(times []time.Duration) time.Duration {
	sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
	if len(times) == 0 {
		return 0
	}
	return times[len(times)*99/100]
}

// TestManyChangesOfThePolicyUnderLoad: no exchange of another host fails, and after an acknowledgement no verdict is
// that of the policy before. BOTTLE_CHANGES says how many (default 100).
func TestManyChangesOfThePolicyUnderLoad(t *testing.T) {
	times := 100
	fmt.Sscan(os.Getenv("BOTTLE_CHANGES"), &times)
	for _, options := range []harness.WorldOptions{{Via: harness.Direct}, {Via: harness.Scanner, Exit: true}} {
		t.Run(string(options.Via), func(t *testing.T) {
			w, channel := liveWorld(t, options)
			var since, done, failed, judged, wrong atomic.Int64
			var lock sync.Mutex
			var took [2][]time.Duration
			changing := 0
			one := func(client *http.Client) {
				begun := time.Now()
				answer, err := w.Try(client, "GET", "/echo", nil)
				lock.Lock()
				took[changing] = append(took[changing], time.Since(begun))
				lock.Unlock()
				done.Add(1)
				if err != nil || answer.Status() != 200 {
					failed.Add(1)
					t.Logf("%v %d %s", err, answer.Status(), answer.Text)
				}
				before := since.Load()
				answer, err = w.Try(client, "GET", w.URLOf("late.test", "/echo"), nil)
				if err != nil {
					failed.Add(1)
					t.Log(err)
					return
				}
				if before < 1 || since.Load() != before {
					if answer.Status() != 200 && answer.Status() != 403 {
						failed.Add(1)
						t.Logf("%d %s", answer.Status(), answer.Text)
					}
					return
				}
				judged.Add(1)
				if allowed := before%2 == 1; (answer.Status() == 200) != allowed {
					wrong.Add(1)
					t.Logf("change %d: %d %s", before, answer.Status(), answer.Text)
				}
			}
			quiet := make(chan struct{})
			time.AfterFunc(3*time.Second, func() { close(quiet) })
			paced(w, 200, quiet, one)
			changing = 1
			stop := make(chan struct{})
			go func() {
				flips(channel, w, times, 10*time.Millisecond, &since)
				close(stop)
			}()
			paced(w, 200, stop, one)
			t.Logf("%d changes: %d exchanges, %d failed; %d verdicts, %d wrong; p99 %v before, %v meanwhile", times,
				done.Load(), failed.Load(), judged.Load(), wrong.Load(), p99(took[0]), p99(took[1]))
			if failed.Load() != 0 || wrong.Load() != 0 || judged.Load() == 0 {
				t.Error("an exchange went wrong")
			}
		})
	}
}
