#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "github/vouched_commit.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::options {

// Where the repository of this directory begins; empty if it is in none.
std::filesystem::path repository_around(std::filesystem::path directory);

struct VouchedFile {
    std::string name;                // the path that was found, for messages
    std::optional<std::string> text; // empty: none of them is in the commit
};

// The first of `files` (absolute paths in a checkout of this step's repository) as it is in a commit: from the
// checkout's own history, or from GitHub where that is too short and the step has a token. Blocks. A failure if neither
// knows.
Result<VouchedFile> read_vouched_file(const github::VouchedCommit& commit,
                                      const std::vector<std::filesystem::path>& files, const Environment& environment);

} // namespace cachefill::options
