package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
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

// The user of the proxies here. The password has the characters that a URL must escape, except '%': libcurl decodes
// what git has decoded already.
const (
	proxyUser     = "dev"
	proxyPassword = "p@ss:word/with everything#?&'\"$`\\"
)

func usersFile(t *testing.T) string {
	t.Helper()
	return writeFile(t, "users", "# who may\n\nsomebody:else entirely\n"+proxyUser+":"+proxyPassword+"\n")
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// withField puts one more field into a head that ends with the blank line.
func withField(head, value string) string {
	return strings.TrimSuffix(head, "\r\n") + "Proxy-Authorization: " + value + "\r\n\r\n"
}

// wantAuth judges a 407 and that the log and the answer keep what was shown to themselves.
func wantAuth(t *testing.T, answer harness.Answer) {
	t.Helper()
	wantProblem(t, answer, 407, "proxy_auth_required")
	if answer.Response == nil {
		return
	}
	if got := answer.Header.Values("Proxy-Authenticate"); len(got) != 1 || got[0] != `Basic realm="bottle"` {
		t.Errorf("Proxy-Authenticate: %q", got)
	}
	if answer.Header.Get("X-Bottle-Deny") != "proxy_auth_required" {
		t.Errorf("no X-Bottle-Deny: %v", answer.Header)
	}
}

// keptIn fails the test when a credential is anywhere but with the client.
func keptIn(t *testing.T, w *harness.World, shown ...string) {
	t.Helper()
	places := map[string]string{"the audit log": w.Proxy.AuditText(), "stderr": w.Proxy.Stderr(),
		"the origin": fmt.Sprintf("%+v", w.Origin.Requests())}
	if w.Double != nil {
		places["the scanner"] = fmt.Sprintf("%+v", w.Double.Requests())
	}
	for place, text := range places {
		if place != "the audit log" && strings.Contains(strings.ToLower(text), "proxy-authorization") {
			t.Errorf("Proxy-Authorization came to %s: %s", place, clipText(text))
		}
		for _, value := range shown {
			for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value)),
				strings.TrimPrefix(basic(proxyUser, value), "Basic ")} {
				if strings.Contains(text, form) {
					t.Errorf("%q came to %s", form, place)
				}
			}
		}
	}
}

func authWorlds(t *testing.T, plain bool, f func(t *testing.T, w *harness.World)) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			f(t, harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true,
				Origin: origin.Options{Plain: plain},
				Args:   []string{"--proxy-auth", usersFile(t), "--log", "debug"}}))
		})
	}
}

// TestProxyAuthConnect: 407 without and with a wrong password, and the right one goes through on the same connection.
func TestProxyAuthConnect(t *testing.T) {
	authWorlds(t, false, func(t *testing.T, w *harness.World) {
		raw := w.RawDial()
		head := harness.ConnectHead(w.HostPort())
		wantAuth(t, raw.Connect(head))
		wantAuth(t, raw.Connect(withField(head, basic(proxyUser, "wrong-one"))))
		w.Untouched()
		if n := w.Origin.Connections(); n != 0 {
			t.Errorf("%d connections to the origin before the password", n)
		}
		if answer := raw.Connect(withField(head, basic(proxyUser, proxyPassword))); answer.Status() != 200 {
			t.Fatalf("with the password: %+v", answer)
		}
		secured, err := w.TryTLS(raw, tlsConfig(w.Name, "http/1.1"))
		if err != nil {
			t.Fatal(err)
		}
		// Inside the tunnel the field means nothing, and goes no further either.
		secured.Say(withField(fill(w, "GET /echo HTTP/1.1\r\nHost: {A}\r\n\r\n"), basic(proxyUser, "inner-one")))
		answer, err := secured.Answer("GET")
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("through the tunnel: %+v %v", answer, err)
		}
		line := w.Proxy.WaitAudit(t, "refused without a password", func(l map[string]any) bool {
			return l["reason"] == "proxy_auth_required"
		})
		if line["by"] != "proxy" || line["verdict"] != "refused" || line["status"] != 407.0 ||
			line["method"] != "CONNECT" || line["host"] != w.Name {
			t.Errorf("audit line %v", line)
		}
		keptIn(t, w, "wrong-one", "inner-one", proxyPassword)
	})
}

