package integration

import (
	"bufio"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
)

// startLauncher starts a bottle whose command says "running" and then stays, and gives what it says.
func startLauncher(t *testing.T, scanner string) (*exec.Cmd, io.Reader) {
	t.Helper()
	workspace := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(workspace, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(harness.Binary(t, "bottle"), "start", "--backend", "docker", "--scanner", scanner,
		"--", "sh", "-c",
		"echo running; sleep 600")
	cmd.Dir = workspace
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// kill ends a launcher as nothing can be ended more suddenly.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

// nextCalls are what a user may call next: one that makes a bottle, and one that does not.
var nextCalls = []struct {
	name string
	call func(t *testing.T)
}{
	{"start", func(t *testing.T) {
		if run := startDocker(t, "--scanner", "guard", "--", "true"); run.status != 0 {
			t.Fatalf("got %+v", run)
		}
	}},
	{"stop", func(t *testing.T) {
		if out, err := exec.Command(harness.Binary(t, "bottle"), "stop", "--all").CombinedOutput(); err != nil {
			t.Fatalf("bottle stop: %v: %s", err, out)
		}
	}},
}

// TestDockerKilledLauncher: whenever the launcher is killed, while it makes networks and containers or while the agent
// runs, the next call leaves nothing of its bottle.
func TestDockerKilledLauncher(t *testing.T) {
	engine := needEngine(t)
	moments := 3
	if harness.FullEngineTests() {
		moments = 20
	}
	volumes := func() string {
		if !engine.Own() {
			return "" // others may make some meanwhile
		}
		out, err := docker(t, "volume", "ls", "--quiet")
		if err != nil {
			t.Fatal(out)
		}
		return out
	}
	before := volumes()
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			if scanner == "pipelock" {
				needPipelock(t)
			}
			began := time.Now()
			cmd, out := startLauncher(t, scanner)
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "running\n" {
				t.Fatalf("the bottle did not start: %q %v", line, err)
			}
			start := time.Since(began)
			kill(t, cmd)
			if leftOver(t) == "" {
				t.Fatal("nothing was left, so nothing is tested")
			}
			nextCalls[0].call(t)
			if left := leftOver(t); left != "" {
				t.Fatalf("killed while it ran: left over: %s", left)
			}
			seed := time.Now().UnixNano()
			random := rand.New(rand.NewSource(seed))
			for i := 0; i < moments; i++ {
				// One moment in each part of the start and a little beyond.
				part := start * 5 / 4 / time.Duration(moments)
				moment := time.Duration(i)*part + time.Duration(random.Int63n(int64(part)))
				cmd, _ := startLauncher(t, scanner)
				time.Sleep(moment)
				kill(t, cmd)
				next := nextCalls[i%len(nextCalls)]
				next.call(t)
				if left := leftOver(t); left != "" {
					t.Errorf("killed after %v of %v, next call %s (seed %d): left over: %s", moment, start,
						next.name, seed, left)
					nextCalls[0].call(t)
				}
			}
		})
	}
	if after := volumes(); after != before {
		t.Errorf("volumes: %q before, %q after", before, after)
	}
}

// TestDockerKilledLauncherLeavesNoWayOut: when the launcher is killed, the proxy's container ends within a second,
// nothing leaves the bottle any more, and what left has its line in the audit log.
func TestDockerKilledLauncherLeavesNoWayOut(t *testing.T) {
	engine := needEngine(t)
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			if scanner == "pipelock" {
				needPipelock(t)
			}
			listener, err := engine.Listen(bridgeGateway(t) + ":0")
			if err != nil {
				t.Skipf("the engine's bridge is not on this machine, so nothing can listen there: %v", err)
			}
			var lock sync.Mutex
			var paths []string
			var last time.Time
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				lock.Lock()
				defer lock.Unlock()
				paths, last = append(paths, r.URL.Path), time.Now()
			})}
			go func() { _ = server.Serve(listener) }()
			defer server.Close()
			arrived := func() (int, time.Time) {
				lock.Lock()
				defer lock.Unlock()
				return len(paths), last
			}
			host, port, _ := net.SplitHostPort(listener.Addr().String())
			name := "origin.demo:" + port
			state, workspace := t.TempDir(), filepath.Join(t.TempDir(), "work")
			if err := os.Mkdir(workspace, 0o777); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(harness.Binary(t, "bottle"), "start", "--backend", "docker", "--scanner", scanner,
				"--allow", name,
				"--allow-address", host+"/32", "--resolve", name+"="+host+":"+port, "--", "sh", "-c",
				"while :; do n=$((n+1)); curl -s -o /dev/null http://"+name+"/$n; done")
			cmd.Dir = workspace
			cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+state)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer nextCalls[1].call(t)
			eventually(t, 90*time.Second, "the agent's requests arrive", func() bool {
				n, _ := arrived()
				return n >= 10
			})
			killed := time.Now()
			kill(t, cmd)
			proxies := func() string {
				out, err := docker(t, "ps", "--quiet", "--filter", "label=bottle.id", "--filter", "name=-proxy")
				if err != nil {
					t.Fatal(out)
				}
				return out
			}
			eventually(t, 10*time.Second, "the proxy's container ends", func() bool { return proxies() == "" })
			if took := time.Since(killed); took > 3*time.Second {
				t.Errorf("the proxy's container ran on for %v", took)
			}
			at, until := 0, time.Now().Add(2*time.Second)
			for ; time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
				at, _ = arrived()
			}
			if _, late := arrived(); late.Sub(killed) > time.Second {
				t.Errorf("a request arrived %v after the launcher was killed", late.Sub(killed))
			}
			logs, err := filepath.Glob(filepath.Join(state, "bottle", "*", "audit.jsonl"))
			if err != nil || len(logs) != 1 {
				t.Fatalf("logs: %v %v", logs, err)
			}
			text := harness.AuditText(logs[0])
			if begun := strings.Count(text, `"kind":"begin"`); begun < at {
				t.Errorf("%d requests arrived, %d stand in the log", at, begun)
			}
			if agent, err := docker(t, "ps", "--quiet", "--filter", "label=bottle.id", "--filter",
				"name=-agent"); err != nil || agent == "" {
				t.Errorf("the agent does not run, so nothing was tested: %s %v", agent, err)
			}
		})
	}
}
