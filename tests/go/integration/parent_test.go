package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// parent is an HTTP proxy that knows CONNECT and nothing else, as a corporate one does for https.
type parent struct {
	listener net.Listener
	auth     string            // the only Proxy-Authorization that it takes; "": any
	names    map[string]string // its own addresses of HOST:PORT
	answer   string            // instead of a tunnel
	early    string            // sent in one piece with the 200

	mu    sync.Mutex
	asked []string
	heads []string
}

func startParent(t *testing.T, p *parent) *parent {
	t.Helper()
	p.listener = listen(t)
	go func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *parent) url() string { return "http://" + p.listener.Addr().String() }

func (p *parent) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.RequestURI)
	p.heads = append(p.heads, fmt.Sprint(r.Header))
	p.mu.Unlock()
	if p.answer != "" {
		io.WriteString(conn, p.answer)
		time.Sleep(200 * time.Millisecond)
		return
	}
	if p.auth != "" && r.Header.Get("Proxy-Authorization") != p.auth {
		io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\n"+
			"Proxy-Authenticate: Basic realm=\"corp\"\r\nContent-Length: 10\r\n\r\nwho is it?")
		return
	}
	addr, known := p.names[r.RequestURI]
	if !known {
		io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 15\r\n\r\nnot in our list")
		return
	}
	out, err := net.Dial("tcp", addr)
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer out.Close()
	io.WriteString(conn, "HTTP/1.1 200 Connection established\r\nVia: 1.1 corp\r\n\r\n"+p.early)
	go func() {
		io.Copy(out, in)
		out.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(conn, out)
}

func (p *parent) wasAsked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// parentWorld has a proxy that reaches the origin through `p` alone: it could not resolve the name itself.
func parentWorld(t *testing.T, p *parent, opts harness.WorldOptions, args ...string) *harness.World {
	t.Helper()
	opts.Name = "origin.example.com"
	server, err := origin.Start(origin.Options{Names: []string{opts.Name}})
	if err != nil {
		t.Fatal(err)
	}
	opts.RawOrigin = server
	if p.names == nil {
		p.names = map[string]string{opts.Name + ":443": server.Addr(), opts.Name + ":80": server.Addr()}
	}
	opts.Args = append(append(opts.Args, args...), "--parent", p.url())
	return harness.NewWorld(t, opts)
}

func TestParentProxyForEveryRoute(t *testing.T) {
	both := []harness.WorldOptions{{Via: harness.Direct}, {Via: harness.Scanner, DoubleOnly: true, Exit: true}}
	for _, via := range both {
		for _, route := range []string{"scan", "relay", "splice"} {
			for _, proto := range []harness.Proto{harness.H1, harness.H2} {
				t.Run(fmt.Sprintf("%s exit=%v %s %s", via.Via, via.Exit, route, proto), func(t *testing.T) {
					p := startParent(t, &parent{})
					w := parentWorld(t, p, via, "--route", "origin.example.com="+route)
					client := w.Client(proto)
					if route == "splice" {
						client = ownCA(w, proto)
					}
					if got := w.Do(client, "GET", "/text", nil); got.StatusCode != 200 {
						t.Fatalf("%d %s", got.StatusCode, got.Text)
					}
					asked := p.wasAsked()
					if len(asked) == 0 || asked[0] != "CONNECT origin.example.com:443" {
						t.Errorf("the parent was asked %q", asked)
					}
				})
			}
		}
	}
}

func TestParentProxyWithBasicAuth(t *testing.T) {
	secrets := writeFile(t, "secrets", `{"parent_password":"open sesame"}`+"\n")
	cases := []struct{ user, secrets, hint string }{
		{"Aladdin@", secrets, ""},
		{"Jafar@", secrets, "does not accept"},
		{"", "", "wants a user and a password"},
	}
	for _, c := range cases {
		t.Run("user "+c.user, func(t *testing.T) {
			p := startParent(t, &parent{auth: "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="})
			server, err := origin.Start(origin.Options{Names: []string{"origin.example.com"}})
			if err != nil {
				t.Fatal(err)
			}
			p.names = map[string]string{"origin.example.com:443": server.Addr()}
			args := []string{"--parent", "http://" + c.user + p.listener.Addr().String()}
			if c.secrets != "" {
				args = append(args, "--secrets", c.secrets)
			}
			w := harness.NewWorld(t, harness.WorldOptions{Name: "origin.example.com", RawOrigin: server, Args: args})
			got := w.Do(w.Client(harness.H2), "GET", "/text", nil)
			if c.hint == "" {
				if got.StatusCode != 200 {
					t.Fatalf("%d %s", got.StatusCode, got.Text)
				}
				// The password is one of the values that must not leave.
				leak := w.Do(w.Client(harness.H2), "POST", "/echo", strings.NewReader("open sesame"))
				if leak.StatusCode != 403 {
					t.Errorf("the parent's password went out: %d", leak.StatusCode)
				}
				return
			}
			problem := got.Problem(t)
			if got.StatusCode != 502 || problem.Code != "parent_auth" || !strings.Contains(problem.Hint, c.hint) ||
				!strings.Contains(problem.Detail, p.listener.Addr().String()) {
				t.Errorf("%d %+v", got.StatusCode, problem)
			}
		})
	}
}

