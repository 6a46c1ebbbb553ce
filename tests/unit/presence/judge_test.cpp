#include "async/task_group.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "judge_fixture.hpp"
#include "presence/judge.hpp"
#include "presence/views.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using presence::Judge;
using presence::Patience;

BOOST_FIXTURE_TEST_SUITE(judging, JudgeFixture)

BOOST_AUTO_TEST_CASE(the_walk_follows_references_into_the_caches_that_count) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        own->serve(store_path("top"), {store_path("lib")});
        upstreams[0]->serve(store_path("lib"));
        co_await ask(named("top"), 0b11);
        BOOST_TEST(present("top") == 0b01U);
        BOOST_TEST(present("lib") == 0b10U);
        BOOST_TEST(own->questions == 2U);
        BOOST_TEST(upstreams[0]->questions == 1U);
    });
}

BOOST_AUTO_TEST_CASE(what_was_forgotten_while_it_went_up_is_asked_what_it_refers_to) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        auto lib = store_path("lib");
        auto top = world.path("top");
        own->serve(store_path("top"), {lib});
        judge->forget(top);
        judge->note_published(store_path("top"));
        BOOST_TEST(!facts.of(top).references_known);
        co_await ask(named("top"), 0b01);
        BOOST_TEST(present("top") == 0b01U);
        BOOST_TEST(facts.of(top).references_known);
        BOOST_TEST((facts.of(top).references == std::vector{world.path("lib")}));
        auto questions = own->questions;
        co_await ask(named("top"), 0b01);
        BOOST_TEST(own->questions == questions);
    });
}

BOOST_AUTO_TEST_CASE(while_a_cache_is_away_one_asks_for_all) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        std::vector<std::string> names;
        for (int i = 0; i < 100; ++i) {
            names.push_back("p" + std::to_string(i));
            upstreams[0]->serve(store_path(names.back()));
        }
        co_await ask(named("p0"), 0b10);
        upstreams[0]->fault = Fault::unavailable;
        upstreams[0]->until = 100s;
        upstreams[0]->questions = 0;
        co_await ask(names, 0b10);
        for (const auto& name : names) BOOST_TEST(present(name) == 0b10U);
        // Each once in vain and once for its answer, and some tries between.
        BOOST_TEST(upstreams[0]->questions < 99U + 99U + 40U);
        BOOST_TEST((sink.waits.front().patience == 600s));
        BOOST_TEST((sink.waits.back().state == event::CacheWaiting::State::back));
    });
}

BOOST_AUTO_TEST_CASE(one_path_in_trouble_is_unknown_alone_and_named) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        for (const auto* name : {"a", "b", "c"}) upstreams[0]->serve(store_path(name));
        upstreams[0]->fault = Fault::one_path;
        upstreams[0]->victim = store_path("b");
        co_await ask(named("a", "b", "c"), 0b10);
        BOOST_TEST(present("a") == 0b10U);
        BOOST_TEST(facts.of(world.path("b")).unknown == 0b10U);
        BOOST_TEST(present("c") == 0b10U);
        BOOST_TEST(!judge->is_out(1));
        BOOST_TEST_REQUIRE(judge->unasked().size() == 1U);
        BOOST_TEST((judge->unasked()[0].example == store_path("b")));
        BOOST_TEST(judge->unasked()[0].why.one_line().find("500") != std::string::npos);
        BOOST_TEST((clock.elapsed() > 30s && clock.elapsed() <= 60s));
    });
}

BOOST_AUTO_TEST_CASE(another_upstream_that_has_it_makes_the_silence_of_the_first_harmless) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, {}, 2);
        upstreams[0]->fault = Fault::refused;
        upstreams[1]->serve(store_path("lib"));
        co_await ask(named("lib"), 0b111);
        BOOST_TEST(present("lib") == 0b100U);
    });
}

BOOST_AUTO_TEST_CASE(an_optional_upstream_that_stays_away_counts_as_empty_and_that_is_told) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        upstreams[0]->address().optional = true;
        upstreams[0]->fault = Fault::refused;
        co_await ask(named("lib"), 0b11);
        BOOST_TEST(facts.of(world.path("lib")).unknown == 0U);
        BOOST_TEST(facts.of(world.path("lib")).asked == 0b11U);
        BOOST_TEST_REQUIRE(judge->unasked().size() == 1U);
        BOOST_TEST(judge->unasked()[0].counts_as_empty);
    });
}

BOOST_AUTO_TEST_CASE(offline_by_intent_nothing_is_waited_for_that_was_never_reached) {
    run([&](async::Executor executor) -> async::Task<void> {
        Patience patience;
        patience.offline = true;
        start(executor, patience);
        upstreams[0]->fault = Fault::refused;
        co_await ask(named("lib"), 0b11);
        BOOST_TEST(facts.of(world.path("lib")).asked == 0b11U);
        BOOST_TEST((clock.elapsed() == 0ms));
        // Whoever plans says what follows, in one line; it is no news that it cannot be asked.
        BOOST_TEST(sink.waits.empty());
        BOOST_TEST(judge->unasked().size() == 1U);
        // The own cache has answered: it is waited for all the same.
        own->fault = Fault::unavailable;
        co_await ask(named("tool"), 0b01);
        BOOST_TEST(facts.of(world.path("tool")).unknown == 0b01U);
        BOOST_TEST((clock.elapsed() > 500s));
    });
}

