#include "plan/plan.hpp"

#include "plan/demand.hpp"

#include <algorithm>
#include <bit>

namespace cachefill::plan {

namespace {

void sort_unique(auto& items) {
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
}

// Puts together a Plan from what is demanded and what is available.
class Assembly {
  public:
    Assembly(const Graph& graph, const Facts& facts, const std::vector<Target>& targets, const Policy& policy)
        : graph_(graph), facts_(facts), targets_(targets), policy_(policy), available_(graph, facts, targets, policy),
          demand_(graph, facts, targets, available_, policy.does_not_wait),
          build_index_(graph.derivation_count(), no_build), blocked_by_(graph.derivation_count()) {}

    Plan make() {
        plan_.questions = demand_.questions();
        collect_paths();
        collect_derivations();
        for (PlannedBuild& build : plan_.builds) wire(build);
        sort_unique(plan_.fetches);
        sort_unique(unfetchable_);
        for (const PathId path : unfetchable_) name_missing_substituter(path);
        time_builds();
        put_deferred_last();
        weigh_fetches();
        plan_.targets.resize(targets_.size());
        for (std::size_t first = 0; first < targets_.size(); first += 64) judge_targets(first);
        return std::move(plan_);
    }

  private:
    static constexpr std::size_t no_build = ~std::size_t{0};

    bool absent(PathId path) const {
        return presence(facts_.of(path), available_.counting[index(path)]) == Presence::absent;
    }
    bool undecided(PathId path, CacheMask caches) const {
        return presence(facts_.of(path), caches) == Presence::undecided;
    }
    bool present(PathId path) const {
        return presence(facts_.of(path), available_.counting[index(path)]) == Presence::present;
    }

    void collect_paths() {
        for (std::size_t i = 0; i < graph_.path_count(); ++i) {
            const PathId path{static_cast<std::uint32_t>(i)};
            const bool wanted = demand_.mark(path, Role::complete) != Demand::Mark::none;
            const bool to_be_fetched = demand_.mark(path, Role::fetch) != Demand::Mark::none;
            if ((wanted && undecided(path, available_.counting[i])) || (to_be_fetched && facts_.of(path).fetch_waits) ||
                (to_be_fetched && undecided(path, available_.counting[i] & available_.fetchable_here)))
                plan_.undecided.push_back(path);
            if (!wanted || !absent(path)) continue;
            lacking_.push_back(path);
            const std::optional<bool> valid = facts_.of(path).valid_here;
            if (!valid || demand_.mark(path, Role::complete) != Demand::Mark::certain) continue;
            if (facts_.of(path).refused) continue;
            if (*valid)
                plan_.pushes.push_back(path);
            else if (!graph_.producer(path))
                plan_.unfillable_holes.push_back(path);
        }
    }

    void collect_derivations() {
        for (const DerivationId id : graph_.topological_order()) {
            if (demand_.mark(id, Role::build) != Demand::Mark::certain) continue;
            const GraphDerivation& derivation = graph_.derivation(id);
            if (!available_.fits[index(id)]) {
                plan_.elsewhere.push_back(id);
            } else if (available_.buildable[index(id)] == Known::yes) {
                build_index_[index(id)] = plan_.builds.size();
                plan_.builds.push_back({id, {}, {}, policy_.expected_time(derivation), {}, {}});
                const bool plannable = std::none_of(derivation.outputs.begin(), derivation.outputs.end(),
                                                    [](const GraphOutput& output) { return output.path == no_path; });
                if (!plannable && derivation.flaw.empty()) plan_.unplannable.push_back(id);
            } else {
                if (available_.buildable[index(id)] == Known::no) {
                    plan_.blocked.push_back({id, blocker(derivation), {}});
                    blocked_by_[index(id)] = plan_.blocked.back().by;
                }
                note_unfetchable(derivation);
            }
        }
    }

    // Which of those that nobody here can make keeps it from being built; empty: a hole does.
    std::optional<DerivationId> blocker(const GraphDerivation& derivation) const {
        for (const GraphInput& input : derivation.inputs)
            for (const std::uint16_t output : input.outputs) {
                const PathId path = graph_.derivation(input.derivation).outputs[output].path;
                const DerivationId made_by = maker(graph_, input.derivation, path);
                if (available_.obtainable(path, made_by, facts_) != Known::no) continue;
                if (!available_.fits[index(made_by)]) return made_by;
                if (blocked_by_[index(made_by)]) return blocked_by_[index(made_by)];
            }
        return std::nullopt;
    }

