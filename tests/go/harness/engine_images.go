package harness

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	baseImage = "debian:bookworm-slim" // as docker/Dockerfile has it
	agentBase = "agent-base:latest"    // with clients that the tests know, in place of the Node image
)

// makeImages builds what the tests need with the project's own Dockerfiles, on a base from debootstrap. Images of
// an earlier run are the engine's cache.
func (e *Engine) makeImages(ctx context.Context) error {
	root := Repository()
	if _, err := e.Docker(ctx, "image", "inspect", "--format", "{{.Id}}", baseImage); err != nil {
		if err := e.makeBase(ctx); err != nil {
			return err
		}
	}
	relay, err := e.startRelay()
	if err != nil {
		return err
	}
	defer relay.Close()
	build := func(tag string, words ...string) error {
		// Containers of a build use the engine's own network, where nothing but the relay is.
		out, err := e.Docker(ctx, append([]string{"build", "--network", "host",
			"--build-arg", "http_proxy=http://" + relay.Addr().String(), "--tag", tag}, words...)...)
		if err != nil && noMirror.MatchString(out) {
			return none("Debian's mirror cannot be reached: %s", noMirror.FindString(out))
		}
		return err
	}
	if err := e.buildProxy(root, build); err != nil {
		return err
	}
	if err := e.buildFrom(build, agentBase, "FROM "+baseImage+`
RUN apt-get update && \
    apt-get install -y --no-install-recommends nodejs python3-h2 python3-httpx python3-requests wget && \
    rm -rf /var/lib/apt/lists/*
`, nil); err != nil {
		return err
	}
	if err := build(AgentImage, "--build-arg", "CLAUDE_CODE=", "--build-arg", "BASE="+agentBase, "--file",
		filepath.Join(root, "docker", "Dockerfile.agent"), filepath.Join(root, "docker")); err != nil {
		return err
	}
	return e.buildPipelock(build)
}

var noMirror = regexp.MustCompile(`(?m)^.*(Failed to fetch|Could not connect|Could not resolve|Unable to ` +
	`fetch|Temporary failure).*$`)

type builder func(tag string, words ...string) error

