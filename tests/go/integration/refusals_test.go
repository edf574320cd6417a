package integration

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// Clients print these words of a refused host's answer, in this order.
const (
	refusedHost = "bottle: Refused by policy: elsewhere.test (host_not_allowed). "
	refusedStep = "Use a host that is allowed, or ask the person who runs the bottle for `bottle allow " +
		"elsewhere.test`, and try again."
	refusedText = refusedHost + refusedStep
)

// A secret in what is said to an API that is allowed.
const refusedSecret = "bottle: Refused by policy: client.test (secret_in_body)"

// Anthropic's SDK with httpx2 does not take "[::1]" in no_proxy.
const modelScript = `/usr/bin/env no_proxy= NO_PROXY= PYTHONPATH="$(echo ` + toolFolder +
	`/*-packages)" /usr/bin/python3 -c '
import sys, time
import anthropic, openai
if sys.argv[1] == "anthropic":
    api = anthropic.Anthropic(api_key="x", base_url="https://elsewhere.test")
    call = lambda: api.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "hi"}])
else:
    api = openai.OpenAI(api_key="x", base_url="https://elsewhere.test/v1")
    call = lambda: api.responses.create(model="m", input="hi")
try:
    call()
except Exception as why:
    print(type(why).__name__, why)' `

// refusedClients say what real clients print of a refusal. elsewhere.test is not allowed.
var refusedClients = []client{
	{name: "git", probe: "command -v git", script: `git clone -q https://elsewhere.test/x.git 2>&1; true`,
		want: "remote: " + refusedText},
	{name: "npm", probe: "command -v npm",
		script: `npm install --no-audit --no-fund --cache ./cache --registry https://elsewhere.test/ x 2>&1; true`,
		want:   " - " + refusedText},
	// pip says why it found nothing only when it is asked to.
	{name: "pip", probe: "/usr/bin/python3 -m pip --version",
		script: `/usr/bin/python3 -m pip -vv download --retries 0 --no-cache-dir --index-url ` +
			`https://elsewhere.test/simple/ x 2>&1; true`, want: "403 Client Error: " + refusedText},
	{name: "pip file", probe: "/usr/bin/python3 -m pip --version",
		script: `/usr/bin/python3 -m pip download --retries 0 --no-cache-dir ` +
			`https://elsewhere.test/x-1.0-py3-none-any.whl 2>&1; true`, want: "403 Client Error: " + refusedText},
	{name: "cargo", probe: "command -v cargo && command -v rustc", tool: rustToolchain,
		script: `CARGO_HOME=$PWD/cargo CARGO_NET_RETRY=0 cargo search --index ` +
			`sparse+https://elsewhere.test/ x 2>&1; true`, want: refusedText},
	{name: "go", probe: "command -v go", tool: goToolchain,
		script: `printf 'module user\n\ngo 1.19\n\nrequire example.test/x v1.0.0\n' > go.mod
export GOPROXY=https://elsewhere.test GOSUMDB=off GOTOOLCHAIN=local GOFLAGS=-mod=mod
go mod download 2>&1; true`, want: "server response: " + refusedText},
	{name: "apt", probe: "command -v apt-get",
		script: `mkdir -p state/lists/partial cache/archives/partial && : > state/status
echo "deb [trusted=yes] https://elsewhere.test/apt ./" > sources.list
apt="apt-get -q -o APT::Sandbox::User=root -o Dir::State=$PWD/state -o Dir::State::status=$PWD/state/status"
apt="$apt -o Dir::Cache=$PWD/cache -o Dir::Etc::sourcelist=$PWD/sources.list -o Dir::Etc::sourceparts=-"
$apt update 2>&1; true`, want: "403  " + refusedText},
	{name: "gem", probe: "command -v gem", script: `gem install --no-document --clear-sources --source ` +
		`https://elsewhere.test/ --install-dir ./gems x 2>&1; true`, want: refusedHost},
	// Old ones show nothing but the status of the registry's first page.
	{name: "skopeo", probe: "command -v skopeo",
		script: `skopeo inspect docker://elsewhere.test/library/x 2>&1 | ` +
			`sed 's/.*\(status code from registry 403 (Forbidden)\|host_not_allowed\).*/told/'`, want: "told"},
	{name: "curl registry", probe: "command -v curl", script: `curl -sS https://elsewhere.test/v2/`,
		want: `{"errors":[{"code":"DENIED","message":"` + refusedText},
	{name: "curl", probe: "command -v curl", script: `curl -sS https://elsewhere.test/`,
		want: `"title":"Refused by policy: elsewhere.test","status":403,"hint":"` + refusedStep},
	{name: "curl call", probe: "command -v curl",
		script: `curl -sS -H 'Content-Type: application/json' -w '%{http_code}' -d ` +
			`'{"method":"tools/call","params":{"id":1},"jsonrpc":"2.0","id":"a-7"}' https://elsewhere.test/mcp`,
		want: `{"jsonrpc":"2.0","id":"a-7","error":{"code":-32003,"message":"` + refusedText},
	{name: "curl page", probe: "command -v curl",
		script: `curl -sS -H 'Accept: text/html,*/*' https://elsewhere.test/`,
		want:   "<h1>Refused by policy: elsewhere.test</h1>"},
	{name: "python anthropic", probe: "/usr/bin/python3 -c 'import anthropic, openai'", tool: pythonPackages,
		script: modelScript + "anthropic", want: "BadRequestError Error code: 400 - {'type': 'error', 'error': " +
			"{'type': 'invalid_request_error', 'message': '" + refusedText},
	{name: "python openai", probe: "/usr/bin/python3 -c 'import anthropic, openai'", tool: pythonPackages,
		script: modelScript + "openai", want: "BadRequestError Error code: 400 - " + refusedText},
	{name: "claude", probe: "command -v claude", tool: binFolder("claude"),
		script: claudeScript("https://elsewhere.test", "say hi"), want: "API Error: 400 " + refusedText},
	{name: "claude secret", probe: "command -v claude", tool: binFolder("claude"),
		script: claudeScript("https://client.test", "what is "+shapeSecret), want: "API Error: 400 " + refusedSecret},
	{name: "codex", probe: "command -v codex", tool: binFolder("codex"),
		script: codexScript("https://elsewhere.test/v1", "say hi"), want: `"message":"` + refusedText},
	{name: "codex secret", probe: "command -v codex", tool: binFolder("codex"),
		script: codexScript("https://client.test/v1", "what is "+shapeSecret), want: `"message":"` + refusedSecret},
}

