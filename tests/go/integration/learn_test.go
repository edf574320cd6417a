package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
)

// TestLearningLetsUnknownHostsPass: and marks them, through pipelock and the exit as well.
func TestLearningLetsUnknownHostsPass(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		options.Args = append(options.Args, "--learn", "--route", "closed.test=deny")
		w, channel := liveWorld(t, options)
		client := w.Client(proto)
		if answer := w.Do(client, "POST", w.URLOf("late.test", "/echo"), strings.NewReader("text"), "Content-Type",
			"text/plain"); answer.Status() != 200 {
			t.Fatalf("status %d %s", answer.Status(), answer.Text)
		}
		wantProblem(t, w.Do(client, "GET", "https://closed.test/", nil), 403, "route_deny")
		wantProblem(t, w.Do(client, "GET", "https://10.0.0.1/", nil), 403, "address_not_allowed")
		wantProblem(t, w.Do(client, "GET", "https://metadata.google.internal/", nil), 403, "own_address")
		w.Do(client, "GET", "/echo", nil)
		w.Proxy.WaitAudit(t, "a learned host", func(l map[string]any) bool {
			return l["host"] == "late.test" && l["learned"] == true && l["verdict"] == "allowed" && l["route"] == "scan"
		})
		w.Proxy.WaitAudit(t, "an allowed one", func(l map[string]any) bool {
			return l["host"] == w.Name && l["learned"] == nil && l["verdict"] == "allowed"
		})
		if check := channel.policy("check", "url", "https://new.example/")["check"].(map[string]any); check["passes"] !=
			true || check["learned"] != true {
			t.Errorf("checked: %v", check)
		}
		channel.policy("deny", "host", "late.test")
		wantProblem(t, w.Do(client, "GET", w.URLOf("late.test", "/echo"), nil), 403, "route_deny")
	})
}

// TestABottleThatLearnsProposesItsHosts: the diff at its end, the file, and the command that takes it over.
func TestABottleThatLearnsProposesItsHosts(t *testing.T) {
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			s, _, args := liveShelf(t, scanner)
			curl := "curl -sS -o /dev/null -w '%{http_code}\\n' https://"
			s.learning(t, args)
			b := s.start(curl+"late.test/echo; "+curl+"late.test/echo; "+curl+"late.test:8443/echo; "+curl+
				"nowhere.invalid/; "+curl+"10.0.0.1/; "+curl+"known.test/echo", append(args, "--learn", "--quiet")...)
			out := b.end(t)
			out.want(t, 0, "WARNING: --learn", "2 x late.test\n", "1 x late.test:8443\n", "proposal for "+
				filepath.Join(s.project, "bottle.json"), `"late.test", "late.test:8443"]`,
				"bottle allow --learned "+b.id)
			if strings.Count(out.out, "200") != 4 || strings.Contains(out.errors, "nowhere.invalid") ||
				strings.Contains(out.errors, "x 10.0.0.1") {
				t.Errorf("curl: %s\n%s", out.out, out.errors)
			}
			var proposal struct {
				Hosts []struct {
					Host     string
					Requests int
				}
			}
			text, _ := os.ReadFile(filepath.Join(s.root, "state", "bottle", b.id, "learned.json"))
			if json.Unmarshal(text, &proposal) != nil || len(proposal.Hosts) != 2 || proposal.Hosts[0].Requests != 2 {
				t.Errorf("the file has %s", text)
			}
			file := filepath.Join(s.project, "bottle.json")
			manifest, _ := os.ReadFile(file)
			os.WriteFile(file, append([]byte("// changed\n"), manifest...), 0o644)
			s.call("allow", "--learned").want(t, 65, "not the one that the bottle was started with", "by hand")
			if now, _ := os.ReadFile(file); string(now) != "// changed\n"+string(manifest) {
				t.Errorf("the refused command wrote %s", now)
			}
			os.WriteFile(file, manifest, 0o644)
			s.call("allow", "--learned").want(t, 0, "wrote it to", `+ {"bottles"`)
			s.call("allow", "--learned", b.id).want(t, 0, "has it already")
			second := s.start(curl+"late.test/echo; "+curl+"late.test:8443/echo", args...).end(t)
			if strings.Count(second.out, "200") != 2 {
				t.Errorf("the next start: %s", second.out)
			}
		})
	}
}

// learning: a bottle that learns says so, also of one host.
func (s *shelf) learning(t *testing.T, args []string) {
	t.Helper()
	b := s.start("while [ ! -e stop ]; do sleep 0.1; done", append(args, "--learn")...)
	s.call("policy", "--check", "new.example").want(t, 0, "would pass", "no entry; --learn lets it pass")
	s.call("policy", "--check", "new.example", "--json").want(t, 0, `"learned": true`)
	os.WriteFile(filepath.Join(s.project, "stop"), nil, 0o644)
	b.end(t).want(t, 0, "other public hosts pass (--learn)")
}

// TestWrongWordsAboutLearning: each is told what to write.
func TestWrongWordsAboutLearning(t *testing.T) {
	s := newShelf(t)
	s.call("start", "--ask", "--learn", "--", "true").want(t, 64, "do not go together")
	s.call("allow", "--learned").want(t, 64, "bottle start --learn")
	s.call("allow", "--learned", "nosuch").want(t, 64, "no proposal")
	s.call("allow", "--learned", "--once", "x").want(t, 64, "no other option")
	out := s.call("start", "--learn", "--scanner", "guard", "--", "true")
	out.want(t, 0, "WARNING: --learn", "every host that was reached is allowed already")
	out = s.call("start", "--learn", "--dry-run", "--scanner", "guard", "--", "true")
	out.want(t, 0)
	if !strings.Contains(out.out, "other public hosts pass (--learn)") || strings.Contains(out.errors, "WARNING") {
		t.Errorf("the plan: %s %s", out.out, out.errors)
	}
}
