package integration

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
)

// trustRow is one variable of the trust table with a program that reads it. The script prints want with the variable
// and, unless it only concerns the way there, something else without it. $U is a host that the proxy refuses inside
// TLS.
type trustRow struct {
	variable string
	probe    string
	script   string
	want     string
	also     []string // further variables of the table that the program needs, and that do not make it work alone
}

var trustRows = []trustRow{
	{variable: "SSL_CERT_FILE", probe: "/usr/bin/python3 -c 'import ssl'", script: urllibScript, want: "http 403",
		also: proxyNames},
	{variable: "CURL_CA_BUNDLE", probe: "command -v curl", script: curlScript, want: "http 403", also: proxyNames},
	{variable: "GIT_SSL_CAINFO", probe: "command -v git", script: `git ls-remote "$U/x.git"`, want: "error: 403",
		also: proxyNames},
	{variable: "REQUESTS_CA_BUNDLE", probe: "/usr/bin/python3 -c 'import requests'",
		script: `/usr/bin/python3 -c 'import requests,sys; print("http", requests.get(sys.argv[1]).status_code)' "$U"`,
		want:   "http 403", also: proxyNames},
	{variable: "PIP_CERT", probe: "/usr/bin/python3 -m pip --version",
		script: `/usr/bin/python3 -m pip download --retries 0 --no-cache-dir "$U/x-1.0.tar.gz"`, want: "403",
		also: proxyNames},
	{variable: "HTTPLIB2_CA_CERTS", probe: "/usr/bin/python3 -c 'import httplib2'",
		script: `/usr/bin/python3 -c 'import httplib2,sys; print("http", ` +
			`httplib2.Http().request(sys.argv[1])[0].status)' "$U"`, want: "http 403", also: proxyNames},
	{variable: "npm_config_cafile", probe: "command -v npm", script: npmScript, want: "E403", also: proxyNames},
	{variable: "NPM_CONFIG_CAFILE", probe: "command -v npm", script: npmScript, want: "E403", also: proxyNames},
	{variable: "NODE_EXTRA_CA_CERTS", probe: "command -v node", script: nodeScript, want: "trusted", also: proxyNames},
	{variable: "CARGO_HTTP_CAINFO", probe: "cargo --version",
		script: `CARGO_HOME=$PWD/cargo CARGO_NET_RETRY=0 cargo search --index "sparse+$U/" anything`, want: "403",
		also: proxyNames},
	{variable: "PERL_LWP_SSL_CA_FILE", probe: "perl -MLWP::UserAgent -MLWP::Protocol::https -e 1",
		script: `perl -MLWP::UserAgent -e 'my $u = LWP::UserAgent->new; $u->env_proxy; print "http ", ` +
			`$u->get($ARGV[0])->code' "$U"`, want: "http 403", also: proxyNames},
	{variable: "AWS_CA_BUNDLE", probe: "command -v aws",
		script: `AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b aws --region x --endpoint-url "$U" s3 ls`, want: "403",
		also: proxyNames},
	{variable: "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", probe: "/usr/bin/python3 -c 'import grpc'", script: grpcScript,
		want: "host_not_allowed", also: append([]string{"GRPC_PROXY", "grpc_proxy"}, proxyNames...)},
	{variable: "DENO_CERT", probe: "command -v deno",
		script: `deno eval 'console.log("http", (await fetch(Deno.args[0])).status)' "$U"`, want: "http 403",
		also: proxyNames},
	{variable: "BUNDLE_SSL_CA_CERT", probe: "command -v bundle",
		script: `printf 'source "%s"\ngem "x"\n' "$U" > Gemfile; bundle install --retry=0`, want: "403",
		also: proxyNames},

	// The way there: each by itself.
	{variable: "HTTPS_PROXY", probe: "command -v curl", script: curlScript, want: "http 403",
		also: []string{"CURL_CA_BUNDLE"}},
	{variable: "https_proxy", probe: "command -v wget",
		script: `wget -nv --tries=1 --ca-certificate="$SSL_CERT_FILE" -O /dev/null "$U"`, want: "403",
		also: []string{"SSL_CERT_FILE"}},
	{variable: "ALL_PROXY", probe: "command -v curl", script: curlScript, want: "http 403",
		also: []string{"CURL_CA_BUNDLE"}},
	{variable: "all_proxy", probe: "command -v curl", script: curlScript, want: "http 403",
		also: []string{"CURL_CA_BUNDLE"}},
	{variable: "http_proxy", probe: "command -v curl",
		script: `curl -sS -o /dev/null -w 'http %{http_code}' "http${U#https}"`, want: "http 403"},
	{variable: "HTTP_PROXY", probe: "/usr/bin/python3 -c 'import requests'",
		script: `/usr/bin/python3 -c 'import requests,sys; print("http", requests.get(sys.argv[1]).status_code)' ` +
			`"http${U#https}"`, want: "http 403"},
	{variable: "NO_PROXY", probe: "command -v curl", script: noProxyScript, want: "inside",
		also: []string{"http_proxy"}},
	{variable: "no_proxy", probe: "command -v curl", script: noProxyScript, want: "inside",
		also: []string{"http_proxy"}},
	{variable: "NODE_USE_ENV_PROXY", probe: "node -e 'const [a, b] = " +
		"process.versions.node.split(\".\").map(Number); process.exit(a > 24 || (a == 24 && b >= 5) || (a == 22 && " +
		"b >= 21) ? 0 : 1)'", script: `node -e 'fetch(process.argv[1]).then(r => console.log("http", r.status))' "$U"`,
		want: "http 403", also: append([]string{"NODE_EXTRA_CA_CERTS"}, proxyNames...)},
}

