#pragma once

#include "async/signal.hpp"
#include "daemon/fetch_trouble.hpp"
#include "plan/share.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::fill {

// What there is to do, while hosts are still being evaluated, caches asked and builds run. It is fed facts (another
// target, an answer, an input that was fetched or cannot be), is made anew when somebody asks after that, and keeps
// what a later plan no longer holds because it has been done.
class LivePlan {
  public:
    // Both outlive this.
    LivePlan(async::Executor executor, const plan::Graph& graph, plan::Facts& facts)
        : graph_(graph), facts_(facts), changed_(executor) {}

    // What it is for, in the order in which it came; `host` is its number in presence::Upstreams.
    std::size_t add(plan::Target target, std::size_t host);
    const std::vector<plan::Target>& targets() const { return targets_; }
    const std::vector<std::size_t>& hosts() const { return hosts_; } // as targets()
    // Whom each target trusts: `counting` says it of a host by what answers have shown.
    void trust(const std::function<plan::CacheMask(std::size_t)>& counting);
    void count(); // for whom each path counts, by the graph and the answers of now
    // Which caches count for a path: what all targets that reach it trust. Of one learnt of since count(), as a
    // reference, what all targets trust.
    plan::CacheMask counting(plan::PathId path) const;
    const std::vector<plan::CacheMask>& counting() const { return counting_; } // by path, as of count()
    plan::CacheMask trusted_by_all() const;

    // While hosts are evaluated or caches asked there may be more to do than is known.
    void evaluates(bool is_evaluating);
    bool is_evaluating() const { return evaluating_; }
    void question_begins() { ++questions_; }
    void question_ends();
    void become_stale(); // something was learnt; no longer once it has been given up
    void give_up();      // nobody plans any more
    bool is_given_up() const { return given_up_; }
    bool is_stale() const { return stale_; }
    bool is_open() const { return evaluating_ || stale_ || questions_ > 0; }
    async::Task<void> changed() { return changed_.wait(); } // see async::Signal
    void notify_all() { changed_.notify_all(); }

    // From now on plans are the share of this machine, one of several.
    void divide(plan::Division division) { division_ = std::move(division); }
    void make(const plan::Policy& policy); // by what is known now
    const plan::Plan& now() const { return plan_; }
    // It turned out that this target can be fetched although others that share its needs cannot.
    void is_complete_after_all(std::size_t target) { plan_.targets[target].state = plan::TargetState::complete; }

    // What of the plan of now is worth keeping. `why_last`: of a deferred derivation, for a person.
    void keep(const std::function<std::string(const plan::GraphDerivation&)>& why_last);
    std::vector<std::string> targets_of(plan::DerivationId derivation) const; // names
    // Of each target that needs it, what its evaluation read.
    std::vector<std::vector<plan::PathId>> read_for(plan::DerivationId derivation) const;
    std::string why_last(plan::DerivationId derivation) const; // empty: it does not come last

    void note_fetched(plan::PathId path);
    std::uint64_t fetched() const { return fetched_; }
    std::uint64_t fetched_for(std::size_t target) const;
    // An input could not be had. Then it is waited for in vain, or else built.
    void note_unfetchable(plan::PathId path, const daemon::FetchReason& reason, bool builds_all_the_same);
    const std::map<plan::PathId, daemon::FetchReason>& unfetched() const { return unfetched_; } // waited for in vain
    // Served by a cache (its number) that this machine's Nix does not use. True: the first of that cache.
    bool note_lacking(plan::PathId path, std::size_t cache);
    const std::map<plan::PathId, std::size_t>& lacking() const { return lacking_; }

  private:
    const plan::Graph& graph_;
    plan::Facts& facts_;
    async::Signal changed_;
    std::vector<plan::Target> targets_;
    std::vector<std::size_t> hosts_;
    std::vector<plan::CacheMask> counting_;
    std::optional<plan::Division> division_;
    plan::Plan plan_;
    bool evaluating_ = false;
    bool stale_ = false;
    bool given_up_ = false;
    int questions_ = 0; // rounds of them
    std::map<plan::DerivationId, std::vector<std::size_t>> needed_by_;
    std::map<plan::DerivationId, std::string> last_; // why
    std::map<plan::PathId, std::set<std::size_t>> fetched_for_;
    std::vector<std::uint64_t> fetched_by_target_;
    std::uint64_t fetched_ = 0;
    std::map<plan::PathId, daemon::FetchReason> unfetched_;
    std::map<plan::PathId, std::size_t> lacking_;
};

} // namespace cachefill::fill
