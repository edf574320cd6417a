package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/origin"
)

const newerToken = "ghp_Xv4Nb7Qm2Kc9Wd5Rz8Lt3Hj6Fs1Gp0Yu3ALX"

// asking is a script that sends the placeholder again and again, and keeps what it got.
const asking = `while [ ! -e stop ]; do curl -sS -o /dev/null -H "Authorization: Bearer $MY_TOKEN" ` +
	`https://client.test/reflect || echo failed >> failures; sleep 0.1; done`

func lastAuthorization(server *origin.Server) string {
	got := server.Requests()
	if len(got) == 0 {
		return ""
	}
	return got[len(got)-1].Header.Get("Authorization")
}

// TestSecretsAreReloaded: in a bottle that runs, from the environment of the command that says so.
func TestSecretsAreReloaded(t *testing.T) {
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			s, server, args := tokenKeptOut(t, scanner, origin.Options{})
			b := s.start(asking, args[1:]...)
			eventually(t, 20*time.Second, "the value at the origin", func() bool {
				return lastAuthorization(server) == "Bearer "+gitHubToken
			})
			s.call("secrets").want(t, 0, "MY_TOKEN", "placeholder", "from_host", "start", "client.test")
			s.call("secrets", "reload").want(t, 0, "MY_TOKEN: the same value as before")
			s.extra = []string{"MY_TOKEN=" + newerToken}
			s.call("secrets", "reload").want(t, 0, "MY_TOKEN: new value")
			eventually(t, 20*time.Second, "the new value at the origin", func() bool {
				return lastAuthorization(server) == "Bearer "+newerToken
			})
			listed := s.call("secrets", "--json")
			var secrets []map[string]any
			if json.Unmarshal([]byte(listed.out), &secrets) != nil || len(secrets) != 1 ||
				secrets[0]["old_values"] != 1.0 {
				t.Errorf("listed: %s", listed.out)
			}
			// Neither value is the agent's to send.
			id := strings.TrimSpace(s.call("list", "-q").out)
			for _, value := range []string{gitHubToken, newerToken} {
				s.call("exec", id, "curl", "-sS", "-H", "Authorization: Bearer "+value, "https://client.test/").
					want(t, 0, "secret_in_header")
			}
			s.extra = []string{"MY_TOKEN=short"}
			s.call("secrets", "reload", id).want(t, 70, "MY_TOKEN", "fewer than")
			s.extra = nil
			s.call("secrets", "reload", id).want(t, 0, "stays as it is", "nothing to reload")
			s.call("secrets", "reload", id, "OTHER").want(t, 64, "OTHER is not kept out")
			s.call("secrets", "reload", id, "MY_TOKEN").want(t, 66, "not set in your environment")
			os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
			b.end(t).want(t, 0)
			if failures, err := os.ReadFile(filepath.Join(s.project, "failures")); err == nil {
				t.Errorf("requests failed: %s", failures)
			}
			s.call("secrets").want(t, 64, "no bottle is running")
		})
	}
}

// TestTheAgentHasNoControl: the socket of the proxy is in no directory of the bottle.
func TestTheAgentHasNoControl(t *testing.T) {
	s, _, args := tokenKeptOut(t, "guard", origin.Options{})
	out := s.call(append(args, "--", "sh", "-c",
		`find / -xdev -name control -type s 2>/dev/null; find /run /tmp /var -type s 2>/dev/null; echo end`)...)
	out.want(t, 0)
	if strings.TrimSpace(out.out) != "end" {
		t.Errorf("the agent sees %s", out.out)
	}
}

// tokenOfCommand changes the manifest's source to a script that counts its calls.
func tokenOfCommand(t *testing.T, s *shelf, ttl string) (counter, broken string) {
	t.Helper()
	counter, broken = filepath.Join(t.TempDir(), "calls"), filepath.Join(t.TempDir(), "broken")
	script := filepath.Join(t.TempDir(), "print-token")
	text := fmt.Sprintf("#!/bin/sh\n[ -e %s ] && { echo 'log in again' >&2; exit 3; }\necho x >> %s\n"+
		"echo token-Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4-$(wc -l < %s)\n", broken, counter, counter)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(`{"bottles": {"default": {"env": {"MY_TOKEN": {"command": [%q]%s,
		"hosts": ["client.test"], "keep_out": true}}}}}`, script, ttl)
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	return counter, broken
}

