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

BOOST_AUTO_TEST_SUITE_END()
