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
// in any layout and case, '#' comments before any word, double quotes around words with blanks, in which \n, \r, \t and
// \" are known. Cachix writes entries without a login.
class Netrc {
  public:
    static Netrc parse(std::string_view text);
    // All of them one after the other. A file that is not there, or that we may not read, is an empty one, as for curl.
    static Result<Netrc> read(std::span<const std::filesystem::path> files);

    enum class Default { use, ignore };
    // "login:password" of the entries with a password for that host (and `login`, if it is not empty), as Basic
    // authentication wants it: the first file's first, each but once, "default" after all that name the host. A usage
    // failure if there is none before the place where a file cannot be understood.
    Result<std::vector<Secret>> find(std::string_view host, Default use_default, std::string_view login = {}) const;

    // Is a login or a password (curl sends either alone) there for that host, in an entry that names it?
    bool names(std::string_view host) const;
    // False: a file, or the rest of one, could not be read, and may name any host.
    bool is_whole() const { return !is_broken_ && !is_unreadable_; }

    // Those of all hosts, also with one half alone ("login:", ":password").
    std::vector<Secret> all() const;

    // What is wrong with the texts, a sentence each with its line, and without any word of them.
    const std::vector<std::string>& remarks() const { return remarks_; }

  private:
    friend class NetrcReader;
    struct Entry {
        std::optional<std::string> host; // lower case; without one: every host
        std::string login;
        std::optional<Secret> password;
        bool holds_something() const { return !login.empty() || password; }
    };
    std::vector<Entry> entries_;
    std::vector<std::string> remarks_;
    bool is_broken_ = false, is_unreadable_ = false;
    std::string broken_at_; // the remark that says where reading ended
};

// Such a login as Basic authentication sends it: in base 64, here without the padding.
std::string in_base64(const Secret& login);

} // namespace cachefill::http
