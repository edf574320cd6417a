package attack

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// messageFault is a fault in what the upstream says. In the phase idle it comes without a request.
type messageFault struct {
	act       func(x *answering)
	length    bool // the half body before it has a length
	wholeBody bool // no half body before it
}

const poison = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nPOISON"

// rest is what an answer lacks when the fault comes; in the phase idle that is an answer to no request.
func (x *answering) rest() string {
	half := textPieces / 2
	if x.phase == phaseHead || x.phase == phaseIdle {
		half = 0
	}
	text := ""
	for i := half; i < textPieces; i++ {
		text += pieceOf(x.phase, x.token, i)
	}
	return text
}

func (x *answering) opening(chunked bool) string {
	if x.phase == phaseHead || x.phase == phaseIdle {
		return headOf(x.phase, x.token, chunked)
	}
	return ""
}

var messageFaults = map[string]messageFault{
	"close-before-head": {act: func(x *answering) { x.end() }},
	"half-a-head": {act: func(x *answering) {
		x.say("HTTP/1.1 200 OK\r\nContent-Type: text/pl")
		x.end()
	}},
	"garbage-head": {act: func(x *answering) {
		x.say("\x00\x01\x02 this is no HTTP \xff\xfe\r\n\r\n")
		x.stay()
	}},
	"70-KiB-head": {act: func(x *answering) {
		x.say("HTTP/1.1 200 OK\r\nX-Huge: " + strings.Repeat("h", 70<<10) + "\r\nContent-Length: 6\r\n\r\nPOISON")
		x.stay()
	}},
	"20-interim-heads": {act: func(x *answering) {
		x.say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n", 20) + poison)
		x.stay()
	}},
	"101-unasked": {act: func(x *answering) {
		x.say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nPOISON")
		x.stay()
	}},
	"length-short": {length: true, act: func(x *answering) {
		rest := x.rest()
		x.say(x.opening(false) + rest[:len(rest)/2])
		x.end()
	}},
	"chunks-without-end": {act: func(x *answering) {
		x.say(x.opening(true) + chunkOf(x.rest())) // every byte, but not the last chunk
		x.end()
	}},
	"reset-in-body": {act: func(x *answering) {
		rest := x.rest()
		x.say(x.opening(true) + chunkOf(rest[:len(rest)/2]))
		x.reset()
	}},
	"end-in-body": {act: func(x *answering) {
		rest := x.rest()
		x.say(x.opening(true) + fmt.Sprintf("%x\r\n", len(rest)) + rest[:len(rest)/2])
		x.end()
	}},
	"surplus-bytes": {act: func(x *answering) {
		x.say(x.opening(true) + chunkOf(x.rest()) + "0\r\n\r\n" + poison)
		x.stay()
	}},
	"early-403": {wholeBody: true, act: func(x *answering) {
		x.say("HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n" +
			"Connection: close\r\n\r\nrefused\n")
		_ = x.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		x.stay()
	}},
	"drip": {act: func(x *answering) {
		text := x.opening(true) + chunkOf(x.rest()) + "0\r\n\r\n"
		slow := len(text)
		if x.phase == phaseBody || x.phase == phaseStream {
			slow = 8 // the last chunk and what is before it
		}
		x.say(text[:len(text)-slow])
		for _, b := range []byte(text[len(text)-slow:]) {
			if _, err := x.conn.Write([]byte{b}); err != nil {
				x.over = true
				return
			}
			x.committed()
			time.Sleep(dripPause)
		}
	}},
}

const dripPause = 150 * time.Millisecond

// wants are the outcomes that a cell may have. whole: 200 and every byte of its own text. problem: an error of the
// proxy's. cut: 200, and an end that the client sees as broken. refused: the upstream's own 403.
type wants struct{ idle, head, body, stream string }

func (w wants) of(phase faultPhase) string {
	return map[faultPhase]string{phaseIdle: w.idle, phaseHead: w.head, phaseBody: w.body, phaseStream: w.stream}[phase]
}

// A fault of the matrix: in messages, of the listener, or of the upstream's process.
type matrixFault struct {
	name    string
	listen  listenMode
	process string // stop, kill, restart
	wants   wants
}

// A new connection is what fails: the exchange that has one goes on.
var newOnes = wants{"whole", "problem", "whole", "whole"}

// Bytes on an idle connection belong to no request, and that connection is not used again.
var noAnswer = wants{"whole", "problem", "cut", "cut"}

var matrixFaults = []matrixFault{
	{name: "refused", listen: listenRefuses, wants: newOnes},
	// While it dials, a connection that another exchange is done with may come free.
	{name: "syn-dropped", listen: listenDrops, wants: wants{"whole", "problem whole", "whole", "whole"}},
	{name: "accepted-then-silent", listen: listenSilent, wants: wants{"whole", "problem whole", "whole", "whole"}},
	{name: "reset-on-accept", listen: listenResets, wants: newOnes},
	{name: "close-before-head", wants: noAnswer},
	{name: "half-a-head", wants: noAnswer},
	{name: "garbage-head", wants: noAnswer},
	{name: "70-KiB-head", wants: noAnswer},
	{name: "20-interim-heads", wants: noAnswer},
	{name: "101-unasked", wants: noAnswer},
	{name: "length-short", wants: wants{"whole", "cut", "cut", "cut"}},
	{name: "chunks-without-end", wants: wants{"whole", "cut", "cut", "cut"}},
	{name: "reset-in-body", wants: wants{"whole", "cut", "cut", "cut"}},
	{name: "end-in-body", wants: wants{"whole", "cut", "cut", "cut"}},
	{name: "surplus-bytes", wants: wants{"whole", "whole", "whole", "whole"}},
	{name: "early-403", wants: wants{"whole", "refused", "refused", "refused"}},
	{name: "drip", wants: wants{"whole", "problem", "whole", "whole"}},
	{name: "stopped", process: "stop", wants: wants{"problem", "problem", "cut", "cut"}},
	{name: "killed", process: "kill", wants: wants{"problem", "problem", "cut", "cut"}},
	{name: "restarted", process: "restart", wants: wants{"whole", "problem", "cut", "cut"}},
}

// upstreamChild is the process of an upstream that can be stopped and killed: this test program once more.
func upstreamChild() bool {
	spec := os.Getenv("BOTTLE_ATTACK_UPSTREAM")
	if spec == "" {
		return false
	}
	var port int
	var seed int64
	var leaf string
	if _, err := fmt.Sscanf(spec, "%d %d %s", &port, &seed, &leaf); err != nil {
		fmt.Println(err)
		return true
	}
	config, err := readLeaf(leaf)
	if err != nil {
		fmt.Println(err)
		return true
	}
	u, err := newUpstream(config, port, seed)
	if err != nil {
		fmt.Println(err)
		return true
	}
	u.seen = func(token string) { fmt.Println("seen", token) }
	fmt.Println("listens", u.addr)
	select {}
}

func listenerOf(fd int) (net.Listener, error) {
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	return net.FileListener(file)
}
