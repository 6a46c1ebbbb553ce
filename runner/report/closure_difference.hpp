#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cachefill::report {

struct ClosurePath {
    std::string base_name; // "1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-firefox-142.0"
    std::uint64_t nar_size = 0;
};

// One package (package_name.hpp) in two closures.
struct PackageChange {
    std::string name;
    // Its versions, in order: those that only one of the closures has, or all where that leaves nothing to tell. Empty:
    // the closure has none of it. A version may be empty, too.
    std::vector<std::string> before, after;
    std::int64_t grew_by = 0; // bytes, unpacked, all of its paths
    std::uint64_t size = 0;   // the larger of both

    bool has_version() const;
};

// What of one closure is another's. Lists begin with what is most telling: what has a version, and is large.
struct ClosureDifference {
    std::vector<PackageChange> changed; // in version
    std::vector<PackageChange> came, went;
    std::vector<PackageChange> resized; // the same versions, and larger or smaller by 1 MiB or more
    std::uint64_t rebuilt = 0;          // packages of the same versions in other paths; those resized among them
    std::int64_t grew_by = 0;           // bytes, unpacked

    bool is_nothing() const { return changed.empty() && came.empty() && went.empty() && rebuilt == 0; }
};

ClosureDifference compare_closures(const std::vector<ClosurePath>& before, const std::vector<ClosurePath>& after);

} // namespace cachefill::report
