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

// client is one real program with a shell script that uses it. $U is the origin's URL, $O its real address outside. The
// script must print want.
type client struct {
	name   string
	probe  string // shell command that fails, on this machine, when the program is missing
	script string
	want   string
	// tool finds the program's folder when that is not of the system: it is mounted, and added to PATH.
	tool func() string
	// excuse explains why a failure is not the proxy's doing; "" means it is.
	excuse func() string
}

const javaClient = `import java.net.URI; import java.net.http.*;
public class Fetch { public static void main(String[] a) throws Exception {
  var request = HttpRequest.newBuilder(URI.create(a[0])).build();
  var r = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
  System.out.println(r.version() + " " + r.statusCode() + " " + r.body()); } }
`

var clients = []client{
	{name: "curl h1", probe: "command -v curl", script: `curl -sS --http1.1 -w '%{http_version}' "$U/text"`,
		want: "hello from the origin\n1.1"},
	{name: "curl h2", probe: "command -v curl", script: `curl -sS --http2 -w '%{http_version}' "$U/text"`,
		want: "hello from the origin\n2"},
	{name: "curl upload", probe: "command -v curl",
		script: `head -c 3000000 /dev/zero > zeros; curl -sS -T zeros -H 'Content-Type: application/octet-stream' ` +
			`"$U/upload"`, want: `"bytes":3000000`},
	{name: "wget", probe: "command -v wget", script: `wget -qO- "$U/text"`, want: "hello from the origin"},
	{name: "python urllib", probe: "/usr/bin/python3 -c 'import urllib.request'",
		script: `/usr/bin/python3 -c 'import urllib.request,sys; ` +
			`print(urllib.request.urlopen(sys.argv[1]+"/text").read().decode())' "$U"`, want: "hello from the origin"},
	{name: "python requests", probe: "/usr/bin/python3 -c 'import requests'",
		script: `/usr/bin/python3 -c 'import requests,sys; print(requests.get(sys.argv[1]+"/text").text)' "$U"`,
		want:   "hello from the origin"},
	{name: "python httpx", probe: "/usr/bin/python3 -c 'import httpx'",
		script: `/usr/bin/python3 -c 'import httpx,sys; print(httpx.get(sys.argv[1]+"/text").text)' "$U"`,
		want:   "hello from the origin"},
	{name: "node fetch", probe: "command -v node",
		script: `node -e 'fetch(process.argv[1]+"/text").then(r=>r.text()).then(t=>console.log(t))' "$U"`,
		want:   "hello from the origin", excuse: oldNode},
	{name: "node https", probe: "command -v node",
		script: `node -e 'require("https").get(process.argv[1]+"/text",r=>{let ` +
			`t="";r.on("data",d=>t+=d);r.on("end",()=>console.log(t))})' "$U"`, want: "hello from the origin",
		excuse: oldNode},
	{name: "node tunnel", probe: "command -v node", script: `node -e '
const http = require("http"), https = require("https"), tls = require("tls");
const proxy = new URL(process.env.HTTPS_PROXY), {hostname} = new URL(process.argv[1]), host = hostname + ":443";
const tunnel = {host: proxy.hostname, port: proxy.port, method: "CONNECT", path: host, headers: {host}};
http.request(tunnel).on("connect", (answer, socket) => {
  const agent = new https.Agent();
  agent.createConnection = () => tls.connect({socket, servername: hostname});
  https.get("https://" + hostname + "/text", {agent}, r => r.on("data", d => console.log(String(d))));
}).end()' "$U"`, want: "hello from the origin"},
	{name: "git clone", probe: "command -v git", script: `git clone -q "$U/git/table.git" copy && cat copy/README`,
		want: "a stand-in repository"},
	{name: "git push", probe: "command -v git", script: `git clone -q "$U/git/table.git" work && cd work && ` +
		`head -c 3000000 /dev/urandom > big && git add big && ` +
		`git -c user.name=a -c user.email=a@example.com commit -q -m more && ` +
		`git push -q origin HEAD:refs/heads/pushed-$$ && git ls-remote --heads origin`,
		want: "refs/heads/pushed-"},
	{name: "npm install", probe: "command -v npm",
		script: `npm install --no-audit --no-fund --cache ./cache --registry "$U/npm/" ` + origin.NpmPackage +
			` && node -e 'console.log(require("` + origin.NpmPackage + `"))'`, want: "tiny"},
	{name: "pip install", probe: "/usr/bin/python3 -m pip --version",
		script: `/usr/bin/python3 -m pip install -q --disable-pip-version-check --no-cache-dir --target ./lib ` +
			`--index-url "$U/pypi/simple/" ` + origin.WheelPackage + ` && PYTHONPATH=./lib /usr/bin/python3 -c ` +
			`'import bottle_tiny; print(bottle_tiny.NAME)'`, want: "tiny"},
	{name: "uv pip install", probe: "command -v uv", tool: folderOf("uv"),
		script: `uv pip install -q --no-cache --python /usr/bin/python3 --target ./lib --index-url "$U/pypi/simple/" ` +
			origin.WheelPackage + ` && PYTHONPATH=./lib /usr/bin/python3 -c 'import bottle_tiny; ` +
			`print(bottle_tiny.NAME)'`, want: "tiny"},
	{name: "cargo", probe: "command -v cargo && command -v rustc", tool: rustToolchain,
		script: `mkdir -p .cargo src && echo 'fn main() {}' > src/main.rs
printf '[registries.near]\nindex = "sparse+%s/cargo/index/"\n' "$U" > .cargo/config.toml
printf '[package]\nname = "user"\nversion = "1.0.0"\n[dependencies]\n` + origin.CratePackage +
			` = { version = "1", registry = "near" }\n' > Cargo.toml
cargo vendor -q >/dev/null && cat vendor/` + origin.CratePackage + `/src/lib.rs`, want: `"tiny"`},
	{name: "go mod", probe: "command -v go", tool: goToolchain, script: `printf 'module user\n\ngo 1.19\n\nrequire ` +
		origin.GoModule + ` v1.0.0\n' > go.mod
printf 'package main\n\nimport "` + origin.GoModule + `"\n\nfunc main() { println(tiny.Name) }\n' > main.go
export GOPROXY="$U/go" GOSUMDB=off GOTOOLCHAIN=local GOFLAGS=-mod=mod
go mod download -json && cat "$(go env GOMODCACHE)/` + origin.GoModule + `@v1.0.0/tiny.go"`,
		want: `const Name = "tiny"`},
	{name: "apt", probe: "command -v apt-get && command -v dpkg-deb",
		script: `mkdir -p state/lists/partial cache/archives/partial && : > state/status
echo "deb [trusted=yes] $U/apt ./" > sources.list
apt="apt-get -q -o APT::Sandbox::User=root -o Dir::State=$PWD/state -o Dir::State::status=$PWD/state/status"
apt="$apt -o Dir::Cache=$PWD/cache -o Dir::Etc::sourcelist=$PWD/sources.list -o Dir::Etc::sourceparts=-"
apt="$apt -o Dir::Etc::preferencesparts=-"
$apt update && $apt download ` + origin.DebPackage + ` && dpkg-deb --fsys-tarfile ` + origin.DebPackage +
			`_1.0_all.deb | tar -xO ./usr/share/bottle-tiny`, want: "tiny"},
	{name: "gem", probe: "command -v gem", script: `gem install -q --no-document --clear-sources --source ` +
		`"$U/gems/" --install-dir ./gems ` + origin.GemPackage + ` && cat gems/gems/` + origin.GemPackage +
		`-1.0.0/lib/bottle_tiny.rb`, want: "BOTTLE_TINY = 'tiny'"},
	{name: "java HttpClient", probe: "command -v javac", script: `java Fetch.java "$U/text"`,
		want: "HTTP_2 200 hello from the origin"},
	{name: "refused host", probe: "command -v curl", script: `curl -sS https://elsewhere.test/; true`,
		want: "host_not_allowed"},
	{name: "no way around", probe: "command -v curl",
		script: `curl -sSk --noproxy '*' --max-time 5 "https://$O/text" && echo LEAKED || echo closed`, want: "closed"},
}