// TestProxyAuthAbsoluteForm: every plain request shows the password; without it none goes on.
func TestProxyAuthAbsoluteForm(t *testing.T) {
	authWorlds(t, true, func(t *testing.T, w *harness.World) {
		say := func(raw *harness.Raw, path, auth string) harness.Answer {
			head := fill(w, "POST "+w.URL(path)+" HTTP/1.1\r\nHost: {A}\r\nContent-Length: 0\r\n\r\n")
			if auth != "" {
				head = withField(head, auth)
			}
			raw.Say(head)
			answer, err := raw.Answer("POST")
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			return answer
		}
		raw := w.RawDial()
		wantAuth(t, say(raw, "/without", ""))
		w.Untouched()
		if answer := say(raw, "/echo?right", basic(proxyUser, proxyPassword)); answer.StatusCode != 200 {
			t.Errorf("with the password: %d %s", answer.StatusCode, answer.Text)
		}
		wantAuth(t, say(raw, "/wrong", basic(proxyUser, "wrong-one")))
		if answer := say(raw, "/echo?again", basic("somebody", "else entirely")); answer.StatusCode != 200 {
			t.Errorf("another user: %d %s", answer.StatusCode, answer.Text)
		}
		wantAuth(t, say(raw, "/without-again", ""))
		if !raw.Closed(harness.CloseLimit) {
			t.Error("after the third failure the connection stays")
		}
		if n := len(w.Origin.Requests()); n != 2 {
			t.Errorf("the origin saw %d requests, want the two with a password", n)
		}
		keptIn(t, w, "wrong-one", "else entirely", proxyPassword)
	})
}

// TestProxyAuthHostileFields: credentials in another form let no client in, and close nothing but the connection.
func TestProxyAuthHostileFields(t *testing.T) {
	w := direct(t, "--proxy-auth", usersFile(t))
	right := basic(proxyUser, proxyPassword)
	token := strings.TrimPrefix(right, "Basic ")
	for name, fields := range map[string]string{
		"none": "", "empty": "Proxy-Authorization:\r\n", "scheme alone": "Proxy-Authorization: Basic\r\n",
		"twice":           "Proxy-Authorization: " + right + "\r\nProxy-Authorization: " + right + "\r\n",
		"right and wrong": "Proxy-Authorization: " + right + "\r\nproxy-authorization: " + basic("a", "b") + "\r\n",
		"list":            "Proxy-Authorization: " + right + ", " + right + "\r\n",
		"other scheme":    "Proxy-Authorization: Bearer " + token + "\r\n",
		"digest":          "Proxy-Authorization: Digest username=\"dev\", realm=\"bottle\"\r\n",
		"no scheme":       "Proxy-Authorization: " + token + "\r\n",
		"not base64":      "Proxy-Authorization: Basic " + proxyUser + ":" + "x\r\n",
		"truncated":       "Proxy-Authorization: Basic " + token[:len(token)-1] + "\r\n",
		"no colon": "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(proxyUser)) +
			"\r\n",
		"more behind":        "Proxy-Authorization: " + basic(proxyUser, proxyPassword+"x") + "\r\n",
		"NUL behind":         "Proxy-Authorization: " + basic(proxyUser, proxyPassword+"\x00") + "\r\n",
		"other user's":       "Proxy-Authorization: " + basic("somebody", proxyPassword) + "\r\n",
		"long":               "Proxy-Authorization: Basic " + harness.Repeat("QUFB", 40000) + "\r\n",
		"non-ASCII":          "Proxy-Authorization: " + basic("d\xc3\xa9v", "p\xff") + "\r\n",
		"the origin's field": "Authorization: " + right + "\r\n",
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			wantAuth(t, w.RawDial().Connect("CONNECT "+w.HostPort()+" HTTP/1.1\r\nHost: "+w.HostPort()+"\r\n"+
				fields+"\r\n"))
		})
	}
	// A field that no parser takes is a bad request as ever.
	answer := w.RawDial().Connect("CONNECT " + w.HostPort() + " HTTP/1.1\r\nHost: " + w.HostPort() +
		"\r\nProxy-Authorization : " + right + "\r\n\r\n")
	if answer.Status() != 400 {
		t.Errorf("a space before the colon: %d", answer.Status())
	}
	w.Untouched()
	keptIn(t, w, proxyPassword)
}

