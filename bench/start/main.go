// start measures how long a bottle takes: from its start to the agent's first instruction, from there to the first byte
// that came through the proxy, and from the agent's end to the bottle's; and how long bottle-proxy alone takes to be
// ready. The origin is a part of this program.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"bottle.test/origin"
)

var (
	build   = flag.String("build", "../../build/release", "where bottle and bottle-proxy are: a release build")
	count   = flag.Int("n", 20, "starts of each kind; the median counts")
	backend = flag.String("backend", "local", "local or docker")
	scanner = flag.String("scanner", "guard", "guard or pipelock")
	options = flag.String("options", "", "more options for `bottle start`, with spaces between them")
)

const limit = 60 * time.Second // of one start

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/start:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "bench-start-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, "work"), 0o777); err != nil {
		return err
	}
	at, err := originAddress()
	if err != nil {
		return err
	}
	server, err := origin.Start(origin.Options{Listen: at + ":0", Names: []string{"origin.test"}})
	if err != nil {
		return fmt.Errorf("the stand-in origin cannot listen on %s: %w", at, err)
	}
	defer server.Close()
	ca := filepath.Join(dir, "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		return err
	}
	fmt.Printf("median, least and most of %d, in ms\n\n| what | median | least | most |\n|---|---|---|---|\n", *count)
	if err := proxies(dir); err != nil {
		return err
	}
	return bottles(dir, ca, server.Addr())
}

// originAddress is where both the proxy's place and this program are at home.
func originAddress() (string, error) {
	if *backend != "docker" {
		return "127.0.0.1", nil
	}
	out, err := exec.Command("docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}",
		"bridge").Output()
	if err != nil {
		return "", fmt.Errorf("the engine does not tell its bridge's subnet: %w", err)
	}
	ip, _, err := net.ParseCIDR(strings.TrimSpace(string(out)))
	if err != nil || ip.To4() == nil {
		return "", fmt.Errorf("the engine's bridge has no IPv4 subnet: %s", out)
	}
	first := ip.To4()
	first[3]++ // the engine's own end
	return first.String(), nil
}

// proxies times bottle-proxy from exec to its line "ready".
func proxies(dir string) error {
	for _, mode := range [][]string{{"--upstream", "direct"}, {"--upstream", "pipelock", "--pipelock",
		"http://127.0.0.1:9"}} {
		var taken []float64
		for i := 0; i < *count; i++ {
			args := append([]string{"--listen", "127.0.0.1:0", "--allow", "origin.test", "--ca-out",
				filepath.Join(dir, "ca.pem"),
				"--bundle-out", filepath.Join(dir, "bundle.pem"), "--audit", filepath.Join(dir, "audit.jsonl")},
				mode...)
			cmd := exec.Command(filepath.Join(*build, "bottle-proxy"), args...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				return err
			}
			began := time.Now()
			if err := cmd.Start(); err != nil {
				return err
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			took := time.Since(began)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if err != nil || !strings.Contains(line, " ready ") {
				return fmt.Errorf("bottle-proxy did not become ready: %q", line)
			}
			taken = append(taken, milliseconds(took))
		}
		row("bottle-proxy "+strings.Join(mode[:2], " ")+": exec to ready", taken)
	}
	return nil
}

// bottles times whole starts.
func bottles(dir, ca, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	// The agent tells the time when it begins, and when the first byte has come.
	script := `date +%s%N; curl -sS -o /dev/null -w '%{http_code}\n' https://origin.test:` + port + `/text; date +%s%N`
	args := []string{"start", "--backend", *backend, "--scanner", *scanner, "--quiet", "--allow", "origin.test:" + port,
		"--allow-address", host + "/32", "--resolve", "origin.test:" + port + "=" + address, "--origin-ca", ca}
	args = append(append(args, strings.Fields(*options)...), "--", "sh", "-c", script)
	var toAgent, toByte, toEnd, first, whole []float64
	for i := -1; i < *count; i++ { // the first one warms up
		cmd := exec.Command(filepath.Join(*build, "bottle"), args...)
		cmd.Dir = filepath.Join(dir, "work")
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir)
		var out, words bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &words
		began := time.Now()
		timer := time.AfterFunc(limit, func() {
			if cmd.Process != nil {
				_ = cmd.Process.Signal(os.Interrupt)
			}
		})
		err := cmd.Run()
		ended := time.Now()
		timer.Stop()
		lines := strings.Fields(out.String())
		if err != nil || len(lines) != 3 || lines[1] != "200" {
			return fmt.Errorf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out.String(), words.String())
		}
		if i < 0 {
			continue
		}
		agent, byteCame := clock(lines[0]), clock(lines[2])
		toAgent = append(toAgent, milliseconds(agent.Sub(began)))
		toByte = append(toByte, milliseconds(byteCame.Sub(agent)))
		first = append(first, milliseconds(byteCame.Sub(began)))
		toEnd = append(toEnd, milliseconds(ended.Sub(byteCame)))
		whole = append(whole, milliseconds(ended.Sub(began)))
	}
	kind := "bottle (" + *backend + ", " + *scanner + "): "
	row(kind+"start to the agent's first line", toAgent)
	row(kind+"from there to the first byte through the proxy", toByte)
	row(kind+"**start to first proxied byte**", first)
	row(kind+"from there to its end", toEnd)
	row(kind+"whole", whole)
	return nil
}

func clock(text string) time.Time {
	ns, _ := strconv.ParseInt(text, 10, 64)
	return time.Unix(0, ns)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func row(what string, values []float64) {
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", what, sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1])
}
