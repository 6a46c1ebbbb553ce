#include "app/ci_siblings.hpp"
#include "http/client.hpp"
#include "report/run_report.hpp"
#include "support/machine.hpp"
#include "unit/github/harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using nlohmann::json;

namespace {

// A step on the branch main of o/r, the fifth run of its workflow, which the deadline has ended.
struct Step {
    Step() {
        setup.github.repository = "o/r";
        setup.github.workflow_file = "fill.yml";
        setup.github.branch = "main";
        setup.github.event = "push";
        setup.github.author = github::Author::repository;
        setup.github.sha = sha;
        setup.github.run_number = 5;
        setup.github.api_url = server.url();
        setup.token = Secret("t");
        machine.settings.on_deadline = options::OnDeadline::rerun;
        report.deadline_reached = true;
        report.pushes.push_back({.path = "/nix/store/x", .outcome = event::PushOutcome::published, .reason = {}});
        machine.environment.set("CACHEFILL_GITHUB_INTERVAL", "0"); // between two looks
        knows({});
    }

    // The workflow's runs: number, what started it, how it stands.
    struct Known {
        int number;
        std::string event, status;
    };
    void knows(const std::vector<Known>& runs) {
        json list = json::array();
        for (const auto& run : runs) {
            json frame = {{"status", run.status}};
            if (run.status == "completed") frame["conclusion"] = "failure";
            list.push_back({{"id", 100 + run.number},
                            {"file", "fill.yml"},
                            {"event", run.event},
                            {"branch", "main"},
                            {"sha", sha},
                            {"number", run.number},
                            {"frames", json::array({frame})}});
        }
        server.set(repository_with(std::move(list)));
    }

    bool start_again() {
        remarks.clear();
        bool has_started = false;
        with_siblings([&](app::Siblings& siblings, session::Session&) -> async::Task<void> {
            has_started = co_await siblings.start_again(report);
        });
        return has_started;
    }
    std::string watch() {
        with_siblings([](app::Siblings& siblings, session::Session& session) -> async::Task<void> {
            fill::Run run(session, fill::Extent::fill);
            co_await siblings.watch(run);
        });
        return machine.messages.text();
    }
    std::string said() const {
        std::string text;
        for (const auto& remark : remarks)
            text += std::string(to_string(remark.severity)) + ": " + remark.text + " | " + remark.hint + "\n";
        return text;
    }

    GithubServer server{{.tokens = {"t"}}};
    Machine machine;
    app::CiSetup setup;
    report::RunReport report;
    std::vector<event::Message> remarks;

