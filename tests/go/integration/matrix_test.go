package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// The matrix of client and origin protocols, kinds of exchange, and ways. Each cell is right, or refused with a reason;
// a right one says how its bytes came.

// matrixWay is how the proxy reaches the origin.
type matrixWay struct {
	name    string
	options harness.WorldOptions
}

func matrixWays() []matrixWay {
	out := []matrixWay{{"direct", harness.WorldOptions{Via: harness.Direct}},
		{"scanner", harness.WorldOptions{Via: harness.Scanner, DoubleOnly: true}},
		{"exit", harness.WorldOptions{Via: harness.Scanner, Exit: true, DoubleOnly: true}}}
	if harness.RealPipelock() != "" {
		out = append(out, matrixWay{"pipelock", harness.WorldOptions{Via: harness.Scanner}},
			matrixWay{"pipelock, exit", harness.WorldOptions{Via: harness.Scanner, Exit: true}})
	}
	for _, way := range out[:len(out):len(out)] {
		way.name += ", relay"
		way.options.Trespass = true // a CONNECT through a scanner that has no exit
		way.options.Relay = true
		out = append(out, way)
	}
	return out
}

// matrixKind is a kind of exchange. run says what came of it.
type matrixKind struct {
	name string
	run  func(t *testing.T, w *harness.World, proto harness.Proto) string
}

const (
	right      = "right"
	asItComes  = "right, as it comes"
	atTheEnd   = "right, all at its end"
	streamStep = 300 * time.Millisecond // between two parts of a stream
)

var matrixKinds = []matrixKind{
	{"unary", unaryCell},
	{"SSE", func(t *testing.T, w *harness.World, proto harness.Proto) string {
		return partsCell(w, proto, "/sse?n=3&ms=300", "data:", 3)
	}},
	{"NDJSON", func(t *testing.T, w *harness.World, proto harness.Proto) string {
		return partsCell(w, proto, "/ndjson?n=3&ms=300", "{\"seq\"", 3)
	}},
	{"upload stream", uploadCell},
	{"download stream", downloadCell},
	{"WebSocket", socketCell},
	{"gRPC unary", func(t *testing.T, w *harness.World, proto harness.Proto) string {
		return callCell(w, proto, "Unary", []string{"a"}, false, "a!")
	}},
	{"gRPC server stream", func(t *testing.T, w *harness.World, proto harness.Proto) string {
		return callCell(w, proto, "ServerStream", []string{"a"}, false, "a0 a1 a2")
	}},
	{"gRPC client stream", func(t *testing.T, w *harness.World, proto harness.Proto) string {
		return callCell(w, proto, "ClientStream", []string{"a", "b", "c"}, false, "3")
	}},
	{"gRPC bidi", func(t *testing.T, w *harness.World, proto harness.Proto) string {
		return callCell(w, proto, "Bidi", []string{"a", "b"}, true, "a! b!")
	}},
}

func unaryCell(t *testing.T, w *harness.World, proto harness.Proto) string {
	answer, err := w.Try(w.Client(proto), "POST", "/mirror", strings.NewReader("a body"), "X-Number", "7")
	switch {
	case err != nil:
		return err.Error()
	case answer.StatusCode != 200:
		return refusal(answer)
	case answer.Text != "a body" || answer.Header.Get("X-Number") != "7":
		return fmt.Sprintf("%q, X-Number %q", answer.Text, answer.Header.Get("X-Number"))
	}
	return right
}

// partsCell reads an answer whose parts have a pause between them.
func partsCell(w *harness.World, proto harness.Proto, path, mark string, parts int) string {
	resp, err := w.Client(proto).Get(w.URL(path))
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var all []byte
	var first time.Time
	for piece := make([]byte, 4096); ; {
		n, err := resp.Body.Read(piece)
		all = append(all, piece[:n]...)
		if first.IsZero() && bytes.Contains(all, []byte(mark)) {
			first = time.Now()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err.Error()
		}
	}
	took := time.Since(first)
	if resp.StatusCode != 200 {
		return refusal(harness.Answer{Response: resp, Text: string(all)})
	}
	if got := bytes.Count(all, []byte(mark)); got != parts {
		return fmt.Sprintf("%d parts", got)
	}
	if took < streamStep {
		return atTheEnd
	}
	return asItComes
}

