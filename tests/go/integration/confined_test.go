package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// Bottles with a pipelock that the launcher starts and confines: PIPELOCK_BIN, or the double.

const confinedName = "origin.test"

// confined is a shelf whose bottles have an origin and a scanner.
type confined struct {
	*shelf
	origin *origin.Server
	audit  string
	args   []string // of bottle start
}

// newConfined: route is the origin's, "" for none.
func newConfined(t *testing.T, route string) *confined {
	t.Helper()
	s := newShelf(t)
	scanner := harness.RealPipelock()
	if scanner == "" {
		scanner = harness.Binary(t, "pipelock-double")
	}
	server, err := origin.Start(origin.Options{Names: []string{confinedName}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	ca := filepath.Join(s.root, "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		t.Fatal(err)
	}
	routes := "{}"
	if route != "" {
		routes = fmt.Sprintf(`{%q: %q}`, confinedName, route)
	}
	manifest := fmt.Sprintf(`{"bottles": {"default": {"egress": {"allow": [%q], "allow_addresses": ["127.0.0.0/8"], `+
		`"routes": %s}}}}`, confinedName, routes)
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &confined{shelf: s, origin: server, audit: filepath.Join(s.root, "audit.jsonl")}
	c.args = []string{"start", "--pipelock-bin", scanner, "--resolve", confinedName + ":443=" + server.Addr(),
		"--origin-ca", ca, "--audit", c.audit}
	return c
}

// sh runs a shell script in a bottle.
func (c *confined) sh(script string) spoken {
	c.t.Helper()
	return c.call(append(append([]string{}, c.args...), "--", "sh", "-c", "U=https://"+confinedName+"\n"+script)...)
}

// begin runs a shell script in a bottle and waits until it has made the file "ready".
func (c *confined) begin(script string) *background {
	c.t.Helper()
	mark := filepath.Join(c.project, "ready")
	b := &background{cmd: c.command(append(append([]string{}, c.args...), "--", "sh", "-c", script)...),
		ended: make(chan spoken, 1)}
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	if err := b.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() { b.ended <- finish(b.cmd, &b.stdout, &b.stderr) }()
	eventually(c.t, 30*time.Second, "the command begins", func() bool { _, err := os.Stat(mark); return err == nil })
	return b
}

// audited is the audit log as it is now.
func (c *confined) audited() string { return harness.AuditText(c.audit) }

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
}

// withoutProxy is what a client does that knows of no proxy.
const withoutProxy = "env -u HTTP_PROXY -u HTTPS_PROXY -u http_proxy -u https_proxy -u ALL_PROXY -u all_proxy "

func nodeFetch(url string) string {
	return withoutProxy + `node -e 'fetch(process.argv[1]).then(async r => console.log(r.status, ` +
		`r.headers.get("x-bottle-deny"), await r.text()))' "` + url + `"`
}

// TestConfinedScanner: what a person sees of a bottle with a confined scanner.
func TestConfinedScanner(t *testing.T) {
	needs(t, "curl")
	secret := "sk-ant-api03-" + strings.Repeat("Ab3dEf9h", 12) + "AA"
	c := newConfined(t, "")
	for _, check := range []struct{ name, program, script, want string }{
		{"scanned", "curl", `curl -sS "$U/text"`, "hello from the origin"},
		{"redirect", "curl", `curl -sS -o body -w '%{http_code} %{redirect_url}' "$U/redirect?to=/text"`,
			"302 https://origin.test/text"},
		{"comments", "curl", `curl -sSN "$U/sse?n=3&ms=20&comments=1"`, ": keep-alive\n\nevent: tick\nid: 2"},
		{"secret in the query", "curl", `curl -sS -i "$U/text?key=` + secret + `"`, "403"},
		{"secret in the body", "curl", `curl -sS -i -H 'Content-Type: application/json' -d '{"k":"` + secret +
			`"}' "$U/upload"`, "403"},
		{"refused host", "curl", `curl -sS https://elsewhere.test/`, "host_not_allowed"},
		{"node without proxy settings", "node", nodeFetch("$U/text"), "200 null hello from the origin"},
		{"refused without proxy settings", "node", nodeFetch("https://elsewhere.test/"), "403 host_not_allowed"},
		{"plain HTTP without proxy settings", "curl", withoutProxy + `curl -sS -i http://elsewhere.test/`,
			"host_not_allowed"},
	} {
		t.Run(strings.ReplaceAll(check.name, " ", "-"), func(t *testing.T) {
			needs(t, check.program)
			got := c.sh(check.script)
			if got.code != 0 || !strings.Contains(got.out, check.want) {
				t.Errorf("exit code %d, want %q in %s\n%s", got.code, check.want, clipText(got.out),
					clipText(got.errors))
			}
		})
	}
	for _, seen := range c.origin.Requests() {
		if strings.Contains(seen.URI, "sk-ant") || strings.HasPrefix(seen.URI, "/upload") {
			t.Errorf("the secret reached the origin: %s %s", seen.Method, seen.URI)
		}
	}
}

// TestConfinedRegistries: package managers and git past pipelock's slow response scan, on the route scan-requests.
func TestConfinedRegistries(t *testing.T) {
	c := newConfined(t, "scan-requests")
	for _, client := range clients {
		switch client.name {
		case "npm install", "pip install", "git clone":
		default:
			continue
		}
		t.Run(strings.ReplaceAll(client.name, " ", "-"), func(t *testing.T) {
			if err := exec.Command("sh", "-c", client.probe).Run(); err != nil {
				t.Skipf("%s is not installed (%s)", client.name, client.probe)
			}
			began := time.Now()
			got := c.sh(client.script)
			took := time.Since(began)
			if got.code != 0 || !strings.Contains(got.out, client.want) {
				t.Fatalf("exit code %d: %s\n%s", got.code, clipText(got.out), clipText(got.errors))
			}
			t.Logf("%s took %v, with the start of the bottle", client.name, took.Round(10*time.Millisecond))
			if took > 30*time.Second {
				t.Errorf("%v is not in seconds", took)
			}
		})
	}
}

// TestConfinedScannerDies: the bottle goes on, refuses, and says why.
func TestConfinedScannerDies(t *testing.T) {
	needs(t, "curl")
	c := newConfined(t, "")
	b := c.begin(`curl -sS -o /dev/null -w '%{http_code} ' https://` + confinedName + `/text; touch ready
while [ ! -e killed ]; do sleep 0.05; done
for i in $(seq 100); do curl -sS -D head -o body https://` + confinedName +
		`/text; grep -q ' 503' head && break; sleep 0.05; done; cat head body; exit 7`)
	pid := scannerOf(t, b.cmd.Process.Pid)
	if err := exec.Command("kill", "-9", strconv.Itoa(pid)).Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.project, "killed"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.end(t)
	if got.code != 7 || !strings.HasPrefix(got.out, "200 ") || !strings.Contains(got.out, "scanner_unavailable") {
		t.Errorf("exit code %d: %s", got.code, clipText(got.out))
	}
	if !strings.Contains(got.errors, "pipelock ended unexpectedly") ||
		!strings.Contains(got.errors, "every request is refused") {
		t.Errorf("bottle does not say why: %s", got.errors)
	}
}

// scannerOf finds the scanner that descends from a launcher, by /proc.
func scannerOf(t *testing.T, launcher int) int {
	t.Helper()
	parent := func(pid int) int {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0
		}
		fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
		above, _ := strconv.Atoi(fields[1])
		return above
	}
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		line, _ := os.ReadFile(entry)
		if !strings.HasPrefix(string(line), "/pipelock/pipelock\x00run\x00") {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(entry, "/")[2])
		for above := pid; above > 1; above = parent(above) {
			if above == launcher {
				return pid
			}
		}
	}
	t.Fatal("no scanner runs")
	return 0
}

