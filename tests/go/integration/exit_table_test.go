package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// The table of what a client sees on the route scan, without an exit and with one. Each row makes one exchange and says
// in a line what came of it; both lines are written down here, so a loss that goes away is noticed as much as one that
// comes.

// tableRow is one row. Rows without options share a world.
type tableRow struct {
	name    string
	options func(t *testing.T) harness.WorldOptions
	only    harness.Proto // "" = clients of both protocols
	run     func(c *cell) string
	without string
	// Where a pipelock of contract 3.x gives something else without the exit. With it both give the same.
	without3 string
	with     string
	withH1   string // where an HTTP/1.1 client gets something else
}

// cell is one exchange of a row.
type cell struct {
	t     *testing.T
	w     *harness.World
	proto harness.Proto
	from  int // records that the origin had before
}

func (c *cell) do(method, path, body string, fields ...string) harness.Answer {
	c.t.Helper()
	var stream io.Reader
	if body != "" {
		stream = strings.NewReader(body)
	}
	answer, err := c.w.Try(c.w.Client(c.proto), method, path, stream, fields...)
	if err != nil {
		return harness.Answer{BodyErr: err}
	}
	return answer
}

// saw lists what the origin got in this row.
func (c *cell) saw() []origin.Record { return c.w.Origin.Requests()[c.from:] }

func (c *cell) sawText() string {
	var out []string
	for _, r := range c.saw() {
		path, _, _ := strings.Cut(r.URI, "?")
		out = append(out, r.Method+" "+path)
	}
	if len(out) == 0 {
		return "origin saw nothing"
	}
	return "origin saw " + strings.Join(out, ", ")
}

// bare takes the port out of a text, which differs from run to run.
func (c *cell) bare(text string) string {
	return strings.ReplaceAll(text, fmt.Sprintf(":%d", c.w.Port), "")
}

// refusal describes an answer that was not what the client asked for.
func refusal(answer harness.Answer) string {
	if answer.Response == nil {
		return "no answer"
	}
	out := fmt.Sprint(answer.StatusCode)
	if deny := answer.Header.Get("X-Bottle-Deny"); deny != "" {
		out += ", X-Bottle-Deny: " + deny
	}
	if text := answer.Text; strings.Contains(text, `"code":`) {
		_, rest, _ := strings.Cut(text, `"code":`)
		// Of an answer of the proxy's own both say the same.
		if code := strings.Trim(strings.SplitN(rest, ",", 2)[0], ` "}`); code != answer.Header.Get("X-Bottle-Deny") {
			out += " " + code
		}
	}
	return out
}

func redirectRows() []tableRow {
	var rows []tableRow
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, method := range []string{"GET", "POST"} {
			code, method := code, method
			followed := "GET"
			if code >= 307 {
				followed = method
			}
			rows = append(rows, tableRow{
				name: fmt.Sprintf("%d after %s", code, method),
				run: func(c *cell) string {
					body := ""
					if method == "POST" {
						body = "payload"
					}
					answer := c.do(method, fmt.Sprintf("/redirect?code=%d&to=/echo", code), body,
						"Content-Type", "text/plain")
					out := fmt.Sprint(answer.Status())
					if to := answer.Header.Get("Location"); to != "" {
						out += " to " + to
					}
					return out + "; " + c.sawText()
				},
				without:  fmt.Sprintf("200; origin saw %s /redirect, %s /echo", method, followed),
				without3: fmt.Sprintf("%d to /echo; origin saw %s /redirect", code, method),
				with:     fmt.Sprintf("%d to /echo; origin saw %s /redirect", code, method),
			})
		}
	}
	return rows
}

// said is an origin that answers each connection's first request with the same bytes and keeps the request's head.
func said(t *testing.T, answer string, heads *[]string) harness.WorldOptions {
	t.Helper()
	var mu sync.Mutex
	o := origin.Options{Names: []string{"origin.test"}}
	o.Raw = func(conn net.Conn) {
		in := bufio.NewReader(conn)
		head := ""
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			head += line
		}
		mu.Lock()
		if heads != nil {
			*heads = append(*heads, head)
		}
		mu.Unlock()
		_, _ = io.WriteString(conn, answer)
	}
	server, err := origin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	return harness.WorldOptions{RawOrigin: server}
}

