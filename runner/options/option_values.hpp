#pragma once

#include "base/result.hpp"
#include "options/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

// What an option's values mean, where that takes more than a line (options.cpp has the table). Each takes all values
// that were given (at least one) and replaces what the settings said before; a usage failure says what would be usable.
namespace cachefill::options {

using OptionValues = std::vector<std::string>;

Failure unusable(std::string_view value, std::string_view expected);

// A cache to fill: of a Cachix cache the name, also where its address (https://NAME.cachix.org, as it stands in
// nix.conf) or the address of its page is given: by name it has a public key and a place to push. Anything else as it
// is.
std::string cachix_name_in(const std::string& cache);

// Refuses an address with a login where no address is expected, before anything repeats it.
Result<void> without_login(const std::vector<std::string>& values);

// NAME:BASE64, as Nix reads it.
Result<void> apply_public_keys(Settings& settings, const OptionValues& values);
// CACHE, or read:CACHE and push:URL.
Result<void> apply_cache(Settings& settings, const OptionValues& values);
// A cache that is believed without a signature (?trusted=1)?
bool names_trusted_cache(const std::string& value);
// CAUSE…, or none alone.
Result<void> apply_fail_on(Settings& settings, const OptionValues& values);
// GLOB or SYSTEM:GLOB.
Result<void> apply_defer(Settings& settings, const OptionValues& values);
// SYSTEM, or a glob on systems.
Result<void> apply_systems(Settings& settings, const OptionValues& values);
// SYSTEM:LABEL.
Result<void> apply_runners(Settings& settings, const OptionValues& values);
// NAME=URI,push=URL,token-file=FILE,signing-key-file=FILE,optional.
Result<void> apply_push_caches(Settings& settings, const OptionValues& values);
// How long ago (2h, 3d), a day or a moment.
Result<void> apply_since(Settings& settings, const OptionValues& values);

} // namespace cachefill::options
