#pragma once

#include "nix/trusted_keys.hpp"
#include "plan/facts.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cachefill::presence {

// Hosts trust different keys, so whether a path is present in a cache depends on who looks. A mask therefore has a bit
// for each cache, which says that it has been asked, and above those (plan::first_view) bits for what was found there:
// served with a signature by one key, served without need of any, served at all. They are given out as narinfos show
// which keys a cache really signs with: one or two for each. Whom a host trusts is a mask as well, and what several
// hosts trust is the intersection of theirs. Pure.
class Views {
  public:
    // In whose eyes is the path there whose narinfo `cache` serves? Signatures can be checked by keys that were learnt.
    plan::CacheMask judge(std::size_t cache, plan::PathId path, const nix::NarInfo& info);
    // What of `cache` counts for somebody with these keys: that it is asked, and what they believe. Grows with what is
    // learnt, so ask again after answers have come.
    plan::CacheMask counting(std::size_t cache, const nix::TrustedKeys& keys) const;

    // Somebody trusts these keys, or (everybody()) needs none.
    void learn(const nix::TrustedKeys& keys);
    const std::vector<nix::PublicKey>& known_keys() const { return keys_; }
    // Paths judged when the key that signed them was not known yet: ask these caches again. Taken once.
    std::vector<std::pair<std::size_t, plan::PathId>> take_doubtful();

    plan::CacheMask all_of(std::size_t cache) const; // the cache's own bit, and its views'
    std::size_t cache_of(std::size_t bit) const;
    // The caches in a mask, by their own bits or by a view.
    plan::CacheMask caches_in(plan::CacheMask mask) const;
    // The keys that were seen to have signed something there.
    std::vector<nix::PublicKey> signers(std::size_t cache) const;
    std::size_t size() const { return views_.size(); }
    bool is_full() const { return is_full_; } // something had to be left out

    // The names in which something that nobody believes is signed there, and a path of it; empty: nothing is.
    struct Stranger {
        std::string signer; // empty: not signed at all
        plan::PathId example;
        std::size_t paths = 0;
    };
    const std::vector<Stranger>& strangers(std::size_t cache) const;

  private:
    enum class Need { key, none, anything }; // that a believer has
    struct View {
        std::size_t cache;
        Need need;
        nix::PublicKey key;
    };
    plan::CacheMask bit_for(std::size_t cache, Need need, const nix::PublicKey& key = {});
    void note_stranger(std::size_t cache, std::string signer, plan::PathId path);

    std::vector<View> views_; // their bits from plan::first_view on
    std::vector<nix::PublicKey> keys_;
    bool anything_goes_ = false; // for somebody
    bool is_full_ = false;
    std::map<std::size_t, std::vector<Stranger>> strangers_;
    std::map<std::pair<std::size_t, std::string>, std::vector<plan::PathId>> unchecked_; // by cache and signer
    std::vector<std::pair<std::size_t, plan::PathId>> doubtful_;
};

} // namespace cachefill::presence
