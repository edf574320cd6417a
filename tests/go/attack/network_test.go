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
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
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

// TestSegmentsOfOneByte: on both sides of the proxy all bytes come one by one, TLS included; every body arrives as it
// was sent, both ways.
// [T66]
func TestSegmentsOfOneByte(t *testing.T) {
	server, err := origin.Start(origin.Options{Names: []string{"origin.test"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := server.CA.WriteFile(roots); err != nil {
		t.Fatal(err)
	}
	behind := segments(t, server.Addr)
	proxy := harness.StartProxy(t, "--upstream", "direct", "--allow", "origin.test", "--allow-address", "127.0.0.0/8",
		"--origin-ca", roots, "--resolve", "origin.test:443="+behind)
	before := segments(t, func() string { return proxy.Addr })
	total := segmentBodies(t)
	var next, done, size atomic.Int64
	var wait sync.WaitGroup
	began := time.Now()
	for worker := 0; worker < 8; worker++ {
		transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: before}),
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
				body := make([]byte, rand.Intn(2000))
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
	fmt.Printf("segments of one byte: %d bodies, %d bytes, in %v\n", done.Load(), size.Load(),
		time.Since(began).Round(time.Millisecond))
	if done.Load() != int64(total) {
		t.Errorf("%d of %d bodies", done.Load(), total)
	}
}
