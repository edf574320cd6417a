package double

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

func tlsTo(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// lookup is the double's name service: the Dial and Hosts tables, IP literals, localhost, and what the options name.
func (d *Double) lookup(host, port string) (net.IP, error) {
	if to, ok := d.mapped(host, port); ok {
		addr, _, err := net.SplitHostPort(to)
		if err != nil {
			return nil, err
		}
		return net.ParseIP(addr), nil
	}
	if ip, ok := d.opts.Hosts[host]; ok {
		return net.ParseIP(ip), nil
	}
	if ip := net.ParseIP(host); ip != nil {
		return ip, nil
	}
	if host == "localhost" {
		return net.IPv4(127, 0, 0, 1), nil
	}
	if d.opts.DNS == "" && !d.opts.System {
		return nil, fmt.Errorf("no such host: %s", host)
	}
	resolver := &net.Resolver{PreferGo: true}
	if d.opts.DNS != "" {
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, d.opts.DNS)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	found, err := resolver.LookupIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// mapped looks into the Dial table, for host:port and then for the host alone.
func (d *Double) mapped(host, port string) (string, bool) {
	if to, ok := d.opts.Dial[net.JoinHostPort(host, port)]; ok {
		return to, true
	}
	to, ok := d.opts.Dial[host]
	return to, ok
}

func private(ip net.IP) bool {
	_, shared, _ := net.ParseCIDR("100.64.0.0/10")
	_, zero, _ := net.ParseCIDR("0.0.0.0/8")
	return ip == nil || ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() ||
		ip.IsUnspecified() || shared.Contains(ip) || zero.Contains(ip)
}

func (d *Double) ipAllowed(ip net.IP) bool {
	for _, text := range d.opts.IPAllow {
		if _, block, err := net.ParseCIDR(text); err == nil && ip != nil && block.Contains(ip) {
			return true
		}
	}
	return false
}

// dial connects to the first address of the name and checks the private ranges once more.
func (d *Double) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ip, err := d.lookup(host, port)
	if err != nil {
		return nil, err
	}
	if private(ip) && !d.ipAllowed(ip) {
		return nil, fmt.Errorf("blocked private address %s", ip)
	}
	to := net.JoinHostPort(ip.String(), port)
	if mapped, ok := d.mapped(host, port); ok {
		to = mapped
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	return dialer.DialContext(ctx, network, to)
}

// connect is the raw tunnel: host policy only.
func (d *Double) connect(w http.ResponseWriter, r *http.Request, id string) {
	target := r.Host
	if target == "" {
		http.Error(w, "CONNECT blocked: missing target host", http.StatusBadRequest)
		return
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		host, port = target, "443"
	}
	u := &url.URL{Scheme: "https", Host: net.JoinHostPort(host, port), Path: "/"}
	if v := d.scanURL(u); v != nil {
		v.text = "CONNECT " + v.text
		d.refuse(w, r, id, v)
		return
	}
	upstream, err := d.dial(r.Context(), "tcp", net.JoinHostPort(host, port))
	if err != nil {
		d.audit(r, id, "error", "", "")
		http.Error(w, "CONNECT blocked: tunnel dial failed", http.StatusBadGateway)
		return
	}
	defer upstream.Close()
	conn, buffered, err := w.(*statusTap).ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection Established\r\n\r\n"); err != nil {
		return
	}
	over := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(upstream, buffered); over <- struct{}{} }()
	go func() { _, _ = io.Copy(conn, upstream); over <- struct{}{} }()
	<-over
}
