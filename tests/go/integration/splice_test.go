package integration

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// spliceWorld has the route splice for origin.test and for raw.test, which is a listener of the test's own.
func spliceWorld(t *testing.T, opts harness.WorldOptions, raw net.Listener, args ...string) *harness.World {
	t.Helper()
	opts.Args = append(opts.Args, "--route", "origin.test=splice", "--route", "raw.test=splice", "--allow", "raw.test")
	if raw != nil {
		opts.Args = append(opts.Args, "--resolve", "raw.test:443="+raw.Addr().String())
	}
	opts.Args = append(opts.Args, args...)
	return harness.NewWorld(t, opts)
}

// ownCA has clients trust the origin's CA, as a pinned client does.
func ownCA(w *harness.World, proto harness.Proto) *http.Client {
	return w.ClientWith(proto, func(transport *http.Transport) {
		transport.TLSClientConfig.RootCAs = w.Origin.CA.Pool()
	})
}

// closeLine is the line of a tunnel's end.
func closeLine(t *testing.T, w *harness.World, host string) map[string]any {
	t.Helper()
	return w.Proxy.WaitAudit(t, "the tunnel's last line", func(line map[string]any) bool {
		return line["route"] == "splice" && line["host"] == host && line["kind"] == "exchange"
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func TestSpliceCarriesTheClientsOwnTLS(t *testing.T) {
	for _, via := range []harness.WorldOptions{
		{Via: harness.Direct},
		{Via: harness.Scanner, DoubleOnly: true, Trespass: true}, // it gets a CONNECT
		{Via: harness.Scanner, DoubleOnly: true, Exit: true},
	} {
		for _, proto := range []harness.Proto{harness.H1, harness.H2} {
			t.Run(fmt.Sprintf("%s exit=%v %s", via.Via, via.Exit, proto), func(t *testing.T) {
				w := spliceWorld(t, via, nil)
				client := ownCA(w, proto)
				got := w.Do(client, "GET", "/text", nil)
				if got.StatusCode != 200 {
					t.Fatalf("%d %s", got.StatusCode, got.Text)
				}
				if name := got.TLS.PeerCertificates[0].Issuer.CommonName; !strings.Contains(name, "stand-in origin") {
					t.Errorf("the client saw a certificate of %q", name)
				}
				client.CloseIdleConnections()
				line := closeLine(t, w, "origin.test")
				if line["not_inspected"] != true || line["verdict"] != "allowed" || line["bytes_in"].(float64) < 100 ||
					line["bytes_out"].(float64) < 500 || line["detail"] == nil {
					t.Errorf("%v", line)
				}
				for _, begun := range w.Proxy.AllAuditLines(t) {
					if begun["kind"] == "begin" && begun["id"] == line["id"] && begun["not_inspected"] == true {
						return
					}
				}
				t.Errorf("no line at the opening: %s", w.Proxy.AuditText())
			})
		}
	}
}

// kind and minikube: the API server wants a certificate of the client's, which no proxy can have.
func TestSplicePassesClientCertificates(t *testing.T) {
	w := spliceWorld(t, harness.WorldOptions{Origin: origin.Options{ClientAuth: tls.RequireAnyClientCert}}, nil)
	ca, err := origin.NewCA("the client's CA")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Leaf(origin.LeafOptions{}, "client.test")
	if err != nil {
		t.Fatal(err)
	}
	client := w.ClientWith(harness.H2, func(transport *http.Transport) {
		transport.TLSClientConfig.RootCAs = w.Origin.CA.Pool()
		transport.TLSClientConfig.Certificates = []tls.Certificate{certificate}
	})
	if got := w.Do(client, "GET", "/text", nil); got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.Text)
	}
}

// [T83]
func TestSpliceRefusesOtherNamesAndOtherProtocols(t *testing.T) {
	w := spliceWorld(t, harness.WorldOptions{More: []string{"open.test"}}, nil)
	refused := func(reason string) {
		t.Helper()
		w.Proxy.WaitAudit(t, reason, func(line map[string]any) bool {
			return line["route"] == "splice" && line["reason"] == reason && line["not_inspected"] == true
		})
	}
	for name, reason := range map[string]string{"open.test": "sni_mismatch", "": "sni_missing"} {
		raw := w.Tunnel()
		secured := tls.Client(raw, &tls.Config{ServerName: name, RootCAs: w.Origin.CA.Pool(), InsecureSkipVerify: true})
		// Go's words for an alert of the peer's.
		if err := secured.Handshake(); err == nil || !strings.Contains(err.Error(), "remote error: tls:") {
			t.Errorf("%q: %v", name, err)
		}
		refused(reason)
	}
	raw := w.Tunnel()
	raw.Say("SSH-2.0-OpenSSH_9.0\r\n")
	if !raw.Closed(5 * time.Second) {
		t.Error("SSH went on")
	}
	refused("not_tls")
	w.Untouched()
}

func TestSpliceHostsTakeNoPlainHTTP(t *testing.T) {
	w := spliceWorld(t, harness.WorldOptions{}, nil, "--allow", "origin.test:80")
	raw := w.RawDial()
	raw.Say("GET http://origin.test/text HTTP/1.1\r\nHost: origin.test\r\n\r\n")
	got, err := raw.Answer("GET")
	if err != nil || got.StatusCode != 403 || got.Header.Get("X-Bottle-Deny") != "splice_only" {
		t.Errorf("%v %+v", err, got.Response)
	}
	w.Untouched()
}

func TestSpliceByNameAtTheTransparentEntrance(t *testing.T) {
	w, p := transparentWorld(t, harness.WorldOptions{More: []string{"open.test"},
		Args: []string{"--route", "origin.test=splice"}})
	client := unaware(t, w, p, harness.H2)
	config := tlsConfig("origin.test", "http/1.1")
	config.RootCAs = w.Origin.CA.Pool()
	conn, err := tls.Dial("tcp", p.tls, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /text HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%v %v", answer, err)
	}
	conn.Close()
	closeLine(t, w, "origin.test")
	// A host without the route is read as ever.
	got, err := client.Get("https://open.test/text")
	if err != nil || got.StatusCode != 200 {
		t.Fatalf("%v %v", got, err)
	}
	got.Body.Close()
}

// hello is a real client's first flight for a name.
func hello(t *testing.T, name string) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		_ = tls.Client(theirs, &tls.Config{ServerName: name}).Handshake()
		theirs.Close()
	}()
	buffer := make([]byte, 16*1024)
	n, err := ours.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

