#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cachefill::init {

// What a garnix.yaml has Garnix build: attributes of the flake, as globs over their parts.
struct GarnixRules {
    std::vector<std::string> include, exclude;

    bool takes(const std::vector<std::string>& attribute_path) const;
};

// Of an empty file what Garnix took without one. Nothing if it cannot be read.
std::optional<GarnixRules> read_garnix(const std::string& text);

} // namespace cachefill::init
