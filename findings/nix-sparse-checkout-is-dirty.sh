#!/usr/bin/env bash
# Nix 2.26.3 (Debian trixie), 2.34 (sid) and 2.8.0 (bookworm), fetchGit of a clone with a sparse checkout (some folders alone stand in
# the work tree, as CI may set it for a large repository), and of one whose index git keeps in two files (core.splitIndex).
# Guess: "git status" says that nothing was changed, so this is the commit: its rev is there, and its files have one hash, whether they
# all stand in the work tree or are read from the history.
# Seen: so it is with 2.8.0. For 2.26.3 and 2.34 what was left out was deleted: they warn of a "dirty" tree, which has no rev, lacks
# those files and has another hash; asked for by its rev it is whole. With a sparse index (git sparse-checkout set --sparse-index)
# or a split one they fail: "unsupported mandatory extension", sdir or link. An index of version 4 and a partial clone do no harm.
# (Takes the packages of trixie and sid from the mirror that this machine's apt uses. git has to be there.)
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
git_as init -q origin
mkdir origin/wanted origin/other
echo top > origin/top
echo wanted > origin/wanted/file
echo other > origin/other/file
git -C origin add .
git_as -C origin commit -q -m first
git -C origin config uploadpack.allowFilter true
for clone in plain sparse sparse-index split-index version-4; do git clone -q "file://$work/origin" $clone; done
git clone -q --filter=blob:none "file://$work/origin" partial
git -C sparse sparse-checkout set wanted
git -C sparse-index sparse-checkout set --sparse-index wanted
git -C split-index update-index --split-index
git -C version-4 update-index --index-version 4
rev=$(git -C origin rev-parse HEAD)
cat > look.nix <<'NIX'
{ folder, rev ? null }:
let
  tree = builtins.fetchGit ({ url = folder; } // (if rev == null then {} else { inherit rev; }));
  is = if builtins.match "0*" tree.rev == null then "has a rev" else "has no rev";
in "${is}, ${toString (builtins.attrNames (builtins.readDir tree))}, ${tree.narHash}"
NIX
look() { # look old|SUITE FOLDER ARGUMENT...: what is fetched, and whether its hash is that of the plain clone
    if nix_of "$1" nix eval --raw --impure --expr "import $work/look.nix { folder = \"$work/$2\"; ${*:3} }" > looked 2> error; then
        [[ $2 != plain ]] || sed 's/.*, //' looked > plain-hash
        sed "s|$(< plain-hash)|the same|; s|sha256-.*|another hash|" looked
    else grep -o "unsupported mandatory extension: '[a-z]*'" error || { cat error; exit 1; }; fi
}
for clone in plain sparse sparse-index split-index version-4 partial; do
    changes=$(git -C $clone status --porcelain)
    [[ -z $changes ]] || { echo "git finds changes in $clone: $changes"; exit 1; }
done
for which in old trixie sid; do
    settle "machine-$which"
    for clone in plain sparse sparse-index split-index version-4 partial; do echo "$which, $clone: $(look $which $clone)"; done
    echo "$which, sparse, asked for by its rev: $(look $which sparse "rev = \"$rev\";")"
done | tee seen
diff seen - <<'TEXT'
old, plain: has a rev, other top wanted, the same
old, sparse: has a rev, other top wanted, the same
old, sparse-index: has a rev, other top wanted, the same
old, split-index: has a rev, other top wanted, the same
old, version-4: has a rev, other top wanted, the same
old, partial: has a rev, other top wanted, the same
old, sparse, asked for by its rev: has a rev, other top wanted, the same
trixie, plain: has a rev, other top wanted, the same
trixie, sparse: has no rev, top wanted, another hash
trixie, sparse-index: unsupported mandatory extension: 'sdir'
trixie, split-index: unsupported mandatory extension: 'link'
trixie, version-4: has a rev, other top wanted, the same
trixie, partial: has a rev, other top wanted, the same
trixie, sparse, asked for by its rev: has a rev, other top wanted, the same
sid, plain: has a rev, other top wanted, the same
sid, sparse: has no rev, top wanted, another hash
sid, sparse-index: unsupported mandatory extension: 'sdir'
sid, split-index: unsupported mandatory extension: 'link'
sid, version-4: has a rev, other top wanted, the same
sid, partial: has a rev, other top wanted, the same
sid, sparse, asked for by its rev: has a rev, other top wanted, the same
TEXT
