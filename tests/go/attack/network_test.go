package attack

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// segments is a relay whose every write is one byte and one segment, both ways.
func segments(t *testing.T, to func() string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.Map
	t.Cleanup(func() {
		listener.Close()
		conns.Range(func(conn, _ any) bool { conn.(net.Conn).Close(); return true })
	})
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to())
			if err != nil {
				near.Close()
				continue
			}
			for _, conn := range []net.Conn{near, far} {
				_ = conn.(*net.TCPConn).SetNoDelay(true)
				conns.Store(conn, true)
			}
			go byBytes(far, near)
			go byBytes(near, far)
		}
	}()
	return listener.Addr().String()
}

func byBytes(to, from net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		for i := 0; i < n; i++ {
			if _, err := to.Write(buffer[i : i+1]); err != nil {
				from.Close()
				return
			}
		}
		if err != nil {
			_ = to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

// segmentBodies is how many bodies go through: some, or BOTTLE_SEGMENT_BODIES.
func segmentBodies(t *testing.T) int {
	text := os.Getenv("BOTTLE_SEGMENT_BODIES")
	if text == "" {
		return 120
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("BOTTLE_SEGMENT_BODIES is %q", text)
	}
	return n
}

// mirrored sends bodies of random length through the proxy, which clients reach at addr and the origin lets mirror; it
// returns how many came back as they were sent. Half of the clients speak HTTP/2.
func mirrored(t *testing.T, proxy *harness.Proxy, addr string, total, most int) int {
	var next, done, size atomic.Int64
	var wait sync.WaitGroup
	began := time.Now()
	for worker := 0; worker < 8; worker++ {
		transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr}),
			TLSClientConfig: &tls.Config{RootCAs: proxy.Pool(t)}, DisableCompression: true,
			ForceAttemptHTTP2: worker%2 == 0}
		if worker%2 == 1 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		client := &http.Client{Transport: transport, Timeout: 60 * time.Second}
		t.Cleanup(transport.CloseIdleConnections)
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := int(next.Add(1)); i <= total && !t.Failed(); i = int(next.Add(1)) {
				body := make([]byte, rand.Intn(most))
				rand.Read(body)
				answer, err := client.Post("https://origin.test/mirror", "application/octet-stream",
					bytes.NewReader(body))
				if err != nil {
					t.Errorf("body %d: %v", i, err)
					return
				}
				text, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil || answer.StatusCode != 200 || sha256.Sum256(text) != sha256.Sum256(body) {
					t.Errorf("body %d: status %d, %d of %d bytes, %v", i, answer.StatusCode, len(text), len(body), err)
				}
				done.Add(1)
				size.Add(int64(len(body)))
			}
		}()
	}
	wait.Wait()
	fmt.Printf("%s: %d bodies, %d bytes, in %v\n", t.Name(), done.Load(), size.Load(),
		time.Since(began).Round(time.Millisecond))
	return int(done.Load())
}

// mirrorOrigin is an origin, and the arguments of a proxy that reaches it at another address.
func mirrorOrigin(t *testing.T) (*origin.Server, func(at string) []string) {
	server, err := origin.Start(origin.Options{Names: []string{"origin.test"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := server.CA.WriteFile(roots); err != nil {
		t.Fatal(err)
	}
	return server, func(at string) []string {
		return []string{"--upstream", "direct", "--allow", "origin.test", "--allow-address", "127.0.0.0/8",
			"--origin-ca", roots, "--resolve", "origin.test:443=" + at}
	}
}

// TestSegmentsOfOneByte: on both sides of the proxy all bytes come one by one, TLS included; every body arrives as it
// was sent, both ways.
// [T66]
func TestSegmentsOfOneByte(t *testing.T) {
	server, arguments := mirrorOrigin(t)
	proxy := harness.StartProxy(t, arguments(segments(t, server.Addr))...)
	before := segments(t, func() string { return proxy.Addr })
	total := segmentBodies(t)
	if done := mirrored(t, proxy, before, total, 2000); done != total {
		t.Errorf("%d of %d bodies", done, total)
	}
}

const lossyMark = "BOTTLE_LOSSY_NETWORK"

// TestLossyNetwork: the kernel drops one packet of twenty, between the client and the proxy and between the proxy and
// the origin, in a network namespace of the test's own. Every body arrives as it was sent, both ways.
// [T66]
func TestLossyNetwork(t *testing.T) {
	if os.Getenv(lossyMark) == "" {
		inLossyNetwork(t)
		return
	}
	server, arguments := mirrorOrigin(t)
	proxy := harness.StartProxy(t, arguments(server.Addr())...)
	const total = 120
	if done := mirrored(t, proxy, proxy.Addr, total, 300_000); done != total {
		t.Errorf("%d of %d bodies", done, total)
	}
}

// inLossyNetwork runs the calling test again where one packet of twenty is lost.
func inLossyNetwork(t *testing.T) {
	const script = `ip link set lo up &&
iptables -A INPUT -m statistic --mode random --probability 0.05 -j DROP && exec "$@"`
	if out, err := exec.Command("unshare", "-n", "sh", "-c", script, "sh", "true").CombinedOutput(); err != nil {
		t.Skipf("no network namespace that loses packets (unshare -n, iptables -m statistic): %v: %s", err, out)
	}
	cmd := exec.Command("unshare", "-n", "sh", "-c", script, "sh", os.Args[0], "-test.run", "^"+t.Name()+"$",
		"-test.v", "-test.count=1", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), lossyMark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("inside:\n%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("inside: %v", err)
	}
}
