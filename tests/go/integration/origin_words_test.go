package integration

import (
	"crypto/tls"
	"net/http"
	"net/url"
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
		{"client certificate, HTTP/1.1", origin.Options{ClientAuth: tls.RequireAnyClientCert, H1Only: true}, "/text", "tls_client_cert_required", "asks for a client certificate"},
		{"client certificate, HTTP/2", origin.Options{ClientAuth: tls.RequireAnyClientCert, H2Only: true}, "/text", "tls_client_cert_required", "asks for a client certificate"},
		{"130 fields, HTTP/1.1", origin.Options{H1Only: true}, "/fields?n=130", "response_head_too_large", "more than 128 fields"},
		{"130 fields, HTTP/2", origin.Options{H2Only: true}, "/fields?n=130", "response_head_too_large", "has more than 128 fields"},
		{"80 KB of fields, HTTP/1.1", origin.Options{H1Only: true}, "/fields?n=10&bytes=8000", "response_head_too_large", "longer than 65536 bytes"},
		{"80 KB of fields, HTTP/2", origin.Options{H2Only: true}, "/fields?n=10&bytes=8000", "response_head_too_large", "longer than 65536 bytes"},
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
					if answer.StatusCode != 502 || problem.Code != c.code || !strings.Contains(problem.Detail, c.words) {
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

// TestNameWithAnUnderscoreSaysSo: in a URL and in a CONNECT.
func TestNameWithAnUnderscoreSaysSo(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{})
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: w.Proxy.Addr})}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(mustRequest("http://my_bucket.origin.test/"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 400 {
		t.Errorf("got %d", answer.StatusCode)
	}
	raw := w.RawDial()
	if answer := raw.Connect(harness.ConnectHead("my_bucket.origin.test:443")); answer.StatusCode != 400 || !strings.Contains(answer.Text, "underscore") {
		t.Errorf("CONNECT: %d %s", answer.StatusCode, answer.Text)
	}
	for _, method := range []string{"GET", "CONNECT"} {
		line := w.Proxy.WaitAudit(t, "the line", func(line map[string]any) bool { return line["method"] == method })
		if detail, _ := line["detail"].(string); !strings.Contains(detail, "underscore") || line["reason"] != "bad_authority" {
			t.Errorf("got %v", line)
		}
	}
}
