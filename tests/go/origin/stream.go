package origin

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"sync"
)

// Pattern is a reader of n deterministic bytes that do not compress.
func Pattern(n int64) io.Reader { return &pattern{left: n, state: 0x9e3779b97f4a7c15} }

type pattern struct {
	left  int64
	state uint64
	word  [8]byte
	have  int
}

func (p *pattern) Read(out []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(out) && p.left > 0 {
		if p.have == 0 {
			p.state ^= p.state << 13
			p.state ^= p.state >> 7
			p.state ^= p.state << 17
			binary.LittleEndian.PutUint64(p.word[:], p.state)
			p.have = 8
		}
		took := copy(out[n:], p.word[8-p.have:])
		if int64(took) > p.left {
			took = int(p.left)
		}
		n += took
		p.have -= took
		p.left -= int64(took)
	}
	return n, nil
}

var (
	digestMu sync.Mutex
	digests  = map[int64]string{}
)

// PatternSHA256 is the hex digest of Pattern(n), remembered.
func PatternSHA256(n int64) string {
	digestMu.Lock()
	defer digestMu.Unlock()
	if known, ok := digests[n]; ok {
		return known
	}
	sum := sha256.New()
	_, _ = io.Copy(sum, Pattern(n))
	digests[n] = hex.EncodeToString(sum.Sum(nil))
	return digests[n]
}