// buildProxy makes the proxy's image. Compiling in the engine is for BOTTLE_DOCKER_TESTS=full; else the binary is the
// one that is built already, and the rest is what the Dockerfile's last stage says.
func (e *Engine) buildProxy(root string, build builder) error {
	file := filepath.Join(root, "docker", "Dockerfile")
	if FullEngineTests() {
		return build(ProxyImage, "--build-arg", fmt.Sprintf("JOBS=%d", runtime.NumCPU()), "--file", file, root)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const last, compiled = "\nFROM ${BASE}\n", "COPY --from=build /src/build/release/bottle-proxy "
	_, stage, ok := strings.Cut(string(text), last)
	if !ok || !strings.Contains(stage, compiled) {
		return fmt.Errorf("%s has no stage %q with %q: these tests read it", file, strings.TrimSpace(last), compiled)
	}
	binary := filepath.Join(BinDir(), "bottle-proxy")
	if Instrumented(binary) {
		// Memory limits and start-up times of the container are meant for what ships.
		if binary = filepath.Join(root, "build", "release", "bottle-proxy"); Instrumented(binary) {
			return none("%s, which the image takes, is not built", binary)
		}
	}
	return e.buildFrom(build, ProxyImage, "FROM "+baseImage+"\n"+strings.Replace(stage, compiled, "COPY bottle-proxy ",
		1),
		map[string]string{"bottle-proxy": binary})
}

// buildPipelock makes an image of the real one that PIPELOCK_BIN names, else of the double.
func (e *Engine) buildPipelock(build builder) error {
	image, binary := PipelockImage, os.Getenv("PIPELOCK_BIN")
	if binary == "" {
		image, binary = "pipelock-double:latest", filepath.Join(BinDir(), "pipelock-double")
	}
	if _, err := os.Stat(binary); err != nil {
		return none("%v", err)
	}
	e.Environment["BOTTLE_PIPELOCK_IMAGE"] = image
	return e.buildFrom(build, image, "FROM scratch\nCOPY pipelock /pipelock\nENTRYPOINT [\"/pipelock\"]\n",
		map[string]string{"pipelock": binary})
}

// buildFrom builds from a Dockerfile and programs beside it: what they are called there, and where they are.
func (e *Engine) buildFrom(build builder, tag, dockerfile string, programs map[string]string) error {
	dir, err := os.MkdirTemp(e.directory, "context-")
	if err != nil {
		return err
	}
	for name, source := range programs {
		raw, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return err
	}
	return build(tag, dir)
}

// makeBase makes what Debian's slim image is, near enough, from the mirror that this machine's apt uses.
func (e *Engine) makeBase(ctx context.Context) error {
	mirror, security := "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"
	if raw, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)",
		"Created-By: Packages").Output(); err == nil {
		for _, line := range strings.Split(string(raw), "\n") {
			switch suite, site, _ := strings.Cut(line, " "); suite {
			case "bookworm":
				mirror = site
			case "bookworm-security":
				security = site
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	tree := filepath.Join(e.directory, "base")
	cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "bookworm", tree, mirror)
	// Its mounts and its processes end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil {
		return none("debootstrap of a base image from %s: %v: %s", mirror, err, tail(string(out)))
	}
	settings, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return err
	}
	// The machine's apt settings about clocks apply to its mirror too.
	checks := regexp.MustCompile(`(?m)^Acquire::(Check-|Retries).*$`).FindAllString(string(settings), -1)
	for file, text := range map[string]string{
		"etc/apt/sources.list": "deb " + mirror + " bookworm main\ndeb " + security +
			" bookworm-security main\n",
		"etc/apt/apt.conf.d/90-machine":    strings.Join(checks, "\n") + "\n",
		"etc/dpkg/dpkg.cfg.d/unsafe-io":    "force-unsafe-io\n",
		"etc/apt/apt.conf.d/no-translates": "Acquire::Languages \"none\";\n",
	} {
		if err := os.WriteFile(filepath.Join(tree, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	pack := exec.CommandContext(ctx, "tar", "-C", tree, "--exclude=./var/cache/apt/archives/*.deb",
		"--exclude=./var/lib/apt/lists/*", "-c", ".")
	packed, err := pack.StdoutPipe()
	if err != nil {
		return err
	}
	if err := pack.Start(); err != nil {
		return err
	}
	_, err = e.dockerWith(ctx, packed, "import", "-", baseImage)
	if wrong := pack.Wait(); err == nil && wrong != nil {
		err = fmt.Errorf("tar of the base image: %w", wrong)
	}
	return err
}

func tail(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// startRelay listens in the engine's network and lets plain HTTP out to where this machine sends it: Debian's mirror.
func (e *Engine) startRelay() (net.Listener, error) {
	listener, err := e.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	forward := &httputil.ReverseProxy{Director: func(*http.Request) {}}
	server := &http.Server{Handler: forward, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return listener, nil
}

// setns is the system call's number, which package syscall does not know everywhere.
var setns = map[string]uintptr{"amd64": 308, "arm64": 268}[runtime.GOARCH]

// Listen opens a listener where the engine's bridges are.
func (e *Engine) Listen(address string) (net.Listener, error) {
	if e.pid == 0 {
		return net.Listen("tcp", address)
	}
	type result struct {
		listener net.Listener
		err      error
	}
	done := make(chan result, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and no other goroutine gets into that network.
		runtime.LockOSThread()
		there, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", e.pid))
		if err != nil {
			done <- result{nil, err}
			return
		}
		defer there.Close()
		if setns == 0 {
			done <- result{nil, fmt.Errorf("setns on %s is not known here", runtime.GOARCH)}
			return
		}
		if _, _, errno := syscall.RawSyscall(setns, there.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
			done <- result{nil, errno}
			return
		}
		listener, err := net.Listen("tcp", address)
		done <- result{listener, err}
	}()
	out := <-done
	return out.listener, out.err
}
