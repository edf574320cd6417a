package integration

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// The route scan-requests: the scanner sees the request and the answer's head, the body goes past it.

func sideWorld(t *testing.T, o harness.WorldOptions) *harness.World {
	t.Helper()
	o.Via, o.Exit = harness.Scanner, true
	o.Args = append(o.Args, "--route", "origin.test=scan-requests")
	return harness.NewWorld(t, o)
}

// TestExitSideKeepsTheOriginsBytes: coding, length, fields, trailers, redirects, all as the origin sent them.
func TestExitSideKeepsTheOriginsBytes(t *testing.T) {
	w := sideWorld(t, harness.WorldOptions{Double: double.Options{MaxResponse: 1 << 20}})
	protos(t, func(t *testing.T, proto harness.Proto) {
		c := &cell{t: t, w: w, proto: proto, from: len(w.Origin.Requests())}
		answer := c.do("GET", "/gzip", "", "Accept-Encoding", "gzip")
		text := ""
		if unzipped, err := gzip.NewReader(strings.NewReader(answer.Text)); err == nil {
			plain, _ := io.ReadAll(unzipped)
			text = string(plain)
		}
		if answer.Status() != 200 || answer.Header.Get("Content-Encoding") != "gzip" || text != "compressed text\n" {
			t.Errorf("gzip: status %d, Content-Encoding %q, %q", answer.Status(), answer.Header.Get("Content-Encoding"),
				answer.Text)
		}
		for _, path := range []string{"/bytes?n=3145728", "/bytes?n=3145728&chunked=1"} {
			answer := c.do("GET", path, "", "TE", "trailers")
			sum := sha256.Sum256([]byte(answer.Text))
			if got := hex.EncodeToString(sum[:]); answer.BodyErr != nil || got != origin.PatternSHA256(3<<20) ||
				got != answer.Header.Get("X-Sha256")+answer.Trailer.Get("X-Sha256") {
				t.Errorf("%s: %d bytes, %v, headers %v, trailers %v", path, len(answer.Text), answer.BodyErr,
					answer.Header, answer.Trailer)
			}
		}
		if got := c.do("HEAD", "/head", ""); got.Header.Get("Content-Length") != "12345" ||
			got.Header.Get("ETag") != `"abc"` {
			t.Errorf("HEAD: %v", got.Header)
		}
		if got := c.do("GET", "/redirect?code=307", ""); got.Status() != 307 || got.Header.Get("Location") != "/text" ||
			len(got.Header["Set-Cookie"]) != 2 {
			t.Errorf("redirect: %d %v", got.Status(), got.Header)
		}
		for _, status := range []int{204, 304, 404, 500} {
			if got := c.do("GET", fmt.Sprintf("/status/%d", status), ""); got.Status() != status ||
				got.Header.Get("X-Origin-Status") != fmt.Sprint(status) {
				t.Errorf("status %d arrives as %d %v", status, got.Status(), got.Header)
			}
		}
		if got := trailerText(c.do("GET", "/trailers", "", "TE", "trailers")); got != "X-First=one X-Second=two" {
			t.Errorf("trailers: %s", got)
		}
		if got := c.do("GET", "/sse?n=3&ms=20&comments=1", ""); strings.Count(got.Text, ": keep-alive\n") != 3 ||
			strings.Count(got.Text, "data: ") != 3 {
			t.Errorf("events: %q", got.Text)
		}
		if got := c.do("GET", "/close-delimited", ""); got.Text != "until the end\n" || got.BodyErr != nil {
			t.Errorf("until the end: %q, %v", got.Text, got.BodyErr)
		}
		if got := endText(c.do("GET", "/die?after=400000&cl=1", "")); !strings.HasPrefix(got, "200, cut") &&
			!strings.HasPrefix(got, "502") {
			t.Errorf("an origin that dies: %s", got)
		}
		if got := c.do("GET", "/poison", ""); got.Status() != 200 {
			t.Errorf("a body that nobody scans: %d %s", got.Status(), got.Text)
		}
		if got := refusal(c.do("POST", "/echo", "my key is "+scannerSecret,
			"Content-Type", "text/plain")); got != "403, X-Bottle-Deny: secret_in_body" {
			t.Errorf("a secret in the request: %s", got)
		}
	})
	w.Proxy.WaitAudit(t, "the route, and that the answer was not scanned", func(l map[string]any) bool {
		return l["route"] == "scan-requests" && l["verdict"] == "allowed" && !strings.Contains(fmt.Sprint(l["scanned"]),
			"response_body")
	})
}

// TestExitSideHeadBlocked: the scanner's refusal of the head stands, and no byte of the body arrives.
func TestExitSideHeadBlocked(t *testing.T) {
	w := sideWorld(t, harness.WorldOptions{DoubleOnly: true})
	protos(t, func(t *testing.T, proto harness.Proto) {
		for name, fault := range map[string]double.Fault{"blocked": {Kind: double.FaultBlockAfter, Times: 1},
			"body-from-nowhere": {Kind: double.FaultLongerBody, Bytes: "stolen", Times: 1},
			"field":             {Kind: double.FaultField, Bytes: "X-Added: yes", Times: 1}} {
			w.Double.SetFault(fault)
			answer, err := w.Try(w.Client(proto), "GET", "/text", nil)
			if err == nil && answer.BodyErr == nil &&
				(answer.StatusCode == 200 && answer.Header.Get("X-Bottle-Deny") == "" ||
					strings.Contains(answer.Text, "hello")) {
				t.Errorf("%s: status %d, deny %q: %s", name, answer.StatusCode, answer.Header.Get("X-Bottle-Deny"),
					answer.Text)
			}
		}
		fine(t, w, proto)
	})
}

