// Who builds what when many machines meet in the cache: small cases by name, and random graphs whose shards are played
// through by tests/support/shard_simulation, which knows nothing of how they were cut.
#include "plan/cut.hpp"
#include "support/shard_simulation.hpp"
#include "world.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

using Time = std::chrono::milliseconds;

const ShardKind intel{"x86_64-linux", {{"x86_64-linux", "i686-linux"}, {"big-parallel"}}};
const ShardKind arm{"aarch64-linux", {{"aarch64-linux"}, {}}};
const ShardKind virtual_machines{"x86_64-linux+kvm", {{"x86_64-linux"}, {"big-parallel"}, {"kvm"}}};

struct Fleet {
    World world;
    CutPolicy policy;
    Cut made;

    explicit Fleet(std::vector<ShardKind> kinds = {intel}) {
        world.policy.machines = {{{"x86_64-linux", "i686-linux", "aarch64-linux", "riscv64-linux"}, {"kvm"}}};
        policy.kinds = std::move(kinds);
        policy.slots = 1;
        policy.expected_size = [](const GraphDerivation&) { return 0; };
    }

    // In seconds, by name; all others take one.
    void cut_for(const std::map<std::string, int>& seconds) {
        world.settle();
        for (PlannedBuild& build : world.plan.builds) {
            const auto at = seconds.find(name(build));
            build.expected.time = at == seconds.end() ? 1s : std::chrono::seconds(at->second);
        }
        made = cut(world.graph, world.plan, policy);
    }

