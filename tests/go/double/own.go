package double

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// fetch is /fetch?url=: a page that pipelock gets by itself. That request was never admitted.
func (d *Double) fetch(w http.ResponseWriter, r *http.Request, id string) {
	target, err := url.Parse(r.URL.Query().Get("url"))
	if err != nil || target.Host == "" {
		http.Error(w, "missing 'url' parameter", http.StatusBadRequest)
		return
	}
	answer := map[string]any{"url": target.String()}
	if v := d.scanURL(target); v != nil {
		d.audit(r, id, v.event, v.scanner, v.reason)
		answer["blocked"], answer["block_reason"] = true, v.reason
		d.addMark(w.Header(), v.scanner, v.reason)
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	status, text, err := d.Call(http.MethodGet, target.String(), "", http.Header{"User-Agent": {"pipelock"}}, nil)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		answer["error"] = err.Error()
		w.WriteHeader(http.StatusBadGateway)
	}
	answer["status_code"], answer["content"] = status, text
	_ = json.NewEncoder(w).Encode(answer)
}

// websocket is /ws?url=: 101 first, then the upstream is dialled; whatever goes wrong there is a close frame 1011.
func (d *Double) websocket(w http.ResponseWriter, r *http.Request, id string) {
	target, err := url.Parse(r.URL.Query().Get("url"))
	if err != nil || (target.Scheme != "ws" && target.Scheme != "wss") {
		http.Error(w, "invalid URL: must be ws or wss", http.StatusBadRequest)
		return
	}
	as := *target
	as.Scheme = strings.Replace(target.Scheme, "ws", "http", 1)
	if v := d.scanURL(&as); v != nil {
		v.text = "WebSocket " + v.text
		d.refuse(w, r, id, v)
		return
	}
	conn, _, err := w.(*statusTap).ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	upstream, err := d.dialWebsocket(&as)
	if err != nil {
		d.audit(r, id, "ws_blocked", "", "")
		reason := "upstream dial failed"
		frame := append([]byte{0x88, byte(2 + len(reason)), 0, 0}, reason...)
		binary.BigEndian.PutUint16(frame[2:], 1011)
		_, _ = conn.Write(frame)
		return
	}
	defer upstream.Close()
	over := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(upstream, conn); over <- struct{}{} }()
	go func() { _, _ = io.Copy(conn, upstream); over <- struct{}{} }()
	<-over
}

type badHandshake struct{ status string }

func (b badHandshake) Error() string { return "handshake answered with " + b.status }

func (d *Double) dialWebsocket(u *url.URL) (net.Conn, error) {
	conn, err := d.dial(d.ctx, "tcp", net.JoinHostPort(u.Hostname(), port(u)))
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if u.Scheme == "https" {
		config := tlsTo(d.opts.Roots)
		config.ServerName = u.Hostname()
		secured := tls.Client(conn, config)
		if err := secured.Handshake(); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secured
	}
	_, _ = io.WriteString(conn, "GET "+u.RequestURI()+" HTTP/1.1\r\nHost: "+u.Host+
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: pipelock\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		if err == nil {
			err = badHandshake{resp.Status}
		}
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return conn, nil
}
