// day is the other side of bench/day/day.sh: a stand-in for Anthropic's API, and a host that is not allowed, on one
// port of 127.0.0.1. Its model follows the person's words: "run: COMMAND" is answered with a call of the tool Bash, the
// call's result with its last line, "recall" with what the conversation has so far. It writes one line a request to
// stderr.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"bottle.test/origin"
)

const bodyLimit = 16 << 20 // of a request: a conversation with its tools has some 100 KB

var (
	dir   = flag.String("cert-dir", ".", "directory for the CA certificate (origin-ca.pem)")
	names = flag.String("names", "api.anthropic.com", "comma-separated names of the certificate")
	key   = flag.String("key", "", "the only API key that the model takes")
)

func main() {
	flag.Parse()
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/day:", err)
		os.Exit(1)
	}
}

func serve() error {
	ca, err := origin.NewCA("a day's stand-in CA")
	if err != nil {
		return err
	}
	leaf, err := ca.Leaf(origin.LeafOptions{}, strings.Split(*names, ",")...)
	if err != nil {
		return err
	}
	if err := ca.WriteFile(filepath.Join(*dir, "origin-ca.pem")); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready %d\n", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(answer),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12}}
	return server.ServeTLS(listener, "", "")
}

func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit))
	if err != nil {
		return
	}
	fmt.Fprintf(os.Stderr, "%s %s%s %d\n", r.Method, r.Host, r.URL.Path, len(body))
	switch {
	case strings.HasPrefix(r.Host, "docs.test"):
		fmt.Fprintf(w, "hello from %s\n", r.Host)
	case r.URL.Path == "/v1/messages":
		model(w, r, body)
	case strings.HasSuffix(r.URL.Path, "/hello"): // the agent's test of its connection
		asJSON(w, http.StatusOK, map[string]string{"message": "hello"})
	default: // the agent's other questions at its start, which it can do without
		asJSON(w, http.StatusNotFound, map[string]any{"type": "error",
			"error": map[string]string{"type": "not_found_error", "message": "a stand-in has only messages"}})
	}
}

func asJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func model(w http.ResponseWriter, r *http.Request, body []byte) {
	if r.Header.Get("X-Api-Key") != *key {
		asJSON(w, http.StatusUnauthorized, map[string]any{"type": "error",
			"error": map[string]string{"type": "authentication_error", "message": "wrong key"}})
		return
	}
	var asked conversation
	if err := json.Unmarshal(body, &asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	said := asked.reply()
	if asked.Stream {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range said.events() {
			text, _ := json.Marshal(event)
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event["type"], text)
		}
		return
	}
	message := said.message()
	message["content"], message["stop_reason"] = []any{said.block()}, said.reason()
	asJSON(w, http.StatusOK, message)
}
