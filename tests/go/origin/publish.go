package origin

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// passes says whether the request has the origin's password: as a Bearer token, or in a Basic pair.
func (s *Server) passes(r *http.Request) bool {
	said := r.Header.Get("Authorization")
	if s.opts.Password == "" {
		return said != ""
	}
	_, password, _ := r.BasicAuth()
	return said == "Bearer "+s.opts.Password || password == s.opts.Password ||
		r.Header.Get("X-Api-Key") == s.opts.Password
}

func isPublish(r *http.Request) bool {
	return r.Method == http.MethodPut || r.URL.Path == "/pypi/legacy/"
}

// publish takes packages: PUT of npm's, and the form of PyPI's.
func publish(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/npm/") {
		var document struct {
			Attachments map[string]struct{ Data string } `json:"_attachments"`
		}
		err := json.NewDecoder(io.LimitReader(r.Body, 16<<20)).Decode(&document)
		if err != nil || len(document.Attachments) != 1 {
			http.Error(w, "no package", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"ok":true}`)
		return
	}
	content, _, err := r.FormFile("content")
	if err != nil || r.FormValue(":action") != "file_upload" {
		http.Error(w, "no package", http.StatusBadRequest)
		return
	}
	content.Close()
}

// registry is one of containers' images under /v2/, whose tokens are of /registry-token.
type registry struct {
	server *Server
	mu     sync.Mutex
	blobs  map[string][]byte
}

// A registry's own token, which it gives for the password.
const registryToken = "of-the-stand-in-registry"

func (g *registry) token(w http.ResponseWriter, r *http.Request) {
	if !g.server.passes(r) {
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"a wrong password"}]}`, http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"token": %q}`, registryToken)
}

func (g *registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+registryToken {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+r.Host+
			`/registry-token",service="stand-in",scope="repository:tiny:pull,push"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}`, http.StatusUnauthorized)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	last := path[strings.LastIndex(path, "/")+1:]
	body, _ := io.ReadAll(io.LimitReader(r.Body, 512<<20))
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(body))
	switch {
	case path == "":
	case strings.HasSuffix(path, "/blobs/uploads/"):
		w.Header().Set("Location", "/v2/tiny/upload/one")
		w.WriteHeader(http.StatusAccepted)
	case strings.Contains(path, "/upload/") && r.Method == http.MethodPatch:
		g.blobs["upload"] = body
		w.Header().Set("Location", "/v2/tiny/upload/one")
		w.WriteHeader(http.StatusAccepted)
	case strings.Contains(path, "/upload/"):
		g.blobs[r.URL.Query().Get("digest")] = append(g.blobs["upload"], body...)
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut:
		g.blobs[last], g.blobs[digest] = body, body
		w.Header().Set("Docker-Content-Digest", digest)
		w.WriteHeader(http.StatusCreated)
	case g.blobs[last] == nil:
		http.NotFound(w, r)
	default:
		if strings.Contains(path, "/manifests/") {
			w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
		}
		_, _ = w.Write(g.blobs[last])
	}
}
