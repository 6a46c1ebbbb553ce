#include "world.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;

namespace {

// "app is built: …" of "HASH-app is built: …"
Names without_hash(Names sentences) {
    if (!sentences.empty()) sentences[0].erase(0, 33);
    return sentences;
}

} // namespace

BOOST_AUTO_TEST_SUITE(explaining)

BOOST_AUTO_TEST_CASE(a_build_is_explained_up_to_its_target) {
    World world;
    world.derivation("lib").derivation("app", {"lib"}).derivation("top", {"app"}).target("top");
    world.settle();
    BOOST_TEST(without_hash(world.explain("lib")) ==
                   (Names{"lib is built: no cache that counts has it, and it is not valid here.",
                          "app needs lib to be built.", "top needs app to be built.", "Target nixos:top is top."}),
               boost::test_tools::per_element());
    const auto by_derivation =
        plan::explain(world.graph, world.facts, world.targets, world.plan, derivation_path("lib"));
    BOOST_TEST(by_derivation == world.explain("lib"), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_a_package_the_output_is_explained_that_somebody_needs) {
    World world;
    world.derivation("firefox", {}, {.outputs = {"man", "out"}}).derivation("top", {"firefox"}).target("top");
    world.references("top", {"firefox"}).served(0, {"top", "firefox"});
    world.settle();
    auto answer = plan::explain(world.graph, world.facts, world.targets, world.plan, derivation_path("firefox"));
    BOOST_TEST(without_hash(answer) == (Names{"firefox is left alone: the cache serves it.", "top references firefox.",
                                              "Target nixos:top is top."}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_shortest_chain_is_given) {
    World world;
    world.derivation("lib").derivation("app", {"lib"}).derivation("top", {"app", "lib"}).target("top");
    world.settle();
    BOOST_TEST(world.explain("lib").size() == 3U);
}

BOOST_AUTO_TEST_CASE(fetches_pushes_holes_and_present_paths_are_explained) {
    World world;
    world.derivation("glibc").derivation("lib").derivation("hello", {"glibc"}).derivation("app", {"glibc", "lib"});
    world.derivation("top", {"app", "hello"}, {.local = true}).target("top");
    world.references("hello", {"gone"}).served(1, {"glibc", "hello"}).valid({"lib"});
    world.settle();
    BOOST_TEST(without_hash(world.explain("glibc"))[0] == "glibc is fetched: a build needs it.");
    BOOST_TEST(without_hash(world.explain("lib"))[0] ==
               "lib is pushed: it is valid here, and no cache that counts has it.");
    BOOST_TEST(
        without_hash(world.explain("gone")) ==
            (Names{"gone cannot be had: no cache has it, it is not valid here, and no derivation makes it.",
                   "hello references gone.", "Whoever evaluates builds top (local by design) and needs hello for that.",
                   "Target nixos:top evaluates to top."}),
        boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_complete_or_not_needed_is_left_alone) {
    World world;
    world.derivation("gcc").derivation("app", {"gcc"}).target("app").served(0, {"app"});
    world.settle();
    BOOST_TEST(without_hash(world.explain("app")) ==
                   (Names{"app is left alone: the cache serves it.", "Target nixos:app is app."}),
               boost::test_tools::per_element());
    BOOST_TEST(
        without_hash(world.explain("gcc")) ==
            (Names{"gcc is left alone.", "Only builds need it, for instance that of app, and none of them is due."}),
        boost::test_tools::per_element());
    BOOST_TEST(world.explain("nothing")[0].find("is not known") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(elsewhere_and_what_it_stops_are_explained) {
    World world;
    world.derivation("image", {}, {.platform = "aarch64-linux", .features = {"kvm"}}).derivation("top", {"image"});
    world.target("top");
    world.settle();
    BOOST_TEST(without_hash(world.explain("image")) ==
                   (Names{"image is missing and needs aarch64-linux with kvm, which no machine here offers.",
                          "top needs image to be built.", "Target nixos:top is top."}),
               boost::test_tools::per_element());
    BOOST_TEST(without_hash(world.explain("top"))[0] ==
               "top is missing and cannot be built here, because something it needs cannot be had.");
}

BOOST_AUTO_TEST_CASE(out_of_reach_and_unplannable_are_explained) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}, {.floating = true}).target("top").served(1, {"lib"});
    world.policy.fetchable_here = 0;
    world.settle();
    BOOST_TEST(without_hash(world.explain("lib")) ==
                   (Names{"lib is built although a cache has it: this machine cannot fetch it whole.",
                          "top needs lib to be built.", "Target nixos:top is top."}),
               boost::test_tools::per_element());
    const auto top = plan::explain(world.graph, world.facts, world.targets, world.plan, derivation_path("top"));
    BOOST_TEST(top ==
                   (Names{"top is built each run: its output path is not known before.", "Target nixos:top is top."}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
