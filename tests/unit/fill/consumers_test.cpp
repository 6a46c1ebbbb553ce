#include "cache/nar_look.hpp"
#include "consumers_scene.hpp"
#include "fill/consumers.hpp"
#include "presence/views.hpp"

using namespace cachefill;
using namespace cachefill::test;

namespace {

const plan::CacheMask own = plan::bit(plan::own_cache);

struct Scene : ConsumersScene {
    Scene() { rules.machine_obeys = rules.machine.substitutes = true; }
    // The upstream is the second cache that was told of; who believes its key has a view of it.
    bool counts_upstream(plan::CacheMask mask) const { return (mask & judge->views().all_of(1)) != 0; }
    bool counts_own(plan::CacheMask mask) const { return (mask & own) != 0; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(consumers, Scene)

BOOST_AUTO_TEST_CASE(a_cache_counts_for_a_path_if_all_who_need_it_trust_it) {
    run([&](async::Executor) -> async::Task<void> {
        add_friend();
        co_await plan();
        BOOST_TEST(counts_upstream(consumers->counting(store_path("lib"))));
        BOOST_TEST(consumers->upstream_of(world.path("lib")) == "https://up.example");
        add_box();
        co_await plan();
        BOOST_TEST(!counts_upstream(consumers->counting(store_path("lib"))));
        BOOST_TEST(counts_own(consumers->counting(store_path("lib"))));
        BOOST_TEST(consumers->upstream_of(world.path("lib")).empty());
    });
}

BOOST_AUTO_TEST_CASE(the_own_cache_is_no_upstream) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        co_await plan();
        judge->note_published(store_path("lib"));
        BOOST_TEST(consumers->upstream_of(world.path("lib")).empty());
    });
}

BOOST_AUTO_TEST_CASE(while_hosts_are_evaluated_only_what_everybody_trusts_is_fetched_from) {
    run([&](async::Executor) -> async::Task<void> {
        live->evaluates(true);
        add_friend();
        co_await plan();
        BOOST_TEST(counts_upstream(consumers->counting(store_path("lib"))));
        BOOST_TEST(!counts_upstream(consumers->counting_now(store_path("lib"))));
        BOOST_TEST(counts_own(consumers->counting_now(store_path("lib"))));
        live->evaluates(false);
        BOOST_TEST(counts_upstream(consumers->counting_now(store_path("lib"))));
    });
}

BOOST_AUTO_TEST_CASE(who_depends_on_what_counts_is_told_when_it_may_have_changed) {
    run([&](async::Executor) -> async::Task<void> {
        int told = 0;
        consumers->on_change = [&told] { ++told; };
        add_friend();
        consumers->refresh_counting();
        BOOST_TEST(told == 1);
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(a_path_is_fetched_from_who_has_it_and_its_address_holds_no_login) {
    up_address = "https://kim:secret@up.example/some/";
    run([&](async::Executor) -> async::Task<void> {
        add_friend();
        co_await plan();
        BOOST_TEST(consumers->caches_to_fetch_from(store_path("lib")) == Names{"https://up.example/some"},
                   boost::test_tools::per_element());
        judge->note_published(store_path("lib"));
        BOOST_TEST(consumers->caches_to_fetch_from(store_path("lib")).size() == 2U);
        BOOST_TEST(consumers->caches_to_fetch_from(store_path("app")).empty());
        BOOST_TEST(consumers->caches_to_fetch_from(store_path("never-heard-of")).empty());
    });
}

BOOST_AUTO_TEST_CASE(a_cache_that_shows_all_is_sent_nothing_that_an_upstream_has) {
    run([&](async::Executor) -> async::Task<void> {
        add_friend();
        co_await plan();
        BOOST_TEST(live->now().builds.size() == 1U);
        auto pushes = consumers->planned_upstream_pushes(7);
        BOOST_TEST(pushes.paths == 0U);
        BOOST_TEST(pushes.size_budget == 7U);
    });
}

BOOST_AUTO_TEST_CASE(a_cache_that_hides_what_is_not_whole_is_sent_what_a_build_may_refer_to) {
    own_info.hides_incomplete_closures = true;
    run([&](async::Executor) -> async::Task<void> {
        add_friend();
        co_await plan();
        world.derivation("top", {"app"}).target("top");
        live->add(world.targets.back(), live->hosts().front());
        co_await plan();
        world.facts_of("app").present |= judge->views().all_of(1); // by now; it is built all the same
        auto pushes = consumers->planned_upstream_pushes(0);
        BOOST_TEST(pushes.paths == 2U); // lib and dev
        BOOST_TEST(pushes.nar_bytes == world.facts_of("lib").nar_size + world.facts_of("dev").nar_size);
        BOOST_TEST(pushes.upstreams == Names{"https://up.example"}, boost::test_tools::per_element());
        world.facts_of("dev").claimed_there = true; // it is there and only hidden
        BOOST_TEST(consumers->planned_upstream_pushes(0).paths == 1U);
    });
}

BOOST_AUTO_TEST_SUITE_END()
