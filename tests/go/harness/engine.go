package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Images that a bottle of containers is made of, as `make image` names them.
const (
	ProxyImage    = "bottle-proxy:latest"
	AgentImage    = "bottle-agent:latest"
	PipelockImage = "ghcr.io/luckypipewrench/pipelock:2.3.0"
)

// Engine is a container engine with these images: the caller's own, or Debian's dockerd, started for the tests in
// namespaces of its own.
type Engine struct {
	Environment map[string]string // variables by which the docker program and bottle find it
	pid         int               // 0: the caller's
	daemon      *exec.Cmd
	alive       io.Closer // the daemon ends with it
	ended       chan struct{}
	directory   string
	lock        *os.File
	said        *lockedBuffer
}

// ErrNoEngine is what an Error is about that only says why there is no engine here; any other is a defect.
var ErrNoEngine = errors.New("no container engine")

func none(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNoEngine, fmt.Sprintf(format, args...))
}

// The longest that a machine without any of it may take to have an engine with images.
const (
	engineLimit = 5 * time.Minute
	fullLimit   = 40 * time.Minute // with the compile stage of the proxy's image
)

var found struct {
	once   sync.Once
	engine *Engine
	err    error
}

// FullEngineTests says whether the tests of containers may take long.
func FullEngineTests() bool { return os.Getenv("BOTTLE_DOCKER_TESTS") == "full" }

// FindEngine gives the caller's engine if it has the images, else one of the tests' own where that can be: as root,
// with dockerd and debootstrap. The first call may take minutes. CloseEngine ends what it started.
func FindEngine() (*Engine, error) {
	found.once.Do(func() {
		limit := engineLimit
		if FullEngineTests() {
			limit = fullLimit
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		callers := &Engine{Environment: map[string]string{}}
		missing := callers.missing(ctx)
		if missing == "" {
			found.engine = callers
			return
		}
		found.engine, found.err = startEngine(ctx)
		if ctx.Err() != nil {
			found.err = none("none with images within %v: %v", limit, found.err)
		}
		if errors.Is(found.err, ErrNoEngine) {
			found.err = fmt.Errorf("%w; and %s", found.err, missing)
		}
	})
	return found.engine, found.err
}

// CloseEngine ends the engine that FindEngine started, and removes what it left. For the end of a test program.
func CloseEngine() {
	if found.engine != nil {
		found.engine.close()
	}
}

// Own says whether the tests started it, so that no other program uses it.
func (e *Engine) Own() bool { return e.pid != 0 }

// missing says what keeps the caller's engine from being used; empty: nothing.
func (e *Engine) missing(ctx context.Context) string {
	if _, err := exec.LookPath("docker"); err != nil {
		return "the docker program is missing"
	}
	if _, err := e.Docker(ctx, "version", "--format", "{{.Server.Version}}"); err != nil {
		return "the caller has no engine that answers"
	}
	for _, image := range []string{ProxyImage, AgentImage} {
		if _, err := e.Docker(ctx, "image", "inspect", "--format", "{{.Id}}", image); err != nil {
			return "the caller's engine has no image " + image + " (make image)"
		}
	}
	return ""
}

// Docker runs the docker program; the error has what it said.
func (e *Engine) Docker(ctx context.Context, words ...string) (string, error) {
	return e.dockerWith(ctx, nil, words...)
}

func (e *Engine) dockerWith(ctx context.Context, input io.Reader, words ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", words...)
	cmd.Stdin = input
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	for name, value := range e.Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	raw, err := cmd.CombinedOutput()
	out := strings.TrimSpace(string(raw))
	if err != nil {
		return out, fmt.Errorf("docker %s: %w: %s", words[0], err, out)
	}
	return out, nil
}

// Command is a program that runs where the engine's bridges are.
func (e *Engine) Command(program string, args ...string) *exec.Cmd {
	if e.pid == 0 {
		return exec.Command(program, args...)
	}
	return exec.Command("nsenter", append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", e.pid), "--", program},
		args...)...)
}

