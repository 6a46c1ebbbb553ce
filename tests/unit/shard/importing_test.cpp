#include "async/together.hpp"
#include "daemon/operations.hpp"
#include "shard/importing.hpp"
#include "shard/objects.hpp"
#include "shard/packing.hpp"
#include "support/run_task.hpp"
#include "unit/shard/scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::shard;
using namespace cachefill::test;

namespace {

// A machine that writes a bundle, and one that takes it.
struct Machines {
    Store from;
    std::filesystem::path file = from.directory() / "bundle";
    StoreConnection::Infos there;
    StoreConnection to{there};

    void pack(const nix::StorePath& root) {
        auto work = [this, &root](async::Executor executor) -> async::Task<Result<PackedBundle>> {
            async::WorkerPool workers(executor, 1);
            StoreConnection store(from.infos());
            std::vector<nix::StorePath> roots{root};
            CO_TRY(objects, co_await collect_objects(store, std::move(roots)));
            auto bundle = some_bundle();
            bundle.contents = describe_objects(objects);
            co_return co_await pack_bundle(workers, file, bundle, objects, from.endpoint());
        };
        auto packed = run_task<Result<PackedBundle>>(work);
        BOOST_REQUIRE_MESSAGE(packed, (packed ? "" : packed.error().one_line()));
    }

    // Begins, lets `meanwhile` look at it, and adds all unless that is over.
    Result<Bundle> take(const std::string& commit = {},
                        const std::function<async::Task<void>(Import&)>& meanwhile = {}) {
        auto work = [&](async::Executor executor) -> async::Task<Result<Bundle>> {
            async::WorkerPool workers(executor, 1);
            CO_TRY(import, co_await Import::begin(workers, file, commit, to));
            if (meanwhile) co_await meanwhile(*import);
            std::function<bool()> is_over = [] { return false; };
            CO_TRY_VOID(co_await import->run(std::move(is_over)));
            co_return import->bundle();
        };
        return run_task<Result<Bundle>>(work);
    }
};

async::Task<void> note(Import& import, nix::StorePath path, bool& is_there) {
    auto there = co_await import.until_added(std::move(path));
    is_there = there.has_value();
}

// Which of these has been added by now.
async::Task<std::vector<bool>> are_added(Import& import, std::vector<nix::StorePath> paths) {
    auto there = std::make_unique<bool[]>(paths.size());
    auto ask = [&](async::TaskGroup& group) {
        for (std::size_t i = 0; i < paths.size(); ++i) group.spawn(note(import, paths[i], there[i]));
        group.cancel();
    };
    co_await async::together(ask);
    co_return std::vector<bool>(there.get(), there.get() + paths.size());
}

} // namespace

BOOST_AUTO_TEST_SUITE(importing)

BOOST_AUTO_TEST_CASE(a_daemon_is_given_all_that_is_in_it) {
    Machines machines;
    auto source = machines.from.add_text("source", std::string(1 << 20, 'x'));
    auto top = machines.from.add_text("top.drv", "t", {source});
    machines.pack(top);
    auto taken = machines.take();
    BOOST_REQUIRE_MESSAGE(taken, (taken ? "" : taken.error().one_line()));
    BOOST_TEST(taken->branch == "main");
    auto object = [&machines](const nix::StorePath& path) {
        auto text = read_file(machines.from.endpoint().physical(path)).value();
        return daemon::path_info_for_import(machines.from.infos().at(path)) + Store::nar_of(text);
    };
    auto one = daemon::objects_header(1);
    BOOST_TEST((machines.to.added == one + object(source) + one + object(top)));
}

BOOST_AUTO_TEST_CASE(what_is_there_already_is_kept_and_not_sent_again) {
    Machines machines;
    std::vector<nix::StorePath> paths{machines.from.add_text("source", std::string(1 << 20, 'x'))};
    for (const auto* name : {"first.drv", "second.drv", "third.drv"})
        paths.push_back(machines.from.add_text(name, name, {paths.back()}));
    machines.pack(paths.back());
    for (std::size_t here : {0U, 2U}) machines.there.emplace(paths[here], machines.from.infos().at(paths[here]));
    auto taken = machines.take();
    BOOST_REQUIRE_MESSAGE(taken, (taken ? "" : taken.error().one_line()));
    auto object = [&](std::size_t number) {
        auto text = read_file(machines.from.endpoint().physical(paths[number])).value();
        return daemon::path_info_for_import(machines.from.infos().at(paths[number])) + Store::nar_of(text);
    };
    BOOST_TEST((machines.to.added == daemon::objects_header(2) + object(1) + object(3)));
    BOOST_TEST((machines.to.rooted == paths));

    machines.to.added.clear();
    for (const auto& path : paths) machines.there.emplace(path, machines.from.infos().at(path));
    BOOST_TEST(machines.take().has_value());
    BOOST_TEST(machines.to.added.empty());
}

BOOST_AUTO_TEST_CASE(thousands_are_added_in_groups_and_each_is_read_before_it_is_there) {
    Machines machines;
    auto text = [](int number) {
        return "Derive([(\"out\",\"/nix/store/"
               "j4vaq5dqqcl9szjyp2rpiyv1xy419972-x\",\"\",\"\")],[],[],\"x86_64-linux\",\"/b\",[],"
               "[(\"number\",\"" +
               std::to_string(number) + "\")])";
    };
    auto source = machines.from.add_text("source", "s");
    auto first = machines.from.add_text("first.drv", text(0), {source});
    auto last = first;
    for (int i = 1; i < 300; ++i) last = machines.from.add_text("next.drv", text(i), {last});
    machines.pack(last);
    auto meanwhile = [&](Import& import) -> async::Task<void> {
        std::vector<nix::StorePath> asked{source, first};
        auto added = co_await are_added(import, std::move(asked));
        BOOST_TEST(added[0]);
        BOOST_TEST(!added[1]);
        auto read = import.read(last);
        BOOST_REQUIRE_MESSAGE(read, (read ? "" : read.error().one_line()));
        BOOST_TEST(read->environment.at("number") == "299");
        BOOST_TEST(!import.read(source));
    };
    auto taken = machines.take({}, meanwhile);
    BOOST_REQUIRE_MESSAGE(taken, (taken ? "" : taken.error().one_line()));
    // One for the source, nine times 32, and 12.
    BOOST_TEST(machines.to.added.size() == taken->contents.payload_bytes() + 11 * daemon::objects_header(1).size());
}

