package integration

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
)

// hostSpellings are the spellings of an allowlist's entry, and whether it is one.
var hostSpellings = []struct {
	text string
	good bool
}{
	// names
	{"example.com", true}, {"EXAMPLE.com", true}, {"localhost", true}, {"a.b.c.d.example.com", true},
	{"xn--bcher-kva.example", true}, {"a-b.example", true}, {"a--b.example", true}, {"1example.com", true},
	{"1.2.3.example", true}, {"0x7f.example", true}, {strings.Repeat("a", 63) + ".example", true},
	// names that are no hosts by the letter of RFC 952, and that resolvers, browsers and certificates take
	{"a_b.example", true}, {"under_score.example", true}, {"_dmarc.example.com", true}, {"a-.example", true},
	// names with a port
	{"example.com:443", true}, {"example.com:1", true}, {"example.com:65535", true}, {"*.example.com:8443", true},
	{"*:80", true},
	// patterns
	{"*", true}, {"*.example.com", true}, {"*.a.b.example.com", true}, {"*.under_score.example", true},
	// addresses
	{"192.0.2.1", true}, {"192.0.2.1:8080", true}, {"::1", true}, {"[::1]", true}, {"[::1]:443", true},
	{"2001:db8::1", true}, {"[2001:DB8::1]:8443", true},
	// these look like names
	{"example.com.", false}, {"-a.com", false}, {".example.com", false}, {"a..example", false}, {"a b.example", false},
	{"xn--a.com", false}, {"bücher.example", false}, {strings.Repeat("a", 64) + ".example", false},
	{"user@example.com", false}, {"a/b.example", false}, {"https://example.com", false}, {"example.com/v1", false},
	// some resolver reads these as addresses
	{"1.2.3", false}, {"256.1.1.1", false}, {"0x7f.1", false}, {"127.1", false}, {"2130706433", false},
	{"010.0.0.1", false},
	{"[::ffff:127.0.0.1]", false}, {"fe80::1%eth0", false}, {"[::1", false}, {"[::1]443", false},
	// patterns that are none
	{"*.com", false}, {"*.", false}, {"*example.com", false}, {"a.*.example", false}, {"**.example.com", false},
	{"*.1.2.3.4", false},
	// ports that are none
	{"example.com:", false}, {"example.com:0", false}, {"example.com:65536", false}, {"example.com:+1", false},
	{"example.com:https", false}, {":443", false},
}

// hostVerdicts asks both programs what they think of an entry: bottle-proxy, the launcher's command line and a
// manifest. The last two are asked for a plan, which is never to accept what a start would refuse.
func hostVerdicts(t *testing.T, s *shelf, host string) map[string]bool {
	t.Helper()
	verdict := map[string]bool{}
	code, _, said := harness.RunProxy(t, 20*time.Second, "--check-config", "--upstream", "direct", "--allow", host)
	if code != 0 && code != exitUsage {
		t.Errorf("%q: bottle-proxy ended with %d: %s", host, code, said)
	}
	verdict["bottle-proxy --check-config"] = code == 0

	plan := s.call("start", "--dry-run", "--scanner", "guard", "--allow", host, "--", "true")
	if plan.code != 0 && plan.code != 64 {
		t.Errorf("%q: bottle ended with %d: %s", host, plan.code, plan.errors)
	}
	verdict["--allow"] = plan.code == 0

	quoted, err := json.Marshal(host)
	if err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(t.TempDir(), "bottle.json")
	text := fmt.Sprintf("{ \"bottles\": { \"b\": { \"egress\": {\n  \"allow\": [%s] } } } }\n", quoted)
	if err := os.WriteFile(manifest, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	plan = s.call("start", "--manifest", manifest, "--dry-run", "--scanner", "guard", "b", "--", "true")
	if plan.code != 0 && (plan.code != 65 || !strings.Contains(plan.errors, "bottle.json:2:13: ")) {
		t.Errorf("%q: with a manifest bottle ended with %d: %s", host, plan.code, plan.errors)
	}
	verdict["the manifest"] = plan.code == 0
	return verdict
}

// TestOneVerdictForEachHost: every part reads an allowlist's entry in the same grammar, and says where a bad one
// stands.
func TestOneVerdictForEachHost(t *testing.T) {
	s := newShelf(t)
	for _, host := range hostSpellings {
		for who, good := range hostVerdicts(t, s, host.text) {
			if good != host.good {
				t.Errorf("%s takes %q: %v, want %v", who, host.text, good, host.good)
			}
		}
	}
}

// TestPlansAcceptNoHostThatAStartRefuses: the same of random spellings.
func TestPlansAcceptNoHostThatAStartRefuses(t *testing.T) {
	s := newShelf(t)
	seed := time.Now().UnixNano()
	random := rand.New(rand.NewSource(seed))
	pieces := []string{"a", "example", "com", "1", "0x7f", "xn--", "*", ".", ".", "-", "_", ":", "[", "]", "::", "443",
		"%", "@", " ", "ü"}
	for i := 0; i < 40; i++ {
		host := ""
		for n := 1 + random.Intn(6); n > 0; n-- {
			host += pieces[random.Intn(len(pieces))]
		}
		verdicts := hostVerdicts(t, s, host)
		for who, good := range verdicts {
			if good != verdicts["bottle-proxy --check-config"] {
				t.Errorf("seed %d: %s takes %q: %v, bottle-proxy: %v", seed, who, host, good, !good)
			}
		}
	}
}
