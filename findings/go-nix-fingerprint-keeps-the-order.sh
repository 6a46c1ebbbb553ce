#!/usr/bin/env bash
# The Go module go-nix of nix-community (v0.0.0-20250101154619-4bdde671e0a1): the fingerprint of a narinfo whose references stand in
# another order than the sorted one, as a cache may serve them that keeps them in a table.
# Guess: what is signed is a set of references, so the order in the file does not matter, as it does not to Nix 2.8.0.
# Seen: the references are joined as they stand. The signature that Nix finds valid is not valid to the module; and what the module
# signs in such an order Nix does not believe. Who fills a narinfo with it has to sort the references first.
# (go has to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0 busybox-static=1:1.35.0-4+deb12u1+b1"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
mkdir -p probe home conf
cd probe
cat > main.go <<'G'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/nix-community/go-nix/pkg/narinfo"
	"github.com/nix-community/go-nix/pkg/narinfo/signature"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func text(name string) string { return strings.TrimSpace(string(must(os.ReadFile(name)))) }

// verify NARINFO KEY, or sign NARINFO KEY: writes the narinfo with a new signature.
func main() {
	info := must(narinfo.Parse(must(os.Open(os.Args[2]))))
	if os.Args[1] == "verify" {
		key := must(signature.ParsePublicKey(text(os.Args[3])))
		fmt.Println(signature.VerifyFirst(info.Fingerprint(), info.Signatures, []signature.PublicKey{key}))
		return
	}
	key := must(signature.LoadSecretKey(text(os.Args[3])))
	info.Signatures = []signature.Signature{must(key.Sign(nil, info.Fingerprint()))}
	fmt.Print(info.String())
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
cat > conf/nix.conf <<C
experimental-features = nix-command flakes
build-users-group =
sandbox-paths = /bin/sh=$work/nix/bin/busybox
substituters =
C
nix --version

cat > default.nix <<'N'
let make = name: text: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${text} > $out" ]; };
in make "top" "${make "one" "x"} ${make "two" "y"}"
N
nix key generate-secret --key-name made-here-1 > key
nix key convert-secret-to-public < key > key.pub
nix-build --no-out-link default.nix > built 2> log || { cat log; exit 1; }
path=$(< built)
nix copy --to "file://$work/cache?secret-key=$work/key" "$path"
info=cache/$(basename "$path" | cut -c -32).narinfo
sed 's/^References: \([^ ]*\) \([^ ]*\)$/References: \2 \1/' "$info" > turned
grep -h ^References "$info" turned
cmp -s "$info" turned && exit 1
probe/probe sign "$info" key > by-module
probe/probe sign turned key > turned-by-module

valid_to_nix() { # valid_to_nix NARINFO: whether a store that wants signatures takes the path from a cache with it
    rm -rf home/.cache other
    [[ ! -d fetched ]] || { chmod -R u+w fetched; rm -rf fetched; }
    cp -r cache other
    cp "$1" "other/$(basename "$info")"
    local code=0
    NIX_REMOTE="local?root=$work/fetched" nix copy --from "file://$work/other" --option trusted-public-keys "$(< key.pub)" \
        --option require-sigs true "$path" 2> error || code=$?
    if [[ $code == 0 ]]; then echo true; elif grep -q 'lacks a valid signature' error; then echo false; else cat error; fi
}
for one in "$info" turned by-module turned-by-module; do
    echo "${one/$info/by Nix}: valid to Nix $(valid_to_nix "$one"), to the module $(probe/probe verify "$one" key.pub)"
done | tee out
grep -qx 'by Nix: valid to Nix true, to the module true' out
grep -qx 'turned: valid to Nix true, to the module false' out
grep -qx 'by-module: valid to Nix true, to the module true' out
grep -qx 'turned-by-module: valid to Nix false, to the module true' out
