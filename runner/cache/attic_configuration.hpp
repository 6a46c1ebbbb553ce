#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

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

// TOML as far as attic writes it and people do by hand: tables, inline tables, dotted and quoted keys, strings on one
// line; numbers, dates and truth values are passed over. Anything else is a usage failure that names the line, and
// repeats nothing of the text.
Result<AtticConfiguration> parse_attic_configuration(std::string_view text);

// Where attic has it; empty: there is no home, see configuration_home().
std::filesystem::path attic_configuration_file(const Environment& environment);

} // namespace cachefill::cache
