#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// Files of this user that hold tokens: those that `cachefill login` stores, and what other programs left.
namespace cachefill::cache {

struct FoundToken {
    Secret token;
    std::string source; // for people: "the file /home/kim/.config/cachefill/tokens/CACHIX_AUTH_TOKEN_TEAM"
};

// $XDG_CONFIG_HOME or ~/.config. Empty: there is none, or nothing there counts, because a step of GitHub Actions goes
// by what it was handed.
std::filesystem::path configuration_home(const Environment& environment);

// A file of secrets: a regular one, of this user or root, that nobody else may read; at most `longest_token_file`
// bytes. Empty: there is none. `follow`: it may be a link, as what manages homes makes it.
enum class Links { follow, refuse };
inline constexpr std::uint64_t longest_token_file = 64 << 10;
Result<std::optional<std::string>> read_private_file(const std::filesystem::path& file, Links links);

// A file of secrets that a person named, in a variable or a configuration: of this user or root, and nobody else may
// write to it. It may be a link, or a pipe as "<(command)" gives one. A token's may be read by its group (systemd's
// credentials, sops), but not by everybody; a key's may, as Nix has it. Missing: a failure.
enum class SecretKind { token, signing_key };
Result<std::string> read_named_secret(const std::filesystem::path& file, SecretKind kind);

// One word of printable characters; else a usage failure that says of `where` what is wrong, and nothing of the token.
Result<Secret> parse_token(std::string_view text, const std::string& where);

// A token in a variable, or in the file that the other variable names. Empty: in neither. What cannot be read, or is no
// token, is a usage failure that names the variable.
Result<std::optional<Secret>> find_token_in(const Environment& environment, const std::string& variable,
                                            const std::string& file_variable = {});

// A stored token is a file in the configuration home's cachefill/tokens, called like the variable that would hold it.
std::filesystem::path token_file(const Environment& environment, const std::string& variable);
Result<std::optional<FoundToken>> find_stored_token(const Environment& environment, const std::string& variable);
// In a directory that only this user may look into, replaced in one step; where that is.
Result<std::filesystem::path> store_token(const Environment& environment, const std::string& variable,
                                          const Secret& token);
// False: there was none.
Result<bool> forget_token(const Environment& environment, const std::string& variable);

} // namespace cachefill::cache
