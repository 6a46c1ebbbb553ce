#include "plan/share.hpp"
#include "world.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;

namespace {

// base ← left, right ← top; base ← other. Nothing is there.
struct Divided {
    World world;
    std::set<std::string> here, copies, failed;

    Divided() {
        world.derivation("base").derivation("left", {"base"}).derivation("right", {"base"});
        world.derivation("top", {"left", "right"}).derivation("other", {"base"}).target("top").target("other");
    }

    std::string name(DerivationId id) const { return std::string(world.graph.derivation(id).name()); }
    Plan share() {
        world.settle();
        return shared_out();
    }
    Plan shared_out() const {
        Division division;
        division.is_built_here = [this](DerivationId id) {
            return here.contains(name(id)) || copies.contains(name(id));
        };
        division.is_published_here = [this](DerivationId id) { return here.contains(name(id)); };
        division.failure = [this](DerivationId id) -> std::optional<FailedElsewhere> {
            if (!failed.contains(name(id))) return {};
            return FailedElsewhere{.why = "failed on shard 2", .log_tail = {"no"}};
        };
        return share_of(world.plan, world.graph, world.facts, division);
    }
    Names builds(const Plan& plan) const {
        Names names;
        for (const auto& build : plan.builds) names.push_back(name(build.derivation));
        return names;
    }
    const PlannedBuild& build(const Plan& plan, const std::string& wanted) const {
        for (const auto& build : plan.builds)
            if (name(build.derivation) == wanted) return build;
        BOOST_FAIL(wanted << " is not built");
        return plan.builds.front();
    }
    Names waited_for(const Plan& plan) const { return world.names(awaited(plan, world.graph, world.facts)); }
};

void is(const Names& found, const Names& wanted) { BOOST_TEST(found == wanted, boost::test_tools::per_element()); }

} // namespace

BOOST_AUTO_TEST_SUITE(shares)

BOOST_AUTO_TEST_CASE(what_another_builds_is_fetched_when_it_is_there) {
    Divided all;
    all.here = {"left", "top"};
    const auto plan = all.share();
    is(all.builds(plan), {"left", "top"});
    is(all.world.names(all.build(plan, "left").fetch), {"base"});
    is(all.world.names(all.build(plan, "top").fetch), {"right"}); // left is built before
    BOOST_TEST(all.build(plan, "top").after == std::vector<std::size_t>{0}, boost::test_tools::per_element());
    is(all.world.names(plan.fetches), {"base", "right"});
    is(all.waited_for(plan), {"base", "right"});
    is(all.world.names(plan.of_others), {"base", "right", "other"});
    BOOST_TEST((plan.measured_total < all.world.plan.measured_total));
    BOOST_TEST(plan.targets[0].builds == (std::vector<std::size_t>{0, 1}), boost::test_tools::per_element());
    BOOST_TEST(plan.targets[1].builds.empty());
}

BOOST_AUTO_TEST_CASE(what_the_cache_has_by_now_is_not_waited_for) {
    Divided all;
    all.here = {"left", "top"};
    all.world.served(0, {"base"});
    const auto plan = all.share();
    is(all.world.names(plan.fetches), {"base", "right"});
    is(all.waited_for(plan), {"right"});
}

BOOST_AUTO_TEST_CASE(a_copy_is_built_and_pushed_by_nobody_but_its_owner) {
    Divided all;
    all.here = {"left"};
    all.copies = {"base"};
    is(all.builds(all.share()), {"base", "left"});
    is(all.waited_for(all.share()), {});
    Divided later;
    later.here = {"left"};
    later.copies = {"base"};
    later.world.valid({"base", "left"});
    is(later.world.names(later.share().pushes), {"left"});
    is(later.world.pushes(), {"base", "left"});
}

BOOST_AUTO_TEST_CASE(a_failure_elsewhere_blocks_what_needs_it_everywhere) {
    Divided all;
    all.here = {"top"};
    all.failed = {"base"};
    const auto plan = all.share();
    is(all.builds(plan), {"base", "left", "right", "top", "other"});
    BOOST_TEST(all.build(plan, "base").failed_elsewhere->why == "failed on shard 2");
    BOOST_TEST(!all.build(plan, "left").failed_elsewhere.has_value());
    BOOST_TEST(all.build(plan, "top").after.size() == 2U);
    is(all.waited_for(plan), {});
    all.failed = {"left"};
    is(all.builds(all.share()), {"left", "top"});
    is(all.waited_for(all.share()), {"right"});
}

BOOST_AUTO_TEST_CASE(what_has_no_path_yet_is_built_wherever_it_is_needed) {
    Divided all;
    all.world.derivation("floating", {"base"}, {.floating = true}).derivation("last", {"floating"}).target("last");
    all.here = {"last"};
    const auto plan = all.share();
    is(all.builds(plan), {"floating", "last"});
    is(all.waited_for(plan), {"base"});
}

BOOST_AUTO_TEST_CASE(what_is_there_and_could_not_be_fetched_is_built_here) {
    Divided all;
    all.here = {"left"};
    all.world.served(0, {"base"}).settle();
    all.world.facts_of("base").fetch_failed = true;
    is(all.builds(all.share()), {"base", "left"});
    is(all.waited_for(all.share()), {});
}

BOOST_AUTO_TEST_CASE(whoever_builds_everything_has_the_whole_plan) {
    Divided all;
    all.here = {"base", "left", "right", "top", "other"};
    const auto plan = all.share();
    is(all.builds(plan), all.world.builds());
    BOOST_TEST(plan.of_others.empty());
    for (std::size_t i = 0; i < plan.builds.size(); ++i) {
        BOOST_TEST(plan.builds[i].after == all.world.plan.builds[i].after, boost::test_tools::per_element());
        BOOST_TEST(plan.builds[i].fetch.empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()
