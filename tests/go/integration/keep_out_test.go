package integration

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// Of no well-known shape, so that the stand-in scanner has no opinion about them.
const (
	keptOutValue = "Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4Ck9Pe7s"
	placeholder  = "Hd5Xp2Vm9cQr7TbNk3WsA6Yg1Ju8Ez4o"
)

func keepingOut(t *testing.T, o harness.WorldOptions, parts ...string) harness.WorldOptions {
	line, _ := json.Marshal(map[string]any{"name": "THE_KEY", "value": keptOutValue, "placeholder": placeholder,
		"hosts": []string{"origin.test"}, "in": parts})
	o.Args = append(append([]string(nil), o.Args...), "--secrets", "fd:3")
	o.Change = giveSecrets(t, string(line)+"\n")
	return o
}

// codedIsRefused: without an exit the scanner gets coded answers, and refuses them itself.
func codedIsRefused(o harness.WorldOptions) bool { return o.Via == harness.Scanner && !o.Exit }

// allOf is everything that a client can see of an answer.
func allOf(answer harness.Answer) string {
	return fmt.Sprint(answer.Status(), answer.Header, answer.Text, answer.Trailer)
}

// noValueSeen checks the places in which the value must not be: what the scanner got, if an exit is behind it, and the
// audit log.
func noValueSeen(t *testing.T, w *harness.World, options harness.WorldOptions) {
	t.Helper()
	encoded := base64.StdEncoding.EncodeToString([]byte(":" + keptOutValue))
	if options.Exit && w.Double != nil {
		for _, seen := range w.Double.Requests() {
			if strings.Contains(seen.Head+seen.Line, keptOutValue) || strings.Contains(seen.Head, encoded) {
				t.Errorf("the scanner got the value: %s", seen.Line)
			}
		}
	}
	if strings.Contains(w.Proxy.AuditText(), keptOutValue) || strings.Contains(w.Proxy.AuditText(), placeholder) {
		t.Error("the audit log has it")
	}
}

// TestKeptOutValueIsTheOriginsAlone: the origin gets the value where the client sent the placeholder, and nothing that
// comes back has it.
func TestKeptOutValueIsTheOriginsAlone(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, keepingOut(t, options, "header"))
		client := w.Client(proto)
		basic := func(key string) string {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte("us:"+key))
		}
		last := func(field string) string { return field[strings.LastIndex(field, " ")+1:] }
		for _, c := range []struct{ field, sent, arrives string }{
			{"Authorization", "Bearer " + placeholder, "Bearer " + keptOutValue},
			{"Authorization", basic(placeholder), basic(keptOutValue)},
			{"X-Api-Key", placeholder, keptOutValue},
		} {
			for _, how := range []string{"", "hints", "split", "events", "gzip"} {
				if how == "gzip" && codedIsRefused(options) {
					continue
				}
				got := 0
				hints := &httptrace.ClientTrace{Got1xxResponse: func(_ int, fields textproto.MIMEHeader) error {
					got++
					if !strings.Contains(fields.Get("Link"), c.sent) {
						t.Errorf("a 103 says %q", fields.Get("Link"))
					}
					return nil
				}}
				request, _ := http.NewRequest("GET", w.URL("/reflect?how="+how), nil)
				request = request.WithContext(httptrace.WithClientTrace(request.Context(), hints))
				request.Header.Set(c.field, c.sent)
				request.Header.Set("Accept-Encoding", "gzip, dcb")
				response, err := client.Do(request)
				if err != nil {
					t.Fatalf("%q: %v", how, err)
				}
				answer := harness.ReadAnswer(response)
				if answer.Status() != 200 || arrived(t, w).Header.Get(c.field) != c.arrives {
					t.Errorf("%q: status %d, the origin got %q", how, answer.Status(), arrived(t, w).Header)
				}
				if how == "hints" && options.Via == harness.Direct && proto == harness.H2 && got != 1 {
					t.Errorf("%d heads came before the answer's", got)
				}
				if strings.Contains(arrived(t, w).Header.Get("Accept-Encoding"), "dcb") {
					t.Errorf("%q: the origin may code with dcb", how)
				}
				all := allOf(answer)
				secret := strings.TrimRight(last(c.arrives), "=")
				if strings.Contains(all, keptOutValue) || strings.Contains(all, secret) {
					t.Errorf("%q: the client got the value: %s", how, all)
				}
				if !strings.Contains(answer.Text, last(c.sent)) ||
					!strings.Contains(answer.Text, ":_authToken="+last(c.sent)) ||
					answer.Header.Get("X-Said") != c.sent || answer.Header.Get("Content-Encoding") != "" {
					t.Errorf("%q: the client got %s", how, all)
				}
			}
		}
		if w.Double != nil && len(w.Double.Requests()) == 0 {
			t.Error("the scanner got nothing")
		}
		noValueSeen(t, w, options)
	})
}

