#include "app/console.hpp"
#include "async/task_group.hpp"
#include "captured_output.hpp"
#include "event/event.hpp"
#include "options/exit_code.hpp"
#include "options/settings.hpp"
#include "report/run_report.hpp"
#include "support/run_task.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <csignal>

using namespace cachefill;
using namespace cachefill::app;
using namespace cachefill::test;
using event::Message;
using event::Severity;
using nlohmann::json;

namespace {

struct Scene {
    Scene() {
        settings.color = options::Color::never;
        environment.set("LC_ALL", "C.UTF-8");
    }

    std::string file(const std::string& name) const { return (directory.path() / name).string(); }
    std::string text_of(const std::string& name) const { return read_file(file(name)).value(); }

    // What is written while `body` speaks through a console of these settings.
    void speak(const std::function<void(Console&)>& body) {
        CapturedOutput captured;
        boost::asio::io_context loop;
        {
            Console console(loop.get_executor(), settings, environment);
            opened = console.open_events();
            body(console);
        }
        output = captured.output();
        errors = captured.errors();
    }
    int answer(int code) {
        speak([&](Console& console) { code = console.close_with_answer(code, "an answer\n", R"({"a": 1})"); });
        return code;
    }
    int close(int exit_code, const std::string& before = {}, bool was_asked = false) {
        int code = -1;
        speak([&](Console& console) {
            report::RunReport report;
            report.exit_code = exit_code;
            if (exit_code != 0) report.causes.push_back("nixos:nas does not evaluate");
            code = console.close_with(std::move(report), before, was_asked);
        });
        return code;
    }
    bool says(const std::string& part) const { return output.find(part) != std::string::npos; }
    bool complains(const std::string& part) const { return errors.find(part) != std::string::npos; }

    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-console").value();
    options::Settings settings;
    Environment environment;
    Result<void> opened;
    std::string output, errors;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(console, Scene)

BOOST_AUTO_TEST_CASE(what_was_said_stands_in_the_report_once) {
    report::RunReport report;
    speak([&](Console& console) {
        console.sink().on_event(Message{Severity::info, "a detail", ""});
        console.sink().on_event(Message{Severity::notice, "a notice", "a hint"});
        console.sink().on_event(Message{Severity::warning, "known already", ""});
        console.sink().on_event(event::BuildLogLine{"x.drv", "a line"});
        console.sink().on_event(Message{Severity::notice, "a notice", "said again"});
        report.messages.push_back({.severity = Severity::warning, .text = "known already", .hint = "of the run"});
        report = console.completed(report);
    });
    BOOST_REQUIRE(report.messages.size() == 2U);
    BOOST_TEST(report.messages[0].hint == "of the run");
    BOOST_TEST(report.messages[1].text == "a notice");
    BOOST_TEST(report.messages[1].hint == "a hint");
}

BOOST_AUTO_TEST_CASE(who_never_stops_talking_fills_no_memory) {
    settings.quiet = true;
    std::size_t kept = 0;
    speak([&](Console& console) {
        for (int i = 0; i < 1500; ++i) console.sink().on_event(Message{Severity::notice, std::to_string(i), ""});
        kept = console.completed({}).messages.size();
    });
    BOOST_TEST(kept == 1000U);
}

BOOST_AUTO_TEST_CASE(a_quiet_console_still_warns) {
    settings.quiet = true;
    speak([](Console& console) {
        console.sink().on_event(Message{Severity::notice, "by the way", ""});
        console.sink().on_event(Message{Severity::warning, "the disk is nearly full", "make room"});
    });
    BOOST_TEST(!complains("by the way"));
    BOOST_TEST(complains("the disk is nearly full"));
    BOOST_TEST(complains("make room"));
}

BOOST_AUTO_TEST_CASE(events_and_report_cannot_share_the_standard_output) {
    settings.events = settings.json = "-";
    speak([](Console&) {});
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::usage));
    BOOST_TEST(opened.error().hint() == "name a file for one of them");
    settings.json = file("report.json");
    speak([](Console&) {});
    BOOST_TEST(opened.has_value());
    settings.events = file("no-folder/events");
    speak([](Console&) {});
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::machine));
}

BOOST_AUTO_TEST_CASE(events_end_with_the_end_of_the_run) {
    settings.events = file("events");
    BOOST_TEST(close(1) == 1);
    auto lines = text_of("events");
    auto last = json::parse(lines.substr(lines.rfind('\n', lines.size() - 2) + 1));
    BOOST_TEST(last["type"] == "run-finished");
    BOOST_TEST(last["exit_code"] == 1);
    BOOST_TEST(last["causes"][0] == "nixos:nas does not evaluate");
}

