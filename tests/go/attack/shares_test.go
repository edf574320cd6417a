package attack

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
)

const deadNames = 200

// fullPort listens and takes no connection: its queue is full, so that a dial gets no answer.
func fullPort(t *testing.T) int {
	t.Helper()
	socket := func() int {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(fd) })
		return fd
	}
	fd := socket()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := name.(*syscall.SockaddrInet4).Port
	for i := 0; i < 4; i++ {
		_ = syscall.Connect(socket(), &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
	time.Sleep(20 * time.Millisecond) // the handshakes of those that found room
	return port
}

// deadWorld has names that lead to a port which does not answer.
func deadWorld(t *testing.T) *harness.World {
	port := fullPort(t)
	args := []string{"--allow", "*.dead.test", "--limit", "origin_in_flight=100", "--limit", "connections=1000"}
	for i := 0; i < deadNames; i++ {
		args = append(args, "--resolve", fmt.Sprintf("d%d.dead.test:443=127.0.0.1:%d", i, port))
	}
	return directWorld(args...)(t)
}

func deadDials(f *foe) {
	f.each(300, func(i int) {
		name := fmt.Sprintf("d%d.dead.test", i%deadNames)
		f.say(name, request("GET", "/text", name), func(c net.Conn) { f.stay(c) })
	})
}

// TestRefusedNamesLeaveLeavesForTheAllowedOnes: a client invents names, and others ask for names that are allowed and
// have not been asked for yet. [T59]
func TestRefusedNamesLeaveLeavesForTheAllowedOnes(t *testing.T) {
	var fresh []string
	for i := 0; i < 20; i++ {
		fresh = append(fresh, fmt.Sprintf("fresh%d.test", i))
	}
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, More: fresh,
		Args: []string{"--threads", "1", "--ca-names", "any", "--allow", "*.wild.test"}})
	f, stop := newFoe(t, w)
	flood := func(below string) (leaves int, last error) {
		for i := 0; i < 300; i++ {
			_, raw, err := f.secure(fmt.Sprintf("n%d.%s", i, below), nil, "http/1.1")
			if err != nil {
				last = err
				continue
			}
			leaves++
			f.drop(raw)
		}
		return leaves, last
	}
	refused, last := flood("refused.test")
	if refused < 60 || refused > 200 || last == nil || !strings.Contains(last.Error(), "403") {
		t.Errorf("%d of 300 refused names got a leaf; the last one: %v", refused, last)
	}
	wild, last := flood("wild.test")
	if wild < 100 || wild > 250 || last == nil {
		t.Errorf("%d of 300 names below a wildcard got a leaf; the last one: %v", wild, last)
	}
	for _, name := range fresh {
		if _, raw, err := f.secure(name, nil, "http/1.1"); err != nil {
			t.Errorf("%s, which is allowed: %v", name, err)
		} else {
			f.drop(raw)
		}
	}
	// They come back one by one, not after a minute.
	time.Sleep(1500 * time.Millisecond)
	if _, _, err := f.secure("later.refused.test", nil, "http/1.1"); err != nil {
		t.Errorf("a refused name after a while: %v", err)
	}
	stop()
}

// TestUploadsLeaveRoomInTheSpool: eight uploads of 32 MiB that do not end, and one of 1 MiB. [T60]
func TestUploadsLeaveRoomInTheSpool(t *testing.T) {
	w := scannedWorld(double.Options{})(t)
	f, stop := newFoe(t, w)
	defer stop()
	var held sync.WaitGroup
	for i := 0; i < 8; i++ {
		held.Add(1)
		go func() {
			secured, _, err := f.secure(foeName, nil, "http/1.1")
			if err == nil {
				_, _ = io.WriteString(secured, request("POST", "/upload", foeName, "Content-Length: 33554432"))
				f.nearlyAll(secured)
			}
			held.Done()
		}()
	}
	held.Wait()
	time.Sleep(time.Second) // for the bytes that are still under way
	client := w.Client(harness.H1)
	for i := 0; i < 5; i++ {
		answer := w.Do(client, "POST", "/upload", strings.NewReader(strings.Repeat("fine", 1<<18)))
		if answer.Status() != 200 {
			t.Fatalf("an upload of 1 MiB: %d %s", answer.Status(), answer.Text)
		}
	}
}