// TestKeptOutValueInQueryAndBody: where the manifest says so, and nowhere else.
func TestKeptOutValueInQueryAndBody(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		w := harness.NewWorld(t, keepingOut(t, options, "query", "body"))
		client := w.Client(proto)
		text := strings.Repeat("filler ", 20000)
		answer := w.Do(client, "POST", "/echo?key="+placeholder, strings.NewReader(text+placeholder+"&"+text),
			"Content-Type", "text/plain")
		got := arrived(t, w)
		if answer.Status() != 200 || got.URI != "/echo?key="+keptOutValue ||
			string(got.Body) != text+keptOutValue+"&"+text {
			t.Errorf("status %d, the origin got %s and %d bytes", answer.Status(), got.URI, len(got.Body))
		}
		if strings.Contains(allOf(answer), keptOutValue) || !strings.Contains(answer.Text, placeholder) {
			t.Errorf("the client got %s", allOf(answer))
		}
		wantProblem(t, w.Do(client, "GET", "/echo", nil, "X-Key", placeholder), 403, "secret_in_header")
		noValueSeen(t, w, options)
	})
}

// TestKeptOutValueGoesNowhereElse: the placeholder is refused away from its hosts and parts, and the value everywhere;
// an answer in which the value could not be found does not come through.
// [T67]
func TestKeptOutValueGoesNowhereElse(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		options.More = []string{"other.test"}
		options.DoubleOnly = true
		w := harness.NewWorld(t, keepingOut(t, options, "header"))
		client := w.Client(proto)
		for _, c := range []struct{ url, body, field, deny string }{
			{w.URLOf("other.test", "/echo"), "", "Bearer " + placeholder, "secret_in_header"},
			{w.URL("/echo?k=" + placeholder), "", "", "secret_in_url"},
			{w.URL("/upload"), "the key is " + placeholder, "", "secret_in_body"},
			{w.URL("/echo"), "", "Bearer " + keptOutValue, "secret_in_header"},
			{w.URL("/upload"), "the key is " + keptOutValue, "", "secret_in_body"},
		} {
			method := "GET"
			if c.body != "" {
				method = "POST"
			}
			answer := w.Do(client, method, c.url, strings.NewReader(c.body), "Authorization", c.field)
			if p := wantProblem(t, answer, 403, c.deny); !strings.Contains(p.Detail+p.Hint, "THE_KEY") {
				t.Errorf("%s: the refusal is %s", c.url, answer.Text)
			}
		}
		noValueSeen(t, w, options)
		if codedIsRefused(options) {
			return
		}
		answer := w.Do(client, "GET", "/reflect?how=unknown", nil, "Authorization", "Bearer "+placeholder)
		wantProblem(t, answer, 502, "upstream_broken", "coding_not_scannable")
	})
}

