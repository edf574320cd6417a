package harness

import (
	"strings"
	"unicode/utf8"
)

// Screen gives the text on a terminal of that size after some output: enough of a VT100 for programs that use ncurses.
// Lines that the terminal's own characters draw are '|' and '-'.
func Screen(output string, rows, columns int) []string {
	v := vt{rows: rows, columns: columns}
	v.clear(0, rows*columns)
	for rest := output; rest != ""; {
		rest = rest[v.take(rest):]
	}
	lines := make([]string, rows)
	for i := range lines {
		lines[i] = strings.TrimRight(string(v.cells[i*columns:(i+1)*columns]), " ")
	}
	return lines
}

type vt struct {
	rows, columns int
	row, column   int
	cells         []rune
	drawing       bool // the line-drawing characters are in use
}

func (v *vt) clear(from, to int) {
	if v.cells == nil {
		v.cells = make([]rune, v.rows*v.columns)
	}
	for i := from; i < to && i < len(v.cells); i++ {
		v.cells[i] = ' '
	}
}

// shift moves the cells between two places by some towards the end, or towards the begin, and clears what becomes free.
func (v *vt) shift(from, to, by int, towardsEnd bool) {
	if by > to-from {
		by = to - from
	}
	if towardsEnd {
		copy(v.cells[from+by:to], v.cells[from:to-by])
		v.clear(from, from+by)
		return
	}
	copy(v.cells[from:], v.cells[from+by:to])
	v.clear(to-by, to)
}

func (v *vt) put(r rune) {
	if v.drawing && r == 'x' {
		r = '|'
	} else if v.drawing && r == 'q' {
		r = '-'
	}
	switch r {
	case '│':
		r = '|'
	case '─':
		r = '-'
	}
	if v.column >= v.columns {
		v.column, v.row = 0, v.row+1
	}
	if v.row < v.rows {
		v.cells[v.row*v.columns+v.column] = r
	}
	v.column++
}

// take reads one character or one sequence, and returns its length.
func (v *vt) take(text string) int {
	switch text[0] {
	case '\r':
		v.column = 0
	case '\n':
		v.row++
	case '\b':
		v.column--
	case 0x0e:
		v.drawing = true
	case 0x0f:
		v.drawing = false
	case 0x1b:
		return v.escape(text)
	default:
		r, size := utf8.DecodeRuneInString(text)
		if r >= ' ' {
			v.put(r)
		}
		return size
	}
	return 1
}

func (v *vt) escape(text string) int {
	if len(text) < 2 {
		return len(text)
	}
	if text[1] == '(' || text[1] == ')' {
		if text[1] == '(' && len(text) > 2 {
			v.drawing = text[2] == '0'
		}
		return min3(len(text))
	}
	if text[1] != '[' {
		return 2
	}
	end := 2
	for end < len(text) && (text[end] < '@' || text[end] > '~') {
		end++
	}
	if end == len(text) {
		return end
	}
	v.control(text[end], numbers(text[2:end]))
	return end + 1
}

func min3(length int) int {
	if length < 3 {
		return length
	}
	return 3
}

// numbers are the arguments of a sequence, at least two; 0 where there is none.
func numbers(text string) []int {
	out := []int{}
	for _, part := range strings.Split(text, ";") {
		n := 0
		for _, c := range part {
			if c >= '0' && c <= '9' {
				n = 10*n + int(c-'0')
			}
		}
		out = append(out, n)
	}
	return append(out, 0, 0)
}

func (v *vt) control(what byte, n []int) {
	count := n[0]
	if count == 0 {
		count = 1
	}
	here := v.row*v.columns + v.column
	switch what {
	case 'H', 'f':
		v.row, v.column = count-1, 0
		if n[1] > 0 {
			v.column = n[1] - 1
		}
	case 'A':
		v.row -= count
	case 'B':
		v.row += count
	case 'C':
		v.column += count
	case 'D':
		v.column -= count
	case 'G':
		v.column = count - 1
	case 'd':
		v.row = count - 1
	case 'L', 'M': // lines are put in, or taken out
		v.shift(v.row*v.columns, v.rows*v.columns, count*v.columns, what == 'L')
	case '@', 'P': // ... and characters
		v.shift(here, (v.row+1)*v.columns, count, what == '@')
	case 'X':
		v.clear(here, here+count)
	case 'b':
		last := v.cells[here-1]
		for i := 0; i < count; i++ {
			v.put(last)
		}
	case 'J':
		if n[0] == 2 {
			here = 0
		}
		v.clear(here, v.rows*v.columns)
	case 'K':
		begin, end := here, (v.row+1)*v.columns
		if n[0] == 1 {
			begin, end = v.row*v.columns, here+1
		}
		v.clear(begin, end)
	}
}
