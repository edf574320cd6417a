package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"

	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bottle.test/harness"
)

// control is a client of a proxy's control channel.
type control struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
}

func controlAt(t *testing.T, path string) *control {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &control{t, conn, bufio.NewReader(conn)}
}

func (c *control) ask(message string) map[string]any {
	c.t.Helper()
	c.conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.conn.Write([]byte(message + "\n")); err != nil {
		c.t.Fatal(err)
	}
	line, err := c.lines.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	var answer map[string]any
	if json.Unmarshal([]byte(line), &answer) != nil {
		c.t.Fatalf("the proxy said %q", line)
	}
	return answer
}

func (c *control) rotate(name, value string) map[string]any {
	c.t.Helper()
	message, _ := json.Marshal(map[string]any{"v": 1, "id": "r", "verb": "secrets.set",
		"secrets": []map[string]string{{"name": name, "value": value}}})
	return c.ask(string(message))
}

func (c *control) rotated(value string) {
	c.t.Helper()
	if answer := c.rotate("THE_KEY", value); answer["ok"] != true {
		c.t.Fatalf("%v", answer)
	}
}

// takingCommands keeps a value out, and has a control socket.
func takingCommands(t *testing.T, o harness.WorldOptions, parts ...string) (harness.WorldOptions, string) {
	directory, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	path := filepath.Join(directory, "control")
	o = keepingOut(t, o, parts...)
	o.Args = append(o.Args, "--control", "unix:"+path, "--threads", "2")
	return o, path
}

const newerValue = "Vb6Nm1Lk9Jh4Gf8Ds3Ap7Qo2Wi5Eu0RyTxC"

// TestRotatedValueGoesOutAndOldOnesStayGuarded: the agent notices nothing, the origin gets the new value, and an old
// one is refused as the present one is.
func TestRotatedValueGoesOutAndOldOnesStayGuarded(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		options, path := takingCommands(t, options, "header", "body")
		w := harness.NewWorld(t, options)
		client := w.Client(proto)
		channel := controlAt(t, path)
		for _, value := range []string{keptOutValue, newerValue, "short7Tn3Kq9Wd5Xs"} {
			channel.rotated(value)
			answer := w.Do(client, "POST", "/echo", strings.NewReader("k="+placeholder+"&end"),
				"Authorization", "Bearer "+placeholder, "Content-Type", "text/plain")
			got := arrived(t, w)
			if answer.Status() != 200 || got.Header.Get("Authorization") != "Bearer "+value ||
				string(got.Body) != "k="+value+"&end" {
				t.Errorf("status %d, the origin got %q and %q", answer.Status(), got.Header, got.Body)
			}
			if strings.Contains(allOf(answer), value) {
				t.Errorf("the client got %s", allOf(answer))
			}
		}
		for _, value := range []string{keptOutValue, newerValue, "short7Tn3Kq9Wd5Xs"} {
			wantProblem(t, w.Do(client, "GET", "/echo", nil, "Authorization", "Bearer "+value), 403, "secret_in_header")
			// An origin that kept it gives none away.
			answer := w.Do(client, "POST", "/echo?said="+value[:9], strings.NewReader(placeholder),
				"Content-Type", "text/plain")
			if strings.Contains(allOf(answer), value) {
				t.Errorf("the client got %s", allOf(answer))
			}
		}
		text := w.Proxy.AuditText()
		if strings.Count(text, `"kind":"secrets_changed"`) != 2 ||
			!strings.Contains(text, fmt.Sprintf(`"detail":"THE_KEY (by uid %d)"`, os.Geteuid())) ||
			strings.Contains(text, newerValue) {
			t.Errorf("the audit log has %s", text)
		}
	})
}

// TestExchangesUnderWayLiveThroughARotation: a request that waits at its origin ends as it began.
func TestExchangesUnderWayLiveThroughARotation(t *testing.T) {
	options, path := takingCommands(t, harness.WorldOptions{Via: harness.Direct}, "header")
	w := harness.NewWorld(t, options)
	channel := controlAt(t, path)
	body, feed := io.Pipe()
	answers := make(chan harness.Answer)
	go func() {
		answer, err := w.Try(w.Client(harness.H1), "POST", "/echo", body, "Authorization", "Bearer "+placeholder)
		if err != nil {
			t.Error(err)
		}
		answers <- answer
	}()
	feed.Write([]byte("first "))
	time.Sleep(300 * time.Millisecond)
	channel.rotated(newerValue)
	feed.Write([]byte("second"))
	feed.Close()
	answer := <-answers
	if answer.Status() != 200 || !strings.Contains(answer.Text, `"body_len":12`) {
		t.Errorf("status %d, %q", answer.Status(), answer.Text)
	}
	if got := arrived(t, w).Header.Get("Authorization"); got != "Bearer "+keptOutValue {
		t.Errorf("the origin got %q", got)
	}
}

