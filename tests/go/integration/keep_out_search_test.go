package integration

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/origin"
)

// TestNothingButTheProxyHasAValue: after clients logged in with a value, no process in the bottle and no pipelock has
// it, and no file and no argument anywhere.
// [T67]
func TestNothingButTheProxyHasAValue(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may read the memory of all")
	}
	s, server, args := keptOut(t, "pipelock", origin.Options{Login: true, Password: gitHubToken}, keyOf("MY_TOKEN"),
		"MY_TOKEN="+gitHubToken)
	pair := strings.TrimPrefix(basicAuth("x", gitHubToken), "Basic ")
	texts := []string{gitHubToken, base64.StdEncoding.EncodeToString([]byte(gitHubToken)), pair}
	b := s.start(`git clone -q https://client.test/git/table.git copy
curl -sS -u "x:$MY_TOKEN" https://client.test/reflect > said
curl -sS -H "Authorization: Bearer $MY_TOKEN" https://client.test/reflect >> said
env > env; sleep 300 & mv said done; wait`, args[1:]...)
	eventually(t, 60*time.Second, "the clients have their answers", func() bool {
		_, err := os.Stat(filepath.Join(s.project, "done"))
		return err == nil
	})
	if got := len(server.Requests()); got < 3 {
		t.Fatalf("the origin got %d requests", got)
	}
	searched := map[string]int{}
	for _, pid := range descendants(t, b.cmd.Process.Pid)[1:] {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil {
			continue
		}
		searched[filepath.Base(program)]++
		words, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		has := map[string]bool{}
		if name := filepath.Base(program); name != "bottle-proxy" && name != "bottle" {
			has = memoryHas(t, pid, nil, texts...)
		}
		for _, text := range texts {
			if has[text] || strings.Contains(string(words)+string(environ), text) {
				t.Errorf("%s has %s", program, text)
			}
		}
	}
	if searched["pipelock"] == 0 || searched["sleep"] == 0 || searched["bottle-proxy"] == 0 {
		t.Errorf("searched: %v", searched)
	}
	b.cmd.Process.Signal(os.Interrupt)
	b.end(t)
	s.noFileHas(texts)
}

// noFileHas searches the project, the home, and the state with its logs.
func (s *shelf) noFileHas(texts []string) {
	files := 0
	_ = filepath.WalkDir(s.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		files++
		content, _ := os.ReadFile(path)
		for _, text := range texts {
			if strings.Contains(string(content), text) {
				s.t.Errorf("%s has %s", path, text)
			}
		}
		return nil
	})
	if files == 0 {
		s.t.Error("there are no files")
	}
}
