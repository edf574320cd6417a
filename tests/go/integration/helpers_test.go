package integration

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"bottle.test/harness"
)

func tlsConfig(name string, alpn ...string) *tls.Config {
	return &tls.Config{ServerName: name, NextProtos: alpn}
}

// dribble writes one byte at a time.
type dribble struct{ *harness.Raw }

func (d *dribble) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Raw.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// writeFile makes a file for one test and returns its path.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
