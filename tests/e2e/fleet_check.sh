#!/usr/bin/env bash
# The example fleet is what other tests take it for: it evaluates and builds with real Nix in every kind of sandbox, always
# to the same bytes, has the shape it promises, and its broken hosts fail as they should. Knows nothing of cachefill.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/nix_store.sh"
. "$here/../support/fleet.sh"

work=$(nix_directory)
store=$work/store flakes=$work/flakes
stop() {
    local background
    for background in $(jobs -p); do kill "$background" 2> /dev/null || true; done
    for directory in "$work"/*/; do nix_remove "${directory%/}"; done
    rm -rf "$work"
}
trap stop EXIT

failures=0
report() { # report OUTCOME TEXT [DETAIL]
    printf '%-4s %s\n' "$1" "$2"
    [[ $1 == ok ]] && return
    failures=$((failures + 1))
    [[ -z ${3:-} ]] || printf '%s\n' "$3" | tail -n 15 | sed 's/^/     | /'
}
check() { # check TEXT COMMAND...: the command succeeds
    local text=$1 output
    shift
    if output=$("$@" 2>&1); then report ok "$text"; else report FAIL "$text" "$output"; fi
}
refused() { # refused TEXT PATTERN COMMAND...: the command fails and says PATTERN
    local text=$1 pattern=$2 output
    shift 2
    if output=$("$@" 2>&1); then report FAIL "$text: it did not fail" "$output"; return; fi
    if grep -qE -- "$pattern" <<< "$output"; then report ok "$text"; else report FAIL "$text" "$output"; fi
}
at_least() { # at_least TEXT NUMBER WANTED
    if (($2 >= $3)); then report ok "$1: $2"; else report FAIL "$1: $2, not $3"; fi
}

mkdir -p "$store"
fleet_copy "$flakes"
cd "$flakes"
unset NIXPKGS_ALLOW_UNFREE
echo "with $(nix --version) as $(id -un)"

# The tool.
rebuilt=$work/fleet-tool
if [[ $(gcc -dumpfullversion 2> /dev/null) == 12.2.* ]]; then
    check "the committed tool can be compiled" fleet/tools/build.sh "$rebuilt"
    check "the committed tool is what its source compiles to" cmp "$rebuilt" fleet/tools/fleet-tool
else
    echo "skip comparing the committed tool: no gcc 12.2 here"
fi

# Evaluation.
in_store() { nix_in "$store" "$@"; }
evaluate() { in_store nix eval --raw "./fleet#$1" "${@:2}"; }
check "the hosts can be listed" test "$(in_store nix eval --json ./fleet#nixosConfigurations --apply builtins.attrNames)" \
    = '["nas","nixos-desktop","nixos-laptop","template-minimal"]'
for host in nixos-desktop nas template-minimal; do
    check "$host evaluates purely" evaluate "$(fleet_toplevel $host).drvPath"
done
refused "the laptop is refused purely" 'unfree license .*refusing to evaluate' evaluate "$(fleet_toplevel nixos-laptop).drvPath"
refused "the variable alone does not help" NIXPKGS_ALLOW_UNFREE=1 \
    env NIXPKGS_ALLOW_UNFREE=1 bash -c "$(declare -f evaluate in_store nix_in nix_home nix_base_config nix_sandbox_shell)
        store=$store; evaluate '$(fleet_toplevel nixos-laptop).drvPath'"
export NIXPKGS_ALLOW_UNFREE=1
check "the laptop evaluates impurely" evaluate "$(fleet_toplevel nixos-laptop).drvPath" --impure
check "the home evaluates" evaluate 'homeConfigurations."alex@nixos-desktop".activationPackage.drvPath'
check "the Mac evaluates" evaluate darwinConfigurations.macbook.system.drvPath
check "the Mac is a Mac" test "$(evaluate darwinConfigurations.macbook.system.system)" = aarch64-darwin
refused "the nas imports from a derivation" 'nas-facts|import-from-derivation' nix_in "$work/none" nix eval --raw \
    "./fleet#$(fleet_toplevel nas).drvPath" --option allow-import-from-derivation false
caches_of() { in_store nix eval --json "./fleet#nixosConfigurations.$1.config.nix.settings.substituters"; }
check "the nas trusts an extra cache" grep -q storage <<< "$(caches_of nas)"
check "the template does not trust ours" test "$(caches_of template-minimal)" = '["https://cache.nixos.org"]'
check "no lock file appears" test ! -e fleet/flake.lock

# Building, three ways.
mapfile -t targets < <(fleet_targets | sed 's,^,./fleet#,')
started=$SECONDS
check "everything builds in a private store" in_store nix build --impure --no-link "${targets[@]}"
echo "     it took $((SECONDS - started)) s"
mapfile -t derivations < <(in_store nix path-info --impure --derivation "${targets[@]}" 2> /dev/null)
hashes_of() { # hashes_of RUNNER...: of all that was built
    local paths
    mapfile -t paths < <("$@" nix-store --query --requisites --include-outputs "${derivations[@]}" | grep -v '\.drv$' | sort)
    paste -d' ' <(printf '%s\n' "${paths[@]}") <("$@" nix-store --query --hash "${paths[@]}")
}
hashes_of in_store > "$work/hashes"
outputs=$(wc -l < "$work/hashes")
same_as() { # same_as TEXT RUNNER...
    local text=$1
    shift
    check "$text: builds" "$@" nix build --impure --no-link "${targets[@]}"
    check "$text: the same $outputs paths with the same bytes" diff "$work/hashes" <(hashes_of "$@")
}
if busybox=$(command -v busybox); then
    with_busybox() { NIX_SANDBOX_SHELL=$busybox nix_in "$work/busybox" "$@"; }
    same_as "with busybox as the only shell" with_busybox
fi
if nix_machine_possible; then
    mkdir "$work/machine"
    nix_machine_start "$work/machine" root 'sandbox = false'
    as_user() { nix_machine_run "$work/machine" fleet env NIXPKGS_ALLOW_UNFREE=1 "$@"; }
    same_as "as an untrusted user of a daemon without sandbox" as_user
    nix_machine_stop "$work/machine"
else
    echo "skip the multi-user machine: no right to make mount namespaces"
fi

# The shape.
drv_files() { in_store nix-store --query --requisites "${derivations[@]}" | grep '\.drv$' | sed "s,^,$store/root,"; }
with_text() { drv_files | xargs grep -l -- "$1" | wc -l; }
longest_chain() {
    in_store nix-store --query --graph "${derivations[@]}" | awk -F'"' '
        / -> / && $2 ~ /\.drv$/ && $4 ~ /\.drv$/ { users[$2] = users[$2] " " $4; seen[$2]; seen[$4] }
        function depth(node,    next_nodes, count, i, best, d) {
            if (node in memo) return memo[node]
            count = split(users[node], next_nodes, " "); best = 0
            for (i = 1; i <= count; ++i) { d = depth(next_nodes[i]); if (d > best) best = d }
            return memo[node] = best + 1
        }
        END { for (node in seen) { d = depth(node); if (d > longest) longest = d } print longest }'
}
at_least "derivations" "$(drv_files | wc -l)" 150
at_least "longest chain" "$(longest_chain)" 15
at_least "derivations for every consumer to build" "$(with_text '("allowSubstitutes","")')" 50
at_least "derivations that only prefer to be local" \
    "$(drv_files | xargs grep -l '("preferLocalBuild","1")' | xargs grep -L '("allowSubstitutes","")' | wc -l)" 50
at_least "derivations with several outputs" "$(with_text '^Derive(\[([^]]*),(')" 50
at_least "fixed-output derivations" "$(with_text '"sha256","[0-9a-f]\{64\}")')" 50
at_least "recursively fixed ones" "$(with_text '"r:sha256"')" 1
at_least "derivations with structured attributes" "$(with_text '("__json",')" 1

derivation_of() { in_store nix path-info --impure --derivation "./fleet#$1" 2> /dev/null; }
output_of() { in_store nix-store --query --outputs "$(derivation_of "$1")" | tail -n 1; }
closure_of() { in_store nix-store --query --requisites "$(output_of "$1")"; }
closure=$(for host in "${fleet_hosts[@]}"; do closure_of "$(fleet_toplevel "$host")"; done)
only_to_build='-(dev|gcc|binutils|stdenv.*|.*\.tar\.xz|.*-stage[12])$'
check "systems do not contain compilers, sources or headers" test -z "$(grep -E -- "$only_to_build" <<< "$closure")"
check "systems contain a file of the repository" grep -q -- '-motd$' <<< "$closure"
at_least "paths in the desktop's closure" "$(closure_of "$(fleet_toplevel nixos-desktop)" | wc -l)" 80
at_least "paths that all four systems share" "$(sort <<< "$closure" | uniq -c | grep -c '^ *4 ')" 40
big=$store/root$(output_of packages.x86_64-linux.speech-model)/share/model.bin
at_least "bytes of the big file" "$(stat -c %s "$big")" 209715200
many=$store/root$(output_of packages.x86_64-linux.icon-theme)
at_least "small files" "$(find "$many" -type f | wc -l)" 5000
names=$store/root$(output_of packages.x86_64-linux.locale-data)/share
check "names beyond ASCII" test -f "$names/Übersetzungen/größe.txt" -a -f "$names/日本語.txt" -a -f "$names/$(printf 'caf\351')"
check "links, also dangling ones, and executables" test -L "$names/dangling" -a -x "$names/run me" -a ! -x "$names/README"

# Fetching: a cache of the nas's system, for a consumer that must not build.
key_file=$work/key
in_store nix key generate-secret --key-name fleet-check-1 > "$key_file"
key=$(in_store nix key convert-secret-to-public < "$key_file")
nas=$(output_of "$(fleet_toplevel nas)")
check "the nas can be copied into a cache" in_store nix copy --to "file://$work/cache?secret-key=$key_file" "$nas"
check "a consumer fetches the nas without building" nix_realise "$work/consumer" "file://$work/cache" "$key" "$nas"
refused "a consumer that trusts another key does not" "$(basename "$nas")" \
    nix_realise "$work/stranger" "file://$work/cache" "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" "$nas"

# The hosts that go wrong.
broken() { in_store nix build --no-link -L "${@:2}" "./fleet-broken#$(fleet_toplevel "$1")"; }
check "beside the broken hosts a good one is the fleet's own" broken nixos-desktop
refused "bad-eval names its position" 'fleet-broken/hosts/bad-eval\.nix:6:5' broken bad-eval
refused "bad-throw says what it wants" 'services.backup.repository must be set' broken bad-throw
refused "bad-throw names its position in the trace" 'fleet-broken/hosts/bad-throw\.nix:[0-9]+' broken bad-throw --show-trace
refused "bad-build fails after talking" 'compiling part 27 of 27' broken bad-build
at_least "lines that bad-build talks" "$(broken bad-build 2>&1 | grep -c '^printer-driver[^>]*> ')" 30
refused "bad-hang is silent" 'timed out after 3 seconds' broken bad-hang --max-silent-time 3
refused "bad-hash shows both hashes" 'got: +sha256-' broken bad-hash

((failures == 0)) || { echo "$failures checks failed"; exit 1; }
