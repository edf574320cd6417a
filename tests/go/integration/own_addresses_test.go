package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ownServer listens on every address of the bottle, IPv4 and IPv6, and writes its port to a file.
const ownServer = `/usr/bin/python3 -c '
import http.server, socket
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"in" + b"side")
    def log_message(self, *_): pass
server = Server(("::", 0), Handler)
open("port.new", "w").write(str(server.server_port))
import os; os.rename("port.new", "port")
server.serve_forever()' & server=$!
while ! test -e port; do sleep 0.02; done; P=$(cat port)
`

// ownClients fetch $U; the last field is a host that the client has an idea of its own about.
var ownClients = []struct{ name, probe, script, not string }{
	{"curl", "command -v curl", `curl -sS "$U"`, ""},
	{"wget", "command -v wget", `wget -qO- "$U"`, ""},
	{"urllib", "/usr/bin/python3 --version", `/usr/bin/python3 -c 'import sys, urllib.request; ` +
		`print(urllib.request.urlopen(sys.argv[1]).read())' "$U"`, "[::1]"},
	{"requests", "/usr/bin/python3 -c 'import requests'",
		`/usr/bin/python3 -c 'import sys, requests; print(requests.get(sys.argv[1]).text)' "$U"`, ""},
	{"httpx", "/usr/bin/python3 -c 'import httpx; assert httpx.__version__ >= \"0.24\"'",
		`/usr/bin/python3 -c 'import sys, httpx; print(httpx.get(sys.argv[1]).text)' "$U"`, ""},
	{"httpx before 0.24", "/usr/bin/python3 -c 'import httpx; assert httpx.__version__ < \"0.24\"'",
		`/usr/bin/python3 -c 'import sys, httpx; print(httpx.get(sys.argv[1]).text)' "$U"`, "[::1]"},
	{"node", "command -v node", `node -e 'fetch(process.argv[1]).then(r => r.text()).then(console.log)' "$U"`, ""},
	{"git", "command -v git", `GIT_CURL_VERBOSE=1 git ls-remote "$U" 2>&1 | grep -o 'Connected to .*' | grep -v ` +
		`3128 | sed 's/^/inside /'`, ""},
	{"ruby", "command -v ruby", `ruby -rnet/http -e 'puts Net::HTTP.get(URI(ARGV[0]))' "$U"`, ""},
	{"chromium", "command -v chromium", `chromium --headless --no-sandbox --disable-gpu --disable-quic ` +
		`--no-first-run --disable-background-networking --disable-component-update --disable-sync ` +
		`--user-data-dir=/tmp/own --dump-dom "$U" 2>/dev/null`, ""},
}

// TestOwnAddressesNeedNoProxy: what runs in the bottle is reached from the bottle, by each name for it and by each
// client that is installed.
func TestOwnAddressesNeedNoProxy(t *testing.T) {
	s := newShelf(t)
	tried := 0
	for _, client := range ownClients {
		client := client
		t.Run(client.name, func(t *testing.T) {
			if exec.Command("sh", "-c", client.probe).Run() != nil {
				t.Skip(client.name + " is missing")
			}
			_ = os.Remove(filepath.Join(s.project, "port"))
			script := ownServer
			var hosts []string
			for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "0.0.0.0", "bottle"} {
				if host == client.not {
					continue
				}
				hosts = append(hosts, host)
				script += fmt.Sprintf("U=http://%s:$P/; echo '%s:' $(%s 2>&1)\n", host, host, client.script)
			}
			out := s.call("start", "-q", "--scanner", "guard", "--", "sh", "-c", script+"kill $server")
			lines := strings.Split(out.out, "\n")
			for i, host := range hosts {
				// The proxy would refuse: only the server itself says this.
				if i >= len(lines) || !strings.HasPrefix(lines[i], host+": ") || !strings.Contains(lines[i], "inside") {
					t.Errorf("%s is not reached: %s%s", host, out.out, out.errors)
				}
			}
			tried++
		})
	}
	if tried == 0 {
		t.Skip("no client is there")
	}
}

// TestChromiumTrustsTheBottle: the CA is in the database of the home. The answer is a refusal, which comes inside TLS.
func TestChromiumTrustsTheBottle(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("chromium is missing")
	}
	s := newShelf(t)
	out := s.call("start", "-q", "--scanner", "guard", "--", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=/tmp/profile", "--dump-dom", "https://refused.test/")
	out.want(t, 0, "host_not_allowed")
}
