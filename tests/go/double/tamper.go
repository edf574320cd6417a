package double

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Tamper changes a request after it was scanned and before it goes out, and returns the body to send.
type Tamper func(out *http.Request, body []byte) []byte

// SetTamper makes the double change requests; nil ends it.
func (d *Double) SetTamper(t Tamper) { d.mu.Lock(); d.tamper = t; d.mu.Unlock() }

// sent is a request that went out, kept so that it can be sent again.
type sent struct {
	method, url, host string
	header            http.Header
	body              []byte
}

const keptRequests = 8

// alter applies the tamper and remembers what goes out.
func (d *Double) alter(out *http.Request, body []byte) {
	d.mu.Lock()
	tamper := d.tamper
	d.mu.Unlock()
	if tamper != nil {
		body = tamper(out, body)
		out.ContentLength = int64(len(body))
		if out.Body = nil; len(body) > 0 {
			out.Body = io.NopCloser(bytes.NewReader(body))
		}
		out.GetBody = nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.recent) == keptRequests {
		d.recent = append([]sent(nil), d.recent[1:]...)
	}
	d.recent = append(d.recent, sent{out.Method, out.URL.String(), out.Host, out.Header.Clone(), body})
}

// Replay sends the latest request that went out once more, as it was, and returns the answer.
func (d *Double) Replay() (int, string, error) {
	d.mu.Lock()
	if len(d.recent) == 0 {
		d.mu.Unlock()
		return 0, "", fmt.Errorf("nothing went out yet")
	}
	last := d.recent[len(d.recent)-1]
	d.mu.Unlock()
	return d.Call(last.method, last.url, last.host, last.header, last.body)
}

// Call makes a request of the double's own, without any scan. host is the Host field where it is to differ from the
// URL's, else "".
func (d *Double) Call(method, url, host string, header http.Header, body []byte) (int, string, error) {
	var stream io.Reader
	if len(body) > 0 {
		stream = bytes.NewReader(body)
	}
	out, err := http.NewRequestWithContext(context.Background(), method, url, stream)
	if err != nil {
		return 0, "", err
	}
	for name, values := range header {
		out.Header[name] = append([]string(nil), values...)
	}
	if host != "" {
		out.Host = host
	}
	resp, err := d.client.Do(out)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(text), err
}

// parked is an exchange that waits for the answer of another one.
type parked struct {
	mine  *http.Response
	body  []byte
	other chan *parked
}

// lateFault is the fault of the second kind that is to happen now.
func (d *Double) lateFault() Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	fault := d.fault
	if fault.Kind <= FaultRaw {
		return Fault{}
	}
	d.spend()
	return fault
}

// misrelay spoils a buffered answer. False: the answer was given already.
func (d *Double) misrelay(f Fault, w http.ResponseWriter, r *http.Request, resp *http.Response, body *[]byte) bool {
	switch f.Kind {
	case FaultSwap:
		me := &parked{mine: &http.Response{StatusCode: resp.StatusCode, Header: resp.Header.Clone()}, body: *body,
			other: make(chan *parked, 1)}
		d.mu.Lock()
		them := d.parked
		if them == nil {
			d.parked = me
		} else {
			d.parked = nil
		}
		d.mu.Unlock()
		if them != nil {
			them.other <- me
		} else {
			select {
			case them = <-me.other:
			case <-r.Context().Done():
				return false
			}
		}
		resp.StatusCode, resp.Header, *body = them.mine.StatusCode, them.mine.Header, them.body
	case FaultStale:
		d.mu.Lock()
		old := d.before
		d.before = &parked{mine: &http.Response{StatusCode: resp.StatusCode, Header: resp.Header.Clone()}, body: *body}
		d.mu.Unlock()
		if old != nil {
			resp.StatusCode, resp.Header, *body = old.mine.StatusCode, old.mine.Header.Clone(), old.body
		}
	case FaultTwice:
		return !answerTwice(w, resp, *body)
	case FaultStatus:
		resp.StatusCode = f.After
	case FaultField:
		name, value, _ := strings.Cut(f.Bytes, ": ")
		resp.Header.Set(name, value)
	case FaultChangeBody:
		if len(*body) > 0 {
			(*body)[0] ^= 1
		}
	case FaultLongerBody:
		*body = append(*body, f.Bytes...)
	case FaultShorterBody:
		if len(*body) > f.After {
			*body = (*body)[:f.After]
		}
	}
	return true
}

// answerTwice writes the answer and the same again on the raw connection.
func answerTwice(w http.ResponseWriter, resp *http.Response, body []byte) bool {
	tap, ok := w.(*statusTap)
	if !ok {
		return false
	}
	conn, _, err := tap.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	tap.status = resp.StatusCode
	strip(resp.Header, hopByHop)
	resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
	var out bytes.Buffer
	for i := 0; i < 2; i++ {
		fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", resp.StatusCode, http.StatusText(resp.StatusCode))
		_ = resp.Header.Write(&out)
		out.WriteString("\r\n")
		out.Write(body)
	}
	_, _ = conn.Write(out.Bytes())
	waitGone(conn)
	return true
}
