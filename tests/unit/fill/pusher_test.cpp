#include "fill/pusher.hpp"
#include "options/settings.hpp"
#include "presence/opened_cache.hpp"
#include "support/machine.hpp"
#include "support/memory_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using event::PushOutcome;
using fill::Pusher;
using Step = MemoryCache::Step;
using namespace std::chrono_literals;

namespace {

// A machine and one pusher to a cache in memory.
struct Scene : Machine {
    StoreConnection connection{infos};
    std::set<nix::StorePath> served_before, lost_archives;
    cache::CacheInfo info;
    std::function<async::Task<Result<void>>(Step, nix::StorePath)> script;
    std::vector<nix::StorePath> published; // in order
    std::size_t holes = 0;
    std::map<std::string, PushOutcome> settled;
    push::PushSettings push_settings;

    Scene() {
        info.name = "memory";
        info.permission = cache::Permission::write;
        push_settings.retry_later.first_delay = 1ms;
        push_settings.retry_later.budget = 0ms;
    }

    using Body = std::function<async::Task<void>(Pusher&, MemoryCache&)>;
    void with_pusher(Body body) {
        auto work = [&](session::Session& session) -> async::Task<void> {
            auto backend = std::make_unique<MemoryCache>(session.executor());
            auto& cache = *backend;
            cache.script = script;
            for (const auto& path : served_before) put(cache, path);
            cache.lost_archives = lost_archives;
            presence::OpenedCache target{.backend = std::move(backend), .info = info, .keys = info.public_keys};
            Pusher pusher(session, std::move(target), {}, messages);
            pusher.use(connection);
            co_await body(pusher, cache);
            published = cache.published;
            holes = cache.holes.size();
        };
        run(work);
    }
    push::Ledger push(std::vector<nix::StorePath> paths) {
        push::Ledger ledger;
        with_pusher([&](Pusher& pusher, MemoryCache&) -> async::Task<void> {
            Pusher::OnSettled on_settled = [this](const nix::StorePath& path, const push::PushRecord& record) {
                settled.emplace(path.name(), record.outcome);
            };
            ledger = co_await pusher.push(paths, push_settings, std::move(on_settled));
        });
        return ledger;
    }
    std::vector<std::string> names_published() const {
        std::vector<std::string> names;
        for (const auto& path : published) names.emplace_back(path.name());
        return names;
    }