const toolFolder = "/home/agent/tool"

// outsideSystem is the folder when a bottle does not have it anyway.
func outsideSystem(folder string) string {
	for _, system := range []string{"/usr/", "/bin/", "/opt/"} {
		if strings.HasPrefix(folder+"/", system) {
			return ""
		}
	}
	return folder
}

func folderOf(program string) func() string {
	return func() string {
		path, err := exec.LookPath(program)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return ""
		}
		return outsideSystem(filepath.Dir(path))
	}
}

// rustToolchain: what a home has by the names of cargo and rustc is often a program that chooses a toolchain.
func rustToolchain() string { return askedFolder("rustc", "--print", "sysroot") }

func goToolchain() string { return askedFolder("go", "env", "GOROOT") }

func askedFolder(program string, args ...string) string {
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		return ""
	}
	return outsideSystem(filepath.Join(strings.TrimSpace(string(out)), "bin"))
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
	fmt.Printf("\n%-18s %-44s %-44s %s\n", "client", "direct", "through the scanner double", "in a container")
	for _, c := range clients {
		if cells := table.cells[c.name]; cells != nil {
			fmt.Printf("%-18s %-44s %-44s %s\n", c.name, cells[harness.Direct], cells[harness.Scanner],
				cells[inContainer])
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
			args := []string{"start", "--quiet", "--backend", "local", "--allow", "client.test", "--allow-address",
				"127.0.0.0/8", "--origin-ca", ca,
				"--resolve", "client.test:443=" + server.Addr(), "--audit", filepath.Join(t.TempDir(), "audit.jsonl")}
			if via == harness.Direct {
				args = append(args, "--scanner", "guard")
			} else {
				args = append(args, "--scanner", "pipelock", "--pipelock-bin", harness.Binary(t, "pipelock-double"))
			}
			for _, c := range clients {
				t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
					runClient(t, bottle, args, c, via, server.Addr())
				})
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
	script := "U=https://client.test; O=" + outside + "; " + c.script
	if folder := c.folder(); folder != "" {
		// The folder above has the libraries.
		mount := fmt.Sprintf(`{"bottles": {"default": {"mounts": [{"host": %q, "at": %q}]}}}`, filepath.Dir(folder),
			toolFolder)
		if err := os.WriteFile(filepath.Join(dir, "bottle.json"), []byte(mount), 0o600); err != nil {
			t.Fatal(err)
		}
		script = "PATH=$PATH:" + toolFolder + "/" + filepath.Base(folder) + "; " + script
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bottle, append(append([]string{}, args...), "--", "sh", "-c", script)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "XDG_RUNTIME_DIR="+t.TempDir())
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
	t.Errorf("%s: %v after %v\nstdout: %s\nstderr: %s", c.name, err, took, clipText(stdout.String()),
		clipText(stderr.String()))
}

func (c client) folder() string {
	if c.tool == nil {
		return ""
	}
	return c.tool()
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
		code, _, stderr := harness.Run(t, 60*time.Second, bottle, "start", "--quiet", "--scanner", "guard", "--", "sh",
			"-c", fmt.Sprintf("exit %d", want))
		if code != want {
			t.Errorf("exit status %d, want %d: %s", code, want, stderr)
		}
	}
}
