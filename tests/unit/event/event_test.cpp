#include "base/files.hpp"
#include "event/event.hpp"
#include "event/messages_only.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace cachefill;
using namespace cachefill::event;

namespace {

constexpr Stage stages[] = {Stage::preflight, Stage::discover, Stage::evaluate, Stage::query,
                            Stage::build,     Stage::push,     Stage::verify,   Stage::check};
constexpr BuildOutcome build_outcomes[] = {BuildOutcome::built,     BuildOutcome::found,   BuildOutcome::failed,
                                           BuildOutcome::timed_out, BuildOutcome::silent,  BuildOutcome::refused,
                                           BuildOutcome::cancelled, BuildOutcome::blocked, BuildOutcome::not_started,
                                           BuildOutcome::elsewhere};
constexpr PushOutcome push_outcomes[] = {PushOutcome::published, PushOutcome::already_there, PushOutcome::withheld,
                                         PushOutcome::failed, PushOutcome::not_pushed};
constexpr TargetVerdict verdicts[] = {TargetVerdict::complete,      TargetVerdict::by_path,   TargetVerdict::incomplete,
                                      TargetVerdict::not_evaluated, TargetVerdict::elsewhere, TargetVerdict::unknown};
constexpr Severity severities[] = {Severity::info, Severity::notice, Severity::warning, Severity::error};
constexpr CacheWaiting::State states[] = {CacheWaiting::State::waits, CacheWaiting::State::back,
                                          CacheWaiting::State::over};

// The words for `values`, each another one, in lower case without blanks: programs compare them.
template <class Values> std::set<std::string> words_of(const Values& values) {
    std::set<std::string> words;
    for (auto value : values) {
        std::string word(to_string(value));
        BOOST_TEST(!word.empty());
        BOOST_TEST(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos, word);
        BOOST_TEST(words.insert(word).second, word << " stands for two things");
    }
    return words;
}

// The words that a line of docs/report.md beginning with `start` lists between backquotes, behind that start.
std::set<std::string> documented(std::string_view section, std::string_view start) {
    auto page = read_file(std::filesystem::path(CACHEFILL_GOLDEN) / "../../docs/report.md", 1 << 20).value();
    auto at = page.find(section);
    BOOST_REQUIRE(at != std::string::npos);
    at = page.find(start, at);
    BOOST_REQUIRE(at != std::string::npos);
    at += start.size();
    auto line = page.substr(at, page.find('\n', at) - at);
    std::set<std::string> words;
    for (auto open = line.find('`'); open != std::string::npos; open = line.find('`', open)) {
        auto close = line.find('`', open + 1);
        words.insert(line.substr(open + 1, close - open - 1));
        open = close + 1;
    }
    return words;
}

struct Heard final : Sink {
    std::vector<std::string> texts;
    void on_event(const Event& event) override {
        const auto* message = std::get_if<Message>(&event);
        texts.push_back(message ? message->text : "something else");
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(event)

BOOST_AUTO_TEST_CASE(the_documentation_has_every_outcome_of_a_build_and_no_other) {
    BOOST_TEST(words_of(build_outcomes) == documented("### `builds`", "\n| `outcome` |"),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_documentation_has_every_outcome_of_a_push_and_no_other) {
    BOOST_TEST(words_of(push_outcomes) == documented("### `pushes`", "\n| `outcome` |"),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_documentation_has_every_verdict_and_no_other) {
    BOOST_TEST(words_of(verdicts) == documented("### `targets`", "\n| `verdict` |"), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_documentation_has_every_severity_and_stage) {
    auto severity = documented("| `messages` |", " `severity`");
    for (const auto& word : words_of(severities)) BOOST_TEST(severity.contains(word), word);
    auto stage = documented("\n| `stages` |", " `stage` (");
    for (const auto& word : words_of(stages))
        BOOST_TEST((stage.contains(word) || word == "check"), word); // `check` is verify's, which has one stage
}

BOOST_AUTO_TEST_CASE(what_becomes_of_a_wait_has_three_words) {
    BOOST_TEST(words_of(states) == (std::set<std::string>{"back", "over", "waits"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_did_not_build_by_its_own_fault_is_a_failure_and_is_told_in_other_words) {
    std::set<std::string_view> words;
    std::size_t failures = 0;
    for (auto outcome : build_outcomes) {
        bool is_own_fault = outcome == BuildOutcome::failed || outcome == BuildOutcome::timed_out ||
                            outcome == BuildOutcome::silent || outcome == BuildOutcome::refused;
        BOOST_TEST(is_failure(outcome) == is_own_fault, to_string(outcome));
        if (!is_own_fault) continue;
        ++failures;
        words.insert(failure_in_words(outcome));
    }
    BOOST_TEST(words.size() == failures);
    BOOST_TEST(failure_in_words(BuildOutcome::failed) == "does not build"); // "hello does not build"
}

BOOST_AUTO_TEST_CASE(a_target_is_filled_once_whoever_has_its_path_can_fetch_it) {
    for (auto verdict : verdicts) {
        bool is_fetchable = verdict == TargetVerdict::complete || verdict == TargetVerdict::by_path;
        BOOST_TEST(is_filled(verdict) == is_fetchable, to_string(verdict));
    }
}

BOOST_AUTO_TEST_CASE(who_wants_messages_alone_hears_of_nothing_else) {
    Heard heard;
    MessagesOnly quiet(heard);
    quiet.on_event(StageStarted{Stage::build});
    quiet.on_event(Message{Severity::info, "first", ""});
    quiet.on_event(BuildLogLine{"x.drv", "a line"});
    quiet.on_event(RunFinished{});
    quiet.on_event(Message{Severity::error, "second", "do this"});
    BOOST_TEST(heard.texts == (std::vector<std::string>{"first", "second"}), boost::test_tools::per_element());
    NullSink().on_event(Message{Severity::error, "nobody hears", ""});
}

BOOST_AUTO_TEST_SUITE_END()
