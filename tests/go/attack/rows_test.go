package attack

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"bottle.test/double"
	"bottle.test/harness"
	"bottle.test/origin"
)

// attackRow is an attack of docs/threats.md at its bound.
type attackRow struct {
	name  string
	world func(t *testing.T) *harness.World
	warm  time.Duration // until the attack has what it wants
	size  int           // of the good client's bodies, 0 is small
	run   func(f *foe)
}

// The attacker's names; they lead to the good client's server, by other names.
const (
	foeName  = "evil.test"
	foeOther = "worse.example"
)

func directWorld(args ...string) func(t *testing.T) *harness.World {
	return func(t *testing.T) *harness.World {
		return harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, More: []string{foeName, foeOther},
			Args: append([]string{"--threads", "1"}, args...)})
	}
}

// plainWorld has an origin without HTTP/2: each request to it has a connection of its own.
func plainWorld(args ...string) func(t *testing.T) *harness.World {
	return func(t *testing.T) *harness.World {
		return harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, More: []string{foeName, foeOther},
			Origin: origin.Options{H1Only: true}, Args: append([]string{"--threads", "1"}, args...)})
	}
}

func scannedWorld(o double.Options, args ...string) func(t *testing.T) *harness.World {
	return func(t *testing.T) *harness.World {
		return harness.NewWorld(t, harness.WorldOptions{Via: harness.Scanner, DoubleOnly: true, Double: o,
			More: []string{foeName, foeOther}, Args: append([]string{"--threads", "1"}, args...)})
	}
}

func frame(kind, flags byte, id uint32, payload []byte) []byte {
	return harness.Frame{Type: kind, Flags: flags, Stream: id, Payload: payload}.Bytes()
}

