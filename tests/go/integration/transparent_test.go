package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// places are the listeners of a transparent entry, opened here and inherited by the proxy, so that their addresses are
// known before it starts.
type places struct {
	tls, http, names string
	files            []*os.File
}

func openPlaces(t *testing.T) *places {
	t.Helper()
	p := &places{}
	keep := func(file *os.File, err error) {
		if err != nil {
			t.Fatal(err)
		}
		p.files = append(p.files, file)
		t.Cleanup(func() { file.Close() })
	}
	for _, addr := range []*string{&p.tls, &p.http} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*addr = listener.Addr().String()
		keep(listener.(*net.TCPListener).File())
		listener.Close()
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.names = socket.LocalAddr().String()
	keep(socket.(*net.UDPConn).File())
	socket.Close()
	return p
}

// transparentWorld has a proxy that clients reach as if it were the origin.
func transparentWorld(t *testing.T, opts harness.WorldOptions) (*harness.World, *places) {
	t.Helper()
	p := openPlaces(t)
	opts.Args = append(opts.Args, "--listen-tls", "fd:3", "--listen-http", "fd:4", "--names", "fd:5")
	opts.Change = func(cmd *exec.Cmd) { cmd.ExtraFiles = p.files }
	return harness.NewWorld(t, opts), p
}

// unaware is a client that knows of no proxy: it dials where a name server would send it.
func unaware(t *testing.T, w *harness.World, p *places, proto harness.Proto) *http.Client {
	return w.ClientWith(proto, func(transport *http.Transport) {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
			to := p.tls
			if strings.HasSuffix(addr, ":80") {
				to = p.http
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", to)
		}
	})
}

func TestTransparentTLS(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			w, p := transparentWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true, More: []string{"second.test"}})
			protos(t, func(t *testing.T, proto harness.Proto) {
				client := unaware(t, w, p, proto)
				if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 ||
					!strings.Contains(answer.Text, "hello") {
					t.Errorf("status %d, %q", answer.StatusCode, answer.Text)
				}
				if answer := w.Do(client, "GET", w.URLOf("second.test", "/text"), nil); answer.StatusCode != 200 {
					t.Errorf("the second name: status %d", answer.StatusCode)
				}
				body := strings.Repeat("x", 300_000)
				if answer := w.Do(client, "POST", "/upload", strings.NewReader(body)); answer.StatusCode != 200 ||
					!strings.Contains(answer.Text, "300000") {
					t.Errorf("upload: status %d, %q", answer.StatusCode, answer.Text)
				}
			})
			w.Proxy.WaitAudit(t, "an exchange with the name from the ClientHello", func(l map[string]any) bool {
				return l["kind"] == "exchange" && l["host"] == "second.test" && l["port"] == 443.0 &&
					l["verdict"] == "allowed"
			})
		})
	}
}

func TestTransparentHTTP(t *testing.T) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			server, err := origin.Start(origin.Options{Plain: true})
			if err != nil {
				t.Fatal(err)
			}
			w, p := transparentWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true, RawOrigin: server})
			client := unaware(t, w, p, harness.H1)
			for i := 0; i < 3; i++ {
				if answer := w.Do(client, "GET", "/text", nil); answer.StatusCode != 200 {
					t.Errorf("status %d, %q", answer.StatusCode, answer.Text)
				}
			}
			answer := w.Do(client, "GET", "http://elsewhere.test/", nil)
			if problem := answer.Problem(t); problem.Code != "host_not_allowed" {
				t.Errorf("a refused host: %+v", problem)
			}
			for _, c := range []struct {
				name, text string
				want       []int
			}{
				{"absolute form of the same host", "GET http://origin.test/text HTTP/1.1\r\nHost: origin.test\r\n\r\n",
					[]int{200, 400}},
				{"absolute form of another host", "GET http://elsewhere.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n",
					[]int{400, 421}},
				{"connect", "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n", []int{501}},
				{"no host", "GET / HTTP/1.1\r\n\r\n", []int{400}},
				{"two hosts", "GET / HTTP/1.1\r\nHost: origin.test\r\nHost: elsewhere.test\r\n\r\n", []int{400}},
				{"an address", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", []int{403}},
				{"the proxy itself", "GET / HTTP/1.1\r\nHost: " + p.http + "\r\n\r\n", []int{403}},
			} {
				conn := harness.RawDial(t, p.http)
				conn.Say(c.text)
				if answer, err := conn.Answer("GET"); err != nil || !in(answer.StatusCode, c.want) {
					t.Errorf("%s: %v, %v, want %v", c.name, answer.Response, err, c.want)
				}
			}
		})
	}
}

