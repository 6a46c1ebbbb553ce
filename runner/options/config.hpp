#pragma once

#include "base/result.hpp"
#include "options/options.hpp"
#include "options/settings.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::options {

// Where a flake's folder may have it; the first that is there counts.
std::vector<std::filesystem::path> config_places(const std::filesystem::path& directory);

// Who answers for what a file says.
enum class Standing {
    outside,  // a person: it lies where only the user of this machine writes, or was named by hand
    checkout, // whoever wrote the flake: it lies in its folder
    change,   // the same, and it may be a change that somebody asks to merge
};

struct ConfigSource {
    std::string name; // of the file, for messages
    Standing standing = Standing::outside;
    Command command = Command::run;
};

// A value that does not count, because of where it stands (options.hpp: Where).
struct Refusal {
    std::string key;
    std::string place; // "cachefill.yml:3:9"
    std::string value; // to show; empty for a mapping
};

// Applies a configuration to `settings`. Every problem is a usage failure with file, line and column: a malformed file,
// an unknown key (with the one that was meant), a wrong type, an impossible value, a key that stands twice. What comes
// back are the values that the command would go by, and that do not count from this source; they change nothing.
Result<std::vector<Refusal>> apply_config(std::string_view yaml, const ConfigSource& source, Settings& settings);

} // namespace cachefill::options
