package double

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var errTooManyRedirects = errors.New("stopped after 4 redirects")

// redirectRefused carries the verdict on a redirect's target out of http.Client.
type redirectRefused struct{ verdict *verdict }

func (e *redirectRefused) Error() string { return "redirect blocked" }

func (d *Double) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > 4 {
		return errTooManyRedirects
	}
	if v := d.scanURL(req.URL); v != nil {
		v.text = "blocked: redirect blocked: " + v.reason
		v.status = http.StatusForbidden
		return &redirectRefused{v}
	}
	return nil
}

var removedToOrigin = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "X-Pipelock-Agent", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
	"X-Forwarded-Port", "X-Real-Ip", "Forwarded", "Via", "Pipelock-Mediation"}

var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade"}

func strip(fields http.Header, names []string) {
	for _, listed := range fields["Connection"] {
		for _, name := range strings.Split(listed, ",") {
			if name = strings.TrimSpace(name); name != "" {
				fields.Del(name)
			}
		}
	}
	for _, name := range names {
		fields.Del(name)
	}
}

// dropAgentParam deletes ?agent= and so re-encodes the whole query, as pipelock does.
func dropAgentParam(u *url.URL) {
	query := u.Query()
	if _, ok := query["agent"]; ok {
		query.Del("agent")
		u.RawQuery = query.Encode()
	}
}

// readBody collects and vets the request body; everything unreadable is refused.
func (d *Double) readBody(r *http.Request) ([]byte, *verdict) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, blocked("body_dlp", fmt.Sprintf("request body uses Content-Encoding %q; compressed bodies "+
			"cannot be scanned for secrets", coding))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, d.opts.MaxRequest+1))
	if err != nil {
		return nil, blocked("body_dlp", "error reading request body: "+err.Error())
	}
	if int64(len(body)) > d.opts.MaxRequest {
		return nil, blocked("body_dlp", fmt.Sprintf("request body exceeds max_body_bytes (%d)", d.opts.MaxRequest))
	}
	if len(body) == 0 {
		return body, nil
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		if !json.Valid(body) {
			return nil, blocked("body_dlp", "invalid JSON body")
		}
	case kind == "application/x-www-form-urlencoded":
		if _, err := url.ParseQuery(string(body)); err != nil {
			return nil, blocked("body_dlp", "invalid application/x-www-form-urlencoded body")
		}
	case kind == "multipart/form-data":
		if v := vetMultipart(body, params["boundary"]); v != nil {
			return nil, v
		}
	}
	time.Sleep(time.Duration(int64(d.opts.RequestDelay) * int64(len(body)) >> 20))
	found := mayHold(body, "sk-ant-") && dlpSecret.Match(body)
	if unescaped, err := url.QueryUnescape(string(body)); !found && len(body) < 1<<20 && err == nil {
		found = dlpSecret.MatchString(unescaped)
	}
	if found {
		v := blocked("body_dlp", "request body contains secret: Anthropic API Key")
		v.event = "body_dlp"
		return nil, v
	}
	if d.opts.Contract == Contract3 && mayHold(body, "revious") && injection.Match(body) {
		return nil, blocked("body_dlp", "request body contains injection")
	}
	return body, nil
}

// mayHold is a quick look for a part of what a pattern needs, in lower or upper case: Go's regular expressions take a
// second for a few MiB.
func mayHold(body []byte, part string) bool {
	return bytes.Contains(body, []byte(part)) || bytes.Contains(body, []byte(strings.ToUpper(part)))
}

func vetMultipart(body []byte, boundary string) *verdict {
	if boundary == "" {
		return blocked("body_dlp", "multipart/form-data missing boundary")
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for parts := 0; ; parts++ {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return blocked("body_dlp", "multipart parse error: "+err.Error())
		}
		if parts >= 100 {
			return blocked("body_dlp", "multipart body exceeds 100 parts limit")
		}
		if len(part.FileName()) > 256 {
			return blocked("body_dlp", "multipart filename exceeds 256 bytes")
		}
	}
}

