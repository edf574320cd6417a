package double

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLateFaultsLookAsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Kind: FaultBlockAfter}, "blocked: response contains injection"},
		{Fault{Kind: FaultStatus, After: 418}, "HTTP/1.1 418 "},
		{Fault{Kind: FaultField, Bytes: "X-Added: yes"}, "X-Added: yes"},
		{Fault{Kind: FaultChangeBody}, "\r\n\r\niello"},
		{Fault{Kind: FaultLongerBody, Bytes: "and more"}, "origin\nand more"},
		{Fault{Kind: FaultShorterBody, After: 3}, "\r\n\r\nhel"},
	} {
		d, get := world(t, Options{})
		c.fault.Times = 1
		d.SetFault(c.fault)
		if got := talk(t, d.Addr(), get); !strings.Contains(got, c.want) {
			t.Errorf("fault %d: got %q, want %q", c.fault.Kind, got, c.want)
		}
		if got := talk(t, d.Addr(), get); !strings.HasSuffix(got, "\r\n\r\nhello from the origin\n") {
			t.Errorf("after fault %d: %q", c.fault.Kind, got)
		}
	}
}

func TestTwiceAndStale(t *testing.T) {
	t.Parallel()
	d, get := world(t, Options{})
	d.SetFault(Fault{Kind: FaultTwice, Times: 1})
	if got := talk(t, d.Addr(), get); strings.Count(got, "hello from the origin") != 2 {
		t.Errorf("got %q", got)
	}
	d.SetFault(Fault{Kind: FaultStale})
	talk(t, d.Addr(), get)
	if got := talk(t, d.Addr(), strings.Replace(get, "/text", "/echo", 1)); !strings.Contains(got,
		"hello from the origin") {
		t.Errorf("got %q", got)
	}
}

func TestSwapGivesEachTheOther(t *testing.T) {
	t.Parallel()
	d, get := world(t, Options{})
	d.SetFault(Fault{Kind: FaultSwap, Times: 2})
	var wait sync.WaitGroup
	answers := make([]string, 2)
	for i, path := range []string{"/status/201", "/status/202"} {
		wait.Add(1)
		go func(i int, path string) {
			defer wait.Done()
			answers[i] = talk(t, d.Addr(), strings.Replace(get, "/text", path, 1))
		}(i, path)
	}
	wait.Wait()
	if !strings.Contains(answers[0], "status 202") || !strings.Contains(answers[1], "status 201") {
		t.Errorf("%q", answers)
	}
}

func TestDropsAndChangesEvents(t *testing.T) {
	t.Parallel()
	d, get := world(t, Options{})
	stream := strings.Replace(get, "/text", "/sse?n=3&ms=10&comments=1", 1)
	for kind, want := range map[FaultKind]string{FaultNone: "0 1 2", FaultDropEvent: "0 2", FaultChangeEvent: "0 2"} {
		d.SetFault(Fault{Kind: kind, After: 1, Times: 1})
		got := talk(t, d.Addr(), stream)
		var seen []string
		for i := 0; i < 3; i++ {
			if strings.Contains(got, fmt.Sprintf(`"seq":%d,`, i)) {
				seen = append(seen, fmt.Sprint(i))
			}
		}
		if strings.Join(seen, " ") != want || strings.Contains(got, "data: changed") != (kind == FaultChangeEvent) ||
			strings.Contains(got, "keep-alive") {
			t.Errorf("fault %d: events %q in %q", kind, seen, got)
		}
	}
}

func TestTamperReplayAndOwnCalls(t *testing.T) {
	t.Parallel()
	d, get := world(t, Options{})
	d.SetTamper(func(out *http.Request, body []byte) []byte {
		out.Method, out.URL.Path = "PUT", "/echo"
		out.Header.Set("X-Ticket", "once")
		return append(body, "more"...)
	})
	first := talk(t, d.Addr(), get)
	d.SetTamper(nil)
	status, again, err := d.Replay()
	for _, got := range []string{first, again} {
		if !strings.Contains(got, `"method":"PUT"`) || !strings.Contains(got, `"body_len":4`) ||
			!strings.Contains(got, `"once"`) {
			t.Errorf("%q (%d, %v)", got, status, err)
		}
	}
	if got := talk(t, d.Addr(),
		"GET /fetch?url=https://origin.test/text HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(got,
		"hello from the origin") {
		t.Errorf("/fetch: %q", got)
	}
	if got := talk(t, d.Addr(),
		"GET /fetch?url=https://elsewhere.test/ HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(got,
		"not in allowlist") {
		t.Errorf("/fetch elsewhere: %q", got)
	}
	if got := talk(t, d.Addr(), "GET /ws?url=wss%3A%2F%2Forigin.test/text HTTP/1.1\r\nHost: x\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"); !strings.Contains(got, "101 Switching") ||
		!strings.Contains(got, "upstream dial failed") {
		t.Errorf("/ws: %q", got)
	}
}

// TestAsksTheNameServer: a name that no table has is asked for at the server named, and its answer is where it goes.
func TestAsksTheNameServer(t *testing.T) {
	t.Parallel()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	asked := make(chan string, 16)
	go func() {
		for {
			query := make([]byte, 512)
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			query = query[:n]
			name := ""
			at := 12
			for at < n && query[at] != 0 {
				length := int(query[at])
				name += string(query[at+1:at+1+length]) + "."
				at += 1 + length
			}
			kind := binary.BigEndian.Uint16(query[at+1:])
			asked <- name
			answer := append([]byte(nil), query[:at+5]...)
			answer[2], answer[3] = 0x84, 0
			copy(answer[6:12], make([]byte, 6))
			if kind == 1 {
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
			}
			_, _ = server.WriteTo(answer, from)
		}
	}()
	d, _ := world(t, Options{DNS: server.LocalAddr().String(), Total: 3 * time.Second})
	d.opts.Allow = []string{"*"}
	got := talk(t, d.Addr(), "GET https://named.test:1/ HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.Contains(got, "forward proxy fetch failed") { // port 1 refuses: the name was found
		t.Errorf("%q", got)
	}
	select {
	case name := <-asked:
		if name != "named.test." {
			t.Errorf("asked for %q", name)
		}
	default:
		t.Error("the name server was not asked")
	}
	if got := talk(t, d.Addr(), "GET https://origin.test/text HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(got,
		"hello from the origin") {
		t.Errorf("the table comes first: %q", got)
	}
}
