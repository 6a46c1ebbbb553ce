#pragma once

#include "app/session.hpp"
#include "eval/evaluator.hpp"
#include "presence/judge.hpp"

#include <set>
#include <string>
#include <vector>

namespace cachefill::app {

// Is it one that upstreams.ignore names, by its URL or its host?
bool is_ignored_cache(const Settings& settings, const std::string& url);

// Which caches and keys a target's consumers trust. Grows with every evaluated host; each new cache is added to
// the judge.
class Upstreams {
  public:
    // Adds the caches given by --upstream. A URI that is none is a usage failure.
    static Result<Upstreams> make(Session& session, presence::Judge& presence);

    // The caches that count for this target, the own one always among them. With nix.settings of its own: those it
    // names. Without: those given, and cache.nixos.org.
    plan::CacheMask trusted_by(const eval::EvaluatedTarget& target);

    // Does the target's own configuration name the cache we fill, and one of its keys? True when it has none to ask.
    bool trusts_own_cache(const eval::EvaluatedTarget& target) const;
    // The lines its owner would add.
    std::vector<std::string> trust_advice() const;

    // Those from which this machine's daemon will really fetch, with keys it trusts. If it trusts us we may name more.
    plan::CacheMask fetchable_here() const;
    // What to tell a daemon that trusts us, so that it fetches from all of ours.
    std::map<std::string, std::string> fetch_overrides() const;

  private:
    Upstreams(Session& session, presence::Judge& presence) : session_(session), presence_(presence) {}
    // Its number in the judge; empty if it does not count (ignored, unusable, too many).
    std::optional<std::size_t> number_of(const std::string& url, const std::vector<nix::PublicKey>& keys);
    bool is_own(const std::string& canonical) const;

    Session& session_;
    presence::Judge& presence_;
    std::set<std::string> said_;
};

} // namespace cachefill::app
