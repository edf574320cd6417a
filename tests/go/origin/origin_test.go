package origin

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, o Options, h2 bool) (*Server, *http.Client) {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA.Pool()}, ForceAttemptHTTP2: h2,
		DisableCompression: true}
	if !h2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return s, &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func both(t *testing.T, f func(t *testing.T, s *Server, c *http.Client, h2 bool)) {
	for _, h2 := range []bool{false, true} {
		name := map[bool]string{false: "h1", true: "h2"}[h2]
		t.Run(name, func(t *testing.T) {
			s, c := start(t, Options{}, h2)
			f(t, s, c, h2)
		})
	}
}

func TestRecordsWhatArrived(t *testing.T) {
	both(t, func(t *testing.T, s *Server, c *http.Client, h2 bool) {
		resp, err := c.Post("https://"+s.Addr()+"/echo?x=1", "text/plain", strings.NewReader("some body"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var e Echo
		if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || e.BodyLen != 9 || e.URI != "/echo?x=1" {
			t.Errorf("%+v, %v", e, err)
		}
		if !s.Wait(5*time.Second, func(r []Record) bool { return len(r) == 1 && r[0].Done }) {
			t.Fatal("no record")
		}
		r := s.Requests()[0]
		if !r.Contains("some body") || r.Contains("another") || (r.RawHead == "") != h2 || s.BytesIn() == 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestPatternMatchesItsDigest(t *testing.T) {
	both(t, func(t *testing.T, s *Server, c *http.Client, h2 bool) {
		for _, query := range []string{"n=0", "n=1", "n=100003", "n=100003&chunked=1"} {
			resp, err := c.Get("https://" + s.Addr() + "/bytes?" + query)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.New()
			n, err := io.Copy(sum, resp.Body)
			resp.Body.Close()
			want := resp.Header.Get("X-Sha256") + resp.Trailer.Get("X-Sha256")
			if got := hex.EncodeToString(sum.Sum(nil)); err != nil || got != want || got != PatternSHA256(n) {
				t.Errorf("%s: %d bytes, digest %s, want %s, %v", query, n, got, want, err)
			}
		}
	})
}

func TestDieIsNoCleanEnd(t *testing.T) {
	both(t, func(t *testing.T, s *Server, c *http.Client, h2 bool) {
		for _, query := range []string{"after=100", "after=100&cl=1", "after=100&how=rst"} {
			resp, err := c.Get("https://" + s.Addr() + "/die?" + query)
			if err != nil {
				continue
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err == nil {
				t.Errorf("%s ended cleanly", query)
			}
		}
	})
}

func TestOneProtocolOnly(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		s, c := start(t, Options{H1Only: !h2, H2Only: h2}, true)
		resp, err := c.Get("https://" + s.Addr() + "/text")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if (resp.ProtoMajor == 2) != h2 {
			t.Errorf("h2 %v: got %s", h2, resp.Proto)
		}
	}
}
