#!/usr/bin/env bash
# The crate narinfo 1.0.1 (Rust) and a narinfo that Nix 2.8.0 wrote for a content-addressed path (a source, a fetched file).
# Guess: the field CA is one of the narinfo's fields, so it is read, or passed over as Nix passes over what it does not know.
# Seen: the whole narinfo is refused, UnknownKey "CA"; without that line it is read. nix-cache-info, too, is refused for a field
# that is not one of the three. Whoever reads caches with this crate has to take
# the line out first. (cargo and a Rust compiler have to be there.)
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
    let text = std::fs::read_to_string(std::env::args().nth(2).unwrap()).unwrap();
    if std::env::args().nth(1).unwrap() == "narinfo" {
        match narinfo::NarInfo::parse(&text) {
            Ok(info) => println!("read: {}", info.store_path),
            Err(error) => println!("refused: {error:?}"),
        }
    } else {
        match narinfo::NixCacheInfo::parse(&text) {
            Ok(info) => println!("read: priority {}", info.priority),
            Err(error) => println!("refused: {error:?}"),
        }
    }
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
cat cache/*.narinfo
target/debug/probe narinfo cache/*.narinfo | tee out
grep -q 'refused: UnknownKey { key: "CA" }' out
grep -v '^CA:' cache/*.narinfo > without
target/debug/probe narinfo without | tee out
grep -q "read: $path" out

# Nix itself takes a cache that says more of itself than it knows.
echo "Maintainer: somebody" >> cache/nix-cache-info
nix path-info --store "file://$work/cache" "$path"
target/debug/probe cache-info cache/nix-cache-info | tee out
grep -q 'refused: UnknownKey { key: "Maintainer" }' out
