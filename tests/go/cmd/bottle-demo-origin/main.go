// bottle-demo-origin serves the stand-in origin until SIGTERM, for the demo and for trying things by hand.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"bottle.test/origin"
)

func main() { os.Exit(run()) }

func run() int {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	dir := flag.String("cert-dir", "", "directory for the CA certificate (origin-ca.pem)")
	names := flag.String("names", "localhost", "comma-separated names of the certificate")
	h1 := flag.Bool("h1-only", false, "offer HTTP/1.1 only")
	h2 := flag.Bool("h2-only", false, "offer h2 only")
	plain := flag.Bool("plain", false, "no TLS")
	stdin := flag.Bool("die-with-stdin", false, "end when stdin closes")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bottle-demo-origin: unexpected argument %q; see --help\n", flag.Arg(0))
		return 2
	}
	if *dir == "" && !*plain {
		fmt.Fprintln(os.Stderr, "bottle-demo-origin: --cert-dir is needed, it receives the CA certificate")
		return 2
	}
	server, err := origin.Start(origin.Options{Listen: *listen, Names: strings.Split(*names, ","), H1Only: *h1,
		H2Only: *h2, Plain: *plain})
	if err != nil {
		fmt.Fprintf(os.Stderr, "bottle-demo-origin: cannot listen on %s: %v\n", *listen, err)
		return 1
	}
	defer server.Close()
	file := "-"
	if !*plain {
		file = filepath.Join(*dir, "origin-ca.pem")
		if err := server.CA.WriteFile(file); err != nil {
			fmt.Fprintf(os.Stderr, "bottle-demo-origin: cannot write the CA certificate: %v\n", err)
			return 1
		}
	}
	fmt.Printf("ready addr=%s ca=%s\n", server.Addr(), file)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if *stdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop <- syscall.SIGTERM
		}()
	}
	<-stop
	return 0
}
