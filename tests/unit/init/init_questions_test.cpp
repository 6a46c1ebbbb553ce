#include "init/init_questions.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>

using namespace cachefill;
using namespace cachefill::init;

namespace {

// Somebody with prepared answers, who goes away after the last.
struct Listed final : Asker {
    explicit Listed(std::deque<std::string> lines) : answers(std::move(lines)) {}
    async::Task<std::optional<std::string>> ask(std::string question) override {
        asked.push_back(std::move(question));
        if (answers.empty()) co_return std::nullopt;
        auto answer = answers.front();
        answers.pop_front();
        co_return answer;
    }
    bool was_asked(const std::string& words) const {
        return std::any_of(asked.begin(), asked.end(), [&](const auto& text) { return text.find(words) != text.npos; });
    }
    std::deque<std::string> answers;
    std::vector<std::string> asked;
};

InitFacts fleet() {
    InitFacts facts;
    facts.cache = "team";
    facts.hosts = {{.name = "nixos:nas", .system = "x86_64-linux", .guess = {}, .caches = {}},
                   {.name = "home:kim@nas", .system = "x86_64-linux", .guess = {}, .caches = {}}};
    facts.outputs = {{.output = "packages", .system = "x86_64-linux", .name = "tool"}};
    facts.repository.branches = {"main"};
    return facts;
}

std::optional<Answers> hold(const InitFacts& facts, Listed& asker) {
    auto body = [&](async::Executor) { return ask_answers(facts, default_answers(facts), asker); };
    return test::run_task<std::optional<Answers>>(body);
}

using Texts = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(init_questions)

BOOST_AUTO_TEST_CASE(enter_takes_what_stands_in_brackets) {
    std::deque<std::string> lines(20);
    Listed asker(lines);
    auto answers = hold(fleet(), asker).value();
    BOOST_TEST(answers.cache == "team");
    BOOST_TEST((answers.branches == Texts{"main"}));
    BOOST_TEST(!answers.builds_homes);
    BOOST_TEST(answers.also.empty());
    BOOST_TEST(answers.schedule == "");
    BOOST_TEST(!answers.updates_flake);
    BOOST_TEST(answers.outage_fails);
    BOOST_TEST(answers.notify_url == "secrets.NOTIFY_URL");
    BOOST_TEST(asker.was_asked("[team]"));
    BOOST_TEST(asker.was_asked("the home, too"));
    BOOST_TEST(!asker.was_asked("checks"));           // there are none
    BOOST_TEST(!asker.was_asked("Of which branch?")); // nothing is updated
}

BOOST_AUTO_TEST_CASE(what_is_said_counts) {
    Listed asker({"other", "trunk  next", "y", "yes", "17 3 * * *", "Y", "next", "0 4 * * 5", "n", "none"});
    auto answers = hold(fleet(), asker).value();
    BOOST_TEST(asker.answers.empty());
    BOOST_TEST(answers.cache == "other");
    BOOST_TEST((answers.branches == Texts{"trunk", "next"}));
    BOOST_TEST(answers.builds_homes);
    BOOST_TEST((answers.also == Texts{"packages"}));
    BOOST_TEST(answers.schedule == "17 3 * * *");
    BOOST_TEST(answers.updates_flake);
    BOOST_TEST(answers.update_branch == "next");
    BOOST_TEST(answers.update_schedule == "0 4 * * 5");
    BOOST_TEST(!answers.outage_fails);
    BOOST_TEST(answers.notify_url == "");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_is_asked_again_with_what_is_expected) {
    Listed asker(
        {"two words", "", "-x", "", "perhaps", "", "", "now and then", "", "", "", "https://hooks.example.org/x", ""});
    BOOST_TEST(hold(fleet(), asker).has_value());
    BOOST_TEST(asker.answers.empty());
    BOOST_TEST(asker.was_asked("expected: the name of a cache"));
    BOOST_TEST(asker.was_asked("expected: names of branches"));
    BOOST_TEST(asker.was_asked("expected: five fields of cron"));
    BOOST_TEST(asker.was_asked("expected: the name of a secret"));
}

BOOST_AUTO_TEST_CASE(what_people_type_is_understood) {
    Listed asker({"'other'", "main, origin/next and \"dev\"", "Yep", "nope", "Daily", "y", "refs/heads/next", "@weekly",
                  "false", "${{ secrets.HOOK }}"});
    auto answers = hold(fleet(), asker).value();
    BOOST_TEST(asker.answers.empty());
    BOOST_TEST(answers.cache == "other");
    BOOST_TEST((answers.branches == Texts{"main", "next", "dev"}));
    BOOST_TEST(answers.builds_homes);
    BOOST_TEST(answers.also.empty());
    BOOST_TEST(answers.schedule == "17 3 * * *");
    BOOST_TEST(answers.update_branch == "next");
    BOOST_TEST(answers.update_schedule == "17 3 * * 1");
    BOOST_TEST(!answers.outage_fails);
    BOOST_TEST(answers.notify_url == "secrets.HOOK");
}

BOOST_AUTO_TEST_CASE(a_no_is_none_and_a_question_fits_a_line) {
    Listed asker({"", "", "", "", "no", "y", "", "", "", "never"});
    auto answers = hold(fleet(), asker).value();
    BOOST_TEST(answers.schedule == "");
    BOOST_TEST(answers.notify_url == "");
    for (const auto& question : asker.asked) BOOST_TEST(question.size() <= 100U, question);
}

BOOST_AUTO_TEST_CASE(without_a_default_something_has_to_be_said) {
    auto facts = fleet();
    facts.cache.clear();
    std::deque<std::string> lines(20);
    lines[1] = "mine";
    Listed asker(std::move(lines));
    BOOST_TEST(hold(facts, asker)->cache == "mine");
}

BOOST_AUTO_TEST_CASE(who_goes_away_has_decided_nothing) {
    for (std::size_t count = 0; count < 8; ++count) {
        std::deque<std::string> lines(count);
        Listed asker(lines);
        BOOST_TEST(!hold(fleet(), asker).has_value());
        BOOST_TEST(asker.asked.size() == count + 1); // and is not asked on
    }
}

BOOST_AUTO_TEST_SUITE_END()
