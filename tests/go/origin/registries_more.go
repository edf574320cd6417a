package origin

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// CratePackage, GoModule, DebPackage and GemPackage are what the registries of Rust, Go, Debian and Ruby hold.
const (
	CratePackage = "bottle-tiny"
	GoModule     = "example.test/tiny"
	DebPackage   = "bottle-tiny"
	GemPackage   = "bottle-tiny"
)

type entry struct{ name, content string }

// tarball is a gzip'd tar of files.
func tarball(files ...entry) []byte {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	_, _ = zipped.Write(plainTar(files...))
	_ = zipped.Close()
	return out.Bytes()
}

func plainTar(files ...entry) []byte {
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, file := range files {
		_ = archive.WriteHeader(&tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.content)),
			Format: tar.FormatUSTAR})
		_, _ = io.WriteString(archive, file.content)
	}
	_ = archive.Close()
	return out.Bytes()
}

func zipped(text string) []byte {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, _ = io.WriteString(writer, text)
	_ = writer.Close()
	return out.Bytes()
}

// file answers with content, or with 404 when there is none.
func file(w http.ResponseWriter, r *http.Request, kind string, content []byte) {
	if content == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	_, _ = w.Write(content)
}

// cargo is a sparse registry: its index is /cargo/index/.
func cargo(w http.ResponseWriter, r *http.Request) {
	const folder = CratePackage + "-1.0.0/"
	crate := tarball(
		entry{folder + "Cargo.toml", "[package]\nname = \"" + CratePackage +
			"\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"},
		entry{folder + "src/lib.rs", "pub const NAME: &str = \"tiny\";\n"})
	switch strings.TrimPrefix(r.URL.Path, "/cargo/") {
	case "index/config.json":
		file(w, r, "application/json", []byte(`{"dl": "https://`+r.Host+`/cargo/dl"}`))
	case "index/bo/tt/" + CratePackage:
		line, _ := json.Marshal(map[string]any{"name": CratePackage, "vers": "1.0.0", "deps": []string{},
			"features": map[string]string{},
			"cksum":    fmt.Sprintf("%x", sha256.Sum256(crate)), "yanked": false})
		file(w, r, "text/plain", append(line, '\n'))
	case "dl/" + CratePackage + "/1.0.0/download":
		file(w, r, "application/gzip", crate)
	default:
		http.NotFound(w, r)
	}
}

// goProxy speaks the protocol of Go's module proxies, below /go/.
func goProxy(w http.ResponseWriter, r *http.Request) {
	const mod = "module " + GoModule + "\n\ngo 1.19\n"
	switch strings.TrimPrefix(r.URL.Path, "/go/"+GoModule+"/@v/") {
	case "list":
		file(w, r, "text/plain", []byte("v1.0.0\n"))
	case "v1.0.0.info":
		file(w, r, "application/json", []byte(`{"Version": "v1.0.0", "Time": "2024-01-01T00:00:00Z"}`))
	case "v1.0.0.mod":
		file(w, r, "text/plain", []byte(mod))
	case "v1.0.0.zip":
		var out bytes.Buffer
		archive := zip.NewWriter(&out)
		for _, one := range []entry{{"go.mod", mod}, {"tiny.go", "package tiny\n\nconst Name = \"tiny\"\n"}} {
			if into, err := archive.Create(GoModule + "@v1.0.0/" + one.name); err == nil {
				_, _ = io.WriteString(into, one.content)
			}
		}
		_ = archive.Close()
		file(w, r, "application/zip", out.Bytes())
	default:
		http.NotFound(w, r)
	}
}