BOOST_AUTO_TEST_CASE(nothing_is_added_once_the_run_is_over_and_nobody_waits_for_it) {
    Machines machines;
    auto top = machines.from.add_text("top.drv", "t");
    machines.pack(top);
    auto work = [&](async::Executor executor) -> async::Task<Result<void>> {
        async::WorkerPool workers(executor, 1);
        std::string no_commit;
        CO_TRY(import, co_await Import::begin(workers, machines.file, no_commit, machines.to));
        std::function<bool()> is_over = [] { return true; };
        CO_TRY_VOID(co_await import->run(std::move(is_over)));
        co_return co_await import->until_added(top);
    };
    auto waited = run_task<Result<void>>(work);
    BOOST_REQUIRE(!waited);
    BOOST_TEST(waited.error().cause() == "the run ends before it was added to the store");
    BOOST_TEST(machines.to.added.empty());
}

BOOST_AUTO_TEST_CASE(a_daemon_that_refuses_is_told_to_whoever_waits) {
    Machines machines;
    auto top = machines.from.add_text("top.drv", "t");
    machines.pack(top);
    auto work = [&](async::Executor executor) -> async::Task<Result<void>> {
        async::WorkerPool workers(executor, 1);
        std::string no_commit;
        CO_TRY(import, co_await Import::begin(workers, machines.file, no_commit, machines.to));
        machines.to.failure = Failure(FailureKind::store, "no");
        std::function<bool()> is_over = [] { return false; };
        auto added = co_await import->run(std::move(is_over));
        BOOST_TEST(!added.has_value());
        co_return co_await import->until_added(top);
    };
    auto waited = run_task<Result<void>>(work);
    BOOST_REQUIRE(!waited);
    BOOST_TEST(waited.error().cause() == "no");
    // It is another Nix than the one that made the bundle, which may be why.
    BOOST_TEST(machines.to.nix_version() != some_bundle().nix_version);
    BOOST_TEST(waited.error().hint().find("made with Nix 2.8.0, and this is " + machines.to.nix_version()) !=
                   std::string::npos,
               waited.error().hint());
}

BOOST_AUTO_TEST_CASE(nothing_of_a_damaged_file_is_added) {
    Machines machines;
    machines.pack(machines.from.add_text("top.drv", "t"));
    auto bytes = read_file(machines.file).value();
    std::ofstream(machines.file) << bytes.substr(0, bytes.size() - 1);
    auto taken = machines.take();
    BOOST_REQUIRE(!taken);
    BOOST_TEST(taken.error().one_line().find(machines.file.string()) != std::string::npos);
    BOOST_TEST(machines.to.added.empty());
}

BOOST_AUTO_TEST_CASE(one_of_another_commit_is_refused) {
    Machines machines;
    machines.pack(machines.from.add_text("top.drv", "t"));
    BOOST_TEST(machines.take(some_bundle().commit).has_value());
    machines.to.added.clear();
    auto taken = machines.take("0000000000000000000000000000000000000000");
    BOOST_REQUIRE(!taken);
    BOOST_TEST(taken.error().cause() ==
               "it is of the commit " + some_bundle().commit +
                   ", and this run is of 0000000000000000000000000000000000000000 (GITHUB_SHA)");
    BOOST_TEST(machines.to.added.empty());
}

BOOST_AUTO_TEST_CASE(what_is_expected_is_fetched_first_or_named) {
    Machines machines;
    auto built = machines.from.add_built("generated", "by a build");
    machines.pack(machines.from.add_text("top.drv", "t", {built}));
    auto taken = machines.take();
    BOOST_REQUIRE(!taken);
    BOOST_TEST(taken.error().one_line().find("fetching " + built.to_string()) != std::string::npos);
    BOOST_TEST(taken.error().hint().find("in a cache") != std::string::npos);
    BOOST_TEST(machines.to.added.empty());
    BOOST_TEST(machines.to.fetched.size() == 1U);

    machines.there.emplace(built, machines.from.infos().at(built));
    BOOST_TEST(machines.take().has_value());
    BOOST_TEST(machines.to.fetched.size() == 1U); // it is there already
    BOOST_TEST((machines.to.rooted.front() == built));
}

BOOST_AUTO_TEST_CASE(an_empty_cut_needs_no_daemon) {
    Machines machines;
    auto root = machines.from.add_text("top.drv", "t");
    auto work = [&](async::Executor executor) -> async::Task<Result<PackedBundle>> {
        async::WorkerPool workers(executor, 1);
        Objects nothing;
        auto bundle = some_bundle();
        bundle.contents = describe_objects(nothing);
        co_return co_await pack_bundle(workers, machines.file, bundle, nothing, machines.from.endpoint());
    };
    BOOST_REQUIRE((run_task<Result<PackedBundle>>(work)));
    BOOST_TEST(machines.take().has_value());
    BOOST_TEST(machines.to.added.empty());
}

BOOST_AUTO_TEST_SUITE_END()