    void wire(PlannedBuild& build) {
        const GraphDerivation& derivation = graph_.derivation(build.derivation);
        for (const GraphInput& input : derivation.inputs) {
            const auto& outputs = graph_.derivation(input.derivation).outputs;
            for (const std::uint16_t output : input.outputs) {
                const PathId path = outputs[output].path;
                const DerivationId made_by = maker(graph_, input.derivation, path);
                if (path != no_path && available_.fetchable[index(path)] == Known::yes)
                    fetch(build, path);
                else if (build_index_[index(made_by)] !=
                         no_build) // a derivation with a flaw is planned whatever it needs
                    build.after.push_back(build_index_[index(made_by)]);
            }
        }
        for (const PathId source : derivation.sources) fetch(build, source);
        sort_unique(build.after);
        sort_unique(build.fetch);
        plan_.fetches.insert(plan_.fetches.end(), build.fetch.begin(), build.fetch.end());
        note_unfetchable(derivation);
    }

    void fetch(PlannedBuild& build, PathId path) const {
        if (facts_.of(path).valid_here != true) build.fetch.push_back(path);
    }

    void note_unfetchable(const GraphDerivation& derivation) {
        const auto note = [&](PathId path) {
            if (path == no_path || available_.fetchable[index(path)] != Known::no) return;
            if (present(path)) unfetchable_.push_back(path);
        };
        for (const GraphInput& input : derivation.inputs)
            for (const std::uint16_t output : input.outputs)
                note(graph_.derivation(input.derivation).outputs[output].path);
        for (const PathId source : derivation.sources) note(source);
    }

    // Follow what keeps `path` from being fetched to where it starts. If that is a hole, no substituter would help.
    void name_missing_substituter(PathId path) {
        PathId culprit = path;
        for (std::size_t step = 0; step < graph_.path_count() && available_.served_here(culprit, facts_); ++step) {
            const auto& references = facts_.of(culprit).references;
            culprit = *std::find_if(references.begin(), references.end(), [&](PathId reference) {
                return available_.fetchable[index(reference)] == Known::no;
            });
        }
        if (facts_.of(culprit).fetch_failed) return; // the substituter is there: it failed
        const CacheMask caches = facts_.of(culprit).present & available_.counting[index(culprit)];
        if (!caches || available_.served_here(culprit, facts_)) return;
        plan_.not_fetchable_here.push_back({path, static_cast<std::size_t>(std::countr_zero(caches))});
    }

    void time_builds() {
        std::vector<std::chrono::milliseconds> measured(plan_.builds.size()); // as longest_chain, without guesses
        for (std::size_t i = plan_.builds.size(); i-- > 0;) {
            PlannedBuild& build = plan_.builds[i];
            build.longest_chain += build.expected.time; // so far: the longest of those that wait for it
            for (const std::size_t before : build.after)
                plan_.builds[before].longest_chain = std::max(plan_.builds[before].longest_chain, build.longest_chain);
            auto& chain = measured[i];
            if (build.expected.measured) {
                chain += build.expected.time;
                plan_.measured_total += build.expected.time;
            } else {
                ++plan_.unmeasured;
            }
            for (const std::size_t before : build.after) measured[before] = std::max(measured[before], chain);
            plan_.measured_chain = std::max(plan_.measured_chain, chain);
        }
    }

    // What only deferred derivations need would be built in vain if they turn up elsewhere meanwhile.
    void put_deferred_last() {
        if (!policy_.is_deferred) return;
        std::vector<std::size_t> waiting(plan_.builds.size()), waiting_early(plan_.builds.size());
        const std::vector<bool> wanted = wanted_themselves();
        for (std::size_t i = plan_.builds.size(); i-- > 0;) {
            PlannedBuild& build = plan_.builds[i];
            const GraphDerivation& derivation = graph_.derivation(build.derivation);
            build.deferred = policy_.is_deferred(derivation);
            build.last =
                build.deferred || (waiting[i] > 0 && waiting_early[i] == 0 && !wanted[index(build.derivation)]);
            for (const std::size_t before : build.after) {
                ++waiting[before];
                if (!build.last) ++waiting_early[before];
            }
        }
    }

