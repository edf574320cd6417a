package double

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bottle.test/origin"
)

// talk sends raw bytes and returns everything that comes back until the end or 400 ms of silence.
func talk(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
	_ = conn.SetReadDeadline(time.Now().Add(400 * time.Millisecond))
	out, _ := io.ReadAll(conn)
	return string(out)
}

func world(t *testing.T, o Options) (*Double, string) {
	t.Helper()
	server, err := origin.Start(origin.Options{Names: []string{"origin.test"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	o.Roots, o.Allow, o.IPAllow = server.CA.Pool(), []string{"origin.test"}, []string{"127.0.0.0/8"}
	o.Dial = map[string]string{"origin.test:443": server.Addr()}
	d, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d, "GET https://origin.test/text HTTP/1.1\r\nHost: origin.test\r\n\r\n"
}

func TestFaultsLookAsNamed(t *testing.T) {
	for kind, want := range map[FaultKind]string{FaultGarbage: "not HTTP", FaultHalfHead: "text/pl",
		FaultSurplus: "POISON", Fault101: "101 Switching",
		FaultInterim: "103 Early", FaultEarly403: "blocked: ", FaultCutChunked: "5\r\nccccc\r\n",
		FaultHangBody: "5\r\nhhhhh\r\n", FaultBothLengths: "Transfer-Encoding"} {
		kind, want := kind, want
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			d, get := world(t, Options{})
			d.SetFault(Fault{Kind: kind, After: 5, Times: 1})
			if got := talk(t, d.Addr(), get); !strings.Contains(got, want) {
				t.Errorf("got %q", got)
			}
			if got := talk(t, d.Addr(), get); !strings.Contains(got, "hello from the origin") {
				t.Errorf("after the fault: %q", got)
			}
		})
	}
}

func TestKillAndRevive(t *testing.T) {
	d, get := world(t, Options{})
	d.Kill()
	if conn, err := net.Dial("tcp", d.Addr()); err == nil {
		conn.Close()
		t.Error("a killed double accepts connections")
	}
	if err := d.Revive(); err != nil {
		t.Fatal(err)
	}
	if got := talk(t, d.Addr(), get); !strings.Contains(got, "hello from the origin") {
		t.Errorf("after the revival: %q", got)
	}
}

func TestTrespassesAreSeen(t *testing.T) {
	d, get := world(t, Options{})
	talk(t, d.Addr(), get)
	talk(t, d.Addr(), "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
	if bad := d.Trespasses(); len(bad) != 0 {
		t.Errorf("%q", bad)
	}
	talk(t, d.Addr(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	talk(t, d.Addr(), "CONNECT origin.test:443 HTTP/1.1\r\nHost: x\r\n\r\n")
	talk(t, d.Addr(), "garbage\r\n\r\n")
	if bad := d.Trespasses(); len(bad) != 3 {
		t.Errorf("%q, want three", bad)
	}
}

func TestTimersAndLimits(t *testing.T) {
	d, get := world(t, Options{ReadTimeout: 300 * time.Millisecond, PerMinute: 2, ExplainBlocks: true})
	got := talk(t, d.Addr(), "POST https://origin.test/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	if !strings.Contains(got, "blocked: error reading request body: ") {
		t.Errorf("slow upload: %q", got)
	}
	talk(t, d.Addr(), get)
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(talk(t, d.Addr(), get))), nil)
	if err != nil || resp.StatusCode != 429 {
		t.Errorf("third request in a minute: %v, %v", resp, err)
	}
	d.Halt(true)
	if got := talk(t, d.Addr(), get); !strings.Contains(got, "kill_switch_active") {
		t.Errorf("kill switch: %q", got)
	}
}