BOOST_AUTO_TEST_CASE(where_events_go_to_the_standard_output_people_are_told_elsewhere) {
    settings.events = "-";
    BOOST_TEST(close(1, "a plan\n") == 1);
    BOOST_TEST(json::parse(output)["type"] == "run-finished");
    BOOST_TEST(complains("a plan\n"));
    BOOST_TEST(complains("nixos:nas does not evaluate"));
}

BOOST_AUTO_TEST_CASE(an_answer_to_a_question_is_told_though_all_else_be_quiet) {
    settings.quiet = true;
    BOOST_TEST(close(0, "a plan\n") == 0);
    BOOST_TEST(output == "");
    BOOST_TEST(close(0, "an answer\n", true) == 0);
    BOOST_TEST(output == "an answer\n");
    BOOST_TEST(close(1, "a plan\n") == 1);
    BOOST_TEST(says("a plan\n"));
    BOOST_TEST(says("nixos:nas does not evaluate"));
}

BOOST_AUTO_TEST_CASE(an_answer_is_text_or_a_document_or_both) {
    BOOST_TEST(answer(0) == 0);
    BOOST_TEST(output == "an answer\n");
    settings.json = "-";
    BOOST_TEST(answer(1) == 1);
    BOOST_TEST(output == "{\"a\": 1}\n");
    BOOST_TEST(errors == "an answer\n");
    settings.json = file("answer.json");
    BOOST_TEST(answer(0) == 0);
    BOOST_TEST(output == "an answer\n");
    BOOST_TEST(text_of("answer.json") == "{\"a\": 1}\n");
    settings.quiet = true;
    BOOST_TEST(answer(0) == 0);
    BOOST_TEST(output == "");
    BOOST_TEST(answer(1) == 1);
    BOOST_TEST(output == "an answer\n");
}

BOOST_AUTO_TEST_CASE(an_answer_that_cannot_be_written_is_no_success) {
    settings.json = file("no-folder/answer.json");
    BOOST_TEST(answer(0) == 5);
    BOOST_TEST(complains("while: writing the answer"));
    BOOST_TEST(says("an answer\n"));
    BOOST_TEST(answer(1) == 1); // what is worse already stays
}

BOOST_AUTO_TEST_CASE(a_failure_goes_to_people_in_its_one_shape) {
    auto failure = Failure(FailureKind::machine, "no\x1b[31m disk").with_context("writing").with_hint("buy one");
    speak([&](Console& console) { console.print_error(failure); });
    BOOST_TEST(output == "");
    BOOST_TEST(errors == "error: no disk\n  while: writing\n  hint:  buy one\n");
}

BOOST_AUTO_TEST_CASE(in_a_step_of_github_a_failure_is_an_annotation_and_all_goes_to_one_stream) {
    settings.on_github = true;
    auto failure = Failure(FailureKind::machine, "50% of\nit").with_hint("mend it");
    speak([&](Console& console) {
        BOOST_REQUIRE(console.github_log() != nullptr);
        console.print_error(failure);
    });
    BOOST_TEST(says("::error"));
    BOOST_TEST(says("50%25 of%0Ait%0Amend it"));
    BOOST_TEST(errors == "");
    BOOST_TEST(close(1, "a plan\n") == 1);
    BOOST_TEST(says("a plan"));
    BOOST_TEST(says("nixos:nas does not evaluate"));
    BOOST_TEST(errors == "");
    settings.quiet = true;
    BOOST_TEST(close(0, "a plan\n") == 0);
    BOOST_TEST(!says("a plan"));
}

BOOST_AUTO_TEST_CASE(colours_are_for_terminals) {
    settings.color = options::Color::always;
    BOOST_TEST(close(1) == 1);
    BOOST_TEST(output.find('\x1b') == std::string::npos); // this is a file
}

BOOST_AUTO_TEST_CASE(the_first_signal_is_handed_on_and_neither_its_twin_nor_a_later_sigterm_changes_anything) {
    std::vector<int> signals;
    run_task<void>([&](async::Executor executor) -> async::Task<void> {
        Console console(executor, settings, environment);
        async::TaskGroup group(executor);
        async::Signal heard(executor);
        auto on_signal = [&](int number) {
            signals.push_back(number);
            heard.notify_all();
        };
        group.spawn(console.watch_signals(on_signal));
        std::raise(SIGINT);
        while (signals.empty()) co_await heard.wait();
        std::raise(SIGINT); // as `timeout -s INT` does: to the process, and to its group
        std::raise(SIGTERM);
        // Signals come to the loop in turn, so the second has been seen when a third watcher of its own has seen it.
        async::asio::basic_signal_set<async::Executor> own(executor, SIGTERM);
        std::raise(SIGTERM);
        co_await own.async_wait(async::use_task);
        group.cancel();
        co_await group.join();
    });
    BOOST_TEST((signals == std::vector<int>{SIGINT}));
}

BOOST_AUTO_TEST_SUITE_END()
