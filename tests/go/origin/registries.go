package origin

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// NpmPackage and WheelPackage are the only packages the stand-in registries hold.
const (
	NpmPackage   = "bottle-tiny"
	WheelPackage = "bottle-tiny"
	wheelFile    = "bottle_tiny-1.0-py3-none-any.whl"
)

func npmTarball() []byte {
	files := [][2]string{
		{"package/package.json", `{"name":"` + NpmPackage + `","version":"1.0.0","main":"index.js"}`},
		{"package/index.js", "module.exports = 'tiny';\n"},
	}
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	for _, file := range files {
		_ = archive.WriteHeader(&tar.Header{Name: file[0], Mode: 0o644, Size: int64(len(file[1])),
			Format: tar.FormatUSTAR})
		_, _ = io.WriteString(archive, file[1])
	}
	_ = archive.Close()
	_ = zipped.Close()
	return out.Bytes()
}

// npm is a registry under /npm/ that knows one package.
func npm(w http.ResponseWriter, r *http.Request) {
	tarball := npmTarball()
	name := NpmPackage + "-1.0.0.tgz"
	switch path := strings.TrimPrefix(r.URL.Path, "/npm/"); path {
	case NpmPackage:
		sum := sha512.Sum512(tarball)
		version := map[string]any{"name": NpmPackage, "version": "1.0.0", "main": "index.js", "dist": map[string]any{
			"tarball":   "https://" + r.Host + "/npm/" + NpmPackage + "/-/" + name,
			"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
			"shasum":    fmt.Sprintf("%x", sha1.Sum(tarball)),
		}}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(
			map[string]any{"name": NpmPackage, "dist-tags": map[string]string{"latest": "1.0.0"},
				"versions": map[string]any{"1.0.0": version}})
	case NpmPackage + "/-/" + name:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(tarball)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":"not found"}`)
	}
}

func wheel() []byte {
	meta := "Metadata-Version: 2.1\nName: bottle-tiny\nVersion: 1.0\n"
	info := "Wheel-Version: 1.0\nGenerator: stand-in\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	files := [][2]string{
		{"bottle_tiny/__init__.py", "NAME = 'tiny'\n"},
		{"bottle_tiny-1.0.dist-info/METADATA", meta},
		{"bottle_tiny-1.0.dist-info/WHEEL", info},
	}
	record := ""
	for _, file := range files {
		sum := sha256.Sum256([]byte(file[1]))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", file[0], base64.RawURLEncoding.EncodeToString(sum[:]), len(file[1]))
	}
	record += "bottle_tiny-1.0.dist-info/RECORD,,\n"
	files = append(files, [2]string{"bottle_tiny-1.0.dist-info/RECORD", record})
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, file := range files {
		entry, err := archive.Create(file[0])
		if err == nil {
			_, _ = io.WriteString(entry, file[1])
		}
	}
	_ = archive.Close()
	return out.Bytes()
}

// pypi is a simple index under /pypi/simple/ that knows one wheel.
func pypi(w http.ResponseWriter, r *http.Request) {
	content := wheel()
	switch strings.TrimPrefix(r.URL.Path, "/pypi/") {
	case "simple/":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!DOCTYPE html><html><body><a href=\"/pypi/simple/%s/\">%s</a></body></html>\n", WheelPackage,
			WheelPackage)
	case "simple/" + WheelPackage + "/":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!DOCTYPE html><html><body><a href=\"/pypi/files/%s#sha256=%x\">%s</a></body></html>\n",
			wheelFile, sha256.Sum256(content), wheelFile)
	case "files/" + wheelFile:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(content)
	default:
		http.NotFound(w, r)
	}
}
