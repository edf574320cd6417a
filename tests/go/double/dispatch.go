package double

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// statusTap remembers the status a handler wrote.
type statusTap struct {
	http.ResponseWriter
	status int
}

func (s *statusTap) WriteHeader(code int) {
	if s.status == 0 {
		s.status = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *statusTap) Flush() {
	if f, ok := s.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// dispatch: kill switch, CONNECT, absolute-form, else the double's own endpoints.
func (d *Double) dispatch(w http.ResponseWriter, r *http.Request) {
	tap, _ := r.Context().Value(tapKey{}).(*tapConn)
	head := ""
	number := 0
	if tap != nil {
		head, number = tap.takeHead(r.Method, r.RequestURI), tap.number
	}
	line, _, _ := strings.Cut(head, "\r\n")
	seen := &Seen{Conn: number, Line: line, Head: head, Method: r.Method, URL: r.RequestURI,
		Agent: r.Header.Get("X-Pipelock-Agent"), Length: r.ContentLength}
	switch {
	case r.Method == http.MethodConnect:
		seen.Door = "connect"
	case r.URL.IsAbs() && r.URL.Host != "":
		seen.Door = "forward"
	default:
		seen.Door = "mux"
	}
	d.mu.Lock()
	d.seen = append(d.seen, seen)
	fault, halted := d.fault, d.halted
	d.total++
	d.nextID++
	id := fmt.Sprintf("req-%d", d.nextID)
	d.mu.Unlock()

	out := &statusTap{ResponseWriter: w}
	defer func() {
		d.mu.Lock()
		seen.Status = out.status
		if out.status == http.StatusForbidden {
			d.blocked++
		}
		d.mu.Unlock()
	}()
	exempt := r.URL.Path == "/health" || r.URL.Path == "/metrics"
	if halted && !exempt {
		d.audit(r, id, "kill_switch_deny", "", "")
		w.Header().Set("Content-Type", "application/json")
		d.addMark(w.Header(), "kill_switch", "")
		out.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"error":"kill_switch_active","message":"stopped"}` + "\n"))
		return
	}
	switch seen.Door {
	case "connect":
		d.connect(out, r, id)
	case "forward":
		if fault.Kind != FaultNone && d.misbehave(fault, w, r) {
			return
		}
		d.forward(out, r, id)
	default:
		d.endpoints(out, r, id)
	}
}

func (d *Double) endpoints(w http.ResponseWriter, r *http.Request, id string) {
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	d.mu.Lock()
	total, blocked, halted := d.total, d.blocked, d.halted
	d.mu.Unlock()
	switch r.URL.Path {
	case "/health":
		version := map[Contract]string{Contract2: "2.3.0", Contract3: "3.5.0"}[d.opts.Contract]
		answer(map[string]any{"status": "healthy", "version": version, "mode": "strict",
			"uptime_seconds": time.Since(d.started).Seconds(),
			"dlp_patterns":   1, "response_scan_enabled": true, "forward_proxy_enabled": true,
			"request_body_scan_enabled": true, "kill_switch_active": halted})
	case "/stats":
		answer(map[string]any{"requests": map[string]int{"total": total, "blocked": blocked}})
	case "/metrics":
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "pipelock_requests_total %d\n", total)
	case "/fetch":
		d.fetch(w, r, id)
	case "/ws":
		d.websocket(w, r, id)
	case "/api/v1/killswitch":
		http.Error(w, "kill switch API token not configured", http.StatusServiceUnavailable)
	default:
		http.NotFound(w, r)
	}
}

// refuse is http.Error with the audit line that goes with it.
func (d *Double) refuse(w http.ResponseWriter, r *http.Request, id string, v *verdict) {
	d.audit(r, id, v.event, v.scanner, v.reason)
	if v.hint != "" && d.opts.ExplainBlocks {
		w.Header().Set("X-Pipelock-Hint", v.hint)
	}
	d.addMark(w.Header(), v.scanner, v.reason)
	http.Error(w, v.text, v.status)
}

func (d *Double) audit(r *http.Request, id, event, scanner, reason string) {
	if d.opts.Audit == nil {
		return
	}
	target := r.URL.String()
	if scanner == "dlp" || scanner == "body_dlp" || scanner == "header_dlp" || scanner == "response_scan" {
		target = r.URL.Scheme + "://" + r.URL.Host + "/[redacted]"
	}
	level := "warn"
	if event == "forward_http" {
		level = "info"
	}
	agent := r.Header.Get("X-Pipelock-Agent")
	if agent == "" {
		agent = "anonymous"
	}
	host, _, _ := strings.Cut(r.RemoteAddr, ":")
	line := map[string]any{"level": level, "component": "pipelock", "event": event, "method": r.Method, "url": target,
		"client_ip": host, "request_id": id, "agent": agent, "time": time.Now().Format(time.RFC3339), "message": event}
	if scanner != "" {
		line["scanner"], line["reason"] = scanner, reason
		if scanner == "body_dlp" || scanner == "header_dlp" {
			line["action"] = "block"
		}
	}
	text, err := json.Marshal(line)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = d.opts.Audit.Write(append(text, '\n'))
}

// verdict is one refusal.
type verdict struct {
	status                 int
	text                   string
	event, scanner, reason string
	hint                   string
}

func blocked(scanner, reason string) *verdict {
	return &verdict{status: http.StatusForbidden, text: "blocked: " + reason, event: "blocked", scanner: scanner,
		reason: reason}
}

// scanURL runs the URL checks in pipelock's order.
func (d *Double) scanURL(u *url.URL) *verdict {
	host := strings.ToLower(u.Hostname())
	full := u.String()
	lower := strings.ToLower(full)
	before, _, _ := strings.Cut(lower, "#")
	explain := func(v *verdict) *verdict {
		v.hint = "see the pipelock configuration (" + v.scanner + ")"
		return v
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return explain(blocked("scheme", fmt.Sprintf("scheme %q not allowed: only http and https", u.Scheme)))
	case strings.Contains(before, "%0d%0a"):
		return explain(blocked("crlf_injection", "CRLF injection sequence in URL"))
	case strings.Contains(before, "%0a") || strings.Contains(before, "%0d"):
		return explain(blocked("crlf_injection", "encoded CR or LF in URL"))
	case strings.Contains(before, "%250a") || strings.Contains(before, "%250d"):
		return explain(blocked("crlf_injection", "double-encoded CR or LF in URL"))
	case strings.Contains(before, "/../") || strings.Contains(before, "%2e%2e"):
		return explain(blocked("path_traversal", "path traversal sequence in URL"))
	case !d.allowed(host):
		return explain(blocked("allowlist", "domain not in allowlist: "+host))
	}
	unescaped, err := url.QueryUnescape(full)
	if err != nil {
		unescaped = full
	}
	if dlpSecret.MatchString(full) || dlpSecret.MatchString(unescaped) {
		return explain(blocked("dlp", "DLP match: Anthropic API Key (critical)"))
	}
	ip, err := d.lookup(host, port(u))
	if err != nil {
		return explain(blocked("ssrf", fmt.Sprintf("SSRF check failed: DNS resolution error for %s: lookup %s: no "+
			"such host", host, host)))
	}
	if private(ip) && !d.ipAllowed(ip) {
		return explain(blocked("ssrf", fmt.Sprintf("SSRF blocked: %s resolves to internal IP %s", host, ip)))
	}
	if !d.underRate(host) {
		return &verdict{status: http.StatusTooManyRequests, text: "blocked: rate limit exceeded for " + host,
			event: "blocked", scanner: "ratelimit", reason: "rate limit exceeded for " + host}
	}
	if len(full) > d.opts.MaxURL {
		return explain(blocked("length", fmt.Sprintf("URL length %d exceeds maximum %d", len(full), d.opts.MaxURL)))
	}
	return nil
}

func (d *Double) allowed(host string) bool {
	for _, entry := range d.opts.Allow {
		entry = strings.ToLower(entry)
		if entry == "*" || entry == host {
			return true
		}
		if suffix := strings.TrimPrefix(entry, "*"); suffix != entry && (strings.HasSuffix(host, suffix) ||
			host == suffix[1:]) {
			return true
		}
	}
	return false
}

func (d *Double) underRate(host string) bool {
	if d.opts.PerMinute <= 0 {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	kept := d.reached[host][:0]
	for _, at := range d.reached[host] {
		if now.Sub(at) < time.Minute {
			kept = append(kept, at)
		}
	}
	ok := len(kept) < d.opts.PerMinute
	if ok {
		kept = append(kept, now)
	}
	d.reached[host] = kept
	return ok
}
