package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// EnableConnect is the setting that says that a server takes extended CONNECT (RFC 8441 section 3).
const EnableConnect = 8

const (
	startWindow = 65535
	largestData = 16384
	// Cancel is the error code with which a stream is given up.
	Cancel = 8
)

// Cut is the end of a stream by RST_STREAM.
type Cut struct{ Code uint32 }

func (c Cut) Error() string { return fmt.Sprintf("RST_STREAM %d", c.Code) }

// ErrGone is a connection's end while streams were open.
var ErrGone = errors.New("connection closed")

// Conn is one HTTP/2 connection, of either role, whose streams are read and written like files. A goroutine reads the
// frames; what was read is credited at once, what is written waits for windows. Close or Abort ends it.
type Conn struct {
	raw     net.Conn
	in      *bufio.Reader
	client  bool
	decoder HeaderReader

	mu       sync.Mutex
	changed  *sync.Cond
	streams  map[uint32]*Stream
	accepted []*Stream
	next     uint32
	window   int
	initial  int
	settings map[uint16]uint32 // the peer's, nil before they came
	err      error

	writing sync.Mutex // one frame at a time
}

// NewConn begins a connection on raw and sends SETTINGS, pairs of an id and a value.
func NewConn(raw net.Conn, client bool, settings ...uint32) *Conn {
	c := &Conn{raw: raw, in: bufio.NewReader(raw), client: client, streams: map[uint32]*Stream{}, next: 1,
		window: startWindow, initial: startWindow}
	c.changed = sync.NewCond(&c.mu)
	var payload []byte
	for i := 0; i+1 < len(settings); i += 2 {
		payload = append(payload, byte(settings[i]>>8), byte(settings[i]))
		payload = append(payload, Number(settings[i+1])...)
	}
	if client {
		_, _ = io.WriteString(raw, Preface)
	}
	c.Send(Frame{Type: FrameSettings, Payload: payload})
	go c.read()
	return c
}

// Send writes frames as they are, all at once.
func (c *Conn) Send(frames ...Frame) {
	var out []byte
	for _, f := range frames {
		out = append(out, f.Bytes()...)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = c.raw.Write(out)
}

// Close ends the connection as its layer below does.
func (c *Conn) Close() { c.raw.Close() }

// Settings waits for the peer's.
func (c *Conn) Settings() (map[uint16]uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.settings == nil && c.err == nil {
		c.changed.Wait()
	}
	return c.settings, c.err
}

// Open begins a request.
func (c *Conn) Open(end bool, fields ...Field) *Stream {
	c.mu.Lock()
	s := c.stream(c.next)
	c.next += 2
	// Streams must begin in the order of their ids.
	frames := HeaderFrames(s.id, end, fields...)
	c.mu.Unlock()
	c.Send(frames...)
	return s
}

// Accept waits for the next request.
func (c *Conn) Accept() (*Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.accepted) == 0 && c.err == nil {
		c.changed.Wait()
	}
	if len(c.accepted) == 0 {
		return nil, c.err
	}
	s := c.accepted[0]
	c.accepted = c.accepted[1:]
	return s, nil
}

func (c *Conn) stream(id uint32) *Stream {
	s := &Stream{conn: c, id: id, window: c.initial}
	c.streams[id] = s
	return s
}

func (c *Conn) read() {
	err := c.readFrames()
	c.mu.Lock()
	c.err = err
	c.changed.Broadcast()
	c.mu.Unlock()
	c.raw.Close()
}

func (c *Conn) readFrames() error {
	if !c.client {
		preface := make([]byte, len(Preface))
		if _, err := io.ReadFull(c.in, preface); err != nil || string(preface) != Preface {
			return fmt.Errorf("no preface: %v", err)
		}
	}
	var block []byte
	ends := false
	for {
		f, err := ReadFrame(c.in)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrGone, err)
		}
		switch f.Type {
		case FrameHeaders, FrameContinuation:
			if f.Type == FrameHeaders {
				block, ends = nil, f.Flags&FlagEndStream != 0
			}
			block = append(block, f.Bare()...)
			if f.Flags&FlagEndHeaders == 0 {
				continue
			}
			fields, err := c.decoder.Decode(block)
			if err != nil {
				return err
			}
			c.head(f.Stream, fields, ends)
		case FrameSettings:
			if f.Flags&FlagAck == 0 {
				c.set(f.Payload)
				c.Send(Frame{Type: FrameSettings, Flags: FlagAck})
			}
		case FramePing:
			if f.Flags&FlagAck == 0 {
				c.Send(Frame{Type: FramePing, Flags: FlagAck, Payload: f.Payload})
			}
		default:
			c.take(f)
		}
	}
}