// opened is both ends of a spliced connection, after the hello has arrived.
func splicedPair(t *testing.T, w *harness.World, raw net.Listener) (*harness.Raw, *net.TCPConn) {
	t.Helper()
	client := w.TunnelTo("raw.test:443")
	first := hello(t, "raw.test")
	if _, err := client.Conn.Write(first); err != nil {
		t.Fatal(err)
	}
	server, err := raw.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	_ = server.SetDeadline(time.Now().Add(20 * time.Second))
	got := make([]byte, len(first))
	if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, first) {
		t.Fatalf("the origin got another hello: %v", err)
	}
	return client, server.(*net.TCPConn)
}

func TestSpliceHalfClosesAndResetsPassOn(t *testing.T) {
	raw := listen(t)
	w := spliceWorld(t, harness.WorldOptions{}, raw)
	tcp := func(client *harness.Raw) *net.TCPConn { return client.Conn.(*net.TCPConn) }

	t.Run("client's FIN", func(t *testing.T) {
		client, server := splicedPair(t, w, raw)
		client.Say("last words")
		tcp(client).CloseWrite()
		if got, err := io.ReadAll(server); err != nil || string(got) != "last words" {
			t.Fatalf("%q %v", got, err)
		}
		fmt.Fprint(server, "an answer after that")
		server.CloseWrite()
		if got, err := io.ReadAll(client.In); err != nil || string(got) != "an answer after that" {
			t.Fatalf("%q %v", got, err)
		}
	})
	t.Run("origin's FIN", func(t *testing.T) {
		client, server := splicedPair(t, w, raw)
		fmt.Fprint(server, "all of it")
		server.CloseWrite()
		if got, err := io.ReadAll(client.In); err != nil || string(got) != "all of it" {
			t.Fatalf("%q %v", got, err)
		}
		client.Say("an upload goes on")
		tcp(client).CloseWrite()
		if got, err := io.ReadAll(server); err != nil || string(got) != "an upload goes on" {
			t.Fatalf("%q %v", got, err)
		}
	})
	t.Run("client's reset", func(t *testing.T) {
		client, server := splicedPair(t, w, raw)
		tcp(client).SetLinger(0)
		client.Close()
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("the origin saw %v", err)
		}
	})
	t.Run("origin's reset", func(t *testing.T) {
		client, server := splicedPair(t, w, raw)
		server.SetLinger(0)
		server.Close()
		if _, err := client.In.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("the client saw %v", err)
		}
		w.Proxy.WaitAudit(t, "the cut", func(line map[string]any) bool {
			return line["host"] == "raw.test" && line["verdict"] == "cut" && line["by"] == "origin" &&
				line["reason"] == "upstream_broken"
		})
	})
}