func claudeScript(url, prompt string) string {
	return `ANTHROPIC_BASE_URL=` + url + ` ANTHROPIC_API_KEY=x DISABLE_AUTOUPDATER=1 IS_SANDBOX=1 ` +
		`CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 claude -p "` + prompt + `" </dev/null 2>&1; true`
}

func codexScript(url, prompt string) string {
	return `mkdir -p "$PWD/codex" && export CODEX_HOME="$PWD/codex" OPENAI_API_KEY=x NODE_PATH=` + toolFolder + `
printf 'model = "m"\nmodel_provider = "near"\n[model_providers.near]\nname = "near"\nbase_url = "` + url + `"\n` +
		`env_key = "OPENAI_API_KEY"\nwire_api = "responses"\n' > codex/config.toml
codex exec --skip-git-repo-check "` + prompt + `" </dev/null 2>&1; true`
}

// binFolder is where the program's link is: npm's programs find their packages beside it.
func binFolder(program string) func() string {
	return func() string {
		path, err := exec.LookPath(program)
		if err != nil {
			return ""
		}
		return outsideSystem(filepath.Dir(path))
	}
}

func pythonPackages() string {
	out, err := exec.Command("/usr/bin/python3", "-c",
		"import os, openai; print(os.path.dirname(os.path.dirname(openai.__file__)))").Output()
	if err != nil {
		return ""
	}
	return outsideSystem(strings.TrimSpace(string(out)))
}

