package integration

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// Well-known shapes, made up. The scanner knows the third kind as well; scannerSecret below is one that the guard does
// not.
const (
	gitHubToken = "ghp_" + "k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW"
	awsKey      = "AKIA" + "QZ7DJT3WNK5MXH2R"
	privateKey  = "-----BEGIN RSA PRIVATE KEY----- " + "MIIEowIBAAKCAQEAr3bT9vKkL0pQ7sYdXhWfZ2mN4cE6uG8i"
	// Too short for the guard's shape and long enough for the scanner's.
	scannerSecret = "sk-ant-" + "a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4"
)

// standsBehind are the upstreams and routes that the guard stands in front of.
var standsBehind = []struct {
	name    string
	options harness.WorldOptions
}{
	{"direct", harness.WorldOptions{Via: harness.Direct}},
	{"scanner", harness.WorldOptions{Via: harness.Scanner}},
	{"exit", harness.WorldOptions{Via: harness.Scanner, Exit: true}},
	{"scan-requests", harness.WorldOptions{Via: harness.Scanner, Exit: true,
		Args: []string{"--route", "origin.test=scan-requests"}}},
}

func behindEach(t *testing.T, f func(t *testing.T, proto harness.Proto, o harness.WorldOptions)) {
	for _, behind := range standsBehind {
		options := behind.options
		t.Run(behind.name, func(t *testing.T) {
			protos(t, func(t *testing.T, proto harness.Proto) { f(t, proto, options) })
		})
	}
}

func basicAuth(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func gzipped(parts ...string) string {
	var packed bytes.Buffer
	for _, part := range parts {
		out := gzip.NewWriter(&packed)
		_, _ = io.WriteString(out, part)
		_ = out.Close()
	}
	return packed.String()
}

func zlibbed(text string) string {
	var packed bytes.Buffer
	out := zlib.NewWriter(&packed)
	_, _ = io.WriteString(out, text)
	_ = out.Close()
	return packed.String()
}

// TestGuardInFrontOfEveryUpstream: no value was handed over, and secrets leave by no route, in no field and in no body.
func TestGuardInFrontOfEveryUpstream(t *testing.T) {
	multipart := "%s--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n%s"
	cases := []struct{ name, field, value, body, deny string }{
		{"field", "X-Foo", gitHubToken, "", "secret_in_header"},
		{"Authorization away from home", "Authorization", "Bearer " + gitHubToken, "", "secret_in_header"},
		{"Basic credentials", "Authorization", basicAuth("x", gitHubToken), "", "secret_in_header"},
		{"Cookie", "Cookie", "a=b; session=" + gitHubToken, "", "secret_in_header"},
		{"User-Agent", "User-Agent", "tool/1 (" + gitHubToken + ")", "", "secret_in_header"},
		{"Referer", "Referer", "https://origin.test/?t=" + gitHubToken, "", "secret_in_header"},
		{"field's name", shapeSecret, "1", "", "secret_in_header"},
		{"AWS key", "X-Foo", awsKey, "", "secret_in_header"},
		{"private key", "X-Foo", privateKey, "", "secret_in_header"},
		{"body", "Content-Type", "text/plain", "key " + gitHubToken, "secret_in_body"},
		{"undeclared gzip", "Content-Type", "application/octet-stream", gzipped("key " + gitHubToken + " end"),
			"secret_in_body"},
		{"second gzip member", "Content-Type", "application/octet-stream", gzipped("nothing", "key "+gitHubToken),
			"secret_in_body"},
		{"undeclared zlib", "Content-Type", "application/octet-stream", zlibbed("key " + gitHubToken + " end"),
			"secret_in_body"},
		{"multipart preamble", "Content-Type", "multipart/form-data; boundary=b",
			fmt.Sprintf(multipart, gitHubToken+"\r\n", ""), "secret_in_body"},
		{"multipart epilogue", "Content-Type", "multipart/form-data; boundary=b",
			fmt.Sprintf(multipart, "", gitHubToken), "secret_in_body"},
	}
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, options)
		client := w.Client(proto)
		for _, c := range cases {
			method, body := "GET", io.Reader(nil)
			if c.body != "" {
				method, body = "POST", strings.NewReader(c.body)
			}
			answer, err := w.Try(client, method, "/upload", body, c.field, c.value)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			wantProblem(t, answer, 403, c.deny)
			if deny := answer.Header.Get("X-Bottle-Deny"); deny != c.deny {
				t.Errorf("%s: status %d, X-Bottle-Deny %q", c.name, answer.StatusCode, deny)
			}
		}
		for _, r := range w.Origin.Requests() {
			if r.Done && r.BodyErr == "" {
				t.Errorf("the origin got %s %s", r.Method, r.URI)
			}
		}
		w.Proxy.WaitAudit(t, "a refusal by the guard", func(l map[string]any) bool {
			return l["verdict"] == "refused" && l["by"] == "guard" && l["reason"] == "secret_in_header"
		})
		if log := w.Proxy.AuditText(); strings.Contains(log, gitHubToken) || strings.Contains(log, awsKey) {
			t.Error("a secret stands in the audit log")
		}
	})
}

