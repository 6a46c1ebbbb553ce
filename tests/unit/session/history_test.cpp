#include "base/files.hpp"
#include "session/history.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::session;
using namespace std::chrono_literals;

namespace {

struct Home {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-history").value();
    std::unique_ptr<History> open() const { return History::open(directory.path() / "history.sqlite").value(); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(history)

BOOST_AUTO_TEST_CASE(times_are_kept_by_name_without_version_and_by_platform) {
    Home home;
    home.open()->record("firefox-142.0", "x86_64-linux", 90s);
    auto later = home.open();
    BOOST_TEST((later->expected("firefox-143.0", "x86_64-linux") == 90s));
    BOOST_TEST(!later->expected("firefox-143.0", "aarch64-darwin").has_value());
    later->record("firefox-143.0", "x86_64-linux", 30s);
    BOOST_TEST((later->expected("firefox-143.0", "x86_64-linux") == 60s));
}

BOOST_AUTO_TEST_CASE(what_used_up_a_deadline_is_remembered_until_it_has_been_built) {
    Home home;
    home.open()->record_deadline("firefox-142.0", "x86_64-linux", 5h);
    auto later = home.open();
    BOOST_TEST(later->used_up_a_deadline("firefox-143.0", "x86_64-linux"));
    BOOST_TEST(!later->used_up_a_deadline("firefox-143.0", "aarch64-darwin"));
    BOOST_TEST(!later->used_up_a_deadline("chromium-140", "x86_64-linux"));
    later->record("firefox-143.0", "x86_64-linux", 4h);
    BOOST_TEST(!later->used_up_a_deadline("firefox-143.0", "x86_64-linux"));
}

BOOST_AUTO_TEST_CASE(a_closure_is_compared_with_its_own_branch_and_else_with_the_newest) {
    Home home;
    home.open()->record_closure("nixos:nas", "main", 100);
    auto later = home.open();
    later->record_closure("nixos:nas", "develop", 120);
    BOOST_TEST(later->closure_bytes("nixos:nas", "main").value_or(0) == 100U);
    BOOST_TEST(later->closure_bytes("nixos:nas", "feature/x").value_or(0) == 120U);
    later->record_closure("nixos:nas", "main", 90);
    BOOST_TEST(later->closure_bytes("nixos:nas", "feature/x").value_or(0) == 90U);
    BOOST_TEST(!later->closure_bytes("nixos:web", "main").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
