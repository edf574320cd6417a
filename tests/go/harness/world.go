package harness

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bottle.test/double"
	"bottle.test/origin"
)

// Via names what stands behind bottle-proxy.
type Via string

// Direct has nothing behind the proxy; Scanner is the double, or a real pipelock when PIPELOCK_BIN is set.
const (
	Direct  Via = "direct"
	Scanner Via = "scanner"
)

// WorldOptions describe a proxy with one origin.
type WorldOptions struct {
	Via        Via
	Exit       bool   // the scanner reaches the origin through the proxy's exit alone
	ExitListen string // where the exit listens, else any port
	Relay      bool   // the names have the route relay: the scanner does not see them
	Origin     origin.Options
	Double     double.Options
	DoubleOnly bool // the test needs a fault or a knob that only the double has
	Program    bool // the double is a process of its own (a real pipelock always is)
	Trespass   bool // the test itself talks to the scanner in ways that the proxy may not
	Name       string
	More       []string // more names that lead to the same origin and are allowed
	Allow      []string // replaces the default (the origin alone)
	Args       []string // more arguments for bottle-proxy
	LateArgs   func(*World) []string
	RawOrigin  *origin.Server // instead of Origin; plain or TLS
	Change     func(*exec.Cmd)
}

// World is an origin, perhaps a scanner, and a bottle-proxy that allows the origin's name.
type World struct {
	t       testing.TB
	opts    WorldOptions
	Origin  *origin.Server
	Double  *double.Double // nil in direct mode and when the scanner is a process
	Program *Program       // the scanner as a process, else nil
	Proxy   *Proxy
	Via     Via
	Name    string // host name of the origin
	Port    int    // port that clients use for it
	Scan    *ScannerAudit
	Scheme  string
	scanner string // its URL
}

// NewWorld starts everything; it ends with the test.
func NewWorld(t testing.TB, opts WorldOptions) *World {
	t.Helper()
	Binary(t, "bottle-proxy")
	if opts.Via == "" {
		opts.Via = Direct
	}
	if opts.Name == "" {
		opts.Name = "origin.test"
	}
	if opts.Double.Contract == "" {
		opts.Double.Contract = Contract(t)
	}
	real := opts.Via == Scanner && RealPipelock() != "" && !opts.DoubleOnly
	w := &World{t: t, opts: opts, Via: opts.Via, Name: opts.Name, Port: 443, Scheme: "https", Scan: &ScannerAudit{}}
	w.Origin = opts.RawOrigin
	if w.Origin == nil {
		w.opts.Origin.Names = append(append(w.opts.Origin.Names, opts.Name), opts.More...)
		server, err := origin.Start(w.opts.Origin)
		if err != nil {
			t.Fatal(err)
		}
		w.Origin = server
	}
	t.Cleanup(w.Origin.Close)
	if w.Origin.CA == nil {
		w.Port, w.Scheme = 80, "http"
	}
	args := []string{"--allow-address", "127.0.0.0/8"}
	caFile := filepath.Join(t.TempDir(), "origin-ca.pem")
	if w.Origin.CA != nil {
		if err := w.Origin.CA.WriteFile(caFile); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--origin-ca", caFile)
	}
	if real {
		w.Port = w.Origin.Port() // a port of our own: the scanner dials the one in the URL
	}
	allow := opts.Allow
	if allow == nil {
		for _, name := range w.names() {
			allow = append(allow, w.authorityOf(name))
		}
	}
	for _, entry := range allow {
		args = append(args, "--allow", entry)
	}
	if opts.Relay {
		for _, name := range w.names() {
			args = append(args, "--route", name+"=relay")
		}
	}
	if w.Via == Direct || opts.Exit || opts.Relay {
		for _, name := range w.names() {
			args = append(args, "--resolve", fmt.Sprintf("%s:%d=%s", name, w.Port, w.Origin.Addr()))
		}
	}
	switch {
	case w.Via == Direct:
		args = append(args, "--upstream", "direct")
	case real || opts.Program:
		w.scanner = "http://" + freePort(t)
		args = append(args, "--upstream", "pipelock", "--pipelock", w.scanner)
	default:
		w.startDouble()
		args = append(args, "--upstream", "pipelock", "--pipelock", w.scanner)
	}
	if opts.Exit {
		listen := opts.ExitListen
		if listen == "" {
			listen = "127.0.0.1:0"
		}
		if real {
			listen = fmt.Sprintf("127.0.0.2:%d", w.Port) // the name's address in the scanner's /etc/hosts
		}
		args = append(args, "--exit-listen", listen)
	}
	args = append(args, opts.Args...)
	if opts.LateArgs != nil {
		args = append(args, opts.LateArgs(w)...)
	}
	w.Proxy = StartProxyWith(t, opts.Change, args...)
	if opts.Exit && w.Proxy.Exit == "" {
		t.Fatalf("the ready line names no exit")
	}
	// Behind an exit the scanner trusts the bottle's CA, and names lead to the exit; so it starts after the proxy.
	trust := caFile
	if opts.Exit {
		trust = w.Proxy.CAFile
	}
	switch {
	case real:
		w.Program = startPipelock(t, w.Scan, PipelockOptions{Listen: w.scanner, CAFile: trust, Names: w.names(),
			Double: opts.Double, Exit: opts.Exit})
	case w.Via == Scanner && opts.Program:
		w.Program = startDoubleProgram(t, w.Scan, w.scanner, trust, w.dialTable(), w.names(), opts.Double)
	case w.Double != nil && opts.Exit:
		w.Double.Rewire(w.Proxy.Pool(t), w.dialTable())
	}
	return w
}

