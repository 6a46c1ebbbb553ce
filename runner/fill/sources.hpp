#pragma once

#include "eval/locked_sources.hpp"
#include "nix/path_info.hpp"
#include "session/session.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cachefill::fill {

// The end of every sentence that says why a source is withheld.
inline constexpr std::string_view unless_allowed = ", and the cache is public (allow-source)";

// Copied into the store by evaluation: not built, and not fetched from the cache that everybody has. Any other
// signature may be our own, or that of a cache of ours.
bool is_source(const nix::PathInfo& info);

// What gives this machine access to sources that others cannot fetch.
eval::PrivateAccess private_access(const session::Session& session);

// Which sources may go to a public cache: those that everybody can fetch anyway.
class PublicSources {
  public:
    // In a tree that no lock names so many files and folders are looked at; whether more of them hold a flake cannot be
    // told. (nixpkgs has about 100 000.)
    static constexpr std::size_t enough_entries = 500'000;

    explicit PublicSources(eval::PrivateAccess access, std::size_t most_entries = enough_entries)
        : access_(std::move(access)), most_entries_(most_entries) {}

    // What the inputs of a flake are, by its lock and by what `nix flake archive` says of it, if that is known.
    void add_lock(std::string_view lock, std::string_view archive = {});
    // The same, of a flake in this folder; nothing if it has no lock.
    void add_flake(const std::filesystem::path& folder);

    // Inputs that not everybody can fetch, with the reason a person reads.
    std::unordered_map<nix::StorePath, std::string> withheld() const;
    std::vector<nix::StorePath> public_inputs() const;
    std::vector<std::string> private_origins() const; // what they are, for a person
    // Why this valid path, whose files are at `tree`, must stay here; empty: it may go. Of a source that no lock names:
    // it must if there is a flake in it, however deep, or if that cannot be told, whatever it says and whoever signed
    // it but cache.nixos.org, as only its owner can tell. What looks like nixpkgs may go if a lock in the same store
    // says that it is.
    std::optional<std::string> reason_to_withhold(const nix::PathInfo& info, const std::filesystem::path& tree) const;

  private:
    bool is_known_nixpkgs(const nix::StorePath& path, const std::filesystem::path& tree) const;

    eval::PrivateAccess access_;
    std::size_t most_entries_;
    std::unordered_map<nix::StorePath, eval::LockedSource> inputs_;
};

} // namespace cachefill::fill
