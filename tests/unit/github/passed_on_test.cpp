#include "base/files.hpp"
#include "github/passed_on.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <sstream>

using namespace cachefill;
using nlohmann::json;

namespace {

bool is_harmless(const std::string& name, const json& value) { return github::is_harmless(name, value, "owner/fleet"); }

} // namespace

BOOST_AUTO_TEST_SUITE(passed_on)

BOOST_AUTO_TEST_CASE(a_name_is_the_same_however_it_is_written) {
    for (const auto* key : {"base_ref", "baseRef", "BASE-REF", "baseref"})
        BOOST_TEST(github::plain_key(key) == "baseref", key);
    for (const auto* key : {"réf", "ref2", "ref.", "ref ", ""}) BOOST_TEST(github::plain_key(key) == "", key);
}

BOOST_AUTO_TEST_CASE(a_ref_is_one_of_the_repositorys_own) {
    for (const auto* ref : {"main", "refs/heads/main", "refs/tags/v1.2", "release/1.2", "feature/a-b_c", "HEAD", "",
                            "dependabot/npm_and_yarn/@types/node-18.0"})
        BOOST_TEST(is_harmless("ref", ref), ref);
    for (const auto* ref : {"refs/pull/7/merge",
                            "0123456789012345678901234567890123456789", // may be a fork's
                            "v1.2-3-g0123456",
                            "refs/pull",
                            "REFS/pull/7/head",
                            "pull/7/head",
                            "origin/pull/7/head",
                            "pr/7",
                            "refs/heads",
                            "refs/remotes/x/y",
                            "stranger:patch-1",
                            "git@github.com:stranger/fleet",
                            "github.com/stranger/fleet",
                            "a..b",
                            "/main",
                            "main/",
                            "a//b",
                            "https://github.com/owner/fleet",
                            "main^{/x}",
                            "refs/heads/../pull/7",
                            "ma%69n",
                            "merge-requests/7",
                            "a b",
                            "réf"})
        BOOST_TEST(!is_harmless("ref", ref), ref);
    BOOST_TEST(!is_harmless("ref", 7));
    BOOST_TEST(!is_harmless("ref", true));
    BOOST_TEST(!is_harmless("ref", std::string(201, '-')));
}

BOOST_AUTO_TEST_CASE(words_say_nothing_of_other_code) {
    for (const json& word : {json("nightly"), json("1.2.3-rc1"), json("weekly update, of all"), json("home:kim@desk"),
                             json("*"), json(7), json(1.5), json(true), json(), json("2026-11-29"), json("20261129"),
                             json("1795980000"), json("decade"), json("nixpkgs-fmt")})
        BOOST_TEST(is_harmless("reason", word), word.dump());
    for (const auto* word : {"pr 7", "PR7", "pull_request", "the-fork", "#7", "stranger:x", "a/b", "https://x", "fork",
                             "issue_comment", "eyJwdWxsX3JlcXVlc3QiOnsiaGVhZCI6",
                             // Commits, whole and in short.
                             "0123456789abcdef0123456789abcdef01234567", "0123456789012345678901234567890123456789",
                             "build 0123456789abcdef0123456789abcdef01234567", "v1.2-3-g012345a", "x@0a1b2c3",
                             "nixos:0a1b2c3d", "1.0+0A1B2C3", "0a1b2c3,latest"})
        BOOST_TEST(!is_harmless("reason", word), word);
    BOOST_TEST(!is_harmless("reasons", "nightly")); // no name of the list
}

BOOST_AUTO_TEST_CASE(a_repository_is_our_own) {
    BOOST_TEST(is_harmless("repository", "Owner/Fleet"));
    BOOST_TEST(is_harmless("repo", "fleet"));
    BOOST_TEST(is_harmless("owner", "owner"));
    for (const auto* other : {"stranger/fleet", "owner/fleet2", "owner/fleet/..", "stranger", ""}) {
        BOOST_TEST(!is_harmless("repository", other), other);
        BOOST_TEST(!is_harmless("owner", other), other);
        BOOST_TEST(!github::is_harmless("repo", other, ""), other);
    }
    BOOST_TEST(github::is_harmless_folder("repository", {{"full_name", "owner/fleet"}}, "owner/fleet"));
    BOOST_TEST(!github::is_harmless_folder("repository", {{"full_name", "stranger/fleet"}}, "owner/fleet"));
    BOOST_TEST(!github::is_harmless_folder("from", {{"full_name", "owner/fleet"}}, "owner/fleet"));
}

BOOST_AUTO_TEST_CASE(what_stands_beside_a_pull_request_is_about_the_same_one) {
    const json event = {{"pull_request", {{"number", 7}}}};
    auto is_companion = [&](const std::string& name, const json& value) {
        return github::is_companion(name, value, event, "owner/fleet");
    };
    BOOST_TEST(is_companion("number", 7));
    BOOST_TEST(!is_companion("number", 8));
    BOOST_TEST(is_companion("sender", json::object()));
    BOOST_TEST(!is_companion("label", "stranger:x"));
    BOOST_TEST(is_companion("repository", json({{"full_name", "owner/fleet"}})));
    BOOST_TEST(!is_companion("repository", json({{"full_name", "stranger/fleet"}})));
    BOOST_TEST(!is_companion("issue", json::object()));
}

// docs/github.md: what its table lists.
BOOST_AUTO_TEST_CASE(the_list_in_the_documentation_is_the_one_that_counts) {
    auto page = read_file(std::filesystem::path(CACHEFILL_GOLDEN) / "../../docs/github.md", 1 << 20).value();
    auto start = page.find("<!-- passed on -->"), end = page.find("<!-- /passed on -->");
    BOOST_REQUIRE((start != page.npos && end != page.npos));
    std::istringstream table(page.substr(start, end - start));
    std::size_t row = 0;
    for (std::string line; std::getline(table, line);) {
        if (!line.starts_with("| `")) continue;
        ++row;
        auto cell = line.substr(0, line.find(" | "));
        for (auto at = cell.find('`'); at != cell.npos; at = cell.find('`', at + 1)) {
            auto stop = cell.find('`', at + 1);
            auto name = cell.substr(at + 1, stop - at - 1);
            at = stop;
            if (row == 1) BOOST_TEST((is_harmless(name, "refs/heads/main") && !is_harmless(name, 7)), name);
            if (row == 2) BOOST_TEST((is_harmless(name, 7) && !is_harmless(name, "refs/heads/main")), name);
            if (row == 3) BOOST_TEST((is_harmless(name, name.ends_with("owner") ? "owner" : "fleet")), name);
            if (row == 4) BOOST_TEST(github::is_harmless_folder(name, json::object(), "owner/fleet"), name);
        }
    }
    BOOST_TEST(row == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
