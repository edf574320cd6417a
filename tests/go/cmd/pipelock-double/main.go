// pipelock-double serves the stand-in for pipelock until SIGTERM. It takes flags, or pipelock's own command line:
// run -c FILE.
package main

import (
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"bottle.test/double"
)

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() { os.Exit(run()) }

func run() int {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		opts, err := configured(os.Args[2:])
		if err != nil {
			fmt.Fprintf(os.Stderr, "pipelock-double: %v\n", err)
			return 1
		}
		return serve(opts, false)
	}
	var allow, hosts, dial, ipAllow list
	flag.Var(&allow, "allow", "host to allow, *.suffix or * (repeatable)")
	flag.Var(&hosts, "host", "NAME=IP (repeatable)")
	flag.Var(&dial, "resolve", "HOST[:PORT]=ADDR:PORT (repeatable)")
	flag.Var(&ipAllow, "allow-address", "private CIDR to allow (repeatable)")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	ca := flag.String("origin-ca", "", "PEM file with the origins' CA")
	auditFile := flag.String("audit", "", "file for audit lines, default stderr")
	total := flag.Duration("total", 30*time.Second, "limit of one origin exchange")
	maxResponse := flag.Int64("max-response", 0, "bytes of a response before it is cut (default 10 MiB)")
	maxRequest := flag.Int64("max-request", 0, "bytes of a request body before it is refused (default 5 MiB)")
	idle := flag.Int("idle-per-host", 0, "idle connections kept to one origin (default 2)")
	dns := flag.String("dns", "", "ADDR:PORT of the name server for names that no --host or --resolve has")
	system := flag.Bool("system", false, "ask the system's resolver for such names, and trust the system's roots "+
		"(SSL_CERT_FILE)")
	contractName := flag.String("contract", string(double.Contract2), "pipelock to be like: 2.3 or 3.x")
	forged := flag.Bool("keep-forged", false, "with 3.x too, relay an origin's own X-Pipelock-Block-Reason fields")
	stdin := flag.Bool("die-with-stdin", false, "end when stdin closes")
	flag.Parse()

	contract, err := double.ParseContract(*contractName)
	if err != nil {
		fmt.Fprintf(os.Stderr, "pipelock-double: %v\n", err)
		return 1
	}
	opts := double.Options{Contract: contract, KeepsForged: *forged, Listen: *listen, Allow: allow, IPAllow: ipAllow,
		Total: *total, ExplainBlocks: true,
		MaxResponse: *maxResponse, MaxRequest: *maxRequest, IdlePerHost: *idle, DNS: *dns, System: *system,
		Hosts: pairs(hosts), Dial: pairs(dial), Audit: os.Stderr}
	if *system && *ca != "" {
		fmt.Fprintln(os.Stderr, "pipelock-double: --system trusts the system's roots; leave --origin-ca out, or "+
			"--system")
		return 1
	}
	if *ca != "" {
		text, err := os.ReadFile(*ca)
		if err != nil {
			fmt.Fprintf(os.Stderr, "pipelock-double: cannot read the CA: %v\n", err)
			return 1
		}
		opts.Roots = x509.NewCertPool()
		opts.Roots.AppendCertsFromPEM(text)
	}
	if *auditFile != "" {
		file, err := os.OpenFile(*auditFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			fmt.Fprintf(os.Stderr, "pipelock-double: cannot open the audit file: %v\n", err)
			return 1
		}
		defer file.Close()
		opts.Audit = file
	}
	return serve(opts, *stdin)
}

// serve runs the double until a signal, or the end of standard input.
func serve(opts double.Options, stdin bool) int {
	d, err := double.Start(opts)
	if err != nil {
		fmt.Fprintf(os.Stderr, "pipelock-double: cannot listen on %s: %v\n", opts.Listen, err)
		return 1
	}
	defer d.Close()
	fmt.Printf("ready addr=%s\n", d.Addr())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if stdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop <- syscall.SIGTERM
		}()
	}
	<-stop
	return 0
}

func pairs(in list) map[string]string {
	out := map[string]string{}
	for _, one := range in {
		if key, value, ok := strings.Cut(one, "="); ok {
			out[key] = value
		}
	}
	return out
}
