#include "presence/views.hpp"

#include <algorithm>

namespace cachefill::presence {

using plan::CacheMask;
using plan::PathId;

CacheMask Views::bit_for(std::size_t cache, Need need, const nix::PublicKey& key) {
    for (std::size_t i = 0; i < views_.size(); ++i)
        if (views_[i].cache == cache && views_[i].need == need && views_[i].key == key)
            return plan::bit(plan::first_view + i);
    if (plan::first_view + views_.size() >= plan::mask_bits) {
        is_full_ = true;
        return 0;
    }
    views_.push_back({cache, need, key});
    return plan::bit(plan::first_view + views_.size() - 1);
}

CacheMask Views::judge(std::size_t cache, PathId path, const nix::NarInfo& info) {
    CacheMask mask = anything_goes_ ? bit_for(cache, Need::anything) : 0;
    if (nix::TrustedKeys().believes(info)) return mask | bit_for(cache, Need::none);
    auto fingerprint = info.fingerprint();
    CacheMask by_key = 0;
    for (const auto& signature : info.signatures) {
        auto name = nix::signer(signature);
        bool is_known = false;
        for (const auto& key : keys_) {
            if (key.name != name) continue;
            is_known = true;
            switch (nix::check_signature(fingerprint, signature, key)) {
            case nix::SignatureCheck::good:
                by_key |= bit_for(cache, Need::key, key);
                break;
            case nix::SignatureCheck::no_signature: // whoever trusts this name gives up on the path
                note_stranger(cache, std::string(name), path);
                return mask;
            case nix::SignatureCheck::other:
                break;
            }
        }
        if (!is_known || by_key == 0) unchecked_[{cache, std::string(name)}].push_back(path);
    }
    if (by_key == 0) {
        for (const auto& signature : info.signatures) note_stranger(cache, std::string(nix::signer(signature)), path);
        if (info.signatures.empty()) note_stranger(cache, {}, path);
        if (!anything_goes_) unchecked_[{cache, {}}].push_back(path);
    }
    return mask | by_key;
}

CacheMask Views::counting(std::size_t cache, const nix::TrustedKeys& keys) const {
    auto mask = plan::bit(cache);
    for (std::size_t i = 0; i < views_.size(); ++i) {
        const auto& view = views_[i];
        if (view.cache != cache) continue;
        bool counts = !keys.checks() || view.need == Need::none || (view.need == Need::key && keys.trusts(view.key));
        if (counts) mask |= plan::bit(plan::first_view + i);
    }
    return mask;
}

void Views::learn(const nix::TrustedKeys& keys) {
    auto look_again = [this](const std::string& signer) {
        for (auto& [where, paths] : unchecked_) {
            if (where.second != signer) continue;
            for (auto path : paths) doubtful_.emplace_back(where.first, path);
            paths.clear();
        }
    };
    if (!keys.checks() && !std::exchange(anything_goes_, true)) look_again({});
    for (const auto& key : keys.keys()) {
        if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) continue;
        keys_.push_back(key);
        look_again(key.name);
    }
}

std::vector<std::pair<std::size_t, PathId>> Views::take_doubtful() { return std::exchange(doubtful_, {}); }

CacheMask Views::all_of(std::size_t cache) const { return counting(cache, nix::TrustedKeys::everybody()); }

std::size_t Views::cache_of(std::size_t bit) const {
    return bit < plan::first_view ? bit : views_.at(bit - plan::first_view).cache;
}

CacheMask Views::caches_in(CacheMask mask) const {
    auto caches = mask & plan::every_cache;
    for (std::size_t i = 0; i < views_.size(); ++i)
        if (mask & plan::bit(plan::first_view + i)) caches |= plan::bit(views_[i].cache);
    return caches;
}

std::vector<nix::PublicKey> Views::signers(std::size_t cache) const {
    std::vector<nix::PublicKey> keys;
    for (const auto& view : views_)
        if (view.cache == cache && view.need == Need::key) keys.push_back(view.key);
    return keys;
}

const std::vector<Views::Stranger>& Views::strangers(std::size_t cache) const {
    static const std::vector<Stranger> nobody;
    auto found = strangers_.find(cache);
    return found == strangers_.end() ? nobody : found->second;
}

void Views::note_stranger(std::size_t cache, std::string signer, PathId path) {
    auto& all = strangers_[cache];
    auto known = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.signer == signer; });
    if (known == all.end()) known = all.insert(all.end(), {std::move(signer), path, 0});
    ++known->paths;
}

} // namespace cachefill::presence