func TestParentProxyThatRefusesOrBreaks(t *testing.T) {
	big := "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 17000) + "\r\n\r\n"
	for _, c := range []struct {
		answer, code, detail string
		status               int
	}{
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nno, sir!", "parent_refused", "no, sir!", 502},
		{"HTTP/1.0 503 Busy\r\n\r\n", "parent_refused", "503", 502},
		{"SSH-2.0-OpenSSH_9.2\r\n", "parent_broken", "not HTTP", 502},
		{big, "parent_broken", "too large", 502},
		{"HTTP/1.1 200 OK\r\nX", "parent_broken", "closed", 502},
	} {
		p := startParent(t, &parent{answer: c.answer})
		w := parentWorld(t, p, harness.WorldOptions{})
		got := w.Do(w.Client(harness.H2), "GET", "/text", nil)
		problem := got.Problem(t)
		if got.StatusCode != c.status || problem.Code != c.code || !strings.Contains(problem.Detail, c.detail) {
			t.Errorf("%.30q: %d %+v", c.answer, got.StatusCode, problem)
		}
	}
	gone := startParent(t, &parent{})
	gone.listener.Close()
	w := parentWorld(t, gone, harness.WorldOptions{})
	got := w.Do(w.Client(harness.H2), "GET", "/text", nil)
	if problem := got.Problem(t); got.StatusCode != 502 || problem.Code != "parent_unreachable" {
		t.Errorf("%d %+v", got.StatusCode, problem)
	}
}

// [T85]
func TestParentProxyIsLeftOutAndNeverAskedForWhatLiesInside(t *testing.T) {
	p := startParent(t, &parent{})
	w := parentWorld(t, p, harness.WorldOptions{}, "--no-proxy", "x.test,.example.com", "--allow", "localhost",
		"--allow", "printer", "--allow", "10.1.2.3", "--allow", "nas.local")
	if got := w.Do(w.Client(harness.H2), "GET", "/text", nil); got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.Text)
	}
	for _, host := range []string{"localhost", "printer", "nas.local", "10.1.2.3"} {
		answer, err := w.Client(harness.H1).Get("https://" + host + "/")
		if err != nil { // of an address that a person wrote, CONNECT itself is refused
			if !strings.Contains(err.Error(), "address_not_allowed") {
				t.Errorf("%s: %v", host, err)
			}
			continue
		}
		read := harness.ReadAnswer(answer)
		if problem := read.Problem(t); read.StatusCode != 403 || problem.Code != "address_not_allowed" {
			t.Errorf("%s: %d %+v", host, read.StatusCode, problem)
		}
	}
	if asked := p.wasAsked(); len(asked) != 0 {
		t.Errorf("the parent was asked %q", asked)
	}
}

func TestParentProxyOptionsAreChecked(t *testing.T) {
	password := writeFile(t, "secrets", `{"parent_password":"open sesame"}`+"\n")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"a password has no place here", []string{"--upstream", "direct", "--parent", "http://a:b@c:1"}},
		{"not supported", []string{"--upstream", "direct", "--parent", "https://c:1"}},
		{"no port", []string{"--upstream", "direct", "--parent", "http://c"}},
		{"--no-proxy goes with --parent", []string{"--upstream", "direct", "--no-proxy", "x"}},
		{"pipelock speaks to origins itself",
			[]string{"--pipelock", "http://127.0.0.1:1", "--parent", "http://c:1"}},
		{"names no user", []string{"--upstream", "direct", "--parent", "http://c:1", "--secrets", password}},
	} {
		args := append(c.args, "--allow", "a.test", "--check-config")
		status, _, stderr := harness.RunProxy(t, 10*time.Second, args...)
		if status != 64 || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "sesame") {
			t.Errorf("%v: %d %s", c.args, status, stderr)
		}
	}
}

