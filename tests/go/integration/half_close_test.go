package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
	"bottle.test/wire"
)

// One side ends its direction, gives up or breaks: these tests say what the other one sees, for both protocols on both
// sides. Each row's texts are those of the tables in docs/flow-control.md.

// bridges are the columns: the client's protocol and the origin's.
var bridges = [4][2]harness.Proto{{harness.H1, harness.H1}, {harness.H1, harness.H2}, {harness.H2, harness.H1},
	{harness.H2, harness.H2}}

type endRow struct {
	who, act string
	sees     [4]string // in the order of bridges
}

const (
	chunksEnd  = "end"
	chunksCut  = "closed within the body"
	framesCut  = "closed without a close frame"
	giveUp     = "RST_STREAM CANCEL"
	broken     = "RST_STREAM INTERNAL_ERROR"
	closeFrame = "close 1000, then the end"
)

// requestEnds is about a request and its answer, both of them begun and unfinished.
var requestEnds = []endRow{
	{"client", "ends its request", [4]string{chunksEnd, chunksEnd, chunksEnd, chunksEnd}},
	{"client", "cancels", [4]string{chunksCut, giveUp, chunksCut, giveUp}},
	{"client", "ends its connection's sending", [4]string{chunksCut, giveUp, chunksCut, giveUp}},
	{"client", "resets TCP", [4]string{chunksCut, giveUp, chunksCut, giveUp}},
	{"origin", "ends its answer", [4]string{chunksEnd, chunksEnd, chunksEnd, chunksEnd}},
	{"origin", "cancels", [4]string{chunksCut, chunksCut, broken, broken}},
	{"origin", "ends its connection's sending", [4]string{chunksCut, chunksCut, broken, broken}},
	{"origin", "resets TCP", [4]string{chunksCut, chunksCut, broken, broken}},
}

// socketEnds is about an open WebSocket.
var socketEnds = []endRow{
	{"client", "sends close 1000", [4]string{closeFrame, closeFrame, closeFrame, closeFrame}},
	{"client", "ends its direction", [4]string{framesCut, giveUp, framesCut, giveUp}},
	{"client", "cancels", [4]string{framesCut, giveUp, framesCut, giveUp}},
	{"client", "resets TCP", [4]string{framesCut, giveUp, framesCut, giveUp}},
	{"origin", "sends close 1000", [4]string{closeFrame, closeFrame, closeFrame, closeFrame}},
	{"origin", "ends its direction", [4]string{framesCut, framesCut, broken, broken}},
	{"origin", "cancels", [4]string{framesCut, framesCut, broken, broken}},
	{"origin", "resets TCP", [4]string{framesCut, framesCut, broken, broken}},
}

func bridgeName(bridge [2]harness.Proto) string { return fmt.Sprintf("%s to %s", bridge[0], bridge[1]) }

// inDocs checks that the documentation has the rows as they are tested.
func inDocs(t *testing.T, rows []endRow) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Repository(), "docs", "flow-control.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		line := fmt.Sprintf("| %s %s | %s |\n", row.who, row.act, strings.Join(row.sees[:], " | "))
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/flow-control.md lacks the row\n%s", line)
		}
	}
}

// eachEnd runs every cell, and prints what they gave as one table.
func eachEnd(t *testing.T, title string, rows []endRow, run func(t *testing.T, row endRow, client,
	server harness.Proto) string) {
	table := fmt.Sprintf("\n| %s |", title)
	for _, bridge := range bridges {
		table += " " + bridgeName(bridge) + " |"
	}
	table += "\n|---|---|---|---|---|\n"
	for _, row := range rows {
		table += fmt.Sprintf("| %s %s |", row.who, row.act)
		for i, bridge := range bridges {
			got := "failed"
			t.Run(strings.ReplaceAll(fmt.Sprintf("%s %s/%s", row.who, row.act, bridgeName(bridge)), " ", "-"),
				func(t *testing.T) {
					got = run(t, row, bridge[0], bridge[1])
					if got != row.sees[i] {
						t.Errorf("the other side sees %q, want %q", got, row.sees[i])
					}
				})
			table += " " + got + " |"
		}
		table += "\n"
	}
	fmt.Println(table)
}

