package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// alive tells whether a process is there and no zombie.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// restartEngine ends the process that serves, and waits for the next one.
func restartEngine(t *testing.T, w *harness.World) {
	t.Helper()
	w.Proxy.EnginesEnd = true
	old := w.Proxy.EnginePid()
	if old == w.Proxy.Pid() {
		t.Fatal("no process serves")
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "another process serves", func() bool {
		now := w.Proxy.EnginePid()
		return now != old && now != w.Proxy.Pid()
	})
}

// killEngine restarts it and returns how long it took until another one answered.
func killEngine(t *testing.T, w *harness.World) time.Duration {
	t.Helper()
	begin := time.Now()
	restartEngine(t, w)
	eventually(t, 20*time.Second, "another process answers", func() bool {
		_, err := w.Try(w.Client(harness.H1), "GET", "/text", nil)
		return err == nil
	})
	return time.Since(begin)
}

// openExchanges counts the exchanges that have begun and not ended in the audit log, the restarts that it tells of,
// and the exchanges that have begun.
func openExchanges(t *testing.T, proxy *harness.Proxy) (open, restarts, recorded int) {
	t.Helper()
	begun := map[any]int{}
	for _, line := range proxy.AllAuditLines(t) {
		switch {
		case line["kind"] == "engine_restarted":
			restarts++
		case line["kind"] == "begin":
			begun[line["id"]]++
			recorded++
		case line["part"] == "exchanges" && line["id"] != nil:
			begun[line["id"]]--
		}
	}
	for _, n := range begun {
		if n > 0 {
			open++
		}
	}
	return open, restarts, recorded
}

// load is clients that ask again and again, in both protocols.
type load struct {
	good, broken atomic.Int64
	done         atomic.Bool
	clients      sync.WaitGroup
}

// startLoad has four of them work until stop. An answer that is neither right nor an error of the proxy is a failure.
func startLoad(t *testing.T, w *harness.World) *load {
	out := &load{}
	for i := 0; i < 4; i++ {
		out.clients.Add(1)
		go func(proto harness.Proto) {
			defer out.clients.Done()
			client := w.Client(proto)
			for !out.done.Load() {
				answer, err := w.Try(client, "POST", "/echo", strings.NewReader("what is said"))
				switch {
				case err != nil || answer.BodyErr != nil || answer.Status() >= 500: // no answer, half of one, or told
					out.broken.Add(1)
					time.Sleep(5 * time.Millisecond)
				case answer.Status() == 200 && strings.Contains(answer.Text, `"body_len":12`):
					out.good.Add(1)
				default:
					t.Errorf("a wrong answer: %d %q", answer.Status(), answer.Text)
					return
				}
			}
		}([]harness.Proto{harness.H1, harness.H2}[i%2])
	}
	return out
}

func (l *load) stop() {
	l.done.Store(true)
	l.clients.Wait()
}

// goesOn waits until the clients have some more right answers.
func (l *load) goesOn(t *testing.T) {
	t.Helper()
	before := l.good.Load()
	eventually(t, 20*time.Second, "the clients go on", func() bool { return l.good.Load() > before+20 })
}

// TestKilledEngine: while clients work, the process that serves is killed again and again. The next connection works,
// with the same CA; each request that the origin got is in the audit log, and each beginning has its end. -count
// repeats it.
// [T40]
func TestKilledEngine(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: via, Exit: via == harness.Scanner, DoubleOnly: true})
			clients := startLoad(t, w)
			for i := 0; i < 4; i++ {
				took := killEngine(t, w)
				t.Logf("%d: served again after %v", i, took.Round(time.Millisecond))
				// From the third in ten seconds on a second is waited.
				if limit := 500 * time.Millisecond; harness.Release() && i < 2 && took > limit {
					t.Errorf("another process served after %v, want %v", took, limit)
				}
				clients.goesOn(t)
			}
			clients.stop()
			t.Logf("%d answers, %d broken", clients.good.Load(), clients.broken.Load())

			// The end of an exchange is written after its last byte: a client has its answer before.
			open, restarts, recorded := 0, 0, 0
			harness.Eventually(5*time.Second, func() bool {
				open, restarts, recorded = openExchanges(t, w.Proxy)
				return open == 0
			})
			if open > 0 {
				t.Errorf("%d of %d exchanges have no end in the log", open, recorded)
			}
			if restarts != 4 {
				t.Errorf("the log tells of %d restarts", restarts)
			}
			if got := len(w.Origin.Requests()); got > recorded {
				t.Errorf("the origin got %d requests, the log has %d", got, recorded)
			}
		})
	}
}

