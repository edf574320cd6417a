package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// askWorld asks about hosts; late.test leads to the same origin.
func askWorld(t *testing.T, o harness.WorldOptions, args ...string) (*harness.World, *control) {
	t.Helper()
	o.Args = append(append(o.Args, "--ask"), args...)
	return liveWorld(t, o)
}

type pendingAsk struct {
	Ask, Host, Method, Path string
	Port, Waiting           int
	SecondsLeft             int `json:"seconds_left"`
}

// asks waits until the list is as it is wanted.
func (c *control) asks(want func([]pendingAsk) bool) []pendingAsk {
	c.t.Helper()
	message := `{"v":1,"verb":"asks.list"}`
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); {
		var answer struct {
			OK      bool
			Error   string
			Version int
			Asks    []pendingAsk
		}
		text, _ := json.Marshal(c.ask(message))
		if json.Unmarshal(text, &answer) != nil || !answer.OK {
			c.t.Fatalf("the proxy said %s", text)
		}
		if want(answer.Asks) {
			return answer.Asks
		}
		message = fmt.Sprintf(`{"v":1,"verb":"asks.list","after":%d}`, answer.Version)
	}
	c.t.Fatal("the asks do not become what they should")
	return nil
}

func (c *control) oneAsk(waiting int) pendingAsk {
	c.t.Helper()
	return c.asks(func(all []pendingAsk) bool { return len(all) == 1 && all[0].Waiting == waiting })[0]
}

func (c *control) reply(ask, answer string) map[string]any {
	c.t.Helper()
	return c.ask(fmt.Sprintf(`{"v":1,"verb":"asks.answer","ask":%q,"answer":%q}`, ask, answer))
}

// asked sends a request that is held, and gives its answer.
func asked(w *harness.World, client *http.Client, method, url string, body io.Reader) chan harness.Answer {
	answers := make(chan harness.Answer, 1)
	go func() {
		answer, err := w.Try(client, method, url, body)
		if err != nil {
			answer.Text = err.Error()
		}
		answers <- answer
	}()
	return answers
}

func wantAskLine(t *testing.T, w *harness.World, answer, who, verdict string) {
	t.Helper()
	w.Proxy.WaitAudit(t, "the ask that ended with "+answer, func(l map[string]any) bool {
		said, _ := l["who"].(string)
		return l["kind"] == "ask" && l["host"] == "late.test" && l["answer"] == answer && said == who &&
			l["verdict"] == verdict
	})
}

func uid() string { return fmt.Sprintf("uid %d", os.Geteuid()) }

// TestAHeldRequestGoesOnWhenItsHostIsAllowed: by an answer or by another command, and nothing leaves before.
func TestAHeldRequestGoesOnWhenItsHostIsAllowed(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w, channel := askWorld(t, options)
		client := w.Client(proto)
		body := strings.Repeat("x", 100_000)
		held := asked(w, client, "POST", w.URLOf("late.test", "/echo?key=value"), strings.NewReader(body))
		ask := channel.oneAsk(1)
		if ask.Host != "late.test" || ask.Port != w.Port || ask.Method != "POST" || ask.Path != "/echo?key=*" ||
			ask.SecondsLeft < 50 || ask.SecondsLeft > 60 {
			t.Errorf("asked: %+v", ask)
		}
		w.Untouched()
		if answer := channel.reply(ask.Ask, "allow"); answer["ok"] != true {
			t.Fatal(answer)
		}
		if answer := <-held; answer.Response == nil || answer.Status() != 200 {
			t.Fatalf("answered: %s", answer.Text)
		}
		if got := arrived(t, w); string(got.Body) != body {
			t.Errorf("the origin got %d bytes", len(got.Body))
		}
		if answer := w.Do(client, "GET", w.URLOf("late.test", "/echo"), nil); answer.Status() != 200 {
			t.Errorf("the next one: %d", answer.Status())
		}
		wantAskLine(t, w, "allow", uid(), "allowed")
	})
}

