package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// A hostile agent (testdata/hostile_agent) tries its ways out of a bottle, in a world (testdata/hostile_world.py) whose
// hosts count what reaches them. The same agent runs beside the bottle too: what it finds open there could have been
// found open in here.

// hostileAgent is the agent's script, from its parts.
func hostileAgent(t *testing.T) []byte {
	t.Helper()
	parts, err := filepath.Glob("testdata/hostile_agent/*.py")
	if err != nil || len(parts) == 0 {
		t.Fatalf("testdata/hostile_agent: %d parts, %v", len(parts), err)
	}
	var script []byte
	for _, part := range parts { // Glob sorts them
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		script = append(append(script, text...), "\n\n"...)
	}
	return script
}

// attempts are the agent's lines: by name, "closed", "OPEN", "not-here" or "BROKEN", and the rest.
type attempts map[string][2]string

var attemptLine = regexp.MustCompile(`^(\d+) (.+?): (closed|OPEN|not-here|BROKEN) ?(.*)$`)

func readAttempts(t *testing.T, text string) attempts {
	t.Helper()
	out := attempts{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		found := attemptLine.FindStringSubmatch(line)
		if found == nil {
			t.Fatalf("no line of the agent's: %q in\n%s", line, clipText(text))
		}
		if found[3] == "BROKEN" {
			t.Errorf("the agent's script is wrong: %s", line)
		}
		out[found[2]] = [2]string{found[3], found[4]}
	}
	return out
}

func (a attempts) count(state string) (n int) {
	for _, one := range a {
		if one[0] == state {
			n++
		}
	}
	return n
}

// allClosed: nothing is open but what must be, and enough was tried. Not judged here: besides.
func (a attempts) allClosed(t *testing.T, besides ...string) {
	t.Helper()
	for name, one := range a {
		if one[0] == "OPEN" && name != allowedWay && !strings.Contains("|"+strings.Join(besides, "|")+"|",
			"|"+name+"|") {
			t.Errorf("a way out, %s: %s", name, one[1])
		}
	}
	if one := a[allowedWay]; one[0] != "OPEN" {
		t.Errorf("the allowed host is not reached (%s %s): nothing was proved", one[0], one[1])
	}
	if n := a.count("closed"); n < 60 {
		t.Errorf("%d ways were found closed, want 60 at least", n)
	}
	t.Logf("%d ways closed, %d open, %d not on this machine", a.count("closed"), a.count("OPEN")-1, a.count("not-here"))
}

const allowedWay = "the allowed host"

// openBeside are the ways that must be open beside a bottle, where the agent has the machine to itself.
var openBeside = []string{
	"TCP to a host", "UDP to a host", "QUIC", "TCP over IPv6", "UDP over IPv6", "IPv6 link-local",
	"multicast and broadcast",
	"metadata address", "gateway's ports", "gateway by UDP", "ICMP by a raw socket", "IP packets of one's own making",
	"frames by a packet socket", "a route of one's own", "an interface of one's own",
	"a resolver of one's choice", "a resolver of one's choice, by TCP", "a tunnel of names", "a tunnel of names: TXT",
	"a tunnel of names: the system's resolver",
	"CONNECT to an address", "CONNECT to an IPv6 address", "CONNECT to the metadata address",
	"CONNECT to the proxy's own listener",
	"addresses in strange spelling", "an allowed name that leads to loopback",
	"an allowed name that leads to the metadata address",
	"CONNECT to a host that is not allowed", "CONNECT with data in the name", "a wildcard's neighbour",
	"another port of an allowed host",
	"another name in the handshake", "another host in the request", "absolute form to an address",
	"absolute form to the metadata address",
	"absolute form with an allowed Host", "other schemes", "SOCKS on the proxy's port",
	"engines' and other sockets", "any socket that can be found", "abstract sockets of the host",
	"inherited descriptors",
	"environment of other processes", "command lines of other processes", "files through the root of other processes",
	"descriptors of other processes", "memory of another process", "process_vm_readv", "ptrace",
	"a signal to a process outside",
	"a descriptor of a process outside", "a new network namespace", "another network namespace",
	"System V shared memory", "keys of the caller's session",
	"mount", "mount by descriptors", "chroot and back", "capabilities and set-user-ID programs",
	"files of the caller's", "the caller's files through a link", "new files outside of the workspace",
	"the manifest, its own policy",
	"the launcher's files: CA, audit log, records",
}

// sighting is what a host of the world tells.
type sighting struct {
	Kind   string
	Name   string
	Path   string
	To     string
	Ether  string
	IP     int
	Port   int
	Bytes  int
	Status int
	Took   float64
}

// phases are the world's events between the beginning and the end of each phase.
func phases(t *testing.T, path string) map[string][]sighting {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out := map[string][]sighting{}
	name := "before"
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e sighting
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		if e.Kind == "phase" {
			name = e.Name
		}
		out[name] = append(out[name], e)
	}
	return out
}