BOOST_AUTO_TEST_CASE(whoever_is_interrupted_waits_no_longer) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        upstreams[0]->serve(store_path("warm"));
        co_await ask(named("warm"), 0b10);
        upstreams[0]->fault = Fault::refused;
        async::TaskGroup group(executor);
        auto asking = [this]() -> async::Task<void> { co_await ask(named("a", "b"), 0b10); };
        auto stopping = [this, executor]() -> async::Task<void> {
            async::Nap nap(executor);
            co_await clock.sleep_until(nap, clock.now() + 30s);
            judge->stop_waiting();
        };
        group.spawn(asking());
        group.spawn(stopping());
        co_await group.join();
        BOOST_TEST((clock.elapsed() <= 31s));
        BOOST_TEST(facts.of(world.path("a")).unknown == 0b10U);
        BOOST_TEST(facts.of(world.path("b")).unknown == 0b10U);
    });
}

BOOST_AUTO_TEST_CASE(an_address_without_a_binary_cache_is_empty_at_once_and_named) {
    run([&](async::Executor executor) -> async::Task<void> {
        struct NoCache final : MemoryCache {
            using MemoryCache::MemoryCache;
            async::Task<Result<cache::CacheInfo>> open() override {
                co_return Failure(FailureKind::not_found, "it has no nix-cache-info").with_http_status(404);
            }
        };
        start(executor, {}, 0);
        judge->add_upstream(std::make_unique<NoCache>(executor));
        co_await ask(named("lib"), 0b11);
        BOOST_TEST(facts.of(world.path("lib")).asked == 0b11U);
        BOOST_TEST((clock.elapsed() == 0ms));
        BOOST_TEST_REQUIRE(!sink.messages.empty());
        BOOST_TEST(sink.messages[0].text.find("nix-cache-info") != std::string::npos);
    });
}

BOOST_AUTO_TEST_CASE(a_cache_of_which_no_key_is_known_is_believed_whatever_it_is_signed_with) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        BOOST_TEST(!judge->own_trust().checks());
        auto key = nix::SecretKey::generate("k-1");
        judge = std::make_unique<Judge>(executor, clock, world.graph, facts, sink, Patience());
        auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        cache->serve(store_path("lib"));
        judge->add_own({.backend = std::move(cache), .info = {}, .keys = {key.public_key()}});
        co_await ask(named("lib"), 0b01);
        BOOST_TEST(present("lib") == 0U);
        BOOST_TEST(facts.of(world.path("lib")).asked == 0b01U);
    });
}

BOOST_AUTO_TEST_CASE(what_is_here_is_vouched_for_by_who_counts_and_serves_the_same_bytes) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, {}, 2);
        upstreams[0]->serve(store_path("lib"));
        auto narinfo = (co_await upstreams[0]->get_narinfo(store_path("lib"))).value().value();
        nix::PathInfo here{.path = store_path("lib"),
                           .nar_hash = narinfo.nar_hash,
                           .nar_size = 1,
                           .references = {},
                           .deriver = {},
                           .registration_time = {},
                           .ultimate = false,
                           .signatures = {},
                           .content_address = {}};
        co_await ask(named("lib"), 0b111); // what counts grows with what is seen
        BOOST_TEST((co_await judge->is_vouched_for(here, in_all_eyes(0b010))).value());
        BOOST_TEST(!(co_await judge->is_vouched_for(here, in_all_eyes(0b101))).value());
        auto questions = upstreams[0]->questions;
        BOOST_TEST(!(co_await judge->is_vouched_for(here, in_all_eyes(0b101))).value());
        BOOST_TEST(upstreams[0]->questions == questions);
        here.nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "something else");
        BOOST_TEST(!(co_await judge->is_vouched_for(here, in_all_eyes(0b010))).value());
        // Nobody says so, and one could not be asked.
        upstreams[0]->fault = Fault::refused;
        judge->forget_all();
        BOOST_TEST(!(co_await judge->is_vouched_for(here, in_all_eyes(0b010))).has_value());
    });
}

