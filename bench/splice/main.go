// Measures bottle-proxy's route splice against haproxy in TCP mode.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"
)

const host = "origin.example.com"

// Orders to the origin, behind the ClientHello.
const (
	orderDown = 'd'
	orderUp   = 'u'
	orderEcho = 'e'
)

var (
	proxyPath = flag.String("proxy", "../../build/release/bottle-proxy", "the program to measure")
	megabytes = flag.Int("mb", 512, "megabytes a connection and turn")
	turns     = flag.Int("turns", 5, "turns of each")
	goal      = flag.Float64("goal", 0.6, "the least share of haproxy's throughput")
)

// clientHello is a real client's first flight.
func clientHello() []byte {
	ours, theirs := net.Pipe()
	go tls.Client(theirs, &tls.Config{ServerName: host}).Handshake()
	buffer := make([]byte, 16384)
	n, err := ours.Read(buffer)
	if err != nil {
		log.Fatal(err)
	}
	return buffer[:n]
}

var hello = clientHello()

func origin() net.Addr {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn.(*net.TCPConn))
		}
	}()
	return listener.Addr()
}

func serve(conn *net.TCPConn) {
	defer conn.Close()
	first := make([]byte, len(hello)+1)
	if _, err := io.ReadFull(conn, first); err != nil || !bytes.Equal(first[:len(hello)], hello) {
		return
	}
	piece := make([]byte, 256*1024)
	switch first[len(hello)] {
	case orderDown:
		for n := 0; n < *megabytes<<20; n += len(piece) {
			if _, err := conn.Write(piece); err != nil {
				return
			}
		}
	case orderUp:
		n := 0
		for n < *megabytes<<20 {
			k, err := conn.Read(piece)
			if err != nil {
				return
			}
			n += k
		}
		conn.Write([]byte{1})
	case orderEcho:
		small := piece[:100]
		for {
			if _, err := io.ReadFull(conn, small); err != nil {
				return
			}
			conn.Write(small)
		}
	}
}

type way struct {
	name string
	dial func() (net.Conn, error)
}

func (w way) open(order byte) net.Conn {
	conn, err := w.dial()
	if err != nil {
		log.Fatalf("%s: %v", w.name, err)
	}
	if _, err := conn.Write(append(append([]byte(nil), hello...), order)); err != nil {
		log.Fatal(err)
	}
	return conn
}

func (w way) bulk(order byte) int64 {
	conn := w.open(order)
	defer conn.Close()
	piece := make([]byte, 256*1024)
	if order == orderDown {
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, piece)
		if err != nil || n != int64(*megabytes)<<20 {
			log.Fatalf("%s: %d bytes, %v", w.name, n, err)
		}
		return n
	}
	for n := 0; n < *megabytes<<20; n += len(piece) {
		if _, err := conn.Write(piece); err != nil {
			log.Fatalf("%s: %v", w.name, err)
		}
	}
	if _, err := conn.Read(piece[:1]); err != nil {
		log.Fatalf("%s: %v", w.name, err)
	}
	return int64(*megabytes) << 20
}

// throughput is megabytes a second over that many connections at once.
func (w way) throughput(order byte, connections int) float64 {
	var all sync.WaitGroup
	began := time.Now()
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			w.bulk(order)
		}()
	}
	all.Wait()
	return float64(*megabytes*connections) / time.Since(began).Seconds()
}

// echo is the median time of a 100-byte echo.
func (w way) echo() time.Duration {
	conn := w.open(orderEcho)
	defer conn.Close()
	small := make([]byte, 100)
	var times []time.Duration
	for i := 0; i < 3000; i++ {
		began := time.Now()
		conn.Write(small)
		if _, err := io.ReadFull(conn, small); err != nil {
			log.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	sort.Slice(times, func(i, k int) bool { return times[i] < times[k] })
	return times[len(times)/2]
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func startHaproxy(dir, target string) (string, *exec.Cmd) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	config := filepath.Join(dir, "haproxy.cfg")
	text := fmt.Sprintf(`global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 5m
  timeout server 5m
listen all
  bind %s
  server origin %s
`, addr, target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command("haproxy", "-db", "-f", config)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		log.Fatalf("haproxy: %v", err)
	}
	for i := 0; i < 100; i++ {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return addr, cmd
		}
		time.Sleep(20 * time.Millisecond)
	}
	log.Fatal("haproxy did not start")
	return "", nil
}

func startProxy(target string) (string, *exec.Cmd) {
	const most = "1125899906842624"
	cmd := exec.Command(*proxyPath, "--upstream", "direct", "--allow", host, "--route", host+"=splice",
		"--resolve", host+":443="+target, "--allow-address", "127.0.0.0/8",
		"--limit", "splice_bytes_up="+most, "--limit", "splice_bytes_down="+most)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	for _, word := range strings.Fields(line) {
		if strings.HasPrefix(word, "listen=") {
			return strings.TrimPrefix(word, "listen="), cmd
		}
	}
	log.Fatalf("no address in %q", line)
	return "", nil
}

func connectThrough(proxy string) (net.Conn, error) {
	conn, err := net.Dial("tcp", proxy)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n", host, host)
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != 200 || in.Buffered() != 0 {
		return nil, fmt.Errorf("CONNECT was answered with %s", answer.Status)
	}
	return conn, nil
}

func main() {
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench-splice-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	target := origin().String()
	haproxy, one := startHaproxy(dir, target)
	defer one.Process.Kill()
	proxy, two := startProxy(target)
	defer two.Process.Kill()
	ways := []way{
		{"nothing", func() (net.Conn, error) { return net.Dial("tcp", target) }},
		{"haproxy", func() (net.Conn, error) { return net.Dial("tcp", haproxy) }},
		{"bottle", func() (net.Conn, error) { return connectThrough(proxy) }},
	}
	good := true
	fmt.Printf("%-10s %12s %12s %12s %9s\n", "", "nothing", "haproxy", "bottle", "share")
	for _, job := range []struct {
		name        string
		order       byte
		connections int
	}{{"down, 1", orderDown, 1}, {"down, 8", orderDown, 8}, {"up, 1", orderUp, 1}, {"up, 8", orderUp, 8}} {
		results := make([][]float64, len(ways))
		for turn := 0; turn < *turns; turn++ {
			for i, w := range ways {
				results[i] = append(results[i], w.throughput(job.order, job.connections))
			}
		}
		share := median(results[2]) / median(results[1])
		good = good && share >= *goal
		fmt.Printf("%-10s %7.0f MB/s %7.0f MB/s %7.0f MB/s %8.0f%%\n", job.name, median(results[0]), median(results[1]),
			median(results[2]), 100*share)
	}
	fmt.Printf("%-10s %12s %12s %12s\n", "echo", ways[0].echo(), ways[1].echo(), ways[2].echo())
	if !good {
		fmt.Printf("less than %.0f%% of haproxy\n", 100**goal)
		one.Process.Kill()
		two.Process.Kill()
		os.RemoveAll(dir)
		os.Exit(1)
	}
}
