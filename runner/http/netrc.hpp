#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::http {

// Credentials by host, in the format that ftp had and curl reads: "machine HOST login NAME password WORD" and "default"
// in any layout, '#' comments, double quotes around words with blanks. Cachix writes entries without a login.
class Netrc {
  public:
    static Netrc parse(std::string_view text);
    // All of them one after the other. A file that is not there is an empty one.
    static Result<Netrc> read(std::span<const std::filesystem::path> files);

    enum class Default { use, ignore };
    // "login:password" of the entries for that host, as Basic authentication wants it: the first file's first, each
    // but once, "default" after all that name the host.
    std::vector<Secret> find(std::string_view host, Default use_default) const;

  private:
    struct Entry {
        std::string host; // lower case; empty: every host
        std::string login;
        Secret password;
    };
    std::vector<Entry> entries_;
};

} // namespace cachefill::http
