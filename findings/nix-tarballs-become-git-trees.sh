#!/usr/bin/env bash
# Nix 2.26.3 (Debian trixie), 2.34 (sid) and 2.8.0 (bookworm): the hash that "nix-prefetch-url --unpack" tells of an archive, given to
# builtins.fetchTarball, as the manual has it. The archives: an ordinary one; one of a single file; one of a checkout with its .git in
# it, as "tar" makes it of a clone.
# Guess: one Nix unpacks an archive in one way, so the hash is right, whatever lies in there; and from version to version it stays.
# Seen: so it is with 2.8.0. In 2.26.3 and 2.34 nix-prefetch-url goes on as before, but fetchTarball puts what it unpacks into a git
# repository of its own (~/.cache/nix). Of a single file it makes a folder with the file in it, so the hash is wrong ("mismatch").
# What git would not have in a commit, such as .git, is refused with "invalid name for a tree entry". (Takes the packages of trixie and sid from the mirror that this machine's apt uses.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
unset NIX_CONFIG NIX_PATH NIX_REMOTE
packages="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
mkdir old
# shellcheck disable=SC2086
(cd old && apt-get download -q $packages > /dev/null 2>&1 && for package in ./*.deb; do dpkg -x "$package" .; done)
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(ORIGIN) $(SITE)' 'Created-By: Packages' | sed -n 's/^Debian //p' | grep -v security | head -n 1)
: > status
apt_of() { # apt_of SUITE ARGUMENT...: with nothing installed, and of no other suite
    apt-get -q -o Dir::Etc::sourcelist="$work/$1/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/$1/lists" \
        -o Dir::State::status="$work/status" -o Dir::Cache="$work/$1/apt" -o APT::Sandbox::User=root "${@:2}"
}
for suite in trixie sid; do
    mkdir -p $suite/lists $suite/apt/archives/partial
    echo "deb $mirror $suite main" > $suite/sources.list
    apt_of $suite update > /dev/null 2>&1
    apt_of $suite install -y --download-only --no-install-recommends nix-bin > /dev/null
    for package in "$suite"/apt/archives/*.deb; do dpkg -x "$package" "$suite/root"; done
    rm -rf $suite/apt $suite/lists
done
nix_of() { # nix_of old|SUITE NAME ARGUMENT...
    local root=$work/$1/root
    if [[ $1 == old ]]; then
        LD_LIBRARY_PATH=$work/old/usr/lib/nix:$work/old/usr/lib/x86_64-linux-gnu "$work/old/usr/bin/$2" "${@:3}"
    else
        "$root/usr/lib64/ld-linux-x86-64.so.2" --argv0 "$2" --library-path "$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/nix" "$root/usr/bin/$2" "${@:3}"
    fi
}
[[ $(nix_of old nix --version) == "nix (Nix) 2.8.0" ]] || { echo "bookworm has another Nix now"; exit 1; }
[[ $(nix_of trixie nix --version) == "nix (Nix) 2.26.3" ]] || { echo "trixie has another Nix now"; exit 1; }
[[ $(nix_of sid nix --version) == "nix (Nix) 2.34."* ]] || { echo "sid has another Nix now"; exit 1; }

mkdir conf
printf 'experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\nflake-registry =\n' > conf/nix.conf
export NIX_CONF_DIR=$work/conf
settle() { # settle NAME: a machine of its own, which has fetched nothing yet
    mkdir -p "$work/$1"
    export HOME=$work/$1 NIX_STORE_DIR=$work/$1/store NIX_STATE_DIR=$work/$1/state NIX_LOG_DIR=$work/$1/log
}

settle making
mkdir -p one/it two/it three/it/.git
for folder in one two three; do echo text > $folder/it/file; done
echo "ref: refs/heads/main" > three/it/.git/HEAD
tar -C one -czf ordinary.tar.gz it
tar -C two/it -czf single-file.tar.gz file
tar -C three -czf checkout.tar.gz it
for which in old trixie sid; do
    settle "machine-$which"
    for archive in ordinary single-file checkout; do
        hash=$(nix_of $which nix-prefetch-url --unpack "file://$work/$archive.tar.gz" 2> error) || { cat error; exit 1; }
        echo "$archive $hash" >> "hashes-$which"
        if nix_of $which nix-instantiate --eval --expr "builtins.pathExists (fetchTarball { url = \"file://$work/$archive.tar.gz\"; sha256 = \"$hash\"; })" > there 2> error
        then echo "$which, $archive: fetched $(< there)"
        else echo "$which, $archive: $(grep -oiE '(hash mismatch|invalid name for a tree entry - [^ ]*)' error | head -n 1 || cat error)"; fi
    done
done | tee seen
cmp hashes-old hashes-trixie
cmp hashes-old hashes-sid
diff seen - <<'TEXT'
old, ordinary: fetched true
old, single-file: fetched true
old, checkout: fetched true
trixie, ordinary: fetched true
trixie, single-file: hash mismatch
trixie, checkout: invalid name for a tree entry - .git
sid, ordinary: fetched true
sid, single-file: hash mismatch
sid, checkout: invalid name for a tree entry - .git
TEXT
