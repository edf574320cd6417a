package integration

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// TestLargeLayerOfAnImage: skopeo pushes and pulls a layer of 200 MiB through relay, and memory stands still. A build
// that does not measure takes a tenth of it.
func TestLargeLayerOfAnImage(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("skopeo is missing")
	}
	w := harness.NewWorld(t, harness.WorldOptions{Relay: true})
	size := int64(200 << 20)
	if !memoryJudged(w) {
		size /= 10
	}
	var layer bytes.Buffer
	zipped, _ := gzip.NewWriterLevel(&layer, gzip.NoCompression)
	if _, err := io.Copy(zipped, origin.Pattern(size)); err != nil {
		t.Fatal(err)
	}
	_ = zipped.Close()
	dir := t.TempDir()
	imageOf(t, filepath.Join(dir, "image"), layer.Bytes())
	w.Do(w.Client(harness.H2), "GET", "/text", nil)
	w.Proxy.ResetPeak()
	before := w.Proxy.RSS()
	for _, way := range [][]string{{"--dest-creds", "dir:image", "docker://origin.test/tiny:1"},
		{"--src-creds", "docker://origin.test/tiny:1", "dir:again"}} {
		copying := exec.Command("skopeo", "copy", "-q", "--insecure-policy", way[0], "me:any", way[1], way[2])
		copying.Dir = dir
		copying.Env = append(os.Environ(), "HTTPS_PROXY=http://"+w.Proxy.Addr, "NO_PROXY=", "no_proxy=",
			"SSL_CERT_FILE="+w.Proxy.CAFile)
		limit := time.AfterFunc(5*time.Minute, func() { _ = copying.Process.Kill() })
		out, err := copying.CombinedOutput()
		limit.Stop()
		if err != nil {
			t.Fatalf("%v: %v: %s", way, err, out)
		}
	}
	judgeMemory(t, w, before)
	names, _ := filepath.Glob(filepath.Join(dir, "again", "*"))
	same := false
	for _, name := range names {
		text, _ := os.ReadFile(name)
		same = same || bytes.Equal(text, layer.Bytes())
	}
	if !same {
		t.Errorf("the layer did not come back: %v", names)
	}
}
