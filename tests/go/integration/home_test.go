package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func (s *shelf) manifest(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) sh(script string, options ...string) spoken {
	s.t.Helper()
	args := append(append([]string{"start", "--scanner", "guard"}, options...), "--", "sh", "-c", script)
	return s.call(args...)
}

// TestAKeptHomeStaysAndAPrivateOneDoesNot: files of a kept home are there at the next start, the CA is each bottle's
// own, and --home has precedence.
func TestAKeptHomeStaysAndAPrivateOneDoesNot(t *testing.T) {
	s := newShelf(t)
	s.sh("echo one > ~/note").want(t, 0)
	s.sh("cat ~/note").want(t, 1)
	s.manifest(`{"bottles": {"default": {"home": "kept"}}}`)
	s.sh("echo one > ~/note; echo $HOME; stat -c %a ~").want(t, 0, "/home/agent\n700\n", "bottle: home: new")
	s.sh(`cat ~/note; ls ~/.pki/nssdb; find ~ -name '*.pem' -o -name '*.db' | grep -v nssdb; true`).want(t, 0,
		"one\ncert9.db\n")
	s.sh("ls ~/note", "--home", "private").want(t, 2)

	path := s.call("home", "path")
	path.want(t, 0, filepath.Join(s.root, "state", "bottle", "homes", "project-"))
	home := strings.TrimSpace(path.out)
	if left, err := os.ReadDir(filepath.Join(home, ".pki", "nssdb")); err != nil || len(left) != 0 {
		t.Errorf("the CA stays in the home: %v %v", left, err)
	}
	var listed []struct {
		Name, Path, Project, Bottle string
		Bytes                       int64
	}
	out := s.call("home", "--json")
	if err := json.Unmarshal([]byte(out.out), &listed); err != nil || len(listed) != 1 || listed[0].Path != home ||
		listed[0].Project != s.project || listed[0].Bottle != "default" || listed[0].Bytes == 0 {
		t.Errorf("home --json: %v %s", err, out.out)
	}
	s.call("home").want(t, 0, "NAME", listed[0].Name, " ago", s.project)
	s.call("home", "rm").want(t, 0, listed[0].Name)
	s.call("home", "path").want(t, 64, "no home is kept for "+s.project)
	s.sh("cat ~/note").want(t, 1, "bottle: home: new")
	s.call("home", "rm", listed[0].Name[:9]).want(t, 0)
	s.call("home", "rm", "nosuch").want(t, 64, "nosuch")
	s.call("home", "burn").want(t, 64, "bottle home rm")
	s.sh("true", "--home", "loan").want(t, 64, "private or kept")
}

// TestAKeptHomeHasOneBottleAtATime: the second one is told which bottle has it and what to do, and rm refuses.
func TestAKeptHomeHasOneBottleAtATime(t *testing.T) {
	s := newShelf(t)
	s.manifest(`{"bottles": {"default": {"home": "kept"}, "other": {"home": "kept"}}}`)
	first := s.start("sleep 1000")
	s.sh("true").want(t, 64, "bottle "+first.id+" has the kept home", "bottle exec "+first.id, "--home private")
	s.sh("true", "--home", "private").want(t, 0)
	s.sh("true", "other").want(t, 0)
	s.call("home").want(t, 0, "by "+first.id)
	s.call("home", "rm").want(t, 64, "which home?")
	s.call("home", "rm", "project-other").want(t, 0)
	s.call("home", "rm").want(t, 64, first.id)
	s.call("exec", first.id, "--", "sh", "-c", "echo here > ~/note").want(t, 0)
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	s.sh("cat ~/note").want(t, 0, "here")
}

