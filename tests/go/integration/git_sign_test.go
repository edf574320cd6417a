package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// person runs a program on the host as the person.
func (s *shelf) person(words ...string) string {
	s.t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = s.project
	cmd.Env = append(s.command().Env, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// sshKey makes a key of the person's, with which git signs outside of bottles.
func (s *shelf) sshKey() {
	s.t.Helper()
	needPrograms(s.t, "git", "ssh-keygen")
	key := filepath.Join(s.root, "home", "key")
	s.person("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(key+".allowed", "person@example.com namespaces=\"git\" "+string(public))
	for _, pair := range [][2]string{{"gpg.format", "ssh"}, {"user.signingKey", "~/key.pub"},
		{"gpg.ssh.allowedSignersFile", key + ".allowed"}, {"commit.gpgSign", "true"}} {
		s.person("git", "config", "--global", pair[0], pair[1])
	}
}

const signs = `{"bottles": {"default": {"scanner": "guard", "git": {"sign": true}, "mounts": [%s]}}}`

// TestCommitsAreSignedOutside: with the person's key, which is not in the bottle; in a repository and in a linked
// worktree, also if the person's configuration is mounted.
func TestCommitsAreSignedOutside(t *testing.T) {
	for _, kind := range []string{"plain", "linked", "mounted", "literal"} {
		t.Run(kind, func(t *testing.T) {
			s := newShelf(t)
			needPrograms(t, "git", "ssh-keygen")
			s.repository(s.project, "", filepath.Join(s.root, "origin.git"))
			s.sshKey()
			mount := ""
			switch kind {
			case "linked":
				s.outside(s.project, "worktree", "add", "-q", "-b", "other", filepath.Join(s.root, "linked"))
				s.project = filepath.Join(s.root, "linked")
			case "mounted":
				mount = `{"host": "~/.gitconfig", "at": "/home/agent/.gitconfig"}`
			case "literal":
				needPrograms(t, "ssh-agent", "ssh-add")
				agent := filepath.Join(s.root, "agent")
				cmd := exec.Command("ssh-agent", "-D", "-a", agent)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
				eventually(t, 30*time.Second, "the agent listens", func() bool {
					_, err := os.Stat(agent)
					return err == nil
				})
				s.extra = []string{"SSH_AUTH_SOCK=" + agent}
				s.person("ssh-add", "-q", filepath.Join(s.root, "home", "key"))
				_ = os.Rename(filepath.Join(s.root, "home", "key"), filepath.Join(s.root, "elsewhere"))
				public, _ := os.ReadFile(filepath.Join(s.root, "home", "key.pub"))
				s.person("git", "config", "--global", "user.signingKey", "key::"+strings.TrimSpace(string(public)))
			}
			s.manifest(fmt.Sprintf(signs, mount))
			out := s.call("start", "--", "sh", "-ec", `echo three > three; git add three; git commit -q -m third
				git commit -q --amend -m better; git tag -s -m words v1; test ! -e ~/key
				ls -a $SSH_AUTH_SOCK ~; git -c commit.gpgsign=false commit -q --allow-empty -m unsigned`)
			out.want(t, 0, `signed commit "third" by A Person <person@example.com>`, `signed commit "better"`,
				"signed tag v1 of ", "signed with your key: 3; the list is ")
			s.person("git", "verify-commit", "HEAD~1")
			s.person("git", "verify-tag", "v1")
			if got := s.person("git", "log", "-2", "--format=%G? %s"); got != "N unsigned\nG better" {
				t.Errorf("the signatures are %s", got)
			}
			lists, _ := filepath.Glob(filepath.Join(s.root, "state", "bottle", "*", "signatures.jsonl"))
			if len(lists) != 1 {
				t.Fatalf("lists: %v", lists)
			}
			text, _ := os.ReadFile(lists[0])
			if strings.Count(string(text), `"result":"signed"`) != 3 ||
				strings.Count(string(text), `"result":"asked"`) != 3 {
				t.Errorf("the list is %s", text)
			}
		})
	}
}

// TestTheSignerSignsNothingElse: an object that is no commit and no tag, or too large, gets no signature, nor does the
// agent get the program, the socket or the list away. [T76]
func TestTheSignerSignsNothingElse(t *testing.T) {
	s := newShelf(t)
	s.sshKey()
	s.outside(s.project, "init", "-q")
	s.manifest(fmt.Sprintf(signs, ""))
	out := s.call("start", "--", "sh", "-c", `exec 2>&1
		sign=/run/bottle-git-sign
		echo "login as person" > text; $sign -Y sign -n git -f key text && echo SIGNED
		git cat-file commit HEAD 2>&-; printf 'tree 0\n' | $sign --status-fd=2 -bsau key && echo SIGNED
		head -c 2000000 /dev/zero > large; $sign -Y sign -n git -f key large && echo SIGNED
		rm /run/bottle-sign/socket || mv /run/bottle-sign /run/other || (: > $sign) || echo KEPT
		ls ~ /run/bottle-sign`)
	out.want(t, 0, "this cannot be signed: it is neither a commit nor a tag of git", "larger than 1 MiB", "KEPT")
	if strings.Contains(out.out, "SIGNED") || strings.Contains(out.errors, "signed with your key:") {
		t.Errorf("%s%s", out.out, out.errors)
	}
	if _, err := os.Stat(filepath.Join(s.project, "text.sig")); err == nil {
		t.Error("there is a signature")
	}
}

// TestAKeyThatCannotSignIsSaid: at the start if there is none, and to git if the person's program fails.
func TestAKeyThatCannotSignIsSaid(t *testing.T) {
	s := newShelf(t)
	s.sshKey()
	s.outside(s.project, "init", "-q")
	s.person("git", "config", "--global", "user.name", "A Person")
	s.person("git", "config", "--global", "user.email", "person@example.com")
	commit := `git commit -q --allow-empty -m first`
	s.manifest(fmt.Sprintf(signs, ""))
	s.person("git", "config", "--global", "gpg.ssh.program", "/bin/false")
	s.sh(commit).want(t, 128, "/bin/false ended with status 1", "could not sign commit", "0, and 1 could not be")
	s.person("git", "config", "--global", "--unset", "user.signingKey")
	s.sh(commit).want(t, 66, "names no key", "user.signingKey")
	s.manifest(`{"bottles": {"default": {"git": {"sign": "yes"}}}}`)
	s.sh(commit).want(t, 65, `"sign" must be`)
	// The wish to sign is the person's; the key is not in the bottle.
	s.manifest(`{"bottles": {"default": {"mounts": [{"host": "~/.gitconfig", "at": "/home/agent/.gitconfig"}]}}}`)
	s.sh(commit).want(t, 0, "commits are not signed in the bottle", `"git": {"sign": true}`)
	if got := s.person("git", "log", "-1", "--format=%G?"); got != "N" {
		t.Errorf("the signature is %s", got)
	}
}

// TestCommitsAreSignedByGpg: the same with a key of gpg's.
func TestCommitsAreSignedByGpg(t *testing.T) {
	needPrograms(t, "git", "gpg", "gpgconf")
	s := newShelf(t)
	s.repository(s.project, "", filepath.Join(s.root, "origin.git"))
	home := filepath.Join(s.root, "home", ".gnupg")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	s.person("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-gen-key",
		"A Person <person@example.com>", "ed25519", "sign", "never")
	defer func() { s.person("gpgconf", "--kill", "all") }()
	s.person("git", "config", "--global", "user.signingKey", "person@example.com")
	s.manifest(fmt.Sprintf(signs, ""))
	out := s.call("start", "--", "sh", "-ec", `git commit -q --allow-empty -m third; git tag -s -m words v1; ls -a ~`)
	out.want(t, 0, `signed commit "third"`, "signed tag v1")
	if strings.Contains(out.out, ".gnupg") {
		t.Errorf("the bottle has %s", out.out)
	}
	s.person("git", "verify-commit", "HEAD")
	s.person("git", "verify-tag", "v1")
}

// TestTheSignerEndsWithItsLauncher: also while it waits for the person's program.
func TestTheSignerEndsWithItsLauncher(t *testing.T) {
	s := newShelf(t)
	s.repository(s.project, "", filepath.Join(s.root, "origin.git"))
	s.sshKey()
	begun := filepath.Join(s.root, "begun")
	program := filepath.Join(s.root, "program")
	s.write(program, "#!/bin/sh\n: > "+begun+"\nexec sleep 1000\n")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	s.person("git", "config", "--global", "gpg.ssh.program", program)
	s.manifest(fmt.Sprintf(signs, ""))
	b := s.start("git commit -q --allow-empty -m third")
	eventually(t, 30*time.Second, "the program is asked", func() bool {
		_, err := os.Stat(begun)
		return err == nil
	})
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-b.ended
	s.nothingLeft()
}

// TestDockerCommitsAreSignedOutside: the same in containers, as root's and as another user's agent.
func TestDockerCommitsAreSignedOutside(t *testing.T) {
	needEngine(t)
	for name, owner := range map[string]string{"own": "", "other": "12345"} {
		t.Run(name, func(t *testing.T) {
			if owner != "" && os.Getuid() != 0 {
				t.Skip("only root starts bottles for other users")
			}
			s := newShelf(t)
			s.repository(s.project, "", filepath.Join(s.root, "origin.git"))
			s.sshKey()
			s.manifest(fmt.Sprintf(signs, ""))
			if owner != "" {
				s.person("chown", "-R", owner, s.project)
			}
			cmd := s.command("start", "--backend", "docker", "--", "sh", "-ec", `git commit -q --allow-empty -m third
				git tag -s -m words v1; echo x > text; ! /run/bottle-git-sign -Y sign -n git -f key text`)
			cmd.Env = append(cmd.Env, "DOCKER_HOST="+os.Getenv("DOCKER_HOST"))
			s.run1(cmd).want(t, 0, `signed commit "third"`, "signed tag v1", "neither a commit nor a tag",
				"signed with your key: 2;")
			s.person("git", "-c", "safe.directory=*", "verify-commit", "HEAD")
			s.person("git", "-c", "safe.directory=*", "verify-tag", "v1")
		})
	}
}