    // By a consumer, and not only as an input of other builds.
    std::vector<bool> wanted_themselves() const {
        std::vector<bool> wanted(graph_.derivation_count());
        for (const Target& target : targets_) {
            wanted[index(target.derivation)] = true;
            for (const EvaluationRead& read : target.read_by_evaluation) wanted[index(read.derivation)] = true;
        }
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const DerivationId id{static_cast<std::uint32_t>(i)};
            const GraphDerivation& derivation = graph_.derivation(id);
            if (derivation.allow_substitutes || demand_.mark(id, Role::evaluated) == Demand::Mark::none) continue;
            for (const GraphInput& input : derivation.inputs) wanted[index(input.derivation)] = true;
        }
        return wanted;
    }

    void weigh_fetches() {
        std::vector<bool> seen(graph_.path_count());
        std::vector<PathId> work = plan_.fetches;
        while (!work.empty()) {
            const PathId path = work.back();
            work.pop_back();
            const PathFacts& facts = facts_.of(path);
            if (seen[index(path)] || facts.valid_here == true) continue;
            seen[index(path)] = true;
            plan_.bytes_to_fetch += facts.file_size;
            work.insert(work.end(), facts.references.begin(), facts.references.end());
        }
    }

    void judge_targets(std::size_t first) {
        const Demand::Reach reach = demand_.reach(first);
        const auto each = [&](std::uint64_t mask, auto&& act) {
            for (; mask; mask &= mask - 1) act(first + static_cast<std::size_t>(std::countr_zero(mask)));
        };
        std::uint64_t lacking = 0;
        for (const PathId path : lacking_) lacking |= reach.of(path, Role::complete);
        for (std::size_t i = 0; i < plan_.builds.size(); ++i) {
            const std::uint64_t mask = reach.of(plan_.builds[i].derivation, Role::build);
            lacking |= mask;
            each(mask, [&](std::size_t target) {
                plan_.builds[i].targets.push_back(target);
                plan_.targets[target].builds.push_back(i);
            });
        }
        for (const PathId path : plan_.pushes)
            each(reach.of(path, Role::complete), [&](std::size_t t) { plan_.targets[t].pushes.push_back(path); });
        for (Plan::Blocked& blocked : plan_.blocked)
            each(reach.of(blocked.derivation, Role::build), [&](std::size_t t) { blocked.targets.push_back(t); });
        for (const DerivationId id : plan_.elsewhere) {
            lacking |= reach.of(id, Role::build);
            each(reach.of(id, Role::build), [&](std::size_t t) { plan_.targets[t].elsewhere.push_back(id); });
        }
        for (std::size_t i = first; i < targets_.size() && i < first + 64; ++i) {
            const std::uint64_t bit = std::uint64_t{1} << (i - first);
            TargetPlan& target = plan_.targets[i];
            if (reach.open() & bit) // what is undecided counts as open
                target.state = TargetState::unknown;
            else if (!(lacking & bit))
                target.state = TargetState::complete;
            else if (!target.elsewhere.empty() && target.builds.empty() && target.pushes.empty())
                target.state = TargetState::elsewhere;
            else
                target.state = TargetState::incomplete;
        }
    }

    const Graph& graph_;
    const Facts& facts_;
    const std::vector<Target>& targets_;
    const Policy& policy_;
    Availability available_;
    Demand demand_;
    std::vector<std::size_t> build_index_;                // by derivation
    std::vector<std::optional<DerivationId>> blocked_by_; // by derivation
    std::vector<PathId> lacking_;                         // demanded by consumers and absent
    std::vector<PathId> unfetchable_;                     // inputs, present but not to be had
    Plan plan_;
};

} // namespace

Plan make_plan(const Graph& graph, const Facts& facts, const std::vector<Target>& targets, const Policy& policy) {
    return Assembly(graph, facts, targets, policy).make();
}

} // namespace cachefill::plan