// TestTheAgentsLinksInAKeptHomeLeadNowhere: what an agent leaves in its home makes the launcher write, run or remove
// nothing of the host's. [T75]
func TestTheAgentsLinksInAKeptHomeLeadNowhere(t *testing.T) {
	s := newShelf(t)
	victim := filepath.Join(s.root, "home", "victim")
	if err := os.Mkdir(victim, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(victim, "kept"), filepath.Join(s.root, "settings")} {
		if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.manifest(`{"bottles": {"default": {"home": "kept", "mounts": [{"host": "` + s.root + `/settings", "at": ` +
		`"/home/agent/dir/settings"}]}}}`)
	for _, lead := range []string{victim, "/oldroot" + victim, "/proc/self/root" + victim} {
		s.sh("rm -rf ~/.pki/* ~/.pki 2>/dev/null; mv ~/.pki ~/old; mv ~/dir ~/dir2; true").want(t, 0)
		home := strings.TrimSpace(s.call("home", "path").out)
		for _, name := range []string{".pki", "dir"} {
			_ = os.RemoveAll(filepath.Join(home, name))
			if err := os.Symlink(lead, filepath.Join(home, name)); err != nil {
				t.Fatal(err)
			}
			s.sh("true").want(t, 69, filepath.Join(home, name)+" is a link", "--home private")
			_ = os.Remove(filepath.Join(home, name))
		}
	}
	s.sh("ln -s "+victim+" ~/link; mkdir ~/deep; ln -s "+victim+"/kept ~/deep/link; chmod 0 ~/deep").want(t, 0)
	s.call("home", "rm").want(t, 0)
	left, err := os.ReadDir(victim)
	if err != nil || len(left) != 1 || left[0].Name() != "kept" {
		t.Errorf("the victim's folder: %v %v", left, err)
	}
}

// TestProgramsAreInstalledInTheHome: npm and go install there, and what cannot work says why.
func TestProgramsAreInstalledInTheHome(t *testing.T) {
	s := newShelf(t)
	s.manifest(`{"bottles": {"default": {"home": "kept"}}}`)
	s.sh("sudo -n true").want(t, 1, "bottle: sudo cannot work in a bottle")
	s.sh("apt-get -y install hello").want(t, 1, "bottle: apt-get install cannot work in a bottle")
	s.sh("mkdir -p ~/.local/bin; printf '#!/bin/sh\\necho mine\\n' > ~/.local/bin/own; chmod +x ~/.local/bin/own; "+
		"ln -s /home/agent/.local/bin/own ~/.local/bin/linked").want(t, 0)
	s.call("start", "--scanner", "guard", "--", "linked").want(t, 0, "mine")
	// A login shell has its PATH from /etc/profile.
	s.sh(`sh -lc own; bash -lc linked; env -i HOME=$HOME bash -lc 'own; echo $SSL_CERT_FILE'`).want(t, 0,
		"mine\nmine\nmine\n/run/bottle/ca-bundle.pem\n")
	s.call("start", "--scanner", "guard", "--home", "private", "--", "linked").want(t, 127, "linked")
	if _, err := exec.LookPath("npm"); err == nil {
		s.sh(`mkdir tool; echo '{"name": "tool", "version": "1.0.0", "bin": {"tool-of-npm": "tool.js"}}' > `+
			`tool/package.json; printf '#!/usr/bin/env node\nconsole.log("tool runs")\n' > tool/tool.js; `+
			`npm i -g ./tool >&2`).want(t, 0)
		s.sh("tool-of-npm").want(t, 0, "tool runs")
	}
	if _, err := os.Stat("/usr/local/go/bin/go"); err == nil {
		s.sh(`mkdir gotool; cd gotool; printf 'module example.test/gotool\n\ngo 1.19\n' > go.mod; `+
			`printf 'package main\nfunc main() { println("go runs") }\n' > main.go; `+
			`GOFLAGS=-buildvcs=false /usr/local/go/bin/go install .`).want(t, 0)
		s.sh("gotool").want(t, 0, "go runs")
	}
}

// TestDockerKeepsTheHome: the same in containers, as root's and as another user's agent.
func TestDockerKeepsTheHome(t *testing.T) {
	needEngine(t)
	for name, owner := range map[string]int{"own": os.Getuid(), "other": 12345} {
		t.Run(name, func(t *testing.T) {
			if owner != os.Getuid() && os.Getuid() != 0 {
				t.Skip("only root starts bottles for other users")
			}
			s := newShelf(t)
			s.manifest(`{"bottles": {"default": {"home": "kept", "scanner": "guard"}}}`)
			if err := os.Chown(s.project, owner, -1); err != nil {
				t.Fatal(err)
			}
			for _, way := range []string{s.root, filepath.Join(s.root, "state")} {
				_ = os.Chmod(way, 0o755)
			}
			start := func(script string) spoken {
				cmd := s.command("start", "--backend", "docker", "--", "sh", "-c", script)
				cmd.Env = append(cmd.Env, "DOCKER_HOST="+os.Getenv("DOCKER_HOST"))
				return s.run1(cmd)
			}
			start(`echo one > ~/note; mkdir -p ~/deep; chmod 0 ~/deep; echo $HOME; stat -c %a-%u ~`).want(t, 0,
				fmt.Sprintf("/home/agent\n700-%d\n", owner), "bottle: home: new")
			start(`cat ~/note; ls ~/.pki/nssdb /tmp/.pki/nssdb; touch ~/.pki/nssdb/mine`).want(t, 0, "one\n",
				"/.pki/nssdb:\ncert9.db\n\n/tmp/.pki/nssdb:\ncert9.db\n")
			home := strings.TrimSpace(s.call("home", "path").out)
			if left, err := os.ReadDir(filepath.Join(home, ".pki", "nssdb")); err != nil || len(left) != 0 {
				t.Errorf("the CA stays in the home: %v %v", left, err)
			}
			s.call("home").want(t, 0, "project-")
			s.call("home", "rm").want(t, 0)
			if _, err := os.Stat(home); err == nil {
				t.Errorf("%s is left", home)
			}
		})
	}
	if left := leftOver(t); left != "" {
		t.Errorf("left over: %s", left)
	}
}
