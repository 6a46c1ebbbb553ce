// The payloads below tests/golden/github/events have the shape of GitHub's own, less what says nothing of the code.
#include "base/files.hpp"
#include "github/author.hpp"
#include "github/context.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <set>
#include <sstream>

using namespace cachefill;
using github::Author;
using github::passes_on_foreign_events;
using nlohmann::json;

namespace cachefill::github {

std::ostream& operator<<(std::ostream& out, Author author) {
    return out << (author == Author::repository ? "repository" : author == Author::fork ? "fork" : "unknown");
}

} // namespace cachefill::github

namespace {

json payload(const std::string& name) { return json::parse(test::golden("github/events/" + name + ".json")); }

json of_fork(json event, const std::string& place) {
    json::json_pointer repository(place);
    event.at(repository)["full_name"] = "stranger/fleet";
    event.at(repository)["fork"] = true;
    return event;
}

Author author(const std::string& event, const json& what) { return github::author_of(event, "owner/fleet", what); }

} // namespace

BOOST_AUTO_TEST_SUITE(author_of_an_event)

BOOST_AUTO_TEST_CASE(what_only_writers_cause_is_the_repositorys) {
    for (const std::string event :
         {"push", "schedule", "workflow_dispatch", "repository_dispatch", "merge_group", "release"}) {
        BOOST_TEST(author(event, payload(event)) == Author::repository, event);
        // A runner that gives no payload: what a dispatch passes on may then be anything.
        auto alone = event == "repository_dispatch" ? Author::unknown : Author::repository;
        BOOST_TEST(author(event, json()) == alone, event);
    }
}

BOOST_AUTO_TEST_CASE(a_pull_request_is_judged_by_where_its_head_lies) {
    for (const std::string event :
         {"pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment"}) {
        auto own = payload(event == "pull_request_target" ? "pull_request" : event);
        BOOST_TEST(author(event, own) == Author::repository, event);
        BOOST_TEST(author(event, of_fork(own, "/pull_request/head/repo")) == Author::fork, event);
        auto deleted = own;
        deleted["pull_request"]["head"]["repo"] = nullptr;
        BOOST_TEST(author(event, deleted) == Author::fork, event);
        auto silent = own;
        silent.erase("pull_request");
        BOOST_TEST(author(event, silent) == Author::fork, event);
        BOOST_TEST(author(event, json()) == Author::fork, event);
        BOOST_TEST(author(event, json(json::value_t::discarded)) == Author::fork, event);
        // The base is always here, and says nothing.
        auto based = of_fork(own, "/pull_request/head/repo");
        based["pull_request"]["base"]["repo"]["full_name"] = "owner/fleet";
        BOOST_TEST(author(event, based) == Author::fork, event);
    }
    BOOST_TEST(github::author_of("pull_request", "OWNER/Fleet", payload("pull_request")) == Author::repository);
    BOOST_TEST(github::author_of("pull_request", "", payload("pull_request")) == Author::fork);
}

BOOST_AUTO_TEST_CASE(what_everybody_can_cause_is_unknown) {
    BOOST_TEST(author("issue_comment", payload("issue_comment")) == Author::unknown);
    BOOST_TEST(author("issue_comment", payload("issue_comment_on_pull_request")) == Author::unknown);
    BOOST_TEST(author("discussion", payload("discussion")) == Author::unknown);
    for (const std::string event : {"issues", "discussion_comment", "fork", "watch", "check_run", "status",
                                    "deployment", "an_event_of_tomorrow", "", "Push", "push "}) {
        BOOST_TEST(author(event, payload("push")) == Author::unknown, event);
        BOOST_TEST(author(event, json()) == Author::unknown, event);
    }
}

BOOST_AUTO_TEST_CASE(an_issue_that_is_a_pull_request_is_not_trusted_whatever_the_event_is_called) {
    BOOST_TEST(author("workflow_dispatch", payload("issue_comment_on_pull_request")) == Author::unknown);
    BOOST_TEST(author("push", of_fork(payload("pull_request"), "/pull_request/head/repo")) == Author::fork);
}

