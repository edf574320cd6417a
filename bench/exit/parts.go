package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bottle.test/origin"
)

// server is an origin or a scanner of this program.
type server struct {
	addr string
	http *http.Server
}

func (s *server) close() { s.http.Close() }

func serve(handler http.Handler, config *tls.Config) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{addr: listener.Addr().String(), http: &http.Server{Handler: handler, TLSConfig: config,
		ErrorLog: stdlog.New(io.Discard, "", 0)}}
	go func() {
		if config == nil {
			_ = s.http.Serve(listener)
			return
		}
		if *h1 {
			s.http.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		}
		_ = s.http.ServeTLS(listener, "", "")
	}()
	return s, nil
}

func startOrigin(ca *origin.CA) (*server, error) {
	leaf, err := ca.Leaf(origin.LeafOptions{}, "bench.test")
	if err != nil {
		return nil, err
	}
	body := bytes.Repeat([]byte("o"), *size)
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}), &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12})
}

// relay is the cheapest scanner that there can be: absolute-form requests go out over kept connections to where the one
// name leads, and come back as they are.
type relay struct{ transport *http.Transport }

var begun = time.Now()

func (s *relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !r.URL.IsAbs() {
		// A question whether it is the scanner that it was.
		fmt.Fprintf(w, `{"status":"healthy","uptime_seconds":%.3f}`, time.Since(begun).Seconds())
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "forward proxy fetch failed", http.StatusBadGateway)
		return
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.Header.Del("X-Pipelock-Agent")
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		out.Body = http.NoBody
	}
	resp, err := s.transport.RoundTrip(out)
	if err != nil {
		http.Error(w, "forward proxy fetch failed", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// proxy is a running bottle-proxy with what stands behind it.
type proxy struct {
	cmd     *exec.Cmd
	dir     string
	listen  string
	exit    string
	scanner *server
	relay   *relay
}

// startProxy runs one bottle-proxy: direct (with or without processes of its own for the key and the sockets), front
// (the scanner dials the origin) or front+exit (the scanner dials the exit).
func startProxy(mode string, ca *origin.CA, to string) (*proxy, error) {
	dir, err := os.MkdirTemp("", "bench-exit-")
	if err != nil {
		return nil, err
	}
	p := &proxy{dir: dir, relay: &relay{}}
	caFile := filepath.Join(dir, "origin-ca.pem")
	if err := ca.WriteFile(caFile); err != nil {
		return nil, err
	}
	args := []string{"--listen", "127.0.0.1:0", "--allow", "bench.test", "--allow-address", "127.0.0.0/8", "--ca-out",
		filepath.Join(dir, "ca.pem"),
		"--audit", filepath.Join(dir, "audit.jsonl")}
	reach := []string{"--origin-ca", caFile, "--resolve", "bench.test:443=" + to}
	if strings.HasPrefix(mode, "direct") {
		args = append(append(args, "--upstream", "direct"), reach...)
	} else {
		if p.scanner, err = serve(p.relay, nil); err != nil {
			return nil, err
		}
		args = append(args, "--upstream", "pipelock", "--pipelock", "http://"+p.scanner.addr)
		if mode == "front+exit" {
			args = append(append(args, "--exit-listen", "127.0.0.1:0"), reach...)
		}
	}
	if *train || mode == "direct, one process" {
		args = append(args, "--single-process")
	}
	p.cmd = exec.Command(*binary, args...)
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("bottle-proxy did not become ready: %w", err)
	}
	for _, word := range strings.Fields(line) {
		if key, value, _ := strings.Cut(word, "="); key == "listen" {
			p.listen = value
		} else if key == "exit" {
			p.exit = value
		}
	}
	pool, target := ca.Pool(), to
	if mode == "front+exit" {
		if pool, err = p.pool(); err != nil {
			p.stop()
			return nil, err
		}
		target = p.exit
	}
	p.relay.transport = &http.Transport{DisableCompression: true, MaxIdleConns: 1000, MaxIdleConnsPerHost: *idle,
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, target)
		}}
	return p, nil
}

func (p *proxy) pool() (*x509.CertPool, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool, nil
}

// cpu is the user and system time that the proxy's processes have used.
func (p *proxy) cpu() time.Duration {
	first := p.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", first, first))
	var used int64
	for _, pid := range append(strings.Fields(string(children)), strconv.Itoa(first)) {
		tasks, _ := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
		for _, task := range tasks {
			text, _ := os.ReadFile(task)
			fields := strings.Fields(string(text)) // nanoseconds on a processor come first
			if len(fields) > 0 {
				ns, _ := strconv.ParseInt(fields[0], 10, 64)
				used += ns
			}
		}
	}
	return time.Duration(used)
}

func (p *proxy) stop() {
	end := syscall.SIGKILL
	if *train {
		end = syscall.SIGTERM
	}
	_ = p.cmd.Process.Signal(end)
	_ = p.cmd.Wait()
	if p.scanner != nil {
		p.scanner.close()
	}
	_ = os.RemoveAll(p.dir)
}
