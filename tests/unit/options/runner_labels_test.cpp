#include "options/runner_labels.hpp"
#include "options/settings.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::options;
using Words = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(runner_label)

BOOST_AUTO_TEST_CASE(what_the_user_names_goes_before_githubs_own) {
    Settings settings;
    settings.runners = {{"aarch64-linux", {"self-hosted", "pi"}}, {"x86_64-linux+kvm", {"big"}}};
    BOOST_TEST(runner_labels(settings, "aarch64-linux") == (Words{"self-hosted", "pi"}),
               boost::test_tools::per_element());
    BOOST_TEST(runner_labels(settings, "x86_64-linux") == Words{runner_for("x86_64-linux")},
               boost::test_tools::per_element());
    BOOST_TEST(runner_labels(settings, "vax-vms").empty());
    BOOST_TEST(machines_with_runner(settings) ==
                   (Words{"x86_64-linux+kvm", "aarch64-linux", "x86_64-linux", "aarch64-darwin", "x86_64-darwin"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