// intrusions are the events that a bottle may not cause. A name that the proxy itself
// asks a server for, and is allowed to, is none.
func intrusions(events []sighting, names ...string) (out []sighting) {
	for _, e := range events {
		switch e.Kind {
		case "phase", "end":
			continue
		case "dns":
			if strings.Contains(" "+strings.Join(names, " ")+" ", " "+e.Name+" ") {
				continue
			}
		case "udp":
			if e.Port == 53 { // the frame and the question are told too
				continue
			}
		case "frame":
			if e.IP == 17 && e.To == "192.0.2.53" && e.Port == 53 {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

func needPrograms(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing", tool)
		}
	}
	if err := exec.Command("unshare", "-Urnm", "true").Run(); err != nil {
		t.Skip("this user may not make user namespaces (unshare -Urnm true fails)")
	}
}

// TestHostileAgentLocal: with the guard, and with a scanner that the launcher starts and confines.
func TestHostileAgentLocal(t *testing.T) {
	s := newShelf(t)
	needPrograms(t, "ip", "nsenter", "unshare")
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Skip("/usr/bin/python3 is missing")
	}
	nonce := fmt.Sprintf("%016x", rand.Uint64())
	at := func(name string) string { return filepath.Join(s.root, name) }
	put := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	canary := "CANARY-" + nonce
	put(at("home/secret"), canary)
	manifest := `{"bottles": {"default": {"egress": {"allow": ["allowed.test", "rebind.test", "loop.test"], ` +
		`"allow_addresses": ["127.0.0.7/32"]}}}}`
	put(filepath.Join(s.project, "bottle.json"), manifest)
	put(filepath.Join(s.project, "agent.py"), string(hostileAgent(t)))

	environment := map[string]string{}
	for _, pair := range s.command().Env {
		name, value, _ := strings.Cut(pair, "=")
		environment[name] = value
	}
	type phase struct {
		Name        string            `json:"name"`
		Command     []string          `json:"command"`
		Environment map[string]string `json:"environment"`
		Directory   string            `json:"directory"`
		Out         string            `json:"out"`
		Limit       int               `json:"limit"`
	}
	agent := []string{"/usr/bin/python3", "agent.py", "targets.json"}
	inBottle := func(name string, options ...string) phase {
		command := append([]string{harness.Binary(t, "bottle"), "start", "--quiet", "--audit", at("audit.jsonl"),
			"--resolve", "allowed.test:443={origin}", "--origin-ca", "{origin-ca}"}, options...)
		return phase{name, append(append(command, "--"), agent...), environment, s.project, at(name + ".out"), 120}
	}
	beside := phase{"beside", append([]string{"/bin/sh", "-c", `exec "$@" 7</dev/null`, "sh"}, agent...),
		map[string]string{"PATH": "/usr/bin:/bin", "HTTPS_PROXY": "{open-proxy}"}, s.project, at("beside.out"), 120}
	config := map[string]any{
		"nonce": nonce, "canary": canary, "folder": s.root, "events": at("events"), "secret_file": at("home/secret"),
		"targets_file": filepath.Join(s.project, "targets.json"),
		"origin": []string{harness.Binary(t, "bottle-demo-origin"), "-listen", "127.0.0.7:0", "-names",
			"allowed.test", "-cert-dir", s.root},
		"phases": []phase{
			inBottle("guard", "--scanner", "guard"),
			inBottle("scanner", "--scanner", "pipelock", "--pipelock-bin", harness.Binary(t, "pipelock-double")),
			beside,
		},
		"targets": map[string]any{
			"allowed": "allowed.test", "rebind": "rebind.test", "loop": "loop.test", "hidden": "/proc/kcore",
			"folders": []string{at("home"), s.root, at("state"), at("run"), "/tmp", "/var/tmp", "/dev/shm",
				"/home/agent", "/run", "/etc", "/usr/local/bin"},
			"private":   []string{s.root, "/tmp", "/var/tmp", "/dev/shm", "/home/agent", "/run"},
			"manifest":  []string{filepath.Join(s.project, "bottle.json")},
			"launchers": []string{at("audit.jsonl"), at("run/bottle/.lock")},
		},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	put(at("config.json"), string(text))
	began := time.Now()
	cmd := exec.Command("unshare", "-Urnm", "--kill-child", "/usr/bin/python3", "testdata/hostile_world.py", "street",
		at("config.json"))
	timer := time.AfterFunc(4*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the world: %v: %s", err, clipText(string(out)))
	}
	told := phases(t, at("events"))
	for name, events := range told {
		for _, e := range events {
			if e.Kind == "end" {
				t.Logf("%s took %.1f s of %.1f", name, e.Took, time.Since(began).Seconds())
			}
		}
	}
	said := func(name string) attempts {
		t.Helper()
		out, _ := os.ReadFile(at(name + ".out"))
		problems, _ := os.ReadFile(at(name + ".out.err"))
		if os.Getenv("BOTTLE_HOSTILE_LINES") == "1" {
			t.Logf("%s:\n%s%s", name, out, problems)
		}
		if len(out) == 0 {
			t.Fatalf("%s: the agent said nothing: %s", name, clipText(string(problems)))
		}
		return readAttempts(t, string(out))
	}
	for _, name := range []string{"guard", "scanner"} {
		t.Run(name, func(t *testing.T) {
			said(name).allClosed(t)
			if found := intrusions(told[name], "rebind.test", "loop.test"); len(found) > 0 {
				t.Errorf("%d events reached the hosts outside, want none: %+v", len(found), found)
			}
		})
	}
	t.Run("beside", func(t *testing.T) {
		open := said("beside")
		for _, name := range openBeside {
			if open[name][0] != "OPEN" {
				t.Errorf("beside the bottle the way %q is %s, so that it is closed in there says nothing", name,
					open[name][0]+" "+open[name][1])
			}
		}
		kinds := map[string]int{}
		for _, e := range intrusions(told["beside"]) {
			kinds[e.Kind]++
		}
		for _, kind := range []string{"tcp", "bytes", "udp", "dns", "frame", "unix", "victim", "file"} {
			if kinds[kind] == 0 {
				t.Errorf("beside the bottle no %q was counted: %v", kind, kinds)
			}
		}
	})
}
