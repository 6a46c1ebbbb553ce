#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::cache {

// What attic's own client keeps of a server: `attic login NAME ENDPOINT TOKEN`.
struct AtticServer {
    std::string endpoint; // "https://attic.example.org/", as it stands there
    Secret token;
    std::string token_file; // instead of `token`
};

struct AtticConfiguration {
    std::string default_server;
    std::map<std::string, AtticServer> servers; // by name
};

// What is no TOML, or has something else where attic has a text or a table, is a usage failure that names the line and
// repeats nothing of it. What else stands there is passed over.
Result<AtticConfiguration> parse_attic_configuration(std::string_view text);

// Where attic has it; empty: there is no home, see configuration_home().
std::filesystem::path attic_configuration_file(const Environment& environment);

// That file, which has tokens in it, and those that it names for tokens, whatever server they are of. Of one that
// cannot be read, itself alone.
std::vector<std::filesystem::path> attic_secret_files(const Environment& environment);

} // namespace cachefill::cache