// TestLongAnswersLeavePlaces: requests that are not answered hold their places for minutes, by few connections with
// many streams and by many connections; others get one at once. [T62]
func TestLongAnswersLeavePlaces(t *testing.T) {
	for name, attack := range map[string]func(f *foe){"streams": slowStreams, "connections": func(f *foe) {
		f.each(300, func(int) {
			f.say(foeName, request("GET", "/slow?ms=60000", foeName), func(c net.Conn) { f.stay(c) })
		})
	}} {
		attack := attack
		t.Run(name, func(t *testing.T) {
			w := plainWorld("--limit", "origin_in_flight=100", "--limit", "origin_in_flight_per_key=100")(t)
			f, stop := newFoe(t, w)
			defer stop()
			attack(f)
			time.Sleep(2 * time.Second)
			staysGood(t, w, name, 1000)
		})
	}
}

// TestGreedyStreamsBesideAnother: a hundred downloads on one connection, and small requests on another one, to the same
// origin. 99 of 100 of these take no more than three times what they take beside one download. [T63]
func TestGreedyStreamsBesideAnother(t *testing.T) {
	if !strict() {
		t.Skip("time is judged with a release build: BOTTLE_RELEASE=1")
	}
	w := directWorld()(t)
	measure := func(streams int) time.Duration {
		f, stop := newFoe(t, w)
		defer stop()
		var bytesRead int64
		f.each(1, func(int) { greedyStreams(f, streams, &bytesRead) })
		time.Sleep(300 * time.Millisecond)
		client := w.Client(harness.H2)
		var all []time.Duration
		for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			begun := time.Now()
			if answer := w.Do(client, "GET", "/text", nil); answer.Status() != 200 {
				t.Fatalf("status %d", answer.Status())
			}
			all = append(all, time.Since(begun))
		}
		sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
		t.Logf("%d streams: median %v, 99%% of %d within %v, %d MiB were read", streams, all[len(all)/2], len(all),
			all[(len(all)*99-1)/100], atomic.LoadInt64(&bytesRead)>>20)
		if atomic.LoadInt64(&bytesRead) == 0 {
			t.Fatal("the greedy streams moved nothing")
		}
		return all[(len(all)*99-1)/100]
	}
	var one, many time.Duration
	for try := 0; try < 3; try++ {
		if one, many = measure(1), measure(100); many <= 3*one {
			return
		}
	}
	t.Errorf("beside one stream 99%% took %v, beside a hundred %v", one, many)
}

// greedyStreams downloads by n streams of one connection until the attack is over.
func greedyStreams(f *foe, n int, bytesRead *int64) {
	window := []byte{0, 4, 0, 0x40, 0, 0} // 4 MiB a stream
	f.frames(foeName, true, window, func(c *tls.Conn) {
		_, _ = c.Write(frame(harness.FrameWindowUpdate, 0, 0, []byte{0x3f, 0, 0, 0}))
		for id := uint32(1); id < uint32(2*n); id += 2 {
			if _, err := c.Write(stream(id, foeName, "GET", "/bytes?chunked=1&n=100000000000")); err != nil {
				return
			}
			_, _ = c.Write(frame(harness.FrameWindowUpdate, 0, id, []byte{0x3f, 0, 0, 0}))
		}
		buffer, taken := make([]byte, 64<<10), 0
		for !f.over() {
			read, err := c.Read(buffer)
			if err != nil {
				return
			}
			atomic.AddInt64(bytesRead, int64(read))
			if taken += read; taken > 1<<26 {
				_, _ = c.Write(frame(harness.FrameWindowUpdate, 0, 0, []byte{0x04, 0, 0, 0}))
				if n == 1 {
					_, _ = c.Write(frame(harness.FrameWindowUpdate, 0, 1, []byte{0x04, 0, 0, 0}))
				}
				taken -= 1 << 26
			}
		}
	})
}
