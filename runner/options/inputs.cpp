#include "options/inputs.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "options/options.hpp"

#include <algorithm>
#include <map>

namespace cachefill::options {

namespace {

std::vector<std::string> items_of(std::string_view text) {
    std::string unified(text);
    std::replace(unified.begin(), unified.end(), ',', '\n');
    std::vector<std::string> items;
    for (auto item : split(unified, '\n'))
        if (auto word = trim(item); !word.empty()) items.emplace_back(word);
    return items;
}

Failure unknown_input(const std::string& name, const std::map<std::string, const Option*>& known) {
    std::vector<std::string> names;
    for (const auto& [variable, option] : known) names.push_back(variable);
    Failure failure(FailureKind::usage, "'" + shown_name(name) + "' is no input of cachefill");
    if (auto meant = did_you_mean(name, names)) return std::move(failure).with_hint("did you mean '" + *meant + "'?");
    return std::move(failure).with_hint("docs/github.md lists them");
}

} // namespace

Result<void> apply_inputs(const Environment& environment, Settings& settings) {
    std::map<std::string, const Option*> known;
    for (const auto& option : option_table())
        if (option.commands & bit(Command::ci)) known[option.variable(input_prefix)] = &option;
    for (const auto& [name, value] : environment.variables()) {
        if (!name.starts_with(input_prefix) || name == flake_input || name == config_input) continue;
        auto given = std::string(trim(value));
        if (given.empty()) continue;
        auto it = known.find(name);
        if (it == known.end()) return unknown_input(name, known);
        const auto& option = *it->second;
        std::vector<std::string> values{given};
        if (option.type == OptionType::list) values = items_of(given);
        if (values.empty()) continue;
        TRY_VOID(with_context(option.apply(settings, values), "reading the input '" + option.key + "'"));
    }
    return {};
}

} // namespace cachefill::options