// chunked is a Duplex over HTTP/1.1: its own body goes out in chunks, the other one comes as `body`.
type chunked struct {
	wire.Tunnel
	body io.Reader
}

func (c *chunked) Read(p []byte) (int, error) { return c.body.Read(p) }

func (c *chunked) Write(p []byte) (int, error) {
	return fmt.Fprintf(c.Conn, "%x\r\n%s\r\n", len(p), p)
}

func (c *chunked) CloseWrite() error {
	_, err := io.WriteString(c.Conn, "0\r\n\r\n")
	return err
}

// worldThatTalks has an origin that hands over each request whose answer has begun.
func worldThatTalks(t *testing.T, proto harness.Proto) (*harness.World, chan wire.Duplex) {
	t.Helper()
	came := make(chan wire.Duplex, 1)
	over := make(chan bool)
	options := origin.Options{Names: []string{"origin.test"}}
	if proto == harness.H1 {
		options.Raw = func(conn net.Conn) {
			in := bufio.NewReader(conn)
			request, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			came <- &chunked{wire.Tunnel{Conn: conn, In: in}, request.Body}
			<-over
		}
	} else {
		options.H2Only = true
		options.Streams = func(stream *wire.Stream) {
			if _, err := stream.Head(); err != nil {
				return
			}
			stream.Answer(false, wire.Field{Name: ":status", Value: "200"})
			came <- stream
		}
	}
	server, err := origin.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	w := harness.NewWorld(t, harness.WorldOptions{RawOrigin: server, Relay: true})
	t.Cleanup(func() { close(over) }) // before the origin's end, which waits for its connections
	return w, came
}

// clientThatTalks begins a request that goes on, and waits for its answer's head.
func clientThatTalks(t *testing.T, w *harness.World, proto harness.Proto) wire.Duplex {
	t.Helper()
	if proto == harness.H1 {
		conn := w.H1()
		conn.Say("POST /talk HTTP/1.1\r\nHost: " + w.Authority() + "\r\nTransfer-Encoding: chunked\r\n" +
			"Content-Type: application/octet-stream\r\n\r\n")
		resp, err := http.ReadResponse(conn.In, &http.Request{Method: "POST"})
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v, %v", resp, err)
		}
		return &chunked{wire.Tunnel{Conn: conn, In: conn.In}, resp.Body}
	}
	conn := wire.NewConn(w.TLS("h2"), true)
	stream := conn.Open(false, w.Request("POST", "/talk", harness.Field{Name: "content-type",
		Value: "application/octet-stream"})...)
	head, err := stream.Head()
	if err != nil || wire.Value(head, ":status") != "200" {
		t.Fatalf("%v, %v", head, err)
	}
	return stream
}

// passes says one word on one side and hears it on the other.
func passes(t *testing.T, from, to wire.Duplex, word string) {
	t.Helper()
	_, _ = from.Write([]byte(word))
	got := make([]byte, len(word))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != word {
		t.Fatalf("%q arrives as %q, %v", word, got, err)
	}
}

// endSeen reads until there is no more, and says how that was.
func endSeen(side io.Reader) string {
	rest, err := io.ReadAll(side)
	if len(rest) > 0 {
		return fmt.Sprintf("%d bytes more, then %v", len(rest), err)
	}
	return endWords(err, chunksCut)
}

func endWords(err error, cut string) string {
	var reset wire.Cut
	switch {
	case err == nil:
		return "end"
	case errors.As(err, &reset):
		names := map[uint32]string{0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 8: "CANCEL"}
		if name, ok := names[reset.Code]; ok {
			return "RST_STREAM " + name
		}
		return err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "connection reset by peer"):
		// TLS's end, TCP's or a reset: which of them depends on what lies unread.
		return cut
	}
	return err.Error()
}

