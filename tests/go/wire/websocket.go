package wire

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
)

// Opcodes of WebSocket frames (RFC 6455 section 5.2).
const (
	WsContinuation = 0
	WsText         = 1
	WsBinary       = 2
	WsClose        = 8
	WsPing         = 9
	WsPong         = 10
)

// WsFrame is one WebSocket frame.
type WsFrame struct {
	Final   bool
	Opcode  byte
	Masked  bool
	Payload []byte
}

// Bytes is the frame as it is sent; a masked one gets a random key.
func (f WsFrame) Bytes() []byte {
	out := []byte{f.Opcode, 0}
	if f.Final {
		out[0] |= 0x80
	}
	switch n := len(f.Payload); {
	case n < 126:
		out[1] = byte(n)
	case n < 1<<16:
		out[1] = 126
		out = append(out, byte(n>>8), byte(n))
	default:
		out[1] = 127
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(n))
		out = append(out, length[:]...)
	}
	if !f.Masked {
		return append(out, f.Payload...)
	}
	out[1] |= 0x80
	var key [4]byte
	_, _ = rand.Read(key[:])
	out = append(out, key[:]...)
	from := len(out)
	out = append(out, f.Payload...)
	for i := range out[from:] {
		out[from+i] ^= key[i&3]
	}
	return out
}

// ReadWsFrame reads the next frame and takes its mask off.
func ReadWsFrame(in io.Reader) (WsFrame, error) {
	var head [14]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return WsFrame{}, err
	}
	f := WsFrame{Final: head[0]&0x80 != 0, Opcode: head[0] & 15, Masked: head[1]&0x80 != 0}
	if head[0]&0x70 != 0 {
		return f, fmt.Errorf("reserved bits in %#x", head[0])
	}
	more := map[byte]int{126: 2, 127: 8}[head[1]&127]
	size := uint64(head[1] & 127)
	if more > 0 {
		if _, err := io.ReadFull(in, head[8-more:8]); err != nil {
			return f, cutShort(err)
		}
		size = 0
		for _, b := range head[8-more : 8] {
			size = size<<8 | uint64(b)
		}
	}
	if size > 1<<30 {
		return f, fmt.Errorf("a frame of %d bytes", size)
	}
	var key [4]byte
	if f.Masked {
		if _, err := io.ReadFull(in, key[:]); err != nil {
			return f, cutShort(err)
		}
	}
	f.Payload = make([]byte, size)
	if _, err := io.ReadFull(in, f.Payload); err != nil {
		return f, cutShort(err)
	}
	if f.Masked {
		for i := range f.Payload {
			f.Payload[i] ^= key[i&3]
		}
	}
	return f, nil
}

// cutShort tells an end within a frame from one between frames.
func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// WsAccept is the Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2).
func WsAccept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// WsClosing is the payload of a close frame.
func WsClosing(code int, reason string) []byte {
	return append([]byte{byte(code >> 8), byte(code)}, reason...)
}

// WsClosed reads a close frame's payload: 1005 for one without a code (section 7.1.5).
func WsClosed(payload []byte) (code int, reason string) {
	if len(payload) < 2 {
		return 1005, ""
	}
	return int(payload[0])<<8 | int(payload[1]), string(payload[2:])
}