BOOST_AUTO_TEST_CASE(a_follow_up_is_judged_by_what_it_follows) {
    auto own = payload("workflow_run");
    BOOST_TEST(author("workflow_run", own) == Author::repository);
    own["workflow_run"]["event"] = "pull_request";
    BOOST_TEST(author("workflow_run", own) == Author::repository);
    BOOST_TEST(author("workflow_run", of_fork(own, "/workflow_run/head_repository")) == Author::fork);
    auto deleted = own;
    deleted["workflow_run"]["head_repository"] = nullptr;
    BOOST_TEST(author("workflow_run", deleted) == Author::fork);
    BOOST_TEST(author("workflow_run", json()) == Author::fork);
    // Started on our branch, though a stranger's comment or pull request started it; or after one that was.
    for (const std::string event :
         {"issue_comment", "pull_request_target", "pull_request_review", "workflow_run", "repository_dispatch", ""}) {
        own["workflow_run"]["event"] = event;
        BOOST_TEST(author("workflow_run", own) == Author::unknown, event);
    }
}

// Bots that take commands from comments pass the payload on.
BOOST_AUTO_TEST_CASE(a_pull_request_in_what_a_dispatch_passes_on_counts) {
    auto dispatch = payload("repository_dispatch");
    auto comment = payload("issue_comment_on_pull_request");
    dispatch["client_payload"] = {{"github", {{"payload", comment}}}};
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::unknown);
    auto request = payload("pull_request");
    dispatch["client_payload"] = {{"command", "fill"}, {"pull_request", request["pull_request"]}};
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::repository);
    request = of_fork(request, "/pull_request/head/repo");
    dispatch["client_payload"] = json::array({1, {{"pull_request", request["pull_request"]}}});
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::fork);
    dispatch["client_payload"] = {{"pull_request", 12}};
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::unknown);
    // Links to a pull request are none.
    dispatch["client_payload"] = payload("pull_request_review");
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::repository);
}

BOOST_AUTO_TEST_CASE(what_a_dispatch_passes_on_is_seen_however_it_is_written) {
    auto dispatch = payload("repository_dispatch");
    auto own = payload("pull_request");
    auto forked = of_fork(own, "/pull_request/head/repo");
    auto judged = [&](const json& passed_on) {
        dispatch["client_payload"] = passed_on;
        BOOST_TEST(passes_on_foreign_events(dispatch, "owner/fleet"), passed_on.dump());
        return author("repository_dispatch", dispatch);
    };
    for (const auto* key : {"pull_request", "pullRequest", "pull-request", "PULL_REQUEST"}) {
        BOOST_TEST(judged({{key, forked["pull_request"]}}) == Author::fork, key);
        BOOST_TEST(judged({{key, own["pull_request"]}}) == Author::repository, key);
    }
    BOOST_TEST(judged({{"head", forked["pull_request"]["head"]}}) == Author::fork);
    BOOST_TEST(judged({{"head", {{"ref", "x"}, {"repo", nullptr}}}}) == Author::fork);
    BOOST_TEST(judged({{"head", own["pull_request"]["head"]}}) == Author::repository);
    BOOST_TEST(judged({{"event", forked.dump()}}) == Author::fork);
    json inner = {{"event", forked.dump()}};
    BOOST_TEST(judged({{"event", " [" + inner.dump() + "]"}}) == Author::fork);
    BOOST_TEST(judged({{"event", own.dump()}}) == Author::repository);
    auto run = payload("workflow_run");
    run["workflow_run"]["pull_requests"] = json::array({{{"head", {{"ref", "x"}, {"repo", {{"name", "fleet"}}}}}}});
    BOOST_TEST(judged({{"workflowRun", run["workflow_run"]}}) == author("workflow_run", payload("workflow_run")));
    for (const json& nothing :
         {json{{"ref", "refs/heads/main"}, {"unit", false}, {"attempt", 12}}, json(), json::object(),
          json{{"version", "1.2"}}, json{{"event", R"({"ref": "refs/heads/main"})"}},
          json{{"inputs", {{"revision", "v1.2"}, {"hosts", {"nas", "kim@desk"}}}}},
          json{{"repository", "owner/fleet"}, {"ref", "main"}},
          json{{"repository", {{"full_name", "Owner/fleet"}, {"html_url", "https://github.com/owner/fleet"}}}}}) {
        dispatch["client_payload"] = nothing;
        BOOST_TEST(author("repository_dispatch", dispatch) == Author::repository);
        BOOST_TEST(!passes_on_foreign_events(dispatch, "owner/fleet"));
    }
}

