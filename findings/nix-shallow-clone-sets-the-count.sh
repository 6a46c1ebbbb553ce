#!/usr/bin/env bash
# Nix 2.26.3 (Debian trixie), 2.34 (sid) and 2.8.0 (bookworm), fetchGit of a shallow clone, such as CI makes by default, and then of a
# whole clone of the same commit by the same user, as where the history is fetched later in the same job.
# Guess: the number of commits (revCount, of which versions are made) cannot be known in a shallow clone: an error, or no such
# attribute; and the whole clone has the right one afterwards.
# Seen: 2.8.0 refuses the shallow clone. 2.26.3 and 2.34 count the commits that are there, 1 instead of 3, without a word, and remember
# that for the commit, whatever repository it is asked of: the whole clone has 1, too, and so has the shallow one itself once its
# history has been fetched. Where the whole clone came first, the shallow one has 3. Only an empty ~/.cache/nix helps.
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
for number in 1 2 3; do
    echo $number > origin/number
    git -C origin add number
    git_as -C origin commit -q -m "commit $number"
done
count() { # count old|SUITE FOLDER: the revCount of a clone
    if nix_of "$1" nix eval --impure --expr "(builtins.fetchGit $work/$2).revCount" > counted 2> error; then cat counted
    else grep -q 'is a shallow Git repository' error && echo refused || { cat error; exit 1; }; fi
}
for which in old trixie sid; do
    rm -rf shallow whole
    git clone -q --depth 1 "file://$work/origin" shallow
    git clone -q "file://$work/origin" whole
    settle "$which-whole-first"
    echo "$which: whole $(count $which whole), shallow $(count $which shallow)"
    settle "$which-shallow-first"
    echo "$which: shallow $(count $which shallow), whole $(count $which whole), origin $(count $which origin)"
    git -C shallow fetch -q --unshallow
    echo "$which: history fetched: $(count $which shallow)"
    rm -rf "$HOME/.cache"
    echo "$which: nothing remembered: $(count $which shallow)"
done | tee seen
diff seen - <<'TEXT'
old: whole 3, shallow refused
old: shallow refused, whole 3, origin 3
old: history fetched: 3
old: nothing remembered: 3
trixie: whole 3, shallow 3
trixie: shallow 1, whole 1, origin 1
trixie: history fetched: 1
trixie: nothing remembered: 3
sid: whole 3, shallow 3
sid: shallow 1, whole 1, origin 1
sid: history fetched: 1
sid: nothing remembered: 3
TEXT
