package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// client is one real program with a shell script that uses it. $U is the origin's URL, $O its real address outside. The script must print want.
type client struct {
	name   string
	probe  string // shell command that fails, on this machine, when the program is missing
	script string
	want   string
	// excuse explains why a failure is not the proxy's doing; "" means it is.
	excuse func() string
}

const javaClient = `import java.net.URI; import java.net.http.*;
public class Fetch { public static void main(String[] a) throws Exception {
  var r = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(a[0])).build(), HttpResponse.BodyHandlers.ofString());
  System.out.println(r.version() + " " + r.statusCode() + " " + r.body()); } }
`

var clients = []client{
	{name: "curl h1", probe: "command -v curl", script: `curl -sS --http1.1 -w '%{http_version}' "$U/text"`, want: "hello from the origin\n1.1"},
	{name: "curl h2", probe: "command -v curl", script: `curl -sS --http2 -w '%{http_version}' "$U/text"`, want: "hello from the origin\n2"},
	{name: "curl upload", probe: "command -v curl", script: `head -c 3000000 /dev/zero > zeros; curl -sS -T zeros -H 'Content-Type: application/octet-stream' "$U/upload"`, want: `"bytes":3000000`},
	{name: "wget", probe: "command -v wget", script: `wget -qO- "$U/text"`, want: "hello from the origin"},
	{name: "python urllib", probe: "/usr/bin/python3 -c 'import urllib.request'", script: `/usr/bin/python3 -c 'import urllib.request,sys; print(urllib.request.urlopen(sys.argv[1]+"/text").read().decode())' "$U"`, want: "hello from the origin"},
	{name: "python requests", probe: "/usr/bin/python3 -c 'import requests'", script: `/usr/bin/python3 -c 'import requests,sys; print(requests.get(sys.argv[1]+"/text").text)' "$U"`, want: "hello from the origin"},
	{name: "python httpx", probe: "/usr/bin/python3 -c 'import httpx'", script: `/usr/bin/python3 -c 'import httpx,sys; print(httpx.get(sys.argv[1]+"/text").text)' "$U"`, want: "hello from the origin"},
	{name: "node fetch", probe: "command -v node", script: `node -e 'fetch(process.argv[1]+"/text").then(r=>r.text()).then(t=>console.log(t))' "$U"`, want: "hello from the origin", excuse: oldNode},
	{name: "node https", probe: "command -v node", script: `node -e 'require("https").get(process.argv[1]+"/text",r=>{let t="";r.on("data",d=>t+=d);r.on("end",()=>console.log(t))})' "$U"`, want: "hello from the origin", excuse: oldNode},
	{name: "node tunnel", probe: "command -v node", script: `node -e '
const http = require("http"), https = require("https"), tls = require("tls"), proxy = new URL(process.env.HTTPS_PROXY);
http.request({host: proxy.hostname, port: proxy.port, method: "CONNECT", path: "client.test:443", headers: {host: "client.test:443"}}).on("connect", (answer, socket) => {
  const agent = new https.Agent();
  agent.createConnection = () => tls.connect({socket, servername: "client.test"});
  https.get("https://client.test/text", {agent}, r => r.on("data", d => console.log(String(d))));
}).end()'`, want: "hello from the origin"},
	{name: "git clone", probe: "command -v git", script: `git clone -q "$U/git/table.git" copy && cat copy/README`, want: "a stand-in repository"},
	{name: "git push", probe: "command -v git", script: `git clone -q "$U/git/table.git" work && cd work && head -c 3000000 /dev/urandom > big && git add big && git -c user.name=a -c user.email=a@example.com commit -q -m more && git push -q origin HEAD:refs/heads/pushed-$$ && git ls-remote --heads origin`, want: "refs/heads/pushed-"},
	{name: "npm install", probe: "command -v npm", script: `npm install --no-audit --no-fund --cache ./cache --registry "$U/npm/" ` + origin.NpmPackage + ` && node -e 'console.log(require("` + origin.NpmPackage + `"))'`, want: "tiny"},
	{name: "pip install", probe: "/usr/bin/python3 -m pip --version", script: `/usr/bin/python3 -m pip install -q --disable-pip-version-check --no-cache-dir --target ./lib --index-url "$U/pypi/simple/" ` + origin.WheelPackage + ` && PYTHONPATH=./lib /usr/bin/python3 -c 'import bottle_tiny; print(bottle_tiny.NAME)'`, want: "tiny"},
	{name: "java HttpClient", probe: "command -v javac", script: `java Fetch.java "$U/text"`, want: "HTTP_2 200 hello from the origin"},
	{name: "refused host", probe: "command -v curl", script: `curl -sS https://elsewhere.test/; true`, want: "host_not_allowed"},
	{name: "no way around", probe: "command -v curl", script: `curl -sSk --noproxy '*' --max-time 5 "https://$O/text" && echo LEAKED || echo closed`, want: "closed"},
}