// Of what has no shape of GitHub's it is not guessed whose code it is about.
BOOST_AUTO_TEST_CASE(what_a_dispatch_passes_on_otherwise_must_be_known_to_be_harmless) {
    auto dispatch = payload("repository_dispatch");
    for (
        const char* passed_on : {
            R"({"pr": {"number": 12, "headRepository": {"nameWithOwner": "stranger/fleet"}, "isCrossRepository": true}})",
            R"({"isCrossRepository": true})",
            R"({"ref": "main", "sha": "3f2a9c0d3f2a9c0d3f2a9c0d3f2a9c0d3f2a9c0d"})",
            R"({"ref": "3f2a9c0d3f2a9c0d3f2a9c0d3f2a9c0d3f2a9c0d"})",
            R"({"commit": "3f2a9c0"})",
            R"({"number": 12, "head_repository": {"full_name": "stranger/fleet"}})",
            R"({"repository": "stranger/fleet", "ref": "main"})",
            R"({"from": {"full_name": "stranger/fleet"}})",
            R"({"pull_requests": [{"number": 3, "head": {"ref": "x", "repo": {"url": "https://api.github.com/repos/stranger/fleet"}}}]})",
            R"({"head": {"label": "stranger:x", "user": {"login": "stranger"}}})",
            R"({"head": "main"})",
            R"({"head_repo": "stranger/fleet", "head_ref": "x"})",
            R"({"PR": {"fork": true}})",
            R"({"ref": "refs/pull/7/merge"})",
            R"({"github": {"ref": "refs/pull/7/merge", "event": {"number": 7}}})",
            R"({"comment": {"body": "fill", "html_url": "https://github.com/owner/fleet/pull/7#x"}})",
            R"({"at": "https://api.github.com/repos/owner/fleet/pulls/7"})",
            R"({"at": "https://example.org/stranger/fleet"})",
            R"({"pull_request_number": 7})",
            R"({"prNumber": 7})",
            R"({"check_suite": {"id": 1}})",
            R"({"event": "eyJwdWxsX3JlcXVlc3QiOnsiaGVhZCI6eyJyZXBvIjpudWxsfX19"})",
            R"({"event": "{ no JSON"})",
            R"({"event": "a; b"})",
            R"({"event": "%7B%22a%22%3A1%7D"})",
            R"({"PRNumber": 7})",
            R"({"prnumber": 7})",
            R"({"PRId": 7})",
            R"({"pullnumber": 7})",
            R"({"issuenumber": 7})",
            R"({"GHPR": 7})",
            R"({"ghpr": 7})",
            R"({"mergeRequest": 7})",
            R"({"merge_request": 7})",
            R"({"discussion": 7})",
            R"({"number": 7})",
            R"({"ref": 7})",
            R"({"forkowner": "stranger"})",
            R"({"url": "git@github.com:stranger/fleet.git"})",
            R"({"url": "github.com/stranger/fleet"})",
            R"({"flake": "github:stranger/fleet"})",
            R"({"url": "https://evil.example/owner/fleet"})",
            R"({"url": "https://github.com/owner/fleet/../../stranger/fleet"})",
            R"({"label": "stranger:patch-1"})",
            R"({"owner": "stranger", "ref": "patch-1"})",
            R"({"user": "stranger", "ref": "patch-1"})",
            R"({"source": "stranger/fleet"})",
            R"({"repository": {"full_name": "stranger/fleet"}})",
            R"({"inputs": {"ref": "stranger:patch-1"}})",
            R"({"inputs": "{\"PRNumber\": 7}"})",
            R"({"refs": [{"ref": "main", "pr": 7}]})",
            R"({"ｐｒ": 7})",
            R"([7])",
            R"("pr 7")",
            R"(7)",
        }) {
        dispatch["client_payload"] = json::parse(passed_on);
        BOOST_TEST(author("repository_dispatch", dispatch) == Author::unknown, passed_on);
        BOOST_TEST(passes_on_foreign_events(dispatch, "owner/fleet"), passed_on);
    }
    // Beside a pull request of the repository's own stands only what GitHub puts there, about the same one.
    auto own = payload("pull_request");
    dispatch["client_payload"] = own;
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::repository);
    for (const auto* key : {"PRNumber", "number", "label", "url"}) {
        dispatch["client_payload"] = own;
        dispatch["client_payload"][key] = 4711;
        BOOST_TEST(author("repository_dispatch", dispatch) == Author::unknown, key);
    }
    dispatch["client_payload"] = json{{"event", json(R"({"pull_request": {"head": {"repo": null}}})").dump()}};
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::fork); // a text in a text
}