  private:
    void put(MemoryCache& cache, const nix::StorePath& path) {
        cache.put(path);
        auto known = infos.find(path);
        if (known == infos.end()) return;
        auto& narinfo = cache.visible.at(path).info;
        narinfo.nar_hash = known->second.nar_hash;
        narinfo.nar_size = known->second.nar_size;
        narinfo.references = known->second.references;
        narinfo.compression = codec::Compression::zstd;
    }
};

const Pusher::OnSettled nobody;

using Names = std::vector<std::string>;
using Outcomes = std::map<std::string, PushOutcome>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(pusher, Scene)

BOOST_AUTO_TEST_CASE(a_path_goes_up_after_all_that_it_refers_to) {
    auto libc = add("libc"), lib = add("lib", {libc}), top = add("top", {lib, libc});
    auto ledger = push({top});
    BOOST_TEST((names_published() == Names{"libc", "lib", "top"}));
    BOOST_TEST(holes == 0U);
    BOOST_TEST(ledger.size() == 3U);
    BOOST_TEST(
        (settled ==
         Outcomes{{"libc", PushOutcome::published}, {"lib", PushOutcome::published}, {"top", PushOutcome::published}}));
}

BOOST_AUTO_TEST_CASE(what_the_cache_serves_stays_where_it_is) {
    auto libc = add("libc"), top = add("top", {libc});
    served_before = {libc};
    push({top});
    BOOST_TEST((names_published() == Names{"top"}));
    served_before = {libc, top};
    settled.clear();
    push({top});
    BOOST_TEST((names_published() == Names{}));
    BOOST_TEST((settled == Outcomes{{"top", PushOutcome::already_there}}));
}

BOOST_AUTO_TEST_CASE(whoever_is_asked_whether_it_is_served_learns_it_from_the_cache) {
    auto there = add("there"), absent = add("absent");
    served_before = {there};
    with_pusher([&](Pusher& pusher, MemoryCache&) -> async::Task<void> {
        BOOST_TEST((co_await pusher.is_served(there)).value());
        BOOST_TEST(!(co_await pusher.is_served(absent)).value());
        BOOST_TEST(pusher.info().name == "memory");
    });
}

BOOST_AUTO_TEST_CASE(what_was_fetched_is_told_from_what_was_built_here) {
    auto fetched = add("fetched"), built = add("built", {fetched});
    infos.at(fetched).ultimate = false;
    push_settings.push_foreign = true;
    with_pusher([&](Pusher& pusher, MemoryCache&) -> async::Task<void> {
        std::vector<nix::StorePath> paths{built};
        co_await pusher.push(std::move(paths), push_settings, nobody);
        BOOST_TEST(pusher.was_built_here(built));
        BOOST_TEST(!pusher.was_built_here(fetched));
        BOOST_TEST(!pusher.was_built_here(some_path("never-looked-at")));
    });
}

BOOST_AUTO_TEST_CASE(what_the_cache_refuses_takes_with_it_what_refers_to_it_and_nothing_else) {
    auto bad = add("bad"), above = add("above", {bad}), good = add("good");
    script = [bad](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (step == Step::finish && path == bad) co_return Failure(FailureKind::auth, "no more room");
        co_return Result<void>();
    };
    auto ledger = push({above, good});
    BOOST_TEST((names_published() == Names{"good"}));
    BOOST_TEST((ledger.at(bad).outcome == PushOutcome::failed));
    BOOST_TEST(ledger.at(bad).reason.find("no more room") != std::string::npos);
    BOOST_TEST((ledger.at(above).outcome == PushOutcome::failed));
    BOOST_TEST((ledger.at(good).outcome == PushOutcome::published));
}

BOOST_AUTO_TEST_CASE(a_plan_names_what_would_go_up_and_sends_nothing) {
    auto libc = add("libc"), top = add("top", {libc});
    push_settings.only_plan = true;
    auto ledger = push({top});
    BOOST_TEST(ledger.size() == 2U);
    for (const auto& [path, record] : ledger) BOOST_TEST((record.outcome == PushOutcome::not_pushed));
    BOOST_TEST(published.empty());
}

BOOST_AUTO_TEST_CASE(who_is_stopped_leaves_nothing_half_done) {
    auto path = add("path");
    with_pusher([&](Pusher& pusher, MemoryCache& cache) -> async::Task<void> {
        cache.script = [&](Step step, nix::StorePath) -> async::Task<Result<void>> {
            if (step == Step::begin) pusher.stop(0ms);
            co_return Result<void>();
        };
        std::vector<nix::StorePath> paths{path};
        auto ledger = co_await pusher.push(std::move(paths), push_settings, nobody);
        BOOST_TEST((ledger.at(path).outcome == PushOutcome::not_pushed));
        BOOST_TEST(cache.open_uploads == 0U);
        BOOST_TEST(cache.forgotten == 0U);
        BOOST_TEST(cache.visible.empty());
        cache.script = {};
        std::vector<nix::StorePath> again{path};
        auto second = co_await pusher.push(std::move(again), push_settings, nobody);
        BOOST_TEST((second.at(path).outcome == PushOutcome::published));
    });
}

BOOST_AUTO_TEST_CASE(archives_that_the_cache_lost_are_put_back) {
    auto libc = add("libc"), top = add("top", {libc}), absent = add("absent");
    served_before = {libc, top};
    lost_archives = {libc};
    with_pusher([&](Pusher& pusher, MemoryCache& cache) -> async::Task<void> {
        std::vector<nix::StorePath> paths{top, absent};
        auto left = co_await pusher.put_back_archives(std::move(paths), push_settings);
        BOOST_REQUIRE(left.has_value());
        BOOST_TEST(left->empty());
        BOOST_TEST(cache.lost_archives.empty());
        BOOST_TEST(cache.times_asked(Step::begin, libc) == 1U);
        BOOST_TEST(cache.times_asked(Step::begin, top) == 0U);
        BOOST_TEST(cache.times_asked(Step::begin, absent) == 0U); // a narinfo that is not there promises nothing
    });
    BOOST_TEST(messages.text().find("showed 1 path") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cache_that_looks_for_itself_is_not_asked_for_archives) {
    auto top = add("top");
    served_before = {top};
    lost_archives = {top};
    info.hides_incomplete_closures = true;
    with_pusher([&](Pusher& pusher, MemoryCache& cache) -> async::Task<void> {
        std::vector<nix::StorePath> paths{top};
        auto left = co_await pusher.put_back_archives(std::move(paths), push_settings);
        BOOST_REQUIRE(left.has_value());
        BOOST_TEST(left->empty());
        BOOST_TEST(cache.asked.empty());
    });
    BOOST_TEST(connection.questions.empty());
}

BOOST_AUTO_TEST_CASE(a_daemon_that_is_gone_is_a_failure_of_each_path) {
    auto top = add("top");
    connection.failure = Failure(FailureKind::store, "the daemon hung up");
    auto ledger = push({top});
    BOOST_TEST((ledger.at(top).outcome == PushOutcome::failed));
    BOOST_TEST(ledger.at(top).reason.find("the daemon hung up") != std::string::npos);
    BOOST_TEST(published.empty());
}

BOOST_AUTO_TEST_CASE(an_upstream_that_makes_no_sense_is_told_and_the_push_goes_on) {
    settings.upstreams = {GivenUrl("ftp://x")};
    auto top = add("top");
    push({top});
    BOOST_TEST((names_published() == Names{"top"}));
    BOOST_REQUIRE(!messages.all.empty());
    BOOST_TEST((messages.all[0].severity == event::Severity::error));
}

BOOST_AUTO_TEST_CASE(what_the_options_say_of_pushing) {
    options::Settings given;
    given.uploads = 3;
    given.memory = 7 << 20;
    given.compression_level = 9;
    given.exclude_push = {"*.iso"};
    given.push_foreign = true;
    given.size_budget = 5;
    given.retry_budget = 20s;
    auto made = fill::push_settings_from(given);
    BOOST_TEST(made.uploads == 3U);
    BOOST_TEST(made.memory_budget == 7U << 20);
    BOOST_TEST(made.compression_level == 9);
    BOOST_TEST((made.exclude == std::vector<std::string>{"*.iso"}));
    BOOST_TEST(made.push_foreign);
    BOOST_TEST(made.size_budget == 5U);
    BOOST_TEST((made.retry_later.budget == 60s)); // later tries are among many
}

BOOST_AUTO_TEST_SUITE_END()
