package integration

import (
	"bufio"
	"bytes"
	"context"
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
// have them (DOCKER_HOST, contexts); BOTTLE_DOCKER_TESTS=1 makes their absence a failure.

func docker(t *testing.T, words ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", words...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func needEngine(t *testing.T) {
	t.Helper()
	missing := func(what string) {
		if os.Getenv("BOTTLE_DOCKER_TESTS") == "1" {
			t.Fatalf("BOTTLE_DOCKER_TESTS=1, but %s", what)
		}
		t.Skipf("%s", what)
	}
	if _, err := exec.LookPath("docker"); err != nil {
		missing("the docker program is missing")
	}
	if out, err := docker(t, "version", "--format", "{{.Server.Version}}"); err != nil {
		missing("no container engine answers: " + out)
	}
	for _, image := range []string{"bottle-proxy:latest", "bottle-agent:latest"} {
		if out, err := docker(t, "image", "inspect", "--format", "{{.Id}}", image); err != nil {
			missing("the engine has no image " + image + " (make image): " + out)
		}
	}
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
	cmd := exec.CommandContext(ctx, harness.Binary(t, "bottle"), append([]string{"start", "--backend", "docker"}, words...)...)
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

func TestDockerProxyIsTheOnlyWayOut(t *testing.T) {
	needEngine(t)
	script := `
exec 2>&1
id -u
grep -c : /proc/net/dev
grep Cap /proc/self/status
for to in 192.0.2.1/80 169.254.169.254/80 172.17.0.1/22 172.17.0.1/2375; do
  timeout 3 bash -c "exec 3<>/dev/tcp/$to" && echo "REACHED $to"
done
python3 - <<'PY'
import socket, struct
for line in open("/proc/net/route").read().splitlines()[1:]:
    net = struct.unpack("<I", bytes.fromhex(line.split()[1]))[0]
    for port in (22, 53, 80, 443, 2375):
        at = socket.inet_ntoa(struct.pack(">I", net + 1))
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
touch /etc/x && echo WROTE-ETC
echo done`
	run := startDocker(t, "--", "bash", "-c", script)
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

// bridgeOrigin starts a stand-in origin where containers find it: on this machine's side of the engine's own bridge.
func bridgeOrigin(t *testing.T) (address, ca string) {
	t.Helper()
	subnet, err := docker(t, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", "bridge")
	base, _, wrong := net.ParseCIDR(subnet)
	if err != nil || wrong != nil || base.To4() == nil {
		t.Skipf("the engine has no network \"bridge\" with an IPv4 subnet: %s", subnet)
	}
	first := base.To4()
	first[3]++ // the engine's own
	gateway := first.String()
	cmd := exec.Command(harness.Binary(t, "bottle-demo-origin"), "-listen", gateway+":0", "-names", "origin.demo",
		"-cert-dir", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
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

// TestDockerWholeChain: curl by proxy variables, and curl that knows of no proxy, reach the origin; with the guard, and
// with a real pipelock and the exit behind it.
func TestDockerWholeChain(t *testing.T) {
	needEngine(t)
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			if scanner == "pipelock" {
				image := "ghcr.io/luckypipewrench/pipelock:2.3.0"
				if named := os.Getenv("BOTTLE_PIPELOCK_IMAGE"); named != "" {
					image = named
				}
				if out, err := docker(t, "image", "inspect", "--format", "{{.Id}}", image); err != nil {
					t.Skipf("the engine has no image %s: %s", image, out)
				}
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

func TestDockerKilledLauncherIsCleanedUpAfter(t *testing.T) {
	needEngine(t)
	workspace := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(workspace, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(harness.Binary(t, "bottle"), "start", "--backend", "docker", "--", "sh", "-c", "echo running; sleep 600")
	cmd.Dir = workspace
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 8)
	if _, err := out.Read(line); err != nil {
		t.Fatalf("the bottle did not start: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if leftOver(t) == "" {
		t.Fatal("nothing was left, so nothing is tested")
	}
	if run := startDocker(t, "--", "true"); run.status != 0 {
		t.Fatalf("got %+v", run)
	}
	if left := leftOver(t); left != "" {
		t.Errorf("left over: %s", left)
	}
}
