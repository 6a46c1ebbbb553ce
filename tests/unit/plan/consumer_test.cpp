#include "world.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;

namespace {

struct Host : World {
    Host() {
        derivation("gcc").derivation("perl").derivation("app", {"gcc"});
        derivation("script", {"perl"}, {.local = true}).derivation("top", {"script", "app"}, {.local = true});
        references("top", {"script", "app"}).references("script", {"perl"}).target("top");
    }
    ConsumerView view(bool always_allow_substitutes, CacheMask trusted = 0b11) {
        Questions all; // as a verification does; planning would ask less
        for (std::size_t i = 0; i < graph.path_count(); ++i)
            all.remote.push_back({PathId{static_cast<std::uint32_t>(i)}, 0b11});
        simulated.answer(all, graph, facts);
        return consume(always_allow_substitutes, trusted);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(consumer)

BOOST_AUTO_TEST_CASE(always_allowing_substitutes_fetches_all) {
    Host host;
    host.served(0, {"top", "script", "app", "perl"});
    const auto view = host.view(true);
    BOOST_TEST(view.built_by_design.empty());
    BOOST_TEST(view.would_compile.empty());
    BOOST_TEST(host.names(view.fetched) == (Names{"app", "perl", "script", "top"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(otherwise_what_is_local_by_design_is_built_from_fetched_inputs) {
    Host host;
    host.served(0, {"top", "script", "app", "perl"});
    const auto view = host.view(false);
    BOOST_TEST(host.names(view.built_by_design) == (Names{"script", "top"}), boost::test_tools::per_element());
    BOOST_TEST(view.would_compile.empty());
    BOOST_TEST(host.names(view.fetched) == (Names{"app", "perl"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_nobody_serves_is_compiled_with_all_it_needs) {
    Host host;
    host.served(0, {"top", "script", "perl"});
    const auto view = host.view(false);
    BOOST_TEST(host.names(view.would_compile) == (Names{"gcc", "app"}), boost::test_tools::per_element());
    BOOST_TEST(view.unfetchable.empty());
}

BOOST_AUTO_TEST_CASE(a_path_with_a_hole_is_built_and_the_hole_named) {
    Host host;
    host.references("app", {"gone"}).served(0, {"top", "script", "app", "perl"}).served(1, {"gcc"});
    const auto view = host.view(true);
    BOOST_TEST(host.names(view.unfetchable) == Names{"gone"}, boost::test_tools::per_element());
    BOOST_TEST(host.names(view.would_compile) == Names{"app"}, boost::test_tools::per_element());
    BOOST_TEST(host.names(view.built_by_design) == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(host.names(view.fetched) == (Names{"gcc", "perl", "script"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(caches_that_are_not_trusted_do_not_exist) {
    Host host;
    host.served(0, {"top", "script", "perl"}).served(1, {"app"});
    BOOST_TEST(host.view(true, 0b11).would_compile.empty());
    BOOST_TEST(host.names(host.view(true, 0b01).would_compile) == (Names{"gcc", "app"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_valid_here_is_neither_fetched_nor_built) {
    Host host;
    host.served(0, {"script", "perl"}).valid({"app"});
    static_cast<void>(host.view(true));
    host.facts_of("app").valid_here = true;
    const auto view = consumer_view_here(host.graph, host.facts, host.targets.at(0), 0b11, true);
    BOOST_TEST(view.would_compile.empty());
    BOOST_TEST(host.names(view.built_by_design) == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(host.names(view.fetched) == (Names{"perl", "script"}), boost::test_tools::per_element());
    // The same caches and an empty store.
    BOOST_TEST(!consumer_view(host.graph, host.facts, host.targets.at(0), 0b11, true).would_compile.empty());
}

BOOST_AUTO_TEST_CASE(a_machine_asks_only_about_what_it_meets) {
    Host host;
    const auto& target = host.targets.at(0);
    BOOST_TEST(host.names(consumer_questions(host.graph, host.facts, target, 0b11, true)) == Names{"top"},
               boost::test_tools::per_element());
    // The top is built by design, so its inputs come next; what has been answered is not asked again.
    for (const auto* name : {"top", "perl"}) host.facts_of(name).asked = 0b11;
    BOOST_TEST(host.names(consumer_questions(host.graph, host.facts, target, 0b11, false)) == (Names{"app"}),
               boost::test_tools::per_element());
    for (const auto* name : {"app", "script", "gcc"}) host.facts_of(name).asked = 0b11;
    BOOST_TEST(consumer_questions(host.graph, host.facts, target, 0b11, false).empty());
}

// What refers to it was served before anybody was asked about it; nothing else would lead there.
BOOST_AUTO_TEST_CASE(a_machine_asks_about_what_a_served_path_refers_to) {
    World host;
    host.derivation("script", {}, {.local = true}).derivation("top", {"script"}).target("top");
    auto& top = host.facts_of("top");
    top.asked = top.present = 0b01;
    top.references = {host.path("script")};
    top.references_known = true;
    BOOST_TEST(host.names(consumer_questions(host.graph, host.facts, host.targets.at(0), 0b01, false)) ==
                   Names{"script"},
               boost::test_tools::per_element());
    host.facts_of("script").asked = host.facts_of("script").present = 0b01;
    BOOST_TEST(consumer_questions(host.graph, host.facts, host.targets.at(0), 0b01, false).empty());
    BOOST_TEST(consumer_view_here(host.graph, host.facts, host.targets.at(0), 0b01, false).would_compile.empty());
}

BOOST_AUTO_TEST_CASE(what_two_of_them_need_is_asked_about_once) {
    World host;
    host.derivation("app").derivation("one", {"app"}, {.local = true}).derivation("two", {"app"}, {.local = true});
    host.derivation("top", {"one", "two"}, {.local = true}).target("top");
    BOOST_TEST(host.names(consumer_questions(host.graph, host.facts, host.targets.at(0), 0b11, false)) == Names{"app"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
