package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"bottle.test/harness"
)

// failingMalloc makes allocations of a program fail: it has tests/fault/failing_malloc.cc preloaded.
type failingMalloc struct {
	words *[46]uint64 // as the library's Control
	path  string
}

// The words of Control.
const (
	mallocProcess = iota
	mallocFirst
	mallocWidth
	mallocSeen
	mallocFailed
	mallocDepth
	mallocCalls
)

// newFailingMalloc makes the file that the test and the program share. Without the library the test is skipped.
func newFailingMalloc(t *testing.T) *failingMalloc {
	t.Helper()
	harness.Binary(t, "failing_malloc.so")
	path := filepath.Join(t.TempDir(), "failing-malloc")
	if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	memory, err := syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(memory) })
	return &failingMalloc{words: (*[46]uint64)(unsafe.Pointer(&memory[0])), path: path}
}

// preload is the hook for harness.WorldOptions.Change.
func (m *failingMalloc) preload(t *testing.T) func(*exec.Cmd) {
	library := harness.Binary(t, "failing_malloc.so")
	return func(cmd *exec.Cmd) {
		cmd.Env = append(os.Environ(), "LD_PRELOAD="+library, "FAILING_MALLOC="+m.path)
	}
}

func (m *failingMalloc) load(word int) uint64         { return atomic.LoadUint64(&m.words[word]) }
func (m *failingMalloc) store(word int, value uint64) { atomic.StoreUint64(&m.words[word], value) }

// arm makes the allocation with that number fail, counted from now, and as many in a row as width says.
func (m *failingMalloc) arm(process int, first, width uint64) {
	for _, word := range []int{mallocSeen, mallocFailed, mallocDepth} {
		m.store(word, 0)
	}
	m.store(mallocFirst, first)
	m.store(mallocWidth, width)
	m.store(mallocProcess, uint64(process))
}

// disarm ends it, and says how many allocations there were and how many of them failed.
func (m *failingMalloc) disarm() (seen, failed uint64) {
	m.store(mallocProcess, 0)
	return m.load(mallocSeen), m.load(mallocFailed)
}

// stack names the calls that led to the first one that failed, in a process that has, or had, these maps.
func (m *failingMalloc) stack(maps string) string {
	var out strings.Builder
	for i := 0; i < int(m.load(mallocDepth)); i++ {
		file, offset := placeOf(maps, m.load(mallocCalls+i))
		said, err := exec.Command("addr2line", "-Cfpse", file, fmt.Sprintf("%#x", offset)).Output()
		if err != nil || strings.HasPrefix(string(said), "??") {
			said = nil
		}
		fmt.Fprintf(&out, "  %s+%#x %s\n", filepath.Base(file), offset, strings.TrimSpace(string(said)))
	}
	return out.String()
}

// placeOf is the file that is mapped at a return address, and where in it the call is.
func placeOf(maps string, address uint64) (string, uint64) {
	for _, line := range strings.Split(maps, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		first, _ := strconv.ParseUint(from, 16, 64)
		last, _ := strconv.ParseUint(to, 16, 64)
		if address >= first && address < last {
			offset, _ := strconv.ParseUint(fields[2], 16, 64)
			return fields[5], address - first + offset - 1
		}
	}
	return "", address
}
