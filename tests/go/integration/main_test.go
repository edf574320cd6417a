// Package integration runs the built bottle-proxy (and bottle) against stand-in origins, alone and with a scanner
// behind it. Nothing here needs the internet. See the environment variables in package harness.
package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"bottle.test/double"
	"bottle.test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	printClientTable()
	printExitTable()
	harness.CloseEngine()
	os.Exit(code)
}

// matrix runs f for both client protocols and both upstreams.
func matrix(t *testing.T, f func(t *testing.T, proto harness.Proto, via harness.Via)) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		for _, proto := range []harness.Proto{harness.H1, harness.H2} {
			t.Run(fmt.Sprintf("%s/%s", via, proto), func(t *testing.T) { f(t, proto, via) })
		}
	}
}

// matrixNamed is matrix under a common name.
func matrixNamed(t *testing.T, name string, f func(t *testing.T, proto harness.Proto, via harness.Via)) {
	t.Run(name, func(t *testing.T) { matrix(t, f) })
}

// protos runs f for both client protocols.
func protos(t *testing.T, f func(t *testing.T, proto harness.Proto)) {
	for _, proto := range []harness.Proto{harness.H1, harness.H2} {
		t.Run(string(proto), func(t *testing.T) { f(t, proto) })
	}
}

// bothWorlds runs f with the direct upstream and with the double.
func bothWorlds(t *testing.T, f func(t *testing.T, w *harness.World)) {
	for _, via := range []harness.Via{harness.Direct, harness.Scanner} {
		t.Run(string(via), func(t *testing.T) {
			f(t, harness.NewWorld(t, harness.WorldOptions{Via: via, DoubleOnly: true}))
		})
	}
}

// withDouble makes a world whose scanner is the double, also when a real pipelock is at hand.
func withDouble(t *testing.T, o double.Options, args ...string) *harness.World {
	t.Helper()
	return harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, DoubleOnly: true, Double: o, Args: args})
}

func direct(t *testing.T, args ...string) *harness.World {
	t.Helper()
	return harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Args: args})
}

// raw is one hostile HTTP/1.1 message. {A} becomes the origin's authority. want holds the accepted status codes; 0
// accepts a connection that is closed without an answer.
type raw struct {
	name string
	text string
	want []int
}

func fill(w *harness.World, text string) string {
	return strings.ReplaceAll(text, "{A}", w.Authority())
}

func in(n int, list []int) bool {
	for _, one := range list {
		if one == n {
			return true
		}
	}
	return false
}

// refuseRaw sends each case inside TLS on its own connection, expects one refusal and the end of the connection, and
// that nothing reached the scanner or the origin.
func refuseRaw(t *testing.T, w *harness.World, cases []raw) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conn := w.H1()
			defer conn.Close()
			conn.Say(fill(w, c.text))
			method, _, _ := strings.Cut(c.text, " ")
			if method == "HEAD" {
				t.Fatal("HEAD has no readable refusal")
			}
			answer, err := conn.Answer("GET")
			if err != nil {
				if !in(0, c.want) {
					t.Fatalf("no answer (%v), want status %v", err, c.want)
				}
				return
			}
			if !in(answer.StatusCode, c.want) {
				t.Fatalf("status %d, want %v; body %q", answer.StatusCode, c.want, answer.Text)
			}
			answer.Problem(t)
			if !conn.Closed(harness.CloseLimit) {
				t.Errorf("the connection stays open after a malformed request")
			}
		})
	}
	w.Untouched()
}
