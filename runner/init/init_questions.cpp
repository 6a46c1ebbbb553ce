#include "init/init_questions.hpp"

#include "base/text.hpp"
#include "init/init_choice.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace cachefill::init {

using async::Task;

namespace {

// What is wrong with an answer; empty: nothing.
using Check = std::string (*)(const std::string&);

std::string is_cache(const std::string& text) {
    bool is_bad = text.empty() || text.find_first_of(" \t'\"$") != text.npos;
    return is_bad ? "the name of a cache at cachix.org, or the address of another one" : "";
}

std::string is_branch(const std::string& text) {
    return text.empty() || text[0] == '-' || text.find_first_of(" \t~^:?*[\\$'\"") != text.npos ? "the name of a branch"
                                                                                                : "";
}

std::string are_branches(const std::string& text) {
    auto words = split_words(text);
    bool is_good = !words.empty() && std::all_of(words.begin(), words.end(), [](std::string_view word) {
        return is_branch(std::string(word)).empty();
    });
    return is_good ? "" : "names of branches, with blanks between them";
}

bool is_none(const std::string& text) { return text == "none" || text.empty(); }

std::string is_cron(const std::string& text) {
    auto is_field = [](std::string_view field) {
        return std::all_of(field.begin(), field.end(), [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) ||
                   std::string_view("*/,-").find(c) != std::string_view::npos;
        });
    };
    auto fields = split_words(text);
    return fields.size() == 5 && std::all_of(fields.begin(), fields.end(), is_field)
               ? ""
               : "five fields of cron: minute, hour, day, month, weekday, such as '17 3 * * 1'";
}

std::string is_cron_or_none(const std::string& text) { return is_none(text) ? "" : is_cron(text); }

std::string is_secret_or_none(const std::string& text) {
    bool is_name = std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
    return is_none(text) || is_name ? "" : "the name of a secret of the repository, not the address itself";
}

// What people type for the same thing.

std::string without_quotes(std::string text) {
    std::erase_if(text, [](char c) { return c == '\'' || c == '"' || c == '`'; });
    return text;
}

// "main, origin/next and 'dev'".
std::string as_branches(const std::string& text) {
    auto plain = without_quotes(text);
    std::replace_if(
        plain.begin(), plain.end(), [](char c) { return c == ',' || c == ';'; }, ' ');
    std::vector<std::string> names;
    for (auto word : split_words(plain)) {
        for (std::string_view prefix : {"refs/heads/", "refs/remotes/", "origin/"})
            if (word.starts_with(prefix) && word != prefix) word.remove_prefix(prefix.size());
        if (word != "and") names.emplace_back(word);
    }
    return join(names, " ");
}

std::string as_none(const std::string& text) {
    static constexpr std::array<std::string_view, 5> noes{"no", "n", "-", "never", "nothing"};
    return std::find(noes.begin(), noes.end(), to_lower(text)) != noes.end() ? "none" : text;
}

// At odd minutes: at full hours GitHub starts late.
std::string as_schedule(const std::string& text) {
    static constexpr std::array<std::array<std::string_view, 2>, 10> words{{{"hourly", "17 * * * *"},
                                                                            {"every hour", "17 * * * *"},
                                                                            {"daily", "17 3 * * *"},
                                                                            {"nightly", "17 3 * * *"},
                                                                            {"every day", "17 3 * * *"},
                                                                            {"every night", "17 3 * * *"},
                                                                            {"weekly", "17 3 * * 1"},
                                                                            {"every week", "17 3 * * 1"},
                                                                            {"monthly", "17 3 1 * *"},
                                                                            {"every month", "17 3 1 * *"}}};
    auto plain = to_lower(without_quotes(text));
    if (plain.starts_with('@')) plain.erase(0, 1);
    for (const auto& [word, cron] : words)
        if (plain == word) return std::string(cron);
    return as_none(without_quotes(text));
}

// "${{ secrets.NOTIFY_URL }}", as it stands in workflows.
std::string as_secret(const std::string& text) {
    auto plain = as_none(text);
    for (std::string_view part : {"${{", "}}"})
        if (auto at = plain.find(part); at != plain.npos) plain.erase(at, part.size());
    plain = std::string(trim(plain));
    constexpr std::string_view prefix = "secrets.";
    return plain.starts_with(prefix) ? plain.substr(prefix.size()) : plain;
}

std::string as_it_is(const std::string& text) { return without_quotes(text); }

using Reading = std::string (*)(const std::string&);

// Until there is an answer that can be used; Enter takes what stands in the brackets.
Task<std::optional<std::string>> ask_text(Asker& asker, std::string question, std::string otherwise, Reading read,
                                          Check check) {
    auto shown = otherwise.empty() ? question + ": " : question + " [" + sanitize(otherwise) + "]: ";
    for (std::string prefix;;) {
        auto line = co_await asker.ask(prefix + shown);
        if (!line) co_return std::nullopt;
        auto text = read(std::string(trim(*line)));
        if (text.empty()) text = otherwise;
        auto wrong = check(text);
        if (wrong.empty()) co_return text;
        prefix = "  expected: " + wrong + "\n";
    }
}

} // namespace