func oldNode() string {
	out, err := exec.Command("node", "--version").Output()
	if err != nil {
		return ""
	}
	major, _ := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(string(out)))
	if major > 0 && major < 24 {
		return fmt.Sprintf("Node %d ignores proxy variables", major)
	}
	return ""
}

var table = struct {
	sync.Mutex
	cells map[string]map[harness.Via]string
	ran   bool
}{cells: map[string]map[harness.Via]string{}}

func note(name string, via harness.Via, text string) {
	table.Lock()
	defer table.Unlock()
	table.ran = true
	if table.cells[name] == nil {
		table.cells[name] = map[harness.Via]string{}
	}
	table.cells[name][via] = text
}

func printClientTable() {
	if !table.ran {
		return
	}
	fmt.Printf("\n%-18s %-44s %s\n", "client", "direct", "through the scanner double")
	for _, c := range clients {
		if cells := table.cells[c.name]; cells != nil {
			fmt.Printf("%-18s %-44s %s\n", c.name, cells[harness.Direct], cells[harness.Scanner])
		}
	}
	fmt.Println()
}

// TestClients runs every client in a bottle, direct and through the double.
func TestClients(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	harness.Binary(t, "bottle-proxy")
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			server, err := origin.Start(origin.Options{Names: []string{"client.test"}})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			ca := filepath.Join(t.TempDir(), "origin-ca.pem")
			if err := server.CA.WriteFile(ca); err != nil {
				t.Fatal(err)
			}
			args := []string{"start", "--quiet", "--backend", "local", "--allow", "client.test", "--allow-address", "127.0.0.0/8", "--origin-ca", ca,
				"--resolve", "client.test:443=" + server.Addr(), "--audit", filepath.Join(t.TempDir(), "audit.jsonl")}
			if via == harness.Direct {
				args = append(args, "--scanner", "guard")
			} else {
				args = append(args, "--scanner", "pipelock", "--pipelock-bin", harness.Binary(t, "pipelock-double"))
			}
			for _, c := range clients {
				t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) { runClient(t, bottle, args, c, via, server.Addr()) })
			}
		})
	}
}

func runClient(t *testing.T, bottle string, args []string, c client, via harness.Via, outside string) {
	if err := exec.Command("sh", "-c", c.probe).Run(); err != nil {
		note(c.name, via, "skipped: not installed")
		t.Skipf("%s is not installed (%s)", c.name, c.probe)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Fetch.java"), []byte(javaClient), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bottle, append(append([]string{}, args...), "--", "sh", "-c", "U=https://client.test; O="+outside+"; "+c.script)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began).Round(10 * time.Millisecond)
	if err == nil && strings.Contains(stdout.String(), c.want) {
		note(c.name, via, fmt.Sprintf("ok (%v)", took))
		return
	}
	if c.excuse != nil {
		if why := c.excuse(); why != "" {
			note(c.name, via, "skipped: "+why)
			t.Skip(why)
		}
	}
	note(c.name, via, "FAILED")
	t.Errorf("%s: %v after %v\nstdout: %s\nstderr: %s", c.name, err, took, clipText(stdout.String()), clipText(stderr.String()))
}

func clipText(s string) string {
	if len(s) > 2000 {
		return s[:2000] + "…"
	}
	return s
}

// TestBottleStartPassesTheExitStatus: the command's own status comes out.
func TestBottleStartPassesTheExitStatus(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	harness.Binary(t, "bottle-proxy")
	for _, want := range []int{0, 1, 7, 126} {
		code, _, stderr := harness.Run(t, 60*time.Second, bottle, "start", "--quiet", "--scanner", "guard", "--", "sh", "-c", fmt.Sprintf("exit %d", want))
		if code != want {
			t.Errorf("exit status %d, want %d: %s", code, want, stderr)
		}
	}
}
