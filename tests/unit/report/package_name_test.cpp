#include "report/package_name.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <sstream>
#include <string>

using namespace cachefill;
using namespace cachefill::test;
using report::package_name;

namespace {

std::string split(std::string_view path_name) {
    auto split = package_name(path_name);
    return std::string(split.name) + " | " + std::string(split.version);
}

} // namespace

BOOST_AUTO_TEST_SUITE(package_names)

BOOST_AUTO_TEST_CASE(the_version_begins_behind_the_first_dash_that_no_letter_follows) {
    BOOST_TEST(split("firefox-142.0") == "firefox | 142.0");
    BOOST_TEST(split("firefox-unwrapped-142.0") == "firefox-unwrapped | 142.0");
    BOOST_TEST(split("bash-4.4-p23") == "bash | 4.4-p23");
    BOOST_TEST(split("nixos-system-nas-24.11.20260801.abcdef0") == "nixos-system-nas | 24.11.20260801.abcdef0");
    BOOST_TEST(split("ufraw-unstable-2019-06-12") == "ufraw-unstable | 2019-06-12");
    BOOST_TEST(split("python3.8-PyQt5.sip-4.19.22") == "python3.8-PyQt5.sip | 4.19.22");
    BOOST_TEST(split("openjdk-8u242-b08-jre") == "openjdk | 8u242-b08-jre");
    BOOST_TEST(split("x264-_1") == "x264 | _1");
}

BOOST_AUTO_TEST_CASE(names_without_a_version_stay_whole) {
    for (const std::string name :
         {"source", "etc", "unit-sshd.service", "user-environment", "5", "-", "-5", "0001", "wrapper-", "xfsprogs-dev",
          "f2fs-tools", "libvirt-python", "opengl-drivers", "bin", "perl5.30.3"})
        BOOST_TEST(split(name) == name + " | ");
}

BOOST_AUTO_TEST_CASE(outputs_of_one_derivation_are_one_package) {
    for (const std::string output :
         {"bin", "dev", "lib", "man", "doc", "info", "devdoc", "debug", "static", "data", "installedTests", "py"})
        BOOST_TEST(split("glibc-2.31-" + output) == "glibc | 2.31");
    BOOST_TEST(split("linux-5.4.53-modules") == "linux | 5.4.53");
    BOOST_TEST(split("xfce4-dev-tools-4.14.0") == "xfce4-dev-tools | 4.14.0");
    BOOST_TEST(split("libaom-2.0.0-rc1-static") == "libaom | 2.0.0-rc1");
    BOOST_TEST(split("tool-1.0-dev-dev") == "tool | 1.0-dev"); // one only
}

// Of two real systems: every package that is there in several outputs has one version in all of them.
BOOST_AUTO_TEST_CASE(no_output_of_a_real_system_is_taken_for_a_version) {
    std::istringstream lines(golden("report/closures.txt"));
    std::size_t paths = 0, versions = 0;
    for (std::string line; std::getline(lines, line); ++paths) {
        auto split = package_name(std::string_view(line).substr(33, line.find(' ') - 33));
        versions += split.version.empty() ? 0 : 1;
        BOOST_TEST(!split.name.empty());
        for (const std::string output : {"-bin", "-dev", "-lib", "-man", "-doc", "-info", "-debug", "-modules"})
            BOOST_TEST(!split.version.ends_with(output), line);
    }
    BOOST_TEST(paths == 1595U);
    BOOST_TEST(versions > 800U);
}

BOOST_AUTO_TEST_SUITE_END()
