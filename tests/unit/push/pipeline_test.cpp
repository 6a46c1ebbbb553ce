#include "event/event.hpp"
#include "pushing.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <unordered_map>

using namespace cachefill;
using namespace cachefill::push;
using namespace std::chrono_literals;
using event::PushOutcome;
using test::MemoryCache;
using Step = MemoryCache::Step;
using Paths = std::vector<nix::StorePath>;

namespace cachefill::nix {
std::ostream& operator<<(std::ostream& out, const StorePath& path) { return out << path.base_name(); }
} // namespace cachefill::nix
namespace cachefill::event {
std::ostream& operator<<(std::ostream& out, PushOutcome outcome) { return out << to_string(outcome); }
} // namespace cachefill::event

namespace {

Failure network_failure() { return Failure(FailureKind::network, "connection reset"); }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::size_t place(const Paths& paths, const nix::StorePath& path) {
    return static_cast<std::size_t>(std::find(paths.begin(), paths.end(), path) - paths.begin());
}

// Later ones reference up to four earlier ones each.
Paths add_random_paths(test::FakeStore& store, std::size_t count, std::mt19937& random) {
    Paths paths;
    for (std::size_t i = 0; i < count; ++i) {
        Paths references;
        if (i > 0)
            for (auto left = random() % 5; left > 0; --left) references.push_back(paths[random() % i]);
        std::sort(references.begin(), references.end());
        references.erase(std::unique(references.begin(), references.end()), references.end());
        paths.push_back(store.add("p" + std::to_string(i), references));
    }
    return paths;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pipeline, test::Pushing)

BOOST_AUTO_TEST_CASE(narinfos_go_up_after_their_references) {
    auto base = store.add("base");
    auto left = store.add("left", {base});
    auto right = store.add("right", {base});
    auto top = store.add("top", {left, right});
    push({top, right, left, base});
    BOOST_TEST(cache.holes.empty());
    BOOST_TEST(cache.published.size() == 4U);
    BOOST_TEST(place(cache.published, base) == 0U);
    BOOST_TEST(place(cache.published, top) == 3U);
    BOOST_TEST(pipeline->unsettled() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_published_is_what_the_store_has) {
    auto library = store.add("library");
    auto path = store.add("program", {library}, test::half_compressible(100'000, 1));
    auto& info = store.infos.at(path);
    info.references.push_back(path); // itself
    info.deriver = nix::StorePath::parse_base_name("00000000000000000000000000000000-program.drv").value();
    info.content_address = "text:sha256:0000000000000000000000000000000000000000000000000000";
    push({path});
    const auto& stored = cache.visible.at(path);
    BOOST_TEST((stored.info.nar_hash == info.nar_hash));
    BOOST_TEST(stored.info.nar_size == info.nar_size);
    BOOST_TEST(stored.info.references == info.references, boost::test_tools::per_element());
    BOOST_TEST((stored.info.deriver == info.deriver));
    BOOST_TEST(stored.info.content_address == info.content_address);
    std::string nar;
    auto decompressor = codec::make_decompressor(codec::Compression::zstd).value();
    BOOST_REQUIRE(decompressor->write(stored.bytes, nar));
    BOOST_TEST((codec::hash_bytes(codec::HashAlgorithm::sha256, nar) == info.nar_hash));
    BOOST_TEST(record(path).file_size == stored.bytes.size());
}

BOOST_AUTO_TEST_CASE(the_missing_part_of_a_closure_goes_up_and_nothing_below_what_is_served) {
    auto hidden = store.add("hidden"); // below what is served whole
    auto served = store.add("served", {hidden});
    auto missing = store.add("missing", {served});
    auto top = store.add("top", {missing, served});
    cache.served_elsewhere = {served};
    push({top});
    BOOST_TEST(cache.published == (Paths{missing, top}), boost::test_tools::per_element());
    BOOST_TEST(record(missing).in_closure_only);
    BOOST_TEST(!record(missing).built_by_this_run);
    BOOST_TEST(!record(top).in_closure_only);
    BOOST_TEST(record(top).built_by_this_run);
    BOOST_TEST(pipeline->ledger().count(served) == 0U);
    BOOST_TEST(std::count(infos_asked.begin(), infos_asked.end(), served) == 0);
}

BOOST_AUTO_TEST_CASE(a_plan_says_what_a_push_then_does_and_uploads_nothing) {
    auto served = store.add("served");
    auto source = store.add("source");
    auto above_source = store.add("above-source", {source});
    auto library = store.add("library", {served});
    auto tool = store.add("tool", {library});
    auto left_out = store.add("left-out", {library});
    auto large = store.add("large", {}, test::half_compressible(200'000, 1));
    cache.served_elsewhere = {served};
    settings.withheld.emplace(source, "it is the flake's own source");
    settings.exclude = {"left-*"};
    settings.size_budget = 100'000;
    const Paths wanted{tool, left_out, above_source, large, served};
    settings.only_plan = true;
    push(wanted);
    BOOST_TEST(cache.published.empty());
    BOOST_TEST(cache.times_asked(Step::begin, tool) == 0U);
    BOOST_TEST(pipeline->unsettled() == 0U);
    BOOST_TEST(settled.count(tool) == 0U);
    auto planned = pipeline->ledger();
    BOOST_TEST(planned.at(tool).planned);
    BOOST_TEST(planned.at(library).planned);
    BOOST_TEST(planned.at(library).in_closure_only);
    BOOST_TEST(!planned.at(left_out).planned);

    settings.only_plan = false;
    push(wanted);
    const auto& pushed = pipeline->ledger();
    BOOST_TEST(pushed.size() == planned.size());
    for (const auto& [path, record] : pushed) {
        BOOST_TEST(planned.at(path).planned == (record.outcome == PushOutcome::published), path.to_string());
        if (record.outcome == PushOutcome::published) continue;
        BOOST_TEST((planned.at(path).outcome == record.outcome), path.to_string());
        BOOST_TEST(planned.at(path).reason == record.reason);
    }
}

BOOST_AUTO_TEST_CASE(a_path_is_pushed_once_however_often_it_is_added) {
    auto library = store.add("library");
    auto top = store.add("top", {library});
    make();
    pipeline->add(top, true);
    pipeline->add(top, false);
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        while (running.unsettled() > 0) co_await boost::asio::post(loop, async::use_task);
        running.add(library, true); // already up, as a reference
        running.add(top, true);
        running.close();
    };
    run(beside);
    BOOST_TEST(cache.times_asked(Step::begin, top) == 1U);
    BOOST_TEST(cache.times_asked(Step::begin, library) == 1U);
    BOOST_TEST(settled.at(library).size() == 1U);
    BOOST_TEST(!record(library).in_closure_only);
    BOOST_TEST(record(library).built_by_this_run);
}

BOOST_AUTO_TEST_CASE(what_is_served_already_and_lost_races_are_already_there) {
    auto served = store.add("served");
    auto raced = store.add("raced");
    auto top = store.add("top", {raced});
    cache.served_elsewhere = {served};
    cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (step == Step::publish && path == raced) cache.put(raced);
        co_return Result<void>();
    };
    push({served, top});
    BOOST_TEST(outcome(served) == PushOutcome::already_there);
    BOOST_TEST(outcome(raced) == PushOutcome::already_there);
    BOOST_TEST(outcome(top) == PushOutcome::published);
}

BOOST_AUTO_TEST_CASE(a_thousand_random_paths_and_failures_leave_the_cache_closed_at_every_instant) {
    std::mt19937 random(3); // NOLINT(cert-msc51-cpp): repeatable on purpose
    auto paths = add_random_paths(store, 1000, random);
    // Near the top, or everything would depend on one of them.
    Paths damaged{paths[700], paths[911]}, cursed{paths[650], paths[980]};
    for (const auto& path : damaged) store.damage(path);
    cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (step == Step::finish && place(cursed, path) < cursed.size())
            co_return Failure(FailureKind::protocol, "the server answers nonsense");
        if (random() % 10 == 0) co_return network_failure();
        co_return Result<void>();
    };
    settings.waiting_to_publish = 20;
    auto order = paths;
    std::shuffle(order.begin(), order.end(), random);
    push(order);

    BOOST_TEST(cache.holes.empty());
    BOOST_TEST(pipeline->unsettled() == 0U);
    BOOST_TEST(cache.open_uploads == 0U);
    BOOST_TEST(cache.forgotten == 0U);
    BOOST_TEST(cache.most_waiting <= 20U + 64U); // held back, or being published
    std::size_t published = 0;
    for (const auto& path : paths) {
        const auto& references = store.infos.at(path).references;
        bool is_lost = place(damaged, path) < 2 || place(cursed, path) < 2 ||
                       std::any_of(references.begin(), references.end(),
                                   [&](const auto& r) { return outcome(r) != PushOutcome::published; });
        BOOST_TEST((outcome(path) == PushOutcome::published) == !is_lost, path << ": " << record(path).reason);
        BOOST_TEST(settled.at(path).size() == 1U);
        published += !is_lost;
    }
    BOOST_TEST(cache.published.size() == published);
    BOOST_TEST(published > 700U);
    BOOST_TEST(outcome(damaged[0]) == PushOutcome::withheld);
    BOOST_TEST(outcome(cursed[0]) == PushOutcome::failed);
}

BOOST_AUTO_TEST_CASE(one_slot_and_one_place_to_wait_are_enough) {
    std::mt19937 random(5); // NOLINT(cert-msc51-cpp): repeatable on purpose
    auto paths = add_random_paths(store, 60, random);
    std::reverse(paths.begin(), paths.end());
    settings.uploads = 1;
    settings.waiting_to_publish = 1;
    settings.memory_budget = 1000; // one chunk
    cache.script = [&](Step, nix::StorePath) -> async::Task<Result<void>> {
        if (random() % 8 == 0) co_return network_failure();
        co_return Result<void>();
    };
    push(paths);
    BOOST_TEST(cache.published.size() == paths.size());
    BOOST_TEST(cache.holes.empty());
}

// For there an upload that waits would hold a connection, and all that it has sent.
BOOST_AUTO_TEST_CASE(where_uploading_is_publishing_none_begins_before_its_references_are_served) {
    std::mt19937 random(7); // NOLINT(cert-msc51-cpp): repeatable on purpose
    auto paths = add_random_paths(store, 80, random);
    std::reverse(paths.begin(), paths.end());
    cache.takes_both_at_once = true;
    settings.uploads = 3;
    std::size_t early = 0, publishing = 0, most_publishing = 0;
    cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (step == Step::begin)
            for (const auto& reference : store.infos.at(path).references)
                if (reference != path && !cache.is_served(reference)) ++early;
        if (step == Step::publish) {
            most_publishing = std::max(most_publishing, ++publishing);
            co_await async::sleep_for(1ms);
            --publishing;
        }
        if (random() % 8 == 0) co_return network_failure();
        co_return Result<void>();
    };
    push(paths);
    BOOST_TEST(cache.published.size() == paths.size());
    BOOST_TEST(early == 0U);
    BOOST_TEST(most_publishing == 3U);
    BOOST_TEST(cache.holes.empty());
}

BOOST_AUTO_TEST_CASE(a_failing_reference_holds_back_only_so_many_uploads_and_gets_a_slot_again) {
    auto base = store.add("base");
    Paths paths{base};
    for (int i = 0; i < 40; ++i) paths.push_back(store.add("r" + std::to_string(i), {base}));
    settings.waiting_to_publish = 3;
    settings.uploads = 4;
    settings.retry_later.first_delay = settings.retry_later.longest_delay = 50ms;
    int tries = 0;
    cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (path == base && step == Step::finish && ++tries <= 2) co_return network_failure();
        co_return Result<void>();
    };
    std::size_t most_waiting = 0;
    cache.on_published = [&](const nix::StorePath& path) {
        if (path == base) most_waiting = cache.most_waiting;
    };
    push(paths);
    BOOST_TEST(cache.published.size() == paths.size());
    BOOST_TEST(most_waiting == 4U); // three held back, and the base itself
}

BOOST_AUTO_TEST_CASE(memory_for_chunks_stays_within_the_budget) {
    settings.memory_budget = 128 * 1024;
    settings.part_size = 64 * 1024;
    settings.compression = codec::Compression::none;
    Paths paths;
    for (int i = 0; i < 20; ++i)
        paths.push_back(store.add("p" + std::to_string(i), {}, test::half_compressible(300'000, 1)));
    push(paths);
    BOOST_TEST(cache.published.size() == paths.size());
    BOOST_TEST(cache.most_bytes_held > 64U * 1024);
    BOOST_TEST(cache.most_bytes_held <= settings.memory_budget);
    BOOST_TEST(cache.oversized_chunks == 0U);
}

BOOST_AUTO_TEST_CASE(uploads_at_once_are_bounded) {
    Paths paths;
    for (int i = 0; i < 30; ++i) paths.push_back(store.add("p" + std::to_string(i)));
    settings.uploads = 3;
    std::size_t running = 0, most = 0;
    async::Signal all_run(loop.get_executor());
    cache.script = [&](Step step, nix::StorePath) -> async::Task<Result<void>> {
        if (step == Step::begin) {
            most = std::max(most, ++running);
            all_run.notify_all();
            while (most < 3) co_await all_run.wait(); // the first ones wait for as many as there may be
        }
        if (step == Step::finish) --running;
        co_return Result<void>();
    };
    push(paths);
    BOOST_TEST(most == 3U);
}

// Damage

BOOST_AUTO_TEST_CASE(a_damaged_path_is_withheld_and_so_is_all_that_references_it) {
    auto fine = store.add("fine");
    auto damaged = store.add("damaged");
    auto middle = store.add("middle", {damaged, fine});
    auto top = store.add("top", {middle});
    store.damage(damaged);
    push({top});
    BOOST_TEST(cache.published == Paths{fine}, boost::test_tools::per_element());
    BOOST_TEST(outcome(damaged) == PushOutcome::withheld);
    BOOST_TEST(contains(record(damaged).reason, "but the store recorded sha256:"));
    for (const auto& path : {middle, top}) {
        BOOST_TEST(outcome(path) == PushOutcome::withheld);
        BOOST_TEST(record(path).reason == "reference " + damaged.to_string() + " is withheld");
    }
    BOOST_TEST(cache.times_asked(Step::begin, damaged) == 0U); // small: seen before anything is sent
}

BOOST_AUTO_TEST_CASE(nothing_of_a_large_damaged_path_becomes_visible) {
    settings.part_size = 64 * 1024;
    auto damaged = store.add("damaged", {}, test::half_compressible(3'000'000, 2));
    store.damage(damaged);
    push({damaged});
    BOOST_TEST(cache.times_asked(Step::write, damaged) > 1U);
    BOOST_TEST(cache.times_asked(Step::publish, damaged) == 0U);
    BOOST_TEST(cache.visible.empty());
    BOOST_TEST(cache.aborted == 1U);
    BOOST_TEST(cache.forgotten == 0U);
    BOOST_TEST(outcome(damaged) == PushOutcome::withheld);
}

BOOST_AUTO_TEST_CASE(files_that_are_gone_are_damage) {
    auto phantom = store.add("phantom");
    std::filesystem::remove(store.physical(phantom));
    push({phantom});
    BOOST_TEST(outcome(phantom) == PushOutcome::withheld);
    BOOST_TEST(contains(record(phantom).reason, "is missing"));
}

BOOST_AUTO_TEST_CASE(a_repaired_path_goes_up) {
    auto damaged = store.add("damaged");
    auto top = store.add("top", {damaged});
    store.damage(damaged);
    int repairs = 0;
    environment.repair = [&](nix::StorePath path) -> async::Task<bool> {
        ++repairs;
        store.damage(path); // twice is none
        co_return true;
    };
    push({top});
    BOOST_TEST(repairs == 1);
    BOOST_TEST(cache.published == (Paths{damaged, top}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(repair_is_tried_once) {
    auto damaged = store.add("damaged");
    store.damage(damaged);
    int repairs = 0;
    environment.repair = [&](nix::StorePath) -> async::Task<bool> {
        ++repairs;
        co_return true; // it says so
    };
    push({damaged});
    BOOST_TEST(repairs == 1);
    BOOST_TEST(outcome(damaged) == PushOutcome::withheld);
}

// Rules

BOOST_AUTO_TEST_CASE(exclusion_acts_only_on_what_no_pushed_path_references) {
    auto lonely = store.add("debug-lonely");
    auto needed = store.add("debug-needed");
    auto below = store.add("debug-below"); // only an excluded path references it
    auto above = store.add("debug-above", {below});
    auto top = store.add("top", {needed});
    settings.exclude = {"debug-*"};
    push({lonely, needed, above, below, top});
    BOOST_TEST(cache.published == (Paths{needed, top}), boost::test_tools::per_element());
    for (const auto& path : {lonely, above, below}) {
        BOOST_TEST(outcome(path) == PushOutcome::not_pushed);
        BOOST_TEST(record(path).reason == "excluded by the pattern 'debug-*'");
    }
}

BOOST_AUTO_TEST_CASE(an_excluded_path_goes_up_with_its_closure_when_a_later_one_references_it) {
    auto deeper = store.add("debug-deeper");
    auto early = store.add("debug-early", {deeper});
    auto late = store.add("late", {early});
    settings.exclude = {"debug-*"};
    make();
    pipeline->add(deeper, true);
    pipeline->add(early, true);
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        for (int i = 0; i < 20; ++i) co_await boost::asio::post(loop, async::use_task);
        BOOST_TEST(running.ledger().empty());
        running.add(late, true);
        running.close();
    };
    run(beside);
    BOOST_TEST(cache.published == (Paths{deeper, early, late}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_withheld_source_and_what_references_it_stay_here) {
    auto source = store.add("source");
    auto top = store.add("top", {source});
    settings.withheld.emplace(source, "it is the flake's own source, and the cache is public");
    push({top});
    BOOST_TEST(cache.asked.empty());
    BOOST_TEST(outcome(source) == PushOutcome::withheld);
    BOOST_TEST(record(source).reason == "it is the flake's own source, and the cache is public");
    BOOST_TEST(outcome(top) == PushOutcome::withheld);
}

BOOST_AUTO_TEST_CASE(foreign_paths_are_reported_and_not_pushed) {
    auto foreign = store.add("foreign");
    auto top = store.add("top", {foreign});
    store.infos.at(foreign).ultimate = false;
    push({top});
    BOOST_TEST(cache.published.empty());
    BOOST_TEST(outcome(foreign) == PushOutcome::withheld);
    BOOST_TEST(contains(record(foreign).reason, "push-foreign"));
}

BOOST_AUTO_TEST_CASE(the_size_budget_is_spent_in_reference_order_and_the_rest_is_listed) {
    auto small = store.add("small", {}, std::string(1000, 'x'));
    auto large = store.add("large", {small}, std::string(100'000, 'x'));
    auto top = store.add("top", {large});
    auto other = store.add("other");
    settings.size_budget = 10'000;
    push({top, other});
    BOOST_TEST(outcome(small) == PushOutcome::published);
    BOOST_TEST(outcome(other) == PushOutcome::published);
    BOOST_TEST(outcome(large) == PushOutcome::not_pushed);
    BOOST_TEST(contains(record(large).reason, "budget of 9.8 KiB"));
    BOOST_TEST(record(top).reason == "reference " + large.to_string() + " was not pushed");
}

BOOST_AUTO_TEST_CASE(a_reference_that_is_neither_served_nor_valid_is_named) {
    auto gone = store.add("gone");
    auto top = store.add("top", {gone});
    store.infos.erase(gone);
    push({top});
    BOOST_TEST(outcome(gone) == PushOutcome::failed);
    BOOST_TEST(outcome(top) == PushOutcome::failed);
    BOOST_TEST(record(top).reason == "reference " + gone.to_string() + " could not be pushed");
}

BOOST_AUTO_TEST_CASE(references_in_a_circle_end_the_run_instead_of_hanging_it) {
    auto one = store.add("one");
    auto two = store.add("two", {one});
    store.infos.at(one).references = {two};
    push({one});
    BOOST_TEST(outcome(one) == PushOutcome::failed);
    BOOST_TEST(outcome(two) == PushOutcome::failed);
}

// Trouble

BOOST_AUTO_TEST_CASE(an_outage_is_said_once_and_outlasted) {
    Paths paths;
    for (int i = 0; i < 5; ++i) paths.push_back(store.add("p" + std::to_string(i)));
    auto until = std::chrono::steady_clock::now() + 60ms;
    cache.script = [&](Step, nix::StorePath) -> async::Task<Result<void>> {
        if (std::chrono::steady_clock::now() < until) co_return network_failure();
        co_return Result<void>();
    };
    settings.retry_later.budget = 0ms; // counts from close() on
    is_building = true;
    make();
    for (const auto& path : paths) pipeline->add(path, true);
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        while (running.unsettled() > 0) co_await async::sleep_for(1ms);
        running.close();
    };
    run(beside);
    BOOST_TEST(cache.published.size() == 5U);
    BOOST_TEST(record(paths[0]).while_building);
    auto messages = sink.all<event::Message>();
    BOOST_REQUIRE(messages.size() == 2U);
    BOOST_TEST(contains(messages[0].text, "memory stays away: connection reset"));
    BOOST_TEST(messages[1].text == "memory answers again");
    BOOST_TEST(sink.all<event::PushStarted>().size() == 5U);
}

BOOST_AUTO_TEST_CASE(what_never_heals_stands_in_the_ledger_with_its_reason) {
    auto path = store.add("path");
    auto top = store.add("top", {path});
    cache.script = [&](Step, nix::StorePath) -> async::Task<Result<void>> { co_return network_failure(); };
    settings.retry_later.budget = 300ms;
    push({top});
    BOOST_TEST(outcome(path) == PushOutcome::failed);
    BOOST_TEST(contains(record(path).reason, "connection reset"));
    BOOST_TEST(outcome(top) == PushOutcome::failed);
    BOOST_TEST(cache.times_asked(Step::begin, path) > 1U);
    BOOST_TEST(cache.forgotten == 0U);
}

BOOST_AUTO_TEST_CASE(nonsense_from_the_server_is_tried_once_more_and_a_failed_publication_uploads_again) {
    auto path = store.add("path");
    cache.script = [&](Step step, nix::StorePath) -> async::Task<Result<void>> {
        if (step == Step::publish && cache.times_asked(Step::publish, path) == 1)
            co_return Failure(FailureKind::protocol, "400 Bad Request");
        co_return Result<void>();
    };
    push({path});
    BOOST_TEST(outcome(path) == PushOutcome::published);
    BOOST_TEST(cache.times_asked(Step::begin, path) == 2U);
    BOOST_TEST(cache.aborted == 1U);
}

BOOST_AUTO_TEST_CASE(what_the_cache_itself_has_refused_is_not_sent_again_and_the_rest_goes_on) {
    auto large = store.add("large");
    auto top = store.add("top", {large});
    auto other = store.add("other");
    cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (step == Step::finish && path == large)
            co_return Failure(FailureKind::protocol, "413 Request Entity Too Large").with_http_status(413);
        co_return Result<void>();
    };
    push({top, other});
    BOOST_TEST(outcome(large) == PushOutcome::failed);
    BOOST_TEST(contains(record(large).reason, "413"));
    BOOST_TEST(outcome(top) == PushOutcome::failed);
    BOOST_TEST(outcome(other) == PushOutcome::published);
    BOOST_TEST(cache.times_asked(Step::finish, large) == 1U);
}

BOOST_AUTO_TEST_CASE(a_refused_token_is_said_once_and_everything_else_fails_at_once) {
    std::mt19937 random(4); // NOLINT(cert-msc51-cpp): repeatable on purpose
    auto paths = add_random_paths(store, 100, random);
    settings.uploads = 4;
    cache.script = [&](Step step, nix::StorePath) -> async::Task<Result<void>> {
        if (step == Step::publish && cache.published.size() >= 3)
            co_return Failure(FailureKind::auth, "401 token expired").with_hint("make a new one");
        co_return Result<void>();
    };
    push(paths);
    auto messages = sink.all<event::Message>();
    BOOST_REQUIRE(messages.size() == 1U);
    BOOST_TEST((messages[0].severity == event::Severity::error));
    BOOST_TEST(contains(messages[0].text, "401 token expired"));
    BOOST_TEST(messages[0].hint == "make a new one");
    std::size_t failed = 0;
    for (const auto& path : paths) {
        if (outcome(path) == PushOutcome::published) continue;
        ++failed;
        BOOST_TEST(outcome(path) == PushOutcome::failed);
        BOOST_TEST(contains(record(path).reason, "401 token expired"));
    }
    BOOST_TEST(failed == 97U);
    BOOST_TEST(cache.forgotten == 0U);
    BOOST_TEST(cache.open_uploads == 0U);
}

BOOST_AUTO_TEST_CASE(a_question_that_fails_is_asked_again) {
    auto path = store.add("path");
    int asked = 0, described = 0;
    environment.is_served = [&](nix::StorePath) -> async::Task<Result<bool>> {
        if (++asked == 1) co_return network_failure();
        co_return false;
    };
    auto path_infos = environment.path_infos;
    environment.path_infos =
        [&, path_infos](Paths paths) -> async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> {
        if (++described == 1) co_return Failure(FailureKind::store, "the daemon went away");
        co_return co_await path_infos(std::move(paths));
    };
    push({path});
    BOOST_TEST(outcome(path) == PushOutcome::published);
}

BOOST_AUTO_TEST_CASE(a_path_that_is_not_decided_yet_keeps_no_other_one_waiting) {
    auto doubtful = store.add("doubtful"), referrer = store.add("referrer", {doubtful});
    auto clear = store.add("clear"), later = store.add("later");
    async::Signal decided(loop.get_executor());
    bool is_decided = false;
    environment.is_undecided = [&](const nix::PathInfo& info) { return !is_decided && info.path == doubtful; };
    environment.until_decided = [&]() -> async::Task<void> {
        while (!is_decided) co_await decided.wait();
    };
    make();
    for (const auto& path : {doubtful, referrer, clear}) pipeline->add(path, true);
    auto is_published = [&](const nix::StorePath& path) {
        auto record = pipeline->ledger().find(path);
        return record != pipeline->ledger().end() && record->second.outcome == PushOutcome::published;
    };
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        while (!is_published(clear)) co_await boost::asio::post(loop, async::use_task);
        running.add(later, true); // described after the doubtful one
        while (!is_published(later)) co_await boost::asio::post(loop, async::use_task);
        BOOST_TEST(!is_published(doubtful));
        running.close();
        for (int i = 0; i < 100; ++i) co_await boost::asio::post(loop, async::use_task);
        BOOST_TEST(running.unsettled() == 2U);
        is_decided = true;
        decided.notify_all();
    };
    run(beside);
    BOOST_TEST(outcome(doubtful) == PushOutcome::published);
    BOOST_TEST(outcome(referrer) == PushOutcome::published);
}

BOOST_AUTO_TEST_CASE(what_is_undecided_when_it_is_stopped_is_not_pushed) {
    auto doubtful = store.add("doubtful");
    async::Signal never(loop.get_executor());
    environment.is_undecided = [](const nix::PathInfo&) { return true; };
    environment.until_decided = [&]() -> async::Task<void> { co_await never.wait(); };
    make();
    pipeline->add(doubtful, true);
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        while (infos_asked.empty()) co_await boost::asio::post(loop, async::use_task);
        running.stop(0s);
    };
    run(beside);
    BOOST_TEST(outcome(doubtful) == PushOutcome::not_pushed);
    BOOST_TEST(settled[doubtful].size() == 1U);
}

BOOST_AUTO_TEST_CASE(every_path_is_told_from_its_start_to_its_end) {
    settings.part_size = 64 * 1024;
    auto path = store.add("path", {}, test::half_compressible(500'000, 3));
    push({path});
    auto started = sink.all<event::PushStarted>();
    auto progress = sink.all<event::PushProgress>();
    auto finished = sink.all<event::PushFinished>();
    BOOST_REQUIRE(started.size() == 1U);
    BOOST_TEST(started[0].nar_size == store.infos.at(path).nar_size);
    BOOST_REQUIRE(progress.size() > 2U);
    BOOST_REQUIRE(finished.size() == 1U);
    BOOST_TEST(finished[0].path == path.to_string());
    BOOST_TEST(finished[0].outcome == PushOutcome::published);
    BOOST_TEST(finished[0].built_by_this_run);
    BOOST_TEST(finished[0].file_size == progress.back().uploaded);
    BOOST_REQUIRE(record(path).start.has_value());
    BOOST_TEST((*record(path).start + record(path).took <= std::chrono::steady_clock::now()));
    BOOST_TEST(record(path).took.count() == finished[0].took.count());
}

// Stopping

BOOST_AUTO_TEST_CASE(on_stop_uploads_in_flight_finish_within_the_grace_and_nothing_new_starts) {
    auto in_flight = store.add("in-flight");
    auto next = store.add("next");
    auto referrer = store.add("referrer", {next});
    settings.uploads = 1;
    async::Signal go_on(loop.get_executor());
    bool may_go_on = false;
    cache.script = [&](Step step, nix::StorePath) -> async::Task<Result<void>> {
        while (step == Step::write && !may_go_on) co_await go_on.wait();
        co_return Result<void>();
    };
    make();
    for (const auto& path : {in_flight, next, referrer}) pipeline->add(path, true);
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        while (cache.times_asked(Step::write, in_flight) == 0) co_await boost::asio::post(loop, async::use_task);
        running.stop(10s);
        may_go_on = true;
        go_on.notify_all();
    };
    run(beside);
    BOOST_TEST(outcome(in_flight) == PushOutcome::published);
    for (const auto& path : {next, referrer}) {
        BOOST_TEST(outcome(path) == PushOutcome::not_pushed);
        BOOST_TEST(cache.times_asked(Step::begin, path) == 0U);
    }
    BOOST_TEST(record(next).reason == "the run was interrupted");
}

BOOST_AUTO_TEST_CASE(on_stop_what_does_not_finish_within_the_grace_is_aborted_and_recorded) {
    auto stuck = store.add("stuck");
    auto held = store.add("held", {stuck});
    auto fine = store.add("fine");
    async::Signal never(loop.get_executor());
    cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (path == stuck && step == Step::write) co_await never.wait();
        co_return Result<void>();
    };
    make();
    for (const auto& path : {stuck, held, fine}) pipeline->add(path, true);
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        while (cache.published.empty() || cache.waiting == 0) co_await boost::asio::post(loop, async::use_task);
        running.stop(20ms);
    };
    run(beside);
    BOOST_TEST(outcome(fine) == PushOutcome::published);
    BOOST_TEST(outcome(stuck) == PushOutcome::not_pushed);
    BOOST_TEST(outcome(held) == PushOutcome::not_pushed);
    BOOST_TEST(cache.aborted == 2U);
    BOOST_TEST(cache.forgotten == 0U);
    BOOST_TEST(pipeline->unsettled() == 0U);
    pipeline->add(store.add("late"), true);
    BOOST_TEST(pipeline->unsettled() == 0U);
}

BOOST_AUTO_TEST_CASE(a_question_that_hangs_does_not_delay_a_stop) {
    auto path = store.add("path");
    async::Signal never(loop.get_executor());
    bool is_asked = false;
    environment.is_served = [&](nix::StorePath) -> async::Task<Result<bool>> {
        is_asked = true;
        co_await never.wait();
        co_return false;
    };
    make();
    pipeline->add(path, true);
    auto beside = [&](Pipeline& running, async::TaskGroup&) -> async::Task<void> {
        while (!is_asked) co_await boost::asio::post(loop, async::use_task);
        running.stop(100s);
    };
    run(beside);
    BOOST_TEST(outcome(path) == PushOutcome::not_pushed);
}

BOOST_AUTO_TEST_CASE(a_cancelled_run_clears_up_whatever_it_was_doing) {
    // At each number of steps taken, so that every kind of wait is hit.
    for (std::size_t steps = 1; steps < 14; ++steps) {
        test::Pushing each;
        each.settings.uploads = 2;
        auto base = each.store.add("base");
        auto top = each.store.add("top", {base});
        auto other = each.store.add("other", {}, test::half_compressible(300'000, 4));
        each.settings.part_size = 64 * 1024;
        each.make();
        for (const auto& path : {top, other}) each.pipeline->add(path, true);
        async::TaskGroup* all = nullptr;
        each.cache.script = [&](Step, nix::StorePath) -> async::Task<Result<void>> {
            if (each.cache.asked.size() >= steps) all->cancel();
            co_await boost::asio::post(each.loop, async::use_task);
            co_return Result<void>();
        };
        auto beside = [&](Pipeline& running, async::TaskGroup& group) -> async::Task<void> {
            all = &group;
            running.close();
            co_return;
        };
        each.run(beside);
        BOOST_TEST(each.cache.holes.empty());
        BOOST_TEST(each.cache.forgotten == 0U);
        BOOST_TEST(each.cache.open_uploads == 0U);
        BOOST_TEST(each.pipeline->unsettled() == 0U);
        for (const auto& path : {base, top, other})
            if (each.pipeline->ledger().count(path) > 0 && each.outcome(path) == PushOutcome::published)
                BOOST_TEST(each.cache.visible.count(path) == 1U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
