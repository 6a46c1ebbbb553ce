#include "push/path_rules.hpp"

#include "base/text.hpp"
#include "nix/locked_path.hpp"
#include "push/packer.hpp"

#include <algorithm>

namespace cachefill::push {

namespace {

constexpr std::uint64_t most_parts = 9000;
constexpr std::uint64_t part_step = 1 << 20;

} // namespace

std::optional<std::string> reason_to_withhold(const nix::PathInfo& info, bool built_by_this_run,
                                              const PushSettings& settings,
                                              const std::vector<nix::PublicKey>& known_keys) {
    auto withheld = settings.withheld.find(info.path);
    if (withheld != settings.withheld.end()) return withheld->second;
    // The same tree under another name: "${./.}" of a flake is a copy called HASH-source.
    auto original = settings.withheld.find(nix::locked_path(info.nar_hash));
    if (original != settings.withheld.end())
        return "its content is that of " + original->first.to_string() + ": " + original->second;
    // A remote builder's outputs are not `ultimate` here either, but the run knows that it built them.
    if (settings.push_foreign || built_by_this_run || info.ultimate) return {};
    if (nix::content_address_matches(info.path, info.content_address, info.references)) return {};
    auto fingerprint = nix::fingerprint(info.path, info.nar_hash, info.nar_size, info.references);
    if (nix::signed_by_one_of(fingerprint, info.signatures, known_keys)) return {};
    return "it was neither built here nor signed by a key of the cache or of an upstream, and push-foreign is off";
}

std::optional<std::string> find_excluding_pattern(const nix::StorePath& path, const PushSettings& settings) {
    for (const auto& pattern : settings.exclude)
        if (glob_match(pattern, path.name())) return pattern;
    return {};
}

std::string lost_reference_reason(const nix::StorePath& reference, event::PushOutcome outcome) {
    auto what = outcome == event::PushOutcome::withheld ? " is withheld"
                : outcome == event::PushOutcome::failed ? " could not be pushed"
                                                        : " was not pushed";
    return "reference " + reference.to_string() + what;
}

std::uint64_t part_size_for(std::uint64_t nar_size, const PushSettings& settings) {
    auto least = (compressed_bound(nar_size) + most_parts - 1) / most_parts;
    auto rounded = (least + part_step - 1) / part_step * part_step;
    auto wanted = rounded > part_step ? std::max(settings.part_size, rounded) : settings.part_size;
    return std::clamp<std::uint64_t>(wanted, 1, std::max<std::uint64_t>(settings.memory_budget, 1));
}

} // namespace cachefill::push