var proxyNames = []string{"HTTPS_PROXY", "https_proxy"}

const (
	curlScript = `curl -sS -o /dev/null -w 'http %{http_code}' "$U"`
	npmScript  = `npm view anything --registry "$U/" --fetch-retries=0 --cache ./cache`
	// Old Node does not use the proxy by itself.
	nodeScript = `node -e '
const http = require("http"), tls = require("tls");
const proxy = new URL(process.env.HTTPS_PROXY), host = new URL(process.argv[1]).host, headers = {host: host + ":443"};
const tunnel = {host: proxy.hostname, port: proxy.port, method: "CONNECT", path: headers.host, headers};
http.request(tunnel).on("connect", (answer, socket) => {
  const secure = tls.connect({socket, servername: host}, () => { console.log("trusted"); secure.end(); });
  secure.on("error", e => console.log(e.code));
}).end()' "$U"`
	noProxyScript = `curl -sS "$LOCAL"`
	urllibScript  = `/usr/bin/python3 -c '
import sys, urllib.request, urllib.error
try: urllib.request.urlopen(sys.argv[1])
except urllib.error.HTTPError as e: print("http", e.code)' "$U"`
	grpcScript = `/usr/bin/python3 -c '
import sys, grpc
channel = grpc.secure_channel(sys.argv[1].split("//")[1].strip("/") + ":443", grpc.ssl_channel_credentials())
try: channel.unary_unary("/a.B/C")(b"", timeout=10)
except grpc.RpcError as e: print(e.details())' "$U"`
)

// TestTrustTableWithRealClients: each variable makes its program work, and without that variable it does not.
func TestTrustTableWithRealClients(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	proxy := harness.StartProxy(t, "--upstream", "direct", "--ca-names", "any")
	local, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = http.Serve(local, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "inside")
		}))
	}()
	defer local.Close()
	out, err := exec.Command(bottle, "env", "--proxy", "http://"+proxy.Addr, "--ca", proxy.CAFile, "--bundle",
		proxy.Bundle, "--shell", "sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		table[name] = strings.Trim(value, "'")
	}
	for _, row := range trustRows {
		t.Run(row.variable, func(t *testing.T) {
			if exec.Command("sh", "-c", row.probe).Run() != nil {
				t.Skipf("no program here that reads it (%s)", row.probe)
			}
			if _, listed := table[row.variable]; !listed {
				t.Fatalf("%s is not in the table", row.variable)
			}
			run := func(variables ...string) string {
				dir := t.TempDir()
				cmd := exec.Command("timeout", "60", "sh", "-c", row.script)
				cmd.Dir = dir
				cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_TERMINAL_PROMPT=0",
					"U=https://refused.test",
					"LOCAL=http://" + local.Addr().String(), "RUSTUP_HOME=" + rustupHome(), "RUSTUP_TOOLCHAIN=" +
						os.Getenv("RUSTUP_TOOLCHAIN")}
				for _, name := range variables {
					cmd.Env = append(cmd.Env, name+"="+table[name])
				}
				text, _ := cmd.CombinedOutput()
				return string(text)
			}
			with := run(append([]string{row.variable}, row.also...)...)
			if !strings.Contains(with, row.want) {
				t.Errorf("with it: %s", with)
			}
			if without := run(row.also...); strings.Contains(without, row.want) {
				t.Errorf("it also works without: %s", without)
			}
		})
	}
}

// rustupHome is where a cargo that is rustup's finds its toolchain although HOME is another.
func rustupHome() string {
	if home := os.Getenv("RUSTUP_HOME"); home != "" {
		return home
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".rustup")
}
