package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
)

// outside runs git as the person does, on the host.
func (s *shelf) outside(dir string, words ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, words...)...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + filepath.Join(s.root, "home"),
		"GIT_CONFIG_NOSYSTEM=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *shelf) write(path, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// repository makes one with two commits, and a place to push to in `origin`.
func (s *shelf) repository(dir, inside, origin string) {
	s.t.Helper()
	for _, pair := range [][2]string{{"user.name", "A Person"}, {"user.email", "person@example.com"},
		{"init.defaultBranch", "main"}} {
		s.outside(s.root, "config", "--global", pair[0], pair[1])
	}
	s.outside(s.root, "init", "-q", dir)
	s.write(filepath.Join(dir, ".git/info/exclude"), "origin.git\nready\nunready\n")
	for _, name := range []string{"one", "two"} {
		s.write(filepath.Join(dir, inside, name), name+"\n")
		s.outside(dir, "add", ".")
		s.outside(dir, "commit", "-q", "-m", name)
	}
	s.outside(s.root, "clone", "-q", "--bare", dir, origin)
	s.outside(dir, "remote", "add", "origin", origin)
	s.outside(dir, "fetch", "-q")
}

// The commands of a day, in order. Each begins with a clean work tree on the branch main.
var everyday = []struct{ name, script string }{
	{"status", `test -z "$(git status --porcelain)"`},
	{"log", `git log --oneline -1`},
	{"diff", `echo more >> one; git diff | grep -q '+more'; git checkout -q -- one`},
	{"commit", `echo a > a; git add a; git commit -q -m a`},
	{"commit the rest", `echo b >> a; git commit -q -a -m b`},
	{"amend", `git commit -q --amend -m better`},
	{"name of the person", `git log -1 --format=%an%ae | grep -q 'A Personperson@example.com'`},
	{"branch", `git branch other; git branch --list | grep -q other`},
	{"switch and merge", `git checkout -q other; echo o > o; git add o; git commit -q -m o; git checkout -q -;
		echo m > m; git add m; git commit -q -m m; git merge -q --no-edit other`},
	{"delete a branch", `git branch -q -d other`},
	{"rebase", `git checkout -q -b topic HEAD~1; echo t > t; git add t; git commit -q -m t; git rebase -q main$S;
		git checkout -q main$S; git merge -q --ff-only topic`},
	{"rebase -i", `GIT_SEQUENCE_EDITOR="sed -i s/^pick/reword/" GIT_EDITOR=true git rebase -q -i HEAD~1`},
	{"autosquash", `echo f >> t; git commit -q -a --fixup HEAD
		GIT_SEQUENCE_EDITOR=true git rebase -q -i --autosquash HEAD~2`},
	{"stash", `echo s >> one; git stash -q; git stash pop -q; git checkout -q -- one`},
	{"tag", `git tag -a -m words v1; git describe | grep -q v1`},
	{"cherry-pick", `git checkout -q -b side HEAD~1; echo c > c; git add c; git commit -q -m c;
		git checkout -q main$S; git cherry-pick side`},
	{"revert", `git revert --no-edit HEAD`},
	{"reset", `git reset -q --hard HEAD~1`},
	{"move and remove", `git mv c c2; git rm -q t; git commit -q -m moved`},
	{"clean", `echo x > junk; git clean -q -f; test ! -e junk`},
	{"restore", `echo x > one; git restore one; echo x > one; git add one; git restore --staged --worktree one`},
	{"fetch", `git fetch -q origin`},
	{"pull", `git pull -q --rebase origin main`},
	{"push", `git push -q origin HEAD:main`},
	{"push a branch", `git push -q origin side`},
	{"a branch of a remote one", `git checkout -q -b mine origin/side; git checkout -q main$S`},
	{"patches", `git format-patch -q -1 --stdout > p; git reset -q --hard HEAD~1; git am -q p; rm p`},
	{"bisect", `test -n "$(git rev-parse --show-prefix)" || {
		git bisect start HEAD HEAD~2; git bisect run true; git bisect reset; }`},
	{"blame and grep", `git blame one > /dev/null; git grep -q one`},
	{"notes", `git notes add -m words`},
	{"gc", `git gc -q`},
	{"reflog", `git reflog -1`},
	{"fsck", `git fsck 2> /dev/null`},
}

