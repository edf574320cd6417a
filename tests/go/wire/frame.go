package wire

import (
	"encoding/binary"
	"io"
)

// HTTP/2 frame types and flags (RFC 9113 section 6).
const (
	FrameData         = 0
	FrameHeaders      = 1
	FramePriority     = 2
	FrameReset        = 3
	FrameSettings     = 4
	FramePing         = 6
	FrameGoAway       = 7
	FrameWindowUpdate = 8
	FrameContinuation = 9

	FlagEndStream  = 1
	FlagAck        = 1
	FlagEndHeaders = 4
	FlagPadded     = 8
	FlagPriority   = 32
)

// Preface is what a client says first.
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Frame is one HTTP/2 frame.
type Frame struct {
	Type, Flags byte
	Stream      uint32
	Payload     []byte
}

// Bytes is the frame as it is sent.
func (f Frame) Bytes() []byte {
	head := make([]byte, 9, 9+len(f.Payload))
	head[0], head[1], head[2] = byte(len(f.Payload)>>16), byte(len(f.Payload)>>8), byte(len(f.Payload))
	head[3], head[4] = f.Type, f.Flags
	binary.BigEndian.PutUint32(head[5:], f.Stream)
	return append(head, f.Payload...)
}

// ReadFrame reads the next frame.
func ReadFrame(in io.Reader) (Frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return Frame{}, err
	}
	f := Frame{Type: head[3], Flags: head[4], Stream: binary.BigEndian.Uint32(head[5:]) & 0x7fffffff}
	f.Payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err := io.ReadFull(in, f.Payload)
	return f, err
}

// Bare is the payload without padding and priority.
func (f Frame) Bare() []byte {
	payload := f.Payload
	if f.Flags&FlagPadded != 0 && (f.Type == FrameHeaders || f.Type == FrameData) && len(payload) > int(payload[0]) {
		payload = payload[1 : len(payload)-int(payload[0])]
	}
	if f.Flags&FlagPriority != 0 && f.Type == FrameHeaders && len(payload) >= 5 {
		payload = payload[5:]
	}
	return payload
}

// Number is a payload of four bytes: an error code or a credit.
func Number(n uint32) []byte {
	out := make([]byte, 4)
	binary.BigEndian.PutUint32(out, n)
	return out
}

// Field is one header field.
type Field struct{ Name, Value string }

// Value is that of the first field with the name, else "".
func Value(fields []Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Literal encodes fields as HPACK literals without indexing, new name, no Huffman.
func Literal(fields ...Field) []byte {
	var out []byte
	for _, f := range fields {
		out = append(out, 0)
		out = appendInt(out, 0, 7, len(f.Name))
		out = append(out, f.Name...)
		out = appendInt(out, 0, 7, len(f.Value))
		out = append(out, f.Value...)
	}
	return out
}

func appendInt(out []byte, first byte, bits uint, n int) []byte {
	max := 1<<bits - 1
	if n < max {
		return append(out, first|byte(n))
	}
	out = append(out, first|byte(max))
	for n -= max; n >= 128; n >>= 7 {
		out = append(out, byte(n)|128)
	}
	return append(out, byte(n))
}

// HeaderFrames are the frames of a header block, with CONTINUATIONs when it is large.
func HeaderFrames(stream uint32, end bool, fields ...Field) []Frame {
	const most = 16384
	block := Literal(fields...)
	kind, flags := byte(FrameHeaders), byte(0)
	if end {
		flags |= FlagEndStream
	}
	var out []Frame
	for {
		part := block
		if len(part) > most {
			part = part[:most]
		}
		block = block[len(part):]
		if len(block) == 0 {
			flags |= FlagEndHeaders
		}
		out = append(out, Frame{Type: kind, Flags: flags, Stream: stream, Payload: part})
		if len(block) == 0 {
			return out
		}
		kind, flags = FrameContinuation, 0
	}
}
