#include "fill/sources.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "http/netrc.hpp"
#include "nix/locked_path.hpp"
#include "nix/signature.hpp"
#include "presence/nix_configuration.hpp"
#include "presence/source.hpp"
#include "presence/upstreams.hpp"
#include "session/hg_configuration.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace cachefill::fill {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_flake = 1 << 20, longest_lock = 16 << 20;

bool describes_machines(const fs::path& flake) {
    auto text = read_file(flake, longest_flake);
    constexpr std::array words{"nixosConfigurations", "darwinConfigurations", "homeConfigurations"};
    return text &&
           std::any_of(words.begin(), words.end(), [&](const char* word) { return text->find(word) != text->npos; });
}

// What a tree is by the flakes in it, wherever they lie: `?dir=` may lead to any folder.
enum class Holds { no_flake, flake, machines, unknown };

// Unknown: there is more in it than `most_entries`, or something that cannot be read.
Holds look_for_flakes(const fs::path& tree, std::size_t most_entries) {
    std::error_code failed;
    if (auto status = fs::symlink_status(tree, failed); !fs::is_directory(status)) return Holds::no_flake;
    auto found = Holds::no_flake;
    fs::recursive_directory_iterator entry(tree, failed), end;
    for (std::size_t seen = 0; !failed && entry != end; entry.increment(failed)) {
        if (++seen > most_entries) return found == Holds::no_flake ? Holds::unknown : found;
        if (entry->path().filename() != "flake.nix") continue;
        if (describes_machines(entry->path())) return Holds::machines;
        found = Holds::flake;
    }
    return failed && found == Holds::no_flake ? Holds::unknown : found;
}

std::string reason(const eval::LockedSource& source) {
    return "it is the source of " + source.origin + ", which not everybody can fetch: " + source.why_private +
           std::string(unless_allowed);
}

} // namespace

bool is_source(const nix::PathInfo& info) {
    if (info.ultimate || info.content_address.empty()) return false;
    if (info.signatures.empty()) return true;
    const std::vector<nix::PublicKey> everybodys{nix::PublicKey::parse(presence::nixos_key).value()};
    auto fingerprint = nix::fingerprint(info.path, info.nar_hash, info.nar_size, info.references);
    return !nix::signed_by_one_of(fingerprint, info.signatures, everybodys);
}

eval::PrivateAccess private_access(const session::Session& session) {
    eval::PrivateAccess access;
    const auto& nix = session.nix();
    for (auto entry : split_words(nix.access_tokens.reveal()))
        access.tokens.emplace_back(entry.substr(0, entry.find('=')));
    auto files = presence::find_netrc_files(&nix, session.environment());
    auto netrc = http::Netrc::read(files.readable);
    access.has_unseen_logins = !netrc || !netrc->is_whole() || !files.unreadable.empty();
    if (netrc)
        access.has_login = [logins = std::make_shared<http::Netrc>(std::move(*netrc))](const std::string& host) {
            return logins->names(host);
        };
    access.why_by_git = [&session](const std::string& url) { return session.git_logins().why_private(url); };
    access.why_by_hg = [&session] { return session::why_hg_is_private(session.environment()); };
    access.rewritten_by_git = [&session](const std::string& url) { return session.git_logins().rewritten(url); };
    access.tree = [&session](const nix::StorePath& path) { return session.endpoint().physical(path); };
    return access;
}

void PublicSources::add_lock(std::string_view lock, std::string_view archive) {
    for (auto& source : eval::locked_sources(lock, access_, archive)) {
        auto path = source.path;
        auto known = inputs_.find(path);
        // The same tree by two ways: whoever writes a lock may claim of any tree that everybody has it.
        if (known == inputs_.end() || !source.why_private.empty())
            inputs_.insert_or_assign(std::move(path), std::move(source));
    }
}

void PublicSources::add_flake(const fs::path& folder) {
    if (auto lock = read_file(folder / "flake.lock", longest_lock)) add_lock(*lock);
}

std::unordered_map<nix::StorePath, std::string> PublicSources::withheld() const {
    std::unordered_map<nix::StorePath, std::string> withheld;
    for (const auto& [path, source] : inputs_)
        if (!source.why_private.empty()) withheld.emplace(path, reason(source));
    return withheld;
}

std::vector<nix::StorePath> PublicSources::public_inputs() const {
    std::vector<nix::StorePath> paths;
    for (const auto& [path, source] : inputs_)
        if (source.why_private.empty()) paths.push_back(path);
    return paths;
}

std::vector<std::string> PublicSources::private_origins() const {
    std::vector<std::string> origins;
    for (const auto& [path, source] : inputs_)
        if (!source.why_private.empty()) origins.push_back(source.origin);
    std::sort(origins.begin(), origins.end());
    return origins;
}

std::optional<std::string> PublicSources::reason_to_withhold(const nix::PathInfo& info, const fs::path& tree) const {
    if (!is_source(info)) return {};
    auto known = inputs_.find(info.path);
    if (known == inputs_.end()) known = inputs_.find(nix::locked_path(info.nar_hash)); // a copy under another name
    if (known != inputs_.end()) {
        if (known->second.why_private.empty()) return {};
        return reason(known->second);
    }
    if (is_known_nixpkgs(info.path, tree)) return {};
    switch (look_for_flakes(tree, most_entries_)) {
    case Holds::no_flake:
        return {};
    case Holds::machines:
        return "it is the source of a flake with machines" + std::string(unless_allowed);
    case Holds::flake:
        return "it is the source of a flake that no lock known here (of NH_FLAKE, this folder or /etc/nixos) names as "
               "an input that everybody can fetch" +
               std::string(unless_allowed);
    case Holds::unknown:
        break;
    }
    return "it is a source that no lock known here names, and whether there is a flake in it cannot be told: it has "
           "more files than are looked through, or some that cannot be read" +
           std::string(unless_allowed);
}

// Every NixOS since 24.05 refers to the nixpkgs that it was made from, and the flake that names it is often somewhere
// else; its source, though, was copied into the store for the evaluation.
bool PublicSources::is_known_nixpkgs(const nix::StorePath& path, const fs::path& tree) const {
    std::error_code ignored;
    if (!fs::exists(tree / "nixos/lib/eval-config.nix", ignored)) return false;
    fs::directory_iterator entry(tree.parent_path(), ignored), end;
    for (; !ignored && entry != end; entry.increment(ignored)) {
        if (!entry->path().native().ends_with("-source")) continue;
        auto lock = read_file(entry->path() / "flake.lock", longest_lock);
        if (!lock) continue;
        for (const auto& source : eval::locked_sources(*lock, access_))
            if (source.path == path && source.why_private.empty() && source.place == "github:NixOS/nixpkgs")
                return true;
    }
    return false;
}

} // namespace cachefill::fill
