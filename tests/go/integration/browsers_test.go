package integration

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/origin"
)

// Without these it looks for updates and other hosts of its own; --no-sandbox: its sandbox cannot be had as root.
const chromiumOptions = ` --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync ` +
	`--disable-background-networking --disable-component-update --virtual-time-budget=10000 --dump-dom `

// A page test in each browser: the page and what its script fetches come through the proxy, by TLS.
var browsers = []struct{ name, program, script string }{
	{"chromium", "chromium", `chromium` + chromiumOptions + `"$U"`},
	{"chromium env -i", "chromium", `env -i PATH=/usr/bin:/bin HOME=$HOME chromium` + chromiumOptions + `"$U"`},
	{"chromium env -i without HOME", "chromium", `env -i PATH=/usr/bin:/bin chromium` + chromiumOptions + `"$U"`},
	{"firefox", "firefox-esr", `timeout 80 firefox-esr --headless --screenshot $PWD/page.png "$U"`},
	{"firefox env -i", "firefox-esr",
		`env -i PATH=/usr/bin:/bin HOME=$HOME timeout 80 firefox-esr --headless --screenshot $PWD/page.png "$U"`},
}

// TestBrowsersTrustTheCA: headless, with the variables of the bottle and with none.
func TestBrowsersTrustTheCA(t *testing.T) {
	for _, one := range browsers {
		t.Run(strings.ReplaceAll(one.name, " ", "-"), func(t *testing.T) {
			if _, err := exec.LookPath(one.program); err != nil {
				t.Skipf("%s is not installed", one.program)
			}
			s := newShelf(t)
			server, err := origin.Start(origin.Options{Names: []string{"page.test"}})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			ca := filepath.Join(t.TempDir(), "origin-ca.pem")
			if err := server.CA.WriteFile(ca); err != nil {
				t.Fatal(err)
			}
			out := s.call("start", "--scanner", "guard", "--allow", "page.test", "--allow-address", "127.0.0.0/8",
				"--resolve", "page.test:443="+server.Addr(), "--origin-ca", ca, "--", "sh", "-c",
				"U=https://page.test/page; "+one.script)
			out.want(t, 0)
			if one.program == "chromium" && !strings.Contains(out.out, "the script got hello from the origin") {
				t.Errorf("the page is %s\n%s", out.out, out.errors)
			}
			paths := ""
			for _, request := range server.Requests() {
				paths += request.URI + " "
			}
			if !strings.HasPrefix(paths, "/page ") || !strings.Contains(paths, "/text ") {
				t.Errorf("the origin was asked for %q\n%s", paths, out.errors)
			}
		})
	}
}
