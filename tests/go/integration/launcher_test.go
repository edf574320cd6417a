package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// runIn runs bottle in a folder of its own that may hold a manifest.
func runIn(t *testing.T, manifest string, args ...string) (int, string, string) {
	t.Helper()
	dir := t.TempDir()
	if manifest != "" {
		if err := os.WriteFile(filepath.Join(dir, "bottle.json"), []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(harness.Binary(t, "bottle"), args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

const visitorManifest = `{"bottles": {"default": {}},
  "agents": {"visitor": {"bottle": "default", "command": ["true"]}}}`

// TestLauncherErrors: wrong command lines and manifests end with their code and a sentence that names the mistake.
func TestLauncherErrors(t *testing.T) {
	for _, c := range []struct {
		name, manifest string
		args           []string
		code           int
		want           []string
	}{
		{"nothing", "", nil, 64, []string{"hint"}},
		{"unknown-option", "", []string{"start", "--nonsense"}, 64, []string{"--nonsense"}},
		{"unknown-backend", "", []string{"start", "--backend", "submarine", "--", "true"}, 64,
			[]string{"submarine", "local"}},
		{"unknown-backend-in-manifest", `{"bottles": {"default": {"backend": "submarine"}}}`,
			[]string{"start", "--", "true"}, 64, []string{"submarine"}},
		{"unknown-scanner", "", []string{"start", "--scanner", "guesswork", "--", "true"}, 64, []string{"guesswork"}},
		{"allow-with-scheme", "", []string{"start", "--allow", "https://a.test", "--", "true"}, 64,
			[]string{"https://a.test"}},
		{"allow-of-no-host", "", []string{"start", "--allow", "a.-b.test", "--", "true"}, 64,
			[]string{"a.-b.test", "hyphen"}},
		{"allow-of-a-number", "", []string{"start", "--allow", "999.1.1.1", "--", "true"}, 64, []string{"999.1.1.1"}},
		{"allow-below-an-address", "", []string{"start", "--dry-run", "--allow", "*.192.0.2.1", "--", "true"}, 64,
			[]string{"*.192.0.2.1"}},
		{"allow-in-the-manifest", `{"bottles": {"default": {"egress": {"allow": ["a.-b.test"]}}}}`, []string{"start"},
			65, []string{"bottle.json:1:", "a.-b.test"}},
		{"address-range-too-wide", "", []string{"start", "--allow-address", "10.0.0.0/99", "--", "true"}, 64,
			[]string{"10.0.0.0/99"}},
		{"address-range-of-no-address", "", []string{"start", "--allow-address", "10.0.0", "--", "true"}, 64,
			[]string{"10.0.0"}},
		{"resolve-without-address", "", []string{"start", "--resolve", "a.test:443", "--", "true"}, 64,
			[]string{"a.test:443"}},
		{"resolve-to-a-name", "", []string{"start", "--resolve", "a.test:443=b.test:1", "--", "true"}, 64,
			[]string{"b.test"}},
		{"audit-in-no-directory", "", []string{"start", "--audit", "/nonexistent/audit.jsonl", "--", "true"}, 64,
			[]string{"/nonexistent is not a directory"}},
		{"audit-is-a-directory", "", []string{"start", "--audit", "/", "--", "true"}, 64, []string{"--audit /"}},
		{"pipelock-port", "", []string{"start", "--pipelock", "http://127.0.0.1:99999", "--", "true"}, 64,
			[]string{"99999"}},
		{"origin-ca-without-certificate", "", []string{"start", "--origin-ca", "/dev/null", "--", "true"}, 64,
			[]string{"/dev/null"}},
		{"origin-ca-of-text", "", []string{"start", "--origin-ca", "/etc/passwd", "--", "true"}, 72,
			[]string{"/etc/passwd"}},
		{"name-and-command", "", []string{"start", "true", "--", "true"}, 64,
			[]string{"\"true\" is a command", "bottle start -- true"}},
		{"manifest-missing", "", []string{"start", "--manifest", "/nonexistent/bottle.json"}, 65,
			[]string{"/nonexistent/bottle.json"}},
		{"manifest-no-json", "{\"bottles\": ", []string{"start"}, 65, []string{"bottle.json:1:"}},
		{"manifest-unknown-key", "{\n  \"bottles\": {\n    \"default\": { \"imaje\": \"x\" }\n  }\n}\n",
			[]string{"start"}, 65, []string{"bottle.json:3:18", "imaje"}},
		{"manifest-wrong-type", `{"bottles": []}`, []string{"start"}, 65, []string{"bottle.json:1:13"}},
		{"manifest-double-key", `{"bottles": {}, "bottles": {}}`, []string{"start"}, 65,
			[]string{"bottle.json:1:", "bottles"}},
		{"unknown-bottle", `{"bottles": {"default": {}}}`, []string{"start", "nosuch"}, 64, []string{"nosuch"}},
		{"unknown-command", "", []string{"lisp"}, 64, []string{"lisp", "did you mean \"list\"?", "start, list, stop"}},
		{"mistyped-option", "", []string{"start", "--alow", "a.test", "--", "true"}, 64,
			[]string{"unknown option --alow", "did you mean \"--allow\"?"}},
		{"mistyped-guard-key", `{"bottles": {"default": {"guard": {"on_secrets": "redact"}}}}`, []string{"start"}, 65,
			[]string{"on_secrets", "did you mean \"on_secret\"?"}},
		{"mistyped-agent", visitorManifest, []string{"start", "visitr"}, 64, []string{"did you mean \"visitor\"?"}},
		{"option-after-the-agent", visitorManifest, []string{"start", "visitor", "--dry-run"}, 64,
			[]string{"--dry-run", "bottle start --dry-run ... visitor"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := runIn(t, c.manifest, c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr does not name %q: %s", want, stderr)
				}
			}
			if stdout != "" {
				t.Errorf("stdout: %s", stdout)
			}
			// Found before anything begins.
			if strings.Contains(stderr, "bottle: backend") {
				t.Errorf("a bottle was begun: %s", stderr)
			}
		})
	}
}

// TestDryRunShowsAndChangesNothing: the plan names what would be done, and nothing is run.
func TestDryRunShowsAndChangesNothing(t *testing.T) {
	harness.Binary(t, "bottle-proxy")
	mark := filepath.Join(t.TempDir(), "ran")
	code, stdout, stderr := runIn(t, "", "start", "--dry-run", "--scanner", "guard", "--allow", "api.example.com", "--",
		"touch", mark)
	if code != 0 || !strings.Contains(stdout+stderr, "api.example.com") || !strings.Contains(stdout+stderr, "touch") {
		t.Errorf("exit code %d, plan: %s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the command was run")
	}
}

// TestAClosedAddressIsToldAtTheStart: an allowed host that no request can reach, unless its address is opened, too.
func TestAClosedAddressIsToldAtTheStart(t *testing.T) {
	harness.Binary(t, "bottle-proxy")
	for _, c := range []struct {
		name string
		args []string
		want string // "": no note
	}{
		{"private", []string{"--allow", "10.0.0.1"}, "10.0.0.1 is allowed and cannot be reached (address 10.0.0.1 is " +
			"refused: private): it also needs --allow-address 10.0.0.1"},
		{"opened", []string{"--allow", "10.0.0.1", "--allow-address", "10.0.0.0/24"}, ""},
		{"another-is-opened", []string{"--allow", "10.0.0.1:8080", "--allow-address", "10.0.1.0/24"},
			"needs --allow-address 10.0.0.1"},
		{"localhost", []string{"--allow", "localhost:3000"}, "localhost is allowed and cannot be reached"},
		{"metadata-in-a-range", []string{"--allow", "169.254.169.254", "--allow-address", "169.254.0.0/16"},
			"needs --allow-address 169.254.169.254"},
		{"ipv6", []string{"--allow", "[fd00::1]:443"}, "needs --allow-address fd00::1"},
		{"public", []string{"--allow", "1.1.1.1", "--allow", "example.com", "--allow", "*"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"start", "--dry-run", "--scanner", "guard", "--backend", "local"}, c.args...)
			code, stdout, stderr := runIn(t, "", append(args, "--", "true")...)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			told := strings.Contains(stdout, "cannot be reached")
			if told != (c.want != "") || !strings.Contains(stdout, c.want) {
				t.Errorf("the plan does not say %q: %s", c.want, stdout)
			}
		})
	}
}

// TestStartInAProcessNamespace: as in a container, where the processes of the machine are not to be seen. Each scanner
// has rooms of its own. No process has a low number: what bubblewrap looks up there is not found by chance.
func TestStartInAProcessNamespace(t *testing.T) {
	const usedUp = "for i in 1 2 3 4 5 6 7 8 9; do (:); done; exec \"$@\""
	if err := exec.Command("unshare", "-Urpf", "--mount-proc", "true").Run(); err != nil {
		t.Skip("this user may not make process namespaces (unshare -Urpf --mount-proc true fails)")
	}
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			s := newShelf(t)
			args := []string{"start", "--scanner", scanner, "--allow", "origin.test"}
			if scanner == "pipelock" {
				args = append(args, "--pipelock-bin", harness.Binary(t, "pipelock-double"))
			}
			inner := s.command(append(args, "--", "sh", "-c", "echo it runs; exit 3")...)
			cmd := exec.Command("unshare", append([]string{"-Urpf", "--mount-proc", "--kill-child", "sh", "-c", usedUp,
				"sh"}, inner.Args...)...)
			cmd.Dir, cmd.Env = inner.Dir, inner.Env
			if out := s.run1(cmd); out.code != 3 || out.out != "it runs\n" {
				t.Errorf("exit code %d: %s%s", out.code, out.out, out.errors)
			}
		})
	}
}

