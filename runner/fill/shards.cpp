#include "fill/shards.hpp"

#include "fill/run.hpp"
#include "options/runner_labels.hpp"
#include "options/settings.hpp"
#include "plan/cut.hpp"
#include "session/session.hpp"
#include "session/shard_kinds.hpp"

#include <set>

namespace cachefill::fill {

namespace {

constexpr std::size_t usual_slots = 4; // GitHub's machines have four cores

plan::CutPolicy cut_policy(const session::Session& session) {
    const auto& settings = session.settings();
    plan::CutPolicy policy;
    policy.kinds = session::shard_kinds(settings, session.nix());
    policy.most_shards = settings.shards > 0 ? settings.shards : options::usual_shards;
    policy.slots = settings.jobs.value_or(usual_slots);
    policy.expected_size = plan::guessed_size;
    return policy;
}

class Description {
  public:
    Description(const Run& run, const plan::CutPolicy& policy, const plan::Cut& cut)
        : run_(run), policy_(policy), cut_(cut) {}

    report::ShardPlan make(const options::Settings& settings) const {
        report::ShardPlan all;
        all.most_shards = policy_.most_shards;
        all.slots = policy_.slots;
        all.copied = cut_.copied.size();
        all.copies = cut_.copies;
        all.handovers = cut_.handovers;
        all.ends = cut_.makespan;
        all.bound = cut_.bound;
        for (std::size_t number = 0; number < cut_.shards.size(); ++number)
            all.shards.push_back(describe_shard(number, settings));
        describe_owned(all);
        return all;
    }

  private:
    const plan::GraphDerivation& derivation(std::size_t build) const {
        return run_.graph().derivation(run_.plan().builds[build].derivation);
    }

    report::ShardPlan::Build describe(std::size_t build) const {
        const auto& expected = run_.plan().builds[build].expected;
        return {.derivation = derivation(build).path.to_string(),
                .name = std::string(derivation(build).name()),
                .kind = std::string(plan::to_string(derivation(build).kind)),
                .expected = expected.time,
                .measured = expected.measured,
                .is_copy = false};
    }

    report::ShardPlan::Shard describe_shard(std::size_t number, const options::Settings& settings) const {
        const auto& shard = cut_.shards[number];
        report::ShardPlan::Shard described;
        described.number = number + 1;
        described.machine = policy_.kinds[shard.kind].name;
        described.runs_on = options::runner_labels(settings, described.machine);
        described.ends = shard.ends;
        described.work = shard.work;
        for (const std::size_t build : shard.order) {
            described.builds.push_back(describe(build));
            described.builds.back().is_copy = cut_.owner[build] != number;
        }
        for (const auto& awaited : shard.awaited)
            described.awaited.push_back({.derivation = derivation(awaited.build).path.to_string(),
                                         .name = std::string(derivation(awaited.build).name()),
                                         .shard = awaited.owner + 1});
        return described;
    }

    void describe_owned(report::ShardPlan& all) const {
        std::set<std::string> wanting;
        std::vector<plan::BuildAbility> machines;
        for (const auto& kind : policy_.kinds) machines.push_back(kind.machine);
        for (std::size_t build = 0; build < cut_.owner.size(); ++build) {
            if (cut_.owner[build] != plan::Cut::nobody) {
                const auto& expected = run_.plan().builds[build].expected;
                ++all.builds;
                all.work += expected.time;
                all.unmeasured += !expected.measured;
                continue;
            }
            all.nobodys.push_back(describe(build));
            if (!plan::BuildAbility::fits(derivation(build), machines))
                wanting.insert(plan::BuildAbility::wanted(derivation(build), machines));
        }
        for (const plan::DerivationId id : run_.plan().elsewhere) {
            const auto& missing = run_.graph().derivation(id);
            all.nobodys.push_back({.derivation = missing.path.to_string(),
                                   .name = std::string(missing.name()),
                                   .kind = std::string(plan::to_string(missing.kind)),
                                   .expected = {},
                                   .measured = false,
                                   .is_copy = false});
            wanting.insert(plan::BuildAbility::wanted(missing, machines));
        }
        all.wanted_machines.assign(wanting.begin(), wanting.end());
    }

    const Run& run_;
    const plan::CutPolicy& policy_;
    const plan::Cut& cut_;
};

} // namespace

report::ShardPlan shard_plan(const Run& run, const session::Session& session) {
    const auto policy = cut_policy(session);
    const auto cut = plan::cut(run.graph(), run.plan(), policy);
    return Description(run, policy, cut).make(session.settings());
}

} // namespace cachefill::fill
