#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cachefill::cache {

// What `cachix authtoken` and `cachix generate-keypair` keep in cachix.dhall.
struct CachixConfiguration {
    Secret token;
    std::string server;                        // "https://cachix.org"; empty: it does not say
    std::map<std::string, Secret> secret_keys; // by the cache's name
};

// Dhall as cachix writes it: a record of texts and of a list of such records. Anything else that Dhall knows is a usage
// failure that names the line, and repeats nothing of the text.
Result<CachixConfiguration> parse_cachix_configuration(std::string_view text);

// Where cachix has it; empty: there is no home, see configuration_home().
std::filesystem::path cachix_configuration_file(const Environment& environment);

} // namespace cachefill::cache
