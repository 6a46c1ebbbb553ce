#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace cachefill::doctor {

// Nix remembers which paths a cache did not have, for an hour unless told otherwise: a machine that asked before a push
// had finished stays blind for so long (nix-mechanics 7). This reads that memory, which belongs to the user who
// substitutes: root, where there is a daemon.

struct RememberedAbsence {
    std::string hash_part;
    std::string cache; // its URL, as Nix wrote it
    std::chrono::system_clock::time_point until;
};

// Where a Nix of any version keeps it, for the user of `environment` and for root; only those that are there. A file
// that may not be read is listed as well: it says that something is remembered which we cannot see.
std::vector<std::filesystem::path> narinfo_memories(const Environment& environment);

// Of these hash parts those that are remembered as absent and still count at `now`, when `lifetime` (the setting
// narinfo-cache-negative-ttl) is how long such an answer counts. A failure when the file cannot be read.
Result<std::vector<RememberedAbsence>> remembered_absences(const std::filesystem::path& file,
                                                           const std::vector<std::string>& hash_parts,
                                                           std::chrono::seconds lifetime,
                                                           std::chrono::system_clock::time_point now);

} // namespace cachefill::doctor
