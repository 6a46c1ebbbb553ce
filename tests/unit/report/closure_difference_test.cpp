#include "report/closure_difference.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <sstream>
#include <string>

using namespace cachefill;
using namespace cachefill::test;
using report::ClosurePath;
using report::compare_closures;
using report::PackageChange;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

// "1 firefox-142.0": a path whose hash is made of the digit.
ClosurePath path(const std::string& what, std::uint64_t size = 100) {
    return {std::string(32, what[0]) + "-" + what.substr(2), size};
}

std::string told(const std::vector<std::string>& versions) {
    std::string text;
    for (const auto& version : versions) text += (text.empty() ? "" : ",") + version;
    return text;
}

std::vector<std::string> told(const std::vector<PackageChange>& changes) {
    std::vector<std::string> lines;
    for (const auto& change : changes)
        lines.push_back(change.name + " " + told(change.before) + ">" + told(change.after) + " " +
                        std::to_string(change.grew_by));
    return lines;
}

using Lines = std::vector<std::string>;

// The paths of a real system (tests/data/README.md: four hosts of nixpkgs 20.09, sizes as of a distribution's cache):
// 'd' of the desktop, 'l' of the laptop.
std::vector<ClosurePath> real_closure(char host) {
    std::vector<ClosurePath> closure;
    std::istringstream file(golden("report/closures.txt"));
    ClosurePath path;
    for (std::string hosts; file >> path.base_name >> path.nar_size >> hosts;)
        if (hosts.find(host) != std::string::npos) closure.push_back(path);
    return closure;
}

std::uint64_t bytes_of(const std::vector<ClosurePath>& closure) {
    std::uint64_t bytes = 0;
    for (const auto& path : closure) bytes += path.nar_size;
    return bytes;
}

} // namespace

BOOST_AUTO_TEST_SUITE(closure_differences)

BOOST_AUTO_TEST_CASE(equal_closures_differ_in_nothing) {
    auto difference = compare_closures({path("1 a-1"), path("2 b")}, {path("2 b"), path("1 a-1")});
    BOOST_TEST(difference.is_nothing());
    BOOST_TEST(difference.grew_by == 0);
    BOOST_TEST(compare_closures({}, {}).is_nothing());
}

BOOST_AUTO_TEST_CASE(what_comes_goes_and_changes_its_version_is_told_with_its_growth) {
    auto difference = compare_closures({path("1 firefox-141.0", 500), path("2 gone-1.0", 70), path("3 same-1.0", 10)},
                                       {path("4 firefox-142.0", 600), path("5 new-2.0", 30), path("3 same-1.0", 10)});
    BOOST_TEST(told(difference.changed) == Lines{"firefox 141.0>142.0 100"});
    BOOST_TEST(told(difference.came) == Lines{"new >2.0 30"});
    BOOST_TEST(told(difference.went) == Lines{"gone 1.0> -70"});
    BOOST_TEST(difference.rebuilt == 0U);
    BOOST_TEST(difference.grew_by == 60);
    BOOST_TEST(!difference.is_nothing());
}

BOOST_AUTO_TEST_CASE(what_is_the_same_but_for_its_hash_is_counted_and_named_only_if_it_grew) {
    auto difference = compare_closures({path("1 etc", 100), path("2 mesa-25.0", 30 * mebibyte), path("3 bash-5.2", 5)},
                                       {path("4 etc", 110), path("5 mesa-25.0", 31 * mebibyte), path("6 bash-5.2", 5)});
    BOOST_TEST(difference.rebuilt == 3U);
    BOOST_TEST(told(difference.resized) == Lines{"mesa 25.0>25.0 " + std::to_string(mebibyte)});
    BOOST_TEST(difference.changed.empty());
    BOOST_TEST(difference.came.empty());
    BOOST_TEST(difference.grew_by == static_cast<std::int64_t>(mebibyte + 10));
    auto shrunk = compare_closures({path("1 mesa-25.0", 2 * mebibyte)}, {path("2 mesa-25.0", mebibyte)});
    BOOST_TEST(told(shrunk.resized) == Lines{"mesa 25.0>25.0 -" + std::to_string(mebibyte)});
}

BOOST_AUTO_TEST_CASE(all_outputs_are_one_package) {
    auto difference =
        compare_closures({path("1 glibc-2.31", 100), path("2 glibc-2.31-bin", 10)},
                         {path("3 glibc-2.32", 100), path("4 glibc-2.32-bin", 10), path("5 glibc-2.32-man")});
    BOOST_TEST(told(difference.changed) == Lines{"glibc 2.31>2.32 100"});
    BOOST_TEST(difference.came.empty());
}

