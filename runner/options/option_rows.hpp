#pragma once

#include "base/text.hpp"
#include "base/units.hpp"
#include "options/option_values.hpp"
#include "options/options.hpp"

#include <algorithm>
#include <map>

// How the rows of the option table (options_….cpp) are written: which commands know an option, and what its values do.
namespace cachefill::options::rows {

using Values = OptionValues;
using Apply = std::function<Result<void>(Settings&, const Values&)>;
using T = OptionType;
using W = Where;

// `ci` is `run` as a step of GitHub Actions and knows all its options.
inline constexpr unsigned run_only = bits(Command::run, Command::ci);
inline constexpr unsigned run_plan = run_only | bit(Command::plan);
inline constexpr unsigned run_push = run_only | bit(Command::push);
inline constexpr unsigned run_verify = run_only | bit(Command::verify);
inline constexpr unsigned run_plan_verify = run_plan | bit(Command::verify);
inline constexpr unsigned run_plan_push_verify = run_plan_verify | bit(Command::push);
inline constexpr unsigned at_a_desk = bits(Command::run, Command::plan, Command::push, Command::verify);
inline constexpr unsigned laptop = bits(Command::doctor, Command::wait, Command::guard);
inline constexpr unsigned ci_only = bit(Command::ci), plan_only = bit(Command::plan), push_only = bit(Command::push),
                          wait_only = bit(Command::wait), guard_only = bit(Command::guard),
                          init_only = bit(Command::init), report_only = bit(Command::report),
                          login_only = bit(Command::login), use_only = bit(Command::use);

inline Apply text(std::string Settings::*member) {
    return [member](Settings& settings, const Values& values) -> Result<void> {
        if (values.back().empty()) return unusable("", "a value that is not empty");
        settings.*member = values.back();
        return {};
    };
}

inline Apply list(std::vector<std::string> Settings::*member) {
    return [member](Settings& settings, const Values& values) -> Result<void> {
        if (std::any_of(values.begin(), values.end(), [](const auto& v) { return v.empty(); }))
            return unusable("", "values that are not empty");
        settings.*member = values;
        return {};
    };
}

inline Apply urls(std::vector<GivenUrl> Settings::*member) {
    return [member](Settings& settings, const Values& values) -> Result<void> {
        std::vector<GivenUrl> given;
        for (const auto& value : values) {
            if (value.empty()) return unusable("", "values that are not empty");
            given.emplace_back(value);
        }
        settings.*member = std::move(given);
        return {};
    };
}

inline Apply toggle(bool Settings::*member, bool meaning = true) {
    return [member, meaning](Settings& settings, const Values& values) -> Result<void> {
        if (values.back() == "true")
            settings.*member = meaning;
        else if (values.back() == "false")
            settings.*member = !meaning;
        else
            return unusable(values.back(), "true or false");
        return {};
    };
}

inline Result<std::uint64_t> number_in(const std::string& value, std::uint64_t least, std::uint64_t most) {
    auto number = parse_u64(value);
    if (!number || *number < least || *number > most)
        return unusable(value, "a number from " + std::to_string(least) + " to " + std::to_string(most));
    return *number;
}

template <class T> Apply number(T Settings::*member, std::uint64_t least, std::uint64_t most) {
    return [=](Settings& settings, const Values& values) -> Result<void> {
        TRY(value, number_in(values.back(), least, most));
        if constexpr (std::is_same_v<T, std::optional<std::size_t>>)
            settings.*member = value;
        else
            settings.*member = static_cast<T>(value);
        return {};
    };
}

// "true", as it is without a value, is `usual`; 0 is as if it were not given.
template <class T> Apply number_or(T Settings::*member, T usual, std::uint64_t least, std::uint64_t most) {
    return [=](Settings& settings, const Values& values) -> Result<void> {
        settings.*member = values.back() == "true" ? usual : T{};
        if (values.back() == "true" || values.back() == "0") return {};
        return number(member, least, most)(settings, values);
    };
}

template <class T> Apply duration(T Settings::*member) {
    return [=](Settings& settings, const Values& values) -> Result<void> {
        auto value = parse_duration(values.back());
        if (!value) return unusable(values.back(), "a time such as 90s, 45m or 5h30m");
        settings.*member = *value;
        return {};
    };
}

inline Apply bytes(std::uint64_t Settings::*member) {
    return [=](Settings& settings, const Values& values) -> Result<void> {
        auto value = parse_bytes(values.back());
        if (!value) return unusable(values.back(), "a size such as 300M or 5G");
        settings.*member = *value;
        return {};
    };
}

template <class T> Apply choice(T Settings::*member, std::map<std::string, T> choices) {
    return [member, choices = std::move(choices)](Settings& settings, const Values& values) -> Result<void> {
        auto it = choices.find(values.back());
        if (it == choices.end()) {
            std::vector<std::string> names;
            for (const auto& [name, ignored] : choices) names.push_back(name);
            return unusable(values.back(), "one of " + join(names, ", "));
        }
        settings.*member = it->second;
        return {};
    };
}
// The parts of the table, in the order in which help tells them.
std::vector<Option> what_is_looked_at();     // What, Caches, The cloud, Evaluation
std::vector<Option> building_and_pushing();  // Building, Pushing
std::vector<Option> the_run_and_its_words(); // The run, Joining, Notification, The workflow, Output

} // namespace cachefill::options::rows
