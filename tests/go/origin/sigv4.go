package origin

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// signed is what a request says of its AWS Signature Version 4, in a field or in the query.
type signed struct {
	scope, time, names, digits string
	inQuery                    bool
}

func signatureOf(r *http.Request) (signed, error) {
	if query := r.URL.Query(); query.Get("X-Amz-Signature") != "" {
		_, scope, _ := strings.Cut(query.Get("X-Amz-Credential"), "/")
		return signed{scope, query.Get("X-Amz-Date"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Signature"),
			true}, nil
	}
	list := strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if list == r.Header.Get("Authorization") {
		return signed{}, errors.New("no signature of version 4")
	}
	out := signed{time: r.Header.Get("X-Amz-Date")}
	for _, one := range strings.Split(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		switch name {
		case "Credential":
			_, out.scope, _ = strings.Cut(value, "/")
		case "SignedHeaders":
			out.names = value
		case "Signature":
			out.digits = value
		}
	}
	return out, nil
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func macOf(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (s signed) key(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range strings.Split(s.scope, "/") {
		key = macOf(key, part)
	}
	return key
}

func canonicalQuery(raw string) string {
	var pairs []string
	for _, one := range strings.Split(raw, "&") {
		name, value, _ := strings.Cut(one, "=")
		if one != "" && name != "X-Amz-Signature" {
			name, _ = url.QueryUnescape(name)
			value, _ = url.QueryUnescape(value)
			pairs = append(pairs, strings.ReplaceAll(url.QueryEscape(name)+"="+url.QueryEscape(value), "+", "%20"))
		}
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "&")
}

// check wants the signature that the secret makes of the head.
func (s signed) check(r *http.Request, secret string) error {
	fields := ""
	for _, name := range strings.Split(s.names, ";") {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		fields += name + ":" + strings.Join(strings.Fields(value), " ") + "\n"
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if s.inQuery && hash == "" {
		hash = "UNSIGNED-PAYLOAD"
	}
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), canonicalQuery(r.URL.RawQuery), fields, s.names,
		hash}, "\n")
	text := "AWS4-HMAC-SHA256\n" + s.time + "\n" + s.scope + "\n" + hexSum(canonical)
	if hex.EncodeToString(macOf(s.key(secret), text)) != s.digits {
		return errors.New("the signature is of another key")
	}
	return nil
}

// payload is the body without its framing. Every signature in it is checked.
func (s signed) payload(r *http.Request, secret string) ([]byte, error) {
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if !strings.HasPrefix(hash, "STREAMING-") {
		body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
		if err == nil && len(hash) == 64 && hexSum(string(body)) != hash {
			err = errors.New("the body has another hash")
		}
		return body, err
	}
	chunks := chunkReader{signed: s, key: s.key(secret), last: s.digits, in: bufio.NewReader(r.Body),
		isSigned: strings.HasPrefix(hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")}
	return chunks.all(strings.HasSuffix(hash, "-TRAILER"))
}

type chunkReader struct {
	signed
	key      []byte
	last     string
	in       *bufio.Reader
	isSigned bool
	Chunks   int
}

func (c *chunkReader) line() (string, error) {
	line, err := c.in.ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err
}

func (c *chunkReader) sign(kind, rest string) string {
	c.last = hex.EncodeToString(macOf(c.key, kind+"\n"+c.time+"\n"+c.scope+"\n"+c.last+"\n"+rest))
	return c.last
}

func (c *chunkReader) all(trailer bool) ([]byte, error) {
	var body []byte
	for {
		line, err := c.line()
		if err != nil {
			return nil, err
		}
		digits, signature, _ := strings.Cut(line, ";chunk-signature=")
		size, err := strconv.ParseUint(digits, 16, 26)
		if err != nil {
			return nil, err
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(c.in, data); err != nil {
			return nil, err
		}
		if c.isSigned && c.sign("AWS4-HMAC-SHA256-PAYLOAD", hexSum("")+"\n"+hexSum(string(data))) != signature {
			return nil, errors.New("the signature of a chunk is of another key")
		}
		if size == 0 {
			return body, c.trailers(trailer)
		}
		body = append(body, data...)
		if _, err := c.line(); err != nil {
			return nil, err
		}
	}
}

func (c *chunkReader) trailers(want bool) error {
	text := ""
	for {
		line, err := c.line()
		switch name, value, _ := strings.Cut(line, ":"); {
		case err != nil:
			return err
		case line == "" && want && c.isSigned:
			return errors.New("the trailer has no signature")
		case line == "":
			return nil
		case name == "x-amz-trailer-signature":
			want = false
			if c.sign("AWS4-HMAC-SHA256-TRAILER", hexSum(text)) != value {
				return fmt.Errorf("the trailer's signature is of another key")
			}
		default:
			text += line + "\n"
		}
	}
}
