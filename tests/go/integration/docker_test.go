package integration

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// Bottles of containers need an engine and the images of `make image`. Both are looked for as a caller of bottle would
// have them (DOCKER_HOST, contexts); where they are not, and root runs the tests on a machine with dockerd and
// debootstrap, harness.FindEngine starts an engine and makes the images. BOTTLE_DOCKER_TESTS=1 makes it a failure when
// neither can be; =full compiles in the engine and kills more launchers.

func docker(t *testing.T, words ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", words...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// needEngine gives an engine that the test's docker and bottle programs find, or skips the test.
func needEngine(t *testing.T) *harness.Engine {
	t.Helper()
	engine, err := harness.FindEngine()
	if errors.Is(err, harness.ErrNoEngine) && os.Getenv("BOTTLE_DOCKER_TESTS") == "" {
		t.Skipf("%v", err)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	for name, value := range engine.Environment {
		t.Setenv(name, value)
	}
	return engine
}

type dockerRun struct {
	status   int
	out, err string
}

// startDocker runs `bottle start --backend docker` in an empty workspace.
func startDocker(t *testing.T, words ...string) dockerRun {
	t.Helper()
	workspace := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(workspace, 0o777); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Binary(t, "bottle"), append([]string{"start", "--backend", "docker"},
		words...)...)
	cmd.Dir = workspace
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return dockerRun{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func leftOver(t *testing.T) string {
	t.Helper()
	containers, err := docker(t, "ps", "--all", "--quiet", "--filter", "label=bottle.id")
	if err != nil {
		t.Fatal(containers)
	}
	networks, err := docker(t, "network", "ls", "--quiet", "--filter", "label=bottle.id")
	if err != nil {
		t.Fatal(networks)
	}
	return strings.TrimSpace(containers + "\n" + networks)
}

func TestDockerStatusAndStreamsPassThrough(t *testing.T) {
	needEngine(t)
	run := startDocker(t, "--", "sh", "-c", "echo to-out; echo to-err >&2; exit 7")
	if run.status != 7 || run.out != "to-out\n" || !strings.Contains(run.err, "to-err\n") {
		t.Fatalf("got %+v", run)
	}
	if !strings.Contains(run.err, "bottle: CA sha256 ") {
		t.Errorf("no fingerprint: %s", run.err)
	}
	if left := leftOver(t); left != "" {
		t.Errorf("left over: %s", left)
	}
}

// reachScript tries to connect to $1, ADDRESS/PORT.
const reachScript = `timeout 3 bash -c "exec 3<>/dev/tcp/$1" && echo "REACHED $1"`

func TestDockerProxyIsTheOnlyWayOut(t *testing.T) {
	engine := needEngine(t)
	// Something that containers can reach, unless they are in a bottle.
	open, err := engine.Listen(bridgeGateway(t) + ":0")
	if err != nil {
		t.Skipf("the engine's bridge is not on this machine, so nothing can listen there: %v", err)
	}
	defer open.Close()
	host, port, _ := net.SplitHostPort(open.Addr().String())
	target := host + "/" + port
	plain, err := docker(t, "run", "--rm", "--entrypoint", "bash", harness.AgentImage, "-c", reachScript,
		"bash", target)
	if err != nil || !strings.Contains(plain, "REACHED "+target) {
		t.Fatalf("a container outside a bottle does not reach %s, so nothing is tested: %v %s", target, err, plain)
	}

	script := `
exec 2>&1
id -u
grep Cap /proc/self/status
` + reachScript + `
python3 - <<'PY'
import socket, struct
for line in open("/proc/net/route").read().splitlines()[1:]:
    words = line.split()
    net, gateway = (struct.unpack("<I", bytes.fromhex(word))[0] for word in words[1:3])
    # Some engines name a gateway in internal networks too; nobody may have that address.
    for port in (22, 53, 80, 443, 2375):
        at = socket.inet_ntoa(struct.pack(">I", gateway or net + 1))
        s = socket.socket()
        s.settimeout(1)
        try:
            s.connect((at, port))
            print("REACHED gateway", at, port)
        except OSError:
            pass
PY
ls /var/run/docker.sock /run/docker.sock && echo REACHED-SOCKET
curl -sS -m 20 https://refused.example/ -o /dev/null -w '%{http_code}\n'
echo done`
	run := startDocker(t, "--", "bash", "-c", script, "bash", target)
	if !strings.HasSuffix(run.out, "done\n") {
		t.Fatalf("got %+v", run)
	}
	if strings.Contains(run.out, "REACHED") {
		t.Errorf("a way out: %s", run.out)
	}
	if !strings.Contains(run.out, "CapEff:\t0000000000000000") {
		t.Errorf("capabilities: %s", run.out)
	}
	if !strings.Contains(run.out, "\n403\n") {
		t.Errorf("a host outside the allowlist must be refused by the proxy, readably: %s", run.out)
	}
}

// bridgeGateway is the engine's own address on its own bridge.
func bridgeGateway(t *testing.T) string {
	t.Helper()
	subnet, err := docker(t, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", "bridge")
	base, _, wrong := net.ParseCIDR(subnet)
	if err != nil || wrong != nil || base.To4() == nil {
		t.Skipf("the engine has no network \"bridge\" with an IPv4 subnet: %s", subnet)
	}
	first := base.To4()
	first[3]++
	return first.String()
}

// bridgeOrigin starts a stand-in origin where containers find it: on the engine's own bridge.
func bridgeOrigin(t *testing.T) (address, ca string) {
	t.Helper()
	gateway := bridgeGateway(t)
	cmd := needEngine(t).Command(harness.Binary(t, "bottle-demo-origin"), "-listen", gateway+":0", "-names",
		"origin.demo",
		"-cert-dir", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It removes its repositories when it is asked to end.
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Skipf("the engine's bridge (%s) is not on this machine, so nothing can listen there", gateway)
	}
	for _, word := range strings.Fields(line) {
		if strings.HasPrefix(word, "addr=") {
			address = strings.TrimPrefix(word, "addr=")
		}
		if strings.HasPrefix(word, "ca=") {
			ca = strings.TrimPrefix(word, "ca=")
		}
	}
	return address, ca
}

// needPipelock skips a test if the engine has no image of a pipelock.
func needPipelock(t *testing.T) {
	t.Helper()
	image := harness.PipelockImage
	if named := os.Getenv("BOTTLE_PIPELOCK_IMAGE"); named != "" {
		image = named
	}
	if out, err := docker(t, "image", "inspect", "--format", "{{.Id}}", image); err != nil {
		t.Skipf("the engine has no image %s: %s", image, out)
	}
}

// TestDockerWholeChain: curl by proxy variables, and curl that knows of no proxy, reach the origin; with the guard, and
// with pipelock and the exit behind it.
func TestDockerWholeChain(t *testing.T) {
	needEngine(t)
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			if scanner == "pipelock" {
				needPipelock(t)
			}
			address, ca := bridgeOrigin(t)
			host, port, _ := strings.Cut(address, ":")
			run := startDocker(t, "--scanner", scanner, "--allow", "origin.demo", "--allow", "origin.demo:"+port,
				"--allow-address", host+"/32", "--resolve", "origin.demo:"+port+"="+address,
				"--resolve", "origin.demo:443="+address, "--origin-ca", ca, "--", "sh", "-c",
				"curl -sS -o /dev/null -w 'variables %{http_code}\n' https://origin.demo:"+port+"/echo; "+
					"curl -sS -o /dev/null -w 'transparent %{http_code}\n' --noproxy '*' https://origin.demo/echo; "+
					"curl -sS -o /dev/null -w 'refused %{http_code}\n' --noproxy '*' https://refused.example/")
			for _, want := range []string{"variables 200\n", "transparent 200\n", "refused 403\n"} {
				if !strings.Contains(run.out, want) {
					t.Errorf("no %q in %+v", want, run)
				}
			}
			if left := leftOver(t); left != "" {
				t.Errorf("left over: %s", left)
			}
		})
	}
}

func TestDockerCommandThatDoesNotExist(t *testing.T) {
	needEngine(t)
	run := startDocker(t, "--", "no-such-program")
	if run.status != 127 {
		t.Fatalf("got %+v", run)
	}
	if left := leftOver(t); left != "" {
		t.Errorf("left over: %s", left)
	}
}
