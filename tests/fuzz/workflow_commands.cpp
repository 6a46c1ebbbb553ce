// What a step says to GitHub's runner, as soon as text of others is in it; read as that runner reads it.
//
// Text that was made harmless is text: no command stands in it, whatever builders print. An annotation is one command
// with what was to be said, a secret's mask masks each line, a group opens one. While commands are stopped none is one.
// JSON keeps its meaning.
#include "base/text.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "github/commands.hpp"
#include "support/runner_scanner.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::fuzz {

namespace {

test::RunnerScanner scan(const std::string& output) {
    test::RunnerScanner scanner;
    scanner.read(output);
    scanner.read("\n"); // whatever is left is a line, too
    return scanner;
}

void annotation(const std::string& text) {
    github::Annotation annotation;
    annotation.level = github::Level::warning;
    annotation.title = annotation.message = annotation.file = text;
    annotation.line = 7;
    auto scanner = scan(github::to_command(annotation));
    require(scanner.commands.size() == 1 && scanner.commands.front().name == "warning", "an annotation is one command");
    const auto& data = scanner.commands.front().data;
    require_harmless(data.substr(0, data.find_last_of('\n'))); // the rest may be cut in a character
    github::AnnotationBudget budget;
    std::string output;
    for (std::size_t i = 0; i < 12; ++i) output += budget.add(annotation);
    require(scan(output + budget.close()).annotations.size() == github::AnnotationBudget::per_level,
            "as many are shown as GitHub keeps");
}

} // namespace

void workflow_commands(std::string_view input) {
    std::string text(input);
    auto harmless = scan(github::harmless(input));
    require(harmless.commands.empty() && !harmless.is_stopped(), "harmless text holds no command");
    for (const auto& line : harmless.text) require_harmless(line);
    annotation(text);

    for (const auto& command : scan(github::mask(input)).commands)
        require(command.name == "add-mask" && !command.data.empty(), "a mask is nothing else");
    auto group = scan(github::group(input));
    require(group.commands.size() == 1 && group.open_groups == 1, "a title opens one group");
    require(trim(group.commands.front().data) == trim(text), "escapes are undone to what was said");

    auto token = github::random_token();
    auto stopped = scan(github::stop_commands(token) + text + "\n" + github::resume_commands(token));
    require(stopped.commands.empty() && !stopped.is_stopped(), "while commands are stopped there is none");

    auto json = nlohmann::json(sanitize(input)).dump();
    auto written = github::harmless_json(json);
    require(scan(written).commands.empty(), "JSON holds no command");
    require(nlohmann::json::parse(written) == nlohmann::json::parse(json), "JSON keeps its meaning");
}

} // namespace cachefill::fuzz