// fieldNames lists the names in a raw head, in order, that the filter takes.
func fieldNames(head string, take func(string) bool) string {
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(head), "\r\n")[1:] {
		if name, _, _ := strings.Cut(line, ":"); take(name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

func anX(name string) bool { return strings.HasPrefix(strings.ToLower(name), "x-") }

// rawHead makes a request on an HTTP/1.1 connection and returns the raw head of the answer.
func (c *cell) rawHead(text string) string {
	c.t.Helper()
	conn := c.w.H1()
	defer conn.Close()
	conn.Say(fill(c.w, text))
	head := ""
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := conn.In.ReadString('\n')
		if err != nil {
			return head
		}
		head += line
	}
	return head
}

const imitation = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"X-Content-Type-Options: nosniff\r\n" +
	"Content-Length: 37\r\n\r\nblocked: response contains injection\n"

const rawEvents = "retry: 50\nunknown: field\n\n: a comment\n\nid:7\ndata:no space\n\nevent: two\r\ndata: a\r\n" +
	"data: b\r\n\r\n"

func tableRows() []tableRow {
	rows := redirectRows()
	return append(rows, []tableRow{
		{name: "cookies on a 302", run: func(c *cell) string {
			return fmt.Sprintf("%d cookies", len(c.do("GET", "/redirect", "").Header["Set-Cookie"]))
		}, without: "0 cookies", without3: "2 cookies", with: "2 cookies"},
		{name: "X-Api-Key and a redirect to another host", run: func(c *cell) string {
			answer := c.do("GET", "/redirect?to="+strings.ReplaceAll(c.w.URLOf("other.test", "/echo"), ":", "%3A"), "",
				"X-Api-Key", "k-1")
			travelled := "stays"
			for _, r := range c.saw() {
				if strings.HasPrefix(r.Host, "other.test") && r.Header.Get("X-Api-Key") != "" {
					travelled = "went to other.test"
				}
			}
			return fmt.Sprintf("%d, key %s", answer.Status(), travelled)
		}, without: "200, key went to other.test", without3: "302, key stays", with: "302, key stays"},
		{name: "HEAD: Content-Length", run: func(c *cell) string {
			return "Content-Length " + orNone(c.do("HEAD", "/head", "").Header.Get("Content-Length"))
		}, without: "Content-Length none", with: "Content-Length 12345"},
		{name: "103 Early Hints", run: func(c *cell) string {
			if c.proto == harness.H1 {
				return strings.Fields(c.rawHead("GET /early-hints HTTP/1.1\r\nHost: {A}\r\n\r\n"))[1]
			}
			conn := c.w.H2()
			defer conn.Close()
			conn.Headers(1, true, c.w.Request("GET", "/early-hints")...)
			out := conn.Await(1)
			return strings.Trim(strings.Join(append(strings.Fields(strings.Trim(fmt.Sprint(out.Interim), "[]")),
				fmt.Sprint(out.Status)), ", "), " ")
		}, without: "200", with: "103, 200", withH1: "200"},
		{name: "trailers", run: func(c *cell) string {
			return trailerText(c.do("GET", "/trailers", "", "TE", "trailers"))
		}, without: "no trailers", with: "X-First=one X-Second=two"},
		{name: "gRPC, unary", only: harness.H2, run: func(c *cell) string {
			return grpcText(c.do("POST", "/grpc", "\x00\x00\x00\x00\x02hi", "Content-Type", "application/grpc",
				"TE", "trailers"))
		}, without: "200, 1 message, no trailers", with: "200, 1 message, Grpc-Message=fine Grpc-Status=0"},
		{name: "gRPC, only trailers", only: harness.H2, run: func(c *cell) string {
			return grpcText(c.do("POST", "/grpc?only=1", "\x00\x00\x00\x00\x02hi", "Content-Type", "application/grpc",
				"TE", "trailers"))
		}, without: "200, 0 messages, no trailers", with: "200, 0 messages, Grpc-Message=fine Grpc-Status=0"},
		{name: "gRPC, server stream", only: harness.H2, run: func(c *cell) string {
			return grpcText(c.do("POST", "/grpc?n=3", "\x00\x00\x00\x00\x02hi", "Content-Type", "application/grpc",
				"TE", "trailers"))
		}, without: "200, 3 messages, no trailers", with: "200, 3 messages, Grpc-Message=fine Grpc-Status=0"},
		{name: "response fields: order and case", only: harness.H1, options: func(t *testing.T) harness.WorldOptions {
			return said(t, "HTTP/1.1 200 Fine\r\nX-zULU: 1\r\nx-alpha: 2\r\nContent-Length: 2\r\nX-MIXED-case: 3\r\n"+
				"x-alpha: 4\r\n\r\nok", nil)
		}, run: func(c *cell) string { return fieldNames(c.rawHead("GET / HTTP/1.1\r\nHost: {A}\r\n\r\n"), anX) },
			without: "X-Alpha X-Alpha X-Mixed-Case X-Zulu", with: "X-zULU x-alpha X-MIXED-case x-alpha"},
		requestOrderRow(),
		{name: "no Date, no Content-Type", options: func(t *testing.T) harness.WorldOptions {
			return said(t, "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 6\r\n\r\n<html>", nil)
		}, run: func(c *cell) string {
			answer := c.do("GET", "/", "")
			var names []string
			for name := range answer.Header {
				names = append(names, name)
			}
			sort.Strings(names)
			return strings.Join(names, " ")
		}, without: "Content-Length Content-Type Date Etag", with: "Content-Length Etag"},
		{name: "Date and ETag", options: func(t *testing.T) harness.WorldOptions {
			return said(t, "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"+
				"Content-Length: 2\r\n\r\nok", nil)
		}, run: func(c *cell) string {
			answer := c.do("GET", "/", "")
			return answer.Header.Get("Date") + ", " + answer.Header.Get("ETag")
		}, without: `Mon, 01 Jan 2024 00:00:00 GMT, "v1"`, with: `Mon, 01 Jan 2024 00:00:00 GMT, "v1"`},
		{name: "several Set-Cookie", run: func(c *cell) string {
			return strings.Join(c.do("GET", "/cookies", "").Header["Set-Cookie"], " | ")
		}, without: "session=abc; Path=/; HttpOnly | theme=dark; Path=/",
			with: "session=abc; Path=/; HttpOnly | theme=dark; Path=/"},
		{name: "query with agent=", run: func(c *cell) string {
			c.do("GET", "/text?z=1&agent=me&a=%20", "")
			return c.saw()[0].URI
		}, without: "/text?a=+&z=1", with: "/text?z=1&agent=me&a=%20"},
		{name: "X-Forwarded-For and Via of the client", run: func(c *cell) string {
			c.do("GET", "/text", "", "X-Forwarded-For", "192.0.2.1", "Via", "1.1 me")
			return orNone(c.saw()[0].Header.Get("X-Forwarded-For")) + ", " + orNone(c.saw()[0].Header.Get("Via"))
		}, without: "none, none", with: "192.0.2.1, 1.1 me"},
		{name: "no User-Agent", only: harness.H1, run: func(c *cell) string {
			c.rawHead("GET /text HTTP/1.1\r\nHost: {A}\r\n\r\n")
			return "origin saw " + orNone(c.saw()[0].Header.Get("User-Agent"))
		}, without: "origin saw none", with: "origin saw none"},
		{name: "plain HTTP", options: func(*testing.T) harness.WorldOptions {
			return harness.WorldOptions{Origin: origin.Options{Plain: true}}
		}, run: func(c *cell) string { return endText(c.do("GET", "/text", "")) },
			without: "200, 22 bytes, clean end", with: "200, 22 bytes, clean end"},
		{name: "SSE: comments", run: func(c *cell) string {
			answer := c.do("GET", "/sse?n=3&ms=30&comments=1", "")
			return fmt.Sprintf("%d events, %d comments", strings.Count(answer.Text, "data: "),
				strings.Count(answer.Text, ": keep-alive\n"))
		}, without: "3 events, 0 comments", with: "3 events, 3 comments"},
		{name: "SSE: the bytes", options: func(t *testing.T) harness.WorldOptions {
			return said(t, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"+rawEvents,
				nil)
		}, run: func(c *cell) string {
			if answer := c.do("GET", "/", ""); answer.Text == rawEvents && answer.BodyErr == nil {
				return "as the origin sent them"
			} else if answer.BodyErr != nil {
				return "cut: " + answer.Text
			}
			return "others"
		}, without: "others", with: "as the origin sent them"},
		{name: "body over pipelock's cap", options: func(*testing.T) harness.WorldOptions {
			return harness.WorldOptions{Double: double.Options{MaxResponse: 1 << 20}}
		}, run: func(c *cell) string { return endText(c.do("GET", "/bytes?n=3145728", "")) },
			without: "200, 1048576 bytes, clean end", with: "200, cut, and it shows"},
		{name: "origin dies in the body", run: func(c *cell) string {
			return c.decided(c.do("GET", "/die?after=1000&cl=1", ""))
		},
			without: "502 upstream_broken by pipelock", with: "502 upstream_broken by origin"},
		{name: "origin dies in a large body", run: func(c *cell) string {
			return c.decided(c.do("GET", "/die?after=600000&cl=1", ""))
		},
			without: "502 upstream_broken by pipelock", with: "502 upstream_broken by origin"},
		{name: "origin slower than pipelock's time-out", options: func(*testing.T) harness.WorldOptions {
			return harness.WorldOptions{Double: double.Options{Total: time.Second}}
		}, run: func(c *cell) string { return c.decided(c.do("GET", "/slow?ms=3000", "")) },
			without: "502 origin_unreachable by pipelock", with: "504 scanner_time_cut by pipelock"},
		{name: "event stream longer than pipelock's time-out", options: func(*testing.T) harness.WorldOptions {
			return harness.WorldOptions{Double: double.Options{Total: time.Second}}
		}, run: func(c *cell) string {
			answer := c.do("GET", "/sse?n=20&ms=200", "")
			if answer.BodyErr != nil {
				return "cut, and it shows"
			}
			return "clean end"
		}, without: "clean end", with: "cut, and it shows"},
		{name: "origin compresses unasked", run: func(c *cell) string {
			answer := c.do("GET", "/gzip?force=1", "")
			if answer.Status() != 200 {
				return refusal(answer)
			}
			return fmt.Sprintf("200, %q, Content-Encoding %s", answer.Text,
				orNone(answer.Header.Get("Content-Encoding")))
		}, without: "403, X-Bottle-Deny: response_not_readable",
			with: `200, "compressed text\n", Content-Encoding none`},
		{name: "origin speaks h2 alone", options: func(*testing.T) harness.WorldOptions {
			return harness.WorldOptions{Origin: origin.Options{H2Only: true}}
		}, run: func(c *cell) string { return endText(c.do("GET", "/text", "")) },
			without: "502 origin_unreachable", with: "200, 22 bytes, clean end"},
		{name: "origin's 403 in pipelock's form", options: func(t *testing.T) harness.WorldOptions {
			return said(t, imitation, nil)
		},
			run: func(c *cell) string {
				return refusal(c.do("GET", "/", ""))
			}, without: "403, X-Bottle-Deny: injection_in_response", with: "403"},
		{name: "origin's 403 with pipelock's mark", options: func(t *testing.T) harness.WorldOptions {
			o := said(t, strings.Replace(imitation, "nosniff\r\n", "nosniff\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"+
				blockField+": dlp_match\r\n"+blockField+"-Retry: policy\r\n", 1), nil)
			o.Double.KeepsForged = true
			return o
		},
			run: func(c *cell) string {
				answer := c.do("GET", "/", "")
				return refusal(answer) + ", mark " + orNone(answer.Header.Get(blockField))
			}, without: "403, mark none", with: "403, mark none"},
		{name: "pipelock refuses the request", run: func(c *cell) string {
			return refusal(c.do("POST", "/echo", "my key is "+scannerSecret, "Content-Type", "text/plain")) +
				"; " + c.sawText()
		}, without: "403, X-Bottle-Deny: secret_in_body; origin saw nothing",
			with: "403, X-Bottle-Deny: secret_in_body; origin saw nothing"},
		{name: "pipelock refuses the response", run: func(c *cell) string {
			return refusal(c.do("GET", "/poison", "")) + "; " + c.sawText()
		}, without: "403, X-Bottle-Deny: injection_in_response; origin saw GET /poison",
			with: "403, X-Bottle-Deny: injection_in_response; origin saw GET /poison"},
		{name: "origin's certificate is out of date", options: func(*testing.T) harness.WorldOptions {
			return harness.WorldOptions{
				Origin: origin.Options{Leaf: origin.LeafOptions{NotBefore: time.Now().Add(-3 * time.Hour),
					NotAfter: time.Now().Add(-time.Hour)}}}
		}, run: causeOf, without: "502 origin_unreachable", with: "502 tls_expired"},
		{name: "... is for another name", options: func(t *testing.T) harness.WorldOptions {
			return otherOrigin(t, false)
		},
			run: causeOf, without: "502 origin_unreachable", with: "502 tls_wrong_name"},
		{name: "... is of an unknown authority", options: func(t *testing.T) harness.WorldOptions {
			return otherOrigin(t, true)
		},
			run: causeOf, without: "502 origin_unreachable", with: "502 tls_unknown_ca"},
		{name: "origin refuses connections", options: func(*testing.T) harness.WorldOptions {
			return harness.WorldOptions{}
		},
			run: func(c *cell) string {
				c.w.Origin.Close()
				return causeOf(c)
			}, without: "502 origin_unreachable", with: "502 connection_refused"},
		{name: "origin resets", options: func(t *testing.T) harness.WorldOptions {
			server, err := origin.Start(origin.Options{Names: []string{"origin.test"}, Raw: func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1))
				origin.Reset(conn)
			}})
			if err != nil {
				t.Fatal(err)
			}
			return harness.WorldOptions{RawOrigin: server}
		}, run: causeOf, without: "502 origin_unreachable", with: "502 upstream_broken: reset"},
	}...)
}