// TestChangesOutliveAnEngine: the policy that commands made holds in the next process, too.
func TestChangesOutliveAnEngine(t *testing.T) {
	w, channel := liveWorld(t, harness.WorldOptions{})
	client := w.Client(harness.H1)
	late := w.URLOf("late.test", "/text")
	channel.policy("allow", "host", lateHost(w))
	channel.policy("deny", "host", w.Name)
	w.Proxy.EnginesEnd = true
	old := w.Proxy.EnginePid()
	if err := syscall.Kill(old, syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the host that a command allowed is open again", func() bool {
		answer, err := w.Try(client, "GET", late, nil)
		return err == nil && answer.Status() == 200
	})
	wantProblem(t, w.Do(client, "GET", "/text", nil), 403, "route_deny")
}

// TestAnEngineThatKeepsEnding: the tenth end in a minute is the last.
func TestAnEngineThatKeepsEnding(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{})
	w.Proxy.EnginesEnd = true
	for i := 0; i < 10; i++ {
		old := w.Proxy.EnginePid()
		if old == w.Proxy.Pid() {
			t.Fatalf("no process serves after %d ends: %s", i, w.Proxy.Stderr())
		}
		_ = syscall.Kill(old, syscall.SIGKILL)
		eventually(t, 20*time.Second, "the next process, or the end", func() bool {
			now := w.Proxy.EnginePid()
			return w.Proxy.Exited() || now != old && now != w.Proxy.Pid()
		})
	}
	if status := w.Proxy.WaitExit(10 * time.Second); status != 70 {
		t.Errorf("the status is %d", status)
	}
	if text := w.Proxy.Stderr(); !strings.Contains(text, "the proxy is broken") {
		t.Errorf("it said %q", text)
	}
}

// TestKilledSignerOrKeeper: while clients work, the CA's key or the first process goes. Nothing works any more, and no
// request left without a line.
// [T40]
func TestKilledSignerOrKeeper(t *testing.T) {
	for _, who := range []string{"signer", "keeper"} {
		t.Run(who, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{})
			w.Proxy.EnginesEnd = true
			clients := startLoad(t, w)
			defer clients.stop()
			clients.goesOn(t)
			keeper, signer, engine := w.Proxy.Pid(), w.Proxy.SignerPid(), w.Proxy.EnginePid()
			if signer == keeper || engine == keeper {
				t.Fatal("a process is missing")
			}
			victim := map[string]int{"signer": signer, "keeper": keeper}[who]
			_ = syscall.Kill(victim, syscall.SIGKILL)
			if status := w.Proxy.WaitExit(10 * time.Second); who == "signer" && status != 70 {
				t.Errorf("the status is %d", status)
			}
			eventually(t, 10*time.Second, "the others have ended", func() bool {
				return !alive(signer) && !alive(engine)
			})
			if conn, err := net.Dial("tcp", w.Proxy.Addr); err == nil {
				conn.Close()
				t.Error("a connection is taken")
			}
			if who == "signer" && !strings.Contains(w.Proxy.Stderr(), "the signer ended") {
				t.Errorf("it said %q", w.Proxy.Stderr())
			}
			clients.stop()
			_, _, recorded := openExchanges(t, w.Proxy)
			if got := len(w.Origin.Requests()); got == 0 || got > recorded {
				t.Errorf("the origin got %d requests, the log has %d", got, recorded)
			}
		})
	}
}

