#include "base/files.hpp"
#include "github/followed_run.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace cachefill;
using github::followed_run;

namespace {

std::optional<github::FollowedRun> read(const std::string& event, const std::string& payload) {
    auto folder = TemporaryDirectory::make("followed").value();
    auto file = folder.path() / "event.json";
    BOOST_REQUIRE(write_file_atomically(file, payload).has_value());
    const std::map<std::string, std::string> variables{{"GITHUB_EVENT_NAME", event},
                                                       {"GITHUB_EVENT_PATH", file.string()}};
    return followed_run(Environment(variables));
}

} // namespace

BOOST_AUTO_TEST_SUITE(followed)

BOOST_AUTO_TEST_CASE(the_run_is_the_one_of_the_event) {
    const auto* payload = R"({"workflow_run": {"id": 7, "event": "pull_request", "head_branch": "b", "head_sha": "abc",
        "head_repository": {"full_name": "kim/r"}}})";
    auto run = read("workflow_run", payload);
    BOOST_REQUIRE(run.has_value());
    BOOST_TEST(run->id == 7U);
    BOOST_TEST(run->event == "pull_request");
    BOOST_TEST(run->head_branch == "b");
    BOOST_TEST(run->head_sha == "abc");
    BOOST_TEST(run->head_repository == "kim/r");
    BOOST_TEST(!read("pull_request", payload).has_value());
}

// A deleted fork has no repository any more.
BOOST_AUTO_TEST_CASE(what_is_not_there_or_no_text_is_empty) {
    for (const auto* payload :
         {"", "[]", "7", "{}", R"({"workflow_run": 3})", R"({"workflow_run": {"id": -1, "head_repository": null}})",
          R"({"workflow_run": {"id": "7", "event": 3, "head_sha": [], "head_repository": {"full_name": {}}}})"}) {
        auto run = read("workflow_run", payload);
        BOOST_REQUIRE(run.has_value());
        BOOST_TEST((run->id == 0 && run->event.empty() && run->head_sha.empty() && run->head_repository.empty()),
                   payload);
    }
    const std::map<std::string, std::string> alone{{"GITHUB_EVENT_NAME", "workflow_run"}};
    BOOST_TEST(followed_run(Environment(alone)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