func (w *World) names() []string { return append([]string{w.Name}, w.opts.More...) }

// dialTable says where the scanner finds the names: at the exit, or at the origin if there is none.
func (w *World) dialTable() map[string]string {
	table := map[string]string{}
	for _, name := range w.names() {
		table[fmt.Sprintf("%s:%d", name, w.Port)] = w.Origin.Addr()
		if w.opts.Exit {
			table[fmt.Sprintf("%s:%d", name, w.Port)] = w.Proxy.Exit
		}
	}
	for name, to := range w.opts.Double.Dial {
		table[name] = to
	}
	return table
}

// startDouble starts the double in this process. Behind an exit it is told later where that is.
func (w *World) startDouble() {
	o := w.opts.Double
	if !w.opts.Exit {
		o.Dial = w.dialTable()
	}
	if o.Allow == nil {
		o.Allow = w.names()
	}
	o.IPAllow = append(o.IPAllow, "127.0.0.0/8")
	if w.Origin.CA != nil {
		o.Roots = w.Origin.CA.Pool()
	}
	o.ExplainBlocks = true
	o.Audit = w.Scan
	d, err := double.Start(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Double, w.scanner = d, d.URL()
	w.t.Cleanup(func() {
		d.Close()
		// Without an exit the route relay goes through the scanner's CONNECT.
		relays := w.opts.Relay && !w.opts.Exit
		if bad := d.Trespasses(); len(bad) > 0 && !w.opts.Trespass && !relays {
			w.t.Errorf("requests at the scanner that are not absolute-form proxy requests: %q", bad)
		}
	})
}

// ScannerAddr is the scanner's host:port.
func (w *World) ScannerAddr() string { return strings.TrimPrefix(w.scanner, "http://") }

// Authority is host[:port] as in a URL: the default port is left out.
func (w *World) Authority() string { return w.authorityOf(w.Name) }

func (w *World) authorityOf(name string) string {
	if w.Scheme == "https" && w.Port == 443 || w.Scheme == "http" && w.Port == 80 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, w.Port)
}

// HostPort is host:port, always with the port.
func (w *World) HostPort() string { return fmt.Sprintf("%s:%d", w.Name, w.Port) }

// URL is the origin's URL for a path.
func (w *World) URL(path string) string { return w.URLOf(w.Name, path) }

// URLOf is the URL for a path under another of the origin's names.
func (w *World) URLOf(name, path string) string { return w.Scheme + "://" + w.authorityOf(name) + path }

// Untouched fails the test when a request reached the scanner or the origin.
func (w *World) Untouched() {
	w.t.Helper()
	if w.Double != nil {
		if seen := w.Double.Requests(); len(seen) > 0 {
			w.t.Errorf("%d requests reached the scanner, want none; the first: %q", len(seen), seen[0].Line)
		}
		if bad := w.Double.Trespasses(); len(bad) > 0 {
			w.t.Errorf("bytes at the scanner: %q", bad)
		}
	}
	if seen := w.Origin.Requests(); len(seen) > 0 {
		w.t.Errorf("%d requests reached the origin, want none; the first: %s %s", len(seen), seen[0].Method,
			seen[0].URI)
	}
}
