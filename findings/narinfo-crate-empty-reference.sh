#!/usr/bin/env bash
# The crate narinfo 1.0.1 (Rust) and a path without references, whose narinfo Nix 2.8.0 writes with an empty "References: ".
# Guess: no references, an empty list.
# Seen: a list of one reference, the empty text; only a narinfo without the line has none. Whoever walks a closure with it asks
# the cache for "", which is the narinfo of no path. (cargo and a Rust compiler have to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
# shellcheck disable=SC2086
apt-get download -q $packages > /dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" nix; done
export CARGO_TARGET_DIR=$work/target # the compiler needs the home it was installed in
mkdir -p src home conf
cat > Cargo.toml <<'T'
[package]
name = "probe"
version = "0.1.0"
edition = "2021"
[dependencies]
narinfo = "=1.0.1"
T
cat > src/main.rs <<'R'
fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    let info = narinfo::NarInfo::parse(&text).unwrap();
    println!("{} references: {:?}", info.references.len(), info.references);
}
R
cargo build -q
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

echo "a source" > source
path=$(nix-store --add source)
nix copy --to "file://$work/cache" "$path"
grep -n '^References: $' cache/*.narinfo
# (The crate refuses the line CA.)
grep -v '^CA:' cache/*.narinfo > with-line
grep -v '^References' with-line > without-line
target/debug/probe with-line | tee out
grep -q '^1 references: \[""\]' out
target/debug/probe without-line | tee out
grep -q '^0 references: \[\]' out
echo "Nix: $(nix-store -q --references "$path" | wc -l) references"