// uploadCell sends a part, and the rest when the origin has it, or later.
func uploadCell(t *testing.T, w *harness.World, proto harness.Proto) string {
	const size = 600_000
	body, _ := io.ReadAll(origin.Pattern(size))
	path := fmt.Sprintf("/upload?by=%s", proto)
	early := make(chan bool, 1)
	out, say := io.Pipe()
	go func() {
		_, _ = say.Write(body[:size/2])
		early <- w.Origin.Wait(2*streamStep, func(seen []origin.Record) bool {
			return begins(seen, path)
		})
		_, _ = say.Write(body[size/2:])
		say.Close()
	}()
	answer, err := w.Try(w.Client(proto), "POST", path, out, "Content-Type", "application/octet-stream")
	if err != nil {
		return err.Error()
	}
	if answer.StatusCode != 200 {
		return refusal(answer)
	}
	if !strings.Contains(answer.Text, origin.PatternSHA256(size)) {
		return "other bytes: " + answer.Text
	}
	if <-early {
		return asItComes
	}
	return "right, collected first"
}

// begins reports whether a request for the path has reached the origin.
func begins(seen []origin.Record, path string) bool {
	for _, r := range seen {
		if r.URI == path {
			return true
		}
	}
	return false
}

func downloadCell(t *testing.T, w *harness.World, proto harness.Proto) string {
	const size = 1_000_000
	answer, err := w.Try(w.Client(proto), "GET", fmt.Sprintf("/bytes?n=%d&chunked=1", size), nil)
	if err != nil {
		return err.Error()
	}
	if answer.StatusCode != 200 {
		return refusal(answer)
	}
	if sum := sha256.Sum256([]byte(answer.Text)); hex.EncodeToString(sum[:]) != origin.PatternSHA256(size) {
		return fmt.Sprintf("%d other bytes, %v", len(answer.Text), answer.BodyErr)
	}
	return partsCell(w, proto, "/drip?n=3&ms=300", "a", 1)
}

func socketCell(t *testing.T, w *harness.World, proto harness.Proto) string {
	alpn := map[harness.Proto]string{harness.H1: "http/1.1", harness.H2: "h2"}[proto]
	conn := w.TLS(alpn)
	defer conn.Close()
	socket, err := harness.OpenWebSocket(conn, proto, w.Authority(), "/ws", "sec-websocket-protocol", "chat")
	if err != nil {
		return err.Error()
	}
	if socket.Socket == nil {
		return refusal(socket.Answer)
	}
	if got := socket.Answer.Header.Get("Sec-WebSocket-Protocol"); got != "chat" {
		return "subprotocol " + got
	}
	binary := strings.Repeat("\x00\xff binary ", 30000)
	_ = socket.Say("text ü")
	_ = socket.SayBytes([]byte(binary))
	_ = socket.Ping("p")
	_ = socket.Say("!ping q")
	_ = socket.Close(1000, "bye")
	for _, want := range []string{"1 text ü", "2 " + binary, "10 p", "8 \x03\xe8bye"} {
		opcode, payload, err := socket.Next()
		if got := fmt.Sprintf("%d %s", opcode, payload); err != nil || got != want {
			return fmt.Sprintf("%.40q (%v) in place of %.40q", got, err, want)
		}
	}
	if _, _, err := socket.Next(); err != io.EOF || socket.Pings != 1 {
		return fmt.Sprintf("ends with %v after %d pings", err, socket.Pings)
	}
	return right
}

// callCell makes a call. One in turns waits for each reply before it says more.
func callCell(w *harness.World, proto harness.Proto, kind string, messages []string, inTurns bool,
	want string) string {
	out, say := io.Pipe()
	defer say.Close()
	limit := time.AfterFunc(20*time.Second, func() { out.CloseWithError(io.ErrClosedPipe) })
	defer limit.Stop()
	req, _ := http.NewRequest("POST", w.URL("/grpc/"+kind), out)
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	turn := make(chan bool, 10)
	defer close(turn)
	go func() {
		defer say.Close()
		for i, message := range messages {
			if i > 0 && inTurns && !<-turn {
				return
			}
			_, _ = say.Write(origin.GrpcMessage(message))
		}
	}()
	resp, err := w.Client(proto).Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		return refusal(harness.ReadAnswer(resp))
	}
	var replies []string
	for {
		reply, err := origin.ReadGrpcMessage(resp.Body)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err.Error()
		}
		replies = append(replies, reply)
		turn <- true
	}
	answer := harness.Answer{Response: resp}
	if status := grpcStatus(answer); status != "0" {
		said := regexp.MustCompile(`\(([a-z0-9_]+), `).FindStringSubmatch(
			resp.Header.Get("Grpc-Message") + resp.Trailer.Get("Grpc-Message"))
		if said == nil {
			return fmt.Sprintf("grpc-status %s without a reason", status)
		}
		return fmt.Sprintf("grpc-status %s %s", status, said[1])
	}
	if got := strings.Join(replies, " "); got != want {
		return fmt.Sprintf("%q", got)
	}
	return right
}

