package origin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// keepBody is how much of each request body a Record keeps for searching.
const keepBody = 1 << 20

// Record is what the origin saw of one request. Body holds at most the first MiB.
type Record struct {
	Time    time.Time
	Proto   string
	Method  string
	URI     string
	Host    string
	Header  http.Header
	RawHead string // HTTP/1.1 only: the head as it arrived
	Body    []byte
	BodyLen int64
	SHA256  string
	BodyErr string // not empty when the body broke off
	Trailer http.Header
	Done    bool
}

// Contains says whether text occurs in anything the origin kept of the request.
func (r Record) Contains(text string) bool {
	if strings.Contains(r.URI, text) || strings.Contains(r.RawHead, text) || bytes.Contains(r.Body, []byte(text)) {
		return true
	}
	for _, fields := range []http.Header{r.Header, r.Trailer} {
		for name, values := range fields {
			if strings.Contains(name, text) {
				return true
			}
			for _, value := range values {
				if strings.Contains(value, text) {
					return true
				}
			}
		}
	}
	return false
}

// log collects Records and counts raw traffic.
type log struct {
	mu      sync.Mutex
	records []*Record
	sockets []*SocketRecord
	conns   int
	bytesIn int64
	change  chan struct{}
}

func (l *log) poke() {
	if l.change != nil {
		close(l.change)
		l.change = nil
	}
}

// Forget drops the records of the requests that are done: a test that goes on for long would keep them all.
func (s *Server) Forget() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var going []*Record
	for _, r := range s.log.records {
		if !r.Done {
			going = append(going, r)
		}
	}
	s.log.records = going
}

func (l *log) snapshot() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Record, len(l.records))
	for i, r := range l.records {
		out[i] = *r
		out[i].Body = append([]byte(nil), r.Body...)
	}
	return out
}

// recordedBody digests a request body while the handler reads it.
type recordedBody struct {
	io.ReadCloser
	log    *log
	record *Record
	digest hash.Hash
	req    *http.Request
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	b.digest.Write(p[:n])
	b.record.BodyLen += int64(n)
	if room := keepBody - len(b.record.Body); room > 0 {
		take := n
		if take > room {
			take = room
		}
		b.record.Body = append(b.record.Body, p[:take]...)
	}
	if err == io.EOF {
		b.record.Trailer = b.req.Trailer.Clone()
	} else if err != nil {
		b.record.BodyErr = err.Error()
	}
	return n, err
}

// recorded wraps a handler so that every request leaves a Record.
func (l *log) recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record := &Record{Time: time.Now(), Proto: r.Proto, Method: r.Method, URI: r.RequestURI,
			Host: r.Host, Header: r.Header.Clone()}
		if tap, ok := r.Context().Value(tapKey{}).(*tapConn); ok {
			record.RawHead = tap.takeHead(r.Method + " " + r.RequestURI + " HTTP/1.")
		}
		body := &recordedBody{ReadCloser: r.Body, log: l, record: record, digest: sha256.New(), req: r}
		l.mu.Lock()
		l.records = append(l.records, record)
		l.poke()
		l.mu.Unlock()
		r.Body = body
		defer func() {
			l.mu.Lock()
			record.SHA256 = hex.EncodeToString(body.digest.Sum(nil))
			record.Done = true
			l.poke()
			l.mu.Unlock()
		}()
		next.ServeHTTP(w, r)
	})
}

type tapKey struct{}

// tapConn remembers the latest plaintext that came in, so that a handler can ask for the raw head.
type tapConn struct {
	net.Conn
	mu   sync.Mutex
	seen []byte
}

// NetConn is the connection below.
func (c *tapConn) NetConn() net.Conn { return c.Conn }

const tapRoom = 256 << 10

func (c *tapConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, p[:n]...)
	if len(c.seen) > tapRoom {
		c.seen = append([]byte(nil), c.seen[len(c.seen)-tapRoom/2:]...)
	}
	return n, err
}

// takeHead cuts out the head that begins with the given request line.
func (c *tapConn) takeHead(line string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := bytes.Index(c.seen, []byte(line))
	if from < 0 {
		return ""
	}
	length := bytes.Index(c.seen[from:], []byte("\r\n\r\n"))
	if length < 0 {
		return ""
	}
	head := string(c.seen[from : from+length+4])
	c.seen = append([]byte(nil), c.seen[from+length+4:]...)
	return head
}

// countedConn counts the raw bytes of one accepted socket.
type countedConn struct {
	net.Conn
	log *log
}

// NetConn is the connection below.
func (c *countedConn) NetConn() net.Conn { return c.Conn }

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.log.mu.Lock()
	c.log.bytesIn += int64(n)
	c.log.mu.Unlock()
	return n, err
}
