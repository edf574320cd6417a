package origin

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// gitRepos serves /git/<name>.git over smart HTTP with git's own http-backend. Repositories are made on first use,
// with one commit, and accept pushes from anybody.
type gitRepos struct {
	mu      sync.Mutex
	root    string
	backend string
	failed  error
}

func (g *gitRepos) prepare(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return g.failed
	}
	if g.root == "" {
		exe, err := exec.Command("git", "--exec-path").Output()
		if err == nil {
			g.root, err = os.MkdirTemp("", "origin-git-")
		}
		if err != nil {
			g.failed = fmt.Errorf("git is needed for /git/: %w", err)
			return g.failed
		}
		g.backend = filepath.Join(strings.TrimSpace(string(exe)), "git-http-backend")
	}
	bare := filepath.Join(g.root, name)
	if _, err := os.Stat(bare); err == nil {
		return nil
	}
	work := bare + ".seed"
	script := `set -e
git init -q --bare "$1"; git -C "$1" config http.receivepack true; git -C "$1" symbolic-ref HEAD refs/heads/main
git init -q "$2"; cd "$2"; git symbolic-ref HEAD refs/heads/main
echo "a stand-in repository" > README
i=0; while [ $i -lt 200 ]; do echo "line $i of a file" >> data-$i.txt; i=$((i+1)); done
git add .; git -c user.name=origin -c user.email=origin@example.com commit -q -m "first"
git push -q "$1" main; rm -rf "$2"`
	out, err := exec.Command("sh", "-c", script, "sh", bare, work).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot make %s: %v: %s", name, err, out)
	}
	return nil
}

func (g *gitRepos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.Split(strings.TrimPrefix(r.URL.Path, "/git/"), "/")[0]
	if !strings.HasSuffix(name, ".git") || strings.ContainsAny(name, "\x00\\") || strings.HasPrefix(name, ".") {
		http.NotFound(w, r)
		return
	}
	if err := g.prepare(name); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	// net/http/cgi refuses chunked requests, so the body gets a length here.
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		http.Error(w, "body broke off", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.TransferEncoding = nil
	handler := &cgi.Handler{Path: g.backend, Root: "/git",
		Env: []string{"GIT_PROJECT_ROOT=" + g.root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=anyone"}}
	handler.ServeHTTP(w, r)
}

func (g *gitRepos) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.root != "" {
		_ = os.RemoveAll(g.root)
	}
}