func (d *Double) scanHeaders(fields http.Header) *verdict {
	for _, name := range d.opts.SensitiveHeader {
		for _, value := range fields.Values(name) {
			if dlpSecret.MatchString(value) {
				v := blocked("header_dlp", "request header contains secret")
				v.event = "header_dlp"
				return v
			}
		}
	}
	return nil
}

// forward is the absolute-form path.
func (d *Double) forward(w http.ResponseWriter, r *http.Request, id string) {
	began := time.Now()
	if v := d.scanURL(r.URL); v != nil {
		d.refuse(w, r, id, v)
		return
	}
	body, v := d.readBody(r)
	if v == nil {
		v = d.scanHeaders(r.Header)
	}
	if v != nil {
		d.refuse(w, r, id, v)
		return
	}
	dropAgentParam(r.URL)
	var stream io.Reader
	if len(body) > 0 || r.ContentLength < 0 {
		stream = bytes.NewReader(body)
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), stream)
	if err != nil {
		d.audit(r, id, "error", "", "")
		http.Error(w, "forward proxy fetch failed", http.StatusBadGateway)
		return
	}
	out.URL = r.URL
	out.Header = r.Header.Clone()
	strip(out.Header, removedToOrigin)
	if r.ContentLength < 0 {
		out.ContentLength = -1
	}
	out.Close = r.Close
	d.alter(out, body)
	resp, err := d.send(out)
	if err != nil {
		var refused *redirectRefused
		if errors.As(err, &refused) {
			d.refuse(w, r, id, refused.verdict)
			return
		}
		d.audit(r, id, "error", "", "")
		http.Error(w, "forward proxy fetch failed", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	d.dropForged(resp.Header)
	if d.opts.Contract == Contract3 {
		if v := vetRedirect(out.URL, len(body) > 0, resp); v != nil {
			d.refuse(w, r, id, v)
			return
		}
	}
	d.relay(w, r, resp, id, began)
}

// send makes the request of the forward path: 2.3 follows redirects, 3.x returns them.
func (d *Double) send(out *http.Request) (*http.Response, error) {
	if d.opts.Contract == Contract2 {
		return d.client.Do(out)
	}
	client := *d.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client.Do(out)
}

func (d *Double) relay(w http.ResponseWriter, r *http.Request, resp *http.Response, id string, began time.Time) {
	coding := resp.Header.Get("Content-Encoding")
	compressed := coding != "" && !strings.EqualFold(coding, "identity")
	streaming := strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "text/event-stream")
	switch {
	case streaming && compressed:
		d.refuse(w, r, id, blocked("sse_stream", "compressed sse_stream response cannot be scanned"))
		return
	case compressed:
		d.refuse(w, r, id, blocked("response_scan", "compressed response cannot be scanned"))
		return
	}
	copyHead := func() {
		strip(resp.Header, hopByHop)
		resp.Header.Del("Content-Length")
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
	}
	fault := d.lateFault()
	if fault.Kind == FaultBlockAfter {
		d.refuse(w, r, id, blocked("response_scan", "response contains injection"))
		return
	}
	if streaming {
		copyHead()
		w.WriteHeader(resp.StatusCode)
		if reason := d.relayEvents(w, resp.Body, fault); reason != "" {
			d.audit(r, id, "blocked", "sse_stream", reason)
			return
		}
		d.audit(r, id, "forward_http", "", "")
		return
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, d.opts.MaxResponse))
	if err != nil {
		reason := "response read error"
		if d.opts.Contract == Contract3 {
			reason = "response body is incomplete"
		}
		d.refuse(w, r, id, blocked("response_scan", reason))
		return
	}
	if d.opts.ScanDelay > 0 {
		time.Sleep(time.Duration(int64(d.opts.ScanDelay) * int64(len(body)) >> 20))
	}
	if mayHold(body, "revious") && injection.Match(body) {
		d.refuse(w, r, id, blocked("response_scan", "response contains injection"))
		return
	}
	if fault.Kind != FaultNone {
		if !d.misrelay(fault, w, r, resp, &body) {
			return
		}
	}
	copyHead()
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body)
	d.audit(r, id, "forward_http", "", "")
}
