#pragma once

#include "build/ready_builds.hpp"
#include "plan/plan.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace cachefill::build {

// Which derivation next, which path to fetch next, what a failure blocks. Pure state without I/O: fed with plans and
// outcomes, asked for work. Order: the derivation that heads the longest remaining chain first; those that the plan
// puts last only when nothing else runs, is ready or could become so. What a build needs is fetched when nothing else
// is in its way any more; and ahead for one build of those that wait for a running one alone, the most urgent, so that
// a slot need not wait for downloads. So whatever a failure blocks costs few of them.
class Scheduler {
  public:
    explicit Scheduler(const plan::Graph& graph) : graph_(graph) {}

    // Takes over what is new in a plan. Builds that are running or finished keep their state; those still waiting get
    // the plan's newest inputs, since a fetch may have become a build in the meantime. Returns those that have failed
    // at once, because they have a flaw or failed elsewhere, and those that are blocked by what failed before, in the
    // plan's order. What others build instead of this machine is forgotten, unless it runs or has ended. Whatever this
    // machine can build and costs little is for this machine alone; what compiles, for whoever is free.
    std::vector<plan::DerivationId> update(const plan::Plan& plan, const std::vector<plan::BuildAbility>& machines);

    // Up to `limit` ready builds for one request. More than one only if all are cheap and others are left for the other
    // slots of `machine`, a number in update()'s list: a request's results come together. `nothing_else_comes`: no
    // further plan is expected, so that what comes last may have its turn.
    std::vector<plan::DerivationId> take_builds(std::size_t machine, std::size_t limit, std::size_t slots,
                                                bool nothing_else_comes = true);
    // Of those ready for `machine` the one after whose end most can be deleted, if anything. `deletable_bytes` of a
    // derivation: of its outputs, once nobody needs them; what several still need counts in part for each.
    std::optional<plan::DerivationId>
    take_to_free_room(std::size_t machine, const std::function<std::uint64_t(plan::DerivationId)>& deletable_bytes);
    // Those ready that nobody but such machines could build. They count as running.
    std::vector<plan::DerivationId> take_stranded(const std::function<bool(std::size_t machine)>& is_lost);
    // Of one that runs: another machine than this one is to have it from now on. False: no other could.
    bool exclude(plan::DerivationId id, std::size_t machine);
    const Crew& crew(plan::DerivationId id) const { return nodes_.at(id).crew; }
    // `is_its_turn`, if given, says whether a path may be fetched now; others are passed over.
    std::optional<plan::PathId> take_fetch(bool nothing_else_comes = true,
                                           const std::function<bool(plan::PathId)>& is_its_turn = {});

    // Another machine builds it, unless an update() says otherwise: it is not taken from here on, and whatever needs it
    // waits for that update. False: it is no longer waiting, or not known.
    bool hold(plan::DerivationId id);

    void build_succeeded(plan::DerivationId id);
    // Everything that depends on it, transitively, is now blocked; returns those that were not before.
    std::vector<plan::DerivationId> build_failed(plan::DerivationId id);
    // Back to waiting, for instance because the daemon went away under it. `alone`: it shares no request from now on.
    void build_returned(plan::DerivationId id, bool alone = false);
    void fetch_succeeded(plan::PathId path);
    // What was built is no longer in the store. It is built again if a newer plan says so.
    void build_deleted(plan::DerivationId id);
    // The builds that need it wait until an update() brings another way.
    void fetch_failed(plan::PathId path);
    void fetch_returned(plan::PathId path);

    enum class State { waiting, running, built, deleted, failed, blocked };
    std::optional<State> state(plan::DerivationId id) const;
    // The derivation whose failure blocks this one.
    std::optional<plan::DerivationId> blocker(plan::DerivationId id) const;
    const plan::PlannedBuild* planned(plan::DerivationId id) const;

    // Nothing runs and nothing could start.
    bool is_idle() const { return running_ == 0 && running_fetches_ == 0 && !has_ready() && fetch_queue_.empty(); }
    bool has_ready() const { return !ready_.is_empty(false) || !ready_.is_empty(true); }
    std::size_t running() const { return running_; }
    bool is_fetching() const { return running_fetches_ > 0; }
    std::size_t ready() const { return ready_.size(); } // builds that a slot could take
    std::vector<plan::DerivationId> unfinished() const; // waiting or running
    // A fetch that has failed and that this one, or what it needs, still waits for.
    std::optional<plan::PathId> failed_fetch_before(plan::DerivationId id) const;
    // Does a build that has not ended need this path as an input?
    bool is_needed(plan::PathId path) const;

  private:
    struct Node {
        plan::PlannedBuild build;
        std::vector<plan::DerivationId> after;
        State state = State::waiting;
        Crew crew;                         // whoever could build it, but those excluded
        std::vector<std::size_t> excluded; // machines that have failed at it
        bool cheap = false;
        bool alone = false; // shares no request
        bool held = false;  // until another plan comes
        bool ahead = false; // its inputs are fetched while what it waits for runs
        std::optional<plan::DerivationId> blocker;
    };
    enum class FetchState { queued, running, done, failed };
    // Fetches that only builds of the last phase wait for have the least urgency.
    static constexpr std::int64_t last_urgency = 1;
    struct Fetch {
        FetchState state = FetchState::queued;
        std::int64_t urgency = last_urgency;
    };

    std::size_t users_left(plan::DerivationId id) const; // builds that have not ended and need it
    std::size_t unfinished_of(const std::set<plan::DerivationId>& builds) const;
    static bool is_unfinished(State state) { return state == State::waiting || state == State::running; }
    void forget(plan::DerivationId id);
    void refresh(plan::DerivationId id);
    void unready(plan::DerivationId id);
    bool is_only_in_want_of_inputs(const Node& node) const; // or of nothing
    bool has_inputs(const Node& node) const;
    bool wants_inputs(const Node& node) const;
    void fetch_ahead(plan::DerivationId running);
    void block(Node& node, plan::DerivationId by);
    ReadyBuilds::Key key(plan::DerivationId id) const;
    Crew crew_for(const Node& node, const std::vector<plan::BuildAbility>& machines) const;
    void start_running(plan::DerivationId id);
    void refresh_dependents(plan::DerivationId id);
    void queue_fetch(plan::PathId path, const plan::PlannedBuild& build);
    void give_up_unwanted(plan::PathId path); // a queued fetch, if nobody wants it any more
    void stop_running(plan::DerivationId id, State state);
    void stop_fetching(plan::PathId path, FetchState state);
    bool anything_else_is_left() const; // that does not come last

    const plan::Graph& graph_;
    std::map<plan::DerivationId, Node> nodes_;
    std::map<plan::DerivationId, std::set<plan::DerivationId>> dependents_;
    std::map<plan::PathId, std::set<plan::DerivationId>> waiting_for_fetch_;
    std::map<plan::PathId, Fetch> fetches_;
    std::set<std::pair<std::int64_t, plan::PathId>> fetch_queue_; // most urgent build first
    ReadyBuilds ready_;
    std::size_t running_ = 0, running_last_ = 0;
    std::size_t running_fetches_ = 0, running_last_fetches_ = 0;
};

} // namespace cachefill::build
