#include "base/files.hpp"
#include "github/context.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using github::read_context;

namespace {

using Variables = std::map<std::string, std::string>;

// A step's environment, with the event's file if there is one.
class Step {
  public:
    explicit Step(const std::string& event = {}) : directory_(*TemporaryDirectory::make("cachefill-step")) {
        variables = {{"GITHUB_ACTIONS", "true"},
                     {"GITHUB_REPOSITORY", "owner/fleet"},
                     {"GITHUB_EVENT_NAME", "push"},
                     {"GITHUB_REF", "refs/heads/feature/x"},
                     {"GITHUB_SHA", "aaaa"},
                     {"GITHUB_RUN_ID", "77"},
                     {"GITHUB_RUN_NUMBER", "5"},
                     {"GITHUB_RUN_ATTEMPT", "2"},
                     {"GITHUB_ACTOR", "alex"},
                     {"GITHUB_WORKFLOW_REF", "owner/fleet/.github/workflows/build.yml@refs/heads/x"},
                     {"GITHUB_STEP_SUMMARY", "/s"},
                     {"GITHUB_OUTPUT", "/o"}};
        if (event.empty()) return;
        auto path = directory_.path() / "event.json";
        BOOST_REQUIRE(write_file_atomically(path, event).has_value());
        variables["GITHUB_EVENT_PATH"] = path.string();
    }
    github::Context context() const { return read_context(Environment(variables)); }

    Variables variables;

  private:
    TemporaryDirectory directory_;
};

Step pull_request(const std::string& head_repository) {
    Step step(R"({"pull_request": {"number": 12, "head": {"sha": "bbbb", "repo": )" + head_repository + "}}}");
    step.variables["GITHUB_EVENT_NAME"] = "pull_request";
    step.variables["GITHUB_REF"] = "refs/pull/12/merge";
    step.variables["GITHUB_HEAD_REF"] = "feature/y";
    step.variables["GITHUB_BASE_REF"] = "main";
    return step;
}

} // namespace

BOOST_AUTO_TEST_SUITE(context_of_a_step)

BOOST_AUTO_TEST_CASE(a_push_is_read) {
    auto context = Step().context();
    BOOST_TEST(context.branch == "feature/x");
    BOOST_TEST(context.head_sha == "aaaa");
    BOOST_TEST(context.workflow_file == "build.yml");
    BOOST_TEST(context.run_number == 5U);
    BOOST_TEST(context.run_url() == "https://github.com/owner/fleet/actions/runs/77");
    BOOST_TEST(context.is_trusted());
    BOOST_TEST(!context.is_pull_request());
}

BOOST_AUTO_TEST_CASE(a_tag_is_no_branch) {
    Step step;
    step.variables["GITHUB_REF"] = "refs/tags/v1";
    BOOST_TEST(step.context().branch == "");
}

BOOST_AUTO_TEST_CASE(a_pull_request_has_the_commit_of_its_head) {
    auto context = pull_request(R"({"full_name": "Owner/Fleet"})").context();
    BOOST_TEST(context.head_sha == "bbbb");
    BOOST_TEST(context.sha == "aaaa");
    BOOST_TEST(context.branch == "feature/y");
    BOOST_TEST(context.pull_request == 12U);
    BOOST_TEST(context.is_trusted());
}

BOOST_AUTO_TEST_CASE(a_fork_is_found_and_what_cannot_be_told_counts_as_one) {
    BOOST_TEST(!pull_request(R"({"full_name": "stranger/fleet"})").context().is_trusted());
    BOOST_TEST(!pull_request("null").context().is_trusted()); // it has been deleted
    auto silent = pull_request("null");
    silent.variables.erase("GITHUB_EVENT_PATH");
    BOOST_TEST(!silent.context().is_trusted());
    auto broken = Step("{ no json");
    broken.variables["GITHUB_EVENT_NAME"] = "pull_request_target";
    BOOST_TEST(!broken.context().is_trusted());
}

BOOST_AUTO_TEST_CASE(a_workflow_after_another_has_that_ones_commit) {
    Step step(R"({"workflow_run": {"head_sha": "cccc", "head_repository": {"full_name": "stranger/fleet"}}})");
    step.variables["GITHUB_EVENT_NAME"] = "workflow_run";
    BOOST_TEST((step.context().author == github::Author::fork));
    BOOST_TEST(step.context().head_sha == "cccc");
}

BOOST_AUTO_TEST_CASE(a_review_has_its_branches_from_the_payload) {
    Step step(R"({"pull_request": {"head": {"ref": "changes", "sha": "bbbb", "repo": {"full_name": "owner/fleet"}},
                                   "base": {"ref": "main"}}})");
    step.variables["GITHUB_EVENT_NAME"] = "pull_request_review";
    step.variables["GITHUB_REF"] = "refs/pull/12/merge";
    auto context = step.context();
    BOOST_TEST(context.is_pull_request());
    BOOST_TEST(context.branch == "changes");
    BOOST_TEST(context.base_branch == "main");
    BOOST_TEST(context.head_sha == "bbbb");
}

BOOST_AUTO_TEST_CASE(a_commit_of_a_pull_request_makes_every_other_event_one_that_is_not_known) {
    for (const std::string event : {"push", "workflow_dispatch", "schedule"}) {
        Step step;
        step.variables["GITHUB_EVENT_NAME"] = event;
        BOOST_TEST(step.context().is_trusted(), event);
        step.variables["GITHUB_REF"] = "refs/pull/12/merge";
        BOOST_TEST(!step.context().is_trusted(), event);
    }
}

BOOST_AUTO_TEST_CASE(dependabot_is_known_by_its_name_and_event) {
    Step step;
    step.variables["GITHUB_ACTOR"] = "dependabot[bot]";
    BOOST_TEST(step.context().from_dependabot);
    step.variables["GITHUB_EVENT_NAME"] = "schedule";
    BOOST_TEST(!step.context().from_dependabot);
    step.variables["GITHUB_EVENT_NAME"] = "push";
    step.variables["GITHUB_ACTOR"] = "alex";
    BOOST_TEST(!step.context().from_dependabot);
}

BOOST_AUTO_TEST_CASE(what_a_runner_leaves_out_is_empty) {
    auto context = read_context(Environment(Variables{{"GITHUB_ACTIONS", "true"}, {"GITHUB_RUN_ID", "many"}}));
    BOOST_TEST(context.workflow_file == "");
    BOOST_TEST(context.run_id == 0U);
    BOOST_TEST(context.run_url() == "");
    BOOST_TEST(context.api_url == "https://api.github.com");
    BOOST_TEST(!github::is_step(Environment()));
}

BOOST_AUTO_TEST_SUITE_END()