// Debian's squid with Basic auth, configured as in its documentation.
func TestParentProxyIsSquid(t *testing.T) {
	needs(t, "squid")
	dir, err := os.MkdirTemp("/tmp", "bottle-squid-") // its helper runs as another user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	place := listen(t)
	_, port, _ := net.SplitHostPort(place.Addr().String())
	place.Close() // squid opens it itself
	helper := filepath.Join(dir, "auth.sh")
	script := `#!/bin/sh
while read -r user pass; do [ "$user $pass" = 'ann open%20sesame' ] && echo OK || echo ERR; done
`
	if err := os.WriteFile(helper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := origin.Start(origin.Options{Names: []string{"origin.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	_, originPort, _ := net.SplitHostPort(server.Addr())
	hosts := filepath.Join(dir, "hosts")
	os.WriteFile(hosts, []byte("127.0.0.1 origin.example.com\n"), 0o644)
	config := filepath.Join(dir, "squid.conf")
	text := fmt.Sprintf(`http_port 127.0.0.1:%s
hosts_file %s
auth_param basic program %s
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
pid_filename %s/squid.pid
cache_log %s/cache.log
access_log none
cache deny all
coredump_dir %s
shutdown_lifetime 0 seconds
`, port, hosts, helper, dir, dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	squid := exec.Command("squid", "-N", "-f", config)
	if err := squid.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { squid.Process.Kill(); squid.Wait() })
	up := harness.Eventually(15*time.Second, func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if !up {
		log, _ := os.ReadFile(filepath.Join(dir, "cache.log"))
		t.Fatalf("squid did not start: %s", log)
	}
	secrets := writeFile(t, "secrets", `{"parent_password":"open sesame"}`+"\n")
	authority := "origin.example.com:" + originPort
	for _, route := range []string{"scan", "relay", "splice"} {
		for user, want := range map[string]int{"ann": 200, "bob": 502} {
			w := harness.NewWorld(t, harness.WorldOptions{Name: "origin.example.com", RawOrigin: server,
				Allow: []string{authority}, Args: []string{"--parent", "http://" + user + "@127.0.0.1:" + port,
					"--secrets", secrets, "--route", "origin.example.com=" + route}})
			w.Port, _ = net.LookupPort("tcp", originPort)
			client := w.Client(harness.H2)
			if route == "splice" {
				if want != 200 {
					continue // the client gets an alert
				}
				client = ownCA(w, harness.H2)
			}
			got := w.Do(client, "GET", "/text", nil)
			if got.StatusCode != want {
				t.Errorf("%s as %s: %d %s", route, user, got.StatusCode, got.Text)
			}
			if want != 200 && got.Problem(t).Code != "parent_auth" {
				t.Errorf("%s", got.Text)
			}
		}
	}
}

// The caller's own variables, as a manifest takes them; their password is on no command line.
func TestStartTakesTheParentProxyFromTheHost(t *testing.T) {
	s := newShelf(t)
	needs(t, "curl")
	server, ca := s.server("origin.example.com")
	p := startParent(t, &parent{auth: "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
		names: map[string]string{"origin.example.com:443": server.Addr()}})
	s.manifest(`{"bottles": {"default": {"scanner": "guard", "egress": {"allow": ["origin.example.com"],
		"parent": {"from_host": true}}}}}`)
	proxy := "HTTPS_PROXY=http://Aladdin:open%20sesame@" + p.listener.Addr().String()
	start := func(args ...string) spoken {
		cmd := s.command(append([]string{"start"}, args...)...)
		cmd.Env = append(cmd.Env, proxy)
		return s.run1(cmd)
	}
	plan := start("--dry-run", "--", "true")
	plan.want(t, 0, "--parent http://Aladdin@"+p.listener.Addr().String(), "as HTTPS_PROXY says")
	run := start("--origin-ca", ca, "--", "sh", "-c", "curl -sS https://origin.example.com/text; env")
	run.want(t, 0)
	for _, text := range []string{plan.out + plan.errors, run.out + run.errors} {
		if strings.Contains(text, "sesame") {
			t.Errorf("the password is shown: %s", text)
		}
	}
	if asked := p.wasAsked(); len(asked) != 1 || asked[0] != "CONNECT origin.example.com:443" {
		t.Errorf("the parent was asked %q", asked)
	}
	s.call("start", "--parent", "http://a:sesame@b:1", "--", "true").want(t, 64, "must not have a password")
	s.call("start", "--", "true").want(t, 0, "HTTPS_PROXY")
}