// TestNothingLeavesTheScannersNamespaceByItself: from in there, past the front, pipelock's own ways out end at the
// exit, which has admitted nothing.
func TestNothingLeavesTheScannersNamespaceByItself(t *testing.T) {
	needs(t, "curl", "nsenter")
	if os.Getuid() != 0 {
		t.Skip("root is needed to enter the scanner's namespace")
	}
	c := newConfined(t, "")
	b := c.begin(`touch ready; while [ ! -e end ]; do sleep 0.05; done`)
	pid := strconv.Itoa(scannerOf(t, b.cmd.Process.Pid))
	inside := func(args ...string) string {
		out, _ := exec.Command("nsenter", append([]string{"-t", pid, "-n", "--", "curl", "-sSik", "--max-time", "10"},
			args...)...).CombinedOutput()
		return string(out)
	}
	const pipelock = "http://127.0.0.1:8888"
	if out := inside(pipelock + "/health"); !strings.HasPrefix(out, "HTTP/1.1 200") {
		t.Fatalf("not where the scanner is: %s", out)
	}
	for name, args := range map[string][]string{
		"CONNECT":   {"-x", pipelock, "https://" + confinedName + "/text"},
		"fetch":     {pipelock + "/fetch?url=https%3A%2F%2F" + confinedName + "%2Ftext"},
		"plain":     {"-x", pipelock, "http://" + confinedName + "/text"},
		"no ticket": {"--resolve", confinedName + ":443:127.0.0.2", "https://" + confinedName + "/text"},
		"forged ticket": {"--resolve", confinedName + ":443:127.0.0.2", "-H", "X-Bottle-Exchange: 1." +
			strings.Repeat("a", 64), "https://" + confinedName + "/text"},
		"direct address":   {"https://" + c.origin.Addr() + "/text"},
		"pipelock, direct": {"-x", pipelock, "https://" + c.origin.Addr() + "/text"},
		"the world":        {"--max-time", "3", "http://192.0.2.1/"},
	} {
		if out := inside(args...); strings.Contains(out, "hello from the origin") {
			t.Errorf("%s reached the origin: %s", name, clipText(out))
		}
	}
	if n := c.origin.Connections(); n != 0 {
		t.Errorf("%d connections reached the origin, want none", n)
	}
	if log := c.audited(); strings.Count(log, `"refused_at_exit"`) < 3 || !strings.Contains(log, "no_ticket") {
		t.Errorf("the exit's refusals are not in the audit log: %s", clipText(log))
	}
	if err := os.WriteFile(filepath.Join(c.project, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := b.end(t); got.code != 0 {
		t.Errorf("exit code %d: %s", got.code, got.errors)
	}
}
