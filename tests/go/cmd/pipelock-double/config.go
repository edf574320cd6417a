package main

import (
	"fmt"
	"os"
	"regexp"

	"bottle.test/double"
)

// The keys of pipelock's configuration that the double knows, as the launcher writes them: one a line.
var (
	listenKey = regexp.MustCompile(`(?m)^ *listen: "([^"]+)"`)
	modeKey   = regexp.MustCompile(`(?m)^mode: (\w+)`)
	hostsKey  = regexp.MustCompile(`(?m)^api_allowlist: \[(.*)\]`)
	rangesKey = regexp.MustCompile(`(?m)^ *ip_allowlist: \[(.*)\]`)
	fileKey   = regexp.MustCompile(`(?m)^ *file: "([^"]+)"`)
	quoted    = regexp.MustCompile(`"([^"]*)"`)
)

// configured is what "run -c FILE" means, pipelock's own command line: names are the system resolver's, and the roots
// those of SSL_CERT_FILE.
func configured(args []string) (double.Options, error) {
	if len(args) != 2 || args[0] != "-c" && args[0] != "--config" {
		return double.Options{}, fmt.Errorf("usage: pipelock-double run -c FILE")
	}
	raw, err := os.ReadFile(args[1])
	if err != nil {
		return double.Options{}, err
	}
	text := string(raw)
	one := func(key *regexp.Regexp) string {
		if found := key.FindStringSubmatch(text); found != nil {
			return found[1]
		}
		return ""
	}
	many := func(key *regexp.Regexp) (out []string) {
		for _, found := range quoted.FindAllStringSubmatch(one(key), -1) {
			out = append(out, found[1])
		}
		return out
	}
	opts := double.Options{Listen: one(listenKey), Allow: many(hostsKey), IPAllow: many(rangesKey), System: true,
		Audit: os.Stderr}
	if one(modeKey) != "strict" {
		opts.Allow = []string{"*"}
	}
	if opts.Listen == "" {
		return opts, fmt.Errorf("%s says nowhere to listen", args[1])
	}
	if file := one(fileKey); file != "" {
		if opts.Audit, err = os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return opts, err
		}
	}
	// As the launcher's configuration says of pipelock.
	opts.Total, opts.MaxResponse, opts.MaxRequest, opts.MaxURL, opts.MaxEvent = 24*60*60e9, 64<<20, 32<<20, 16384, 8<<20
	return opts, nil
}
