#include "base/text.hpp"
#include "init/line_diff.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using cachefill::init::unified_diff;

namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
    Lines lines;
    for (auto line : cachefill::split(std::string_view(text), '\n')) lines.emplace_back(line);
    if (lines.back().empty()) lines.pop_back();
    return lines;
}

// As `patch` does it: every line of context and every one that goes has to be where the hunk says.
std::string patched(const std::string& before, const std::string& diff) {
    auto old = lines_of(before);
    std::string after;
    std::size_t at = 0;
    for (const auto& line : lines_of(diff)) {
        if (line.starts_with("---") || line.starts_with("+++")) continue;
        if (line.starts_with("@@ -")) {
            auto digits = line.substr(4, line.find_first_not_of("0123456789", 4) - 4);
            auto start = static_cast<std::size_t>(std::stoul(digits));
            bool is_insertion = line.substr(4 + digits.size()).starts_with(",0 "); // then it is behind that line
            for (auto until = is_insertion ? start : start - 1; at < until; ++at) after += old.at(at) + "\n";
            continue;
        }
        if (line[0] != '+' && old.at(at++) != line.substr(1)) return "does not apply at line " + std::to_string(at);
        if (line[0] != '-') after += line.substr(1) + "\n";
    }
    for (; at < old.size(); ++at) after += old[at] + "\n";
    return after;
}

} // namespace

BOOST_AUTO_TEST_SUITE(line_diff)

BOOST_AUTO_TEST_CASE(a_new_file_is_added_whole) {
    BOOST_TEST(unified_diff("x/a.yml", "", "one\ntwo\n") ==
               "--- /dev/null\n+++ b/x/a.yml\n@@ -0,0 +1,2 @@\n+one\n+two\n");
}

BOOST_AUTO_TEST_CASE(the_same_is_no_difference) { BOOST_TEST(unified_diff("a", "one\n", "one\n") == ""); }

BOOST_AUTO_TEST_CASE(changes_far_apart_have_three_lines_around_each) {
    std::string before, after;
    for (int i = 1; i <= 20; ++i) {
        before += std::to_string(i) + "\n";
        if (i != 4) after += (i == 17 ? "seventeen" : std::to_string(i)) + "\n";
    }
    BOOST_TEST(unified_diff("a", before, after) ==
               "--- a/a\n+++ b/a\n"
               "@@ -1,7 +1,6 @@\n 1\n 2\n 3\n-4\n 5\n 6\n 7\n"
               "@@ -14,7 +13,7 @@\n 14\n 15\n 16\n-17\n+seventeen\n 18\n 19\n 20\n");
}

BOOST_AUTO_TEST_CASE(whatever_the_texts_the_difference_leads_from_one_to_the_other) {
    std::mt19937 random(11);
    auto text = [&random] {
        std::string lines;
        for (auto left = random() % 30; left > 0; --left)
            lines += std::string(1 + random() % 2, "abcd"[random() % 4]) + "\n";
        return lines;
    };
    for (int i = 0; i < 500; ++i) {
        auto before = text(), after = text();
        if (i % 3 == 0) { // a few changes in much that stays
            after = before;
            if (!after.empty()) after.replace(after.find('\n', random() % after.size()), 1, "\nnew\n");
        }
        auto diff = unified_diff("x", before, after);
        BOOST_TEST(diff.empty() == (before == after));
        if (before.empty() || after.empty()) continue;
        BOOST_REQUIRE(patched(before, diff) == after);
    }
}

BOOST_AUTO_TEST_CASE(changes_less_than_seven_lines_apart_are_told_together) {
    auto changed = [](int distance) {
        std::string before = "x\n", after = "X\n";
        for (int i = 0; i < distance; ++i) before += std::to_string(i) + "\n", after += std::to_string(i) + "\n";
        auto diff = unified_diff("a", before + "y\n", after + "Y\n");
        std::size_t hunks = 0;
        for (auto at = diff.find("@@ -"); at != diff.npos; at = diff.find("@@ -", at + 1)) ++hunks;
        return hunks;
    };
    BOOST_TEST(changed(6) == 1U);
    BOOST_TEST(changed(7) == 2U);
}

BOOST_AUTO_TEST_CASE(a_file_that_becomes_empty_loses_every_line) {
    BOOST_TEST(unified_diff("a", "one\ntwo\n", "") == "--- a/a\n+++ b/a\n@@ -1,2 +0,0 @@\n-one\n-two\n");
    BOOST_TEST(unified_diff("a", "\n", "\n\n") == "--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n \n+\n");
}

BOOST_AUTO_TEST_SUITE_END()