// TestTheKeyIsTheSignersAlone: the secret number of the intermediate certificate is in the signer's memory alone.
// [T13]
func TestTheKeyIsTheSignersAlone(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may read the memory of others")
	}
	w := harness.NewWorld(t, harness.WorldOptions{})
	chain := w.TLS().Conn.(*tls.Conn).ConnectionState().PeerCertificates
	public := chain[len(chain)-1].PublicKey.(*ecdsa.PublicKey)
	number := secretNumber(t, w.Proxy.SignerPid(), public)
	if number == nil {
		t.Fatal("the signer's memory has no key: the search is wrong")
	}
	reversed := make([]byte, len(number))
	for i, b := range number {
		reversed[len(number)-1-i] = b
	}
	for _, pid := range []int{w.Proxy.EnginePid(), w.Proxy.Pid()} {
		has := memoryHas(t, pid, nil, string(number), string(reversed))
		if has[string(number)] || has[string(reversed)] {
			t.Errorf("process %d has the CA's key", pid)
		}
	}
	if memory := memoryHas(t, w.Proxy.SignerPid(), nil, string(number)); !memory[string(number)] {
		t.Error("the search does not find what is there")
	}
}

// secretNumber looks through a process's locked memory for the private half of a P-256 key.
func secretNumber(t *testing.T, pid int, public *ecdsa.PublicKey) []byte {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	var from, to uint64
	for _, line := range strings.Split(string(maps), "\n") {
		var begin, end uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &begin, &end); n == 2 {
			from, to = begin, end
			continue
		}
		if !strings.HasPrefix(line, "VmFlags:") || !strings.Contains(line, " lo") {
			continue // only what cannot go to the swap
		}
		page := make([]byte, 4096)
		for at := from; at+4096 <= to; at += 4096 {
			if _, err := memory.ReadAt(page, int64(at)); err != nil {
				continue
			}
			for i := 0; i+32 <= len(page); i += 32 {
				if number := page[i : i+32]; isSecretOf(number, public) {
					return append([]byte(nil), number...)
				}
			}
		}
	}
	return nil
}

// isSecretOf takes a number with its lowest byte first.
func isSecretOf(number []byte, public *ecdsa.PublicKey) bool {
	zeros := 0
	big := make([]byte, 32)
	for i, b := range number {
		big[31-i] = b
		if b == 0 {
			zeros++
		}
	}
	if zeros > 4 {
		return false
	}
	x, y := elliptic.P256().ScalarBaseMult(big)
	return x.Cmp(public.X) == 0 && y.Cmp(public.Y) == 0
}

// TestSandbox: the three processes run with a filter of system calls, and can get no new privileges.
// [T13, T40]
func TestSandbox(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{})
	w.Do(w.Client(harness.H2), "GET", "/text", nil)
	for name, pid := range map[string]int{
		"keeper": w.Proxy.Pid(), "signer": w.Proxy.SignerPid(), "engine": w.Proxy.EnginePid()} {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		has := func(line string) bool { return strings.Contains(string(status), line) }
		if !has("NoNewPrivs:\t1") {
			t.Errorf("the %s can get new privileges", name)
		}
		if harness.Release() && !has("Seccomp:\t2") {
			t.Errorf("the %s has no filter of system calls", name)
		}
	}
}

// TestSingleProcess: the switch for debuggers.
func TestSingleProcess(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--single-process"}})
	if answer := w.Do(w.Client(harness.H2), "GET", "/text", nil); answer.Status() != 200 {
		t.Errorf("the answer is %d", answer.Status())
	}
	out, _ := exec.Command("ps", "--no-headers", "--ppid", fmt.Sprint(w.Proxy.Pid())).Output()
	if len(out) > 0 {
		t.Errorf("there are children: %s", out)
	}
}