// TestProxyAuthGo: Go's own client, which shows the password unasked.
func TestProxyAuthGo(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := direct(t, "--proxy-auth", usersFile(t))
		for _, c := range []struct {
			user *url.Userinfo
			ok   bool
		}{{nil, false}, {url.UserPassword(proxyUser, "wrong-one"), false},
			{url.UserPassword(proxyUser, proxyPassword), true}} {
			client := w.ClientWith(proto, func(tr *http.Transport) {
				tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: w.Proxy.Addr, User: c.user})
			})
			answer, err := w.Try(client, "GET", "/text", nil)
			if c.ok && (err != nil || answer.StatusCode != 200) {
				t.Errorf("with the password: %v", err)
			}
			if !c.ok && (err == nil || !strings.Contains(err.Error(), "proxy_auth_required")) {
				t.Errorf("as %v: %v, want an error that holds the word", c.user, err)
			}
		}
	})
}

var authClients = []client{
	{name: "curl", probe: "command -v curl", script: `curl -sS "$U/text"`, want: "hello from the origin"},
	{name: "curl asked first", probe: "command -v curl",
		script: `curl -sS --proxy-anyauth -w '%{num_connects}' "$U/text"`, want: "hello from the origin\n"},
	{name: "curl plain", probe: "command -v curl", script: `curl -sS "$P/text"`, want: "hello from the origin"},
	{name: "wget", probe: "command -v wget", script: `wget -qO- --ca-certificate="$CA" "$U/text"`,
		want: "hello from the origin"},
	{name: "python requests", probe: "/usr/bin/python3 -c 'import requests'",
		script: `/usr/bin/python3 -c 'import requests,sys; print(requests.get(sys.argv[1]+"/text").text)' "$U"`,
		want:   "hello from the origin"},
	{name: "python urllib", probe: "/usr/bin/python3 -c 'import urllib.request'",
		script: `/usr/bin/python3 -c 'import urllib.request,sys; ` +
			`print(urllib.request.urlopen(sys.argv[1]+"/text").read().decode())' "$U"`, want: "hello from the origin"},
	{name: "git clone", probe: "command -v git", script: `git clone -q "$U/git/table.git" copy && cat copy/README`,
		want: "a stand-in repository"},
	{name: "npm install", probe: "command -v npm",
		script: `npm install --no-audit --no-fund --cache ./cache --registry "$U/npm/" ` + origin.NpmPackage, want: ""},
	{name: "node fetch", probe: "command -v node",
		script: `node -e 'fetch(process.argv[1]+"/text").then(r=>r.text()).then(t=>console.log(t))' "$U"`,
		want:   "hello from the origin", excuse: oldNode},
	{name: "node tunnel", probe: "command -v node", script: `node -e '
const http = require("http"), https = require("https"), tls = require("tls"), proxy = new URL(process.env.HTTPS_PROXY);
const words = decodeURIComponent(proxy.username) + ":" + decodeURIComponent(proxy.password);
const headers = {host: "client.test:443", "proxy-authorization": "Basic " + Buffer.from(words).toString("base64")};
const tunnel = {host: proxy.hostname, port: proxy.port, method: "CONNECT", path: headers.host, headers};
http.request(tunnel).on("connect", (answer, socket) => {
  const agent = new https.Agent();
  agent.createConnection = () => tls.connect({socket, servername: "client.test"});
  https.get("https://client.test/text", {agent}, r => r.on("data", d => console.log(String(d))));
}).end()'`, want: "hello from the origin"},
	{name: "curl wrong", probe: "command -v curl",
		script: `curl -sS -x "http://dev:wrong-one@${HTTPS_PROXY##*@}" "$U/text" 2>&1; true`, want: "407"},
	{name: "curl without", probe: "command -v curl", script: `curl -sS -x "http://${HTTPS_PROXY##*@}" "$P/text"`,
		want: "proxy_auth_required"},
}

