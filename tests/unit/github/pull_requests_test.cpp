#include "github/pull_requests.hpp"
#include "unit/github/harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using github::CommentOutcome;
using github::PullRequestsApi;
using nlohmann::json;

namespace {

const std::string mark = "<!-- mark -->";

json comment(int id, const std::string& body, const std::string& type = "User",
             const std::string& association = "NONE") {
    return {{"id", id}, {"body", body}, {"type", type}, {"association", association}};
}

json with_comments(json comments) { return {{"o/r", {{"comments", {{"12", std::move(comments)}}}}}}; }

GithubServer::Settings with_token(std::vector<std::string> readers = {}) {
    GithubServer::Settings settings;
    settings.tokens = {"good"};
    settings.readers = std::move(readers);
    return settings;
}

void with_api(const GithubServer& server, std::function<Task<void>(PullRequestsApi&)> body) {
    auto run = [&](github::RestClient& rest, github::ActionsApi& actions) -> Task<void> {
        PullRequestsApi api(rest, actions.repository());
        co_await body(api);
    };
    with_rest(server, "good", run);
}

// What became of it; the text is of this mark and `words`.
Result<CommentOutcome> keep(const GithubServer& server, const std::string& words, bool only_if_there = false) {
    std::optional<Result<CommentOutcome>> outcome;
    auto body = [&](PullRequestsApi& api) -> Task<void> {
        outcome = co_await keep_comment(api, 12, mark, mark + words, only_if_there);
    };
    with_api(server, body);
    return std::move(*outcome);
}

std::vector<std::string> bodies(const GithubServer& server) {
    std::vector<std::string> texts;
    auto known = server.state();
    for (const auto& entry : known["o/r"]["comments"]["12"]) texts.push_back(entry["body"].get<std::string>());
    return texts;
}

std::vector<std::string> writes(const GithubServer& server) {
    std::vector<std::string> methods;
    for (const auto& request : server.log())
        if (request.method != "GET") methods.push_back(request.method + " " + request.target);
    return methods;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pull_requests)

BOOST_AUTO_TEST_CASE(one_comment_is_posted_edited_and_left_alone) {
    GithubServer server(with_token());
    server.set(with_comments(json::array({comment(1, "looks good")})));
    BOOST_TEST((keep(server, "one").value() == CommentOutcome::posted));
    BOOST_TEST((keep(server, "two").value() == CommentOutcome::edited));
    BOOST_TEST((keep(server, "two").value() == CommentOutcome::unchanged));
    const std::vector<std::string> expected{"looks good", mark + "two"};
    BOOST_TEST(bodies(server) == expected, boost::test_tools::per_element());
    BOOST_TEST(writes(server).size() == 2U);
}

BOOST_AUTO_TEST_CASE(it_is_found_on_whatever_page_it_stands) {
    for (int before : {29, 30, 99, 100, 250}) {
        GithubServer server(with_token());
        auto all = json::array();
        for (int id = 1; id <= before; ++id) all.push_back(comment(id, "talk"));
        all.push_back(comment(before + 1, mark + "one", "Bot"));
        all.push_back(comment(before + 2, "more talk"));
        server.set(with_comments(all));
        BOOST_TEST((keep(server, "two").value() == CommentOutcome::edited), before);
        BOOST_TEST(bodies(server).size() == static_cast<std::size_t>(before) + 2);
    }
}

BOOST_AUTO_TEST_CASE(what_a_stranger_wrote_is_never_taken_for_ours) {
    for (const auto* association : {"NONE", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR", "FIRST_TIMER", "MANNEQUIN", ""}) {
        GithubServer server(with_token());
        server.set(with_comments(json::array({comment(1, mark + "all complete!", "User", association)})));
        BOOST_TEST((keep(server, "one").value() == CommentOutcome::posted), association);
        BOOST_TEST(bodies(server)[0] == mark + "all complete!");
    }
    // A token of somebody's own writes in the name of that one.
    for (const auto* association : {"OWNER", "MEMBER", "COLLABORATOR"}) {
        GithubServer server(with_token());
        server.set(with_comments(json::array({comment(1, mark + "one", "User", association)})));
        BOOST_TEST((keep(server, "two").value() == CommentOutcome::edited), association);
    }
    // Who quotes it has written something else.
    GithubServer server(with_token());
    server.set(with_comments(json::array({comment(1, "> " + mark + "one", "Bot"), comment(2, "see " + mark, "Bot")})));
    BOOST_TEST((keep(server, "one").value() == CommentOutcome::posted));
}

BOOST_AUTO_TEST_CASE(none_is_begun_where_there_is_nothing_to_say_and_one_that_is_there_says_so) {
    GithubServer server(with_token());
    server.set(with_comments(json::array()));
    BOOST_TEST((keep(server, "nothing", true).value() == CommentOutcome::not_worth));
    BOOST_TEST(writes(server).empty());
    BOOST_TEST((keep(server, "something").value() == CommentOutcome::posted));
    BOOST_TEST((keep(server, "nothing", true).value() == CommentOutcome::edited));
}

BOOST_AUTO_TEST_CASE(a_post_that_may_have_arrived_is_not_sent_again_and_an_edit_is) {
    GithubServer server(with_token());
    auto post = [](PullRequestsApi& api) -> Task<void> {
        auto posted = co_await api.post_comment(12, "text");
        BOOST_TEST(!posted.has_value());
    };
    server.set(with_comments(json::array({comment(7, "text", "Bot")})));
    server.fail_next(HttpReply(502, "<html>"));
    with_api(server, post);
    BOOST_TEST(writes(server).size() == 1U);
    auto edit = [](PullRequestsApi& api) -> Task<void> {
        auto edited = co_await api.edit_comment(7, "other");
        BOOST_TEST(edited.has_value());
    };
    server.fail_next(HttpReply(502, "<html>"));
    with_api(server, edit);
    BOOST_TEST(bodies(server)[0] == "other");
    BOOST_TEST(writes(server).back() == "PATCH /repos/o/r/issues/comments/7");
}

BOOST_AUTO_TEST_CASE(pull_requests_of_another_fork_with_the_same_branch_are_left_out) {
    GithubServer server(with_token());
    auto pull = [](int number, const std::string& from, const std::string& state = "open") -> json {
        return {{"number", number}, {"sha", sha}, {"repository", from}, {"branch", "a&b=c"}, {"state", state}};
    };
    auto all = json::array(
        {pull(1, "kim/r"), pull(2, "kim/other"), pull(3, "kim/r", "closed"), pull(4, "sam/r"), pull(5, "")});
    for (int number = 6; number < 150; ++number) all.push_back(pull(number, "kim/r"));
    server.set({{"o/r", {{"pulls", all}}}});
    auto body = [](PullRequestsApi& api) -> Task<void> {
        auto found = co_await api.open_with_head("kim/r", "a&b=c");
        BOOST_REQUIRE(found.has_value());
        BOOST_REQUIRE(found->size() == 145U);
        BOOST_TEST(found->front().number == 1U);
        BOOST_TEST(found->front().head_sha == sha);
        BOOST_TEST(found->at(1).number == 6U);
        auto one = co_await api.pull_request(4);
        BOOST_REQUIRE(one.has_value());
        BOOST_TEST((*one && (*one)->head_repository == "sam/r"));
        auto gone = co_await api.pull_request(404);
        BOOST_REQUIRE(gone.has_value());
        BOOST_TEST(!gone->has_value());
    };
    with_api(server, body);
}

BOOST_AUTO_TEST_CASE(a_token_that_may_only_read_is_told_as_that) {
    GithubServer server(with_token({"good"}));
    server.set(with_comments(json::array()));
    auto body = [](PullRequestsApi& api) -> Task<void> {
        auto posted = co_await api.post_comment(12, "text");
        BOOST_REQUIRE(!posted.has_value());
        BOOST_TEST(posted.error().one_line().find("Resource not accessible") != std::string::npos);
        BOOST_TEST(posted.error().hint() == "the token needs the permission 'pull-requests: write' here");
    };
    with_api(server, body);
}

BOOST_AUTO_TEST_CASE(what_is_no_comment_and_no_pull_request_is_refused) {
    for (const auto* odd : {"[{}]", "[3]", R"([{"id": "x"}])", "{}"}) {
        GithubServer server(with_token());
        server.fail_next(HttpReply(200, odd));
        BOOST_TEST(!keep(server, "one").has_value(), odd);
        BOOST_TEST(writes(server).empty());
    }
    for (const auto* odd : {"{}", "[]", R"({"number": 3})", R"({"number": -3, "head": {"sha": "a"}})"}) {
        GithubServer server(with_token());
        server.fail_next(HttpReply(200, odd));
        auto body = [&](PullRequestsApi& api) -> Task<void> {
            auto found = co_await api.pull_request(12);
            BOOST_TEST(!found.has_value(), odd);
        };
        with_api(server, body);
    }
}

BOOST_AUTO_TEST_SUITE_END()
