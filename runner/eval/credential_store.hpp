#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::eval {

// A helper of git's (credential.helper) that keeps logins in a file, a URL with its login on each line.
struct CredentialStore {
    bool is_known = true; // false: which file it is cannot be told
    std::string file;     // "/…", or "~/…" below the home; empty: the helper's own places
};

// Is this value of credential.helper the helper `store`: by its name, by a path, in a line for the shell? Empty for
// every other one.
std::optional<CredentialStore> credential_store(std::string_view helper);

} // namespace cachefill::eval
