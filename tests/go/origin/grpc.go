package origin

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// grpcService speaks gRPC as its servers do, with what they insist on: HTTP/2, POST, the type, "te: trailers". A
// request without one of them is reset, and a connection with HTTP/1.1 closed. Messages are texts. The path's last part
// says the kind of call.
func grpcService(w http.ResponseWriter, r *http.Request) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if conn, _, err := hijacker.Hijack(); err == nil {
			conn.Close()
		}
		return
	}
	if r.Method != "POST" || r.Header.Get("Te") != "trailers" ||
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("X-First", r.Header.Get("X-Note"))
	w.Header().Set("X-Timeout", r.Header.Get("Grpc-Timeout"))
	say := func(text string) {
		_, _ = w.Write(GrpcMessage(text))
		w.(http.Flusher).Flush()
	}
	status := "0"
	switch strings.TrimPrefix(r.URL.Path, "/grpc/") {
	case "Unary":
		text, _ := ReadGrpcMessage(r.Body)
		say(text + "!")
	case "ServerStream":
		text, _ := ReadGrpcMessage(r.Body)
		for i := 0; i < 3; i++ {
			say(fmt.Sprint(text, i))
		}
	case "ClientStream":
		n := 0
		for {
			if _, err := ReadGrpcMessage(r.Body); err != nil {
				break
			}
			n++
		}
		say(fmt.Sprint(n))
	case "Bidi":
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		for {
			text, err := ReadGrpcMessage(r.Body)
			if err != nil {
				break
			}
			say(text + "!")
		}
	case "Reflect":
		// Messages as they come, compressed or not.
		w.Header().Set("Grpc-Encoding", r.Header.Get("Grpc-Encoding"))
		_, _ = io.Copy(w, r.Body)
	case "Dies":
		say("half")
		panic(http.ErrAbortHandler)
	default:
		status = "12"
	}
	trailer := http.TrailerPrefix
	if status != "0" {
		// Before Go 1.21 the server sends no undeclared trailers behind a head that no body follows.
		w.Header().Set("Trailer", "Grpc-Status, X-Last")
		w.WriteHeader(http.StatusOK)
		trailer = ""
	}
	w.Header().Set(trailer+"Grpc-Status", status)
	w.Header().Set(trailer+"X-Last", "end")
}

// GrpcMessage is a message as it stands in a body.
func GrpcMessage(text string) []byte {
	out := make([]byte, 5, 5+len(text))
	binary.BigEndian.PutUint32(out[1:], uint32(len(text)))
	return append(out, text...)
}

// ReadGrpcMessage reads one.
func ReadGrpcMessage(r io.Reader) (string, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	text := make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err := io.ReadFull(r, text)
	return string(text), err
}
