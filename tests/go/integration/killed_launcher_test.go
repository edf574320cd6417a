package integration

import (
	"bytes"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledLauncherLeavesNothing: kill -9 at random moments of start and run; after the next call nothing is left.
func TestKilledLauncherLeavesNothing(t *testing.T) {
	t.Run("guard", func(t *testing.T) {
		s := newShelf(t)
		killAtRandomMoments(t, s, "start", "--scanner", "guard")
	})
	t.Run("ports and limits", func(t *testing.T) {
		s := newShelf(t)
		killAtRandomMoments(t, s, "start", "--scanner", "guard", "-p", "3000:0", "--memory", "4g", "--pids", "500")
	})
	t.Run("pipelock", func(t *testing.T) {
		c := newConfined(t, "")
		killAtRandomMoments(t, c.shelf, c.args...)
	})
}

// TestKilledLauncherLeavesNoCommondir: the next call removes what would send the person's git elsewhere, and says so.
func TestKilledLauncherLeavesNoCommondir(t *testing.T) {
	s := newShelf(t)
	needPrograms(t, "git")
	s.outside(s.root, "init", "-q", s.project)
	planted := filepath.Join(s.project, ".git", "commondir")
	made := filepath.Join(s.project, "made")
	b := s.start("echo ../elsewhere > .git/commondir; touch made; sleep 1000; : " + s.root)
	eventually(t, 20*time.Second, "the agent made it", func() bool {
		_, err := os.Stat(made)
		return err == nil
	})
	_ = b.cmd.Process.Kill()
	b.end(t)
	if _, err := os.Lstat(planted); err != nil {
		t.Fatalf("it is not there before the call: %v", err)
	}
	eventually(t, 10*time.Second, "its processes are gone", func() bool { return len(processesOf(s.root)) == 0 })
	s.call("list").want(t, 0, planted, "was made while a bottle ran that was killed, and is removed")
	if _, err := os.Lstat(planted); err == nil {
		t.Error(".git/commondir is left")
	}
	s.nothingLeft()
}

// killAtRandomMoments starts bottles with these words and kills their launchers.
func killAtRandomMoments(t *testing.T, s *shelf, start ...string) {
	t.Helper()
	// Older entries are not looked at: others use these folders too.
	began := time.Now()
	temporary := func() []string {
		var out []string
		for _, dir := range []string{"/tmp", "/var/tmp"} {
			entries, _ := os.ReadDir(dir)
			for _, entry := range entries {
				if info, err := entry.Info(); err == nil && info.ModTime().After(began) &&
					mentions(filepath.Join(dir, entry.Name()), s.root) {
					out = append(out, entry.Name())
				}
			}
		}
		return out
	}
	command := func(script string) []string { return append(append([]string{}, start...), "--", "sh", "-c", script) }
	// How long a start takes here, so that the moments are spread over it and the time after.
	s.call(command("exit 0")...).want(t, 0)
	whole := time.Since(began)
	seed := time.Now().UnixNano()
	random := rand.New(rand.NewSource(seed))
	for i := 0; i < 20; i++ {
		cmd := s.command(command("(setsid sleep 1000 &) ; sleep 1000; : " + s.root)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		moment := time.Duration(random.Int63n(int64(whole + whole/2)))
		time.Sleep(moment) // the moment is the test's subject
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		s.nothingLeft()
		if t.Failed() {
			t.Fatalf("killed after %v (seed %d)", moment, seed)
		}
	}
	if files := temporary(); len(files) > 0 {
		t.Errorf("temporary files: %v", files)
	}
}

// mentions: a file or folder outside of root that has root's name in its own or in its content.
func mentions(path, root string) bool {
	if path == root {
		return false
	}
	if strings.Contains(path, filepath.Base(root)) {
		return true
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return false
	}
	text, _ := os.ReadFile(path)
	return bytes.Contains(text, []byte(root))
}
