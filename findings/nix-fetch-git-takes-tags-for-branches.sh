#!/usr/bin/env bash
# Nix 2.26.3 (Debian trixie), 2.34 (sid) and 2.8.0 (bookworm), fetchGit and fetchTree (what the inputs of flakes are fetched by) of a
# repository where a branch and a tag have one name, as where releases of a series come from a branch called like the first of them.
# Guess: a ref without "refs/" is a branch, as the manual has it (refs/heads/ is set before it), so both give the branch's last commit.
# Seen: so it is with 2.8.0, and with fetchTree. In 2.26.3 and 2.34 fetchGit asks the server for the branch alone, but git brings the tags
# along that lie in its history, and then the name is looked up as git does it, tags first: without a warning it is the tag's older
# commit that is given; for 2.26.3 the rev is even that of the tag, not of a commit, where the tag has a message. A tag that lies
# elsewhere is not brought, so there it is the branch; and fetchTree fetches one commit without its history, so no tag comes along.
# With refs/heads/ before the name all is well. (Takes the packages of trixie and sid from the mirror that this machine's apt uses.
# git has to be there.)
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
git_as init -q work
for text in first second third; do
    echo $text > work/file
    git -C work add file
    git_as -C work commit -q -m $text
    case $text in
        first) git_as -C work tag -a -m "version 1" v1; git_as -C work tag v2 ;;
        second) git_as -C work branch v1; git_as -C work branch v2; git_as -C work branch v3 ;;
        third) git_as -C work tag v3 ;;
    esac
done
git clone -q --bare "file://$work/work" origin.git
fetch() { # fetch old|SUITE FUNCTION ARGUMENTS: what the file says, and what the rev is
    local rev
    nix_of "$1" nix eval --raw --impure --expr "let tree = builtins.$2 { url = \"file://$work/origin.git\"; $3 }; in builtins.readFile \"\${tree}/file\" + tree.rev" > fetched 2> error || { cat error; exit 1; }
    rev=$(tail -n 1 fetched)
    echo "$(head -n 1 fetched), rev of a $(git -C origin.git cat-file -t "$rev")"
}
for which in old trixie sid; do
    for name in v1 v2 v3; do
        settle "$which-$name"
        echo "$which, fetchGit $name: $(fetch $which fetchGit "ref = \"$name\";")"
        settle "$which-$name-shallow"
        echo "$which, fetchTree $name: $(fetch $which fetchTree "type = \"git\"; ref = \"$name\";")"
        settle "$which-$name-branch"
        echo "$which, fetchGit refs/heads/$name: $(fetch $which fetchGit "ref = \"refs/heads/$name\";")"
    done
done | tee seen
diff seen - <<'TEXT'
old, fetchGit v1: second, rev of a commit
old, fetchTree v1: second, rev of a commit
old, fetchGit refs/heads/v1: second, rev of a commit
old, fetchGit v2: second, rev of a commit
old, fetchTree v2: second, rev of a commit
old, fetchGit refs/heads/v2: second, rev of a commit
old, fetchGit v3: second, rev of a commit
old, fetchTree v3: second, rev of a commit
old, fetchGit refs/heads/v3: second, rev of a commit
trixie, fetchGit v1: first, rev of a tag
trixie, fetchTree v1: second, rev of a commit
trixie, fetchGit refs/heads/v1: second, rev of a commit
trixie, fetchGit v2: first, rev of a commit
trixie, fetchTree v2: second, rev of a commit
trixie, fetchGit refs/heads/v2: second, rev of a commit
trixie, fetchGit v3: second, rev of a commit
trixie, fetchTree v3: second, rev of a commit
trixie, fetchGit refs/heads/v3: second, rev of a commit
sid, fetchGit v1: first, rev of a commit
sid, fetchTree v1: second, rev of a commit
sid, fetchGit refs/heads/v1: second, rev of a commit
sid, fetchGit v2: first, rev of a commit
sid, fetchTree v2: second, rev of a commit
sid, fetchGit refs/heads/v2: second, rev of a commit
sid, fetchGit v3: second, rev of a commit
sid, fetchTree v3: second, rev of a commit
sid, fetchGit refs/heads/v3: second, rev of a commit
TEXT
