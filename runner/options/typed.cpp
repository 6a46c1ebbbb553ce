#include "options/typed.hpp"

#include "async/child_process.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "eval/target.hpp"
#include "options/settings.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace cachefill::options {

namespace {

std::string shown(const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(), [](const auto& word) { return holds_secret(word); })
               ? std::string()
               : shell_command(words);
}

// What decides about which host, cache and store a command speaks.
bool is_repeated(const Option& option) {
    static constexpr std::array<std::string_view, 6> named_otherwise{"flake", "hosts",  "host",
                                                                     "kind",  "update", "allow"};
    bool is_about_printing = option.group == "Output" || option.key == "timeout" || option.key == "interval" ||
                             option.key == "max-minutes" || option.key == "retry-budget";
    return !is_about_printing &&
           std::find(named_otherwise.begin(), named_otherwise.end(), option.key) == named_otherwise.end();
}

bool takes_flake(Command command) {
    return command == Command::run || command == Command::plan || command == Command::ci || command == Command::init;
}

} // namespace

std::string command_again(const Typed& typed) {
    std::vector<std::string> words{typed.program};
    words.insert(words.end(), typed.words.begin(), typed.words.end());
    return shown(words);
}

std::string other_command(const Typed& typed, Command command, const std::vector<std::string>& arguments) {
    std::vector<std::string> words{typed.program, std::string(to_string(command))};
    if (!typed.flake.empty() && takes_flake(command)) words.push_back(typed.flake);
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (!typed.flake.empty() && !takes_flake(command)) words.insert(words.end(), {"--flake", typed.flake});
    if (!typed.config.empty()) words.insert(words.end(), {"--config", typed.config});
    for (const auto& option : option_table()) {
        auto given = typed.flags.find(option.key);
        if (given == typed.flags.end() || !(option.commands & bit(command)) || !is_repeated(option)) continue;
        for (const auto& value : given->second) {
            bool is_toggle = option.type == OptionType::toggle;
            words.push_back(is_toggle && value == "false" ? "--no-" + option.flag().substr(2) : option.flag());
            if (!is_toggle) words.push_back(value);
        }
    }
    return shown(words);
}

std::string log_command(const std::string& store) {
    std::vector<std::string> words{"nix", "log"};
    if (!store.empty() && !holds_secret(store)) words.insert(words.end(), {"--store", store});
    return shell_command(words);
}

SwitchTool tool_for(eval::TargetKind kind, const Environment& environment) {
    auto own = kind == eval::TargetKind::home     ? SwitchTool::home_manager
               : kind == eval::TargetKind::darwin ? SwitchTool::darwin_rebuild
                                                  : SwitchTool::nixos_rebuild;
    bool has_nh = async::find_program("nh", environment).has_value();
    return !has_nh && async::find_program(std::string(to_string(own)), environment) ? own : SwitchTool::nh;
}

Failure no_cache_named(const Settings& settings, std::string hint) {
    const std::string text = "no cache is named";
    const auto& uncounted = settings.uncounted_cache;
    if (!uncounted) return Failure(FailureKind::usage, text).with_hint(std::move(hint));
    return Failure(FailureKind::usage, text + ": " + uncounted->why)
        .with_hint(uncounted->hint + cache_among_words(settings));
}

std::string cache_among_words(const Settings& settings) {
    const auto& words = settings.arguments.empty() ? settings.hosts : settings.arguments;
    if (words.empty() || words[0].find_first_of("/:.*!@#") != std::string::npos) return {};
    std::error_code ignored;
    if (words[0] == "-" || std::filesystem::exists(words[0], ignored)) return {};
    auto name = sanitize(words[0]);
    return "; if '" + name + "' is the cache: --cache " + shell_word(name);
}

std::string command_to_fill(const Settings& settings, const std::vector<std::string>& hosts) {
    auto typed = settings.typed;
    if (settings.cache_by_checkout) typed.flags["cache"] = {std::string(settings.cache.reveal())};
    std::vector<std::string> arguments;
    for (const auto& host : hosts) arguments.insert(arguments.end(), {"--hosts", host});
    return other_command(typed, Command::run, arguments);
}

std::string command_to_use(const Typed& typed) {
    auto without_flake = typed;
    without_flake.flake.clear(); // it has no part in it
    return other_command(without_flake, Command::use, {});
}

std::string program_name(const std::string& called_as, const Environment& environment) {
    const std::string usual = "cachefill";
    if (called_as.find('/') == std::string::npos) return called_as.empty() ? usual : called_as;
    std::error_code ignored;
    auto found = async::find_program(usual, environment);
    bool is_found = found && std::filesystem::equivalent(*found, called_as, ignored);
    return is_found ? usual : called_as;
}

} // namespace cachefill::options
