package double

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// FaultKind names a way to misbehave on the absolute-form path.
type FaultKind int

// The faults. Refusing connections is Kill.
const (
	FaultNone        FaultKind = iota
	FaultHang                  // takes the request, never answers
	FaultGarbage               // bytes that are not HTTP
	FaultHalfHead              // half a head, then FIN
	FaultReset                 // RST instead of an answer
	FaultSurplus               // a whole response and then more bytes
	FaultKillBody              // a length of 1 MiB, After bytes, then RST
	FaultCutChunked            // chunked, After bytes, then FIN without the last chunk
	FaultHangBody              // chunked, After bytes, then silence
	Fault101                   // 101 Switching Protocols without being asked
	FaultInterim               // 20 × 103, then 200
	FaultEarly403              // a block before the body was read
	FaultBothLengths           // Content-Length and Transfer-Encoding
	FaultTwoLengths            // two Content-Length values
	FaultBadHeader             // CTL bytes in a field
	FaultHugeHead              // a head of 1 MiB
	FaultRaw                   // Fault.Bytes, then close

	// From here on the request goes out as it should, and the answer is what goes wrong.
	FaultBlockAfter  // refuses after it has fetched
	FaultSwap        // two exchanges get each other's answers
	FaultStale       // gives the answer of the exchange before, once there was one
	FaultTwice       // the answer, and once more on the same connection
	FaultStatus      // another status: After
	FaultField       // one more field: Bytes as "name: value"
	FaultChangeBody  // the first byte is another one, the length stays
	FaultLongerBody  // Bytes are appended
	FaultShorterBody // ends cleanly after After bytes
	FaultDropEvent   // the event with number After (from 0) does not come
	FaultChangeEvent // the event with number After has other data
)

// Fault is a kind with its parameters. Times > 0 ends the fault after that many requests.
type Fault struct {
	Kind  FaultKind
	After int
	Bytes string
	Times int
}

// SetFault makes the double misbehave from the next absolute-form request on.
func (d *Double) SetFault(f Fault) { d.mu.Lock(); d.fault = f; d.mu.Unlock() }

const blockText = "blocked: request body contains secret: Anthropic API Key\n"

// blockHead is a pipelock block as it stands on the wire: its own fields sorted, then Date.
func (d *Double) blockHead(extra string) string {
	fields := http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}
	d.addMark(fields, "body_dlp", strings.TrimPrefix(blockText, "blocked: "))
	var sorted strings.Builder
	_ = fields.Write(&sorted)
	return "HTTP/1.1 403 Forbidden\r\n" + sorted.String() + "Date: " + time.Now().UTC().Format(http.TimeFormat) +
		fmt.Sprintf("\r\nContent-Length: %d\r\n%s\r\n", len(blockText), extra)
}

// spend counts one use of the fault.
func (d *Double) spend() {
	if d.fault.Times > 0 {
		if d.fault.Times--; d.fault.Times == 0 {
			d.fault = Fault{}
		}
	}
}

// misbehave answers in the double's place. It reports false for the faults that come later.
func (d *Double) misbehave(f Fault, w http.ResponseWriter, r *http.Request) bool {
	if f.Kind > FaultRaw {
		return false
	}
	d.mu.Lock()
	d.spend()
	d.mu.Unlock()
	if f.Kind != FaultEarly403 {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return true
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	say := func(text string) { _, _ = io.WriteString(conn, text) }
	ok := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	switch f.Kind {
	case FaultHang:
		waitGone(conn)
	case FaultGarbage:
		say("\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n")
	case FaultHalfHead:
		say("HTTP/1.1 200 OK\r\nContent-Type: text/pl")
	case FaultReset:
		linger(conn)
	case FaultSurplus:
		say(ok + "Content-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON")
		waitGone(conn)
	case FaultKillBody:
		say(ok + "Content-Length: 1048576\r\n\r\n" + strings.Repeat("k", f.After))
		time.Sleep(50 * time.Millisecond) // let the bytes arrive: RST would overtake them
		linger(conn)
	case FaultCutChunked:
		say(ok + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", f.After,
			strings.Repeat("c", f.After)))
	case FaultHangBody:
		say(ok + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", f.After,
			strings.Repeat("h", f.After)))
		waitGone(conn)
	case Fault101:
		say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw bytes")
		waitGone(conn)
	case FaultInterim:
		say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n", 20) + ok +
			"Content-Length: 2\r\n\r\nok")
	case FaultEarly403:
		say(d.blockHead("Connection: close\r\n") + blockText)
		_, _ = io.CopyN(io.Discard, conn, 1<<20)
	case FaultBothLengths:
		say(ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	case FaultTwoLengths:
		say(ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")
	case FaultBadHeader:
		say(ok + "X-Bad: a\x00b\x07\r\nContent-Length: 2\r\n\r\nok")
	case FaultHugeHead:
		say(ok + "X-Huge: " + strings.Repeat("h", 1<<20) + "\r\nContent-Length: 2\r\n\r\nok")
	case FaultRaw:
		say(f.Bytes)
	}
	return true
}

// waitGone blocks until the peer closes.
func waitGone(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func linger(conn net.Conn) {
	if tap, ok := conn.(*tapConn); ok {
		_ = tap.tcp.SetLinger(0)
	}
}
