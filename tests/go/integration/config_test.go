package integration

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// Exit codes of bottle-proxy, see docs/exit-codes.md.
const (
	exitUsage  = 64
	exitListen = 69
	exitFiles  = 73
)

// TestStartUpErrors: each mistake ends with its code and a sentence that names it.
func TestStartUpErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	out := filepath.Join(dir, "ca.pem")
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base := []string{"--upstream", "direct", "--ca-out", out, "--listen", "127.0.0.1:0", "--allow", "origin.test"}
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"unknown-option", append(base, "--nonsense"), exitUsage, []string{"nonsense"}},
		{"unknown-key", append(base, "--config", file("unknown.json", "{\n  \"upstream\": \"direct\",\n"+
			"  \"upstraem\": \"direct\"\n}\n")), exitUsage, []string{"unknown.json:3:", "upstraem"}},
		{"unknown-limit", append(base, "--config", file("limit.json", "{\"limits\": {\"idle_mss\": 5}}")), exitUsage,
			[]string{"limit.json:1:", "idle_mss"}},
		{"wrong-type", append(base, "--config", file("type.json", "{\"upstream\": [\"direct\"]}")), exitUsage,
			[]string{"type.json:1:", "upstream"}},
		{"no-json", append(base, "--config", file("broken.json", "{\"upstream\": ")), exitUsage,
			[]string{"broken.json:1:"}},
		{"double-key", append(base, "--config", file("double.json", "{\"upstream\": \"direct\", \"upstream\": "+
			"\"pipelock\"}")), exitUsage, []string{"double.json:1:", "upstream"}},
		{"limit-too-large", append(base, "--limit", "threads=9"), exitUsage, []string{"threads"}},
		{"bad-listen", []string{"--upstream", "direct", "--ca-out", out, "--listen", "somewhere"}, exitUsage,
			[]string{"somewhere"}},
		{"bad-upstream", []string{"--upstream", "nothing", "--ca-out", out}, exitUsage, []string{"nothing"}},
		{"pipelock-without-address", []string{"--upstream", "pipelock", "--ca-out", out, "--allow", "origin.test"},
			exitUsage, []string{"pipelock"}},
		{"bad-route", append(base, "--route", "origin.test=nowhere"), exitUsage, []string{"nowhere"}},
		{"splice-of-a-path", append(base, "--route", "origin.test/x=splice"), exitUsage,
			[]string{"splice", "whole host"}},
		{"bad-allow", append(base, "--allow", "https://origin.test/"), exitUsage, []string{"https://origin.test/"}},
		{"bad-cidr", append(base, "--allow-address", "10.0.0.0/99"), exitUsage, []string{"10.0.0.0/99"}},
		{"port-taken", []string{"--upstream", "direct", "--ca-out", out, "--listen", taken.Addr().String(), "--allow",
			"origin.test"}, exitListen, []string{taken.Addr().String()}},
		{"foreign-address", []string{"--upstream", "direct", "--ca-out", out, "--listen", "192.0.2.1:0", "--allow",
			"origin.test"}, exitListen, []string{"192.0.2.1"}},
		{"config-missing", append(base, "--config", filepath.Join(dir, "missing.json")), exitUsage,
			[]string{"missing.json"}},
		{"origin-ca-missing", append(base, "--origin-ca", filepath.Join(dir, "missing.pem")), exitFiles,
			[]string{"missing.pem"}},
		{"origin-ca-empty", append(base, "--origin-ca", file("empty.pem", "no certificate\n")), exitFiles,
			[]string{"empty.pem"}},
		{"ca-out-unwritable", []string{"--upstream", "direct", "--listen", "127.0.0.1:0", "--allow", "origin.test",
			"--ca-out", filepath.Join(dir, "none", "ca.pem")}, exitFiles, []string{"none"}},
		{"audit-unwritable", append(base, "--audit", filepath.Join(dir, "none", "audit.jsonl")), exitFiles,
			[]string{"none"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := harness.RunProxy(t, 20*time.Second, c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d; stderr: %s", code, c.code, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr does not name %q: %s", want, stderr)
				}
			}
			if strings.Contains(stdout, "ready") {
				t.Errorf("it said it was ready: %s", stdout)
			}
			if strings.Contains(stderr, "terminate called") || strings.Contains(stderr, "Sanitizer") {
				t.Errorf("stderr: %s", stderr)
			}
			// Listeners and files that are written are nothing to --check-config; all else it finds as a start does.
			if c.code == exitListen || strings.HasSuffix(c.name, "-unwritable") {
				return
			}
			code, _, said := harness.RunProxy(t, 20*time.Second, append([]string{"--check-config"}, c.args...)...)
			if code != c.code || said != stderr {
				t.Errorf("--check-config: exit code %d, want %d: %s, want %s", code, c.code, said, stderr)
			}
		})
	}
}

