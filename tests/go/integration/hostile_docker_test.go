package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// The hosts that a bottle of containers may not reach: one container with a leg in each of two networks, which have
// the addresses that the test means by the internet and by a cloud's metadata service.
const (
	containerInternet  = "203.0.113.10"
	containerInternet6 = "2001:db8:77::10"
	containerMetadata  = "169.254.169.254"
)

// containerWays are the ways that must be open in a container beside the bottle.
var containerWays = []string{
	"TCP to a host", "TCP with data in the SYN", "UDP to a host", "QUIC", "TCP over IPv6", "UDP over IPv6",
	"metadata address",
	"a resolver of one's choice", "a resolver of one's choice, by TCP", "ICMP by a raw socket",
	"IP packets of one's own making",
	"frames by a packet socket", "capabilities and set-user-ID programs",
	"chroot and back", "a tunnel of names", "a tunnel of names: TXT", "a tunnel of names: the system's resolver",
}

// besideBottle runs containers that are no bottle's, and ends with the test.
type besideBottle struct {
	t        *testing.T
	nonce    string
	networks []string
}

func (b *besideBottle) docker(words ...string) string {
	b.t.Helper()
	out, err := docker(b.t, words...)
	if err != nil {
		b.t.Fatalf("docker %s: %v: %s", strings.Join(words, " "), err, out)
	}
	return out
}

func newBesideBottle(t *testing.T, nonce string) *besideBottle {
	t.Helper()
	b := &besideBottle{t: t, nonce: nonce}
	for network, subnets := range map[string][]string{
		"bottle-test-internet-" + nonce: {"--subnet", "203.0.113.0/24", "--ipv6", "--subnet", "2001:db8:77::/64"},
		"bottle-test-metadata-" + nonce: {"--subnet", "169.254.169.0/24"},
	} {
		name := network
		b.docker(append(append([]string{"network", "create", "--internal"}, subnets...), name)...)
		t.Cleanup(func() { _, _ = docker(t, "network", "rm", name) })
		b.networks = append(b.networks, name)
	}
	return b
}

func (b *besideBottle) network(part string) string {
	for _, name := range b.networks {
		if strings.Contains(name, part) {
			return name
		}
	}
	return ""
}

// start makes a container with both networks and the files, and runs it.
func (b *besideBottle) start(name string, files map[string][]byte, options []string, command ...string) {
	b.t.Helper()
	name += "-" + b.nonce
	words := append([]string{"create", "--name", name, "--user", "0:0", "--workdir", "/", "--network",
		b.network("internet")}, options...)
	b.docker(append(append(words, "--entrypoint", command[0], harness.AgentImage), command[1:]...)...)
	b.t.Cleanup(func() { _, _ = docker(b.t, "rm", "--force", "--volumes", name) })
	dir := b.t.TempDir()
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			b.t.Fatal(err)
		}
		b.docker("cp", filepath.Join(dir, file), name+":/"+file)
	}
}

// told is what the hosts have told so far.
func (b *besideBottle) told() (out []sighting) {
	b.t.Helper()
	for _, line := range strings.Split(b.docker("logs", "hosts-"+b.nonce), "\n") {
		var e sighting
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			b.t.Fatalf("%v: %s", err, line)
		}
		// An engine's network does this by itself, so it is no visit: neighbours that are looked for, and multicast
		// groups.
		if e.Kind == "ready" || e.Kind == "frame" && e.To != containerInternet && e.To != containerInternet6 &&
			e.To != containerMetadata || e.IP == 58 {
			continue
		}
		out = append(out, e)
	}
	return out
}