// TestManyRotationsUnderLoad: no exchange fails, and after an acknowledgement no request carries an older value.
func TestManyRotationsUnderLoad(t *testing.T) {
	for _, exit := range []bool{false, true} {
		t.Run(fmt.Sprintf("exit=%v", exit), func(t *testing.T) {
			base := harness.WorldOptions{Via: harness.Direct}
			if exit {
				base = harness.WorldOptions{Via: harness.Scanner, Exit: true}
			}
			options, path := takingCommands(t, base, "header")
			w := harness.NewWorld(t, options)
			channel := controlAt(t, path)
			var acknowledged, failed, done, stale atomic.Int64
			stop := make(chan struct{})
			var clients sync.WaitGroup
			for i := 0; i < 8; i++ {
				i := i
				clients.Add(1)
				go func() {
					defer clients.Done()
					client := w.Client([]harness.Proto{harness.H1, harness.H2}[i%2])
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						least := acknowledged.Load()
						path := fmt.Sprintf("/reflect?c=%d-%d", i, n)
						answer, err := w.Try(client, "GET", path, nil, "Authorization", "Bearer "+placeholder)
						done.Add(1)
						if err != nil || answer.Status() != 200 {
							failed.Add(1)
							t.Logf("%v %d %s", err, answer.Status(), answer.Text)
							continue
						}
						var number int64
						for _, request := range w.Origin.Requests() {
							if request.URI == path {
								fmt.Sscanf(request.Header.Get("Authorization"), "Bearer "+keptOutValue+"-%d", &number)
							}
						}
						if number < least {
							stale.Add(1)
						}
					}
				}()
			}
			begun := time.Now()
			for n := int64(1); n <= 200; n++ {
				channel.rotated(fmt.Sprintf("%s-%d", keptOutValue, n))
				acknowledged.Store(n)
			}
			took := time.Since(begun)
			close(stop)
			clients.Wait()
			t.Logf("200 rotations in %v, %d exchanges, %d failed, %d with an old value", took, done.Load(),
				failed.Load(), stale.Load())
			if failed.Load() != 0 || stale.Load() != 0 || done.Load() < 50 {
				t.Error("an exchange went wrong")
			}
		})
	}
}

// TestControlRefusesWhatIsWrong: the secrets stay as they were.
func TestControlRefusesWhatIsWrong(t *testing.T) {
	options, path := takingCommands(t, harness.WorldOptions{Via: harness.Direct}, "header")
	w := harness.NewWorld(t, options)
	channel := controlAt(t, path)
	set := func(rest string) string { return `{"v":1,"verb":"secrets.set","secrets":[` + rest + `]}` }
	for message, says := range map[string]string{
		`hello`:                         "one JSON object",
		`{"v":9,"verb":"secrets.list"}`: `"v"`,
		`{"v":1,"verb":"secrets.drop"}`: "unknown",
		set(`{"name":"NONE","value":"` + newerValue + `"}`):          "no secret of that name",
		set(`{"name":"THE_KEY","value":"short"}`):                    "fewer than",
		set(`{"name":"THE_KEY","value":"` + placeholder + `"}`):      "placeholder",
		set(`{"name":"THE_KEY","value":"` + newerValue + `","x":1}`): "each secret",
	} {
		answer := channel.ask(message)
		text := fmt.Sprint(answer["error"])
		if answer["ok"] != false || !strings.Contains(text, says) || strings.Contains(text, newerValue) {
			t.Errorf("%s: %v", message, answer)
		}
	}
	w.Do(w.Client(harness.H2), "GET", "/echo", nil, "Authorization", "Bearer "+placeholder)
	if got := arrived(t, w).Header.Get("Authorization"); got != "Bearer "+keptOutValue {
		t.Errorf("the origin got %q", got)
	}
	listed := channel.ask(`{"v":1,"id":"l","verb":"secrets.list"}`)
	text := fmt.Sprint(listed)
	if listed["id"] != "l" || !strings.Contains(text, "THE_KEY") || strings.Contains(text, keptOutValue) {
		t.Errorf("listed: %v", listed)
	}
}

// TestControlIsForTheProxysUser: root reaches the file of another user's proxy, and is refused by the kernel's word.
func TestControlIsForTheProxysUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	directory, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(directory)
	const nobody = 65534
	os.Chown(directory, nobody, nobody)
	path := filepath.Join(directory, "control")
	command := exec.Command(harness.Binary(t, "bottle-proxy"), "--upstream", "direct", "--allow", "a.test",
		"--control", "unix:"+path)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	output, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		t.Skip(err)
	}
	defer command.Wait()
	defer command.Process.Kill()
	bufio.NewReader(output).ReadString('\n')
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	lines := bufio.NewReader(conn)
	line, _ := lines.ReadString('\n')
	if !strings.Contains(line, "its own user alone") {
		t.Errorf("it said %q", line)
	}
	if _, err := lines.ReadByte(); err == nil {
		t.Error("it goes on")
	}
}

// TestHangupReadsTheSecretsAgain: with a valid file there are new values; an invalid one changes nothing.
func TestHangupReadsTheSecretsAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets")
	write := func(value string) {
		line, _ := json.Marshal(map[string]any{"name": "THE_KEY", "value": value, "placeholder": placeholder,
			"hosts": []string{"origin.test"}})
		if err := os.WriteFile(file, append(line, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(keptOutValue)
	w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Args: []string{"--secrets", file}})
	client := w.Client(harness.H1)
	arrives := func(value string) bool {
		w.Do(client, "GET", "/echo", nil, "Authorization", "Bearer "+placeholder)
		return arrived(t, w).Header.Get("Authorization") == "Bearer "+value
	}
	if !arrives(keptOutValue) {
		t.Error("the value does not arrive")
	}
	write(newerValue)
	w.Proxy.Signal(syscall.SIGHUP)
	until := time.Now().Add(10 * time.Second)
	for !arrives(newerValue) {
		if time.Now().After(until) {
			t.Fatal("the new value does not arrive")
		}
		time.Sleep(20 * time.Millisecond)
	}
	wantProblem(t, w.Do(client, "GET", "/echo", nil, "Authorization", "Bearer "+keptOutValue), 403, "secret_in_header")
	os.WriteFile(file, []byte("{\n"), 0o600)
	w.Proxy.Signal(syscall.SIGHUP)
	for !strings.Contains(w.Proxy.Stderr(), "the secrets stay as they were") {
		if time.Now().After(until) {
			t.Fatalf("the log says %s", w.Proxy.Stderr())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !arrives(newerValue) {
		t.Error("the value was lost")
	}
}
