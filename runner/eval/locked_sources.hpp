#pragma once

#include "nix/store_path.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::eval {

// The tree of a flake's input, as its lock names it.
struct LockedSource {
    nix::StorePath path;
    std::string place;       // the reference without its revision: "github:NixOS/nixpkgs"
    std::string origin;      // for a person, harmless to print: "the input secrets (git+ssh://git@example.org/x)"
    std::string why_private; // why not everybody can fetch it; empty: everybody can
};

// What gives this machine access that others do not have.
struct PrivateAccess {
    std::function<bool(const std::string& host)> has_login; // by a netrc entry that names the host. May be empty.
    // A netrc is there that cannot be read, or not to its end: it may have a login for any host.
    bool has_unseen_logins = false;
    std::vector<std::string> tokens =
        {}; // what access-tokens are for: "github.com", "github.com/owner", "git.example.org"
    // Why a repository may be private that git fetches from this URL; empty: nothing says so. May be empty.
    std::function<std::string(const std::string& url)> why_by_git = {};
    // Where git is led that is told this URL, perhaps to the same. May be empty.
    std::function<std::string(const std::string& url)> rewritten_by_git = {};
    // The same of what Mercurial fetches, wherever from. May be empty.
    std::function<std::string()> why_by_hg = {};
    // Where the files of a path of the store are. May be empty; then nothing is known of a tree's submodules.
    std::function<std::filesystem::path(const nix::StorePath& path)> tree = {};
};

// Of a flake.lock (versions 5 to 7), all inputs, those of inputs too; the flake's own tree is none of them. Of inputs
// without a hash (older Nix and other tools leave it out) those of which `archive` tells the path, what
// `nix flake archive --json` printed. Nothing for what is no lock. A token for github.com, gitlab.com or git.sr.ht as a
// whole is taken to be for their limits, not for a private repository.
std::vector<LockedSource> locked_sources(std::string_view lock, const PrivateAccess& access,
                                         std::string_view archive = {});

} // namespace cachefill::eval
