#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

// What a step hands to its runner through files that the runner names in the environment.
namespace cachefill::github {

// An output of the step (or, in the file of GITHUB_ENV, a variable of later steps), in the form that holds any value:
// between two lines of a random delimiter.
Result<void> set_output(const std::filesystem::path& file, std::string_view name, std::string_view value);

// GitHub throws a summary of more than this away, whole.
inline constexpr std::size_t longest_summary = 1024 * 1024;
// Left free for whatever else is written into the same file.
inline constexpr std::size_t summary_reserve = 8 * 1024;

// Adds Markdown to the step's summary. What would make the file too long is cut before a heading (###), and said.
Result<void> append_summary(const std::filesystem::path& file, std::string markdown);

} // namespace cachefill::github
