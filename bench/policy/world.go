package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"bottle.test/origin"
)

// world is a proxy that takes commands, an origin behind it, and clients in front of it.
type world struct {
	dir     string
	origin  *origin.Server
	proxy   *exec.Cmd
	control net.Conn
	answers *bufio.Reader
	clients []*http.Client
	changes int
}

func newWorld() (*world, error) {
	dir, err := os.MkdirTemp("", "bench-policy-")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir}
	if err := w.start(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start() error {
	server, err := origin.Start(origin.Options{Names: []string{"known.test", "late.test"}})
	if err != nil {
		return err
	}
	w.origin = server
	file := func(name string) string { return filepath.Join(w.dir, name) }
	if err := server.CA.WriteFile(file("origin-ca.pem")); err != nil {
		return err
	}
	w.proxy = exec.Command(*binary, "--listen", "127.0.0.1:0", "--upstream", "direct", "--allow", "known.test",
		"--allow-address", "127.0.0.0/8", "--ca-names", "any", "--ca-out", file("ca.pem"), "--origin-ca",
		file("origin-ca.pem"), "--audit", file("audit.jsonl"), "--control", "unix:"+file("control"),
		"--threads", *threads,
		"--resolve", "known.test:443="+server.Addr(), "--resolve", "late.test:443="+server.Addr())
	w.proxy.Stderr = os.Stderr
	stdout, err := w.proxy.StdoutPipe()
	if err == nil {
		err = w.proxy.Start()
	}
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return fmt.Errorf("bottle-proxy did not become ready: %w", err)
	}
	var listen string
	for _, word := range strings.Fields(line) {
		if key, value, _ := strings.Cut(word, "="); key == "listen" {
			listen = value
		}
	}
	if w.control, err = net.Dial("unix", file("control")); err != nil {
		return err
	}
	w.answers = bufio.NewReader(w.control)
	return w.connect(listen, file("ca.pem"))
}

// connect makes the clients, and their connections.
func (w *world) connect(listen, ca string) error {
	text, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	for i := 0; i < clients; i++ {
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: listen}),
			TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: i%2 == 1}}
		w.clients = append(w.clients, client)
		for _, host := range []string{"known.test", "late.test"} {
			if _, err := get(client, "https://"+host+"/echo"); err != nil {
				return err
			}
		}
	}
	return nil
}

// say is one message of the control channel, which must be done.
func (w *world) say(message string) error {
	if _, err := fmt.Fprintln(w.control, message); err != nil {
		return err
	}
	line, err := w.answers.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.Contains(line, `"ok":true`) {
		return fmt.Errorf("%s was answered with %s", message, line)
	}
	return nil
}

func get(client *http.Client, url string) (int, error) {
	answer, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

func (w *world) close() {
	if w.control != nil {
		w.control.Close()
	}
	if w.proxy != nil && w.proxy.Process != nil {
		_ = w.proxy.Process.Signal(syscall.SIGKILL)
		_ = w.proxy.Wait()
	}
	if w.origin != nil {
		w.origin.Close()
	}
	_ = os.RemoveAll(w.dir)
}
