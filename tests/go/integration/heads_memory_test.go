package integration

import (
	"testing"

	"bottle.test/harness"
	"bottle.test/origin"
)

// TestHeadsBehindAShutWindowTakeLittleMemory: a client with a window of nothing sends large heads that cost it a few
// bytes each (HPACK) and takes no answer. Neither what is refused nor what is allowed and not answered may pile up.
func TestHeadsBehindAShutWindowTakeLittleMemory(t *testing.T) {
	if harness.Instrumented(harness.Binary(t, "bottle-proxy")) {
		t.Skip("memory is judged with a release build")
	}
	const connections, perConnection = 20, 2 << 20
	for _, path := range []string{"/slow?ms=60000", "/refused"} {
		t.Run(path[1:5], func(t *testing.T) {
			w := harness.NewWorld(t, harness.WorldOptions{Via: harness.Direct, Origin: origin.Options{},
				Args: []string{"--threads", "1"}})
			w.Do(w.Client(harness.H1), "GET", "/text", nil)
			w.Proxy.ResetPeak()
			before := w.Proxy.RSS()
			for i := 0; i < connections; i++ {
				c := w.H2To(w.HostPort())
				defer c.Close()
				// INITIAL_WINDOW_SIZE 0
				c.Send(harness.Frame{Type: harness.FrameSettings, Payload: []byte{0, 4, 0, 0, 0, 0}})
				request := w.Request("GET", path)
				if path == "/refused" {
					request[2].Value = "elsewhere.test" // not the connection's: 421
				}
				block := harness.Literal(request...)
				// One field with an index of its own, then that index again and again: a byte for 4 KiB.
				value := make([]byte, 4000)
				for k := range value {
					value[k] = 'h'
				}
				indexed := append([]byte{0x40, 1, 'x', 0x7f, 0xa1, 0x1e}, value...)
				for stream := uint32(1); stream < 200; stream += 2 {
					payload := append([]byte(nil), block...)
					if stream == 1 {
						payload = append(payload, indexed...)
					}
					for k := 0; k < 14; k++ {
						payload = append(payload, 0xbe)
					}
					c.Send(harness.Frame{Type: harness.FrameHeaders,
						Flags: harness.FlagEndHeaders | harness.FlagEndStream, Stream: stream, Payload: payload})
				}
				c.Send(harness.Frame{Type: harness.FramePing, Payload: []byte("all sent")})
				for {
					f, err := c.ReadFrame()
					if err != nil {
						t.Fatalf("connection %d: %v", i, err)
					}
					if f.Type == harness.FramePing && f.Flags&harness.FlagAck != 0 {
						break
					}
				}
			}
			// One worker: when this is answered, so is everything before it.
			w.Do(w.Client(harness.H1), "GET", "/text", nil)
			each := (w.Proxy.PeakRSS() - before) / connections
			t.Logf("%d KiB a connection", each>>10)
			if each > perConnection {
				t.Errorf("%d KiB a connection", each>>10)
			}
		})
	}
}
