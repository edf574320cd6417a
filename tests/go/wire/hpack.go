// Package wire has the bytes of HTTP/2 and of WebSockets: frames, header blocks, and connections of both roles. It
// corrects nothing, so tests can send what no library would.
package wire

import (
	"errors"
	"sort"
)

// HeaderReader decodes header blocks (RFC 7541) with the default table size. The zero value is ready.
type HeaderReader struct {
	dynamic []Field // newest first
	size    int
	limit   int
	started bool
}

var errHpack = errors.New("header block cannot be decoded")

// Decode reads one whole block.
func (h *HeaderReader) Decode(block []byte) ([]Field, error) {
	if !h.started {
		h.started, h.limit = true, 4096
	}
	var out []Field
	for len(block) > 0 {
		first := block[0]
		var index int
		var err error
		switch {
		case first&0x80 != 0: // indexed field
			index, block, err = readInt(block, 7)
			if err != nil {
				return nil, err
			}
			f, ok := h.at(index)
			if !ok {
				return nil, errHpack
			}
			out = append(out, f)
			continue
		case first&0xe0 == 0x20: // table size update
			index, block, err = readInt(block, 5)
			if err != nil || index > 4096 {
				return nil, errHpack
			}
			h.limit = index
			h.evict()
			continue
		case first&0xc0 == 0x40: // literal, indexed
			index, block, err = readInt(block, 6)
		default: // literal, not indexed or never indexed
			index, block, err = readInt(block, 4)
		}
		if err != nil {
			return nil, err
		}
		var f Field
		if index > 0 {
			known, ok := h.at(index)
			if !ok {
				return nil, errHpack
			}
			f.Name = known.Name
		} else if f.Name, block, err = readString(block); err != nil {
			return nil, err
		}
		if f.Value, block, err = readString(block); err != nil {
			return nil, err
		}
		if first&0xc0 == 0x40 {
			h.dynamic = append([]Field{f}, h.dynamic...)
			h.size += len(f.Name) + len(f.Value) + 32
			h.evict()
		}
		out = append(out, f)
	}
	return out, nil
}

func (h *HeaderReader) evict() {
	for h.size > h.limit && len(h.dynamic) > 0 {
		last := h.dynamic[len(h.dynamic)-1]
		h.size -= len(last.Name) + len(last.Value) + 32
		h.dynamic = h.dynamic[:len(h.dynamic)-1]
	}
}

func (h *HeaderReader) at(index int) (Field, bool) {
	if index >= 1 && index <= len(hpackStatic) {
		return hpackStatic[index-1], true
	}
	index -= len(hpackStatic) + 1
	if index < 0 || index >= len(h.dynamic) {
		return Field{}, false
	}
	return h.dynamic[index], true
}

func readInt(in []byte, bits uint) (int, []byte, error) {
	if len(in) == 0 {
		return 0, nil, errHpack
	}
	max := 1<<bits - 1
	n := int(in[0]) & max
	in = in[1:]
	if n < max {
		return n, in, nil
	}
	for shift := uint(0); shift < 28; shift += 7 {
		if len(in) == 0 {
			return 0, nil, errHpack
		}
		b := in[0]
		in = in[1:]
		n += int(b&127) << shift
		if b&128 == 0 {
			return n, in, nil
		}
	}
	return 0, nil, errHpack
}

func readString(in []byte) (string, []byte, error) {
	if len(in) == 0 {
		return "", nil, errHpack
	}
	packed := in[0]&128 != 0
	n, in, err := readInt(in, 7)
	if err != nil || n > len(in) {
		return "", nil, errHpack
	}
	if !packed {
		return string(in[:n]), in[n:], nil
	}
	text, err := unpack(in[:n])
	return text, in[n:], err
}

type huffmanKey struct {
	length int
	code   uint32
}

var huffman = makeHuffman()

// makeHuffman builds the code of RFC 7541 appendix B, which is canonical: the lengths determine it.
func makeHuffman() map[huffmanKey]byte {
	order := make([]int, 256)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return huffmanLengths[order[i]] < huffmanLengths[order[j]] })
	table := make(map[huffmanKey]byte, 256)
	code, length := uint32(0), int(huffmanLengths[order[0]])
	for _, symbol := range order {
		code <<= uint(int(huffmanLengths[symbol]) - length)
		length = int(huffmanLengths[symbol])
		table[huffmanKey{length, code}] = byte(symbol)
		code++
	}
	return table
}

func unpack(in []byte) (string, error) {
	var out []byte
	code, length := uint32(0), 0
	for _, b := range in {
		for bit := 7; bit >= 0; bit-- {
			code = code<<1 | uint32(b>>uint(bit))&1
			if length++; length > 30 {
				return "", errHpack
			}
			if symbol, ok := huffman[huffmanKey{length, code}]; ok {
				out = append(out, symbol)
				code, length = 0, 0
			}
		}
	}
	if length > 7 || code != 1<<uint(length)-1 {
		return "", errHpack
	}
	return string(out), nil
}

var huffmanLengths = [256]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
}

var hpackStatic = []Field{
	{":authority", ""}, {":method", "GET"}, {":method", "POST"}, {":path", "/"}, {":path", "/index.html"},
	{":scheme", "http"}, {":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"},
	{":status", "304"}, {":status", "400"}, {":status", "404"}, {":status", "500"}, {"accept-charset", ""},
	{"accept-encoding", "gzip, deflate"}, {"accept-language", ""}, {"accept-ranges", ""}, {"accept", ""},
	{"access-control-allow-origin", ""}, {"age", ""}, {"allow", ""}, {"authorization", ""},
	{"cache-control", ""}, {"content-disposition", ""}, {"content-encoding", ""}, {"content-language", ""},
	{"content-length", ""}, {"content-location", ""}, {"content-range", ""}, {"content-type", ""},
	{"cookie", ""}, {"date", ""}, {"etag", ""}, {"expect", ""}, {"expires", ""}, {"from", ""}, {"host", ""},
	{"if-match", ""}, {"if-modified-since", ""}, {"if-none-match", ""}, {"if-range", ""},
	{"if-unmodified-since", ""}, {"last-modified", ""}, {"link", ""}, {"location", ""}, {"max-forwards", ""},
	{"proxy-authenticate", ""}, {"proxy-authorization", ""}, {"range", ""}, {"referer", ""}, {"refresh", ""},
	{"retry-after", ""}, {"server", ""}, {"set-cookie", ""}, {"strict-transport-security", ""},
	{"transfer-encoding", ""}, {"user-agent", ""}, {"vary", ""}, {"via", ""}, {"www-authenticate", ""},
}