// TestProxyAuthClients: real programs with what `bottle env` prints for a URL that has a password in it.
func TestProxyAuthClients(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	plain, err := origin.Start(origin.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Name: "client.test",
		Args: []string{"--proxy-auth", usersFile(t),
			"--allow", "plain.test:80", "--resolve", "plain.test:80=" + plain.Addr()}})
	proxy := url.URL{Scheme: "http", Host: w.Proxy.Addr, User: url.UserPassword(proxyUser, proxyPassword)}
	for _, c := range authClients {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if err := exec.Command("sh", "-c", c.probe).Run(); err != nil {
				t.Skipf("not installed (%s)", c.probe)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "sh", "-c",
				`set -e; lines=$("$BOTTLE" env --shell sh --proxy "$PROXY" --ca "$CA" --bundle "$BUNDLE"); eval `+
					`"$lines"; set +e; `+c.script)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "BOTTLE="+bottle, "PROXY="+escapeQuotes(proxy.String()),
				"CA="+w.Proxy.CAFile, "BUNDLE="+w.Proxy.Bundle,
				"U=https://client.test", "P=http://plain.test", "GIT_TERMINAL_PROMPT=0", "HOME="+cmd.Dir)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if err == nil && strings.Contains(stdout.String(), c.want) {
				return
			}
			if c.excuse != nil {
				if why := c.excuse(); why != "" {
					t.Skip(why)
				}
			}
			t.Errorf("%s: %v\nstdout: %s\nstderr: %s", c.name, err, clipText(stdout.String()),
				clipText(stderr.String()))
		})
	}
	keptIn(t, w, "wrong-one", proxyPassword)
}

// Go leaves some characters in a user's part that a shell or a strict reader would trip over.
func escapeQuotes(text string) string {
	return strings.NewReplacer("'", "%27", "$", "%24", "&", "%26").Replace(text)
}

// TestProxyAuthFileErrors: each mistake is named with its line, and no password is repeated.
func TestProxyAuthFileErrors(t *testing.T) {
	base := []string{"--upstream", "direct", "--listen", "127.0.0.1:0", "--allow", "origin.test", "--proxy-auth"}
	open := writeFile(t, "open", "dev:hunter2hunter2\n")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file string
		code int
		want []string
	}{
		"missing":            {filepath.Join(t.TempDir(), "missing"), exitFiles, []string{"missing"}},
		"directory":          {t.TempDir(), exitFiles, []string{"ordinary file"}},
		"others may read it": {open, exitUsage, []string{"chmod 600 " + open, "0644"}},
		"no colon": {writeFile(t, "users", "# x\n\nhunter2hunter2\n"), exitUsage,
			[]string{"users:3:", "user:password"}},
		"nobody": {writeFile(t, "users", "# x\n"), exitUsage, []string{"names no user"}},
		"twice": {writeFile(t, "users", "a:hunter2hunter2\na:hunter2hunter3\n"), exitUsage,
			[]string{"users:2:", "earlier line"}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			code, stdout, stderr := harness.RunProxy(t, 20*time.Second, append(base, c.file)...)
			if code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr does not hold %q: %s", want, stderr)
				}
			}
			if strings.Contains(stdout+stderr, "hunter2") {
				t.Errorf("a password was printed: %s", stderr)
			}
		})
	}
}

