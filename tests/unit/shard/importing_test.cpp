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

    Result<Bundle> take(const std::string& commit = {}) {
        auto work = [&](async::Executor executor) -> async::Task<Result<Bundle>> {
            async::WorkerPool workers(executor, 1);
            co_return co_await take_bundle(workers, file, commit, to);
        };
        return run_task<Result<Bundle>>(work);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(importing)

BOOST_AUTO_TEST_CASE(a_daemon_is_given_all_that_is_in_it) {
    Machines machines;
    auto source = machines.from.add_text("source", std::string(1 << 20, 'x'));
    machines.pack(machines.from.add_text("top.drv", "t", {source}));
    auto taken = machines.take();
    BOOST_REQUIRE_MESSAGE(taken, (taken ? "" : taken.error().one_line()));
    BOOST_TEST(taken->branch == "main");
    BOOST_TEST(machines.to.added.size() == taken->contents.payload_bytes);
    BOOST_TEST(machines.to.added.starts_with(daemon::objects_header(2)));
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
    BOOST_TEST((machines.to.rooted == std::vector<nix::StorePath>{built}));
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
