package integration

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bottle.test/harness"
)

// signAWS makes a Signature Version 4 of a request to a path without a query.
func signAWS(r *http.Request, host, body, secret string) string {
	const names, scope = "content-type;host;x-amz-date", "20260102/eu-west-1/dynamodb/aws4_request"
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	canonical := fmt.Sprintf("%s\n%s\n\ncontent-type:%s\nhost:%s\nx-amz-date:%s\n\n%s\n%s", r.Method, r.URL.Path,
		r.Header.Get("Content-Type"), host, r.Header.Get("X-Amz-Date"), names, digest(body))
	key := []byte("AWS4" + secret)
	for _, text := range append(strings.Split(scope, "/"),
		"AWS4-HMAC-SHA256\n"+r.Header.Get("X-Amz-Date")+"\n"+scope+"\n"+digest(canonical)) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	return "AWS4-HMAC-SHA256 Credential=AKIDOFSOMEBODY/" + scope + ", SignedHeaders=" + names + ", Signature=" +
		hex.EncodeToString(key)
}

// TestKeptOutKeySigns: the client signs with the placeholder, and the origin gets the signature of the value.
func TestKeptOutKeySigns(t *testing.T) {
	behindEach(t, func(t *testing.T, proto harness.Proto, options harness.WorldOptions) {
		options.DoubleOnly = true
		w := harness.NewWorld(t, keepingOut(t, options, "aws_signature"))
		client := w.Client(proto)
		body := `{"TableName": "` + strings.Repeat("t", 100000) + `"}`
		request, _ := http.NewRequest("POST", w.URL("/echo"), strings.NewReader(body))
		request.Header.Set("Content-Type", "application/x-amz-json-1.0")
		request.Header.Set("X-Amz-Date", "20260102T030405Z")
		sent := signAWS(request, w.Authority(), body, placeholder)
		want := signAWS(request, w.Authority(), body, keptOutValue)
		request.Header.Set("Authorization", sent)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer := harness.ReadAnswer(response)
		got := arrived(t, w)
		if answer.Status() != 200 || got.Header.Get("Authorization") != want || string(got.Body) != body {
			t.Errorf("status %d, the origin got %q, want %q", answer.Status(), got.Header.Get("Authorization"), want)
		}
		wantProblem(t, w.Do(client, "GET", "/echo", nil, "Authorization", "Bearer "+placeholder), 403,
			"secret_in_header")
		noValueSeen(t, w, options)
	})
}
