package integration

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

const (
	// The ids of AWS's keys go to its hosts alone.
	awsHost  = "s3.eu-west-1.amazonaws.com"
	modelKey = "sk-ant-api03-vR7tQ2mXw9LkB4nZ8cYpD3sF6hJ1gT5aE0uWqKxN7bVr" +
		"2MzC9dSf4GhP8jLy3TnQ6wXeR1oA5iU0kBvJm4ZsHd-tG7pLAA"
	awsSecret = "Kd8Rw3Tn6yBv1KxM/5GhJ2Lf4Ck9Pe7s+Zq0UaXo"
	awsToken  = "IQoJb3JpZ2luX2VjEJr8Rw3Tn6yBv1KxMd5GhJ2Lf4Ck9Pe7sZq0UaXoWm5X" +
		"b2Nc8vZr4QyTs7UiE6Pj19gkHd5Xp2Vm9cQr7T"
)

// keptOutClient is a program that logs in with a value that the bottle does not have. Its script finds a value as
// MY_TOKEN, unless env says more.
type keptOutClient struct {
	client
	env     string   // of the manifest
	values  []string // outside of the bottle
	origin  origin.Options
	arrives []string // fields that come to the origin, "Name: value"
}

var (
	pairOf = func(user string) []string { return []string{"Authorization: " + basicAuth(user, gitHubToken)} }
	bearer = []string{"Authorization: Bearer " + gitHubToken}
	tokens = origin.Options{Login: true, Password: gitHubToken}
	models = origin.Options{Password: modelKey}
	keyOf  = func(name string) string {
		return `"` + name + `": {"from_host": true, "hosts": ["client.test"], "keep_out": true}`
	}
	awsEnv = `"AWS_ACCESS_KEY_ID": {"from_host": true, "secret": false},
		"AWS_SECRET_ACCESS_KEY": {"from_host": true, "hosts": ["` + awsHost + `"], "keep_out": true,
			"in": ["aws_signature"]}`
	awsVars = []string{"AWS_ACCESS_KEY_ID=AKIAQ7R2VXN5TLBZWK3D", "AWS_SECRET_ACCESS_KEY=" + awsSecret}
)

// awsSetUp: path-style names, since the origin has one name alone.
const awsSetUp = `export AWS_CONFIG_FILE=$PWD/aws-config AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
printf '[default]\ns3 =\n  addressing_style = path\n' > aws-config
aws() { command aws --endpoint-url https://` + awsHost + `/s3 "$@"; }
`

const awsScript = awsSetUp + `set -e
echo "a small one" > small; head -c $LARGE /dev/urandom > large
for name in small large; do
  aws s3 cp --no-progress $name s3://bucket/$name; aws s3 cp --no-progress s3://bucket/$name back-$name
  cmp $name back-$name && echo "$name is the same"
done
curl -sS "$(aws s3 presign s3://bucket/small)"
curl -sS "$(aws s3 presign s3://bucket/small --expires-in 7200)"`

