package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
)

type findings struct {
	OK     bool
	Checks []struct{ Name, Status, Detail, Hint string }
}

func (f findings) status(name string) string {
	for _, one := range f.Checks {
		if one.Name == name {
			return one.Status
		}
	}
	return "(no such check)"
}

func readFindings(t *testing.T, text string) findings {
	t.Helper()
	var out findings
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("doctor --json: %v: %s", err, text)
	}
	return out
}

// TestDoctorOfThisMachine: what the tests need is there, and what is taken away is missed.
func TestDoctorOfThisMachine(t *testing.T) {
	s := newShelf(t)
	out := s.call("doctor", "--json")
	found := readFindings(t, out.out)
	for _, name := range []string{"user namespaces", "bubblewrap", "bottle-proxy"} {
		if found.status(name) != "ok" {
			t.Errorf("%s is %s: %s", name, found.status(name), out.out)
		}
	}
	if found.OK != (out.code == 0) {
		t.Errorf("ok is %v, the exit status %d", found.OK, out.code)
	}
	s.extra = []string{"BOTTLE_PROXY=/nonexistent/bottle-proxy", "SSL_CERT_FILE=/nonexistent/roots"}
	out = s.call("doctor", "-q")
	out.want(t, 67, "failed   bottle-proxy: BOTTLE_PROXY names", "unset BOTTLE_PROXY", "/nonexistent/roots")
	if strings.Contains(out.out, "ok  ") {
		t.Errorf("-q shows what is well: %s", out.out)
	}
	s.call("doctor", "--", "true").want(t, 64, "not a bottle")
}

// TestCheckProvesTheBottle: doctor runs before the command, finds every installed client and no way out.
func TestCheckProvesTheBottle(t *testing.T) {
	s := newShelf(t)
	out := s.call("start", "--check", "--scanner", "guard", "--", "sh", "-c", "echo the command ran")
	out.want(t, 0, "ok       the proxy", "ok       direct TCP: dead", "ok       direct IPv6: dead",
		"ok       the cloud's metadata address: dead", "ok       raw sockets: dead", "ok       privileges: none",
		"ok       sockets of the host and of a container engine")
	if out.out != "the command ran\n" {
		t.Errorf("standard output: %q", out.out)
	}
	for client, program := range map[string]string{"curl": "curl", "wget": "wget", "git": "git",
		"Python's urllib": "python3", "npm": "npm"} {
		if _, err := os.Stat(filepath.Join("/usr/bin", program)); err == nil {
			out.want(t, 0, "ok       "+client+": uses the proxy and trusts its CA (answer 403)")
		}
	}
	if strings.Contains(out.errors, "requests were refused") {
		t.Errorf("doctor's own requests are reported: %s", out.errors)
	}
	s.call("start", "--check", "-q", "--scanner", "guard", "--", "no-such-program").want(t, 127, "no-such-program")
}

