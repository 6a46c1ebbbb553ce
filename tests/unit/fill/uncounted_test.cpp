#include "cache/nar_look.hpp"
#include "consumers_scene.hpp"
#include "fill/uncounted.hpp"
#include "presence/views.hpp"

using namespace cachefill;
using namespace cachefill::test;

BOOST_FIXTURE_TEST_SUITE(what_does_not_count, ConsumersScene)

BOOST_AUTO_TEST_CASE(what_is_about_to_be_built_although_somebody_has_it_is_told_once) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        co_await plan();
        auto news = consumers->uncounted().find();
        BOOST_TEST_REQUIRE(news.size() == 1U);
        BOOST_TEST((news[0].severity == event::Severity::warning));
        BOOST_TEST_CONTEXT(news[0].text + " / " + news[0].hint) {
            BOOST_TEST(news[0].text.find("https://up.example") != std::string::npos);
            BOOST_TEST(news[0].text.find("nixos:box") != std::string::npos);
            BOOST_TEST(news[0].hint.find(signer.public_key().to_string()) != std::string::npos);
            BOOST_TEST(news[0].hint.find(report::UncountedUpstream::option) != std::string::npos);
        }
        BOOST_TEST(consumers->uncounted().find().empty());
        BOOST_TEST_REQUIRE(consumers->uncounted().found().size() == 1U);
        BOOST_TEST(consumers->uncounted().found()[0].paths == 2U);
        BOOST_TEST(consumers->uncounted().found()[0].of == 3U);
        BOOST_TEST(consumers->uncounted().explain(world.path("lib")).find("does not trust it") != std::string::npos);
        BOOST_TEST(consumers->uncounted().explain(world.path("app")).empty());
    });
}

BOOST_AUTO_TEST_CASE(another_host_is_news) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        co_await plan();
        BOOST_TEST(consumers->uncounted().find().size() == 1U);
        add("home:kim", "substituters = https://elsewhere.example");
        co_await plan();
        BOOST_TEST(consumers->uncounted().find().size() == 1U);
        BOOST_TEST(consumers->uncounted().found()[0].hosts.size() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(only_hosts_that_do_not_trust_it_are_named) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        add_friend();
        co_await plan();
        BOOST_TEST(consumers->uncounted().find().size() == 1U);
        BOOST_TEST(consumers->uncounted().found()[0].hosts == std::vector<std::string>{"nixos:box"});
    });
}

BOOST_AUTO_TEST_CASE(a_host_that_trusts_it_is_none_of_them) {
    run([&](async::Executor) -> async::Task<void> {
        add_friend();
        co_await plan();
        BOOST_TEST(consumers->uncounted().find().empty());
        BOOST_TEST(consumers->uncounted().explain(world.path("lib")).empty());
    });
}

BOOST_AUTO_TEST_CASE(what_was_found_stays_so_when_it_has_been_built) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        co_await plan();
        static_cast<void>(consumers->uncounted().find());
        judge->note_published(store_path("lib"));
        co_await plan();
        BOOST_TEST(consumers->uncounted().find().empty());
        BOOST_TEST(consumers->uncounted().found()[0].paths == 2U);
        for (const auto* name : {"dev", "app"}) {
            ours->serve(store_path(name));
            judge->note_published(store_path(name));
        }
        co_await plan();
        BOOST_TEST(live->now().builds.empty());
        BOOST_TEST(consumers->uncounted().find().empty());
        BOOST_TEST(consumers->uncounted().found()[0].paths == 2U);
    });
}

BOOST_AUTO_TEST_CASE(an_upstream_that_is_out_is_not_asked) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        up->fault = Fault::forbidden;
        co_await plan();
        BOOST_TEST(consumers->uncounted().find().empty());
        world.derivation("late").target("late");
        live->add(world.targets.back(), live->hosts().front());
        world.facts_of("late").asked = judge->all() & ~judge->views().all_of(1);
        world.facts_of("late").valid_here = false;
        consumers->refresh_trust();
        consumers->refresh_counting();
        live->make(world.policy);
        BOOST_TEST_REQUIRE(live->now().builds.size() == 4U);
        BOOST_TEST(consumers->uncounted().questions().empty());
    });
}

BOOST_AUTO_TEST_SUITE_END()
