#!/usr/bin/env bash
# The Go module go-nix of nix-community (v0.0.0-20250101154619-4bdde671e0a1) and the .drv that Nix 2.8.0 writes for an ordinary
# derivation whose input is content-addressed. Its output has no path yet, as that of its input has none.
# Guess: who reads a content-addressed derivation, whose output has no path either, reads this one, too.
# Seen: the content-addressed one is read, found valid and written again byte for byte; the one on top of it is refused,
# "invalid path length 0". So a closure with one content-addressed package in it cannot be walked with it.
# (go has to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
mkdir -p probe home conf
cd probe
cat > main.go <<'G'
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/nix-community/go-nix/pkg/derivation"
)

func main() {
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	read, err := derivation.ReadDerivation(bytes.NewReader(content))
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	var written strings.Builder
	if err := read.WriteDerivation(&written); err != nil {
		panic(err)
	}
	fmt.Println("read; valid:", read.Validate() == nil, "same text:", written.String() == string(content))
}
G
go mod init probe > /dev/null 2>&1
go get github.com/nix-community/go-nix@v0.0.0-20250101154619-4bdde671e0a1 > /dev/null 2>&1
go mod tidy > /dev/null 2>&1
go build -o probe .
cd ..
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
printf 'experimental-features = nix-command flakes ca-derivations\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version
cat > default.nix <<'N'
rec {
  addressed = derivation {
    name = "addressed"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo x > $out" ];
    __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";
  };
  ordinary = derivation {
    name = "ordinary"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${addressed} > $out" ];
  };
}
N
for name in addressed ordinary; do
    file=store$(nix-instantiate -A $name 2> /dev/null)
    grep -o '^Derive(\[([^]]*\]' "$file"
    probe/probe "$file"
done | tee out
grep -q "^read; valid: true same text: true" out
grep -q "^refused: .*invalid path length 0" out
