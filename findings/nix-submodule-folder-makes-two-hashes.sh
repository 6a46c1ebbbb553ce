#!/usr/bin/env bash
# Nix 2.26.3 (Debian trixie), 2.34 (sid) and 2.8.0 (bookworm), and a repository that has a submodule which nobody asks for: its clone
# without changes, the same commit by its rev, and the archive of it that git (and a forge) makes.
# Guess: one commit is one tree with one hash, however it was come by; so what was built from a clone is found in the cache by who names
# the commit, and a lock file that a Nix wrote is good for that Nix.
# Seen: so it is with 2.8.0: where the submodule belongs stands an empty folder. 2.26.3 and 2.34 leave that folder out when they read a
# work tree, and have it when they read the commit: same rev, two hashes, so every path built from the source is another one.
# A lock file that they wrote of a clone they refuse themselves on the next machine, "NAR hash mismatch" (2.26.3: "mismatch in field
# 'narHash'"). (Takes the packages of trixie and sid from the mirror that this machine's apt uses. git has to be there.)
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

git_as() { git -c user.name=somebody -c user.email=somebody@example.invalid -c init.defaultBranch=main "$@"; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always # submodules may be folders
for repository in part origin; do
    git_as init -q $repository
    echo $repository > $repository/file
    git -C $repository add .
    [[ $repository == part ]] || git -C $repository submodule --quiet add "file://$work/part" sub
    git_as -C $repository commit -q -m first
done
git clone -q "file://$work/origin" clone
git -C clone archive --prefix=origin/ HEAD | gzip -n > origin.tar.gz
rev=$(git -C clone rev-parse HEAD)
mkdir flake
cat > flake/flake.nix <<N
{ inputs.it = { url = "git+file://$work/clone"; flake = false; }; outputs = { it, ... }: { names = toString (builtins.attrNames (builtins.readDir it)); }; }
N
ask() { # ask old|SUITE ARGUMENT...: the names of what builtins.fetchTree gives, and the hash
    local which=$1
    shift
    nix_of "$which" nix eval --raw --impure --expr "let tree = builtins.fetchTree { $* }; in toString (builtins.attrNames (builtins.readDir tree)) + \" \" + tree.narHash" 2> error || { cat error; exit 1; }
}
for which in old trixie sid; do
    settle "$which-clone"
    ask $which "type = \"git\"; url = \"file://$work/clone\";" > by-clone
    settle "$which-rev"
    ask $which "type = \"git\"; url = \"file://$work/clone\"; rev = \"$rev\";" > by-rev
    settle "$which-archive"
    ask $which "type = \"tarball\"; url = \"file://$work/origin.tar.gz\";" > by-archive
    for one in by-clone by-rev by-archive; do
        cut -d ' ' -f -3 $one | sed "s/^/$which, $one: /; s/ sha256-.*//"
    done
    cmp -s by-rev by-archive && echo "$which: the commit and the archive have one hash"
    if cmp -s by-clone by-rev; then echo "$which: the clone and the commit have one hash"; else echo "$which: the clone and the commit have two hashes"; fi
    rm -f flake/flake.lock
    settle "$which-lock"
    nix_of $which nix flake lock "path:$work/flake" 2> error || { cat error; exit 1; }
    settle "$which-next"
    if nix_of $which nix eval --raw "path:$work/flake#names" > names 2> error; then echo "$which, locked: $(< names)"
    else echo "$which, locked: $(grep -oE "(NAR hash mismatch|mismatch in field 'narHash')" error || cat error)"; fi
done | tee seen
diff seen - <<'TEXT'
old, by-clone: .gitmodules file sub
old, by-rev: .gitmodules file sub
old, by-archive: .gitmodules file sub
old: the commit and the archive have one hash
old: the clone and the commit have one hash
old, locked: .gitmodules file sub
trixie, by-clone: .gitmodules file
trixie, by-rev: .gitmodules file sub
trixie, by-archive: .gitmodules file sub
trixie: the commit and the archive have one hash
trixie: the clone and the commit have two hashes
trixie, locked: mismatch in field 'narHash'
sid, by-clone: .gitmodules file
sid, by-rev: .gitmodules file sub
sid, by-archive: .gitmodules file sub
sid: the commit and the archive have one hash
sid: the clone and the commit have two hashes
sid, locked: NAR hash mismatch
TEXT
