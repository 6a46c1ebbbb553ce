#!/usr/bin/env bash
# zig's C++ compiler (ziglang of PyPI, 0.14.1 and 0.17.1), which is clang with libraries for every system beside it, and how much it
# optimizes.
# Guess: -O2, -O3, -Os and -Oz are clang's, and each makes another program of the same text, as with clang itself.
# Seen: -O3 makes, byte for byte, what -O2 makes, and -Oz what -Os makes, without a word: zig takes each for one of its own two modes.
# The others can be had by "-Xclang -O3" and "-Xclang -Oz" behind them. (python3 with pip has to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export ZIG_GLOBAL_CACHE_DIR=$work/cache ZIG_LOCAL_CACHE_DIR=$work/cache
cat > join.cpp <<'CPP'
#include <algorithm>
#include <map>
#include <string>
#include <vector>
std::string join(const std::vector<std::string>& names, const std::map<std::string, int>& counts) {
    std::string text;
    for (const auto& name : names) {
        auto found = counts.find(name);
        text += name + " " + std::to_string(found == counts.end() ? 0 : found->second) + ", ";
    }
    return text;
}
void order(std::vector<std::string>& names) { std::sort(names.begin(), names.end()); }
CPP
for version in 0.14.1 0.17.1; do
    python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target "zig-$version" "ziglang==$version"
    made() { # made FLAG...: the hash of what becomes of it
        "zig-$version/ziglang/zig" c++ -target x86_64-linux-musl -std=c++20 -g0 "$@" -c join.cpp -o join.o
        sha256sum < join.o | cut -c1-16
    }
    echo "zig $("zig-$version/ziglang/zig" version)"
    O2=$(made -O2) O3=$(made -O3) Os=$(made -Os) Oz=$(made -Oz)
    real_O3=$(made -O2 -Xclang -O3) real_Oz=$(made -Os -Xclang -Oz)
    printf '%-16s %s\n' -O2 "$O2" -O3 "$O3" "-O2 -Xclang -O3" "$real_O3" -Os "$Os" -Oz "$Oz" "-Os -Xclang -Oz" "$real_Oz"
    [[ $O2 == "$O3" && $Os == "$Oz" && $O2 != "$Os" && $real_O3 != "$O3" && $real_Oz != "$Oz" ]]
done