// TestRefusedClientsSayWhy: what each client prints has the reason, the host, the code and the next step.
func TestRefusedClientsSayWhy(t *testing.T) {
	bottle := harness.Binary(t, "bottle")
	harness.Binary(t, "bottle-proxy")
	server, err := origin.Start(origin.Options{Names: []string{"client.test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "origin-ca.pem")
	if err := server.CA.WriteFile(ca); err != nil {
		t.Fatal(err)
	}
	args := []string{"start", "--quiet", "--backend", "local", "--scanner", "guard", "--allow", "client.test",
		"--allow-address", "127.0.0.0/8", "--origin-ca", ca, "--resolve", "client.test:443=" + server.Addr(),
		"--audit", filepath.Join(t.TempDir(), "audit.jsonl")}
	for _, c := range refusedClients {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			runClient(t, bottle, args, c, harness.Direct, server.Addr())
		})
	}
}

// TestRefusalsOfEveryPartTakeTheForm: the policy's, the guard's and the scanner's, over both protocols.
func TestRefusalsOfEveryPartTakeTheForm(t *testing.T) {
	matrix(t, func(t *testing.T, proto harness.Proto, via harness.Via) {
		w := harness.NewWorld(t, harness.WorldOptions{Via: via, Name: "api.test"})
		say := `{"messages":[{"role":"user","content":"` + shapeSecret + `"}]}`
		answer := w.Do(w.Client(proto), "POST", "/v1/messages?beta=true", strings.NewReader(say),
			"Content-Type", "application/json")
		var anthropic struct {
			Type  string
			Error struct{ Type, Message string }
		}
		if err := json.Unmarshal([]byte(answer.Text), &anthropic); err != nil || answer.StatusCode != 400 ||
			anthropic.Type != "error" || anthropic.Error.Type != "invalid_request_error" ||
			!strings.HasPrefix(anthropic.Error.Message, "bottle: Refused by ") ||
			!strings.Contains(anthropic.Error.Message, "api.test (secret_in_body)") {
			t.Errorf("status %d, %v, %s", answer.StatusCode, err, answer.Text)
		}
		if answer.Header.Get("X-Bottle-Deny") != "secret_in_body" {
			t.Errorf("X-Bottle-Deny %q", answer.Header.Get("X-Bottle-Deny"))
		}
		// As MCP's SDKs write it: the id behind the parameters, and so behind the secret.
		call := `{"method":"tools/call","params":{"x":"` + shapeSecret + `"},"jsonrpc":"2.0","id":12}`
		answer = w.Do(w.Client(proto), "POST", "/mcp", strings.NewReader(call), "Content-Type", "application/json")
		begins := `{"jsonrpc":"2.0","id":12,"error":{"code":-32003,`
		if answer.StatusCode != 200 || !strings.HasPrefix(answer.Text, begins) ||
			!strings.Contains(answer.Text, `"data":{"code":"secret_in_body"`) {
			t.Errorf("status %d, %s", answer.StatusCode, answer.Text)
		}
		w.Proxy.WaitAudit(t, "the call's line", func(l map[string]any) bool {
			return l["path"] == "/mcp" && l["verdict"] == "refused" && l["status"] == float64(200) &&
				l["reason"] == "secret_in_body"
		})
		for _, r := range w.Origin.Requests() {
			if r.Contains(shapeSecret) {
				t.Error("the origin got the secret")
			}
		}
	})
}

// TestFailuresKeepTheirStatus: an SDK tries again by the status, so only decisions change theirs.
func TestFailuresKeepTheirStatus(t *testing.T) {
	protos(t, func(t *testing.T, proto harness.Proto) {
		w := withDouble(t, double.Options{})
		w.Double.Close()
		answer := w.Do(w.Client(proto), "POST", "/v1/chat/completions", strings.NewReader("{}"),
			"Content-Type", "application/json")
		begins := `{"error":{"message":"bottle: Scanner unavailable`
		if answer.StatusCode != 503 || !strings.HasPrefix(answer.Text, begins) ||
			!strings.Contains(answer.Text, `"type":"server_error"`) {
			t.Errorf("status %d, %s", answer.StatusCode, answer.Text)
		}
	})
}