// TestCheckKeepsTheCommandFromABadBottle: a variable of the command's is in the way.
func TestCheckKeepsTheCommandFromABadBottle(t *testing.T) {
	s := newShelf(t)
	listener, err := net.Listen("unix", filepath.Join(s.project, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	manifest := fmt.Sprintf(`{"bottles": {"default": {"scanner": "guard", "mounts": [{"host": %q, "at": `+
		`"/run/host"}]}}}`, s.project)
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	out := s.call("start", "--check", "--", "touch", "ran")
	out.want(t, 67, "/run/host/s takes connections", "the command was not run")
	if _, err := os.Stat(filepath.Join(s.project, "ran")); err == nil {
		t.Error("the command was run")
	}
}

// A network namespace that has a neighbour with services, and nothing else: $1 is bottle, $2 the targets, $3 a folder.
const neighbourhood = `set -e
ip link set lo up
unshare -n python3 -c '
import socket, threading, sys
def tcp(port):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", port)); s.listen(8)
    return s
web = tcp(80); ssh = tcp(22)
echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); echo.bind(("0.0.0.0", 53))
open(sys.argv[1] + "/up", "w").close()
while True:
    data, who = echo.recvfrom(512); echo.sendto(data, who)
' "$3" & peer=$!
trap 'kill $peer' EXIT
until [ -e "$3/up" ]; do sleep 0.02; done
ip link add v0 type veth peer name v1 netns $peer
ip addr add 192.0.2.2/24 dev v0
ip link set v0 up
ip route add 203.0.113.0/25 via 192.0.2.1
ip route add 203.0.113.128/25 via 192.0.2.78
nsenter -t $peer -n sh -c 'ip link set lo up; ip addr add 192.0.2.1/24 dev v1; ip link set v1 up'
cat /proc/net/dev > "$3/before"
code=0
env -i BOTTLE_ID=test HTTPS_PROXY=http://192.0.2.1:80 PATH=/nonexistent TERM=dumb "$1" doctor --json $2 || code=$?
exit $code
`

// TestDoctorFindsWaysOut: in a namespace with a neighbour that answers, each way to it is found.
func TestDoctorFindsWaysOut(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	for _, tool := range []string{"ip", "unshare", "nsenter", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing", tool)
		}
	}
	if err := exec.Command("unshare", "-Urn", "true").Run(); err != nil {
		t.Skip("this user may not make user namespaces (unshare -Urn true fails)")
	}
	dir, err := os.MkdirTemp("/tmp", "bottle-ways-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	targets := `{"targets": [
		{"name": "open TCP", "kind": "tcp", "address": "192.0.2.1", "port": 80},
		{"name": "closed TCP", "kind": "tcp", "address": "192.0.2.1", "port": 81},
		{"name": "UDP that answers", "kind": "udp", "address": "192.0.2.1", "port": 53},
		{"name": "UDP that refuses", "kind": "udp", "address": "192.0.2.1", "port": 54},
		{"name": "a route", "kind": "udp", "address": "192.0.2.99", "port": 443, "route_only": true},
		{"name": "a router", "kind": "udp", "address": "203.0.113.1", "port": 443, "route_only": true},
		{"name": "a router that is nobody", "kind": "udp", "address": "203.0.113.129", "port": 443, "route_only": true},
		{"name": "no route", "kind": "tcp", "address": "198.51.100.1", "port": 443},
		{"name": "no route, IPv6", "kind": "udp", "address": "2001:db8::1", "port": 443},
		{"name": "itself", "kind": "tcp", "address": "127.0.0.1", "port": 80},
		{"name": "nobody", "kind": "tcp", "address": "192.0.2.77", "port": 80},
		{"name": "gateway", "kind": "gateway", "port": 22},
		{"name": "a name", "kind": "tcp", "address": "host.example", "port": 80},
		{"name": "a socket", "kind": "unix", "address": "` + dir + `/s"},
		{"name": "no socket", "kind": "unix", "address": "` + dir + `/none"}]}`
	file := filepath.Join(dir, "targets.json")
	if err := os.WriteFile(file, []byte(targets), 0o600); err != nil {
		t.Fatal(err)
	}
	doctor := func(arguments string) (int, findings) {
		_ = os.Remove(filepath.Join(dir, "up"))
		cmd := exec.Command("unshare", "-Urn", "--kill-child", "sh", "-c", neighbourhood, "sh", bottle, arguments, dir)
		cmd.Stderr = os.Stderr
		out, _ := cmd.Output()
		return cmd.ProcessState.ExitCode(), readFindings(t, string(out))
	}
	code, found := doctor("--targets " + file)
	if code != 67 || found.OK {
		t.Errorf("exit status %d, ok %v", code, found.OK)
	}
	for name, want := range map[string]string{
		"open TCP": "failed", "closed TCP": "failed", "UDP that answers": "failed", "UDP that refuses": "failed",
		"a route":  "failed",
		"a router": "failed", "a router that is nobody": "ok",
		"no route": "ok", "no route, IPv6": "ok", "itself": "ok", "nobody": "ok", "a name": "failed",
		"a socket": "failed", "no socket": "ok",
		// Its address is the proxy's, which is no way out.
		"gateway": "ok",
		// unshare -r keeps every capability.
		"raw sockets": "failed", "privileges": "failed", "the proxy": "ok",
	} {
		if got := found.status(name); got != want {
			t.Errorf("%s: %s, want %s: %+v", name, got, want, found.Checks)
		}
	}
	// The built-in table sees the network too.
	_, found = doctor("")
	if found.status("direct TCP") != "failed" || found.status("QUIC (UDP 443)") != "ok" {
		t.Errorf("the built-in targets: %+v", found.Checks)
	}
}

// TestInitWritesAManifest: hosts come from the clients that are there, and nothing is overwritten.
func TestInitWritesAManifest(t *testing.T) {
	s := newShelf(t)
	tools := filepath.Join(s.root, "tools")
	if err := os.Mkdir(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]string{
		"npm":     "https://npm.example:8443/sub/",
		"python3": "global.index-url='https://pip.example/simple'",
		"go":      `$([ "$2" = GOPROXY ] && echo https://go.example,direct || echo sum.example)`,
		"git":     "remote.origin.url https://git.example/x.git",
	} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte("#!/bin/sh\necho \""+answer+"\"\n"),
			0o755); err != nil {
			t.Fatal(err)
		}
	}
	cargo := filepath.Join(s.root, "home", ".cargo")
	if err := os.Mkdir(cargo, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cargo, "config.toml"),
		[]byte("[source.mirror]\nregistry = \"sparse+https://crates.example/index/\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.extra = []string{"PATH=" + tools + ":/usr/bin:/bin", "OPENAI_API_KEY=sk-something-long"}
	s.call("init", "--preset", "codex", "--preset", "git").want(t, 0, "bottle.json", "--dry-run")
	text, err := os.ReadFile(filepath.Join(s.project, "bottle.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"npm.example:8443", "pip.example", "go.example", "sum.example", "git.example",
		"crates.example", "api.openai.com"} {
		if !strings.Contains(string(text), `"`+host+`"`) {
			t.Errorf("%s is not allowed: %s", host, text)
		}
	}
	s.call("start", "--dry-run", "codex", "--", "true").want(t, 0, "npm.example:8443", "OPENAI_API_KEY=***")
	s.call("init").want(t, 64, "exists", "--force")
	if again, _ := os.ReadFile(filepath.Join(s.project, "bottle.json")); string(again) != string(text) {
		t.Error("the manifest was changed")
	}
	s.call("init", "--force").want(t, 0)
	if old, _ := os.ReadFile(filepath.Join(s.project, "bottle.json.old")); string(old) != string(text) {
		t.Error("the old manifest was not kept")
	}
	s.call("init", "--force").want(t, 72, "bottle.json.old")
	s.call("init", "--preset", "clod").want(t, 64, "claude, codex, gemini, opencode, aider, git")
	printed := s.call("init", "--print")
	printed.want(t, 0, `"bottles"`)
}

// TestCompletionScriptsAreUnderstood by the shells themselves.
func TestCompletionScriptsAreUnderstood(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	script := `source <("$1" completion bash) || exit 1
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _bottle; echo "$*: ${COMPREPLY[*]}"; }
try bottle log; try bottle start --sc; try bottle start --scanner ""; try bottle init --preset c
try bottle completion z; try bottle start -- tru`
	out, err := exec.Command("bash", "-c", script, "bash", bottle).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"bottle log: logs login\n", "--sc: --scanner\n", "--scanner : guard pipelock\n",
		"--preset c: claude codex\n", "completion z: zsh\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("not %q in %s", want, out)
		}
	}
	if !strings.Contains(string(out), "-- tru: tru") && !strings.Contains(string(out), "true") {
		t.Errorf("commands are not completed after --: %s", out)
	}
	if _, err := exec.LookPath("zsh"); err != nil {
		t.Skip("zsh is missing: its script was not tried")
	}
	if out, err := exec.Command("zsh", "-fc", `autoload -U compinit; compinit -D; source <("$1" completion zsh); [[ `+
		`${_comps[bottle]} == _bottle ]]`, "zsh", bottle).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
