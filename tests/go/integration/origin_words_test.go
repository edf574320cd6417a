package integration

import (
	"crypto/tls"
	"os"
	"os/exec"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// TestOriginsThatCannotBeReachedSayWhy: what an origin does that the proxy cannot go along with is named, and the
// client is not told to try again.
func TestOriginsThatCannotBeReachedSayWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		origin origin.Options
		path   string
		code   string
		words  string
	}{
		{"client certificate, HTTP/1.1", origin.Options{ClientAuth: tls.RequireAnyClientCert, H1Only: true}, "/text",
			"tls_client_cert_required", "asks for a client certificate"},
		{"client certificate, HTTP/2", origin.Options{ClientAuth: tls.RequireAnyClientCert, H2Only: true}, "/text",
			"tls_client_cert_required", "asks for a client certificate"},
		{"130 fields, HTTP/1.1", origin.Options{H1Only: true}, "/fields?n=130", "response_head_too_large",
			"more than 128 fields"},
		{"130 fields, HTTP/2", origin.Options{H2Only: true}, "/fields?n=130", "response_head_too_large",
			"has more than 128 fields"},
		{"80 KB of fields, HTTP/1.1", origin.Options{H1Only: true}, "/fields?n=10&bytes=8000",
			"response_head_too_large", "longer than 65536 bytes"},
		{"80 KB of fields, HTTP/2", origin.Options{H2Only: true}, "/fields?n=10&bytes=8000", "response_head_too_large",
			"longer than 65536 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Origin: c.origin})
			for _, proto := range []harness.Proto{harness.H1, harness.H2} {
				for _, method := range []string{"GET", "POST"} {
					var body *strings.Reader
					if method == "POST" {
						body = strings.NewReader(strings.Repeat("x", 1000))
					} else {
						body = strings.NewReader("")
					}
					answer := w.Do(w.Client(proto), method, c.path, body)
					problem := answer.Problem(t)
					if answer.StatusCode != 502 || problem.Code != c.code ||
						!strings.Contains(problem.Detail, c.words) {
						t.Errorf("%s %s: got %d %+v", proto, method, answer.StatusCode, problem)
					}
					if strings.Contains(problem.Hint, "try again") {
						t.Errorf("%s %s: the hint is %q", proto, method, problem.Hint)
					}
				}
			}
		})
	}
}

// TestNamesThatAreNoHostsByTheLetterWork: underscores, and labels that end in a hyphen. Certificates are made for them,
// and clients accept those.
func TestNamesThatAreNoHostsByTheLetterWork(t *testing.T) {
	names := []string{"my_bucket.origin.test", "a-.origin.test", "_dmarc.origin.test"}
	w := harness.NewWorld(t, harness.WorldOptions{Name: names[0], More: names[1:]})
	for _, name := range names {
		target := "https://" + name + "/text"
		for _, proto := range []harness.Proto{harness.H1, harness.H2} {
			answer, err := w.Client(proto).Get(target)
			if err != nil {
				t.Errorf("Go, %s: %v", proto, err)
				continue
			}
			answer.Body.Close()
			if answer.StatusCode != 200 {
				t.Errorf("Go, %s: %s answered %d", proto, name, answer.StatusCode)
			}
		}
		for _, words := range [][]string{
			{"curl", "-sS", "--cacert", w.Proxy.CAFile, "-x", "http://" + w.Proxy.Addr, target},
			{"python3", "-c", "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())", target},
		} {
			if _, err := exec.LookPath(words[0]); err != nil {
				t.Logf("%s is missing", words[0])
				continue
			}
			cmd := exec.Command(words[0], words[1:]...)
			cmd.Env = append(os.Environ(), "https_proxy=http://"+w.Proxy.Addr, "SSL_CERT_FILE="+w.Proxy.CAFile,
				"no_proxy=")
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "hello from the origin") {
				t.Errorf("%s, %s: %v: %s", words[0], name, err, out)
			}
		}
	}
}