// TestGuardLetsCredentialsGoHome: a token in a field to the hosts of its service passes on every route, and so do other
// credentials of ordinary clients.
func TestGuardLetsCredentialsGoHome(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." +
		"dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	homes := []struct{ host, field, value string }{
		{"github.com", "Authorization", "token " + gitHubToken},
		{"api.github.com", "Authorization", "Bearer " + gitHubToken},
		{"github.com", "Authorization", basicAuth("x", gitHubToken)},
		{"api.anthropic.com", "X-Api-Key", shapeSecret},
		{"registry.npmjs.org", "Authorization", "Bearer npm_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"},
		{"upload.pypi.org", "Authorization", basicAuth("__token__", "pypi-AgEIcHlwaS5vcmc"+
			strings.Repeat("a1B2c3D4", 7))},
		{"origin.test", "Authorization", "Bearer " + jwt},
		{"origin.test", "Cookie", "sid=0123456789abcdef0123456789abcdef; theme=dark"},
		{"s3.us-east-1.amazonaws.com", "Authorization", "AWS4-HMAC-SHA256 Credential=" + awsKey +
			"/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"},
	}
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		// The stand-in scanner looks at credentials by itself, and a real one needs each host's name and port: what is
		// asked here is whether the guard lets them pass.
		options.DoubleOnly = true
		for _, home := range homes {
			if home.host != "origin.test" {
				options.More = appendOnce(options.More, home.host)
			}
		}
		w := harness.NewWorld(t, options)
		client := w.Client(proto)
		for _, home := range homes {
			answer, err := w.Try(client, "GET", w.URLOf(home.host, "/echo"), nil, home.field, home.value)
			if err != nil || answer.StatusCode != 200 {
				t.Errorf("%s to %s: status %d, %v: %s", home.field, home.host, answer.Status(), err, answer.Text)
				continue
			}
			if got := echoOf(t, answer).Get(home.field); len(got) != 1 || got[0] != home.value {
				t.Errorf("%s to %s arrives as %q", home.field, home.host, got)
			}
		}
	})
}

func appendOnce(list []string, text string) []string {
	for _, one := range list {
		if one == text {
			return list
		}
	}
	return append(append([]string{}, list...), text)
}

// TestUndeclaredBodiesThatOnlyLookCoded: what begins like gzip, or is cut, or too large to be read, is not refused for
// it.
func TestUndeclaredBodiesThatOnlyLookCoded(t *testing.T) {
	whole := gzipped(harness.Repeat("ordinary text; ", 20000))
	bodies := map[string]string{
		"whole": whole, "cut": whole[:len(whole)/2], "damaged": whole[:40] + "damage" + whole[46:],
		"no gzip": "\x1f\x8b\x08 is how gzip begins",
		"bomb":    gzipped(harness.Repeat("a", 50<<20)), "x^2": "x^2 + 1",
		"zstd mark": "\x28\xb5\x2f\xfd and then text", "with padding": whole + strings.Repeat("\x00", 5000),
	}
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, options)
		client := w.Client(proto)
		for name, body := range bodies {
			from := len(w.Origin.Requests())
			answer, err := w.Try(client, "POST", "/upload", strings.NewReader(body),
				"Content-Type", "application/octet-stream")
			if err != nil || answer.StatusCode != 200 {
				t.Errorf("%s: status %d, %v: %s", name, answer.Status(), err, answer.Text)
				continue
			}
			if seen := w.Origin.Requests()[from:]; len(seen) != 1 || seen[0].BodyLen != int64(len(body)) {
				t.Errorf("%s: the origin got %v", name, seen)
			}
		}
	})
}

// TestConnectionHidesNothing: a field that says here how to read the request cannot be taken off by Connection.
func TestConnectionHidesNothing(t *testing.T) {
	w := direct(t)
	for _, name := range []string{"content-encoding", "Content-Encoding", "content-type", "content-length", "host",
		"transfer-encoding", "expect", "authorization"} {
		head := "POST /upload HTTP/1.1\r\nHost: {A}\r\nContent-Length: 2\r\nConnection: close, " + name + "\r\n\r\nok"
		answer := w.Exchange(fill(w, head))
		wantProblem(t, answer, 400, "bad_field")
	}
	w.Untouched()
	for _, list := range []string{"close", "keep-alive, TE", "close, X-Mine", "Keep-Alive, Upgrade, HTTP2-Settings"} {
		answer := w.Exchange(fill(w, "GET /text HTTP/1.1\r\nHost: {A}\r\nX-Mine: 1\r\nConnection: "+list+"\r\n\r\n"))
		if answer.Status() != 200 {
			t.Errorf("Connection: %s: status %d", list, answer.Status())
		}
	}
}

// TestRealGitHubHomeIsExact: the same token to a host that only looks like its home is refused.
func TestRealGitHubHomeIsExact(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, DoubleOnly: true, Name: "github.com.evil.test",
		Origin: origin.Options{}})
	wantProblem(t, w.Do(w.Client(harness.H2), "GET", "/echo", nil, "Authorization", "token "+gitHubToken), 403,
		"secret_in_header")
	w.Untouched()
}