// TestTransparentRefusal: what is not allowed is told inside TLS, or by an alert if the CA may only sign for allowed
// hosts; before that, nothing is minted and nothing dialled.
func TestTransparentRefusal(t *testing.T) {
	t.Run("any", func(t *testing.T) {
		w, p := transparentWorld(t, harness.WorldOptions{Args: []string{"--ca-names", "any"}})
		protos(t, func(t *testing.T, proto harness.Proto) {
			answer := w.Do(unaware(t, w, p, proto), "GET", "https://elsewhere.test/", nil)
			if problem := answer.Problem(t); answer.StatusCode != 403 || problem.Code != "host_not_allowed" {
				t.Errorf("status %d, %+v", answer.StatusCode, problem)
			}
		})
		w.Untouched()
	})
	t.Run("allowlist", func(t *testing.T) {
		w, p := transparentWorld(t, harness.WorldOptions{})
		_, err := tls.Dial("tcp", p.tls, &tls.Config{ServerName: "elsewhere.test", RootCAs: w.Proxy.Pool(t)})
		if err == nil || !strings.Contains(err.Error(), "remote error: tls:") {
			t.Errorf("a refused name: %v, want an alert", err)
		}
		w.Proxy.WaitAudit(t, "a line for the refused name", func(l map[string]any) bool {
			return l["kind"] == "refused_connection" && l["host"] == "elsewhere.test" && l["port"] == 443.0 &&
				l["reason"] == "host_not_allowed" && l["by"] == "policy"
		})
		w.Untouched()
	})
}

func TestTransparentConnectionsThatNameNothing(t *testing.T) {
	w, p := transparentWorld(t, harness.WorldOptions{Args: []string{"--ca-names", "any"}})
	reason := func(want string, port float64) func(map[string]any) bool {
		return func(l map[string]any) bool {
			return l["kind"] == "refused_connection" && l["reason"] == want && l["port"] == port && l["by"] == "proxy"
		}
	}
	for _, name := range []string{"", "127.0.0.1"} { // Go sends no SNI for an address
		_, err := tls.Dial("tcp", p.tls, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil || !strings.Contains(err.Error(), "remote error: tls:") {
			t.Errorf("no SNI: %v, want an alert", err)
		}
	}
	w.Proxy.WaitAudit(t, "no name", reason("sni_missing", 443))

	conn := harness.RawDial(t, p.tls)
	conn.Say("GET /text HTTP/1.1\r\nHost: origin.test\r\n\r\n")
	answer, err := conn.Answer("GET")
	if err != nil || answer.StatusCode != 400 {
		t.Errorf("HTTP at the port of TLS: %v, %v", answer.Response, err)
	} else if problem := answer.Problem(t); problem.Code != "not_tls" {
		t.Errorf("HTTP at the port of TLS: %+v", problem)
	}
	if _, err := conn.In.ReadByte(); err != io.EOF {
		t.Errorf("HTTP at the port of TLS: %v, want a clean end", err)
	}
	w.Proxy.WaitAudit(t, "not TLS", reason("not_tls", 443))

	conn = harness.RawDial(t, p.tls)
	conn.Say("SSH-2.0-OpenSSH_9.2\r\n")
	if _, err := io.ReadAll(conn.In); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("SSH at the port of TLS: %v", err)
	}

	_, err = tls.Dial("tcp", p.http, &tls.Config{ServerName: "origin.test", InsecureSkipVerify: true})
	if err == nil || strings.Contains(err.Error(), "reset") {
		t.Errorf("TLS at the port of HTTP: %v, want a clean end", err)
	}
	w.Proxy.WaitAudit(t, "not HTTP", reason("not_http", 80))

	before := len(w.Proxy.AuditLines(t))
	for _, addr := range []string{p.tls, p.http} {
		harness.RawDial(t, addr).Close() // opened and left: nothing was tried
	}
	// One that does something comes after them in the log.
	harness.RawDial(t, p.tls).Say("SSH-2.0-later\r\n")
	w.Proxy.WaitAudit(t, "the later one", func(map[string]any) bool { return len(w.Proxy.AuditLines(t)) > before })
	if lines := w.Proxy.AuditLines(t); len(lines) != before+1 {
		t.Errorf("%d lines for connections that said nothing", len(lines)-before-1)
	}
	w.Untouched()
}

