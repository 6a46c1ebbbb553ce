#pragma once

#include <filesystem>

namespace cachefill {

// By their names alone: `place` is `top`, or below it.
bool is_within(const std::filesystem::path& place, const std::filesystem::path& top);

// Does `place` lie in the work tree `top`, and not in what git keeps there, once links on the way and at its end are
// followed? Whoever filled a work tree made its links. What is not there yet lies where it would be made.
bool is_in_work_tree(const std::filesystem::path& place, const std::filesystem::path& top);

} // namespace cachefill
