package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

const inContainer harness.Via = "container"

// inOneBottle runs the clients of the agent's image one after the other, each in a folder of its own: probe, script,
// and what came of it. (Not at once: a busy git 2.39 sends broken packs, also where there is no proxy.)
const inOneBottle = `for folder in client-*; do
  (cd "$folder"
  if ! sh ./probe >/dev/null 2>&1; then echo absent >status; exit; fi
  timeout 60 sh ./script >out 2>errors; echo $? >status)
done`

// TestClientsDocker: the clients that the image has, in one bottle of containers.
func TestClientsDocker(t *testing.T) {
	needEngine(t)
	address, ca := bridgeOrigin(t)
	host, port, _ := net.SplitHostPort(address)
	workspace := filepath.Join(t.TempDir(), "work")
	folder := func(i int) string { return filepath.Join(workspace, fmt.Sprintf("client-%02d", i)) }
	for i, c := range clients {
		if err := os.MkdirAll(folder(i), 0o777); err != nil {
			t.Fatal(err)
		}
		script := "U=https://origin.demo; O=" + net.JoinHostPort(host, port) + "\n" + c.script
		for name, text := range map[string]string{"probe": c.probe, "script": script, "Fetch.java": javaClient} {
			if err := os.WriteFile(filepath.Join(folder(i), name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Binary(t, "bottle"), "start", "--backend", "docker", "--quiet",
		"--scanner", "guard",
		"--allow", "origin.demo", "--allow-address", host+"/32", "--resolve", "origin.demo:443="+
			net.JoinHostPort(host, port),
		"--origin-ca", ca, "--", "sh", "-c", inOneBottle)
	cmd.Dir = workspace
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, clipText(said.String()))
	}
	for i, c := range clients {
		text := func(name string) string {
			content, _ := os.ReadFile(filepath.Join(folder(i), name))
			return string(content)
		}
		name, want := c.name, c.want
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			status := strings.TrimSpace(text("status"))
			switch {
			case status == "absent":
				note(name, inContainer, "skipped: not in the image")
				t.Skipf("the agent's image does not have it (%s)", text("probe"))
			case status == "0" && strings.Contains(text("out"), want):
				note(name, inContainer, "ok")
			default:
				note(name, inContainer, "FAILED")
				t.Errorf("status %q\nstdout: %s\nstderr: %s", status, clipText(text("out")), clipText(text("errors")))
			}
		})
	}
}
