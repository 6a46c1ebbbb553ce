# A step of GitHub Actions as its runner starts it: bash functions, to be sourced after lib.sh. $machine is where it runs.
machine=$work/cloud
runner_scan=$binaries/runner-scan
[[ -x $runner_scan ]] || runner_scan=$binaries/tests/support/runner-scan

# step NAME [VARIABLE=VALUE...] [-- ARGUMENT...]: one step with its own file commands on the machine $machine, as the runner
# starts it: clean environment, closed stdin, output to a pipe.
step() {
    local name=$1 variables=()
    shift
    while (($# > 0)) && [[ $1 != -- ]]; do variables+=("$1"); shift; done
    [[ ${1:-} == -- ]] && shift
    mkdir -p "$work/$name/temp"
    : > "$work/$name/output"
    : > "$work/$name/summary"
    code=0
    XDG_STATE_HOME=$machine/state nix_in "$machine" env NIXPKGS_ALLOW_UNFREE=1 CACHIX_AUTH_TOKEN=write-secret \
        GITHUB_ACTIONS=true GITHUB_REPOSITORY=owner/fleet GITHUB_EVENT_NAME=push GITHUB_REF=refs/heads/main \
        GITHUB_REF_NAME=main GITHUB_SHA=0123456789012345678901234567890123456789 GITHUB_RUN_ID=77 GITHUB_RUN_NUMBER=5 \
        GITHUB_RUN_ATTEMPT=1 GITHUB_ACTOR=alex GITHUB_WORKSPACE="$work/flakes" RUNNER_TEMP="$work/$name/temp" \
        GITHUB_WORKFLOW_REF=owner/fleet/.github/workflows/fill.yml@refs/heads/main \
        GITHUB_OUTPUT="$work/$name/output" GITHUB_STEP_SUMMARY="$work/$name/summary" CACHEFILL_INPUT_CACHE=cachix://demo \
        CACHEFILL_INPUT_DEADLINE=1h "${variables[@]}" "$cachefill" ci "$@" < /dev/null 2>&1 | cat > "$work/$name/log" || code=$?
}
# effects NAME: the commands in a step's log that its runner would act upon, a line each: name and start of the data.
effects() { "$runner_scan" < "$work/$1/log"; }
# output NAME KEY: the value of an output, read as the runner reads the file.
output() {
    python3 - "$work/$1/output" "$2" <<'PYTHON'
import sys
lines = open(sys.argv[1]).read().split("\n")
values = {}
while lines:
    line = lines.pop(0)
    if not line: continue
    name, delimiter = line.split("<<", 1)
    value = []
    while lines[0] != delimiter: value.append(lines.pop(0))
    lines.pop(0)
    values[name] = "\n".join(value)
print(values.get(sys.argv[2], "(no such output)"))
PYTHON
}
