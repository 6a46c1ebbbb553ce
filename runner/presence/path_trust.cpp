#include "presence/path_trust.hpp"

#include "base/text.hpp"
#include "presence/views.hpp"

#include <algorithm>
#include <unordered_map>

namespace cachefill::presence {

using plan::CacheMask;
using plan::PathId;

namespace {

// In the masks that plan::counting_caches works out here, bits stand for keys. It takes the own cache's bit for
// granted.
constexpr std::size_t anything = 1; // no signature is needed
constexpr std::size_t first_key = 2;

} // namespace

void PathTrust::update(const std::vector<plan::Target>& targets, const std::vector<std::size_t>& hosts,
                       bool all_known) {
    known_ = judge_.own_keys();
    for (const auto& key : judge_.views().known_keys())
        if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
    // The rest counts for nobody: on the safe side.
    known_.resize(std::min(known_.size(), plan::mask_bits - first_key));
    auto early = all_known ? std::vector<nix::PublicKey>() : upstreams_.keys_counting_early();
    CacheMask allowed = all_known ? plan::all_caches : plan::bit(plan::own_cache);
    for (std::size_t k = 0; k < known_.size(); ++k)
        if (k < judge_.own_keys().size() || std::find(early.begin(), early.end(), known_[k]) != early.end())
            allowed |= plan::bit(first_key + k);
    auto by_key = targets;
    of_all_ = allowed;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        auto& mask = by_key[i].trusted_caches = plan::bit(plan::own_cache);
        if (!upstreams_.host(hosts[i]).keys.checks()) mask |= plan::bit(anything);
        for (std::size_t k = 0; k < known_.size(); ++k)
            if (k < judge_.own_keys().size() || upstreams_.trusts(hosts[i], known_[k]))
                mask |= plan::bit(first_key + k);
        mask &= allowed;
        of_all_ &= mask;
    }
    by_path_ = plan::counting_caches(graph_, facts_, by_key);
}

CacheMask PathTrust::mask_of(const nix::StorePath& path) const {
    auto id = graph_.find(path);
    if (!id || plan::index(*id) >= by_path_.size()) return of_all_;
    auto mask = by_path_[plan::index(*id)];
    return mask == plan::all_caches ? of_all_ : mask;
}

std::vector<nix::PublicKey> PathTrust::keys(const nix::StorePath& path) const {
    std::vector<nix::PublicKey> keys;
    auto mask = mask_of(path);
    for (std::size_t k = 0; k < known_.size(); ++k)
        if (mask & plan::bit(first_key + k)) keys.push_back(known_[k]);
    return keys;
}

std::vector<nix::StorePath> PathTrust::to_fetch_before(const nix::StorePath& path,
                                                       const std::vector<CacheMask>& counting) const {
    std::vector<nix::StorePath> before;
    auto top = graph_.find(path);
    if (!top) return before;
    auto caches_of = [&](PathId id) {
        return plan::index(id) < counting.size() ? counting[plan::index(id)] : plan::all_caches;
    };
    auto differ = [&](PathId one, PathId other) {
        return caches_of(one) != caches_of(other) || mask_of(graph_.path(one)) != mask_of(graph_.path(other));
    };
    enum class Seen { met, wanted };
    std::unordered_map<std::uint32_t, Seen> seen;
    struct Step {
        PathId id;
        std::size_t next = 0; // of its references
    };
    std::vector<PathId> left; // references before what refers to them
    std::vector<Step> walk{{*top}};
    seen.emplace(plan::index(*top), Seen::met);
    while (!walk.empty()) {
        auto& step = walk.back();
        const auto& references = facts_.of(step.id).references;
        if (step.next == references.size()) {
            left.push_back(step.id);
            walk.pop_back();
            continue;
        }
        auto reference = references[step.next++];
        if (facts_.of(reference).valid_here == true) continue;
        auto [it, is_new] = seen.emplace(plan::index(reference), Seen::met);
        if (differ(step.id, reference)) it->second = Seen::wanted;
        if (is_new) walk.push_back({reference});
    }
    for (auto id : left)
        if (seen.at(static_cast<std::uint32_t>(plan::index(id))) == Seen::wanted) before.push_back(graph_.path(id));
    return before;
}

std::string PathTrust::doubt(const nix::PathInfo& info) const {
    if (info.ultimate || (mask_of(info.path) & plan::bit(anything))) return {};
    if (nix::content_address_matches(info.path, info.content_address, info.references)) return {};
    if (info.signatures.empty()) return "it is valid on this machine without a signature, and was not built here";
    auto fingerprint = nix::fingerprint(info.path, info.nar_hash, info.nar_size, info.references);
    if (nix::signed_by_one_of(fingerprint, info.signatures, keys(info.path))) return {};
    std::vector<std::string> names;
    for (const auto& signature : info.signatures) {
        auto name = sanitize(nix::signer(signature));
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return "it is valid on this machine only by the word of " + join(names, ", ") +
           ", whom not everybody who needs it trusts";
}

} // namespace cachefill::presence