func TestEndsOfRelayedRequests(t *testing.T) {
	inDocs(t, requestEnds)
	eachEnd(t, "in the middle of a relayed request", requestEnds, func(t *testing.T, row endRow, client,
		server harness.Proto) string {
		w, came := worldThatTalks(t, server)
		here := clientThatTalks(t, w, client)
		there := <-came
		passes(t, here, there, "from the client")
		passes(t, there, here, "from the origin")
		actor, other := here, there
		if row.who == "origin" {
			actor, other = there, here
		}
		switch {
		case row.act == "ends its request", row.act == "ends its answer":
			_ = actor.CloseWrite()
		case row.act == "ends its connection's sending":
			actor.Shut()
		case row.act == "cancels":
			actor.Cancel()
		default:
			actor.Cut()
		}
		seen := endSeen(other)
		if seen == "end" && row.who == "client" {
			passes(t, other, actor, "and more")
			_ = other.CloseWrite()
			if after := endSeen(actor); after != "end" {
				t.Errorf("the other direction ends with %q", after)
			}
		}
		return seen
	})
}

// socketEndSeen is what the client gets at the end.
func socketEndSeen(socket *harness.WebSocket) string {
	said := ""
	for {
		opcode, payload, err := socket.Next()
		switch {
		case err == nil && opcode == wire.WsClose:
			code, _ := wire.WsClosed(payload)
			said = fmt.Sprintf("close %d", code)
			_ = socket.Send(wire.WsFrame{Final: true, Opcode: wire.WsClose, Payload: payload})
		case err == nil:
			return fmt.Sprintf("opcode %d", opcode)
		case err == io.EOF && said != "":
			return said + ", then the end"
		case err == io.EOF && socket.Answer.ProtoMajor == 2:
			return "end without a close frame"
		case err == io.EOF:
			return framesCut
		default:
			return strings.TrimPrefix(said+", then ", ", then ") + endWords(err, framesCut)
		}
	}
}

// originSawSocketEnd is the same of the origin's record.
func originSawSocketEnd(end string, server harness.Proto) string {
	switch {
	case end == "close 1000":
		return closeFrame
	case end == "EOF" && server == harness.H2:
		return "end without a close frame"
	case end == "EOF", end == "unexpected EOF", strings.Contains(end, "connection reset by peer"):
		return framesCut
	case end == (wire.Cut{Code: wire.Cancel}).Error():
		return giveUp
	}
	return end
}

func TestEndsOfWebSockets(t *testing.T) {
	inDocs(t, socketEnds)
	orders := map[string]string{"sends close 1000": "!close 1000", "ends its direction": "!end",
		"cancels": "!cancel", "resets TCP": "!reset"}
	eachEnd(t, "in an open WebSocket", socketEnds, func(t *testing.T, row endRow, client,
		server harness.Proto) string {
		w := harness.NewWorld(t, harness.WorldOptions{Relay: true, Origin: origin.Options{H1Only: server == harness.H1,
			H2Only: server == harness.H2, Sockets: true}})
		socket := w.WebSocket(client, "/ws")
		if socket.Socket == nil {
			t.Fatalf("%d %s", socket.Answer.StatusCode, socket.Answer.Text)
		}
		_ = socket.Say("hello")
		if _, text, err := socket.Next(); string(text) != "hello" || err != nil {
			t.Fatalf("%q, %v", text, err)
		}
		if row.who == "origin" {
			_ = socket.Say(orders[row.act])
			return socketEndSeen(socket)
		}
		switch row.act {
		case "sends close 1000":
			_ = socket.Close(1000, "")
			if seen := socketEndSeen(socket); seen != closeFrame {
				t.Errorf("the client itself sees %q", seen)
			}
		case "ends its direction":
			_ = socket.CloseWrite()
		case "cancels":
			socket.Cancel()
		default:
			socket.Cut()
		}
		if !harness.Eventually(5*time.Second, func() bool { return w.Origin.Sockets()[0].End != "" }) {
			return "nothing"
		}
		return originSawSocketEnd(w.Origin.Sockets()[0].End, server)
	})
}
