#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace cachefill {

// By their names alone: `place` is `top`, or below it.
bool is_within(const std::filesystem::path& place, const std::filesystem::path& top);

// Does `place` lie in the work tree `top`, and not in what git keeps there, once links on the way and at its end are
// followed? Whoever filled a work tree made its links. What is not there yet lies where it would be made.
bool is_in_work_tree(const std::filesystem::path& place, const std::filesystem::path& top);

// A file of the work tree `top` (is_in_work_tree) whose text somebody gets to see: what a link leads to outside of it,
// or what git keeps, is not theirs to show. A usage failure for those, else as read_file().
Result<std::string> read_work_tree_file(const std::filesystem::path& file, const std::filesystem::path& top,
                                        std::uint64_t limit);

} // namespace cachefill
