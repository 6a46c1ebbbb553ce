#!/usr/bin/env bash
# The crate nix-nar 0.6.0 (Rust) and a file that only its group may execute (mode 654).
# Guess: "executable" is the owner's bit, as in Nix, so both make the same archive.
# Seen: the crate takes any of the three bits. Its archive, and so its NAR hash, is another one than that of nix-store 2.8.0 --dump;
# with mode 744 or 644 both agree. What it unpacks also has other modes than nix-store --restore gives: 555 where that
# gives 755. (cargo and a Rust compiler have to be there.)
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
nix-nar = "=0.6.0"
T
cat > src/main.rs <<'R'
use std::io::Read;
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments[1] == "pack" {
        let mut archive = Vec::new();
        nix_nar::Encoder::new(&arguments[2]).unwrap().read_to_end(&mut archive).unwrap();
        std::fs::write(&arguments[3], archive).unwrap();
    } else {
        let archive = std::fs::File::open(&arguments[2]).unwrap();
        nix_nar::Decoder::new(archive).unwrap().unpack(&arguments[3]).unwrap();
    }
}
R
cargo build -q
export PATH=$work/nix/usr/bin:$PATH LD_LIBRARY_PATH=$work/nix/usr/lib/nix:$work/nix/usr/lib/x86_64-linux-gnu
export HOME=$work/home NIX_CONF_DIR=$work/conf NIX_REMOTE="local?root=$work/store"
unset NIX_CONFIG NIX_PATH
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\n' > conf/nix.conf
nix --version

mkdir tree
echo x > tree/file
for mode in 644 744 654; do
    chmod "$mode" tree/file
    nix-store --dump tree > by-nix.nar
    target/debug/probe pack tree by-crate.nar
    cmp -s by-nix.nar by-crate.nar && same=same || same=different
    echo "$mode: $same; executable to nix-store: $(grep -ac executable by-nix.nar), to the crate: $(grep -ac executable by-crate.nar)"
done | tee out
grep -q '^644: same' out && grep -q '^744: same' out
grep -q '^654: different; executable to nix-store: 0, to the crate: 1' out

chmod 755 tree/file
nix-store --dump tree > tree.nar
nix-store --restore restored < tree.nar
target/debug/probe unpack tree.nar "$work/unpacked"
echo "nix-store --restore: $(stat -c %a restored/file), the crate: $(stat -c %a unpacked/file)" | tee out
grep -q '^nix-store --restore: 755, the crate: 555' out
