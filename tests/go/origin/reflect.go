package origin

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// login asks for a password where Options.Login says so, and hands over what is published.
func (s *Server) login(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, private := range []string{"/git/", "/npm/", "/pypi/"} {
			if !strings.HasPrefix(r.URL.Path, private) {
				continue
			}
			if s.opts.Login && !s.passes(r) {
				w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			if private != "/git/" && isPublish(r) {
				publish(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// reflect answers with what the request's Authorization or X-Api-Key, and its query, say, wherever an answer can hold
// it: a 103 head, fields, the body (there as a line of npm's settings too), a trailer. how=split cuts each word of the
// body in its middle, how=events makes it an event stream, how=gzip codes it, how=unknown calls it coded.
func reflect(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	said := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key")
	how := r.URL.Query().Get("how")
	if how == "hints" {
		w.Header().Set("Link", "<"+said+">")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
	}
	w.Header().Set("X-Said", said)
	w.Header().Set("Trailer", "X-Said-Last")
	w.Header().Set("Content-Type", "text/plain")
	words := append([]string{r.URL.RawQuery}, strings.Fields(said)...)
	words = append(words, "//"+r.Host+"/:_authToken="+words[len(words)-1])
	switch how {
	case "events":
		w.Header().Set("Content-Type", "text/event-stream")
		for _, word := range words {
			fmt.Fprintf(w, "data: {\"said\": %q}\n\n", word)
			flush(w)
		}
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		out := gzip.NewWriter(w)
		_, _ = io.WriteString(out, strings.Join(words, "\n"))
		_ = out.Close()
	case "unknown":
		w.Header().Set("Content-Encoding", "dcb")
		_, _ = io.WriteString(w, strings.Join(words, "\n"))
	default:
		for _, word := range words {
			for _, piece := range []string{word[:len(word)/2], word[len(word)/2:], "\n"} {
				_, _ = io.WriteString(w, piece)
				if how == "split" {
					flush(w)
				}
			}
		}
	}
	w.Header().Set("X-Said-Last", said)
}