var attackRows = []attackRow{
	{name: "50 rapid reset", world: directWorld(), run: func(f *foe) {
		f.each(4, func(int) {
			f.frames(foeName, false, nil, func(c *tls.Conn) {
				for id := uint32(1); id < 20000 && !f.over(); id += 2 {
					bytes := append(stream(id, foeName, "GET", "/slow?ms=1000"),
						frame(harness.FrameReset, 0, id, []byte{0, 0, 0, 8})...)
					if _, err := c.Write(bytes); err != nil {
						return
					}
					f.rest(id)
				}
			})
		})
	}},
	{name: "50 rapid reset of requests whose bodies have begun", world: directWorld(), run: func(f *foe) {
		f.each(4, func(int) {
			f.frames(foeName, false, nil, func(c *tls.Conn) {
				for id := uint32(1); id < 20000 && !f.over(); id += 2 {
					head := stream(id, foeName, "POST", "/upload")
					head[4] &^= harness.FlagEndStream
					head = append(head, frame(harness.FrameData, 0, id, []byte("x"))...)
					head = append(head, frame(harness.FrameReset, 0, id, []byte{0, 0, 0, 8})...)
					if _, err := c.Write(head); err != nil {
						return
					}
					f.rest(id)
				}
			})
		})
	}},
	{name: "51 MadeYouReset", world: directWorld(), run: func(f *foe) {
		f.each(4, func(int) {
			f.frames(foeName, false, nil, func(c *tls.Conn) {
				for id := uint32(1); id < 20000 && !f.over(); id += 2 {
					bytes := append(stream(id, foeName, "GET", "/slow?ms=1000"),
						frame(harness.FrameWindowUpdate, 0, id, []byte{0, 0, 0, 0})...)
					if _, err := c.Write(bytes); err != nil {
						return
					}
					f.rest(id)
				}
			})
		})
	}},
	{name: "52 CONTINUATION without end", world: directWorld(), run: func(f *foe) {
		f.each(4, func(int) {
			f.frames(foeName, false, nil, func(c *tls.Conn) {
				head := stream(1, foeName, "GET", "/text")
				head[4] &^= harness.FlagEndHeaders
				if _, err := c.Write(head); err == nil {
					f.write(c, frame(harness.FrameContinuation, 0, 1, []byte{0, 1, 'a', 1, 'b'}), 10000, pace)
				}
			})
		})
	}},
	{name: "53 HPACK bombs", world: directWorld(), run: func(f *foe) {
		f.each(4, func(int) { f.frames(foeName, false, nil, func(c *tls.Conn) { hpackBombs(f, c) }) })
	}},
	{name: "53 answers held by windows of zero", world: directWorld(), warm: time.Second, run: func(f *foe) {
		f.each(8, func(int) {
			f.frames(foeName, false, []byte{0, 4, 0, 0, 0, 0}, func(c *tls.Conn) {
				for id := uint32(1); id < 200; id += 2 {
					if _, err := c.Write(stream(id, foeName, "GET", "/bytes?n=1000000")); err != nil {
						return
					}
				}
				f.write(c, frame(harness.FramePing, 0, 0, make([]byte, 8)), 1000, 500*time.Millisecond)
			})
		})
	}},
	{name: "54 floods of cheap frames", world: directWorld(), run: func(f *foe) {
		f.each(len(cheapFrames), func(i int) {
			f.frames(foeName, i%2 == 0, nil, func(c *tls.Conn) {
				if _, err := c.Write(stream(1, foeName, "GET", "/slow?ms=5000")); err == nil {
					f.write(c, bytes.Repeat(cheapFrames[i], 50), 10000, pace)
				}
			})
		})
	}},
	{name: "55 slow heads", world: directWorld(), warm: time.Second, run: func(f *foe) {
		f.each(200, func(int) {
			f.say(foeName, "GET /text HTTP/1.1\r\n", func(c net.Conn) { f.write(c, []byte("a"), 1000, time.Second) })
		})
	}},
	{name: "55 slow CONNECT and slow TLS", world: directWorld(), warm: time.Second, run: func(f *foe) {
		f.each(150, func(int) {
			if conn, err := f.dial(); err == nil {
				f.write(conn, []byte("C"), 1000, time.Second)
				f.drop(conn)
			}
		})
		f.each(150, func(int) {
			if conn, err := f.tunnel(foeName + ":443"); err == nil {
				_, _ = conn.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252})
				f.write(conn, []byte{3}, 1000, time.Second)
				f.drop(conn)
			}
		})
	}},
	{name: "56 slow bodies", world: directWorld(), warm: time.Second, run: slowBodies},
	{name: "56 slow bodies towards the scanner", world: scannedWorld(double.Options{}), warm: time.Second,
		run: slowBodies},
	{name: "57 readers that take nothing", world: directWorld(), warm: 2 * time.Second, run: func(f *foe) {
		f.each(150, func(i int) {
			name := []string{foeName, foeOther}[i%2]
			f.say(name, request("GET", "/bytes?chunked=1&n=100000000000", name),
				func(net.Conn) { f.wait(time.Minute) })
		})
	}},
	{name: "58 idle connections", world: directWorld("--limit", "connections=300"), warm: time.Second,
		run: func(f *foe) {
			f.each(400, func(int) {
				f.say(foeName, request("GET", "/text", foeName), func(c net.Conn) { f.stay(c) })
			})
		}},
	{name: "59 handshakes", world: directWorld(), run: func(f *foe) {
		f.each(4, func(i int) {
			_, raw, err := f.secure(foeName, func(config *tls.Config) {
				config.SessionTicketsDisabled = true
				if i%2 == 0 {
					config.CurvePreferences = []tls.CurveID{tls.CurveP384, tls.CurveP256}
				}
			}, "http/1.1")
			if err == nil {
				f.drop(raw)
			}
		})
	}},
	{name: "59 hellos without an end of the handshake", world: directWorld(), run: func(f *foe) {
		f.each(200, func(int) {
			conn, err := f.tunnel(foeName + ":443")
			if err != nil {
				return
			}
			defer f.drop(conn)
			if hello := helloFor(foeName); len(hello) > 0 {
				_, _ = conn.Write(hello)
				f.stay(conn)
			}
		})
	}},
	{name: "59 ever new names", world: directWorld("--ca-names", "any", "--allow", "*.wild.test"), warm: time.Second,
		run: func(f *foe) {
			count := make([]int, 4)
			f.each(4, func(i int) {
				count[i]++
				name := fmt.Sprintf("n%d-%d.%s", i, count[i], []string{"refused.test", "wild.test"}[i%2])
				if _, raw, err := f.secure(name, nil, "http/1.1"); err == nil {
					f.drop(raw)
				}
			})
		}},
	{name: "60 large uploads that do not end", world: scannedWorld(double.Options{}), warm: 3 * time.Second,
		size: 1 << 20, run: func(f *foe) {
			f.each(8, func(i int) {
				name := []string{foeName, foeOther}[i%2]
				f.say(name, request("POST", "/upload", name, "Content-Length: 33554432"), func(c net.Conn) {
					f.nearlyAll(c)
					f.write(c, []byte("x"), 500, time.Second)
					f.wait(time.Second)
				})
			})
		}},
	{name: "61 bodies that decompress to much", world: scannedWorld(double.Options{}), run: func(f *foe) {
		bomb := zipped(64 << 20)
		f.each(4, func(int) {
			f.say(foeName, request("POST", "/upload", foeName, "Content-Encoding: gzip",
				fmt.Sprintf("Content-Length: %d", len(bomb))), func(c net.Conn) {
				_, _ = c.Write(bomb)
				f.stay(c)
			})
		})
	}},
	{name: "62 requests that cost the scanner seconds", warm: time.Second,
		world: scannedWorld(double.Options{RequestDelay: 4 * time.Second}, "--limit", "scanner_in_flight=16"),
		run: func(f *foe) {
			body := strings.Repeat("costs much. ", 40000)
			f.each(200, func(int) {
				f.say(foeName, request("POST", "/upload", foeName, "Connection: close",
					fmt.Sprintf("Content-Length: %d", len(body)))+body, func(c net.Conn) {
					f.stay(c)
					f.wait(time.Second)
				})
			})
		}},
	{name: "62 event streams that hold the scanner", warm: time.Second, world: scannedWorld(double.Options{}),
		run: func(f *foe) {
			f.each(100, func(int) {
				f.say(foeName, request("GET", "/sse?n=1000&ms=300", foeName), func(c net.Conn) { f.stay(c) })
			})
		}},
	{name: "62 streams that wait for a slow origin", warm: time.Second,
		world: plainWorld("--limit", "origin_in_flight=100", "--limit", "origin_in_flight_per_key=60"),
		run:   slowStreams},
	{name: "63 endless answers", world: directWorld(), warm: time.Second, run: func(f *foe) {
		f.each(8, func(int) {
			f.say(foeName, request("GET", "/bytes?chunked=1&n=100000000000", foeName),
				func(c net.Conn) { _, _ = io.CopyBuffer(io.Discard, c, make([]byte, 64<<10)) })
		})
	}},
	{name: "64 refusals that fill the log", world: directWorld(), run: func(f *foe) {
		f.each(4, func(i int) {
			f.say(foeName, "", func(c net.Conn) {
				for n := 0; n < 100000 && !f.over(); n++ {
					host := fmt.Sprintf("h%d-%d.refused.test", i, n)
					if _, err := io.WriteString(c, request("GET", "/"+host, host)); err != nil {
						return
					}
					if _, err := c.Read(make([]byte, 4096)); err != nil {
						return
					}
				}
			})
		})
	}},
	{name: "65 names that shall collide", world: directWorld(), run: func(f *foe) {
		var fields []string
		for i := 0; i < 95; i++ {
			fields = append(fields, fmt.Sprintf("x-%s%02d: %d", strings.Repeat("a", 50), i, i))
		}
		text := request("GET", "/text", foeName, fields...)
		f.each(4, func(int) {
			f.say(foeName, "", func(c net.Conn) {
				for n := 0; n < 100000 && !f.over(); n++ {
					if _, err := io.WriteString(c, text); err != nil {
						return
					}
					if _, err := c.Read(make([]byte, 4096)); err != nil {
						return
					}
				}
			})
		})
	}},
	{name: "66 heads byte by byte", world: directWorld(), run: func(f *foe) {
		text := request("GET", "/text", foeName, "X-Long: "+strings.Repeat("a", 30000))
		f.each(20, func(int) {
			f.say(foeName, "", func(c net.Conn) {
				for i := 0; i < len(text) && f.wait(time.Millisecond); i++ {
					if _, err := io.WriteString(c, text[i:i+1]); err != nil {
						return
					}
				}
			})
		})
	}},
	{name: "dials that get no answer", warm: time.Second, world: deadWorld, run: deadDials},
}