// TestHostileAgentDocker: the ways out of a container.
func TestHostileAgentDocker(t *testing.T) {
	needEngine(t)
	nonce := fmt.Sprintf("%016x", rand.Uint64())
	canary := "CANARY-" + nonce
	agent := hostileAgent(t)
	world, err := os.ReadFile("testdata/hostile_world.py")
	if err != nil {
		t.Fatal(err)
	}
	secret := writeFile(t, "secret", canary)
	address, ca := bridgeOrigin(t)
	host, port, _ := net.SplitHostPort(address)
	// A process with a secret; it has no reason to end.
	victim := exec.Command("sleep", "600")
	victim.Env = []string{"SECRET=" + canary}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- victim.Wait() }()
	t.Cleanup(func() { _ = victim.Process.Kill() })

	b := newBesideBottle(t, nonce)
	b.start("hosts", map[string][]byte{"world.py": world}, []string{"--ip", containerInternet, "--ip6",
		containerInternet6},
		"python3", "/world.py", "hosts", "eth0", "eth1")
	b.docker("network", "connect", "--ip", containerMetadata, b.network("metadata"), "hosts-"+nonce)
	b.docker("start", "hosts-"+nonce)
	eventually(t, 20*time.Second, "the hosts listen", func() bool {
		out, err := docker(t, "logs", "hosts-"+nonce)
		return err == nil && strings.Contains(out, `"ready"`)
	})

	workspace := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(workspace, 0o777); err != nil {
		t.Fatal(err)
	}
	sockets := []string{"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
		"/run/podman/podman.sock"}
	if engine := os.Getenv("DOCKER_HOST"); strings.HasPrefix(engine, "unix://") {
		sockets = append(sockets, strings.TrimPrefix(engine, "unix://"))
	}
	state := t.TempDir()
	folders := []string{"/", "/etc", "/usr/local/bin", "/opt", "/tmp", "/var/tmp", "/dev/shm", "/home/agent",
		filepath.Dir(secret), state}
	targets, err := json.Marshal(map[string]any{
		"nonce": nonce, "canary": canary, "secret_file": secret, "victim": victim.Process.Pid, "hidden": "/proc/kcore",
		"internet": containerInternet, "internet6": containerInternet6, "metadata": containerMetadata,
		"resolver": containerInternet,
		"gateway":  host, "allowed": "origin.demo", "rebind": "rebind.test", "loop": "loop.test",
		"unix": sockets, "abstract": "bottle-hostile-" + nonce,
		"folders":   folders,
		"private":   folders, // the container's own; the test looks for them outside
		"image":     true,
		"manifest":  []string{filepath.Join(workspace, "bottle.json")},
		"launchers": []string{state},
	})
	if err != nil {
		t.Fatal(err)
	}
	manifest := `{"bottles": {"default": {"scanner": "guard", "egress": {"allow": ["origin.demo", "rebind.test", ` +
		`"loop.test"], "allow_addresses": ["` + host + `/32"]}}}}`
	for name, content := range map[string]string{"agent.py": string(agent), "targets.json": string(targets),
		"bottle.json": manifest} {
		if err := os.WriteFile(filepath.Join(workspace, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("bottle", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, harness.Binary(t, "bottle"), "start", "--backend", "docker", "--quiet",
			"--resolve", "origin.demo:443="+net.JoinHostPort(host, port), "--resolve", "rebind.test:443="+
				containerMetadata+":80",
			"--resolve", "loop.test:443=127.0.0.1:3128", "--origin-ca", ca, "--", "python3", "agent.py", "targets.json")
		cmd.Dir = workspace
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+state, "XDG_RUNTIME_DIR="+t.TempDir())
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, clipText(problems.String()))
		}
		if os.Getenv("BOTTLE_HOSTILE_LINES") == "1" {
			t.Logf("%s%s", out.String(), problems.String())
		}
		said := readAttempts(t, out.String())
		said.allClosed(t, "sockets of the hypervisor", "io_uring, past a filter of calls")
		t.Run("filter of calls", func(t *testing.T) { judgeEnginesFilter(t, said) })
		if told := b.told(); len(told) > 0 {
			t.Errorf("%d events reached the hosts outside, want none: %+v", len(told), told)
		}
		select {
		case err := <-ended:
			t.Errorf("the process outside was ended: %v", err)
		default:
		}
		for _, folder := range folders {
			if _, err := os.Stat(filepath.Join(folder, "escaped-"+nonce)); err == nil {
				t.Errorf("a file was made in %s", folder)
			}
		}
	})
	t.Run("beside", func(t *testing.T) {
		b.start("beside", map[string][]byte{"agent.py": agent, "targets.json": targets},
			[]string{"--dns", containerInternet}, "python3", "/agent.py", "/targets.json")
		b.docker("network", "connect", b.network("metadata"), "beside-"+nonce)
		text := b.docker("start", "--attach", "beside-"+nonce)
		if os.Getenv("BOTTLE_HOSTILE_LINES") == "1" {
			t.Log(text)
		}
		open := readAttempts(t, text)
		for _, name := range containerWays {
			if open[name][0] != "OPEN" {
				t.Errorf("beside the bottle the way %q is %s %s, so that it is closed in there says nothing", name,
					open[name][0], open[name][1])
			}
		}
		kinds := map[string]int{}
		for _, e := range b.told() {
			kinds[e.Kind]++
		}
		for _, kind := range []string{"tcp", "bytes", "udp", "dns", "frame"} {
			if kinds[kind] == 0 {
				t.Errorf("beside the bottle no %q was counted: %v", kind, kinds)
			}
		}
	})
}