BOOST_AUTO_TEST_CASE(what_the_own_cache_has_with_a_foreign_signature_is_told_once_with_all_it_takes_to_mend_it) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        auto key = nix::SecretKey::generate("own-1"), stranger = nix::SecretKey::generate("stranger-1");
        judge = std::make_unique<Judge>(executor, clock, world.graph, facts, sink, Patience());
        auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        cache->address() = cache::CacheUri::parse("https://own.example").value();
        auto& visible = cache->visible;
        for (const auto* name : {"lib", "bare", "forged"}) cache->serve(store_path(name));
        auto& lib = visible.at(store_path("lib")).info;
        lib.signatures = {stranger.sign(lib.fingerprint()).value()};
        visible.at(store_path("bare")).info.signatures.clear();
        auto& forged = visible.at(store_path("forged")).info;
        forged.signatures = {key.sign(lib.fingerprint()).value()};
        judge->add_own({.backend = std::move(cache), .info = {}, .keys = {key.public_key()}});
        for (int look = 0; look < 3; ++look) {
            judge->forget_all();
            co_await ask(named("lib"), 0b01);
            BOOST_TEST(present("lib") == 0U);
            BOOST_TEST(facts.of(world.path("lib")).refused);
        }
        BOOST_TEST_REQUIRE(sink.messages.size() == 1U);
        BOOST_TEST(sink.messages[0].text == store_path("lib").to_string() +
                                                " in https://own.example is not signed by a key "
                                                "that counts, but by stranger-1");
        auto place =
            "remove https://own.example/" + std::string(store_path("lib").hash_part()) + ".narinfo, then run again";
        BOOST_TEST(sink.messages[0].hint.find(place) != std::string::npos, sink.messages[0].hint);
        BOOST_TEST(judge->why_refused(store_path("lib")) ==
                   "https://own.example has it, and it is not signed by a key that counts, but by stranger-1");
        co_await ask(named("bare"), 0b01);
        BOOST_TEST(sink.messages.at(1).text.ends_with("not signed by a key that counts, nor by any other"));
        co_await ask(named("forged"), 0b01);
        BOOST_TEST(sink.messages.at(2).text.ends_with(
            "a key that counts: what it has in the name of own-1 is no signature of that key"));
        lib.signatures.push_back(key.sign(lib.fingerprint()).value()); // somebody has mended it
        judge->forget_all();
        co_await ask(named("lib"), 0b01);
        BOOST_TEST(present("lib") != 0U);
        BOOST_TEST(!facts.of(world.path("lib")).refused);
        BOOST_TEST(judge->why_refused(store_path("lib")) == "");
    });
}

BOOST_AUTO_TEST_CASE(where_a_question_about_many_gets_no_sensible_answer_each_path_is_asked_about) {
    run([&](async::Executor executor) -> async::Task<void> {
        start_without_bulk_answers(executor, false);
        for (int time = 0; time < 2; ++time) {
            std::vector<plan::PathId> paths{world.path("lib"), world.path("tool")};
            auto told = co_await judge->ask_bulk(std::move(paths));
            BOOST_TEST(told.has_value(), (told ? "" : told.error().one_line()));
        }
        BOOST_TEST(own->questions == 1U);
        BOOST_TEST_REQUIRE(sink.messages.size() == 1U);
        BOOST_TEST(sink.messages[0].text ==
                   "https://own.example cannot be asked about many paths at once: own.example answered no HTTP");
        co_await ask(named("lib", "tool"), 0b01);
        BOOST_TEST(present("lib") == 0b01U);
        BOOST_TEST(present("tool") == 0U);
    });
}

BOOST_AUTO_TEST_CASE(an_answer_that_makes_no_sense_is_absent_for_who_fills_and_unknown_for_who_doubts) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        own->serve(store_path("lib"));
        own->narinfos_are_nonsense = true;
        co_await ask(named("lib"), 0b01);
        BOOST_TEST(facts.of(world.path("lib")).asked == 0b01U);
        BOOST_TEST(judge->unasked().empty());
        BOOST_TEST(judge->is_answered_with_nonsense(store_path("lib")));
        judge->doubt_nonsense();
        judge->forget_all();
        co_await ask(named("lib"), 0b01);
        BOOST_TEST(facts.of(world.path("lib")).unknown == 0b01U);
        BOOST_TEST(judge->unasked().size() == 1U);
        own->narinfos_are_nonsense = false;
        judge->forget_all();
        co_await ask(named("lib"), 0b01);
        BOOST_TEST(present("lib") == 0b01U);
        BOOST_TEST(!judge->is_answered_with_nonsense(store_path("lib")));
    });
}

BOOST_AUTO_TEST_CASE(what_a_hiding_cache_cannot_claim_is_judged_by_its_narinfos) {
    run([&](async::Executor executor) -> async::Task<void> {
        start_without_bulk_answers(executor, true);
        Judge::Counting counting = [] { return plan::every_cache; };
        for (auto name : {"lib", "tool"}) {
            auto served = co_await judge->is_served(store_path(name), counting);
            BOOST_REQUIRE(served.has_value());
            BOOST_TEST(*served == (std::string_view(name) == "lib"));
        }
    });
}

BOOST_AUTO_TEST_CASE(after_a_last_look_a_lost_cache_gets_one_more_chance_and_no_patience) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        upstreams[0]->serve(store_path("lib"));
        upstreams[0]->fault = Fault::refused;
        co_await ask(named("lib"), 0b10);
        BOOST_TEST(judge->is_out(1));
        auto then = clock.elapsed();
        judge->forget_all();
        co_await ask(named("lib"), 0b10);
        BOOST_TEST(facts.of(world.path("lib")).unknown == 0b10U);
        BOOST_TEST((clock.elapsed() == then));
        upstreams[0]->fault.reset();
        judge->forget_all();
        co_await ask(named("lib"), 0b10);
        BOOST_TEST(present("lib") == 0b10U);
    });
}

BOOST_AUTO_TEST_SUITE_END()