var keptOutClients = []keptOutClient{
	{client: client{name: "git clone", probe: "command -v git",
		script: `git clone -q https://client.test/git/table.git copy && cat copy/README`,
		want:   "a stand-in repository"},
		origin: tokens, arrives: pairOf("x-access-token")},
	{client: client{name: "git push", probe: "command -v git",
		script: `git clone -q https://client.test/git/table.git copy && cd copy && head -c 3000000 /dev/urandom > big &&
git add big && git -c user.name=a -c user.email=a@example.com commit -q -m more &&
git push -q origin HEAD:refs/heads/pushed && git ls-remote --heads origin`, want: "refs/heads/pushed"},
		origin: tokens, arrives: pairOf("x-access-token")},
	{client: client{name: "npm install", probe: "command -v npm",
		script: `echo '//client.test/npm/:_authToken=${MY_TOKEN}' > .npmrc && npm install --no-audit --no-fund ` +
			`--cache ./cache --registry https://client.test/npm/ ` + origin.NpmPackage + ` && ls node_modules`,
		want: origin.NpmPackage}, origin: tokens, arrives: bearer},
	{client: client{name: "npm publish", probe: "command -v npm",
		script: `echo '//client.test/npm/:_authToken=${MY_TOKEN}' > .npmrc
echo '{"name": "bottle-mine", "version": "1.0.0"}' > package.json
npm publish --cache ./cache --registry https://client.test/npm/`, want: "+ bottle-mine@1.0.0"},
		origin: tokens, arrives: bearer},
	{client: client{name: "pip install", probe: "/usr/bin/python3 -m pip --version",
		script: `/usr/bin/python3 -m pip install -q --no-cache-dir --disable-pip-version-check --target ./lib ` +
			`--index-url "https://x:$MY_TOKEN@client.test/pypi/simple/" ` + origin.WheelPackage + ` && ls lib`,
		want: "bottle_tiny"}, origin: tokens, arrives: pairOf("x")},
	{client: client{name: "twine upload", probe: "/usr/bin/twine --version", script: `set -e
curl -sS -u "x:$MY_TOKEN" -O https://client.test/pypi/files/bottle_tiny-1.0-py3-none-any.whl
export TWINE_USERNAME=__token__ TWINE_PASSWORD="$MY_TOKEN"
/usr/bin/twine upload --non-interactive --disable-progress-bar --repository-url https://client.test/pypi/legacy/ *.whl
echo uploaded`, want: "uploaded"}, origin: tokens, arrives: pairOf("__token__")},
	{client: client{name: "skopeo", probe: "command -v skopeo", script: `set -e
export REGISTRY_AUTH_FILE=$PWD/auth.json
echo "$MY_TOKEN" | skopeo login -u me --password-stdin client.test
skopeo copy --insecure-policy dir:image docker://client.test/tiny:1
skopeo inspect --raw docker://client.test/tiny:1`, want: "vnd.docker.distribution.manifest.v2"},
		origin: tokens, arrives: pairOf("me")},
	{client: client{name: "claude", probe: "command -v claude", tool: binFolder("claude"),
		script: `ANTHROPIC_BASE_URL=https://client.test DISABLE_AUTOUPDATER=1 IS_SANDBOX=1 ` +
			`CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 claude -p "say hi" </dev/null 2>&1`, want: origin.ModelAnswer},
		env: keyOf("ANTHROPIC_API_KEY"), values: []string{"ANTHROPIC_API_KEY=" + modelKey}, origin: models,
		arrives: []string{"X-Api-Key: " + modelKey}},
	{client: client{name: "codex", probe: "command -v codex", tool: binFolder("codex"),
		script: `mkdir codex && export CODEX_HOME="$PWD/codex" && codex exec --skip-git-repo-check ` +
			`-c 'openai_base_url="https://client.test/v1"' "say hi" </dev/null 2>&1`, want: origin.ModelAnswer},
		env: keyOf("CODEX_API_KEY"), values: []string{"CODEX_API_KEY=" + modelKey}, origin: models,
		arrives: []string{"Authorization: Bearer " + modelKey}},
	{client: client{name: "aws", probe: "/usr/bin/aws --version", script: awsScript,
		want: "large is the same\na small one\n<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch"},
		env: awsEnv, values: awsVars, origin: origin.Options{SecretKey: awsSecret}},
	{client: client{name: "aws session", probe: "/usr/bin/aws --version", script: awsScript,
		want: "large is the same\na small one\n<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch"},
		env: awsEnv + `, "AWS_SESSION_TOKEN": {"from_host": true, "hosts": ["` + awsHost + `"], "keep_out": true,
			"in": ["header", "query"]}`,
		values: append([]string{"AWS_SESSION_TOKEN=" + awsToken}, awsVars...),
		origin: origin.Options{SecretKey: awsSecret, SessionToken: awsToken}},
}

// imageFolder writes an image of containers with one empty layer, as `skopeo copy docker://… dir:image` would.
func imageFolder(t *testing.T, folder string) {
	t.Helper()
	layer, _ := base64.StdEncoding.DecodeString("H4sIAAAAAAAA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=")
	imageOf(t, folder, layer)
}