// judgeEnginesFilter: which calls a container has is the engine's to say; old ones are generous.
func judgeEnginesFilter(t *testing.T, said attempts) {
	version, err := docker(t, "version", "--format", "{{.Server.Version}}")
	if err != nil {
		t.Fatal(version)
	}
	major := 0
	_, _ = fmt.Sscanf(version, "%d.", &major)
	var old []string
	for name, since := range map[string]int{"sockets of the hypervisor": 23, "io_uring, past a filter of calls": 25} {
		if said[name][0] != "OPEN" {
			continue
		}
		if major >= since {
			t.Errorf("a way out, %s: %s", name, said[name][1])
		}
		old = append(old, fmt.Sprintf("%s (refused by engines since %d)", name, since))
	}
	if len(old) > 0 {
		t.Skipf("engine %s leaves open: %s", version, strings.Join(old, ", "))
	}
}

// TestDockerBroadcasts: an agent's broadcast reaches the engine's machine, whose end of a
// bridge hears it. Nothing can come back.
func TestDockerBroadcasts(t *testing.T) {
	engine := needEngine(t)
	cmd := engine.Command("/usr/bin/python3", "-c", `
import select, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 0))
print(s.getsockname()[1], flush=True)
print(s.recv(100) if select.select([s, sys.stdin], [], [], 60)[0] == [s] else "nothing", flush=True)`)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("/usr/bin/python3: %v", err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewReader(stdout)
	port, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	run := startDocker(t, "--", "python3", "-c", `
import socket, sys
for address in "255.255.255.255", "224.0.0.1":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        s.sendto(b"escaped", (address, int(sys.argv[1])))
    except OSError as problem:
        print(address, problem)
print("sent")`, strings.TrimSpace(port))
	if !strings.Contains(run.out, "sent") {
		t.Fatalf("got %+v", run)
	}
	_ = stdin.Close()
	if heard, _ := lines.ReadString('\n'); !strings.HasPrefix(heard, "nothing") {
		t.Skipf("KNOWN HOLE: the engine's machine hears the broadcasts of a bottle (%s); its reverse path filter, "+
			"net.ipv4.conf.all.rp_filter=1, stops them", strings.TrimSpace(heard))
	}
}

// TestDockerCheckProvesTheBottle: doctor runs in the container before the command, and finds the same.
func TestDockerCheckProvesTheBottle(t *testing.T) {
	needEngine(t)
	run := startDocker(t, "--check", "--scanner", "guard", "--", "echo", "the command ran")
	for _, want := range []string{"ok       the proxy", "ok       curl: uses the proxy and trusts its CA",
		"ok       direct TCP: dead",
		"ok       the cloud's metadata address: dead", "ok       raw sockets: dead", "ok       privileges: none",
		"ok       sockets of the host and of a container engine"} {
		if !strings.Contains(run.err, want) {
			t.Errorf("no %q", want)
		}
	}
	if run.status != 0 || run.out != "the command ran\n" || t.Failed() {
		t.Errorf("got %+v", run)
	}
}
