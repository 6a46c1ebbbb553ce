#include "fill/derivation_damage.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;

namespace {

struct Scene : Machine {
    StoreConnection connection{infos};

    bool is_damaged(const nix::StorePath& path) {
        daemon::Endpoint endpoint;
        endpoint.physical_root = this->path("root");
        auto body = [&](async::Executor) -> async::Task<bool> { return fill::is_damaged(connection, endpoint, path); };
        return run_task<bool>(body);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(derivation_damage, Scene)

BOOST_AUTO_TEST_CASE(a_file_as_nix_wrote_it_is_whole_whatever_stands_in_it) {
    auto path = add("x.drv", {}, "no derivation at all");
    BOOST_TEST(!is_damaged(path));
}

BOOST_AUTO_TEST_CASE(a_file_that_was_changed_cut_emptied_or_removed_is_damaged) {
    auto path = add("x.drv", {}, "Derive(");
    for (const auto* content : {"Derive)x.drv", "Derive(x.dr", ""}) {
        write("root" + path.to_string(), content);
        BOOST_TEST(is_damaged(path), content);
    }
    std::filesystem::remove(physical(path));
    BOOST_TEST(is_damaged(path));
}

BOOST_AUTO_TEST_CASE(where_it_cannot_be_found_out_nothing_is_claimed) {
    auto path = add("x.drv");
    write("root" + path.to_string(), "changed");
    connection.failure = Failure(FailureKind::store, "the daemon hung up");
    BOOST_TEST(!is_damaged(path));
    connection.failure.reset();
    infos.erase(path); // not valid: nothing was registered under this name
    BOOST_TEST(!is_damaged(path));
}

BOOST_AUTO_TEST_CASE(what_helps_names_the_derivation) {
    auto path = add("x.drv");
    BOOST_TEST(fill::repair_hint(path).ends_with("--referrers-closure " + path.to_string() + ")"));
}

BOOST_AUTO_TEST_SUITE_END()