// imageOf is imageFolder with a layer of the caller's, in gzip.
func imageOf(t *testing.T, folder string, layer []byte) {
	t.Helper()
	put := func(name string, content []byte) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(kind string, content []byte) map[string]any {
		name := fmt.Sprintf("%x", sha256.Sum256(content))
		put(name, content)
		return map[string]any{"mediaType": "application/vnd.docker." + kind, "size": len(content),
			"digest": "sha256:" + name}
	}
	manifest, _ := json.Marshal(map[string]any{"schemaVersion": 2,
		"mediaType": "application/vnd.docker.distribution.manifest.v2+json",
		"config": blob("container.image.v1+json", []byte(`{"architecture":"amd64","os":"linux",`+
			`"rootfs":{"type":"layers",`+
			`"diff_ids":["sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"]}}`)),
		"layers": []any{blob("image.rootfs.diff.tar.gzip", layer)}})
	put("manifest.json", manifest)
	put("version", []byte("Directory Transport Version: 1.1\n"))
}

// TestClientsLogInWithPlaceholders: the origin wants the values, and the programs in the bottle have none of them.
func TestClientsLogInWithPlaceholders(t *testing.T) {
	for _, scanner := range []string{"guard", "pipelock"} {
		for _, c := range keptOutClients {
			t.Run(scanner+"/"+strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) { logsIn(t, scanner, c) })
		}
	}
}

// TestCodexTakesTheKeyOfItsPreset: the command that `bottle init` writes reads the key from OPENAI_API_KEY.
func TestCodexTakesTheKeyOfItsPreset(t *testing.T) {
	if exec.Command("sh", "-c", "command -v codex").Run() != nil || outsideSystem(binFolder("codex")()) != "" {
		t.Skip("codex is not installed where a bottle has it")
	}
	for _, scanner := range []string{"guard", "pipelock"} {
		t.Run(scanner, func(t *testing.T) {
			s, server, args := keptOut(t, scanner, models, "", "OPENAI_API_KEY="+modelKey)
			s.call("init", "--force", "--preset", "codex").want(t, 0)
			manifest, _ := os.ReadFile(filepath.Join(s.project, "bottle.json"))
			line := regexp.MustCompile(`"codex": .*"command": (\[.*\])`).FindSubmatch(manifest)
			var command []string
			if line == nil || json.Unmarshal(line[1], &command) != nil {
				t.Fatalf("no command in %s", manifest)
			}
			args = append(append(args, "codex", "--"), command...)
			out := s.call(append(args, "exec", "--skip-git-repo-check", "say hi")...)
			out.want(t, 0, origin.ModelAnswer)
			got := server.Requests()
			if len(got) == 0 || got[len(got)-1].Header.Get("Authorization") != "Bearer "+modelKey {
				t.Errorf("the origin got %v", got)
			}
		})
	}
}

func logsIn(t *testing.T, scanner string, c keptOutClient) {
	if exec.Command("sh", "-c", c.probe).Run() != nil {
		t.Skipf("%s is not installed (%s)", c.name, c.probe)
	}
	if c.env == "" {
		c.env, c.values = keyOf("MY_TOKEN"), []string{"MY_TOKEN=" + gitHubToken}
	}
	s, server, args := keptOut(t, scanner, c.origin, c.env, c.values...)
	imageFolder(t, filepath.Join(s.project, "image"))
	// In several parts, except behind a real pipelock, which takes seconds for a megabyte.
	script := "LARGE=20000000; " + c.script
	if scanner == "pipelock" && harness.RealPipelock() != "" {
		script = "LARGE=300000; " + c.script
		// It takes the id of an AWS key in a URL for a leak.
		c.want, _, _ = strings.Cut(c.want, "\na small one")
	}
	if folder := c.folder(); folder != "" {
		script = "PATH=$PATH:" + toolFolder + "/" + filepath.Base(folder) + "; " + script
	}
	out := s.call(append(args, "--", "sh", "-c", script)...)
	out.want(t, 0, c.want)
	for _, line := range c.values {
		name, value, _ := strings.Cut(line, "=")
		if name != "AWS_ACCESS_KEY_ID" && strings.Contains(out.out+out.errors, value) {
			t.Errorf("the value is in %s%s", out.out, out.errors)
		}
	}
	for _, field := range c.arrives {
		came := false
		name, value, _ := strings.Cut(field, ": ")
		for _, request := range server.Requests() {
			came = came || request.Header.Get(name) == value
		}
		if !came {
			t.Errorf("the value has not come to the origin as %s", name)
		}
	}
}