// TestTransparentHostPinned: a connection is for the name in its ClientHello and no other.
func TestTransparentHostPinned(t *testing.T) {
	w, p := transparentWorld(t, harness.WorldOptions{More: []string{"second.test"}})
	for _, host := range []string{"second.test", "elsewhere.test", "origin.test:8443"} {
		conn, err := tls.Dial("tcp", p.tls, &tls.Config{ServerName: "origin.test", RootCAs: w.Proxy.Pool(t)})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /text HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		answer := make([]byte, 32)
		n, _ := io.ReadFull(conn, answer)
		if !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 421 ") {
			t.Errorf("Host %s behind SNI origin.test: %q", host, answer[:n])
		}
		conn.Close()
	}
	w.Untouched()
}

// TestTransparentDrain: the transparent listeners close with the other one, and what was begun is finished.
func TestTransparentDrain(t *testing.T) {
	w, p := transparentWorld(t, harness.WorldOptions{})
	conn := harness.RawDial(t, p.tls)
	secured := tls.Client(conn.Conn, &tls.Config{ServerName: "origin.test", RootCAs: w.Proxy.Pool(t)})
	fmt.Fprintf(secured, "GET /slow?ms=700 HTTP/1.1\r\nHost: origin.test\r\n\r\n")
	harness.Eventually(5*time.Second, func() bool { return len(w.Origin.Requests()) == 1 })
	w.Proxy.Signal(syscall.SIGTERM)
	resp, err := http.ReadResponse(bufio.NewReader(secured), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("what was begun: %v, %v", resp, err)
	}
	secured.Close()
	if code := w.Proxy.WaitExit(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestNamesAnswerEveryHost(t *testing.T) {
	_, p := transparentWorld(t, harness.WorldOptions{})
	for _, name := range []string{"origin.test", "elsewhere.test", "a.b.c.d.example", "localhost"} {
		answer := ask(t, p.names, query(3, name, 1))
		if len(answer) < 16 || answer[3]&15 != 0 || answer[7] != 1 ||
			!bytes.HasSuffix(answer, []byte{0, 4, 127, 0, 0, 1}) {
			t.Errorf("A %s: % x", name, answer)
		}
		if answer := ask(t, p.names, query(4, name, 28)); len(answer) < 12 || answer[3]&15 != 0 || answer[7] != 0 {
			t.Errorf("AAAA %s: % x, want an empty answer", name, answer)
		}
	}
}

// ---- real clients, in a network namespace where 443, 80 and 53 are ours

const insideMark = "BOTTLE_TEST_TRANSPARENT_INSIDE"

var unawareClients = []client{
	{name: "curl h1", probe: "command -v curl", script: `curl -sS --http1.1 "$U/text"`, want: "hello from the origin"},
	{name: "curl h2", probe: "command -v curl", script: `curl -sS --http2 -w '%{http_version}' "$U/text"`,
		want: "hello from the origin\n2"},
	{name: "curl http", probe: "command -v curl", script: `curl -sS http://elsewhere.test/`, want: "host_not_allowed"},
	{name: "curl refused", probe: "command -v curl", script: `curl -sS https://elsewhere.test/`,
		want: "host_not_allowed"},
	{name: "wget", probe: "command -v wget", script: `wget -qO- --ca-certificate "$SSL_CERT_FILE" "$U/text"`,
		want: "hello from the origin"},
	{name: "python urllib", probe: "/usr/bin/python3 -c 'import urllib.request'",
		script: `/usr/bin/python3 -c 'import urllib.request,sys; ` +
			`print(urllib.request.urlopen(sys.argv[1]+"/text").read().decode())' "$U"`, want: "hello from the origin"},
	{name: "node fetch", probe: "command -v node",
		script: `node -e 'fetch(process.argv[1]+"/text").then(r=>r.text()).then(t=>console.log(t))' "$U"`,
		want:   "hello from the origin"},
	{name: "node https", probe: "command -v node",
		script: `node -e 'require("https").get(process.argv[1]+"/text",r=>r.on("data",` +
			`d=>console.log(String(d))))' "$U"`, want: "hello from the origin"},
	{name: "node dns", probe: "command -v node", script: `node -e 'require("dns").resolve4("origin.test",(e,` +
		`a)=>console.log(e||a))'`, want: "127.0.0.1"},
	{name: "git clone", probe: "command -v git", script: `git clone -q "$U/git/table.git" copy && cat copy/README`,
		want: "a stand-in repository"},
	{name: "npm install", probe: "command -v npm",
		script: `npm install --no-audit --no-fund --cache ./cache --registry "$U/npm/" ` + origin.NpmPackage +
			` && node -e 'console.log(require("` + origin.NpmPackage + `"))'`, want: "tiny"},
}

// TestTransparentClients: programs that know nothing of a proxy, with nothing but a resolv.conf and the CA.
func TestTransparentClients(t *testing.T) {
	harness.Binary(t, "bottle-proxy")
	if os.Getenv(insideMark) == "" {
		goInside(t)
		return
	}
	if out, err := exec.Command("sh", "-c", "ip link set lo up && mount --bind "+os.Getenv(insideMark)+
		" /etc/resolv.conf").CombinedOutput(); err != nil {
		t.Fatalf("the namespace: %v: %s", err, out)
	}
	w := harness.NewWorld(t, harness.WorldOptions{Args: []string{"--ca-names", "any", "--listen-tls", "127.0.0.1:443",
		"--listen-http", "127.0.0.1:80", "--names", "127.0.0.1:53"}})
	for _, c := range unawareClients {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if err := exec.Command("sh", "-c", c.probe).Run(); err != nil {
				t.Skipf("%s is not installed (%s)", c.name, c.probe)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "sh", "-c", "U=https://origin.test; "+c.script)
			cmd.Dir = t.TempDir()
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "GIT_TERMINAL_PROMPT=0",
				"SSL_CERT_FILE=" + w.Proxy.Bundle, "CURL_CA_BUNDLE=" + w.Proxy.Bundle, "GIT_SSL_CAINFO=" +
					w.Proxy.Bundle,
				"NODE_EXTRA_CA_CERTS=" + w.Proxy.CAFile, "npm_config_cafile=" + w.Proxy.Bundle}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s", err, clipText(string(out)))
			}
		})
	}
}

// goInside runs the calling test again in network and mount namespaces of its own.
func goInside(t *testing.T) {
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 127.0.0.1\noptions timeout:5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("unshare", "-n", "-m", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-n", "-m", os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v",
		"-test.count=1")
	cmd.Env = append(os.Environ(), insideMark+"="+resolv)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("inside:\n%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("inside: %v", err)
	}
}
