// Package attack plays the attacks of docs/threats.md against the built bottle-proxy, each at its bound, beside a
// client in good faith, and judges how that one fares. Loopback alone, bounded in time and number. Each test prints the
// figures that it measured.
package attack

import (
	"os"
	"testing"

	"bottle.test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.CloseEngine()
	os.Exit(code)
}
