package integration

import (
	"bufio"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
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
	cmd := exec.Command(harness.Binary(t, "bottle"), "start", "--backend", "docker", "--scanner", scanner, "--", "sh", "-c",
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
					t.Errorf("killed after %v of %v, next call %s (seed %d): left over: %s", moment, start, next.name, seed, left)
					nextCalls[0].call(t)
				}
			}
		})
	}
	if after := volumes(); after != before {
		t.Errorf("volumes: %q before, %q after", before, after)
	}
}
