package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
)

// unfinishedZstd is a frame of an 8 MiB window without its last block: so many MiB of output, as little as the ratio
// allows.
func unfinishedZstd(mib int) string {
	var out bytes.Buffer
	out.WriteString("\x28\xb5\x2f\xfd\x00\x68") // RFC 8878: no content size, no checksum, a window of 2^23
	block := func(kind, size int) {
		header := make([]byte, 4)
		binary.LittleEndian.PutUint32(header, uint32(size<<3|kind<<1))
		out.Write(header[:3])
	}
	const raw, run, kib = 0, 1, 1024
	noise := make([]byte, 1500)
	rand.New(rand.NewSource(1)).Read(noise)
	for i := 0; i < mib*8; i++ {
		block(raw, len(noise))
		out.Write(noise)
		block(run, 128*kib-1)
		out.WriteByte('a')
	}
	return out.String()
}

// TestUnfinishedCompressedBodiesStayBounded: 400 bodies of 8 MiB windows that never end take a budget of windows and no
// more; what does not fit is told so, and when they have gone it is free again.
func TestUnfinishedCompressedBodiesStayBounded(t *testing.T) {
	w := direct(t)
	if harness.Instrumented(w.Proxy.Path) {
		t.Skip("an instrumented binary's memory says nothing")
	}
	before := w.Proxy.RSS()
	body := unfinishedZstd(8)
	const bodies = 400
	statuses := make(chan int, bodies)
	var senders sync.WaitGroup
	var conns [bodies]*harness.Raw
	for i := range conns {
		conns[i] = w.H1()
		senders.Add(1)
		go func(conn *harness.Raw) {
			defer senders.Done()
			_ = conn.Conn.SetDeadline(time.Now().Add(60 * time.Second))
			fmt.Fprint(conn.Conn, fill(w, "POST /upload HTTP/1.1\r\nHost: {A}\r\nContent-Encoding: zstd\r\n"+
				"Transfer-Encoding: chunked\r\n\r\n"))
			fmt.Fprintf(conn.Conn, "%x\r\n%s\r\n", len(body), body)
			_ = conn.Conn.SetReadDeadline(time.Now().Add(8 * time.Second))
			answer, err := conn.Answer("POST")
			if err != nil {
				statuses <- 0 // it waits for the body's end
				return
			}
			statuses <- answer.StatusCode
		}(conns[i])
	}
	senders.Wait()
	close(statuses)
	counts := map[int]int{}
	for status := range statuses {
		counts[status]++
	}
	grown := w.Proxy.PeakRSS() - before
	t.Logf("answers %v, memory grew by %d MiB", counts, grown>>20)
	if counts[0] < 5 || counts[503] == 0 || counts[0]+counts[503] != bodies {
		t.Errorf("answers by status: %v, want some that wait, the others 503", counts)
	}
	// The windows' 64 MiB, and what 400 connections and their scanners take.
	if grown > 64<<20+bodies*200<<10 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
	for _, conn := range conns {
		conn.Close()
	}
	w.Proxy.WaitAudit(t, "what did not fit", func(l map[string]any) bool { return l["reason"] == "decode_memory_full" })
	deadline := time.Now().Add(10 * time.Second)
	for w.Proxy.RSS() > before+bodies*200<<10 {
		if time.Now().After(deadline) {
			t.Fatalf("%d MiB are not given back", (w.Proxy.RSS()-before)>>20)
		}
		time.Sleep(20 * time.Millisecond)
	}
	answer := w.Do(w.Client(harness.H1), "POST", "/upload", bytes.NewReader(gzippedBytes("fine")),
		"Content-Encoding", "gzip")
	if answer.StatusCode != 200 {
		t.Errorf("afterwards: status %d: %s", answer.StatusCode, answer.Text)
	}
}

func gzippedBytes(text string) []byte { return []byte(gzipped(text)) }