func TestMatrix(t *testing.T) {
	table := "\n| way | exchange |"
	for _, bridge := range bridges {
		table += " " + bridgeName(bridge) + " |"
	}
	table += "\n|---|---|---|---|---|---|\n"
	for _, way := range matrixWays() {
		t.Run(strings.ReplaceAll(way.name, ", ", "-"), func(t *testing.T) {
			worlds := map[string]*harness.World{}
			for _, server := range []harness.Proto{harness.H1, harness.H2} {
				options := way.options
				options.Origin = origin.Options{H1Only: server == harness.H1, H2Only: server == harness.H2}
				worlds[string(server)] = harness.NewWorld(t, options)
				options.Origin.Sockets = true
				worlds[string(server)+"WebSocket"] = harness.NewWorld(t, options)
			}
			for _, kind := range matrixKinds {
				got := inBridges(func(client, server harness.Proto) string {
					w := worlds[string(server)+kind.name]
					if w == nil {
						w = worlds[string(server)]
					}
					return kind.run(t, w, client)
				})
				table += fmt.Sprintf("| %s | %s | %s |\n", way.name, kind.name, strings.Join(got[:], " | "))
				for i, want := range matrixWant(way.name, kind.name) {
					t.Run(strings.ReplaceAll(kind.name+"/"+bridgeName(bridges[i]), " ", "-"), func(t *testing.T) {
						if got[i] != want {
							t.Errorf("got  %s\nwant %s", got[i], want)
						}
					})
				}
			}
		})
	}
	fmt.Println(table)
}

// inBridges runs all columns at once: most of their time is waiting.
func inBridges(run func(client, server harness.Proto) string) (got [4]string) {
	var all sync.WaitGroup
	for i := range bridges {
		i := i
		all.Add(1)
		go func() {
			defer all.Done()
			got[i] = run(bridges[i][0], bridges[i][1])
		}()
	}
	all.Wait()
	return got
}

func all(text string) [4]string { return [4]string{text, text, text, text} }

// matrixWant is what the cells of a row must give, in the order of bridges.
func matrixWant(way, kind string) [4]string {
	scanner := way == "scanner" || way == "pipelock" // without an exit
	exit := way == "exit" || way == "pipelock, exit"
	switch {
	case scanner && kind == "WebSocket":
		// Pipelock reads whole requests.
		return [4]string{"426 websocket_not_supported", "426 websocket_not_supported",
			harness.ErrNoExtendedConnect.Error(), harness.ErrNoExtendedConnect.Error()}
	case (scanner || exit) && kind == "gRPC bidi":
		return [4]string{"501 grpc_streaming", "501 grpc_streaming", "grpc-status 12 grpc_streaming",
			"grpc-status 12 grpc_streaming"}
	case scanner && strings.HasPrefix(kind, "gRPC"):
		// Pipelock speaks HTTP/1.1 to origins, and gRPC needs HTTP/2.
		return [4]string{"502 origin_unreachable", "502 origin_unreachable",
			"grpc-status 14 origin_unreachable", "grpc-status 14 origin_unreachable"}
	case strings.HasPrefix(kind, "gRPC"):
		// The origin closes connections with HTTP/1.1.
		return [4]string{"502 upstream_broken", right, "grpc-status 14 upstream_broken", right}
	case kind == "unary", kind == "WebSocket":
		return onlyToH1(scanner, right)
	case kind == "upload stream" && (scanner || exit):
		return onlyToH1(scanner, "right, collected first")
	case kind != "SSE" && (scanner || exit):
		return onlyToH1(scanner, atTheEnd)
	}
	return onlyToH1(scanner, asItComes)
}

// onlyToH1 is the same in all columns, except for origins that do not speak the scanner's HTTP/1.1.
func onlyToH1(scanner bool, text string) [4]string {
	if !scanner {
		return all(text)
	}
	return [4]string{text, "502 origin_unreachable", text, "502 origin_unreachable"}
}
