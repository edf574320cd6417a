package integration

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// The rules of single origins: methods, old ciphers, many fields, codings that cannot be undone. Each refusal names the
// setting that would change it.

// wantHint expects a refusal with that status and code, whose hint has all words.
func wantHint(t *testing.T, what string, answer harness.Answer, status int, code string, words ...string) {
	t.Helper()
	problem := answer.Problem(t)
	if answer.StatusCode != status || problem.Code != code {
		t.Errorf("%s: %d %+v, want %d %s", what, answer.StatusCode, problem, status, code)
	}
	for _, word := range words {
		if !strings.Contains(problem.Hint, word) {
			t.Errorf("%s: the hint is %q, want %q in it", what, problem.Hint, word)
		}
	}
}

// TestMethodsOfAHost: methods beyond the usual ones pass to the hosts that a person names, and to no other.
// [T06]
func TestMethodsOfAHost(t *testing.T) {
	rule := []string{"--methods", "origin.test=PROPFIND,REPORT,MKCOL"}
	for _, mode := range []struct {
		name string
		opts harness.WorldOptions
	}{
		{"direct", harness.WorldOptions{}},
		{"scanner with an exit", harness.WorldOptions{Via: harness.Scanner, Exit: true, DoubleOnly: true}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			mode.opts.Args = rule
			mode.opts.More = []string{"other.test"}
			w := harness.NewWorld(t, mode.opts)
			for _, proto := range []harness.Proto{harness.H1, harness.H2} {
				for _, method := range []string{"PROPFIND", "REPORT", "MKCOL"} {
					answer := w.Do(w.Client(proto), method, "/echo", strings.NewReader("<x/>"), "Depth", "1")
					if answer.StatusCode != 200 || !strings.Contains(answer.Text, `"`+method+`"`) {
						t.Errorf("%s %s: %d %q", proto, method, answer.StatusCode, answer.Text)
					}
				}
				for _, refused := range []struct{ method, target string }{
					{"LOCK", "/echo"}, {"PROPFIND", w.URLOf("other.test", "/echo")},
				} {
					answer := w.Do(w.Client(proto), refused.method, refused.target, nil)
					wantHint(t, refused.method, answer, 501, "bad_method", `"methods"`, "--methods HOST=")
				}
				wantHint(t, "TRACE", w.Do(w.Client(proto), "TRACE", "/echo", nil), 501, "bad_method", "GET, HEAD")
			}
		})
	}
}

// TestOriginWithOldCiphersAlone: it is reached if a person says so for it, and the refusal says how.
func TestOriginWithOldCiphersAlone(t *testing.T) {
	for _, mode := range []harness.WorldOptions{
		{},
		{Via: harness.Scanner, Exit: true, DoubleOnly: true},
	} {
		mode.Origin = origin.Options{RSAOnly: true}
		without := harness.NewWorld(t, mode)
		wantHint(t, "without", without.Do(without.Client(harness.H2), "GET", "/text", nil), 502, "tls_alert",
			`"tls" in "egress"`, "--tls-legacy HOST")
		mode.Args = []string{"--tls-legacy", "origin.test"}
		with := harness.NewWorld(t, mode)
		for _, proto := range []harness.Proto{harness.H1, harness.H2} {
			if answer := with.Do(with.Client(proto), "GET", "/text", nil); answer.StatusCode != 200 {
				t.Errorf("with: %d %q", answer.StatusCode, answer.Text)
			}
		}
	}
}

// TestAnswersWithManyFields: 128 are taken, and as many as a person says.
func TestAnswersWithManyFields(t *testing.T) {
	for _, mode := range []harness.WorldOptions{
		{Origin: origin.Options{H1Only: true}},
		{Origin: origin.Options{H2Only: true}},
		{Origin: origin.Options{H2Only: true}, Via: harness.Scanner, Exit: true, DoubleOnly: true},
	} {
		without := harness.NewWorld(t, mode)
		wantHint(t, "without", without.Do(without.Client(harness.H2), "GET", "/fields?n=130", nil), 502,
			"response_head_too_large", "response_fields", "--limit response_fields=")
		mode.Args = []string{"--limit", "response_fields=1000"}
		with := harness.NewWorld(t, mode)
		for _, proto := range []harness.Proto{harness.H1, harness.H2} {
			answer := with.Do(with.Client(proto), "GET", "/fields?n=900", nil)
			if answer.StatusCode != 200 || answer.Header.Get("X-Field-899") != "v" {
				t.Errorf("900 fields: %d %q", answer.StatusCode, answer.Text)
			}
		}
		wantHint(t, "1100 fields", with.Do(with.Client(harness.H2), "GET", "/fields?n=1100", nil), 502,
			"response_head_too_large")
	}
}

// TestOriginThatWantsAClientCertificate: the refusal names the route by which a client can show its own.
func TestOriginThatWantsAClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := harness.NewWorld(t, harness.WorldOptions{Origin: origin.Options{ClientAuth: tls.RequireAnyClientCert,
			MaxVersion: version}})
		wantHint(t, fmt.Sprintf("TLS %x", version), w.Do(w.Client(harness.H2), "GET", "/text", nil), 502,
			"tls_client_cert_required", "the route splice", "--route HOST=splice")
	}
}

// TestCodingsThatCannotBeUndone: they pass to the hosts for which a person says so, and the guard reads their bytes.
// [T15]
func TestCodingsThatCannotBeUndone(t *testing.T) {
	const body = "\x01\x02 not to be undone \xff"
	for _, mode := range []struct {
		name string
		opts harness.WorldOptions
		rule []string
	}{
		{"direct", harness.WorldOptions{}, []string{"--opaque", "origin.test=guard"}},
		{"relay", harness.WorldOptions{}, []string{"--route", "origin.test=relay"}},
		{"scanner with an exit", harness.WorldOptions{Via: harness.Scanner, Exit: true, DoubleOnly: true},
			[]string{"--opaque", "origin.test=guard"}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			post := func(w *harness.World, text string) harness.Answer {
				return w.Do(w.Client(harness.H2), "POST", "/echo", bytes.NewReader([]byte(text)), "Content-Encoding",
					"compress", "Content-Type", "application/json")
			}
			without := harness.NewWorld(t, mode.opts)
			wantHint(t, "without", post(without, body), 501, "coding_not_scannable", "--route HOST=relay",
				"--opaque HOST=guard")
			without.Untouched()
			mode.opts.Args = append(mode.rule, "--on-secret", "redact")
			with := harness.NewWorld(t, mode.opts)
			answer := post(with, body)
			if answer.StatusCode != 200 || !strings.Contains(answer.Text, fmt.Sprintf(`"body_len":%d`, len(body))) ||
				!strings.Contains(strings.ToLower(answer.Text), `"content-encoding","compress"`) {
				t.Errorf("with: %d %q", answer.StatusCode, answer.Text)
			}
			line := with.Proxy.WaitAudit(t, "the request", func(line map[string]any) bool {
				return line["method"] == "POST" && line["status"] != nil
			})
			if !strings.Contains(fmt.Sprint(line["findings"]), "coding_not_read") {
				t.Errorf("the audit line does not say that the body was not read: %v", line)
			}
			if refused := post(with, body+" "+shapeSecret); refused.StatusCode != http.StatusForbidden {
				t.Errorf("a secret: %d %q", refused.StatusCode, refused.Text)
			}
		})
	}
}