// TestOnceRefusedAndUnanswered: one of two requests passes, then a person says no, and is not asked again.
func TestOnceRefusedAndUnanswered(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w, channel := askWorld(t, options)
		late := w.URLOf("late.test", "/echo")
		first, second := asked(w, w.Client(proto), "GET", late, nil), asked(w, w.Client(proto), "GET", late, nil)
		channel.reply(channel.oneAsk(2).Ask, "once")
		again := channel.oneAsk(1)
		channel.reply(again.Ask, "deny")
		one, other := <-first, <-second
		if one.Response == nil || other.Response == nil || one.Status()+other.Status() != 200+403 {
			t.Fatalf("answered: %s, %s", one.Text, other.Text)
		}
		if answer := channel.reply(again.Ask, "allow"); answer["ok"] != false {
			t.Errorf("an ask that is over: %v", answer)
		}
		client := w.Client(proto)
		begun := time.Now()
		problem := wantProblem(t, w.Do(client, "GET", late, nil), 403, "host_not_allowed")
		if !strings.Contains(problem.Hint, "`bottle allow late.test") || time.Since(begun) > 10*time.Second {
			t.Errorf("after %v: %+v", time.Since(begun), problem)
		}
		wantAskLine(t, w, "once", uid(), "allowed")
		wantAskLine(t, w, "deny", uid(), "refused")
		// A command opens what a person refused.
		channel.policy("allow", "host", lateHost(w))
		if answer := w.Do(client, "GET", late, nil); answer.Status() != 200 {
			t.Errorf("allowed by a command: %d", answer.Status())
		}
	})
}

// TestAnotherCommandReleasesAHeldRequest: allow and deny.
func TestAnotherCommandReleasesAHeldRequest(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w, channel := askWorld(t, harness.WorldOptions{Via: harness.Direct})
		held := asked(w, w.Client(proto), "GET", w.URLOf("late.test", "/echo"), nil)
		channel.oneAsk(1)
		channel.policy("allow", "host", lateHost(w))
		if answer := <-held; answer.Response == nil || answer.Status() != 200 {
			t.Errorf("allowed: %s", answer.Text)
		}
		held = asked(w, w.Client(proto), "GET", "https://other.example/", nil)
		channel.oneAsk(1)
		channel.policy("deny", "host", "other.example")
		wantProblem(t, <-held, 403, "route_deny")
	})
}

// TestAnUnansweredRequestIsRefused: after ask_ms, as it would be at once without --ask; later ones ask anew.
func TestAnUnansweredRequestIsRefused(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w, channel := askWorld(t, harness.WorldOptions{Via: harness.Direct}, "--limit", "ask_ms=700", "--limit",
			"body_stall_ms=200", "--limit", "first_byte_ms=300", "--limit", "request_head_ms=300")
		for i := 0; i < 2; i++ {
			begun := time.Now()
			answer := w.Do(w.Client(proto), "POST", w.URLOf("late.test", "/echo"), strings.NewReader("text"))
			problem := wantProblem(t, answer, 403, "host_not_allowed")
			took := time.Since(begun)
			if took < 700*time.Millisecond || !strings.Contains(problem.Hint, "bottle allow") {
				t.Errorf("after %v: %q", took, problem.Hint)
			}
		}
		wantAskLine(t, w, "none", "", "refused")
		channel.asks(func(all []pendingAsk) bool { return len(all) == 0 })
		w.Untouched()
	})
}

// TestAClientThatGoesEndsItsAsk: curl gives up, or is killed.
func TestAClientThatGoesEndsItsAsk(t *testing.T) {
	for _, version := range []string{"--http1.1", "--http2"} {
		t.Run(version, func(t *testing.T) {
			w, channel := askWorld(t, harness.WorldOptions{Via: harness.Direct})
			curl := exec.Command("curl", "-sS", version, "--proxy", "http://"+w.Proxy.Addr, "--cacert",
				w.Proxy.CAFile, w.URLOf("late.test", "/echo"))
			if err := curl.Start(); err != nil {
				t.Skip("curl is missing")
			}
			channel.oneAsk(1)
			curl.Process.Kill()
			curl.Wait()
			channel.asks(func(all []pendingAsk) bool { return len(all) == 0 })
			w.Proxy.WaitAudit(t, "the ask", func(l map[string]any) bool {
				return l["kind"] == "ask" && l["answer"] == "left" && l["by"] == "client"
			})
		})
	}
}

