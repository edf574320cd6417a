package integration

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// gRPC with its real library (grpcio), client and server, through the proxy on each of its ways.

const grpcPython = "/usr/bin/python3"

// grpcWorld is a server of the library, and a way to it. run runs a script with a client.
type grpcWorld struct {
	t      *testing.T
	script string
	caFile string
	ca     *origin.CA
	port   string
	proxy  *harness.Proxy
}

func newGrpcWorld(t *testing.T, script string) *grpcWorld {
	t.Helper()
	if out, err := exec.Command(grpcPython, "-c", "import grpc.aio").CombinedOutput(); err != nil {
		t.Skipf("%s has no grpc (python3-grpcio): %v %s", grpcPython, err, lastLine(string(out)))
	}
	w := &grpcWorld{t: t}
	w.script, _ = filepath.Abs("testdata/" + script)
	ca, err := origin.NewCA("gRPC test CA")
	if err != nil {
		t.Fatal(err)
	}
	w.ca = ca
	leaf, err := ca.Leaf(origin.LeafOptions{}, "rpc.test")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := writeFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	certFile := writeFile(t, "cert.pem",
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]})))
	w.caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := ca.WriteFile(w.caFile); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(grpcPython, w.script, "serve", keyFile, certFile)
	server.Stderr = os.Stderr
	end, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.Close(); _ = server.Wait() })
	port := make([]byte, 16)
	n, err := out.Read(port)
	if err != nil {
		t.Fatal(err)
	}
	w.port = strings.TrimSpace(string(port[:n]))
	return w
}

// through starts a proxy on that way: "direct", "relay", or "relay past a scanner".
func (w *grpcWorld) through(way string, more ...string) {
	w.t.Helper()
	at := "127.0.0.1:" + w.port
	args := append([]string{"--allow", "rpc.test", "--ca-names", "any", "--allow-address", "127.0.0.0/8",
		"--origin-ca", w.caFile, "--resolve", "rpc.test:443=" + at}, more...)
	if way != "direct" {
		args = append(args, "--route", "rpc.test=relay")
	}
	if way == "relay past a scanner" {
		scanner, err := double.Start(double.Options{Allow: []string{"rpc.test"}, IPAllow: []string{"127.0.0.0/8"},
			Dial: map[string]string{"rpc.test:443": at}, Roots: w.ca.Pool(), Contract: harness.Contract(w.t)})
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(scanner.Close)
		args = append(args, "--pipelock", scanner.URL())
	} else {
		args = append(args, "--upstream", "direct")
	}
	w.proxy = harness.StartProxy(w.t, args...)
}

func (w *grpcWorld) run(args ...string) string {
	w.t.Helper()
	command := exec.Command(grpcPython, append([]string{w.script}, args...)...)
	command.Env = append(os.Environ(), "https_proxy=http://"+w.proxy.Addr, "GRPC_PROXY=", "grpc_proxy=http://"+
		w.proxy.Addr, "no_proxy=", "no_grpc_proxy=",
		"NO_PROXY=", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH="+w.proxy.CAFile)
	timer := time.AfterFunc(240*time.Second, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	text, err := command.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v: %v: %s", args, err, text)
	}
	return strings.TrimSpace(string(text))
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

var grpcWays = []string{"direct", "relay", "relay past a scanner"}

// TestGrpcio: calls of all kinds, metadata, deadlines, cancellation, statuses.
func TestGrpcio(t *testing.T) {
	w := newGrpcWorld(t, "grpc_calls.py")
	for _, way := range grpcWays {
		t.Run(way, func(t *testing.T) {
			w.t = t
			w.through(way)
			got := strings.Split(w.run("call", "rpc.test:443"), "\n")
			for i, want := range []string{`unary one/`, `server stream ['s0', 's1', 's2']`, `client stream a+b+cc`,
				`bidi ['x!', 'y!', 'z!']`, `large 30000`,
				`fails NOT_FOUND there is no x at 100% ü`, `unknown UNIMPLEMENTED`, `deadline DEADLINE_EXCEEDED yes`,
				`begun yes`, `cancelled yes`} {
				if i >= len(got) || !strings.HasPrefix(got[i], want) {
					t.Errorf("line %d of\n%s\nwant %s", i, strings.Join(got, "\n"), want)
					break
				}
			}
			if !strings.HasSuffix(got[0], ` hi end b'\x00\x01\xff'`) {
				t.Errorf("metadata: %s", got[0])
			}
			if got := w.run("one", "elsewhere.test:443", "x"); !strings.HasPrefix(got,
				"PERMISSION_DENIED host_not_allowed Refused by policy: elsewhere.test") {
				t.Errorf("another host: %s", got)
			}
			secret := w.run("one", "rpc.test:443", shapeSecret)
			if !strings.HasPrefix(secret, "PERMISSION_DENIED secret_in_") {
				t.Errorf("a secret: %s", secret)
			}
		})
	}
}

// TestGrpcioGuardHits: a secret in a message of each kind of call is refused with a status; so is one that is cut up
// over two messages of a conversation that had begun.
func TestGrpcioGuardHits(t *testing.T) {
	w := newGrpcWorld(t, "grpc_load.py")
	for _, way := range grpcWays {
		t.Run(way, func(t *testing.T) {
			w.t = t
			w.through(way)
			for _, kind := range []string{"Unary", "ServerStream", "ClientStream", "Bidi"} {
				got := w.run("hit", "rpc.test:443", shapeSecret, kind)
				if !strings.HasPrefix(got, "PERMISSION_DENIED secret_in_body ") {
					t.Errorf("%s: %s", kind, got)
				}
				if got := w.run("hit", "rpc.test:443", "nothing-to-be-found-here", kind); got != "OK" {
					t.Errorf("%s without a secret: %s", kind, got)
				}
			}
			if got := w.run("hit", "rpc.test:443", "x", "GivesUp"); got != "CANCELLED None the server gave up" {
				t.Errorf("a server that gives up: %s", got)
			}
		})
	}
}

// TestGrpcioManyStreams: a thousand conversations at once, on ten connections and on one; and all cancelled together.
// [T50]
func TestGrpcioManyStreams(t *testing.T) {
	w := newGrpcWorld(t, "grpc_load.py")
	for _, way := range grpcWays {
		t.Run(way, func(t *testing.T) {
			w.t = t
			w.through(way, "--limit", "h2_streams=1000")
			for _, channels := range []int{12, 1} {
				count := strconv.Itoa(channels)
				if got := w.run("many", "rpc.test:443", "1000", count); got != "opened 1000 ended 1000" {
					t.Errorf("%d connections: %s", channels, got)
				}
			}
			if got := w.run("cancel", "rpc.test:443", "1000", "12"); got !=
				"opened 1000 at the server 1000 cancelled 1000 left 0 after 12" {
				t.Errorf("cancelled: %s", got)
			}
		})
	}
}

// TestGrpcioLargeMessage: 64 MiB both ways.
func TestGrpcioLargeMessage(t *testing.T) {
	w := newGrpcWorld(t, "grpc_load.py")
	for _, way := range grpcWays {
		t.Run(way, func(t *testing.T) {
			w.t = t
			w.through(way)
			if got := w.run("large", "rpc.test:443", strconv.Itoa(64<<20)); got != "large 67108864 True" {
				t.Error(got)
			}
		})
	}
}