BOOST_AUTO_TEST_CASE(a_workflow_run_in_what_a_dispatch_passes_on_counts) {
    auto dispatch = payload("repository_dispatch");
    auto run = payload("workflow_run");
    dispatch["client_payload"] = {{"workflow_run", run["workflow_run"]}};
    BOOST_TEST(author("repository_dispatch", dispatch) == author("workflow_run", run));
    run["workflow_run"]["event"] = "pull_request";
    dispatch["client_payload"] = {{"github", {{"event", run}}}};
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::repository);
    auto forked = of_fork(run, "/workflow_run/head_repository");
    dispatch["client_payload"] = {{"github", {{"event", forked}}}};
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::fork);
    run["workflow_run"]["event"] = "issue_comment"; // nobody can tell whose code that was
    dispatch["client_payload"] = json::array({run});
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::unknown);
    dispatch["client_payload"] = {{"workflow_run", 12}};
    BOOST_TEST(author("repository_dispatch", dispatch) == Author::fork);
}

// docs/security.md: what its table of events promises of each row.
BOOST_AUTO_TEST_CASE(the_table_of_events_in_the_documentation_is_what_happens) {
    auto page = read_file(std::filesystem::path(CACHEFILL_GOLDEN) / "../../docs/security.md", 1 << 20).value();
    auto start = page.find("<!-- events -->"), end = page.find("<!-- /events -->");
    BOOST_REQUIRE((start != page.npos && end != page.npos));
    std::istringstream table(page.substr(start, end - start));
    std::set<std::string> seen;
    for (std::string line; std::getline(table, line);) {
        if (!line.starts_with("| `")) continue;
        auto cell = line.substr(0, line.find(" | ")), last = line.substr(line.rfind(" | "));
        for (auto at = cell.find('`'); at != cell.npos; at = cell.find('`', at + 1)) {
            auto stop = cell.find('`', at + 1);
            auto event = cell.substr(at + 1, stop - at - 1);
            at = stop;
            seen.insert(event);
            bool depends = last.find("if it is the repository's, else confined") != last.npos;
            auto alone = author(event, json::object());
            if (depends)
                BOOST_TEST(alone == Author::fork, event);
            else if (last.find("confined") != last.npos)
                BOOST_TEST(alone == Author::unknown, event);
            else
                BOOST_TEST(alone == Author::repository, event);
        }
    }
    BOOST_TEST(seen.size() >= 21U);
    for (const std::string event : {"push", "pull_request_review_comment", "workflow_run", "issue_comment"})
        BOOST_TEST(seen.contains(event), event);
}

BOOST_AUTO_TEST_CASE(a_payload_that_cannot_be_read_vouches_for_nothing) {
    for (const std::string event : {"push", "schedule", "workflow_dispatch"}) {
        BOOST_TEST(author(event, json(json::value_t::discarded)) == Author::unknown, event);
        BOOST_TEST(author(event, json::array()) == Author::unknown, event);
        BOOST_TEST(author(event, json("push")) == Author::unknown, event);
    }
    BOOST_TEST(author("push", json()) == Author::repository);
    BOOST_TEST(author("repository_dispatch", json()) == Author::unknown);
    Environment gone(std::map<std::string, std::string>{{"GITHUB_EVENT_NAME", "push"},
                                                        {"GITHUB_REPOSITORY", "owner/fleet"},
                                                        {"GITHUB_EVENT_PATH", "/nonexistent/event.json"}});
    BOOST_TEST(!github::read_context(gone).is_trusted());
}

BOOST_AUTO_TEST_SUITE_END()
