#pragma once

#include "app/settings.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <string_view>

namespace cachefill::app {

// `cachefill.yml` or `.github/cachefill.yml` below `directory`; empty if there is neither.
std::optional<std::filesystem::path> find_config(const std::filesystem::path& directory);

// Applies a configuration to `settings`. Every problem is a usage failure with file, line and column: a malformed file,
// an unknown key (with the one that was meant), a wrong type, an impossible value, a key that stands twice.
Result<void> apply_config(std::string_view yaml, const std::string& file_name, Settings& settings);

} // namespace cachefill::app
