package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"bottle.test/harness"
)

// Values that look random, in pieces of them.
const (
	mixed62 = "k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uWk7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW" +
		"m3Rt8KxW5zBqN1vYc7LpG4sJ6dF9hT2aE0uX"
	digits16 = "9f3b7c1e5d8a2046bb7e90c3d1f5a86239e4c07d5b1f8a6e2d94c3b70f1e5a8d"
	base58   = "tuQW7Lz9vKpXRn5sEhY2dMbJ8cAfGg3TqZ6wNj4rVeUkHxDmPyCiBoSsFtvu9z" +
		"8xKpWRn5sEhY2dMbJ7cAfGg3TqZ6wNj4rVeUkHxDmPyCiBo"
)

// scannerSamples has for each pattern by which a pipelock 2.3 refuses a body, as bottle configures it, a
// text that it refuses, in the forms that the guard alone does not take for a secret.
var scannerSamples = []struct{ name, text string }{
	{"Anthropic API Key", "short sk-ant-" + mixed62[:11] + " end"},
	{"Anthropic API Key, other case", "SK-ANT-" + strings.ToUpper(mixed62[:24])},
	{"OpenAI API Key", "see sk-proj-" + mixed62[:12]},
	{"OpenAI Service Key", "see sk-svcacct-" + mixed62[:12]},
	{"Fireworks API Key", "fw_" + mixed62[:24]},
	{"Google API Key", "key=AIza" + mixed62[:35]},
	{"Google OAuth Client Secret", "GOCSPX-" + mixed62[:28]},
	{"Stripe Key", "sk-test-" + mixed62[:20] + " or rk_live_" + mixed62[:24]},
	{"Stripe Webhook Secret", "whsec_" + mixed62[:20]},
	{"GitHub Token", "ghp_" + strings.Repeat("x", 36)},
	{"GitHub Fine-Grained PAT", "github_pat_" + mixed62[:36]},
	{"GitLab PAT", "glpat-" + strings.Repeat("x", 20)},
	{"AWS Access ID", "aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE"},
	{"AWS Access ID, a role", "AROA" + strings.ToUpper(mixed62[:17])},
	{"AWS Secret Key", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY\nregion = eu"},
	{"GCP Service Account Key", "{\n  \"type\": \"service_account\",\n  \"project_id\": \"p\"\n}"},
	{"Google OAuth Token", "ya29." + mixed62[:20]},
	{"Slack Token", "xoxb-" + mixed62[:15]},
	{"Slack App Token", "xapp-1-A0B1-2-" + digits16[:12]},
	{"Discord Bot Token", "M" + mixed62[:24] + "." + mixed62[:6] + "." + mixed62[:27]},
	{"Twilio API Key", "SK" + digits16[:32]},
	{"SendGrid API Key", "SG." + mixed62[:22] + "." + mixed62[:43]},
	{"Mailgun API Key", "key-" + mixed62[:32]},
	{"New Relic API Key", "NRAK-" + strings.ToUpper(mixed62[:27])},
	{"Hugging Face Token", "hf_" + mixed62[:20]},
	{"Databricks Token", "dapi" + strings.ToLower(mixed62[:30])},
	{"Replicate API Token", "r8_" + mixed62[:20]},
	{"Together AI Key", "tok_" + strings.ToLower(mixed62[:40])},
	{"Pinecone API Key", "pcsk_" + mixed62[:36]},
	{"Groq API Key", "gsk_" + mixed62[:48]},
	{"xAI API Key", "xai-" + mixed62[:80]},
	{"DigitalOcean Token", "dop_v1_" + digits16},
	{"HashiCorp Vault Token", "hvs." + mixed62[:23]},
	{"Vercel Token", "vercel_" + mixed62[:24] + ", vcp_" + mixed62[:24]},
	{"Supabase Service Key", "sb_secret_" + mixed62[:20]},
	{"npm Token", "npm_" + mixed62[:36]},
	{"PyPI Token", "pypi-" + mixed62[:16]},
	{"Linear API Key", "lin_api_" + mixed62[:40]},
	{"Notion API Key", "ntn_" + mixed62[:40]},
	{"Sentry Auth Token", "sntrys_" + mixed62[:40]},
	{"Private Key Header", "if line == \"-----BEGIN RSA PRIVATE" + " KEY-----\" { return true }"},
	{"Extended Private Key", "xprv" + base58[:107]},
	{"Ethereum Private Key", "hash 0x" + digits16 + " of it"},
	{"Social Security Number", "id 123-45-6789."},
	{"Google OAuth Client ID", "123456789-" + mixed62[:32] + ".apps.googleusercontent.com"},
	{"Credential in URL", "password=hunter2"},
	{"Credential in URL, code", "foo();\n  token = getToken();\n  return token"},
	{"Environment Variable Secret", "export DB_PASSWORD=changeme-now\nexport A=b"},
	{"Credit Card Number", "card 4111 1111 1111 1111"},
	{"IBAN", "GB82WEST12345698765432"},
	{"in base64", "see QUtJQUlPU0ZPRE5ON0VYQU1QTEU= here"},
}

// TestWhatPipelockRefusesIsRedacted: with redact, no text that pipelock alone refuses ends a conversation behind it.
func TestWhatPipelockRefusesIsRedacted(t *testing.T) {
	harness.Contract(t)
	real := os.Getenv("PIPELOCK_BIN") != ""
	plain := shownWorld(t)
	options := redacting(harness.WorldOptions{Via: harness.Scanner, Exit: true, Program: true})
	redacts := harness.NewWorld(t, options)
	ended := 0
	for _, sample := range scannerSamples {
		t.Run(sample.name, func(t *testing.T) {
			body, _ := json.Marshal(map[string]any{"messages": []any{
				map[string]any{"role": "user", "content": "what is in the file?"},
				map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": sample.text}}}}})
			client := plain.Client(harness.H1)
			alone := plain.Do(client, "POST", "/upload", strings.NewReader(string(body)), "Content-Type", asJSON)
			if real && alone.StatusCode != 403 {
				t.Errorf("without redact: %d, so this is no sample", alone.StatusCode)
			}
			client = redacts.Client(harness.H1)
			answer := redacts.Do(client, "POST", "/upload", strings.NewReader(string(body)), "Content-Type", asJSON)
			if answer.StatusCode != 200 {
				ended++
				t.Errorf("with redact: %d %s", answer.StatusCode, answer.Text)
			}
		})
	}
	t.Logf("%d samples, %d of them end a session", len(scannerSamples), ended)
	line := fmt.Sprint(redacts.Proxy.AuditText())
	if !strings.Contains(line, "AWS Access ID") {
		t.Error("the audit log does not say what was redacted")
	}
}