// TestTheSeventeenthHostIsNotAsked: it is refused at once, the others wait.
func TestTheSeventeenthHostIsNotAsked(t *testing.T) {
	w, channel := askWorld(t, harness.WorldOptions{Via: harness.Direct})
	var held []chan harness.Answer
	for i := 0; i < 16; i++ {
		held = append(held, asked(w, w.Client(harness.H1), "GET", fmt.Sprintf("https://host%d.example/", i), nil))
	}
	all := channel.asks(func(all []pendingAsk) bool { return len(all) == 16 })
	wantProblem(t, w.Do(w.Client(harness.H1), "GET", "https://host17.example/", nil), 403, "host_not_allowed")
	for _, ask := range all {
		// Had the seventeenth waited, these would be over by now.
		if answer := channel.reply(ask.Ask, "deny"); answer["ok"] != true {
			t.Fatal(answer)
		}
	}
	for _, one := range held {
		wantProblem(t, <-one, 403, "host_not_allowed")
	}
}

// TestTheSixtyFifthRequestIsNotHeld: of one host.
func TestTheSixtyFifthRequestIsNotHeld(t *testing.T) {
	w, channel := askWorld(t, harness.WorldOptions{Via: harness.Direct})
	late := w.URLOf("late.test", "/echo")
	client := w.Client(harness.H2)
	var held sync.WaitGroup
	for i := 0; i < 64; i++ {
		held.Add(1)
		go func() {
			defer held.Done()
			if answer, err := w.Try(client, "GET", late, nil); err != nil || answer.Status() != 200 {
				t.Errorf("%v %s", err, answer.Text)
			}
		}()
	}
	ask := channel.oneAsk(64)
	wantProblem(t, w.Do(client, "GET", late, nil), 403, "host_not_allowed")
	channel.reply(ask.Ask, "allow")
	held.Wait()
}

// TestOtherRefusalsAreNotAsked: closed hosts, addresses, and what the guard finds.
func TestOtherRefusalsAreNotAsked(t *testing.T) {
	w, _ := askWorld(t, harness.WorldOptions{Via: harness.Direct, Args: []string{"--route", "closed.test=deny"}})
	client := w.Client(harness.H1)
	begun := time.Now()
	wantProblem(t, w.Do(client, "GET", "https://closed.test/", nil), 403, "route_deny")
	wantProblem(t, w.Do(client, "GET", "https://10.0.0.1/", nil), 403, "address_not_allowed")
	wantProblem(t, w.Do(client, "GET", "https://metadata.google.internal/", nil), 403, "own_address")
	key := "/?k=ghp_k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT0yR2sB"
	wantProblem(t, w.Do(client, "GET", w.URLOf("late.test", key), nil), 403, "host_not_allowed")
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("they took %v", took)
	}
	if strings.Contains(w.Proxy.AuditText(), `"kind":"ask"`) {
		t.Error("someone was asked")
	}
}

// TestAnEndOfTheProxyEndsHeldRequests: SIGTERM does not wait for an answer.
func TestAnEndOfTheProxyEndsHeldRequests(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w, channel := askWorld(t, harness.WorldOptions{Via: harness.Direct})
		held := asked(w, w.Client(proto), "GET", w.URLOf("late.test", "/echo"), nil)
		channel.oneAsk(1)
		begun := time.Now()
		w.Proxy.Signal(syscall.SIGTERM)
		wantProblem(t, <-held, 403, "host_not_allowed")
		w.Proxy.WaitExit(20 * time.Second)
		if took := time.Since(begun); took > 15*time.Second {
			t.Errorf("it took %v", took)
		}
		wantAskLine(t, w, "closed", "", "failed")
	})
}