// These must not be possible: each ends with another status than 0.
var notDone = []string{
	`git config a.b c`, `git remote add x y`, `echo x > $G/hooks/pre-commit`, `ln -s /bin/true $G/hooks/pre-commit`,
	`mv $G ${G}x`, `mv $G/hooks $G/h`, `rm -rf $G/hooks`, `rm $G/config`, `mv $G/config $G/c`, `ln $G/config $G/l`,
	`cp one $G/config`, `truncate -s 0 $G/config`, `chmod 777 $G/config`, `git config core.hooksPath .`,
}

// TestGitEveryDay: with the configuration and hooks read-only, git's everyday commands work, in each kind of work tree.
func TestGitEveryDay(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing")
	}
	for _, kind := range []string{"plain", "linked", "subfolder", "submodule"} {
		t.Run(kind, func(t *testing.T) {
			s := newShelf(t)
			main := s.project
			suffix, work, git := "", ".", filepath.Join(s.project, ".git")
			switch kind {
			case "plain":
				s.repository(s.project, "", filepath.Join(s.project, "origin.git"))
			case "linked":
				main = filepath.Join(s.root, "main")
				_ = os.Mkdir(main, 0o755)
				s.repository(main, "", filepath.Join(s.project, "origin.git"))
				s.outside(main, "worktree", "add", "-q", "-f", "-b", "main2", filepath.Join(s.root, "linked"))
				_ = os.Rename(filepath.Join(s.project, "origin.git"), filepath.Join(s.root, "linked/origin.git"))
				s.project = filepath.Join(s.root, "linked")
				s.outside(main, "remote", "set-url", "origin", filepath.Join(s.project, "origin.git"))
				suffix, git = "2", filepath.Join(main, ".git")
			case "subfolder":
				main = filepath.Join(s.root, "project")
				s.repository(main, "sub", filepath.Join(s.root, "o"))
				s.project = filepath.Join(main, "sub")
				_ = os.Rename(filepath.Join(s.root, "o"), filepath.Join(s.project, "origin.git"))
				s.outside(main, "remote", "set-url", "origin", filepath.Join(s.project, "origin.git"))
			case "submodule":
				lib := filepath.Join(s.root, "lib")
				s.repository(lib, "", filepath.Join(s.project, "origin.git"))
				s.outside(s.project, "init", "-q")
				s.outside(s.project, "submodule", "--quiet", "add", filepath.Join(s.project, "origin.git"),
					"libs/lib")
				s.write(filepath.Join(s.project, ".git/info/exclude"), "origin.git\n")
				s.outside(s.project, "commit", "-q", "-m", "first")
				main, work = filepath.Join(s.project, "libs/lib"), "libs/lib"
				git = filepath.Join(s.project, ".git/modules/libs/lib")
			}
			before := s.outside(main, "config", "--list", "--show-origin", "--local")
			script := "exec 2>&1; cd " + work + "; export S=" + suffix + " G=" + git + "\n"
			for i, one := range everyday {
				script += fmt.Sprintf("( set -e; %s\n) > /tmp/said || { echo 'FAILED %s'; cat /tmp/said; }\n",
					one.script, one.name)
				script += fmt.Sprintf("test -z \"$(git status -s)\" || { echo 'NOT CLEAN %d'; git status -s; }\n", i)
			}
			for _, one := range notDone {
				script += fmt.Sprintf("if ( %s ) > /tmp/said; then echo 'DONE %s'; fi\n", one,
					strings.ReplaceAll(one, "$", ""))
			}
			script += "git push -u origin HEAD:upstream > /tmp/said || :\n" +
				"git ls-remote origin | grep -q upstream || echo NOT PUSHED\n"
			if kind == "submodule" {
				script += "cd ../..; git add libs; git commit -q -m lib || echo FAILED super\n" +
					"git submodule status || echo FAILED status\nrm libs/lib/.git && echo REMOVED\n" +
					"mv libs x && echo MOVED\n"
			}
			out := s.call("start", "--scanner", "guard", "--", "sh", "-c", script+"echo end")
			out.want(t, 0, "end\n", `"unprotect" in the manifest`)
			for _, bad := range []string{"FAILED", "DONE", "NOT ", "REMOVED", "MOVED"} {
				if strings.Contains(out.out, bad) {
					t.Errorf("%s\n%s", out.out, out.errors)
					break
				}
			}
			if strings.Contains(out.errors, "were made or changed") {
				t.Errorf("something is told that was not changed: %s", out.errors)
			}
			if after := s.outside(main, "config", "--list", "--show-origin", "--local"); after != before {
				t.Errorf("the configuration is %s\nand was %s", after, before)
			}
			if left, _ := filepath.Glob(filepath.Join(git, "*.lock")); left != nil {
				t.Errorf("left: %v", left)
			}
			s.outside(main, "fsck", "--no-dangling")
		})
	}
}