func callsIn(counter string) int {
	text, _ := os.ReadFile(counter)
	return strings.Count(string(text), "\n")
}

// TestTokenOfACommandIsRenewed: before its time is over, by the bottle's own start; after a failure the old one stays.
func TestTokenOfACommandIsRenewed(t *testing.T) {
	s, server, args := tokenKeptOut(t, "guard", origin.Options{})
	s.extra = nil
	counter, broken := tokenOfCommand(t, s, `, "ttl": "2s"`)
	s.call(append(args, "--dry-run", "--", "true")...).want(t, 0, "is taken at the start from the command")
	if callsIn(counter) != 0 {
		t.Error("a dry run ran the command")
	}
	b := s.start(asking, args[1:]...)
	sent := func(n int) string { return fmt.Sprintf("Bearer token-Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4-%d", n) }
	eventually(t, 30*time.Second, "the third token at the origin", func() bool {
		last := lastAuthorization(server)
		return last == sent(3) || last == sent(4)
	})
	os.WriteFile(broken, nil, 0o644)
	eventually(t, 20*time.Second, "the trouble in the list", func() bool {
		return strings.Contains(s.call("secrets").out, "ended with status 3: log in again")
	})
	if !strings.HasPrefix(lastAuthorization(server), "Bearer token-") {
		t.Errorf("the old token is lost: %q", lastAuthorization(server))
	}
	at := callsIn(counter)
	os.Remove(broken)
	eventually(t, 20*time.Second, "a later token at the origin", func() bool {
		return lastAuthorization(server) == sent(at+1) || lastAuthorization(server) == sent(at+2)
	})
	if out := s.call("secrets").out; strings.Contains(out, "log in again") {
		t.Errorf("the trouble stays: %s", out)
	}
	os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
	b.end(t).want(t, 0)
	ended := callsIn(counter)
	time.Sleep(3 * time.Second)
	if callsIn(counter) != ended {
		t.Error("the command still runs after the bottle's end")
	}
	if failures, err := os.ReadFile(filepath.Join(s.project, "failures")); err == nil {
		t.Errorf("requests failed: %s", failures)
	}
}

// TestACommandThatFailsStartsNoBottle: and its own words are in the error.
func TestACommandThatFailsStartsNoBottle(t *testing.T) {
	s, _, args := tokenKeptOut(t, "guard", origin.Options{})
	counter, broken := tokenOfCommand(t, s, "")
	os.WriteFile(broken, nil, 0o644)
	s.call(append(args, "--", "true")...).want(t, 66, "MY_TOKEN", "print-token", "ended with status 3: log in again")
	os.Remove(broken)
	s.call(append(args, "--", "true")...).want(t, 0)
	if callsIn(counter) != 1 {
		t.Errorf("it ran %d times", callsIn(counter))
	}
}

// TestProgramsOfTheHostAreNotTheAgents: a directory of PATH that the agent can change supplies none of them.
func TestProgramsOfTheHostAreNotTheAgents(t *testing.T) {
	s := newShelf(t)
	planted := filepath.Join(s.project, ".venv", "bin")
	ran := filepath.Join(s.root, "ran")
	for _, name := range []string{"gh", "git", "asker"} {
		s.write(filepath.Join(planted, name), "#!/bin/sh\necho "+name+" >> "+ran+"\necho allow\n")
		if err := os.Chmod(filepath.Join(planted, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.extra = []string{"PATH=" + planted + ":/usr/local/bin:/usr/bin:/bin"}
	manifest := `{"bottles": {"default": {"env": {"MY_TOKEN": {"command": [%s],
		"hosts": ["client.test"], "keep_out": true}}}}}`
	file := filepath.Join(s.project, "bottle.json")
	note := "not looked for in " + planted
	// By a program that the person has, too, and by one that only the agent has.
	s.write(file, fmt.Sprintf(manifest, `"sh", "-c", "echo a-token-of-$(command -v asker || echo nothing)"`))
	s.sh("true").want(t, 0, note)
	s.write(file, fmt.Sprintf(manifest, `"gh"`))
	s.sh("true").want(t, 66, "MY_TOKEN", "is not on this machine, or only where the agent can change it")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	out := s.sh("curl -sS -m 20 https://late.test/ || true", "--ask", "--ask-command", "asker",
		"--limit", "ask_ms=3000")
	out.want(t, 0, note)
	if text, err := os.ReadFile(ran); err == nil {
		t.Errorf("ran on the host: %s", text)
	}
}
