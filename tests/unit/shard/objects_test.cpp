#include "shard/objects.hpp"
#include "support/run_task.hpp"
#include "unit/shard/scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::shard;
using namespace cachefill::test;

namespace {

Result<Objects> collect(Store& store, const std::vector<nix::StorePath>& roots) {
    StoreConnection connection(store.infos());
    auto work = [&](async::Executor) -> async::Task<Result<Objects>> {
        auto wanted = roots;
        co_return co_await collect_objects(connection, std::move(wanted));
    };
    return run_task<Result<Objects>>(work);
}

std::vector<std::string> names(const Objects& objects) {
    std::vector<std::string> names;
    for (const auto& info : objects.infos) names.emplace_back(info.path.name());
    return names;
}

} // namespace

BOOST_AUTO_TEST_SUITE(objects)

BOOST_AUTO_TEST_CASE(each_comes_once_and_after_its_references) {
    Store store;
    auto source = store.add_text("source", "text");
    auto left = store.add_text("left.drv", "l", {source});
    auto right = store.add_text("right.drv", "r", {source});
    auto top = store.add_text("top.drv", "t", {left, right});
    store.add_text("nobody-needs.drv", "n");
    auto found = collect(store, {top, left, top});
    BOOST_REQUIRE(found);
    BOOST_TEST(found->infos.size() == 4U);
    auto order = names(*found);
    auto at = [&order](const char* name) { return std::find(order.begin(), order.end(), name) - order.begin(); };
    BOOST_TEST(at("source") < at("left.drv"));
    BOOST_TEST(at("source") < at("right.drv"));
    BOOST_TEST(at("left.drv") < at("top.drv"));
    BOOST_TEST(at("right.drv") < at("top.drv"));
}

BOOST_AUTO_TEST_CASE(sources_come_before_derivations) {
    Store store;
    auto first = store.add_text("first.drv", "f");
    auto source = store.add_text("source", "s");
    auto top = store.add_text("top.drv", "t", {first, source});
    auto found = collect(store, {top});
    BOOST_REQUIRE(found);
    BOOST_TEST(found->infos.size() == 3U);
    BOOST_TEST((found->infos[0].path == source));
}

BOOST_AUTO_TEST_CASE(what_the_first_root_needs_comes_first) {
    Store store;
    auto left = store.add_text("left.drv", "l", {store.add_text("below-left.drv", "b")});
    auto right = store.add_text("right.drv", "r");
    auto found = collect(store, {left, right});
    auto other = collect(store, {right, left});
    BOOST_REQUIRE(found && other);
    BOOST_TEST((names(*found) == std::vector<std::string>{"below-left.drv", "left.drv", "right.drv"}));
    BOOST_TEST((names(*other) == std::vector<std::string>{"right.drv", "below-left.drv", "left.drv"}));
}

BOOST_AUTO_TEST_CASE(a_chain_of_thousands_takes_no_stack) {
    Store store;
    auto last = store.add_text("first.drv", "0");
    for (int i = 1; i < 5'000; ++i) last = store.add_text("next.drv", std::to_string(i), {last});
    auto found = collect(store, {last});
    BOOST_REQUIRE(found);
    BOOST_TEST(found->infos.size() == 5'000U);
    BOOST_TEST(found->infos.front().path.name() == "first.drv");
}

BOOST_AUTO_TEST_CASE(what_was_built_is_expected_and_not_packed) {
    Store store;
    auto built = store.add_built("generated", "by a build");
    auto top = store.add_text("top.drv", "t", {built});
    auto found = collect(store, {top});
    BOOST_REQUIRE(found);
    BOOST_TEST(names(*found) == std::vector<std::string>{"top.drv"});
    BOOST_REQUIRE(found->expected.size() == 1U);
    BOOST_TEST((found->expected[0] == built));
}

BOOST_AUTO_TEST_CASE(what_is_gone_is_named) {
    Store store;
    auto gone = store.add_text("gone.drv", "g");
    auto top = store.add_text("top.drv", "t", {gone});
    store.infos().erase(gone);
    auto found = collect(store, {top});
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().cause() == gone.to_string() + " is not valid in this machine's store");
}

BOOST_AUTO_TEST_SUITE_END()
