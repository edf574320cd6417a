// Package attack plays the attacks of docs/threats.md, and faults around them, against the built programs, beside a
// client in good faith, and measures what they cost. All of it is bounded in time and number, and goes to loopback.
// Each test prints the figures that it measured.
package attack

import (
	"os"
	"testing"

	"bottle.test/harness"
)

func TestMain(m *testing.M) {
	if upstreamChild() {
		return
	}
	code := m.Run()
	printFaultTable()
	harness.CloseEngine()
	os.Exit(code)
}