// deb is a package in Debian's format: an ar archive of three files.
func deb() []byte {
	const control = "Package: " + DebPackage + "\nVersion: 1.0\nArchitecture: all\n" +
		"Maintainer: stand-in <stand-in@example.test>\nDescription: tiny\n"
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, one := range []struct {
		name    string
		content []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", tarball(entry{"./control", control})},
		{"data.tar.gz", tarball(entry{"./usr/share/bottle-tiny", "tiny\n"})}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", one.name, 0, 0, 0, 0o100644, len(one.content))
		out.Write(one.content)
		if len(one.content)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// apt is a flat, unsigned repository: "deb [trusted=yes] https://HOST/apt ./".
func apt(w http.ResponseWriter, r *http.Request) {
	content := deb()
	packages := fmt.Sprintf("Package: %s\nVersion: 1.0\nArchitecture: all\n"+
		"Maintainer: stand-in <stand-in@example.test>\n"+
		"Description: tiny\nFilename: ./tiny.deb\nSize: %d\nSHA256: %x\n", DebPackage, len(content),
		sha256.Sum256(content))
	switch strings.TrimPrefix(r.URL.Path, "/apt/") {
	case "Release", "./Release":
		file(w, r, "text/plain", []byte(fmt.Sprintf("Origin: stand-in\nDate: Mon, 01 Jan 2024 00:00:00 UTC\n"+
			"SHA256:\n %x %d Packages\n",
			sha256.Sum256([]byte(packages)), len(packages))))
	case "Packages", "./Packages":
		file(w, r, "text/plain", []byte(packages))
	case "tiny.deb", "./tiny.deb":
		file(w, r, "application/vnd.debian.binary-package", content)
	default:
		http.NotFound(w, r)
	}
}

// gemSpecification is Ruby's own serialisation of the gem's description, deflated:
// Zlib::Deflate.deflate(Marshal.dump(Gem::Specification.new { … })).
const gemSpecification = "eNpFjbFqwzAQhlUIilUINENJydKiPbZDN5mUQknKDV1auYsnJ71QQSw79hmS5uXyXJkqacndctx333+DqFeTd6yU+m" +
	"pwY7ZmU5Kp7c1lEBUPIG+f4zROueJLbQTIu3VNtMMZGXvkGdO5Ggf3G9vOWQV3xjwYDkKvhDYVjp7Y45m54kr81RZB" +
	"Rrl+cxcrkOKadB+SPnHfmxYrtFRw10OQw5dFuMi4z+c+e5VnwuPXcVowkMzz1NNRR6X9mRkbNiCnv0RNp5IED2XV7D" +
	"Am7CjxULvnbb8Oz70ZfYD284n9A228RZ8="

const gemMetadata = `--- !ruby/object:Gem::Specification
name: bottle-tiny
version: !ruby/object:Gem::Version
  version: 1.0.0
platform: ruby
authors:
- stand-in
autorequire:
bindir: bin
cert_chain: []
date: 2024-01-01 00:00:00.000000000 Z
dependencies: []
description:
email:
executables: []
extensions: []
extra_rdoc_files: []
files:
- lib/bottle_tiny.rb
homepage: https://example.test/
licenses:
- MIT
metadata: {}
post_install_message:
rdoc_options: []
require_paths:
- lib
required_ruby_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '0'
required_rubygems_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '0'
requirements: []
rubygems_version: 3.3.15
signing_key:
specification_version: 4
summary: tiny
test_files: []
`

// gems is a source of Ruby gems with a compact index.
func gems(w http.ResponseWriter, r *http.Request) {
	content := plainTar(entry{"metadata.gz", string(zipped(gemMetadata))},
		entry{"data.tar.gz", string(tarball(entry{"lib/bottle_tiny.rb", "BOTTLE_TINY = 'tiny'\n"}))})
	switch strings.TrimPrefix(r.URL.Path, "/gems/") {
	case "":
		file(w, r, "text/plain", []byte("gems\n"))
	case "info/" + GemPackage:
		file(w, r, "text/plain", []byte(fmt.Sprintf("---\n1.0.0 |checksum:%x\n", sha256.Sum256(content))))
	case "quick/Marshal.4.8/" + GemPackage + "-1.0.0.gemspec.rz":
		specification, _ := base64.StdEncoding.DecodeString(gemSpecification)
		file(w, r, "application/octet-stream", specification)
	case "gems/" + GemPackage + "-1.0.0.gem":
		file(w, r, "application/octet-stream", content)
	default:
		http.NotFound(w, r)
	}
}
