package integration

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
)

// TestOwnListenerIsNotDialled: a name that leads to one of the proxy's own places, at an address that is open
// otherwise.
func TestOwnListenerIsNotDialled(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	t.Cleanup(func() { file.Close() })
	open := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "open") }))
	defer open.Close()
	p := harness.StartProxyWith(t, func(cmd *exec.Cmd) {
		cmd.ExtraFiles = []*os.File{file}
	}, "--upstream", "direct", "--listen-http", "fd:3",
		"--allow-address", "127.0.0.0/8", "--allow", "own.test", "--allow", "open.test", "--resolve", "own.test:80="+
			listener.Addr().String(),
		"--resolve", "open.test:80="+strings.TrimPrefix(open.URL, "http://"))
	for host, want := range map[string]string{"own.test": "own_address", "open.test": "open"} {
		raw := harness.RawDial(t, p.Addr)
		raw.Say("GET http://" + host + "/ HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		answer, err := raw.Answer("GET")
		if err != nil || !strings.Contains(answer.Text, want) {
			t.Errorf("%s: status %d, %v: %s", host, answer.Status(), err, answer.Text)
		}
		raw.Close()
	}
	p.WaitAudit(t, "that policy refused it", func(l map[string]any) bool {
		return l["reason"] == "own_address" && l["by"] == "policy"
	})
}

// In network namespaces of its own: the machine has a public address, then another, and a service that trusts it.
const ownMachine = `
set -e
ip link set lo up
ip address add 8.8.8.8/32 dev lo
mkfifo ready
"$P" --listen 127.0.0.1:3128 --upstream direct --audit audit.jsonl \
  --allow public.test --allow later.test --allow opened.test --allow 8.8.8.8:8080 \
  --resolve public.test:80=8.8.8.8:8080 --resolve later.test:80=9.9.9.9:8080 \
  --resolve opened.test:80=1.1.1.1:8080 --allow-address 1.1.1.1/32 >ready &
trap 'kill $!' EXIT
read -r line <ready
ask() { curl -sS -m 20 -x http://127.0.0.1:3128 "http://$1/" | grep -o '"code":"[a-z_]*"'; }
echo "public: $(ask public.test)"
echo "literal: $(ask 8.8.8.8:8080)"
echo "before it came: $(ask later.test)"
ip address add 9.9.9.9/32 dev lo
echo "after it came: $(ask later.test)"
ip address add 1.1.1.1/32 dev lo
echo "opened: $(ask opened.test)"
ip address del 9.9.9.9/32 dev lo
echo "after it went: $(ask later.test)"
`

// TestMachinesOwnPublicAddresses: they are as private as its loopback, from the moment they are there.
func TestMachinesOwnPublicAddresses(t *testing.T) {
	needs(t, "ip", "curl", "unshare")
	if out, err := exec.Command("unshare", "--user", "--map-root-user", "--net", "true").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces of one's own: %v %s", err, out)
	}
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--net", "bash", "-c", ownMachine)
	cmd.Dir = t.TempDir()
	path, err := filepath.Abs(harness.Binary(t, "bottle-proxy"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "P="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`public: "code":"address_not_allowed"`, `literal: "code":"address_not_allowed"`,
		`before it came: "code":"connect_failed"`, `after it came: "code":"address_not_allowed"`,
		`opened: "code":"connection_refused"`,
		`after it went: "code":"connect_failed"`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("not %s in\n%s", want, out)
		}
	}
}