BOOST_AUTO_TEST_CASE(what_is_named_behind_a_version_that_is_there_is_a_part_of_it) {
    auto before = {path("1 linux-6.6"), path("2 linux-6.6-modules-shrunk"), path("3 tool-1.0-rc1")};
    auto after = {path("4 linux-6.12"), path("5 linux-6.12-modules-shrunk"), path("6 tool-1.0"), path("7 tool-1.0-1")};
    auto difference = compare_closures(before, after);
    BOOST_TEST(told(difference.changed) == (Lines{"linux 6.6>6.12 0", "tool 1.0-rc1>1.0,1.0-1 100"}));
}

BOOST_AUTO_TEST_CASE(of_several_versions_only_those_that_differ_are_told) {
    auto all = [](const Lines& before, const Lines& after) {
        std::vector<ClosurePath> first, second;
        char hash = '1';
        for (const auto& version : before) first.push_back(path(std::string(1, hash++) + " x-" + version));
        for (const auto& version : after) second.push_back(path(std::string(1, hash++) + " x-" + version));
        return told(compare_closures(first, second).changed);
    };
    BOOST_TEST(all({"6.1", "6.2"}, {"6.3", "6.2"}) == Lines{"x 6.1>6.3 0"});
    BOOST_TEST(all({"6.1"}, {"6.1", "6.2"}) == Lines{"x 6.1>6.1,6.2 100"});
    BOOST_TEST(all({"6.10", "6.9"}, {"6.9"}) == Lines{"x 6.9,6.10>6.9 -100"});
    BOOST_TEST(all({"1.10", "1.9", "1.9a", "01.2"}, {"2"}) == Lines{"x 01.2,1.9,1.9a,1.10>2 -300"});
}

BOOST_AUTO_TEST_CASE(what_loses_its_version_has_changed) {
    auto difference = compare_closures({path("1 tool-1.0")}, {path("2 tool")});
    BOOST_TEST(told(difference.changed) == Lines{"tool 1.0> 0"});
    BOOST_TEST(difference.changed.front().after == Lines{""});
}

BOOST_AUTO_TEST_CASE(the_large_come_first_and_what_has_no_version_last) {
    auto difference = compare_closures(
        {}, {path("1 unit-nginx.service", 900), path("2 small-1", 1), path("3 big-1", 800), path("4 etc", 5)});
    BOOST_TEST(told(difference.came) == (Lines{"big >1 800", "small >1 1", "unit-nginx.service > 900", "etc > 5"}));
}

BOOST_AUTO_TEST_CASE(two_real_hosts_of_one_nixpkgs_differ_in_what_they_have) {
    auto laptop = real_closure('l'), desktop = real_closure('d');
    BOOST_TEST_REQUIRE(laptop.size() == 1398U);
    auto difference = compare_closures(laptop, desktop);
    auto grown = static_cast<std::int64_t>(bytes_of(desktop)) - static_cast<std::int64_t>(bytes_of(laptop));
    BOOST_TEST(difference.grew_by == grown);
    auto back = compare_closures(desktop, laptop);
    BOOST_TEST(back.grew_by == -grown);
    BOOST_TEST(back.came.size() == difference.went.size());
    BOOST_TEST(back.went.size() == difference.came.size());
    BOOST_TEST(back.rebuilt == difference.rebuilt);
    BOOST_TEST(difference.came.size() == 125U);
    BOOST_TEST(difference.came.front().name == "blender");
    BOOST_TEST(difference.went.size() == 19U);
    BOOST_TEST(difference.rebuilt == 66U);
    Lines versions;
    for (const auto& change : difference.changed)
        versions.push_back(change.name + " " + told(change.before) + ">" + told(change.after));
    std::sort(versions.begin(), versions.end());
    BOOST_TEST(versions == (Lines{"ffmpeg 3.4.8>3.4.8,4.3.1", "python 2.7.18-env>2.7.18"}));
}

// What a new nixpkgs does: all hashes are other ones, some versions are, the rest is rebuilt.
BOOST_AUTO_TEST_CASE(of_a_real_host_whose_every_hash_changed_the_versions_are_told) {
    auto before = real_closure('l'), after = before;
    for (auto& path : after) {
        std::rotate(path.base_name.begin(), path.base_name.begin() + 1, path.base_name.begin() + 32);
        for (const auto& [from, to] : {std::pair{"-firefox-78.0.1", "-firefox-79.0"},
                                       {"-glibc-2.31", "-glibc-2.32"},
                                       {"-linux-5.4.53", "-linux-5.4.72"}}) {
            auto at = path.base_name.find(from, 32);
            if (at == 32) path.base_name.replace(at, std::string_view(from).size(), to);
        }
    }
    auto difference = compare_closures(before, after);
    auto changed = told(difference.changed);
    std::sort(changed.begin(), changed.end());
    BOOST_TEST(changed == (Lines{"firefox 78.0.1>79.0 0", "glibc 2.31>2.32 0", "linux 5.4.53>5.4.72 0"}));
    BOOST_TEST(difference.came.empty());
    BOOST_TEST(difference.went.empty());
    BOOST_TEST(difference.resized.empty());
    BOOST_TEST(difference.rebuilt > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()
