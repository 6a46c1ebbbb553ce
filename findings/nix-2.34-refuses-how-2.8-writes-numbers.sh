#!/usr/bin/env bash
# A .drv with structured attributes that Nix 2.8.0 (Debian bookworm) wrote, copied into the stores of Nix 2.26.3 (trixie) and 2.34 (sid)
# and built there, as by another job that is sent derivations; one of the attributes is a number with a fraction.
# Guess: two versions may evaluate one expression to two derivations, but a .drv once written is a text whose hash counts: any version
# takes it and builds what it says, under the path that it says.
# Seen: 2.26.3 does. 2.34 takes the JSON of the attributes apart and writes it anew before it works out what the output's path has to
# be. 2.8.0 wrote 1000000.0 as 1e+06, which becomes 1000000.0, so the path is another one: "derivation has incorrect output", and the
# .drv is not let into the store. Numbers that both write alike (1.5, 1e-07) do no harm. So the machine that evaluates must not be so
# much older than those that build. (Takes the packages of trixie and sid from the mirror that this machine's apt uses.)
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
printf 'experimental-features = nix-command\nbuild-users-group =\nsubstituters =\nsandbox = false\nrequire-sigs = false\n' > conf/nix.conf
export NIX_CONF_DIR=$work/conf
settle() { # settle NAME: a machine of its own, with an empty store
    [[ ! -d $work/store ]] || { chmod -R u+w "$work/store"; rm -rf "$work/store"; }
    mkdir -p "$work/$1"
    export HOME=$work/$1 NIX_STORE_DIR=$work/store NIX_STATE_DIR=$work/$1/state NIX_LOG_DIR=$work/$1/log
}
cat > default.nix <<'NIX'
{ number }: derivation {
  name = "number"; system = builtins.currentSystem; builder = "/bin/bash"; outputs = [ "out" ]; inherit number;
  __structuredAttrs = true; args = [ "-c" ". \"$NIX_ATTRS_SH_FILE\"; echo \"$number\" > \"\${outputs[out]}\"" ];
}
NIX
try() { # try NUMBER: evaluated by 2.8.0, its .drv copied by way of a cache, built by the others
    local derivation suite written result
    settle "evaluates-$1"
    derivation=$(nix_of old nix-instantiate default.nix --arg number "$1" 2> error) || { cat error; exit 1; }
    nix_of old nix copy --derivation --to "file://$work/cache" "$derivation" 2> error || { cat error; exit 1; }
    written=$(grep -o 'number\\":[^,}]*' "$derivation")
    for suite in trixie sid; do
        settle "$suite-$1"
        # (No other machine is to be asked to build it.)
        if nix_of $suite nix copy --derivation --from "file://$work/cache" "$derivation" 2> error; then
            nix_of $suite nix-store --option build-hook "" --realise "$derivation" > built 2> error || { cat error; exit 1; }
            result=built
        else
            result=$(grep -o 'derivation has incorrect output' error) || { cat error; exit 1; }
        fi
        echo "$1, in the .drv ${written##*:}: $suite: $result"
    done
}
for number in 1.5 0.0000001 1000000.0 1234567.5; do try "$number"; done | tee seen
diff seen - <<'TEXT'
1.5, in the .drv 1.5: trixie: built
1.5, in the .drv 1.5: sid: built
0.0000001, in the .drv 1e-07: trixie: built
0.0000001, in the .drv 1e-07: sid: built
1000000.0, in the .drv 1e+06: trixie: built
1000000.0, in the .drv 1e+06: sid: derivation has incorrect output
1234567.5, in the .drv 1.23457e+06: trixie: built
1234567.5, in the .drv 1.23457e+06: sid: derivation has incorrect output
TEXT
