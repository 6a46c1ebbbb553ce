// Manifests (JSON), which come from a cache: docs/manifest.md.
//
// What is read is written so that it reads the same. What is none fails as protocol, one of a newer cachefill as usage.
#include "cache/manifest.hpp"

#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

namespace cachefill::fuzz {

void manifest(std::string_view input) {
    auto read = cache::parse_manifest(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol, FailureKind::usage});
    auto again = cache::parse_manifest(cache::to_json(*read));
    require(again.has_value(), "what is written can be read");
    require(cache::to_json(*again) == cache::to_json(*read), "what is read from it is the same");
    for (const auto& target : read->targets) {
        require(read->find(target.name) != nullptr, "a target is found by its name");
        read->complete_output(target.name);
    }
    auto name = cache::manifest_name(read->branch, read->system);
    require(name.find("..") == name.npos && name.find('\0') == name.npos && name.find('\n') == name.npos,
            "its name leads nowhere else");
}

} // namespace cachefill::fuzz
