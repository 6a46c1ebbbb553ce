# What the end-to-end tests of the program share: bash functions, to be sourced.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../support/nix_store.sh
. "$here/../support/nix_store.sh"
# shellcheck source=../support/fleet.sh
. "$here/../support/fleet.sh"

# What is printed is looked at as a terminal of today shows it.
export LC_ALL=C.UTF-8

binaries=${CACHEFILL_BINARY_DIR:?the directory of cachefill and cachix-server}
cachefill=$binaries/cachefill
[[ -x $cachefill ]] || cachefill=$binaries/runner/cachefill
cachix_server=$binaries/cachix-server
[[ -x $cachix_server ]] || cachix_server=$binaries/tests/support/cachix-server
attic_server=$binaries/attic-server
[[ -x $attic_server ]] || attic_server=$binaries/tests/support/attic-server
niks3_server=$binaries/niks3-server
[[ -x $niks3_server ]] || niks3_server=$binaries/tests/support/niks3-server

work=$(nix_directory)
servers=()
clean_up() {
    local process directory
    for process in "${servers[@]}" $(jobs -p); do kill "$process" 2> /dev/null || true; done
    wait 2> /dev/null || true
    [[ -n ${KEEP_WORK:-} ]] && { echo "kept: $work" >&2; return; }
    for directory in "$work"/*/; do nix_remove "${directory%/}"; done
    rm -rf "$work"
}
trap clean_up EXIT

failures=0
passed=0
ok() { passed=$((passed + 1)); printf 'ok   %s\n' "$1"; }
fail() { # fail TEXT [DETAIL]
    failures=$((failures + 1))
    printf 'FAIL %s\n' "$1"
    [[ -z ${2:-} ]] || printf '%s\n' "$2" | tail -n "${DETAIL_LINES:-25}" | sed 's/^/     | /'
}
equal() { # equal TEXT ACTUAL WANTED [DETAIL]
    if [[ $2 == "$3" ]]; then ok "$1: $2"; else fail "$1: '$2' instead of '$3'" "${4:-}"; fi
}
at_least() { if (($2 >= $3)); then ok "$1: $2"; else fail "$1: $2, not $3" "${4:-}"; fi; }
contains() { # contains TEXT PATTERN FILE
    if grep -qE -- "$2" "$3"; then ok "$1"; else fail "$1: no '$2'" "$(cat "$3")"; fi
}
lacks() { if grep -qE -- "$2" "$3"; then fail "$1: found '$2'" "$(grep -E -- "$2" "$3")"; else ok "$1"; fi; }
finish() {
    echo "$passed passed, $failures failed"
    ((failures == 0))
}

# Values of a JSON report. report_value FILE EXPRESSION-ON-r, in Python.
report_value() {
    python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
def builds(outcome): return [b for b in r["builds"] if b["outcome"] == outcome]
def pushes(outcome): return [p for p in r["pushes"] if p["outcome"] == outcome]
def target(name): return next(t for t in r["targets"] if t["name"] == name)
value = eval(sys.argv[2])
print("\n".join(map(str, value)) if isinstance(value, list) else value)' "$1" "$2"
}

# start_cachix NAME [OPTION...]: a stand-in of Cachix for the cache NAME in $work/NAME.cachix. Sets NAME_api, NAME_uri and NAME_key
# (with '_' for '-').
start_cachix() {
    local name=$1 ready=$work/$1.ready waited
    shift
    rm -f "$ready"
    "$cachix_server" --cache "$name" --dir "$work/$name.cachix" --port-file "$ready" --token rw:write-secret \
        --token ro:read-secret "$@" &
    servers+=($!)
    for ((waited = 0; waited < 200; ++waited)); do [[ -s $ready ]] && break; sleep 0.05; done
    [[ -s $ready ]] || { echo "the stand-in of Cachix did not start" >&2; exit 1; }
    name=${name//-/_}
    printf -v "${name}_api" %s "$(report_value "$ready" 'r["api"]')"
    printf -v "${name}_uri" %s "$(report_value "$ready" 'r["uri"]')"
    printf -v "${name}_key" %s "$(report_value "$ready" 'r["public_key"]')"
    printf -v "${name}_pid" %s "${servers[-1]}"
}
# start_attic NAME [OPTION...]: a stand-in of attic's server with the cache "team", in $work/NAME.attic. Sets NAME_url, NAME_key and
# NAME_pid.
start_attic() {
    local name=$1 ready=$work/$1.ready waited
    shift
    rm -f "$ready"
    "$attic_server" --dir "$work/$name.attic" --port-file "$ready" --push-token push-secret --pull-token pull-secret "$@" &
    servers+=($!)
    for ((waited = 0; waited < 200; ++waited)); do [[ -s $ready ]] && break; sleep 0.05; done
    [[ -s $ready ]] || { echo "the stand-in of attic did not start" >&2; exit 1; }
    printf -v "${name}_url" %s "$(report_value "$ready" 'r["url"]')"
    printf -v "${name}_key" %s "$(report_value "$ready" 'r["public_key"]')"
    printf -v "${name}_pid" %s "${servers[-1]}"
}
# start_niks3 NAME [OPTION...]: a stand-in of niks3's server, in $work/NAME.niks3. Sets NAME_url, NAME_key and NAME_pid.
start_niks3() {
    local name=$1 ready=$work/$1.ready waited
    shift
    rm -f "$ready"
    "$niks3_server" --dir "$work/$name.niks3" --port-file "$ready" --token push-secret "$@" &
    servers+=($!)
    for ((waited = 0; waited < 200; ++waited)); do [[ -s $ready ]] && break; sleep 0.05; done
    [[ -s $ready ]] || { echo "the stand-in of niks3 did not start" >&2; exit 1; }
    printf -v "${name}_url" %s "$(report_value "$ready" 'r["url"]')"
    printf -v "${name}_key" %s "$(report_value "$ready" 'r["public_key"]')"
    printf -v "${name}_pid" %s "${servers[-1]}"
}
server_post() { # server_post API PATH [BODY]
    python3 -c '
import sys, urllib.request
request = urllib.request.Request(sys.argv[1].rstrip("/") + sys.argv[2], data=sys.argv[3].encode(), method="POST")
print(urllib.request.urlopen(request, timeout=20).read().decode())' "$1" "$2" "${3:-}"
}
server_log() { python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1].rstrip("/") + "/_log", timeout=20).read().decode())' "$1"; }

# start_faulty NAME KIND ARGUMENT...: tests/support/faulty_http; sets NAME_url.
start_faulty() {
    local name=$1 kind=$2 ready=$work/$1.ready waited
    shift 2
    rm -f "$ready"
    if [[ $kind == cache ]]; then set -- "$1" "$ready" "${@:2}"; else set -- "$ready" "$@"; fi
    "$here/../support/faulty_http" "$kind" "$@" &
    servers+=($!)
    for ((waited = 0; waited < 400; ++waited)); do [[ -s $ready ]] && break; sleep 0.05; done
    [[ -s $ready ]] || { echo "faulty_http did not start" >&2; exit 1; }
    printf -v "${name}_url" %s "http://127.0.0.1:$(< "$ready")"
}

# in_small_disk SIZE DIR COMMAND...: the command in a mount namespace in which DIR is a disk of that size, empty at first.
in_small_disk() {
    local rights=()
    [[ $(id -u) == 0 ]] || rights=(--user --map-root-user)
    unshare "${rights[@]}" --mount --propagation private bash -euc 'mount -t tmpfs -o "size=$1" tmpfs "$2"; shift 2; exec "$@"' - "$@"
}

# cachefill_in DIR ARGUMENT...: the program on the machine DIR (see nix_store.sh); output in $work/out, exit code in $code.
cachefill_in() {
    local directory=$1
    shift
    code=0
    XDG_STATE_HOME=$directory/state nix_in "$directory" env CACHIX_AUTH_TOKEN="${token-write-secret}" NIXPKGS_ALLOW_UNFREE=1 \
        "${around[@]}" "$cachefill" "$@" > "$work/out" 2>&1 < /dev/null || code=$?
}
# cachefill_of SHELL [COMMAND]: the process of the program (run) that this job of ours runs, perhaps under qemu. The newest bash replaces itself
# by it.
cachefill_of() {
    local process words command=${2:-run}
    for process in "$1" $(pgrep -P "$1"); do
        words=$(tr '\0' ' ' < "/proc/$process/cmdline")
        [[ $words == "$cachefill $command "* || $words == *[/-]qemu-*\ */cachefill-*\ $command\ * ]] && { echo "$process"; return; }
    done 2> /dev/null
    return 1
}
around=() # a command to run it under
# on_two_processors: such a command, for the same figures on any machine; how many MiB it held at most is in $work/peak then.
# shellcheck disable=SC2034
on_two_processors=(python3 -c '
import os, resource, subprocess, sys
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
code = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=file)
sys.exit(code)' "$work/peak")
# Sanitizers have memory of their own.
is_sanitized() { grep -qE '__(asan|tsan)_init' "$cachefill"; }