// The daemon's first process. It is number one of a PID namespace, so whatever is left of the engine ends
// with it, and its mounts, bridges and packet filters end with its other namespaces. The daemon ends when the tests
// close its input, also by dying, and its control groups are removed then. Nothing of the machine is told of it:
// neither systemd nor firewalld. The key that it makes for itself below /etc/docker is its own, too: a bottle that
// starts meanwhile covers the files of /etc that are not for everyone, and cannot cover one that is gone by then.
const engineScript = `
mount -t proc proc /proc && ip link set lo up || exit 1
if [ -d /run/dbus ]; then mount -t tmpfs none /run/dbus || exit 1; fi
mkdir -p /etc/docker && mount -t tmpfs none /etc/docker || exit 1
dockerd --config-file "$1/daemon.json" --data-root "$2" --exec-root "$1/exec" --pidfile "$1/pid" -H "unix://$1/socket" \
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$3" &
daemon=$!
read -r _
kill "$daemon"
wait "$daemon"
for groups in /sys/fs/cgroup"$3" /sys/fs/cgroup/*"$3"; do
  if [ -d "$groups" ]; then find "$groups" -depth -type d -exec rmdir {} ";"; fi
done
rm -rf "$1"
`

func startEngine(ctx context.Context) (*Engine, error) {
	if os.Getuid() != 0 {
		return nil, none("starting one takes root")
	}
	for _, program := range []string{"docker", "dockerd", "debootstrap", "nsenter", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, none("%s, which starting one takes, is missing", program)
		}
	}
	e := &Engine{Environment: map[string]string{}, said: &lockedBuffer{}, ended: make(chan struct{})}
	if err := e.start(ctx); err != nil {
		e.close()
		return nil, err
	}
	if err := e.makeImages(ctx); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *Engine) start(ctx context.Context) error {
	// Images are kept from run to run; the holder of the lock has the directory.
	kept := filepath.Join(Repository(), "build", "test-engine")
	err := os.MkdirAll(kept, 0o700)
	if err != nil {
		return err
	}
	if e.lock, err = os.OpenFile(filepath.Join(kept, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err := syscall.Flock(int(e.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return none("another test run has the engine of %s", kept)
	}
	if e.directory, err = os.MkdirTemp("", "bottle-engine-"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(e.directory, "daemon.json"), []byte("{}"), 0o600); err != nil {
		return err
	}
	socket := "unix://" + filepath.Join(e.directory, "socket")
	e.Environment["DOCKER_HOST"] = socket
	e.Environment["DOCKER_CONTEXT"] = ""
	e.Environment["DOCKER_TLS_VERIFY"] = ""
	e.daemon = exec.Command("sh", "-c", engineScript, "sh", e.directory, filepath.Join(kept, "data"),
		"/"+filepath.Base(e.directory))
	e.daemon.Stdout, e.daemon.Stderr = e.said, e.said
	e.daemon.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Setpgid:      true}
	if e.alive, err = e.daemon.StdinPipe(); err != nil {
		return err
	}
	if err := e.daemon.Start(); err != nil {
		e.daemon = nil
		return none("namespaces for it cannot be had: %v", err)
	}
	e.pid = e.daemon.Process.Pid
	go func() {
		_ = e.daemon.Wait()
		close(e.ended)
	}()
	limit := time.After(45 * time.Second)
	for {
		if _, err := e.Docker(ctx, "version", "--format", "{{.Server.Version}}"); err == nil {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-e.ended:
			return none("dockerd did not start: %s", e.lastWords())
		case <-limit:
			return none("dockerd did not start: %s", e.lastWords())
		}
	}
	return e.clear(ctx)
}

// clear removes what a run that was killed may have left in the directory that is kept.
func (e *Engine) clear(ctx context.Context) error {
	containers, err := e.Docker(ctx, "ps", "--all", "--quiet")
	if err != nil {
		return err
	}
	if ids := strings.Fields(containers); len(ids) > 0 {
		if _, err := e.Docker(ctx, append([]string{"rm", "--force", "--volumes"}, ids...)...); err != nil {
			return err
		}
	}
	_, err = e.Docker(ctx, "network", "prune", "--force")
	return err
}

func (e *Engine) lastWords() string {
	lines := strings.Split(strings.TrimSpace(e.said.String()), "\n")
	if len(lines) > 5 {
		lines = lines[len(lines)-5:]
	}
	return strings.Join(lines, "\n")
}

func (e *Engine) close() {
	if e.daemon != nil {
		// Images without a name are those of binaries that are no more.
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		_, _ = e.Docker(ctx, "image", "prune", "--force")
		cancel()
		_ = e.alive.Close()
		select {
		case <-e.ended:
		case <-time.After(20 * time.Second):
			_ = e.daemon.Process.Kill()
			<-e.ended
		}
		e.daemon = nil
	}
	if e.directory != "" {
		_ = os.RemoveAll(e.directory)
	}
	if e.lock != nil {
		_ = e.lock.Close()
	}
}