// TestStartWhereProcIsMasked: as in a container that hides parts of /proc. The kernel lets no user namespace have a
// /proc of its own there, which bubblewrap finds out; its status of 1 is not the command's.
func TestStartWhereProcIsMasked(t *testing.T) {
	const masked = "mount -t tmpfs none /proc/sys && exec \"$@\""
	if err := exec.Command("unshare", "-Urpf", "--mount-proc", "sh", "-c", masked, "sh", "true").Run(); err != nil {
		t.Skip("this user may not make process namespaces (unshare -Urpf --mount-proc fails)")
	}
	for scanner, want := range map[string]string{
		"guard":    "bottle: bubblewrap did not start the command; its own message is above",
		"pipelock": "bottle: bubblewrap did not start pipelock:\n    bwrap: ",
	} {
		t.Run(scanner, func(t *testing.T) {
			s := newShelf(t)
			args := []string{"start", "--scanner", scanner}
			if scanner == "pipelock" {
				args = append(args, "--pipelock-bin", harness.Binary(t, "pipelock-double"))
			}
			inner := s.command(append(args, "--", "touch", "made")...)
			cmd := exec.Command("unshare", append([]string{"-Urpf", "--mount-proc", "--kill-child", "sh", "-c", masked,
				"sh"}, inner.Args...)...)
			cmd.Dir, cmd.Env = inner.Dir, inner.Env
			out := s.run1(cmd)
			if out.code != 69 || !strings.Contains(out.errors, want) || !strings.Contains(out.errors, "bwrap: ") {
				t.Errorf("exit code %d: %s%s", out.code, out.out, out.errors)
			}
			if _, err := os.Stat(filepath.Join(inner.Dir, "made")); err == nil {
				t.Error("the command was run")
			}
		})
	}
}