func TestSpliceKeepsWhatASlowPeerDoesNotTake(t *testing.T) {
	raw := listen(t)
	w := spliceWorld(t, harness.WorldOptions{}, raw)
	client, server := splicedPair(t, w, raw)
	const size = 64 << 20
	sent := make(chan error, 1)
	go func() {
		piece := bytes.Repeat([]byte("0123456789abcdef"), 4096)
		for n := 0; n < size; n += len(piece) {
			if _, err := server.Write(piece); err != nil {
				sent <- err
				return
			}
		}
		server.CloseWrite()
		sent <- nil
	}()
	time.Sleep(300 * time.Millisecond) // the client reads nothing meanwhile
	n, err := io.Copy(io.Discard, client.In)
	if err != nil || n != size {
		t.Fatalf("%d bytes of %d, %v", n, size, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// [T84]
func TestSpliceBudgetsAndTimes(t *testing.T) {
	cut := func(t *testing.T, w *harness.World, reason string) {
		t.Helper()
		w.Proxy.WaitAudit(t, reason, func(line map[string]any) bool { return line["reason"] == reason })
	}
	t.Run("idle", func(t *testing.T) {
		raw := listen(t)
		w := spliceWorld(t, harness.WorldOptions{}, raw, "--limit", "splice_idle_ms=1000")
		client, _ := splicedPair(t, w, raw)
		if !client.Closed(10 * time.Second) {
			t.Error("the tunnel is open")
		}
		cut(t, w, "splice_idle")
	})
	t.Run("bytes", func(t *testing.T) {
		raw := listen(t)
		w := spliceWorld(t, harness.WorldOptions{}, raw, "--limit", "splice_bytes_down=100000")
		client, server := splicedPair(t, w, raw)
		go func() { _, _ = server.Write(make([]byte, 200000)) }()
		n, _ := io.Copy(io.Discard, client.In)
		if n > 100000 {
			t.Errorf("%d bytes came", n)
		}
		cut(t, w, "splice_budget")
		usedUp := func() {
			t.Helper()
			answer := w.RawDial().Connect(harness.ConnectHead("raw.test:443"))
			if answer.Response == nil || answer.StatusCode != 403 ||
				answer.Header.Get("X-Bottle-Deny") != "splice_budget" {
				t.Errorf("%+v", answer.Response)
			}
		}
		usedUp()
		// A crash gives nothing back.
		restartEngine(t, w)
		usedUp()
	})
	t.Run("tunnels", func(t *testing.T) {
		raw := listen(t)
		w := spliceWorld(t, harness.WorldOptions{}, raw, "--limit", "splice_tunnels_per_host=1")
		client, _ := splicedPair(t, w, raw)
		answer := w.RawDial().Connect(harness.ConnectHead("raw.test:443"))
		if answer.Response == nil || answer.StatusCode != 503 {
			t.Errorf("%+v", answer.Response)
		}
		cut(t, w, "too_many_tunnels")
		client.Close()
	})
	t.Run("a hello that does not come", func(t *testing.T) {
		raw := listen(t)
		w := spliceWorld(t, harness.WorldOptions{}, raw, "--limit", "client_hello_ms=300")
		client := w.TunnelTo("raw.test:443")
		client.Conn.Write(hello(t, "raw.test")[:20])
		_, _ = io.ReadAll(client.In)
		cut(t, w, "client_hello")
	})
	t.Run("the stop", func(t *testing.T) {
		raw := listen(t)
		w := spliceWorld(t, harness.WorldOptions{}, raw)
		_, _ = splicedPair(t, w, raw)
		began := time.Now()
		w.Proxy.Signal(syscall.SIGTERM)
		if code := w.Proxy.WaitExit(15 * time.Second); code != 0 || time.Since(began) > 10*time.Second {
			t.Errorf("exit %d after %v", code, time.Since(began))
		}
		cut(t, w, "shutting_down")
	})
}

func TestSpliceToAnAddressThatMayNotBeDialled(t *testing.T) {
	raw := listen(t)
	w := spliceWorld(t, harness.WorldOptions{}, nil, "--resolve", "raw.test:443=10.1.2.3:443")
	client := w.TunnelTo("raw.test:443")
	client.Conn.Write(hello(t, "raw.test"))
	if got, _ := io.ReadAll(client.In); !bytes.HasPrefix(got, []byte{21, 3, 3, 0, 2, 2, 49}) {
		t.Errorf("no alert: %x", got)
	}
	w.Proxy.WaitAudit(t, "the refusal", func(line map[string]any) bool {
		return line["reason"] == "address_not_allowed" && line["route"] == "splice" && line["verdict"] == "refused"
	})
	raw.Close()
}
