#pragma once

#include "base/failure.hpp"
#include "event/kinds.hpp"

#include <filesystem>
#include <string>

namespace cachefill::eval {

// The line that an error points at, as it stands in the work tree: "11 | text = nothing.x;", short enough for a
// terminal. Empty where there is none: the place lies in no file of the tree, or behind a link out of it.
std::string source_line(const event::Position& position, const std::filesystem::path& work_tree);
// The failure with that line below its cause, if there is one.
Failure with_source_line(Failure failure, const event::Position& position, const std::filesystem::path& work_tree);

} // namespace cachefill::eval
