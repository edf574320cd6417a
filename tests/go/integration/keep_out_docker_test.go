package integration

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// TestDockerKeepsValuesOut: clients in a container log in with a value that neither the engine nor the agent's
// container has, nor any process of the launcher's.
// [T67]
func TestDockerKeepsValuesOut(t *testing.T) {
	engine := needEngine(t)
	needPipelock(t)
	listener, err := engine.Listen(bridgeGateway(t) + ":0")
	if err != nil {
		t.Skipf("the engine's bridge is not on this machine, so nothing can listen there: %v", err)
	}
	server, err := origin.Start(origin.Options{On: listener, Names: []string{"client.test"}, Login: true,
		Password: gitHubToken})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s := &shelf{t: t, root: t.TempDir()}
	s.project = filepath.Join(s.root, "work")
	if err := os.Mkdir(s.project, 0o777); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		t.Fatal(err)
	}
	manifest := `{"bottles": {"default": {"env": {` + keyOf("MY_TOKEN") + `}}}}`
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(server.Addr(), ":")
	cmd := exec.Command(harness.Binary(t, "bottle"), "start", "--backend", "docker", "--scanner", "pipelock",
		"--allow", "client.test", "--allow-address", host+"/32", "--resolve", "client.test:443="+server.Addr(),
		"--origin-ca", ca, "--", "sh", "-c", `exec 2>&1; work=$PWD; cd /tmp
git clone -q https://client.test/git/table.git copy && curl -sS -u "x:$MY_TOKEN" https://client.test/reflect > said &&
echo running; until [ -e "$work/end" ]; do sleep 0.2; done`)
	cmd.Dir = s.project
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(s.root, "state"), "MY_TOKEN="+gitHubToken)
	var said lockedText
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "running\n" {
		t.Fatalf("the clients did not log in: %q %v %s", line, err, said.String())
	}
	if got := server.Requests(); got[len(got)-1].Header.Get("Authorization") != basicAuth("x", gitHubToken) {
		t.Errorf("the origin got %v", got[len(got)-1].Header)
	}
	pair := strings.TrimPrefix(basicAuth("x", gitHubToken), "Basic ")
	texts := []string{gitHubToken, base64.StdEncoding.EncodeToString([]byte(gitHubToken)), pair}
	search := func(where, content string) {
		for _, text := range texts {
			if strings.Contains(content, text) {
				t.Errorf("%s has %s", where, text)
			}
		}
	}
	for _, pid := range descendants(t, cmd.Process.Pid)[1:] {
		words, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		search(string(words), string(words)+string(environ))
	}
	searchContainers(t, search)
	if err := os.WriteFile(filepath.Join(s.project, "end"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the bottle ended with %v: %s", err, said.String())
	}
	search("the launcher's output", said.String())
	s.noFileHas(texts)
	if left := leftOver(t); left != "" {
		t.Errorf("left over: %s", left)
	}
}

// searchContainers looks at all that the engine tells of a bottle's containers, and at the processes and files of the
// agent's.
func searchContainers(t *testing.T, search func(where, content string)) {
	t.Helper()
	listed, err := docker(t, "ps", "--all", "--quiet", "--filter", "label=bottle.id")
	if err != nil || len(strings.Fields(listed)) != 3 {
		t.Fatalf("the containers: %v %s", err, listed)
	}
	agents := 0
	for _, id := range strings.Fields(listed) {
		inspected, err := docker(t, "inspect", id)
		if err != nil {
			t.Fatal(inspected)
		}
		logs, _ := docker(t, "logs", id)
		search("docker inspect", inspected)
		search("docker logs", logs)
		if !strings.Contains(inspected, `"MY_TOKEN=`) {
			continue
		}
		agents++
		seen, err := docker(t, "exec", id, "sh", "-c", `cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline
find /home /tmp /run /var/tmp /etc "$PWD" -type f -readable -exec cat {} + 2>/dev/null`)
		if !strings.Contains(seen, "MY_TOKEN=") || !strings.Contains(seen, "_authToken=") {
			t.Errorf("the agent's container shows %v %s", err, clipText(seen))
		}
		search("the agent's container", seen)
	}
	if agents != 1 {
		t.Errorf("%d containers have the variable", agents)
	}
}
