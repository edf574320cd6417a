package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// descendants is the process and all below it.
func descendants(t *testing.T, root int) []int {
	t.Helper()
	below := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			below[parent] = append(below[parent], pid)
		}
	}
	out := []int{root}
	for i := 0; i < len(out); i++ {
		out = append(out, below[out[i]]...)
	}
	return out
}

// memoryHas searches all of a process's memory that can be written, its arguments and its environment among it. The
// shadow of a sanitizer is larger than any memory and left out, and so is `but`, which may be nil.
func memoryHas(t *testing.T, pid int, but []byte, texts ...string) map[string]bool {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatalf("the memory of %d cannot be read: %v", pid, err)
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatalf("the memory of %d cannot be read: %v", pid, err)
	}
	defer memory.Close()
	const piece, most = 1 << 20, 1 << 33
	found := map[string]bool{}
	buffer := make([]byte, piece+4096)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var mode string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); n != 3 || !strings.HasPrefix(mode, "rw") ||
			to-from > most {
			continue
		}
		for at := from; at < to; at += piece {
			want := int64(len(buffer))
			if want > to-at {
				want = to - at
			}
			n, _ := memory.ReadAt(buffer[:want], at)
			seen := buffer[:n]
			if but != nil {
				seen = bytes.ReplaceAll(seen, but, nil)
			}
			for _, text := range texts {
				found[text] = found[text] || bytes.Contains(seen, []byte(text))
			}
		}
	}
	return found
}

// TestValuesAreInTheProxysMemoryAlone: after the start no process of bottle's own but bottle-proxy has a value that is
// kept out, also not in pieces or in the environment that it was started with.
func TestValuesAreInTheProxysMemoryAlone(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may read the proxy's memory")
	}
	s := newShelf(t)
	ofFile := "gh" + "o_" + "m3Rt8KxW5zBqN1vYc7LpG4sJ6dF9hT2aE0uX"
	key := filepath.Join(s.root, "key")
	if err := os.WriteFile(key, []byte(ofFile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.extra = []string{"MY_TOKEN=" + gitHubToken}
	manifest := `{"bottles": {"default": {"env": {
		"MY_TOKEN": {"from_host": true, "hosts": ["a.test"], "keep_out": true},
		"MY_FILE": {"file": "` + key + `", "hosts": ["a.test"], "keep_out": true}}}}}`
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	b := s.start("echo \"$MY_TOKEN\" > shown; mv shown there; sleep 300")
	placeholder := ""
	eventually(t, 30*time.Second, "the command runs", func() bool {
		shown, err := os.ReadFile(filepath.Join(s.project, "there"))
		placeholder = strings.TrimSpace(string(shown))
		return err == nil
	})
	// A sanitizer has a copy of the environment before main() begins.
	var but []byte
	code, err := os.ReadFile(harness.Binary(t, "bottle"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(code, []byte("AddressSanitizer")) {
		but = []byte("MY_TOKEN=" + gitHubToken)
	}
	own, proxies := 0, 0
	for _, pid := range descendants(t, b.cmd.Process.Pid) {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil {
			continue
		}
		has := memoryHas(t, pid, but, gitHubToken, gitHubToken[:24], gitHubToken[16:], ofFile, ofFile[:24], placeholder)
		switch {
		case servesRequests(pid):
			proxies++
			if !has[gitHubToken] || !has[ofFile] {
				t.Errorf("the search does not find the values in the process that puts them in: %v", has)
			}
		case filepath.Base(program) == "bottle":
			own++
			if pid == b.cmd.Process.Pid && !has[placeholder] {
				t.Error("the search does not find the placeholder in the launcher, which has it")
			}
			fallthrough
		default:
			if has[gitHubToken] || has[gitHubToken[:24]] || has[gitHubToken[16:]] || has[ofFile] || has[ofFile[:24]] {
				t.Errorf("process %d, %s, has a value: %v", pid, program, has)
			}
		}
	}
	if own == 0 || proxies != 1 {
		t.Errorf("%d processes of bottle and %d that serve were searched", own, proxies)
	}
}

// servesRequests tells the one process of bottle-proxy that reads what clients send.
func servesRequests(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.TrimSpace(string(name)) == "bottle-engine"
}

// TestTokensAreInTheProxysMemoryAlone: the same of a login, which the start reads to write the agent's file.
func TestTokensAreInTheProxysMemoryAlone(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may read the proxy's memory")
	}
	for _, a := range []agent{claude, codex} {
		t.Run(a.name, func(t *testing.T) {
			d := newDesk(t, a, "guard")
			b := d.start("sleep 300", d.args[1:]...)
			var halves []string
			for _, token := range d.accounts.Secrets() {
				halves = append(halves, token[:len(token)/2], token[len(token)/2:])
			}
			proxies := 0
			for _, pid := range descendants(t, b.cmd.Process.Pid) {
				program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
				if err != nil {
					continue
				}
				has := memoryHas(t, pid, nil, halves...)
				proxy := servesRequests(pid)
				if proxy {
					proxies++
				}
				for _, half := range halves {
					if has[half] != proxy {
						t.Errorf("process %d, %s: half of a token is there: %v", pid, program, has[half])
					}
				}
			}
			if proxies != 1 {
				t.Errorf("%d processes that serve were searched", proxies)
			}
		})
	}
}
