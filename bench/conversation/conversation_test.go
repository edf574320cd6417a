// Package conversation measures how long a turn of a conversation waits for its first byte.
package conversation

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	mathrand "math/rand"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
)

var (
	opaque = flag.Int("opaque", 0, "bodies with images, PDFs and ciphertext to send")
	rounds = flag.Int("rounds", 3, "conversations of each kind; the median counts")
)

// Pipelock's cost of a request's body, measured: about 3 s for 600 KB.
const doubleDelay = 3200 * time.Millisecond // a MiB

type block map[string]any

// speaker makes prose and code that no scanner objects to.
type speaker struct{ random *mathrand.Rand }

var words = strings.Fields(`the proxy reads each request before it leaves and an answer before it comes back so that
a person can say what an agent may do when it works alone for hours with files tests builds and a network`)

func (s *speaker) text(size int) string {
	var out strings.Builder
	for out.Len() < size {
		if s.random.Intn(3) > 0 {
			for i := 0; i < 12; i++ {
				out.WriteString(words[s.random.Intn(len(words))] + " ")
			}
			out.WriteString(".\n")
			continue
		}
		fmt.Fprintf(&out, "  if (%s_%s > %d) {\n    return %s(%d);\n  }\n", words[s.random.Intn(len(words))],
			words[s.random.Intn(len(words))], s.random.Intn(1000), words[s.random.Intn(len(words))], s.random.Intn(100))
	}
	return out.String()[:size]
}

func screenshot(t testing.TB, seed int64) string {
	t.Helper()
	random := mathrand.New(mathrand.NewSource(seed))
	picture := image.NewRGBA(image.Rect(0, 0, 320, 320))
	for i := range picture.Pix {
		picture.Pix[i] = byte(random.Intn(256))
	}
	picture.Set(0, 0, color.White)
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

func body(messages []block) []byte {
	out, _ := json.Marshal(map[string]any{"model": "m", "stream": true, "messages": messages,
		"tools": []block{{"name": "read", "description": "Reads a file of the workspace and says what is in it."}}})
	return out
}

// turn sends the conversation and returns the time to the answer's first byte.
func turn(t testing.TB, w *harness.World, client *http.Client, messages []block) time.Duration {
	t.Helper()
	request, err := http.NewRequest("POST", w.URL("/sse?n=2"), bytes.NewReader(body(messages)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	begun := time.Now()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		text, _ := io.ReadAll(response.Body)
		t.Fatalf("%d %.300s", response.StatusCode, text)
	}
	reader := bufio.NewReader(response.Body)
	if _, err := reader.ReadByte(); err != nil {
		t.Fatal(err)
	}
	wait := time.Since(begun)
	_, _ = io.Copy(io.Discard, reader)
	return wait
}

// exam plays a conversation: seven turns to the size, and two of 4 KB.
func exam(t testing.TB, w *harness.World, size, pictures int) []time.Duration {
	t.Helper()
	client := w.Client(harness.H2)
	s := &speaker{mathrand.New(mathrand.NewSource(int64(size)))}
	var messages []block
	var waits []time.Duration
	for i := 0; i < 9; i++ {
		content := []block{{"type": "text", "text": s.text(4096)}}
		if i < 7 {
			// A tool's result of some KB each, as an agent gathers them.
			for written := 0; written < size/7; written += 8192 {
				content = append(content, block{"type": "tool_result", "content": s.text(8192)})
			}
			for p := 0; p < pictures; p++ {
				if p%7 == i {
					content = append(content, block{"type": "image", "source": block{"type": "base64",
						"media_type": "image/png", "data": screenshot(t, int64(p))}})
				}
			}
		}
		messages = append(messages, block{"role": []string{"user", "assistant"}[i%2], "content": content})
		waits = append(waits, turn(t, w, client, messages))
	}
	return waits
}

type kind struct {
	name    string
	options harness.WorldOptions
}

func kinds() []kind {
	behind := func(args ...string) harness.WorldOptions {
		return harness.WorldOptions{Via: harness.Scanner, Exit: true, Args: args,
			Double: double.Options{RequestDelay: doubleDelay, MaxRequest: 64 << 20}}
	}
	return []kind{
		{"direct", harness.WorldOptions{}},
		{"scanner, all", behind("--scanner-shows", "all", "--opaque", "scan")},
		{"scanner, what is new", behind()},
	}
}

func TestConversation(t *testing.T) {
	for _, c := range []struct {
		name           string
		size, pictures int
		limit          time.Duration
	}{{"600 KB of text", 600 << 10, 0, 60 * time.Millisecond}, {"4 MB with 10 screenshots", 600 << 10, 10,
		200 * time.Millisecond}} {
		t.Log(c.name)
		var direct, shown time.Duration
		for _, k := range kinds() {
			if c.pictures > 0 && k.name == "scanner, all" {
				continue // refused
			}
			var columns [9][]time.Duration
			for round := 0; round < *rounds; round++ {
				w := harness.NewWorld(t, k.options)
				for i, wait := range exam(t, w, c.size, c.pictures) {
					columns[i] = append(columns[i], wait)
				}
			}
			line := fmt.Sprintf("  %-22s", k.name)
			last := time.Duration(0)
			for i, column := range columns {
				sort.Slice(column, func(a, b int) bool { return column[a] < column[b] })
				median := column[len(column)/2]
				line += fmt.Sprintf(" %6.0f", float64(median.Microseconds())/1000)
				if i >= 7 && median > last {
					last = median
				}
			}
			t.Log(line + " ms")
			if k.name == "direct" {
				direct = last
			} else {
				shown = last
			}
		}
		t.Logf("  the last turns wait %.0f ms longer than in direct mode", float64((shown-direct).Microseconds())/1000)
		if shown-direct > c.limit {
			t.Errorf("more than %v", c.limit)
		}
	}
}

// TestOpaque sends bodies that no pattern can read.
func TestOpaque(t *testing.T) {
	if *opaque == 0 {
		t.Skip("-opaque N sends N bodies")
	}
	w := harness.NewWorld(t, kinds()[2].options)
	client := w.Client(harness.H2)
	refused := 0
	for i := 0; i < *opaque; i++ {
		size := []int{6 << 10, 48 << 10, 300 << 10}[i%3]
		data := make([]byte, size)
		if _, err := rand.Read(data); err != nil {
			t.Fatal(err)
		}
		switch i % 4 {
		case 1:
			copy(data, "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
		case 2:
			copy(data, "%PDF-1.7\n")
		}
		text := base64.StdEncoding.EncodeToString(data)
		if i%5 == 0 {
			text = base64.RawURLEncoding.EncodeToString(data)
		}
		messages := []block{{"role": "user", "content": []block{{"type": "thinking", "signature": text}}}}
		request, _ := http.NewRequest("POST", w.URL("/echo"), bytes.NewReader(body(messages)))
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 {
			refused++
			t.Logf("body %d of %d bytes: %d %.200s", i, size, response.StatusCode, answer)
		}
	}
	t.Logf("%d of %d refused", refused, *opaque)
	if refused > 0 {
		t.Error("an opaque body was refused")
	}
}