    std::string name(const PlannedBuild& build) const {
        return std::string(world.graph.derivation(build.derivation).name());
    }
    std::string name(std::size_t build) const { return name(world.plan.builds[build]); }
    Names order(std::size_t shard) const {
        Names names;
        for (const std::size_t build : made.shards.at(shard).order) names.push_back(name(build));
        return names;
    }
    std::size_t owner(const std::string& wanted) const {
        for (std::size_t i = 0; i < made.owner.size(); ++i)
            if (name(i) == wanted) return made.owner[i];
        BOOST_FAIL(wanted << " is not built");
        return Cut::nobody;
    }
    std::string system(const std::string& build) const { return policy.kinds[made.shards.at(owner(build)).kind].name; }
    std::vector<Time> times() const {
        std::vector<Time> times;
        for (const PlannedBuild& build : world.plan.builds) times.push_back(build.expected.time);
        return times;
    }
    std::vector<Time> handovers() const {
        std::vector<Time> times;
        for (const PlannedBuild& build : world.plan.builds) {
            const double bytes = static_cast<double>(policy.expected_size(world.graph.derivation(build.derivation)));
            const double rate = static_cast<double>(policy.handover.bytes_per_second);
            times.push_back(policy.handover.latency + Time(rate > 0 ? static_cast<Time::rep>(bytes / rate * 1000) : 0));
        }
        return times;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(cutting)

BOOST_AUTO_TEST_CASE(nothing_missing_needs_no_shard) {
    Fleet fleet;
    fleet.world.derivation("a").target("a").served(0, {"a"});
    fleet.cut_for({});
    BOOST_TEST(fleet.made.shards.empty());
    BOOST_TEST(fleet.made.makespan.count() == 0);
}

BOOST_AUTO_TEST_CASE(a_chain_stays_on_one_shard) {
    Fleet fleet;
    fleet.world.derivation("a").derivation("b", {"a"}).derivation("c", {"b"}).target("c");
    fleet.cut_for({{"a", 100}, {"b", 100}, {"c", 100}});
    BOOST_REQUIRE(fleet.made.shards.size() == 1U);
    const Names expected{"a", "b", "c"};
    BOOST_TEST(fleet.order(0) == expected, boost::test_tools::per_element());
    BOOST_TEST(fleet.made.shards[0].awaited.empty());
    BOOST_TEST((fleet.made.makespan == 300s));
    BOOST_TEST((fleet.made.bound == 300s));
}

BOOST_AUTO_TEST_CASE(two_chains_are_built_side_by_side_and_the_end_waits_for_one_path) {
    Fleet fleet;
    fleet.world.derivation("a").derivation("aa", {"a"}).derivation("b").derivation("bb", {"b"});
    fleet.world.derivation("end", {"aa", "bb"}).target("end");
    fleet.cut_for({{"a", 100}, {"aa", 100}, {"b", 90}, {"bb", 100}, {"end", 10}});
    BOOST_REQUIRE(fleet.made.shards.size() == 2U);
    BOOST_TEST(fleet.owner("a") == fleet.owner("aa"));
    BOOST_TEST(fleet.owner("b") == fleet.owner("bb"));
    BOOST_TEST(fleet.owner("end") == fleet.owner("aa"));
    BOOST_TEST(fleet.made.handovers == 1U);
    const Shard& last = fleet.made.shards[fleet.owner("end")];
    BOOST_REQUIRE(last.awaited.size() == 1U);
    BOOST_TEST(fleet.name(last.awaited[0].build) == "bb");
    BOOST_TEST(last.awaited[0].owner == fleet.owner("bb"));
    BOOST_TEST((fleet.made.makespan == 210s));
    BOOST_TEST((last.work == 210s));
    BOOST_TEST((fleet.made.shards[fleet.owner("bb")].ends == 190s));
}

BOOST_AUTO_TEST_CASE(a_chain_is_not_torn_where_handing_over_costs_more_than_waiting) {
    Fleet fleet;
    fleet.policy.handover.latency = 300s;
    fleet.world.derivation("a").derivation("b").derivation("end", {"a", "b"}).target("end");
    fleet.cut_for({{"a", 100}, {"b", 100}, {"end", 1}});
    BOOST_TEST(fleet.made.shards.size() == 1U);
    BOOST_TEST((fleet.made.makespan == 201s));
}

BOOST_AUTO_TEST_CASE(what_is_built_faster_than_handed_over_is_copied) {
    Fleet fleet;
    fleet.world.derivation("text").derivation("a", {"text"}).derivation("b", {"text"}).target("a").target("b");
    fleet.cut_for({{"text", 1}, {"a", 100}, {"b", 100}});
    BOOST_REQUIRE(fleet.made.shards.size() == 2U);
    BOOST_TEST(fleet.made.handovers == 0U);
    BOOST_REQUIRE(fleet.made.copied.size() == 1U);
    BOOST_TEST(fleet.made.copies == 1U);
    BOOST_TEST(fleet.name(fleet.made.copied[0]) == "text");
    const Names with_a{"text", "a"}, with_b{"text", "b"};
    BOOST_TEST(fleet.order(fleet.owner("a")) == with_a, boost::test_tools::per_element());
    BOOST_TEST(fleet.order(fleet.owner("b")) == with_b, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_system_is_built_on_its_own_shards_and_what_any_can_fetch_where_it_is_needed) {
    Fleet fleet({intel, arm});
    DerivationOptions on_arm, fetched_by_nix, source_for_arm;
    on_arm.platform = source_for_arm.platform = "aarch64-linux";
    fetched_by_nix.platform = "builtin";
    fetched_by_nix.fixed = source_for_arm.fixed = true;
    fleet.world.derivation("source", {}, fetched_by_nix).derivation("tarball", {}, source_for_arm);
    fleet.world.derivation("a").derivation("pi", {"source", "tarball"}, on_arm).target("a").target("pi");
    fleet.cut_for({{"a", 100}, {"pi", 100}, {"source", 50}, {"tarball", 50}});
    BOOST_TEST(fleet.system("a") == "x86_64-linux");
    for (const std::string build : {"pi", "source", "tarball"}) BOOST_TEST(fleet.system(build) == "aarch64-linux");
}

BOOST_AUTO_TEST_CASE(a_required_feature_goes_to_a_shard_that_has_it_and_crosses_systems_by_the_cache) {
    Fleet fleet({virtual_machines, intel});
    DerivationOptions test;
    test.features = {"kvm"};
    fleet.world.derivation("lib").derivation("vm-test", {"lib"}, test).derivation("a", {"lib"});
    fleet.world.target("a").target("vm-test");
    fleet.cut_for({{"lib", 10}, {"vm-test", 100}, {"a", 100}});
    BOOST_TEST(fleet.system("vm-test") == "x86_64-linux+kvm");
    BOOST_TEST(fleet.system("lib") == "x86_64-linux");
    BOOST_TEST(fleet.system("a") == "x86_64-linux");
    BOOST_TEST(fleet.made.handovers == 1U);
}

BOOST_AUTO_TEST_CASE(what_no_kind_of_machine_builds_has_no_owner_nor_has_what_needs_it) {
    Fleet fleet;
    DerivationOptions elsewhere;
    elsewhere.platform = "riscv64-linux";
    fleet.world.derivation("firmware", {}, elsewhere).derivation("image", {"firmware"}).derivation("a");
    fleet.world.target("image").target("a");
    fleet.cut_for({});
    BOOST_TEST(fleet.owner("firmware") == Cut::nobody);
    BOOST_TEST(fleet.owner("image") == Cut::nobody);
    BOOST_TEST(fleet.owner("a") == 0U);
}

BOOST_AUTO_TEST_CASE(no_more_shards_than_pay) {
    Fleet fleet;
    std::map<std::string, int> seconds{{"long", 1000}};
    fleet.world.derivation("long").target("long");
    for (int i = 0; i < 20; ++i) {
        const std::string name = "short" + std::to_string(i);
        fleet.world.derivation(name).target(name);
        seconds[name] = 100;
    }
    fleet.policy.most_shards = 256;
    fleet.cut_for(seconds);
    BOOST_TEST(fleet.made.shards.size() == 3U); // one of 1000 s, and two for 2000 s
    fleet.policy.most_shards = 2;
    fleet.cut_for(seconds);
    BOOST_TEST(fleet.made.shards.size() == 2U);
    fleet.policy.fewest_shards = fleet.policy.most_shards = 4;
    fleet.cut_for(seconds);
    BOOST_TEST(fleet.made.shards.size() == 4U);
}

BOOST_AUTO_TEST_CASE(never_more_shards_than_a_matrix_has_jobs) {
    Fleet fleet;
    for (int i = 0; i < 300; ++i) {
        const std::string name = "n" + std::to_string(i);
        fleet.world.derivation(name).target(name);
    }
    fleet.policy.fewest_shards = fleet.policy.most_shards = 1000;
    fleet.cut_for({});
    BOOST_TEST(fleet.made.shards.size() == most_shards_of_all);
}

BOOST_AUTO_TEST_CASE(what_comes_last_stands_behind_all_else) {
    Fleet fleet;
    fleet.world.policy.is_deferred = [](const GraphDerivation& derivation) { return derivation.name() == "late"; };
    fleet.world.derivation("late").derivation("a").derivation("b").target("late").target("a").target("b");
    fleet.policy.most_shards = 1;
    fleet.cut_for({{"late", 1000}, {"a", 1}, {"b", 2}});
    const Names expected{"b", "a", "late"};
    BOOST_TEST(fleet.order(0) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sizes_are_guessed_by_kind) {
    Fleet fleet;
    DerivationOptions local;
    local.local = true;
    fleet.world.derivation("text", {}, local).derivation("a", {"text"}).target("a");
    const auto of = [&fleet](const std::string& name) -> const GraphDerivation& {
        return fleet.world.graph.derivation(*fleet.world.graph.find_derivation(derivation_path(name)));
    };
    const GraphDerivation &compiled = of("a"), &text = of("text");
    BOOST_TEST(guessed_size(compiled) > guessed_size(text));
}

namespace {

struct Random {
    std::mt19937 random;
    std::size_t below(std::size_t limit) { return random() % limit; }
    bool percent(std::size_t chance) { return below(100) < chance; }
};

Fleet random_fleet(unsigned seed) {
    Random dice{std::mt19937(seed)};
    Fleet fleet(dice.percent(50) ? std::vector<ShardKind>{intel}
                                 : std::vector<ShardKind>{virtual_machines, intel, arm});
    const std::size_t count = 5 + dice.below(120);
    std::map<std::string, int> seconds;
    for (std::size_t i = 0; i < count; ++i) {
        DerivationOptions options;
        options.local = dice.percent(20);
        options.fixed = dice.percent(20);
        if (dice.percent(15)) options.platform = "aarch64-linux";
        if (dice.percent(10)) options.platform = "builtin";
        if (dice.percent(5)) options.features = {"kvm"};
        Names inputs;
        for (std::size_t j = i ? dice.below(6) : 0; j > 0; --j) inputs.push_back("n" + std::to_string(dice.below(i)));
        const std::string name = "n" + std::to_string(i);
        fleet.world.derivation(name, inputs, options).target(name);
        seconds[name] = dice.percent(40) ? 1 : static_cast<int>(1 + dice.below(300));
    }
    fleet.policy.slots = 1 + dice.below(4);
    fleet.policy.most_shards = 1 + dice.below(12);
    if (dice.percent(50)) fleet.policy.fewest_shards = fleet.policy.most_shards;
    fleet.policy.handover.latency = dice.percent(30) ? 0s : std::chrono::seconds(dice.below(10));
    fleet.cut_for(seconds);
    return fleet;
}

void each_has_one_owner_that_builds_it(const Fleet& fleet) {
    const Cut& made = fleet.made;
    std::vector<std::size_t> owned(made.owner.size()), copied(made.owner.size());
    for (std::size_t shard = 0; shard < made.shards.size(); ++shard)
        for (const std::size_t build : made.shards[shard].order) ++(made.owner[build] == shard ? owned : copied)[build];
    std::vector<std::size_t> copies;
    for (std::size_t build = 0; build < owned.size(); ++build) {
        BOOST_TEST(owned[build] == (made.owner[build] == Cut::nobody ? 0U : 1U), fleet.name(build));
        if (copied[build] > 0) copies.push_back(build);
    }
    BOOST_TEST(copies == made.copied, boost::test_tools::per_element());
    BOOST_TEST(std::accumulate(copied.begin(), copied.end(), std::size_t{0}) == made.copies);
}

void each_is_where_it_can_be_built(const Fleet& fleet) {
    for (const Shard& shard : fleet.made.shards)
        for (const std::size_t build : shard.order) {
            const auto& derivation = fleet.world.graph.derivation(fleet.world.plan.builds[build].derivation);
            const auto& machine = fleet.policy.kinds[shard.kind].machine;
            const bool is_for_any = derivation.platform == "builtin" && derivation.required_features.empty();
            BOOST_TEST((is_for_any || BuildAbility::fits(derivation, {machine})), fleet.name(build));
        }
    for (std::size_t build = 0; build < fleet.made.owner.size(); ++build) {
        const auto& planned = fleet.world.plan.builds[build];
        const auto is_nobodys = [&](std::size_t input) { return fleet.made.owner[input] == Cut::nobody; };
        bool has_kind = fleet.world.graph.derivation(planned.derivation).platform == "builtin";
        for (const ShardKind& kind : fleet.policy.kinds)
            has_kind |= BuildAbility::fits(fleet.world.graph.derivation(planned.derivation), {kind.machine});
        if (has_kind && std::none_of(planned.after.begin(), planned.after.end(), is_nobodys) &&
            fleet.world.graph.derivation(planned.derivation).platform != "builtin")
            BOOST_TEST(fleet.made.owner[build] != Cut::nobody, fleet.name(build));
    }
}

void each_shard_has_or_awaits_what_it_needs(const Fleet& fleet) {
    const Cut& made = fleet.made;
    std::size_t handovers = 0;
    for (const Shard& shard : made.shards) {
        std::set<std::size_t> there, used;
        for (const Shard::Awaited& awaited : shard.awaited) {
            BOOST_TEST(awaited.owner == made.owner[awaited.build]);
            BOOST_TEST((&made.shards[awaited.owner] != &shard));
            BOOST_TEST(there.insert(awaited.build).second, "awaited twice");
        }
        handovers += there.size();
        for (const std::size_t build : shard.order) {
            for (const std::size_t input : fleet.world.plan.builds[build].after) {
                BOOST_TEST(there.contains(input), fleet.name(build) << " stands before " << fleet.name(input));
                used.insert(input);
            }
            there.insert(build);
        }
        for (const Shard::Awaited& awaited : shard.awaited)
            BOOST_TEST(used.contains(awaited.build), fleet.name(awaited.build) << " is awaited for nothing");
    }
    BOOST_TEST(handovers == made.handovers);
}

// With the times that were expected, and with others.
void all_of_it_gets_built(const Fleet& fleet, unsigned seed) {
    auto shards = shards_of(fleet.made, fleet.policy.slots);
    auto times = fleet.times();
    const auto handovers = fleet.handovers();
    const SimulatedRun expected = simulate(fleet.world.plan, shards, times, handovers);
    BOOST_TEST(expected.never_started == 0U);
    BOOST_TEST((expected.makespan == fleet.made.makespan));
    BOOST_TEST(expected.handovers == fleet.made.handovers);
    std::shuffle(times.begin(), times.end(), std::mt19937(seed));
    shards.slots = 1;
    BOOST_TEST(simulate(fleet.world.plan, shards, times, handovers).never_started == 0U);
}

void it_takes_no_longer_than_it_must(const Fleet& fleet) {
    const Cut& made = fleet.made;
    BOOST_TEST((made.makespan >= made.bound));
    if (fleet.policy.handover.latency > 0s) return;
    // What list scheduling guarantees is twice the bound of one kind; a tenth and what goes into fewer handovers above.
    const Time::rep kinds = static_cast<Time::rep>(fleet.policy.kinds.size());
    BOOST_TEST((made.makespan <= made.bound * (kinds + 1) * 5 / 4));
}

} // namespace

BOOST_AUTO_TEST_CASE(whatever_the_graph_shards_build_all_of_it_once_and_wait_for_nobody_in_vain) {
    for (unsigned seed = 1; seed <= 150; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            const Fleet fleet = random_fleet(seed);
            each_has_one_owner_that_builds_it(fleet);
            each_is_where_it_can_be_built(fleet);
            each_shard_has_or_awaits_what_it_needs(fleet);
            all_of_it_gets_built(fleet, seed);
            it_takes_no_longer_than_it_must(fleet);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_same_plan_is_cut_the_same) {
    const Fleet fleet = random_fleet(7);
    const Cut again = cut(fleet.world.graph, fleet.world.plan, fleet.policy);
    BOOST_TEST(again.owner == fleet.made.owner, boost::test_tools::per_element());
    BOOST_REQUIRE(again.shards.size() == fleet.made.shards.size());
    for (std::size_t shard = 0; shard < again.shards.size(); ++shard)
        BOOST_TEST(again.shards[shard].order == fleet.made.shards[shard].order, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(hosts_that_were_evaluated_in_another_order_are_cut_the_same) {
    const auto shards = [](const Names& targets) {
        Fleet fleet;
        for (const std::string host : {"a", "b", "c"}) {
            fleet.world.derivation(host + "-lib").derivation(host + "-tool", {host + "-lib"});
            fleet.world.derivation(host, {host + "-lib", host + "-tool"});
        }
        for (const std::string& target : targets) fleet.world.target(target);
        fleet.cut_for({});
        std::vector<Names> orders;
        for (std::size_t shard = 0; shard < fleet.made.shards.size(); ++shard) orders.push_back(fleet.order(shard));
        return orders;
    };
    BOOST_TEST((shards({"a", "b", "c"}) == shards({"c", "a", "b"})));
}

BOOST_AUTO_TEST_SUITE_END()
