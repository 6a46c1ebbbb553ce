#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::http {

// Credentials by host, in the format that ftp had and curl reads: "machine HOST login NAME password WORD" and "default"
// in any layout, '#' comments, double quotes around words with blanks. Cachix writes entries without a login.
class Netrc {
  public:
    static Netrc parse(std::string_view text);
    // A file that is not there is an empty one.
    static Result<Netrc> read(const std::filesystem::path& path);

    enum class Default { use, ignore };
    // "login:password" of the first entry for that host, as Basic authentication wants it.
    std::optional<Secret> find(std::string_view host, Default use_default) const;

  private:
    struct Entry {
        std::string host; // lower case; empty: every host
        std::string login;
        Secret password;
    };
    std::vector<Entry> entries_;
};

} // namespace cachefill::http