// TestProtectedFiles: what a person's own tools run or read is read-only where it is, and told where it is new.
func TestProtectedFiles(t *testing.T) {
	s := newShelf(t)
	for _, name := range []string{".vscode/tasks.json", ".envrc", ".claude/settings.json", ".claude/notes", "Makefile",
		"ci/run/build.sh", "hooks-here/pre-commit", "repos/one/file"} {
		s.write(filepath.Join(s.project, name), "as it was\n")
	}
	s.outside(s.project, "init", "-q")
	s.outside(s.project, "config", "core.hooksPath", "hooks-here")
	s.outside(filepath.Join(s.project, "repos/one"), "init", "-q")
	if err := os.Symlink("rc", filepath.Join(s.project, ".bashrc")); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(s.project, "rc"), "as it was\n")
	s.write(filepath.Join(s.project, "bottle.json"), `{"bottles": {"default": {"scanner": "guard",
		"protect": ["Makefile", "ci/run/build.sh", "later"], "unprotect": [".idea"]}}}`)
	held := []string{".vscode/tasks.json", ".envrc", ".claude/settings.json", "Makefile", "ci/run/build.sh",
		".git/config", "hooks-here/pre-commit", "repos/one/.git/config", "rc", "bottle.json"}
	script := ""
	for _, name := range held {
		script += fmt.Sprintf("(echo x > %[1]s) 2>&- && echo WRITTEN %[1]s\n"+
			"rm -f %[1]s 2>&- && echo REMOVED %[1]s\n", name)
	}
	for _, name := range []string{".vscode", ".claude", "ci", "ci/run", ".git", "repos", "repos/one", "repos/one/.git",
		"hooks-here"} {
		// mv would copy, and remove what it may.
		script += fmt.Sprintf("perl -e 'exit !rename \"%[1]s\", \"moved\"' && echo MOVED %[1]s\n", name)
	}
	out := s.call("start", "--", "sh", "-c", script+"echo x >> .claude/notes && echo end")
	out.want(t, 0, "end\n", "read-only in the bottle: .git/config, .git/hooks, hooks-here", ".bashrc is a link",
		"later does not exist")
	for _, bad := range []string{"WRITTEN", "REMOVED", "MOVED", "were made or changed"} {
		if strings.Contains(out.out+out.errors, bad) {
			t.Errorf("%s%s", out.out, out.errors)
			break
		}
	}

	// New ones, wherever tools look for them; downloaded packages are not a project.
	out = s.call("start", "--", "sh", "-ec", `mkdir -p app/.vscode app/node_modules/p .idea .cursor
		echo x > app/.envrc; echo x > app/.vscode/tasks.json; echo x > app/node_modules/p/.envrc; echo x > .idea/w.xml
		echo x > .mcp.json; echo x > later; echo x > ordinary; ln -sf other .bashrc; git init -q new
		echo x > repos/one/.git/commondir; echo x > .git/commondir
		mkdir -p bare/objects bare/refs; echo x > bare/HEAD; echo x > bare/config`)
	for _, name := range []string{"app/.envrc", "app/.vscode/tasks.json", ".mcp.json", "later", ".bashrc",
		"new/.git/config", "bare/config", ".git/commondir was made while the bottle ran, and is removed",
		"repos/one/.git/commondir was made while"} {
		out.want(t, 0, filepath.Join(s.project, name))
	}
	for _, name := range []string{"node_modules", "ordinary", ".idea", "hooks-here/"} {
		if i := strings.Index(out.errors, "your own tools"); i < 0 || strings.Contains(out.errors[i:], name) {
			t.Errorf("%s is told: %s", name, out.errors)
		}
	}
	if _, err := os.Lstat(filepath.Join(s.project, ".git/commondir")); err == nil {
		t.Error(".git/commondir is left")
	}

	// Freed.
	s.write(filepath.Join(s.project, "bottle.json"), `{"bottles": {"default": {"scanner": "guard",
		"unprotect": [".git", ".vscode"]}}}`)
	s.call("start", "--", "sh", "-ec", `git config a.b c; echo x > hooks-here/pre-commit; echo x > .vscode/tasks.json
		mv .vscode v`).want(t, 0)
	for text, want := range map[string][]string{
		`"unprotect": [".vscod"]`:   {"bottle.json:1:", `".vscod" is not protected`, ".vscode"},
		`"protect": ["../x"]`:       {"bottle.json:1:", "relative to the workspace"},
		`"protect": ["/etc/x"]`:     {"not a path in the workspace"},
		`"unprotect": ["Makefile"]`: {"is not protected"},
		`"protect": "Makefile"`:     {"a list"},
	} {
		s.write(filepath.Join(s.project, "bottle.json"), `{"bottles": {"default": {`+text+`}}}`)
		s.call("start", "--", "true").want(t, 65, want...)
	}
}