// awsChunked frames a body as Amazon's SDKs do when a checksum follows it.
func awsChunked(text string, size int) string {
	var out strings.Builder
	for at := 0; at < len(text); at += size {
		end := at + size
		if end > len(text) {
			end = len(text)
		}
		fmt.Fprintf(&out, "%x\r\n%s\r\n", end-at, text[at:end])
	}
	return out.String() + "0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
}

// TestContentCodingsThatAreFramingOrPlain: they are read, and a body that is signed as it stands arrives as it stands.
func TestContentCodingsThatAreFramingOrPlain(t *testing.T) {
	text := harness.Repeat(`{"ordinary": "text"}`+"\n", 30000)
	secret := text + gitHubToken + text
	cases := []struct {
		coding, mediaType, clean, secret string
		framed                           bool
	}{
		{"aws-chunked", "application/octet-stream", awsChunked(text, 8192), awsChunked(secret, 30017), true},
		// The token is cut by a chunk's end.
		{"aws-chunked", "text/plain", awsChunked(text, 100), awsChunked(secret, 30010), true},
		{"aws-chunked", "application/json", awsChunked(`{"a": 1}`, 3), awsChunked(`{"a": "`+gitHubToken+`"}`, 10),
			true},
		{"gzip,aws-chunked", "text/plain", awsChunked(gzipped(text), 8192), awsChunked(gzipped(secret), 8192), true},
		{"aws-chunked, gzip", "text/plain", awsChunked(gzipped(text), 8192), awsChunked(gzipped(secret), 8192), true},
		{"amz-1.0", "application/octet-stream", text, secret, false},
		{"utf-8", "text/plain", text, secret, false},
		{"gzip, identity", "text/plain", gzipped(text), gzipped(secret), false},
	}
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, options)
		client := w.Client(proto)
		withoutExit := options.Via == harness.Scanner && !options.Exit
		for _, c := range cases {
			from := len(w.Origin.Requests())
			answer, err := w.Try(client, "POST", "/upload", strings.NewReader(c.clean), "Content-Encoding", c.coding,
				"Content-Type", c.mediaType)
			if err != nil {
				t.Errorf("%s: %v", c.coding, err)
				continue
			}
			if c.framed && withoutExit {
				if p := wantProblem(t, answer, 501, "coding_not_scannable"); !strings.Contains(p.Hint,
					"--exit-listen") {
					t.Errorf("%s: the hint is %q", c.coding, p.Hint)
				}
				continue
			}
			// One that was refused on its way may be noted late.
			var seen []origin.Record
			for _, r := range w.Origin.Requests()[from:] {
				if r.Done && r.BodyErr == "" {
					seen = append(seen, r)
				}
			}
			if answer.StatusCode != 200 || len(seen) != 1 {
				t.Errorf("%s: status %d, %d requests: %s", c.coding, answer.StatusCode, len(seen), answer.Text)
				continue
			}
			if got := seen[0].Header.Get("Content-Encoding"); c.framed &&
				(got != c.coding || seen[0].BodyLen != int64(len(c.clean))) {
				t.Errorf("%s: arrives as %q with %d bytes of %d", c.coding, got, seen[0].BodyLen, len(c.clean))
			}
			answer, err = w.Try(client, "POST", "/upload", strings.NewReader(c.secret), "Content-Encoding", c.coding,
				"Content-Type", c.mediaType)
			if err != nil || answer.StatusCode != 403 {
				t.Errorf("%s with a secret: status %d, %v: %s", c.coding, answer.Status(), err, answer.Text)
				continue
			}
			wantProblem(t, answer, 403, "secret_in_body")
		}
	})
}

// TestContentCodingsThatCannotBeRead: damaged ones are the client's mistake, unknown ones are told which route there
// would be.
func TestContentCodingsThatCannotBeRead(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, options)
		client := w.Client(proto)
		withoutExit := options.Via == harness.Scanner && !options.Exit
		for _, body := range []string{"hello", "5\r\nhello\r\n", awsChunked("hello", 2) + "more", "zz\r\n"} {
			answer := w.Do(client, "POST", "/upload", strings.NewReader(body), "Content-Encoding", "aws-chunked")
			if withoutExit {
				continue // it is refused before it is read
			}
			wantProblem(t, answer, 400, "coding_broken")
		}
		for _, coding := range []string{"compress", "gzip, compress", "aws-chunked, aws-chunked", "gzip;q=1", "dcz"} {
			p := wantProblem(t, w.Do(client, "POST", "/upload", strings.NewReader("x"), "Content-Encoding", coding),
				501, "coding_not_scannable")
			if !strings.Contains(p.Hint, "relay") {
				t.Errorf("%s: the hint is %q", coding, p.Hint)
			}
		}
		for _, r := range w.Origin.Requests() {
			if r.Done && r.BodyErr == "" {
				t.Errorf("the origin got %s %s", r.Method, r.URI)
			}
		}
	})
}
