// Verifies chains with Go's crypto/x509. Arguments: root, key (unused), then pairs of
// (chain, name). Prints `ok NAME` or `refused NAME why` for each.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func load(path string) []*x509.Certificate {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			panic(err)
		}
		all = append(all, one)
	}
	return all
}

func main() {
	roots := x509.NewCertPool()
	roots.AddCert(load(os.Args[1])[0])
	for i := 3; i+1 < len(os.Args); i += 2 {
		chain := load(os.Args[i])
		intermediates := x509.NewCertPool()
		intermediates.AddCert(chain[1])
		_, err := chain[0].Verify(x509.VerifyOptions{
			DNSName: os.Args[i+1], Roots: roots, Intermediates: intermediates,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		if err != nil {
			fmt.Println("refused", os.Args[i+1], err)
		} else {
			fmt.Println("ok", os.Args[i+1])
		}
	}
}