// requestOrderRow has a variable of its own: the head that the origin got.
func requestOrderRow() tableRow {
	var heads []string
	return tableRow{name: "request fields: order and case", only: harness.H1,
		options: func(t *testing.T) harness.WorldOptions {
			heads = nil
			return said(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", &heads)
		}, run: func(c *cell) string {
			c.rawHead("GET / HTTP/1.1\r\nHost: {A}\r\nx-LOWER: 1\r\nX-api: 2\r\nX-UP: 3\r\n\r\n")
			if len(heads) != 1 {
				return fmt.Sprintf("%d requests", len(heads))
			}
			return fieldNames(heads[0], anX)
		}, without: "X-Api X-Lower X-Up", with: "x-LOWER X-api X-UP"}
}

// otherOrigin has a certificate for another name, or of an authority that is not trusted.
func otherOrigin(t *testing.T, unknown bool) harness.WorldOptions {
	t.Helper()
	name := "elsewhere.test"
	if unknown {
		name = "origin.test"
	}
	server, err := origin.Start(origin.Options{Names: []string{name}})
	if err == nil && unknown {
		server.CA, err = origin.NewCA("another authority")
	}
	if err != nil {
		t.Fatal(err)
	}
	return harness.WorldOptions{RawOrigin: server}
}

// decided is a refusal with its `by` of the audit log.
func (c *cell) decided(answer harness.Answer) string {
	c.t.Helper()
	if answer.Response == nil || answer.StatusCode < 400 {
		return endText(answer)
	}
	id := answer.Problem(c.t).RequestID
	line := c.w.Proxy.WaitAudit(c.t, "the line of the exchange", func(l map[string]any) bool {
		return l["id"] == id && l["kind"] == "exchange"
	})
	return fmt.Sprintf("%s by %v", refusal(answer), line["by"])
}

// causeOf makes a request that cannot succeed: the answer's code, or its detail, names the cause.
func causeOf(c *cell) string {
	answer := c.do("GET", "/text", "")
	out := refusal(answer)
	if strings.Contains(answer.Text, "reset") {
		out += ": reset"
	}
	return out
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func trailerText(answer harness.Answer) string {
	if answer.Response == nil {
		return "no answer"
	}
	var out []string
	for name, values := range answer.Trailer {
		if len(values) > 0 {
			out = append(out, name+"="+strings.Join(values, ","))
		}
	}
	if len(out) == 0 {
		return "no trailers"
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

func grpcText(answer harness.Answer) string {
	n := strings.Count(answer.Text, "\x00\x00\x00\x00\x03abc")
	plural := "s"
	if n == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d, %d message%s, %s", answer.Status(), n, plural, trailerText(answer))
}

// endText says how much came and how it ended.
func endText(answer harness.Answer) string {
	switch {
	case answer.Response == nil:
		return "no answer"
	case answer.StatusCode != http.StatusOK:
		return refusal(answer)
	case answer.BodyErr != nil:
		return "200, cut, and it shows"
	}
	return fmt.Sprintf("200, %d bytes, clean end", len(answer.Text))
}

var exitTable = struct {
	sync.Mutex
	order []string
	cells map[string]map[bool]map[harness.Proto]string
}{cells: map[string]map[bool]map[harness.Proto]string{}}

func noteExit(name string, exit bool, proto harness.Proto, text string) {
	exitTable.Lock()
	defer exitTable.Unlock()
	row := exitTable.cells[name]
	if row == nil {
		row = map[bool]map[harness.Proto]string{false: {}, true: {}}
		exitTable.cells[name] = row
		exitTable.order = append(exitTable.order, name)
	}
	row[exit][proto] = text
}

func printExitTable() {
	if len(exitTable.order) == 0 {
		return
	}
	text := func(cells map[harness.Proto]string) string {
		h1, has1 := cells[harness.H1]
		h2, has2 := cells[harness.H2]
		if has1 && has2 && h1 != h2 {
			return "h1: " + h1 + "; h2: " + h2
		}
		if has1 {
			return h1
		}
		return h2
	}
	contract := os.Getenv("BOTTLE_CONTRACT")
	if contract == "" {
		contract = string(double.Contract2)
	}
	fmt.Printf("\n| route `scan`, pipelock %s | without the exit | with the exit |\n|---|---|---|\n", contract)
	for _, name := range exitTable.order {
		row := exitTable.cells[name]
		fmt.Printf("| %s | %s | %s |\n", name, strings.ReplaceAll(text(row[false]), "|", "\\|"),
			strings.ReplaceAll(text(row[true]), "|", "\\|"))
	}
	fmt.Println()
}

func TestExitTable(t *testing.T) {
	for _, exit := range []bool{false, true} {
		name := map[bool]string{false: "without", true: "with"}[exit]
		t.Run(name, func(t *testing.T) {
			complete := func(o harness.WorldOptions) harness.WorldOptions {
				o.Via, o.Exit = harness.Scanner, exit
				o.More = []string{"other.test"}
				if o.Double.MaxResponse == 0 {
					o.Double.MaxResponse = 2 << 20
				}
				return o
			}
			common := harness.NewWorld(t, complete(harness.WorldOptions{}))
			for _, row := range tableRows() {
				t.Run(strings.ReplaceAll(row.name, " ", "-"), func(t *testing.T) {
					run := func(t *testing.T, proto harness.Proto) {
						w := common
						if row.options != nil {
							w = harness.NewWorld(t, complete(row.options(t)))
						}
						c := &cell{t: t, w: w, proto: proto, from: len(w.Origin.Requests())}
						got := c.bare(row.run(c))
						noteExit(row.name, exit, proto, got)
						want := row.without
						if row.without3 != "" && harness.Contract(t) == double.Contract3 {
							want = row.without3
						}
						if exit {
							want = row.with
							if proto == harness.H1 && row.withH1 != "" {
								want = row.withH1
							}
						}
						if got != want {
							t.Errorf("got  %s\nwant %s", got, want)
						}
					}
					if row.only != "" {
						run(t, row.only)
						return
					}
					protos(t, run)
				})
			}
		})
	}
}

// TestExitGrpcStreamsAreRefusedInWords: a call whose request waits for answers cannot go through a scanner that wants
// the whole request first; it is told so, soon, with a way on.
func TestExitGrpcStreamsAreRefusedInWords(t *testing.T) {
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, Exit: true})
	conn := w.H2()
	defer conn.Close()
	conn.Headers(1, false, w.Request("POST", "/grpc", harness.Field{Name: "content-type", Value: "application/grpc"},
		harness.Field{Name: "te", Value: "trailers"})...)
	conn.Data(1, false, "\x00\x00\x00\x00\x02hi")
	out := conn.Await(1)
	if message := out.Fields.Get("Grpc-Message"); out.Fields.Get("Grpc-Status") != "12" ||
		!strings.Contains(message, "grpc_streaming") || !out.Ended {
		t.Errorf("%v %v", out, out.Fields)
	}
	if n := len(w.Origin.Requests()); n != 0 {
		t.Errorf("%d requests at the origin", n)
	}
}
