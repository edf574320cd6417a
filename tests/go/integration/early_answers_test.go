package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bottle.test/harness"
	"bottle.test/origin"
)

// An answer that comes before its request has ended (RFC 9113 section 8.1): a reset that follows it closely makes some
// clients lose it, and others read no answer before all of their request was taken. Each program sends COUNT requests
// of SIZE bytes and prints what it got, a status a line.
var earlyClients = []struct{ name, probe, script string }{
	{"curl", "command -v curl && curl -V | grep -qi http2", `head -c $SIZE /dev/zero > body
		for i in $(seq $COUNT); do
			curl -sS -x "$PROXY" --cacert "$CA" --http2 -m 20 -o /dev/null -w '%{http_code}\n' \
				--data-binary @body -H 'Content-Type: application/octet-stream' "$U" || echo lost
		done`},
	{"node", "command -v node", `node "$D/early_client.js" "$PROXY" "$CA" "$U" $SIZE $COUNT`},
	{"httpx", `python3 -c 'import httpx, h2'`, `python3 "$D/early_httpx.py" "$PROXY" "$CA" "$U" $SIZE $COUNT`},
	{"java", "command -v java && java --list-modules | grep -q java.net.http",
		`java "$D/EarlyClient.java" "$PROXY" "$CA" "$U" $SIZE $COUNT`},
}

var earlySizes = []int{1, 200_000, 20_000_000}

const earlyCount = 10

func earlyWorld(t *testing.T) (w *harness.World, urls map[string]string) {
	w = harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: origin.Options{},
		Args: []string{"--ca-names", "any"}})
	return w, map[string]string{"policy": "https://elsewhere.test/", "origin": w.URL("/status/413")}
}

func TestEarlyAnswersReachPrograms(t *testing.T) {
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range earlyClients {
		client := client
		t.Run(client.name, func(t *testing.T) {
			if exec.Command("sh", "-c", client.probe).Run() != nil {
				t.Skipf("%s is missing (scripts/bootstrap extras)", client.name)
			}
			w, urls := earlyWorld(t)
			for by, url := range urls {
				for _, size := range earlySizes {
					ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
					command := exec.CommandContext(ctx, "sh", "-c", client.script)
					command.Dir = t.TempDir()
					command.Env = append(os.Environ(), "PROXY=http://"+w.Proxy.Addr, "CA="+w.Proxy.CAFile,
						"U="+url, "D="+data,
						"SIZE="+strconv.Itoa(size), "COUNT="+strconv.Itoa(earlyCount))
					out, err := command.CombinedOutput()
					cancel()
					got := 0
					for _, line := range strings.Fields(string(out)) {
						if line == "403" || line == "413" {
							got++
						}
					}
					if got != earlyCount {
						t.Errorf("refused by %s, %d bytes: %d of %d answers arrived (%v): %.300s", by, size, got,
							earlyCount, err, out)
					}
				}
			}
		})
	}
}

func TestEarlyAnswersReachGo(t *testing.T) {
	w, urls := earlyWorld(t)
	client := w.Client(harness.H2)
	for by, url := range urls {
		for _, size := range earlySizes {
			for i := 0; i < earlyCount; i++ {
				response, err := client.Post(url, "application/octet-stream", bytes.NewReader(make([]byte, size)))
				if err != nil {
					t.Errorf("refused by %s, %d bytes: %v", by, size, err)
					continue
				}
				_, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || (response.StatusCode != 403 && response.StatusCode != 413) {
					t.Errorf("refused by %s, %d bytes: %d, %v", by, size, response.StatusCode, err)
				}
			}
		}
	}
}

// TestEarlyAnswerOfAnOriginThatResets: an h2 origin that ends its answer and resets the request at once. The client
// still gets the answer, over both protocols.
func TestEarlyAnswerOfAnOriginThatResets(t *testing.T) {
	w, urls := earlyWorld(t) // Go's server does so
	for _, proto := range []harness.Proto{harness.H1, harness.H2} {
		client := w.Client(proto)
		for i := 0; i < 20; i++ {
			body := io.MultiReader(bytes.NewReader(make([]byte, 300_000)), strings.NewReader(fmt.Sprint(i)))
			response, err := client.Post(urls["origin"], "application/octet-stream", body)
			if err != nil {
				t.Errorf("%v: %v", proto, err)
				continue
			}
			answer, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != 413 {
				t.Errorf("%v: %d, %v: %s", proto, response.StatusCode, err, answer)
			}
		}
	}
}
