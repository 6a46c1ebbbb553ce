#include "base/files.hpp"
#include "github/vouched_commit.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::github;

namespace {

const std::string of_run(40, 'a'), of_base(40, 'b');

std::optional<VouchedCommit> vouched(const std::string& event, const std::string& payload,
                                     const std::string& sha = of_run) {
    auto directory = TemporaryDirectory::make("cachefill-event").value();
    auto file = directory.path() / "event.json";
    BOOST_REQUIRE(write_file_atomically(file, payload).has_value());
    return vouched_commit(
        Environment({{"GITHUB_EVENT_NAME", event}, {"GITHUB_SHA", sha}, {"GITHUB_EVENT_PATH", file.string()}}));
}

} // namespace

BOOST_AUTO_TEST_SUITE(vouching)

BOOST_AUTO_TEST_CASE(what_only_members_cause_vouches_for_its_own_commit) {
    for (const std::string event : {"push", "schedule", "workflow_dispatch", "repository_dispatch", "release"}) {
        auto commit = vouched(event, "{}");
        BOOST_REQUIRE(commit.has_value());
        BOOST_TEST(commit->commit == of_run);
        BOOST_TEST(commit->is_of_event);
        BOOST_TEST(!vouched(event, "{}", "main").has_value());
    }
}

BOOST_AUTO_TEST_CASE(who_cannot_be_read_vouches_for_nothing_whatever_the_event_is_called) {
    for (const std::string event :
         {"push", "schedule", "workflow_dispatch", "repository_dispatch", "release", "issue_comment"}) {
        for (const std::string payload : {"", "{", "[]", "\"push\""})
            BOOST_TEST(!vouched(event, payload).has_value(), event << " with " << payload);
        Environment gone({{"GITHUB_EVENT_NAME", event}, {"GITHUB_SHA", of_run}, {"GITHUB_EVENT_PATH", "/nonexistent"}});
        BOOST_TEST(!vouched_commit(gone).has_value(), event);
        Environment without({{"GITHUB_EVENT_NAME", event}, {"GITHUB_SHA", of_run}});
        BOOST_TEST(vouched_commit(without).has_value() == (event != "repository_dispatch"), event);
    }
}

BOOST_AUTO_TEST_CASE(a_pull_request_is_never_its_own_witness) {
    auto payload = R"({"pull_request": {"base": {"ref": "main", "sha": ")" + of_base + R"("}}})";
    for (const std::string event : {"pull_request", "pull_request_target", "pull_request_review",
                                    "pull_request_review_comment", "push", "some_new_event"}) {
        auto commit = vouched(event, payload);
        BOOST_REQUIRE(commit.has_value());
        BOOST_TEST(commit->commit == of_base, event);
        BOOST_TEST(commit->branch == "main");
        BOOST_TEST(!commit->is_of_event);
    }
    BOOST_TEST(!vouched("pull_request", "{}").has_value());
    BOOST_TEST(!vouched("pull_request_target", "no JSON").has_value());
    auto group =
        vouched("merge_group", R"({"merge_group": {"base_ref": "refs/heads/main", "base_sha": ")" + of_base + R"("}})");
    BOOST_TEST((group && group->commit == of_base && group->branch == "main" && !group->is_of_event));
}

BOOST_AUTO_TEST_CASE(what_a_dispatch_passes_on_does_not_vouch_for_itself_nor_does_a_pull_requests_own_commit) {
    auto commit = vouched("repository_dispatch", R"({"client_payload": {"pullRequest": {"head": {"sha": "c"}}},
                                                     "repository": {"default_branch": "develop"}})");
    BOOST_REQUIRE(commit.has_value());
    BOOST_TEST(commit->commit == of_run);
    BOOST_TEST(commit->branch == "develop");
    BOOST_TEST(!commit->is_of_event);
    for (const std::string event : {"push", "workflow_dispatch", "issue_comment"}) {
        Environment environment({{"GITHUB_EVENT_NAME", event}, {"GITHUB_SHA", of_run}});
        BOOST_TEST(vouched_commit(environment).has_value(), event);
        environment.set("GITHUB_REF", "refs/pull/3/merge");
        BOOST_TEST(!vouched_commit(environment).has_value(), event);
    }
}

BOOST_AUTO_TEST_CASE(events_of_the_default_branch_vouch_for_that_and_unknown_ones_for_nothing) {
    for (const std::string event : {"issue_comment", "issues", "workflow_run"}) {
        auto commit = vouched(event, R"({"repository": {"default_branch": "develop"}})");
        BOOST_REQUIRE(commit.has_value());
        BOOST_TEST(commit->commit == of_run);
        BOOST_TEST(commit->branch == "develop");
        BOOST_TEST(!commit->is_of_event);
    }
    for (const std::string event : {"fork", "watch", "", "some_new_event"})
        BOOST_TEST(!vouched(event, "{}").has_value(), event);
}

BOOST_AUTO_TEST_SUITE_END()
