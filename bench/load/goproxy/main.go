// A proxy from the library goproxy that ends TLS with a leaf of its own for each host, looks at nothing, and sends
// everything to one plain origin. bench/run compares it; the script beside this file builds it.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/elazarl/goproxy"
)

// leaves keeps the certificate of each host, as goproxy's documentation advises.
type leaves struct {
	sync.Mutex
	made map[string]*tls.Certificate
}

func (l *leaves) Fetch(host string, sign func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	l.Lock()
	defer l.Unlock()
	if leaf := l.made[host]; leaf != nil {
		return leaf, nil
	}
	leaf, err := sign()
	if err == nil {
		l.made[host] = leaf
	}
	return leaf, err
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: bench-goproxy CERTIFICATE KEY ORIGIN")
	}
	authority, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	proxy := goproxy.NewProxyHttpServer()
	proxy.Logger = log.New(io.Discard, "", 0)
	proxy.CertStore = &leaves{made: map[string]*tls.Certificate{}}
	proxy.Tr = &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	action := &goproxy.ConnectAction{Action: goproxy.ConnectMitm, TLSConfig: goproxy.TLSConfigFromCA(&authority)}
	proxy.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		return action, host
	})
	proxy.OnRequest().DoFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		r.URL.Scheme, r.URL.Host = "http", os.Args[3]
		return r, nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, proxy))
}