Task<std::optional<bool>> ask_yes(Asker& asker, std::string question, bool otherwise) {
    question += otherwise ? " [Y/n]: " : " [y/N]: ";
    for (;;) {
        auto line = co_await asker.ask(question);
        if (!line) co_return std::nullopt;
        auto text = to_lower(trim(*line));
        if (text.empty()) co_return otherwise;
        if (text == "y" || text == "yes" || text == "yep" || text == "true") co_return true;
        if (text == "n" || text == "no" || text == "nope" || text == "false") co_return false;
        if (!question.starts_with("  expected")) question = "  expected: y or n\n" + question;
    }
}

namespace {

// One conversation: each question is skipped when somebody has gone away before it.
class Conversation {
  public:
    Conversation(const InitFacts& facts, Answers answers, Asker& asker)
        : facts_(&facts), answers_(std::move(answers)), asker_(&asker) {}

    Task<std::optional<Answers>> hold() {
        co_await text("Which cache is to be filled? (a name at cachix.org, or an address)", answers_.cache, as_it_is,
                      is_cache);
        auto branches = join(answers_.branches, " ");
        co_await text("Pushes to which branches start a run?", branches, as_branches, are_branches);
        answers_.branches.clear();
        for (auto word : split_words(branches)) answers_.branches.emplace_back(word);
        co_await ask_what();
        auto schedule = answers_.schedule.empty() ? std::string("none") : answers_.schedule;
        co_await text("Start one on a schedule, too? (daily, weekly, a line of cron, or none)", schedule, as_schedule,
                      is_cron_or_none);
        answers_.schedule = is_none(schedule) ? "" : schedule;
        co_await yes("Let pull requests update flake.lock, each opened once the cache is filled for it?",
                     answers_.updates_flake);
        if (answers_.updates_flake) {
            co_await text("  Of which branch?", answers_.update_branch, as_branches, is_branch);
            co_await text("  How often? (daily, weekly, or a line of cron)", answers_.update_schedule, as_schedule,
                          is_cron);
        }
        co_await yes("Shall a run fail when all was built, but the cache could not be reached?", answers_.outage_fails);
        co_await ask_notices();
        if (is_over_) co_return std::nullopt;
        co_return answers_;
    }

  private:
    Task<void> text(std::string question, std::string& place, Reading read, Check check) {
        if (is_over_) co_return;
        auto answer = co_await ask_text(*asker_, std::move(question), place, read, check);
        is_over_ = !answer;
        if (answer) place = std::move(*answer);
    }

    Task<void> yes(std::string question, bool& place) {
        if (is_over_) co_return;
        auto answer = co_await ask_yes(*asker_, std::move(question), place);
        is_over_ = !answer;
        if (answer) place = *answer;
    }

    Task<void> ask_what() {
        auto homes = static_cast<std::size_t>(std::count_if(facts_->hosts.begin(), facts_->hosts.end(), is_home));
        if (homes > 0 && has_machines(*facts_)) {
            auto which = homes == 1 ? std::string("home") : counted(homes, "home");
            co_await yes("Build the " + which + ", too? (else only evaluated)", answers_.builds_homes);
        }
        std::vector<std::string> also;
        for (const std::string kind : {"packages", "checks", "devShells"}) {
            auto is_of_kind = [&](const OutputFacts& output) { return output.output == kind; };
            auto count = std::count_if(facts_->outputs.begin(), facts_->outputs.end(), is_of_kind);
            if (count == 0) continue;
            bool is_wanted = std::find(answers_.also.begin(), answers_.also.end(), kind) != answers_.also.end();
            auto which = count == 1 ? "one " + kind.substr(0, kind.size() - 1) : std::to_string(count) + " " + kind;
            co_await yes("Build the flake's " + which + ", too?", is_wanted);
            if (is_wanted) also.push_back(kind);
        }
        answers_.also = std::move(also);
    }

    Task<void> ask_notices() {
        constexpr std::string_view prefix = "secrets.";
        bool is_composed = answers_.notify_url.find(' ') != std::string::npos;
        if (is_composed) co_return; // a workflow has it, from several secrets
        auto secret = answers_.notify_url.starts_with(prefix) ? answers_.notify_url.substr(prefix.size()) : "none";
        co_await text("Send notices to a webhook? (the name of the secret with its address, or none)", secret,
                      as_secret, is_secret_or_none);
        answers_.notify_url = is_none(secret) ? "" : std::string(prefix) + secret;
    }

    const InitFacts* facts_;
    Answers answers_;
    Asker* asker_;
    bool is_over_ = false;
};

} // namespace

Task<std::optional<Answers>> ask_answers(const InitFacts& facts, Answers answers, Asker& asker) {
    Conversation conversation(facts, std::move(answers), asker);
    co_return co_await conversation.hold();
}

} // namespace cachefill::init
