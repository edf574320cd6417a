package double

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Contract says which pipelock the double is like.
type Contract string

// The contracts. docs/pipelock.md says how they differ.
const (
	Contract2 Contract = "2.3" // as 2.3.0 has it; the default
	Contract3 Contract = "3.x" // as its later versions have it
)

// ParseContract knows the two names; "" is the default.
func ParseContract(name string) (Contract, error) {
	switch Contract(name) {
	case "", Contract2:
		return Contract2, nil
	case Contract3:
		return Contract3, nil
	}
	return "", fmt.Errorf("no contract %q: %s or %s", name, Contract2, Contract3)
}

const markField = "X-Pipelock-Block-Reason"

// mark is what 3.x says in fields of a refusal.
type mark struct{ code, severity, retry string }

// marks are found by the scanner that refused and the beginning of its reason; the first row that fits counts.
var marks = []struct {
	scanner, reason string
	mark
}{
	{"scheme", "", mark{"scheme_blocked", "warn", "none"}},
	{"crlf_injection", "", mark{"bad_request", "warn", "none"}},
	{"path_traversal", "", mark{"bad_request", "warn", "none"}},
	{"allowlist", "", mark{"domain_blocklist", "warn", "policy"}},
	{"dlp", "", mark{"dlp_match", "critical", "none"}},
	{"header_dlp", "", mark{"dlp_match", "critical", "none"}},
	{"ssrf", "SSRF check failed", mark{"ssrf_dns_rebind", "warn", "transient"}},
	{"ssrf", "", mark{"ssrf_private_ip", "critical", "none"}},
	{"ratelimit", "", mark{"rate_limit", "info", "transient"}},
	{"length", "", mark{"url_length", "warn", "none"}},
	{"body_dlp", "request body contains secret", mark{"dlp_match", "critical", "none"}},
	{"body_dlp", "request body contains injection", mark{"prompt_injection", "critical", "none"}},
	{"body_dlp", "invalid", mark{"parse_error", "warn", "none"}},
	{"body_dlp", "multipart", mark{"parse_error", "warn", "none"}},
	{"body_dlp", "", mark{"bad_request", "warn", "none"}},
	{"redirect", "Location", mark{"parse_error", "warn", "none"}},
	{"redirect", "", mark{"redirect_scan_denied", "warn", "policy"}},
	{"sse_stream", "", mark{"compressed_response", "warn", "none"}},
	{"response_scan", "compressed", mark{"compressed_response", "warn", "none"}},
	{"response_scan", "response contains injection", mark{"prompt_injection", "critical", "none"}},
	{"response_scan", "", mark{"parse_error", "warn", "transient"}},
	{"kill_switch", "", mark{"kill_switch_active", "critical", "policy"}},
}

// addMark puts the fields of 3.x into a refusal's head.
func (d *Double) addMark(fields http.Header, scanner, reason string) {
	if d.opts.Contract != Contract3 {
		return
	}
	for _, row := range marks {
		if row.scanner != scanner || !strings.HasPrefix(reason, row.reason) {
			continue
		}
		for name, value := range map[string]string{"": row.code, "-Version": "1", "-Severity": row.severity,
			"-Retry": row.retry, "-Layer": scanner, "-Receipt": "01JZ0000000000000000000000"} {
			fields.Set(markField+name, value)
		}
		return
	}
	panic("no mark for " + scanner + ": " + reason)
}

// dropForged takes an origin's own copies of the fields off.
func (d *Double) dropForged(fields http.Header) {
	if d.opts.Contract != Contract3 || d.opts.KeepsForged {
		return
	}
	for name := range fields {
		if strings.HasPrefix(name, markField) {
			fields.Del(name)
		}
	}
}

// vetRedirect is what 3.x does with a redirect instead of following it: it returns it, or refuses it.
func vetRedirect(sent *url.URL, hasBody bool, resp *http.Response) *verdict {
	switch resp.StatusCode {
	case 301, 302, 303, 307, 308:
	default:
		return nil
	}
	to := resp.Header["Location"]
	if len(to) == 0 {
		return nil
	}
	if len(to) > 1 || strings.TrimSpace(to[0]) == "" || strings.Contains(to[0], `\`) {
		return blocked("redirect", "Location is ambiguous")
	}
	target, err := sent.Parse(to[0])
	if err != nil {
		return blocked("redirect", "Location is not a URL")
	}
	if resp.StatusCode >= 307 && hasBody && target.Host != sent.Host {
		return blocked("redirect", "the body would go to another authority")
	}
	return nil
}
