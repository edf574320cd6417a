package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// liveShelf has a manifest that allows known.test; late.test leads to the same origin.
func liveShelf(t *testing.T, scanner string) (*shelf, *origin.Server, []string) {
	t.Helper()
	s := newShelf(t)
	server, err := origin.Start(origin.Options{Names: []string{"known.test", "late.test"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		t.Fatal(err)
	}
	manifest := `{"bottles": {"default": {"egress": {"allow": ["known.test"]}}}}`
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"--scanner", scanner, "--allow-address", "127.0.0.0/8", "--origin-ca", ca, "--allow", "other.test"}
	for _, place := range []string{"known.test:443", "late.test:443", "late.test:8443"} {
		args = append(args, "--resolve", place+"="+server.Addr())
	}
	if scanner == "pipelock" {
		program := harness.RealPipelock()
		if program == "" {
			program = harness.Binary(t, "pipelock-double")
		}
		args = append(args, "--pipelock-bin", program)
	}
	return s, server, args
}

// TestASaveDoesNotHideAnotherChange: a manifest that somebody else changed is not saved to, and the end warns of a
// change before a save or after it.
func TestASaveDoesNotHideAnotherChange(t *testing.T) {
	for _, first := range []bool{true, false} {
		s, _, args := liveShelf(t, "guard")
		b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
		file := filepath.Join(s.project, "bottle.json")
		change := func() {
			text, err := os.ReadFile(file)
			if err != nil || os.WriteFile(file, append([]byte("// changed\n"), text...), 0o644) != nil {
				t.Fatal(err)
			}
		}
		if first {
			change()
			changed, _ := os.ReadFile(file)
			s.call("allow", "late.test", "--save").want(t, 65, "not the one that the bottle was started with")
			if now, _ := os.ReadFile(file); string(now) != string(changed) {
				t.Errorf("the refused save wrote %s", now)
			}
			s.call("policy", "--check", "late.test").want(t, 67, "would be refused")
		} else {
			s.call("allow", "late.test", "--save").want(t, 0, "wrote it to")
			change()
		}
		os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
		out := b.end(t)
		out.want(t, 0, "was made or changed while the bottle ran")
	}
}

// TestASaveLeavesTheManifestReadOnly: the file stays the one that is mounted, so the agent cannot write its own policy.
func TestASaveLeavesTheManifestReadOnly(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
	file := filepath.Join(s.project, "bottle.json")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	s.call("allow", b.id, "late.test", "--save").want(t, 0, "wrote it to")
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() {
		t.Errorf("another file: %v %v, %v", before.Mode(), after, err)
	}
	for _, attack := range []string{"echo >> bottle.json", "mv bottle.json other.json", "rm -f bottle.json",
		"echo '{}' > new.json && mv -f new.json bottle.json"} {
		if got := s.call("exec", b.id, "bash", "-c", attack); got.code == 0 {
			t.Errorf("the agent could: %s", attack)
		}
	}
	if text, _ := os.ReadFile(file); !strings.Contains(string(text), `["known.test", "late.test"]`) {
		t.Errorf("the manifest has %s", text)
	}
	s.call("exec", b.id, "cat", "bottle.json").want(t, 0, "late.test")
	os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
	if out := b.end(t); strings.Contains(out.errors, "made or changed") {
		t.Errorf("the end warns of our own change: %s", out.errors)
	}
}

// TestEveryBottleOfAManifestKnowsASave: no bottle takes the person's change for the agent's.
func TestEveryBottleOfAManifestKnowsASave(t *testing.T) {
	s, _, args := liveShelf(t, "guard")
	first := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
	second := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
	s.call("allow", "--secret", "abcdefghijklmn27").want(t, 0, "wrote the fingerprint to")
	s.call("allow", first.id, "late.test", "--save").want(t, 0, "wrote it to")
	s.call("allow", second.id, "more.test", "--save").want(t, 0, "wrote it to")
	os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
	for _, b := range []*background{first, second} {
		if out := b.end(t); strings.Contains(out.errors, "made or changed") {
			t.Errorf("the end warns of our own change: %s", out.errors)
		}
	}
}

// TestAHostIsAllowedInABottleThatRuns: the agent goes on, and nothing is started again.
func TestAHostIsAllowedInABottleThatRuns(t *testing.T) {
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			s, _, args := liveShelf(t, scanner)
			b := s.start("while [ ! -e stop ]; do sleep 0.1; done", args...)
			ask := func(url string) spoken {
				return s.call("exec", b.id, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url)
			}
			is := func(url, status string) {
				t.Helper()
				if got := ask(url); strings.TrimSpace(got.out) != status {
					t.Errorf("%s: %s %s, want %s", url, got.out, got.errors, status)
				}
			}
			is("https://known.test/echo", "200")
			s.call("exec", b.id, "curl", "-sS", "https://late.test/").want(t, 0, "`bottle allow late.test`")
			s.call("policy", "--check", "late.test").want(t, 67, "would be refused: host_not_allowed",
				"bottle allow late.test")
			s.call("allow", "late.test").want(t, 0, "allows late.test until it ends")
			is("https://late.test/echo", "200")
			s.call("allow", "late.test").want(t, 0, "allows late.test already")
			s.call("policy", "--check", "https://late.test/x").want(t, 0, "would pass", "late.test (command")
			s.call("allow", b.id, "late.test:8443", "--for", "10m", "--route", "scan").want(t, 0, "for 10m")
			is("https://late.test:8443/echo", "200")
			s.call("policy").want(t, 0, "late.test:8443", "scan", " min", "known.test", "manifest", "other.test",
				"option")
			s.call("deny", "late.test").want(t, 0, "refuses late.test from the next request on")
			is("https://late.test/echo", "403")
			s.call("policy").want(t, 0, "deny")
			s.call("allow", "--once", b.id, "late.test").want(t, 70, "take that back first")
			is("https://late.test/echo", "403")
			s.call("allow", "late.test").want(t, 0, "allows late.test until it ends")
			s.call("allow", "--once", b.id, "late.test").want(t, 0, "for one request")
			is("https://late.test/echo", "200")
			is("https://late.test/echo", "403")
			var listed struct{ Allow, Routes []map[string]any }
			if out := s.call("policy", "--json"); json.Unmarshal([]byte(out.out), &listed) != nil ||
				len(listed.Allow) != 2 || listed.Allow[0]["requests"] != 1.0 {
				t.Errorf("listed: %s", out.out)
			}
			s.call("allow", "10.0.0.1").want(t, 70)
			s.call("allow", "--save", "--route", "scan", "late.test").want(t, 0, "allows late.test until it ends",
				"wrote it to", `+ {"bottles"`, `["known.test", "late.test"], "routes": { "late.test": "scan" }`)
			s.call("allow", "--save", "late.test").want(t, 0, "has it already")
			s.call("allow", "--save", "--once", "late.test").want(t, 64, "leave --save out")
			s.call("allow", "late.test", "--for", "soon").want(t, 64, "30 days")
			s.call("allow", "https://late.test/").want(t, 64, "without scheme")
			s.call("deny").want(t, 64, "takes a host")
			os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
			out := b.end(t)
			out.want(t, 0)
			if strings.Contains(out.errors, "made or changed") {
				t.Errorf("the end warns of our own change: %s", out.errors)
			}
			if !strings.Contains(out.errors, "bottle allow HOST") {
				t.Errorf("the closing report: %s", out.errors)
			}
			s.call("allow", "late.test").want(t, 64, "no bottle is running")
		})
	}
}