var cheapFrames = [][]byte{
	frame(harness.FramePing, 0, 0, make([]byte, 8)),
	frame(harness.FrameSettings, 0, 0, nil),
	frame(harness.FrameSettings, 0, 0, []byte{0, 4, 0, 1, 0, 0}),
	frame(harness.FrameWindowUpdate, 0, 0, []byte{0, 0, 0, 1}),
	frame(harness.FrameWindowUpdate, 0, 1, []byte{0, 0, 0, 1}),
	frame(harness.FramePriority, 0, 1, []byte{0, 0, 0, 3, 1}),
	frame(harness.FrameData, 0, 1, nil),
	frame(0xbe, 0, 0, []byte("unknown")),
}

// hpackBombs sends heads of one large field in the table, and many references to it.
func hpackBombs(f *foe, c *tls.Conn) {
	value := strings.Repeat("v", 4000)
	block := append([]byte{0x40, 1, 'a', 0x7f, 0xa1, 0x1e}, value...) // indexed from now on: 127 + 3873 bytes
	head := stream(1, foeName, "GET", "/text")[9:]
	block = append(append([]byte{}, head...), block...)
	block = append(block, bytes.Repeat([]byte{0xbe}, 10000)...)
	for id := uint32(1); id < 20000 && !f.over(); id += 2 {
		bomb := frame(harness.FrameHeaders, harness.FlagEndHeaders|harness.FlagEndStream, id, block)
		if _, err := c.Write(bomb); err != nil || !f.wait(pace) {
			return
		}
	}
}