// keptOut is a folder of a bottle with these variables of a manifest, their values outside, and the
// arguments of a start.
func keptOut(t *testing.T, scanner string, o origin.Options, env string, values ...string) (*shelf, *origin.Server,
	[]string) {
	t.Helper()
	s := newShelf(t)
	o.Names = []string{"client.test", awsHost, "api.openai.com"}
	server, err := origin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		t.Fatal(err)
	}
	s.extra = values
	manifest := `{"bottles": {"default": {"env": {` + env + `}}}}`
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"start", "--scanner", scanner, "--allow-address", "127.0.0.0/8", "--origin-ca", ca}
	for _, name := range o.Names {
		args = append(args, "--allow", name, "--resolve", name+":443="+server.Addr())
	}
	if scanner == "pipelock" {
		program := harness.RealPipelock()
		if program == "" {
			program = harness.Binary(t, "pipelock-double")
		}
		args = append(args, "--pipelock-bin", program)
	}
	return s, server, args
}

// tokenKeptOut: the bottle has gitHubToken as MY_TOKEN, kept out.
func tokenKeptOut(t *testing.T, scanner string, o origin.Options) (*shelf, *origin.Server, []string) {
	t.Helper()
	return keptOut(t, scanner, o, `"MY_TOKEN": {"from_host": true, "hosts": ["client.test"], "keep_out": true}`,
		"MY_TOKEN="+gitHubToken)
}

// TestStartKeepsValuesOut: in the bottle the variable has a placeholder, and the origin gets the value.
func TestStartKeepsValuesOut(t *testing.T) {
	const value = gitHubToken
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			s, server, args := tokenKeptOut(t, scanner, origin.Options{})
			plan := s.call(append(args, "--dry-run", "--", "true")...)
			plan.want(t, 0, "MY_TOKEN=***", "kept out", "client.test")
			out := s.call(append(args, "--", "sh", "-c", `echo "in the bottle: $MY_TOKEN"; cat /proc/self/environ; `+
				`curl -sS -u "x:$MY_TOKEN" https://client.test/reflect; `+
				`curl -sS -H "Authorization: Bearer $MY_TOKEN" https://client.test/reflect`)...)
			out.want(t, 0)
			_, rest, _ := strings.Cut(out.out, "in the bottle: ")
			shown, _, _ := strings.Cut(rest, "\n")
			if len(shown) != len(value) || !strings.HasPrefix(shown, "ghp_") ||
				!strings.Contains(out.out, "Bearer\n"+shown) {
				t.Errorf("in the bottle: %s", out.out)
			}
			if strings.Contains(out.out+out.errors+plan.out+plan.errors, value) {
				t.Errorf("the value is in %s%s", out.out, out.errors)
			}
			got := server.Requests()
			if len(got) != 2 || got[1].Header.Get("Authorization") != "Bearer "+value ||
				got[0].Header.Get("Authorization") != basicAuth("x", value) {
				t.Errorf("the origin got %d requests: %v", len(got), got)
			}
		})
	}
}

// TestPlaceholderStays: programs that remember a key know it again at the next start; without the user's key, or in
// another bottle, it is another one.
func TestPlaceholderStays(t *testing.T) {
	s := newShelf(t)
	s.extra = []string{"MY_TOKEN=" + gitHubToken}
	env := `{"env": {"MY_TOKEN": {"from_host": true, "hosts": ["client.test"], "keep_out": true}}}`
	manifest := `{"bottles": {"default": ` + env + `, "other": ` + env + `}}`
	if err := os.WriteFile(filepath.Join(s.project, "bottle.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	shown := func(bottle string) string {
		out := s.call("start", "--scanner", "guard", bottle, "--", "sh", "-c", `echo "$MY_TOKEN"`)
		out.want(t, 0)
		return strings.TrimSpace(out.out)
	}
	first, again, other := shown("default"), shown("default"), shown("other")
	if first != again || len(first) != len(gitHubToken) || first == gitHubToken {
		t.Errorf("two starts have %q and %q", first, again)
	}
	if other == first {
		t.Error("another bottle has the same placeholder")
	}
	key := filepath.Join(s.root, "state/bottle/placeholder.key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key of the placeholders: %v, %v", info, err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if shown("default") == first {
		t.Error("another key makes the same placeholder")
	}
}
