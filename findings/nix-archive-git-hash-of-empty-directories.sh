#!/usr/bin/env bash
# The crate nix-archive 0.6.0 (Rust, cachix): the git hash of a tree, for content addresses of the kind fixed:git:sha1, beside git's own.
# Guess: the hash of a checked out tree is the one that git has for it; an empty directory, which git cannot keep, is left out.
# Seen: the same hash, also with an executable and a symbolic link, until the tree has an empty directory: it is hashed as an empty
# tree, so the hash is none that git has for any commit of these files. A build that makes an empty directory in a checkout has to
# remove it before it compares. (cargo, a Rust compiler and git have to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CARGO_TARGET_DIR=$work/target # the compiler needs the home it was installed in
mkdir src
cat > Cargo.toml <<'T'
[package]
name = "probe"
version = "0.1.0"
edition = "2021"
[dependencies]
nix-archive = "=0.6.0"
sha1 = "=0.10.6"
T
cat > src/main.rs <<'R'
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let hashed = nix_archive::git::hash_path::<sha1::Sha1>(std::path::Path::new(&path)).unwrap();
    println!("{}", hashed.hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
}
R
cargo build -q
mkdir -p tree/sub
echo x > tree/file
echo y > tree/sub/program
chmod 755 tree/sub/program
ln -s sub/program tree/link
hashes() { # hashes WHAT
    rm -rf index
    GIT_DIR=$work/repository GIT_INDEX_FILE=$work/index GIT_WORK_TREE=$work/tree git add -A
    git=$(GIT_DIR=$work/repository GIT_INDEX_FILE=$work/index git write-tree)
    crate=$(target/debug/probe tree)
    [[ $git == "$crate" ]] && result=same || result=different
    echo "$1: $result, git $git, crate $crate"
}
git init -q --bare repository
hashes "as it is" | tee out
mkdir tree/sub/empty
hashes "with an empty directory" | tee -a out
rmdir tree/sub/empty
hashes "without it again" | tee -a out
grep -q '^as it is: same' out
grep -q '^with an empty directory: different' out
grep -q '^without it again: same' out
[[ $(grep -o 'git [0-9a-f]*' out | sort -u | wc -l) == 1 ]]
