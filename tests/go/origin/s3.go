package origin

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// s3 keeps objects under /s3/BUCKET/KEY, for requests that Options.SecretKey signed.
type s3 struct {
	secret string
	token  string // the session token that it wants; "" is none

	mu      sync.Mutex
	objects map[string][]byte
	parts   map[string]map[int][]byte
}

func refuseS3(w http.ResponseWriter, r *http.Request, status int, code, why string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	// S3 shows what it was given.
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message><Given>%s %s</Given></Error>",
		code, why, r.Header.Get("Authorization"), r.URL.Query().Get("X-Amz-Signature"))
}

func (s *s3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, err := signatureOf(r)
	if err == nil {
		err = from.check(r, s.secret)
	}
	token := r.Header.Get("X-Amz-Security-Token") + r.URL.Query().Get("X-Amz-Security-Token")
	if err == nil && token != s.token {
		err = fmt.Errorf("another session token")
	}
	if err != nil {
		refuseS3(w, r, http.StatusForbidden, "SignatureDoesNotMatch", err.Error())
		return
	}
	body, err := from.payload(r, s.secret)
	if err != nil {
		refuseS3(w, r, http.StatusForbidden, "SignatureDoesNotMatch", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, query := strings.TrimPrefix(r.URL.Path, "/s3/"), r.URL.Query()
	upload := query.Get("uploadId")
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		id := fmt.Sprintf("upload-%d", len(s.parts)+1)
		s.parts[id] = map[int][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == http.MethodPut && upload != "":
		number, _ := strconv.Atoi(query.Get("partNumber"))
		s.parts[upload][number] = body
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodPost && upload != "":
		s.objects[name] = joined(s.parts[upload])
		fmt.Fprintf(w, "<CompleteMultipartUploadResult><Key>%s</Key><ETag>%s</ETag></CompleteMultipartUploadResult>",
			name, etag(s.objects[name]))
	case r.Method == http.MethodPut:
		s.objects[name] = body
		w.Header().Set("ETag", etag(body))
	case s.objects[name] == nil:
		refuseS3(w, r, http.StatusNotFound, "NoSuchKey", name)
	default:
		w.Header().Set("ETag", etag(s.objects[name]))
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Unix(1700000000, 0), bytes.NewReader(s.objects[name]))
	}
}

func etag(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func joined(parts map[int][]byte) []byte {
	var numbers []int
	for number := range parts {
		numbers = append(numbers, number)
	}
	sort.Ints(numbers)
	var out bytes.Buffer
	for _, number := range numbers {
		_, _ = io.Copy(&out, bytes.NewReader(parts[number]))
	}
	return out.Bytes()
}
