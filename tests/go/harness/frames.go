package harness

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"bottle.test/wire"
)

// The frames and fields of package wire, by the names that tests use.
type (
	Frame = wire.Frame
	Field = wire.Field
)

// HTTP/2 frame types and flags (RFC 9113 section 6).
const (
	FrameData         = wire.FrameData
	FrameHeaders      = wire.FrameHeaders
	FramePriority     = wire.FramePriority
	FrameReset        = wire.FrameReset
	FrameSettings     = wire.FrameSettings
	FramePing         = wire.FramePing
	FrameGoAway       = wire.FrameGoAway
	FrameWindowUpdate = wire.FrameWindowUpdate
	FrameContinuation = wire.FrameContinuation

	FlagEndStream  = wire.FlagEndStream
	FlagAck        = wire.FlagAck
	FlagEndHeaders = wire.FlagEndHeaders
	FlagPadded     = wire.FlagPadded
)

// Literal encodes fields as HPACK literals without indexing, new name, no Huffman.
func Literal(fields ...Field) []byte { return wire.Literal(fields...) }

// H2Conn writes HTTP/2 frames byte by byte as told, and reads what comes back. It never corrects anything: fields are
// literals without indexing, so any octet can be sent. Received header blocks are decoded with a full HPACK reader
// (static table, dynamic table, Huffman).
type H2Conn struct {
	*Raw
	decoder wire.HeaderReader
	acked   bool
}

// H2 opens a decrypted h2 connection to the origin and exchanges SETTINGS.
func (w *World) H2() *H2Conn {
	w.t.Helper()
	return w.H2To(w.HostPort())
}

// H2To is H2 for any authority.
func (w *World) H2To(authority string) *H2Conn {
	w.t.Helper()
	c := &H2Conn{Raw: w.TLSTo(authority, "h2")}
	c.Say(wire.Preface)
	c.Send(Frame{Type: FrameSettings})
	return c
}

// Send writes one frame.
func (c *H2Conn) Send(f Frame) { _, _ = c.Conn.Write(f.Bytes()) }

// Request returns the pseudo-header fields of a request plus extra.
func (w *World) Request(method, path string, extra ...Field) []Field {
	return append([]Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: w.Authority()}, {Name: ":path", Value: path}}, extra...)
}

// Headers sends a header block, split into CONTINUATIONs when large.
func (c *H2Conn) Headers(stream uint32, end bool, fields ...Field) {
	for _, f := range wire.HeaderFrames(stream, end, fields...) {
		c.Send(f)
	}
}

// Data sends a DATA frame.
func (c *H2Conn) Data(stream uint32, end bool, text string) {
	f := Frame{Type: FrameData, Stream: stream, Payload: []byte(text)}
	if end {
		f.Flags = FlagEndStream
	}
	c.Send(f)
}

// ReadFrame reads the next frame; SETTINGS and PING are acknowledged on the way.
func (c *H2Conn) ReadFrame() (Frame, error) {
	f, err := wire.ReadFrame(c.In)
	if err != nil {
		return Frame{}, err
	}
	if f.Type == FrameSettings && f.Flags&FlagAck == 0 && !c.acked {
		c.acked = true
		c.Send(Frame{Type: FrameSettings, Flags: FlagAck})
	}
	if f.Type == FramePing && f.Flags&FlagAck == 0 {
		c.Send(Frame{Type: FramePing, Flags: FlagAck, Payload: f.Payload})
	}
	return f, nil
}

// Outcome is how a stream ended: with an answer, a RST_STREAM code, a GOAWAY code or a closed connection.
type Outcome struct {
	Status   int
	Fields   http.Header
	Interim  []int
	Body     string
	Trailers http.Header
	Ended    bool // END_STREAM was seen
	Reset    int  // RST_STREAM error code, -1 when none
	GoAway   int  // GOAWAY error code, -1 when none
	Err      error
}

// Refused says that the stream was answered by RST_STREAM, GOAWAY or a close and by no response.
func (o Outcome) Refused() bool {
	return o.Status == 0 && (o.Reset >= 0 || o.GoAway > 0 || o.Err != nil)
}

