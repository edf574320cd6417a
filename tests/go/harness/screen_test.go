package harness

import (
	"strings"
	"testing"
)

func TestScreenShowsWhatATerminalWould(t *testing.T) {
	for output, want := range map[string]string{
		"ab\r\ncd":                             "ab/cd/",
		"abcd\x1b[1;2HX":                       "aXcd//",
		"abcd\x1b[2D\x1b[K":                    "ab//",
		"abcd\x1b[2J\x1b[Hx":                   "x//",
		"abcdefgh":                             "abcdef/gh/",
		"abcd\r\x1b[2X":                        "  cd//",
		"a\x1b[3b":                             "aaaa//",
		"\x1b[7ma\x1b[0mb\x1b(B":               "ab//",
		"\x0ex\x0fx\x1b(0q\x1b(Bq│─":           "|x-q|-//",
		"\x1b[3;1Hlow\x1b[A\x1b[Dup\x1b[1Gat":  "/atup/low",
		"é\x1b":                                "é//",
		"a\r\nb\r\nc\x1b[2;1H\x1b[Lx":          "a/x/b",
		"a\r\nb\r\nc\x1b[1;1H\x1b[2M":          "c//",
		"abcd\x1b[1;2H\x1b[2@x\x1b[1;1H\x1b[P": "x bcd//",
		"a\r\nb\x1b[9L\x1b[9@":                 "a//",
		"a\x1b[2;":                             "a//",
	} {
		if got := strings.Join(Screen(output, 3, 6), "/"); got != want {
			t.Errorf("%q shows %q, want %q", output, got, want)
		}
	}
}