// head takes a request, an answer or trailers.
func (c *Conn) head(id uint32, fields []Field, ends bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.streams[id]
	if s == nil {
		if c.client {
			return
		}
		s = c.stream(id)
		c.accepted = append(c.accepted, s)
	}
	s.heads = append(s.heads, fields)
	if ends {
		s.finish(io.EOF)
	}
	c.changed.Broadcast()
}

func (c *Conn) set(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settings == nil {
		c.settings = map[uint16]uint32{}
	}
	for ; len(payload) >= 6; payload = payload[6:] {
		id, value := binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])
		c.settings[id] = value
		if id == 4 { // SETTINGS_INITIAL_WINDOW_SIZE
			for _, s := range c.streams {
				s.window += int(value) - c.initial
			}
			c.initial = int(value)
		}
	}
	c.changed.Broadcast()
}

func (c *Conn) take(f Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	s := c.streams[f.Stream]
	switch {
	case f.Type == FrameWindowUpdate && len(f.Payload) == 4:
		credit := int(binary.BigEndian.Uint32(f.Payload))
		if f.Stream == 0 {
			c.window += credit
		} else if s != nil {
			s.window += credit
		}
	case f.Type == FrameReset && s != nil && len(f.Payload) == 4:
		s.reset = true
		s.finish(Cut{binary.BigEndian.Uint32(f.Payload)})
	case f.Type == FrameData && len(f.Payload) > 0:
		credit := []Frame{{Type: FrameWindowUpdate, Payload: Number(uint32(len(f.Payload)))}}
		if s != nil {
			s.body = append(s.body, f.Bare()...)
			if f.Flags&FlagEndStream == 0 {
				credit = append(credit, Frame{Type: FrameWindowUpdate, Stream: s.id, Payload: credit[0].Payload})
			}
		}
		// A peer that reads nothing must not stop this side's reading.
		go c.Send(credit...)
	}
	if f.Type == FrameData && s != nil && f.Flags&FlagEndStream != 0 {
		s.finish(io.EOF)
	}
}

// Stream is one request and its answer.
type Stream struct {
	conn   *Conn
	id     uint32
	heads  [][]Field // taken by Head
	body   []byte
	end    error // io.EOF, a Cut, or nil while it is open
	reset  bool
	window int
	ended  bool // by this side
}

func (s *Stream) finish(why error) {
	if s.end == nil {
		s.end = why
	}
}

// ID is its number.
func (s *Stream) ID() uint32 { return s.id }

// Head waits for the next head: a request's, an answer's (interim ones too) or trailers.
func (s *Stream) Head() ([]Field, error) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	for len(s.heads) == 0 {
		if s.end != nil {
			return nil, s.end
		}
		if s.conn.err != nil {
			return nil, s.conn.err
		}
		s.conn.changed.Wait()
	}
	head := s.heads[0]
	s.heads = s.heads[1:]
	return head, nil
}

// Read reads the body: io.EOF after END_STREAM, a Cut after RST_STREAM, else why the connection ended.
func (s *Stream) Read(p []byte) (int, error) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	for len(s.body) == 0 {
		if s.end != nil {
			return 0, s.end
		}
		if s.conn.err != nil {
			return 0, s.conn.err
		}
		s.conn.changed.Wait()
	}
	n := copy(p, s.body)
	s.body = s.body[n:]
	return n, nil
}

// Write sends DATA as the windows allow.
func (s *Stream) Write(p []byte) (int, error) {
	wrote := 0
	for wrote < len(p) {
		n, err := s.room(len(p) - wrote)
		if err != nil {
			return wrote, err
		}
		s.conn.Send(Frame{Type: FrameData, Stream: s.id, Payload: p[wrote : wrote+n]})
		wrote += n
	}
	return wrote, nil
}

// room takes so much of both windows as there is, at least one byte.
func (s *Stream) room(want int) (int, error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case s.reset:
			return 0, s.end
		case c.err != nil:
			return 0, c.err
		case s.window > 0 && c.window > 0:
			n := want
			for _, most := range []int{s.window, c.window, largestData} {
				if n > most {
					n = most
				}
			}
			s.window -= n
			c.window -= n
			return n, nil
		}
		c.changed.Wait()
	}
}

// Answer sends a head of an answer, or trailers.
func (s *Stream) Answer(end bool, fields ...Field) {
	s.conn.Send(HeaderFrames(s.id, end, fields...)...)
}

// CloseWrite sends END_STREAM.
func (s *Stream) CloseWrite() error {
	s.conn.Send(Frame{Type: FrameData, Flags: FlagEndStream, Stream: s.id})
	return nil
}

// Reset sends RST_STREAM.
func (s *Stream) Reset(code uint32) {
	s.conn.Send(Frame{Type: FrameReset, Stream: s.id, Payload: Number(code)})
}