// nearlyAll sends 32 MiB, the most that a body may have, without the last thousand bytes.
func (f *foe) nearlyAll(c net.Conn) {
	piece := bytes.Repeat([]byte("a body that does not end"), 4096)
	for left := 32<<20 - 1000; left > 0 && !f.over(); left -= len(piece) {
		if left < len(piece) {
			piece = piece[:left]
		}
		if _, err := c.Write(piece); err != nil {
			return
		}
	}
}

func slowBodies(f *foe) {
	f.each(200, func(i int) {
		name := []string{foeName, foeOther}[i%2]
		f.say(name, request("POST", "/upload", name, "Content-Length: 100000"),
			func(c net.Conn) { f.write(c, []byte("x"), 1000, time.Second) })
	})
}

func slowStreams(f *foe) {
	f.each(6, func(i int) {
		name := []string{foeName, foeOther}[i%2]
		f.frames(name, false, nil, func(c *tls.Conn) {
			for id := uint32(1); id < 200; id += 2 {
				if _, err := c.Write(stream(id, name, "GET", "/slow?ms=60000")); err != nil {
					return
				}
			}
			f.wait(time.Minute)
		})
	})
}

func zipped(size int) []byte {
	var out bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&out, 9)
	piece := make([]byte, 1<<16)
	for i := 0; i < size; i += len(piece) {
		_, _ = zip.Write(piece)
	}
	_ = zip.Close()
	return out.Bytes()
}

// helloFor is the ClientHello that Go would send.
func helloFor(name string) []byte {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	go func() { _ = tls.Client(theirs, &tls.Config{ServerName: name}).Handshake() }()
	buffer := make([]byte, 16384)
	_ = ours.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _ := ours.Read(buffer)
	return buffer[:n]
}
