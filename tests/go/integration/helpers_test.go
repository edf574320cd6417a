package integration

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// fingerprint is the SHA-256 of the first certificate in a PEM file, as AA:BB:….
func fingerprint(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no PEM block in %s", path)
	}
	sum := sha256.Sum256(block.Bytes)
	var parts []string
	for _, b := range sum {
		parts = append(parts, fmt.Sprintf("%02X", b))
	}
	return strings.Join(parts, ":")
}
