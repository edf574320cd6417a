package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/origin"
)

// TestDockerAsksAndLearns: the launcher hears of asks over the engine, and the command that answers runs on its
// machine.
func TestDockerAsksAndLearns(t *testing.T) {
	engine := needEngine(t)
	needPipelock(t)
	listener, err := engine.Listen(bridgeGateway(t) + ":0")
	if err != nil {
		t.Skipf("the engine's bridge is not on this machine, so nothing can listen there: %v", err)
	}
	server, err := origin.Start(origin.Options{On: listener, Names: []string{"client.test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(server.Addr(), ":")
	start := func(words ...string) dockerRun {
		words = append(words, "--scanner", "pipelock", "--allow-address", host+"/32", "--resolve",
			"client.test:443="+server.Addr(), "--origin-ca", ca, "--", "curl", "-sS", "-o", "/dev/null", "-w",
			"%{http_code}\n", "https://client.test/echo")
		return startDocker(t, words...)
	}
	asked := start("--ask", "--ask-command", "echo once")
	if asked.out != "200\n" || !strings.Contains(asked.err, "bottle: ask: GET https://client.test/echo waits") {
		t.Errorf("asked: %+v", asked)
	}
	refused := start("--ask", "--ask-command", "echo deny")
	if refused.out != "403\n" {
		t.Errorf("refused: %+v", refused)
	}
	learned := start("--learn")
	if learned.out != "200\n" || !strings.Contains(learned.err, "1 x client.test\n") ||
		!strings.Contains(learned.err, "bottle start --allow client.test") {
		t.Errorf("learned: %+v", learned)
	}
	if left := leftOver(t); left != "" {
		t.Errorf("left over: %s", left)
	}
}
