#pragma once

#include "base/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::cache {

// What a run put (or is putting) into a cache, for whoever asks the cache later: a machine that wants to know whether
// its commit has been filled, a report of a runner that died. docs/manifest.md describes the JSON. Two runs that come
// to the same end make the same manifest, byte by byte: it holds no times.
enum class ManifestState {
    building, // written when the build began
    finished, // when it had ended, however it ended
    other,    // a word of a newer cachefill
};
enum class ManifestTargetState {
    building,
    complete,
    incomplete,
    waiting_for_upstream,
    elsewhere,
    not_evaluated,
    other
};
std::string_view to_string(ManifestState state); // as in the JSON
std::string_view to_string(ManifestTargetState state);

struct ManifestTarget {
    std::string name;               // "nixos:nas"
    std::string system;             // empty if it was not evaluated
    std::string derivation, output; // store paths; empty if it was not evaluated
    ManifestTargetState state = ManifestTargetState::other;
    std::vector<std::string> missing; // store paths a consumer cannot fetch

    friend bool operator==(const ManifestTarget&, const ManifestTarget&) = default;
};

struct Manifest {
    static constexpr int format_version = 1;

    ManifestState state = ManifestState::other;
    std::string branch; // of the flake
    std::string commit; // empty: unknown, or the tree had uncommitted changes
    bool dirty = false;
    std::string source_hash; // of the flake's tree, "sha256:…" of its NAR
    std::string lock_hash;   // of flake.lock, "sha256:…"; empty if there is none
    std::string system;      // of the machine that ran
    std::string cachefill_version, nix_version;
    std::vector<ManifestTarget> targets; // by name
    // What each target was when it was last complete, on this branch; also of those that this run left out. By name: a
    // store path.
    std::map<std::string, std::string> last_complete;

    const ManifestTarget* find(std::string_view target) const;
    // From last_complete, which older manifests do not have: from the targets. Empty if neither tells.
    std::string complete_output(const std::string& target) const;
    friend bool operator==(const Manifest&, const Manifest&) = default;
};

std::string to_json(const Manifest& manifest);
// A protocol failure for anything else; a usage failure for one written by a newer cachefill.
Result<Manifest> parse_manifest(std::string_view json);

// Under which name a cache keeps the latest of a branch and system (BinaryCache::find_name): "cachefill/main/
// x86_64-linux". Characters that cannot stand in a file's name become '-'.
std::string manifest_name(std::string_view branch, std::string_view system);

} // namespace cachefill::cache