// TestDockerProtectsFiles: the same in containers.
func TestDockerProtectsFiles(t *testing.T) {
	needEngine(t)
	s := newShelf(t)
	_ = os.Chmod(s.project, 0o777)
	s.write(filepath.Join(s.project, ".vscode/tasks.json"), "as it was\n")
	s.outside(s.project, "init", "-q")
	// The manifest is read-only, too, and a mount of its own comes over what is held.
	s.write(filepath.Join(s.project, ".idea/x"), "as it was\n")
	s.manifest(`{"bottles": {"default": {"mounts": [{"host": ".vscode", "at": "` + s.project + `/.idea"}]}}}`)
	cmd := exec.Command(harness.Binary(t, "bottle"), "start", "--backend", "docker", "--scanner", "guard", "--", "sh",
		"-c", `echo x > .git/config && echo WRITTEN
		echo x > bottle.json && echo WRITTEN
		cat .idea/tasks.json
		mv .git g && echo MOVED
		echo x > .git/hooks/pre-commit && echo WRITTEN
		echo x > .vscode/tasks.json && echo WRITTEN
		echo x > .envrc; echo x > .git/description && echo end`)
	cmd.Dir = s.project
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	out := s.run1(cmd)
	out.want(t, 0, "as it was\nend\n", "Read-only file system", ".envrc")
	if strings.Contains(out.out, "WRITTEN") || strings.Contains(out.out, "MOVED") {
		t.Errorf("%s%s", out.out, out.errors)
	}
}