// startsOrEnds runs a proxy until it is ready, and ends it then, or until it has ended by itself.
func startsOrEnds(t *testing.T, cmd *exec.Cmd) (bool, int, string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	lines := bufio.NewScanner(stdout)
	started := lines.Scan() && strings.HasPrefix(lines.Text(), "bottle-proxy ready")
	if started {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
	_ = cmd.Wait()
	return started, cmd.ProcessState.ExitCode(), stderr.String()
}

// TestProxyAuthIsNeededAtPublicAddresses: in a network namespace that has such an address. Nothing is sent there.
func TestProxyAuthIsNeededAtPublicAddresses(t *testing.T) {
	proxy := harness.Binary(t, "bottle-proxy")
	for _, tool := range []string{"unshare", "ip", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing", tool)
		}
	}
	if err := exec.Command("unshare", "-Urn", "true").Run(); err != nil {
		t.Skip("this user may not make user namespaces (unshare -Urn true fails)")
	}
	users := usersFile(t)
	const private, both = "10.77.0.1/32", "10.77.0.1/32 203.0.113.7/32 2001:db8:77::7/128"
	const adopted = `exec python3 -c '
import os, socket, sys
s = socket.socket(); s.bind((sys.argv[1], 0)); s.listen(8); os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.execv(sys.argv[2], sys.argv[2:])' 203.0.113.7 "$@"`
	for _, c := range []struct {
		name, addresses string
		run             string // how the proxy is started; "" is as it is
		args            []string
		refused         string // the refusal names it; "" for a start
	}{
		{"private", both, "", []string{"--listen", "10.77.0.1:0"}, ""},
		{"public", both, "", []string{"--listen", "203.0.113.7:0"}, "--proxy-auth"},
		{"public v6", both, "", []string{"--listen", "[2001:db8:77::7]:0"}, "--proxy-auth"},
		{"public with users", both, "", []string{"--listen", "203.0.113.7:0", "--proxy-auth", users}, ""},
		{"every address, one is public", both, "", []string{"--listen", "0.0.0.0:0"}, "203.0.113.7"},
		{"every address with users", both, "", []string{"--listen", "0.0.0.0:0", "--proxy-auth", users}, ""},
		{"every address, all private", private, "", []string{"--listen", "0.0.0.0:0"}, ""},
		{"every v6 address", private, "", []string{"--listen", "[::]:0"}, ""},
		{"adopted", both, adopted, []string{"--listen", "fd:3"}, "--proxy-auth"},
		{"adopted with users", both, adopted, []string{"--listen", "fd:3", "--proxy-auth", users}, ""},
		{"tls", both, "", []string{"--listen", "127.0.0.1:0", "--listen-tls", "203.0.113.7:0", "--proxy-auth", users},
			"--listen-tls"},
		{"http", both, "", []string{"--listen", "127.0.0.1:0", "--listen-http", "0.0.0.0:0", "--proxy-auth", users},
			"--listen-http"},
		{"tls private", both, "", []string{"--listen", "127.0.0.1:0", "--listen-tls", "10.77.0.1:0", "--proxy-auth",
			users}, ""},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			run := c.run
			if run == "" {
				run = `exec "$@"`
			}
			script := `set -e; ip link set lo up; for a in ` + c.addresses + `; do ip addr add $a dev lo; done; ` + run
			cmd := exec.Command("unshare",
				append([]string{"-Urn", "sh", "-c", script, "sh", proxy, "--upstream", "direct", "--allow",
					"origin.test"}, c.args...)...)
			started, code, stderr := startsOrEnds(t, cmd)
			if c.refused == "" && !started {
				t.Errorf("did not start (%d): %s", code, stderr)
			}
			if c.refused != "" && (started || code != exitUsage || !strings.Contains(stderr, c.refused)) {
				t.Errorf("started %v, exit code %d, want %d and %q; stderr %q", started, code, exitUsage,
					c.refused, stderr)
			}
		})
	}
}
