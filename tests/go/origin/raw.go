package origin

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// Raw starts an HTTP/1.1 origin that reads one request per turn and answers each with the same bytes,
// then closes. For responses no well-behaved server would send.
func Raw(opts Options, response []byte) (*Server, error) {
	opts.Raw = func(conn net.Conn) {
		if _, err := ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, _ = conn.Write(response)
	}
	return Start(opts)
}

// RawKeep is Raw, but leaves the connection open after the bytes until the peer closes it.
func RawKeep(opts Options, response []byte) (*Server, error) {
	opts.Raw = func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			if _, err := ReadRequest(in); err != nil {
				return
			}
			if _, err := conn.Write(response); err != nil {
				return
			}
		}
	}
	return Start(opts)
}

// ReadRequest reads one whole HTTP/1.1 request, body included.
func ReadRequest(in *bufio.Reader) (*http.Request, error) {
	req, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return req, err
}