// TestExitSideGoesOnWithoutTheScanner: once the head has passed, the body does not depend on it.
func TestExitSideGoesOnWithoutTheScanner(t *testing.T) {
	w := sideWorld(t, harness.WorldOptions{Program: true})
	resp := begun(t, w, w.Client(harness.H2), fmt.Sprintf("/bytes?n=%d", 8<<20))
	w.Program.Signal(syscall.SIGSTOP)
	defer w.Program.Signal(syscall.SIGCONT)
	if n, err := io.Copy(io.Discard, resp.Body); n != 8<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestExitSideClientLeaves: the origin is left too.
func TestExitSideClientLeaves(t *testing.T) {
	w := sideWorld(t, harness.WorldOptions{})
	protos(t, func(t *testing.T, proto harness.Proto) {
		before := len(w.Origin.Requests())
		resp, err := w.Client(proto).Get(w.URL("/drip?n=100000&ms=20"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(resp.Body, make([]byte, 3))
		resp.Body.Close()
		if !w.Origin.Wait(5*time.Second, func(r []origin.Record) bool { return r[before].Done }) {
			t.Errorf("the origin still sends to nobody")
		}
	})
}

// TestExitSideSlowReader: a client that stops reading stops the origin; memory stands still.
func TestExitSideSlowReader(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := sideWorld(t, harness.WorldOptions{})
		wantSlowReaderHeld(t, w, proto)
	})
}

// TestExitSideDownload: 256 MiB past the scanner, fast, with flat memory, and the scanner hardly notices.
func TestExitSideDownload(t *testing.T) {
	const size = 256 << 20
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := sideWorld(t, harness.WorldOptions{Program: true})
		client := w.Client(proto)
		w.Do(client, "GET", "/bytes?n=16777216", nil)
		origin.PatternSHA256(size) // the origin sends it along: worked out before the clock matters
		w.Proxy.ResetPeak()
		before, cpu, own := w.Proxy.RSS(), w.Program.CPU(), w.Proxy.CPU()
		best, runs := 0.0, 0
		for ; runs < 1 || memoryJudged(w) && runs < 3; runs++ {
			began := time.Now()
			resp, err := client.Get(w.URL(fmt.Sprintf("/bytes?n=%d", size)))
			if err != nil {
				t.Fatal(err)
			}
			// A digest would be the slowest part; TestExitSideKeepsTheOriginsBytes has it.
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{resp.Body},
				make([]byte, 256<<10))
			resp.Body.Close()
			if err != nil || n != size {
				t.Fatalf("%d of %d bytes: %v", n, size, err)
			}
			if rate := float64(size) / 1e6 / time.Since(began).Seconds(); rate > best {
				best = rate
			}
		}
		used := (w.Program.CPU() - cpu) / time.Duration(runs)
		// The figure is per core of the proxy: client and origin do TLS on the same few cores, and the time on the
		// clock is theirs as much as ours.
		perCore := float64(runs) * size / 1e6 / (w.Proxy.CPU() - own).Seconds()
		t.Logf("%.0f MB/s by the clock, best of %d; %.0f MB a second of the proxy's CPU; the scanner used %v of CPU",
			best, runs, perCore, used)
		judgeMemory(t, w, before)
		if used >= 50*time.Millisecond {
			t.Errorf("the scanner used %v of CPU, want less than 50 ms", used)
		}
		if !memoryJudged(w) {
			t.Logf("speed is not judged: an AddressSanitizer build")
		} else if perCore < 200 {
			t.Errorf("%.0f MB a second of the proxy's CPU, want 200", perCore)
		}
	})
}

// TestExitSideClients: package managers and git through the route that is made for them.
func TestExitSideClients(t *testing.T) {
	w := sideWorld(t, harness.WorldOptions{})
	for _, c := range clients {
		if c.name != "npm install" && c.name != "pip install" && c.name != "git clone" && c.name != "git push" {
			continue
		}
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if err := exec.Command("sh", "-c", c.probe).Run(); err != nil {
				t.Skipf("%s is not installed (%s)", c.name, c.probe)
			}
			if c.name == "git push" && harness.RealPipelock() != "" {
				t.Skip("a pack of 3 MB is more than the real pipelock's max_body_bytes in these tests")
			}
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "sh", "-c", "U="+w.URL("")+"; "+c.script)
			cmd.Dir = t.TempDir()
			bundle := w.Proxy.Bundle
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "HTTPS_PROXY=http://" + w.Proxy.Addr,
				"https_proxy=http://" + w.Proxy.Addr,
				"NODE_EXTRA_CA_CERTS=" + w.Proxy.CAFile, "SSL_CERT_FILE=" + bundle, "GIT_SSL_CAINFO=" + bundle,
				"PIP_CERT=" + bundle, "REQUESTS_CA_BUNDLE=" + bundle,
				"GIT_TERMINAL_PROMPT=0", "npm_config_cafile=" + filepath.Clean(bundle),
				"npm_config_https_proxy=http://" + w.Proxy.Addr}
			began := time.Now()
			out, err := cmd.CombinedOutput()
			t.Logf("%s took %v", c.name, time.Since(began).Round(10*time.Millisecond))
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s\n%s", err, clipText(string(out)), clipText(w.Proxy.AuditText()))
			}
		})
	}
}

// TestExitSideNeedsTheExit: without one there is nothing that could carry the body.
func TestExitSideNeedsTheExit(t *testing.T) {
	code, _, stderr := harness.RunProxy(t, 10*time.Second, "--upstream", "pipelock", "--pipelock", "http://127.0.0.1:9",
		"--allow", "origin.test", "--route", "origin.test=scan-requests")
	if code == 0 || !strings.Contains(stderr, "exit") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
