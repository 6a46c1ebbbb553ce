#!/usr/bin/env bash
# Nix 2.34 (Debian sid), 2.26.3 (trixie) and 2.8.0 (bookworm), fetchTarball, and an archive to which GNU tar appended what had changed
# (tar -r): a link that points elsewhere now, a file that became a link, and a file of which another was a hard link before.
# Guess: of two entries with one name the later one counts, as for tar, which keeps the older one in the archive only because it cannot
# cut it out; so all versions give the same files and one hash.
# Seen: 2.8.0 and 2.26.3 do as tar does. In 2.34 a symbolic link never takes the place of what is there: the link still points to the
# old file, and what became a link is a file. And the name that was linked to the older file has the content of the newer one. There
# is no warning; a lock file or a sha256 made with one version is wrong with the other. A file that is appended again is right everywhere.
# (Takes the packages of trixie and sid from the mirror that this machine's apt uses. GNU tar has to be there.)
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

mkdir -p top/link top/file top/hard top/again
echo one > top/link/one
echo two > top/link/two
ln -s one top/link/current
echo text > top/file/name
echo old > top/hard/a
ln top/hard/a top/hard/b
echo old > top/again/name
tar --sort=name -cf all.tar top
rm top/link/current top/file/name top/hard/a top/again/name
ln -s two top/link/current
ln -s ../link/one top/file/name
echo new > top/hard/a
echo new > top/again/name
tar -rf all.tar top/link/current top/file/name top/hard/a top/again/name
show() { # show FOLDER: what is there, in one line
    echo "current -> $(readlink "$1/link/current"), name is a $(LC_ALL=C stat -c %F "$1/file/name"), b: $(< "$1/hard/b"), again: $(< "$1/again/name")"
}
{
    mkdir unpacked
    tar -C unpacked -xf all.tar
    echo "tar: $(show unpacked/top)"
    for which in old trixie sid; do
        settle "home-$which"
        path=$(nix_of $which nix eval --impure --raw --expr "builtins.fetchTarball \"file://$work/all.tar\"" 2> error) || { cat error; exit 1; }
        echo "$which: $(show "$path")"
    done
} | tee seen
diff seen - <<'TEXT'
tar: current -> two, name is a symbolic link, b: old, again: new
old: current -> two, name is a symbolic link, b: old, again: new
trixie: current -> two, name is a symbolic link, b: old, again: new
sid: current -> one, name is a regular file, b: new, again: new
TEXT