// TestCheckStartsNothing: no place is taken, no file is made, nothing is said when all is well.
func TestCheckStartsNothing(t *testing.T) {
	dir := t.TempDir()
	code, stdout, stderr := harness.RunProxy(t, 10*time.Second, "--check-config", "--upstream", "direct", "--allow",
		"origin.test",
		"--listen", "127.0.0.1:0", "--ca-out", filepath.Join(dir, "ca.pem"), "--bundle-out",
		filepath.Join(dir, "bundle.pem"),
		"--audit", filepath.Join(dir, "audit.jsonl"))
	if code != 0 || stdout+stderr != "" {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("files: %v, %v", made, err)
	}
}

func TestHelp(t *testing.T) {
	code, stdout, _ := harness.RunProxy(t, 10*time.Second, "--help")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, option := range []string{"--listen", "--upstream", "--pipelock", "--allow", "--route", "--ca-out",
		"--bundle-out", "--origin-ca", "--allow-address", "--ca-names", "--audit", "--threads", "--config", "--resolve",
		"--secrets"} {
		if !strings.Contains(stdout, option) {
			t.Errorf("--help does not explain %s", option)
		}
	}
}

// TestReadyLineAndFiles: the fingerprint belongs to the CA file, and files have the modes they should.
func TestReadyLineAndFiles(t *testing.T) {
	w := direct(t)
	if got := fingerprint(t, w.Proxy.CAFile); got != w.Proxy.SHA256 {
		t.Errorf("ready line says %s, the CA file %s", w.Proxy.SHA256, got)
	}
	bundle, err := os.ReadFile(w.Proxy.Bundle)
	ca, _ := os.ReadFile(w.Proxy.CAFile)
	if err != nil || !strings.Contains(string(bundle), strings.TrimSpace(string(ca))) {
		t.Errorf("the bundle does not hold the CA: %v", err)
	}
	for _, text := range []string{string(bundle), string(ca)} {
		if strings.Contains(text, "PRIVATE KEY") {
			t.Error("a private key was written")
		}
	}
	if info, err := os.Stat(w.Proxy.Audit); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("audit log: %v, %v", info, err)
	}
}

// TestThreads: more than one worker serves.
func TestThreads(t *testing.T) {
	w := direct(t, "--threads", "3")
	for i := 0; i < 30; i++ {
		if answer := w.Do(w.Client([]harness.Proto{harness.H1, harness.H2}[i%2]), "GET", "/text",
			nil); answer.StatusCode != 200 {
			t.Fatalf("status %d", answer.StatusCode)
		}
	}
}

// TestConfigFile: the same keys as the command line.
func TestConfigFile(t *testing.T) {
	w := direct(t, "--config", writeFile(t, "ok.json", `{"allow": ["more.test"], "ca-names": "any", "limits": `+
		`{"idle_ms": 30000}, "threads": 2}`))
	if answer := w.Do(w.Client(harness.H1), "GET", "/text", nil); answer.StatusCode != 200 {
		t.Errorf("status %d", answer.StatusCode)
	}
	wantProblem(t, w.Do(w.Client(harness.H1), "GET", "https://elsewhere.test/", nil), 403, "host_not_allowed")
}
