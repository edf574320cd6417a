package wire

import "testing"

// TestHuffman decodes the examples of RFC 7541 appendix C.4.
func TestHuffman(t *testing.T) {
	var h HeaderReader
	fields, err := h.Decode([]byte("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"))
	if err != nil || len(fields) != 4 || fields[3] != (Field{":authority", "www.example.com"}) {
		t.Fatalf("%v, %v", fields, err)
	}
	fields, err = h.Decode([]byte("\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf"))
	if err != nil || fields[3].Value != "www.example.com" || fields[4] != (Field{"cache-control", "no-cache"}) {
		t.Errorf("%v, %v", fields, err)
	}
}
