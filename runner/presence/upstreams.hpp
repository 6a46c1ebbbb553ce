#pragma once

#include "base/given_url.hpp"
#include "cache/cache_uri.hpp"
#include "presence/host_trust.hpp"
#include "presence/judge.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::event {
class Sink;
}

namespace cachefill::presence {

inline constexpr std::string_view nixos_cache = "https://cache.nixos.org";
inline constexpr std::string_view nixos_key = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

// What a user decides about caches to read.
struct UpstreamRules {
    std::vector<GivenUrl> given;                  // --upstream
    std::vector<std::string> trusted_public_keys; // of caches that do not tell theirs
    bool from_hosts = true;                       // what hosts name themselves counts for them
    bool count_given = false;                     // the given ones count for every host, trusted there or not
    std::vector<std::string> ignore;              // globs on URLs and hosts: never asked
    std::set<std::string> excluded;               // canonical URLs that never count, without a word
    // What users put into their configuration to read the own cache, and the keys it tells.
    std::string own_substituter;
    std::vector<nix::PublicKey> own_keys;
    MachineTrust machine;
    bool machine_obeys = false;    // its daemon trusts us: it fetches from whatever we name
    bool machine_may_obey = false; // … as far as is known
};

// Is it one that `ignore` names, by its URL or its host?
bool is_ignored(const std::vector<std::string>& ignore, const std::string& url);

// Which caches count for whom: those that a host's Nix will ask, as far as it believes what they sign. Grows with every
// evaluated host, whose caches are added to the judge's.
class Upstreams {
  public:
    using Make = std::function<std::unique_ptr<cache::BinaryCache>(const cache::CacheUri&)>;
    // Adds the given ones. A usage failure for a URI or a key that is none. The judge has its own cache already.
    static Result<Upstreams> make(Judge& judge, UpstreamRules rules, Make make_cache, event::Sink& sink);

    // Its number here. `is_wanted`: its caches are added; else only those that are there already count for it.
    std::size_t add_host(std::string name, const std::optional<nix::CacheSettings>& says, bool is_wanted = true);
    const HostTrust& host(std::size_t number) const { return hosts_[number].trust; }
    // What counts for this host, the own cache always. Grows with what the caches' answers show.
    plan::CacheMask counting(std::size_t host) const;
    // Substituters of it that cannot be asked here, harmless to print: s3://, ssh://, what is no address.
    const std::vector<std::string>& not_asked(std::size_t host) const { return hosts_[host].not_asked; }

    // Does the host's own configuration name the cache we fill, and a key of it? True when it says nothing of caches.
    bool trusts_own_cache(std::size_t host) const;
    // Once narinfos have been asked for: does it believe what the own cache serves of these paths, where nothing else
    // that it asks serves them?
    bool believes_own_cache(std::size_t host, const std::vector<plan::PathId>& paths, const plan::Facts& facts) const;
    // The lines its owner would add.
    std::vector<std::string> advice_for_own_cache(std::size_t host) const;

    // A given upstream that is of no use for some hosts, because they do not ask it or do not believe it.
    struct Uncounted {
        std::size_t cache;
        plan::CacheMask counting; // what is there in the eyes of those who trust it
        std::vector<std::size_t> hosts;
    };
    std::vector<Uncounted> uncounted() const;
    std::vector<std::string> advice_for(std::size_t cache, std::size_t host) const;

    // Would this host believe what the key signs? The own cache's keys always count.
    bool trusts(std::size_t host, const nix::PublicKey& key) const;

    // Those from which this machine's daemon will really fetch, as far as it believes them.
    plan::CacheMask fetchable_here() const;
    // What nearly every host counts, as long as not all hosts are known: the own cache, cache.nixos.org, and given ones
    // that count for all.
    plan::CacheMask counting_early() const;
    std::vector<nix::PublicKey> keys_counting_early() const;
    // What to tell the daemon, so that it fetches from these caches and believes these keys, and no others: only which
    // of its own substituters, if it does not trust us.
    std::map<std::string, std::string> fetch_overrides(plan::CacheMask caches,
                                                       const std::vector<nix::PublicKey>& keys) const;

  private:
    // One of a host's substituters, as far as it can be asked.
    struct Ask {
        std::size_t cache;
        bool believes_all; // ?trusted=1
    };
    struct Host {
        HostTrust trust;
        std::vector<Ask> asks; // the own cache among them if it is named
        std::vector<std::string> not_asked;
        bool by_machine = false;      // asks what the machine asks, of which the given upstreams are taken to be a part
        bool by_machine_keys = false; // … and believes whom that believes
    };
    Upstreams(Judge& judge, UpstreamRules rules, Make make_cache, event::Sink& sink);
    std::optional<std::size_t> find(const std::string& text) const;
    // The number of a cache in the judge, added if need be; empty if it does not count (ignored, unusable, too many).
    std::optional<std::size_t> number_of(const std::string& text);
    nix::TrustedKeys given_trust(std::size_t cache) const;
    bool is_given(std::size_t cache) const;
    bool names_own_cache(const Host& host) const;
    plan::CacheMask asked_by(const Host& host, std::size_t cache) const;
    plan::CacheMask asked_by_machine() const;
    std::vector<nix::PublicKey> own_keys() const;
    std::vector<std::string> advice(const Host& host, const std::string& url, bool is_asked,
                                    const std::vector<nix::PublicKey>& keys) const;

    Judge* judge_;
    UpstreamRules rules_;
    Make make_cache_;
    event::Sink* sink_;
    std::vector<Ask> given_;
    std::vector<Host> hosts_;
    std::set<std::string> said_;
};

} // namespace cachefill::presence