  private:
    void with_siblings(std::function<async::Task<void>(app::Siblings&, session::Session&)> body) {
        auto work = [&](async::Executor executor) -> async::Task<void> {
            session::Session session(executor, machine.settings, machine.environment, machine.messages);
            app::Siblings siblings(session, setup, [this](const event::Message& remark) { remarks.push_back(remark); });
            co_await body(siblings, session);
        };
        run_task<void>(work);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(siblings, Step)

BOOST_AUTO_TEST_CASE(what_the_deadline_ended_goes_on_in_a_run_of_its_own) {
    BOOST_TEST(start_again());
    BOOST_REQUIRE(server.dispatches().size() == 1U);
    BOOST_TEST(server.dispatches()[0]["workflow"] == "fill.yml");
    BOOST_TEST(server.dispatches()[0]["ref"] == "main");
    BOOST_TEST(said() == "notice: the deadline came first: the workflow was started again and goes on from here | \n");
}

BOOST_AUTO_TEST_CASE(who_did_not_ask_for_it_or_was_done_in_time_starts_nothing_and_says_nothing) {
    machine.settings.on_deadline = options::OnDeadline::stop;
    BOOST_TEST(!start_again());
    BOOST_TEST(said() == "");
    machine.settings.on_deadline = options::OnDeadline::rerun;
    report.deadline_reached = false;
    BOOST_TEST(!start_again());
    BOOST_TEST(said() == "");
    BOOST_TEST(server.log().empty());
}

BOOST_AUTO_TEST_CASE(a_run_that_came_no_further_would_do_so_again) {
    for (auto outcome :
         {event::PushOutcome::already_there, event::PushOutcome::failed, event::PushOutcome::not_pushed}) {
        report.pushes[0].outcome = outcome;
        BOOST_TEST(!start_again());
        BOOST_TEST(said() == "warning: the workflow is not started again: this run came no further than the one before "
                             "| give it more time, or leave out with 'defer' what takes so long\n");
    }
    BOOST_TEST(server.log().empty());
}

BOOST_AUTO_TEST_CASE(without_a_token_it_is_said_which_one_is_needed) {
    setup.token = Secret();
    BOOST_TEST(!start_again());
    BOOST_TEST(said() ==
               "warning: the workflow cannot be started again from here | hand it a token with actions: write "
               "(CACHEFILL_GITHUB_TOKEN)\n");
}

BOOST_AUTO_TEST_CASE(a_strangers_branch_starts_nothing_whatever_token_it_was_handed) {
    for (auto author : {github::Author::fork, github::Author::unknown}) {
        setup.github.author = author;
        BOOST_TEST(!start_again());
        BOOST_TEST(said() ==
                   "warning: the workflow cannot be started again from here | that is possible on branches of "
                   "this repository only\n");
    }
    setup.github.author = github::Author::repository;
    setup.github.branch.clear(); // a tag
    BOOST_TEST(!start_again());
    setup.github.branch = "main";
    setup.github.repository = "no-repository";
    BOOST_TEST(!start_again());
    BOOST_TEST(server.log().empty());
}

BOOST_AUTO_TEST_CASE(it_is_started_again_so_often_and_no_more) {
    knows({{3, "push", "completed"}, {4, "workflow_dispatch", "completed"}});
    setup.github.event = "workflow_dispatch";
    machine.settings.max_reruns = 2;
    BOOST_TEST(!start_again());
    BOOST_TEST(said() == "warning: the workflow has been started again 2 times for this commit, which is the limit "
                         "(max-reruns) | \n");
    BOOST_TEST(server.dispatches().empty());
    machine.settings.max_reruns = 3;
    BOOST_TEST(start_again());
    BOOST_TEST(server.dispatches().size() == 1U);
}

BOOST_AUTO_TEST_CASE(beside_a_newer_run_none_is_started) {
    knows({{6, "push", "in_progress"}});
    BOOST_TEST(!start_again());
    BOOST_TEST(said() == "notice: a newer run of this workflow goes on from here | \n");
    BOOST_TEST(server.dispatches().empty());
}

BOOST_AUTO_TEST_CASE(what_github_refuses_is_told_with_the_permission_it_needs) {
    setup.token = Secret("wrong");
    BOOST_TEST(!start_again());
    BOOST_TEST(said().starts_with("warning: the workflow could not be started again: "));
    BOOST_TEST(said().find("it needs 'workflow_dispatch' among its triggers, and permissions: {actions: write}") !=
               std::string::npos);
    BOOST_TEST(said().find("wrong") == std::string::npos); // the token itself
}

BOOST_AUTO_TEST_CASE(whoever_may_not_look_for_newer_runs_hears_why_and_goes_on) {
    setup.token = Secret("wrong");
    auto text = watch();
    BOOST_TEST(text.find("cannot see whether a newer run waits: ") != std::string::npos, text);
    BOOST_TEST((machine.messages.all.back().severity == event::Severity::info));
    BOOST_TEST(machine.messages.all.back().hint == "it needs the permission actions: read");
}

BOOST_AUTO_TEST_CASE(where_nobody_is_to_look_nobody_does) {
    machine.settings.stop_when_superseded = false;
    BOOST_TEST(watch() == "");
    machine.settings.stop_when_superseded = true;
    setup.token = Secret();
    BOOST_TEST(watch() == "");
    BOOST_TEST(server.log().empty());
}

BOOST_AUTO_TEST_SUITE_END()