func (o Outcome) String() string {
	return fmt.Sprintf("status %d, ended %v, RST %d, GOAWAY %d, err %v, body %q", o.Status, o.Ended, o.Reset, o.GoAway,
		o.Err, clip(o.Body))
}

// Await reads frames until the stream is over. Frames of other streams are decoded and forgotten. Credit is returned.
func (c *H2Conn) Await(stream uint32) Outcome {
	out := Outcome{Fields: http.Header{}, Reset: -1, GoAway: -1}
	var body strings.Builder
	var block []byte
	blockStream, blockEnds := uint32(0), false
	defer func() { out.Body = body.String() }()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		f, err := c.ReadFrame()
		if err != nil {
			out.Err = err
			out.Body = body.String()
			return out
		}
		mine := f.Stream == stream
		switch f.Type {
		case FrameHeaders, FrameContinuation:
			if f.Type == FrameHeaders {
				block, blockStream, blockEnds = nil, f.Stream, f.Flags&FlagEndStream != 0
			}
			block = append(block, f.Bare()...)
			if f.Flags&FlagEndHeaders == 0 {
				continue
			}
			fields, err := c.decoder.Decode(block)
			if err != nil {
				out.Err = err
				return out
			}
			if blockStream != stream {
				continue
			}
			c.take(&out, fields)
			out.Ended = out.Ended || blockEnds
		case FrameData:
			if len(f.Payload) > 0 {
				credit := wire.Number(uint32(len(f.Payload)))
				c.Send(Frame{Type: FrameWindowUpdate, Payload: credit})
				c.Send(Frame{Type: FrameWindowUpdate, Stream: f.Stream, Payload: credit})
			}
			if mine {
				body.Write(f.Bare())
				out.Ended = out.Ended || f.Flags&FlagEndStream != 0
			}
		case FrameReset:
			if mine && len(f.Payload) == 4 {
				out.Reset = int(binary.BigEndian.Uint32(f.Payload))
				out.Body = body.String()
				return out
			}
		case FrameGoAway:
			if len(f.Payload) >= 8 {
				out.GoAway = int(binary.BigEndian.Uint32(f.Payload[4:]))
				if last := binary.BigEndian.Uint32(f.Payload); last < stream {
					out.Body = body.String()
					return out
				}
			}
		}
		if out.Ended {
			out.Body = body.String()
			return out
		}
	}
}

// AwaitHeads reads frames until so many streams have been answered by a head, which may not have ended their streams.
func (c *H2Conn) AwaitHeads(n int) error {
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for seen := 0; seen < n; {
		f, err := c.ReadFrame()
		if err != nil {
			return fmt.Errorf("%d of %d heads: %w", seen, n, err)
		}
		switch f.Type {
		case FrameHeaders:
			if _, err := c.decoder.Decode(f.Bare()); err != nil {
				return err
			}
			seen++
		case FrameReset, FrameGoAway:
			return fmt.Errorf("%d of %d heads: frame %d on stream %d: %x", seen, n, f.Type, f.Stream, f.Payload)
		}
	}
	return nil
}

func (c *H2Conn) take(out *Outcome, fields []Field) {
	status := 0
	group := http.Header{}
	for _, f := range fields {
		if f.Name == ":status" {
			status, _ = strconv.Atoi(f.Value)
			continue
		}
		group.Add(f.Name, f.Value)
	}
	switch {
	case status >= 100 && status < 200:
		out.Interim = append(out.Interim, status)
	case out.Status == 0:
		out.Status, out.Fields = status, group
	default:
		out.Trailers = group
	}
}

// Problem parses the outcome as the proxy's own error.
func (o Outcome) Problem(t testing.TB) Problem {
	t.Helper()
	return ParseProblem(t, o.Status, o.Fields, o.Body)
}

// Names lists the field names of an outcome, sorted.
func (o Outcome) Names() []string {
	var names []string
	for name := range o.Fields {
		names = append(names, strings.ToLower(name))
	}
	sort.Strings(names)
	return names
}
