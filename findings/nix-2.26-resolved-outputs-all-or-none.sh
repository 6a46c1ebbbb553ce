#!/usr/bin/env bash
# Nix 2.26.3 (Debian trixie), a content-addressed derivation with two outputs, and a cache whose realisations are those of the derivations
# as Nix has resolved them, as "nix copy" of what the store names as the deriver leaves it; nothing may be built.
# Guess: whoever evaluates resolves each derivation in turn, is told by the cache where the one output went that is needed, and fetches it.
# Seen: so it is with Nix 2.8.0. Nix 2.26.3 fetches that output, and then fails: the derivation "doesn't have expected output" of the
# other name, which nothing needs. With a derivation that needs both outputs all is well. (Takes trixie's packages from the
# mirror that this machine's apt uses.)
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
old="nix-bin=2.8.0-1.1+b1 libboost-context1.74.0 libcpuid16 libsodium23 libgc1 libarchive13 libseccomp2 libbrotli1 libcurl3-gnutls libsqlite3-0"
mkdir old new lists
# shellcheck disable=SC2086
(cd old && apt-get download -q $old > /dev/null 2>&1 && for package in ./*.deb; do dpkg -x "$package" .; done)
mirror=$(apt-get indextargets --format '$(ORIGIN) $(SITE)' 'Created-By: Packages' | sed -n 's/^Debian //p' | grep -v security | head -n 1)
echo "deb $mirror trixie main" > sources.list
: > status
trixie() {
    apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
        -o Dir::Cache="$work/apt" -o APT::Sandbox::User=root "$@"
}
mkdir -p apt/archives/partial
trixie update > /dev/null 2>&1
trixie install -y --download-only --no-install-recommends nix-bin=2.26.3+dfsg-1 > /dev/null
for package in apt/archives/*.deb; do dpkg -x "$package" new; done
libraries=$work/new/usr/lib/x86_64-linux-gnu:$work/new/usr/lib/nix

cat > default.nix <<'NIX'
{ both ? false }:
let
  make = name: outputs: script: derivation {
    inherit name outputs; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
    __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";
  };
  low = make "low" [ "out" ] "echo low > $out";
  split = make "split" [ "out" "dev" ] "echo ${low} > $out; echo dev > $dev";
in make "top" [ "out" ] "echo ${split} ${if both then split.dev else ""} > $out"
NIX
nix_of() { # nix_of old|new NAME ARGUMENT...
    if [[ $1 == old ]]; then
        LD_LIBRARY_PATH=$work/old/usr/lib/nix:$work/old/usr/lib/x86_64-linux-gnu "$work/old/usr/bin/$2" "${@:3}"
    else
        "$work/new/usr/lib64/ld-linux-x86-64.so.2" --argv0 "$2" --library-path "$libraries" "$work/new/usr/bin/$2" "${@:3}"
    fi
}
unset NIX_CONFIG NIX_PATH NIX_REMOTE
try() { # try old|new BOTH: what a machine with an empty store, which must not build, is told
    local here=$work/$1-$2 path outputs=
    local -a hook=()
    # As one says there that the outputs of a .drv are meant, and that no other machine is to be asked.
    [[ $1 == old ]] || { outputs="^*" hook=(--option build-hook ""); }
    mkdir -p "$here/home" "$here/conf"
    printf 'experimental-features = nix-command flakes ca-derivations\nbuild-users-group =\nsubstituters =\nsandbox = false\n' > "$here/conf/nix.conf"
    export HOME=$here/home NIX_CONF_DIR=$here/conf NIX_STORE_DIR=$here/store NIX_STATE_DIR=$here/state NIX_LOG_DIR=$here/log
    nix_of "$1" nix build --no-link -f default.nix --arg both "$2" "${hook[@]}" 2> error || { cat error; exit 1; }
    for path in "$here"/store/*-{low,split,split-dev,top}; do
        nix_of "$1" nix copy --to "file://$here/cache" "$(nix_of "$1" nix-store -q --deriver "$path")$outputs" 2> error || { cat error; exit 1; }
    done
    chmod -R u+w "$here/store"
    rm -rf "$here/store" "$here/state"
    nix_of "$1" nix build --no-link -f default.nix --arg both "$2" "${hook[@]}" --max-jobs 0 --option substituters "file://$here/cache" --option require-sigs false > /dev/null 2> error || true
    echo "$(nix_of "$1" nix --version), both $2: $(grep -o "error:.*" error | sed "s,$here/store/[0-9a-z]*-,,g; s/ (.*//" || echo fetched)"
}
for which in old new; do for both in false true; do try $which $both; done; done | tee seen
diff seen - <<'TEXT'
nix (Nix) 2.8.0, both false: fetched
nix (Nix) 2.8.0, both true: fetched
nix (Nix) 2.26.3, both false: error: derivation 'split.drv' doesn't have expected output 'dev'
nix (Nix) 2.26.3, both true: fetched
TEXT
