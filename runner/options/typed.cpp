#include "options/typed.hpp"

#include "async/child_process.hpp"
#include "base/files.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "eval/target.hpp"
#include "options/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <unistd.h>

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

// The first word that is neither a flag's nor behind '--', where a person might put a cache: doctor, wait and verify
// take hosts there, guard a command.
std::string word_by_itself(const Settings& settings) {
    const auto& typed = settings.typed.words;
    bool takes_other_words = !typed.empty() && (typed[0] == "run" || typed[0] == "plan" || typed[0] == "push");
    const auto& words = settings.arguments.empty() ? settings.hosts : settings.arguments;
    if (!takes_other_words || words.empty()) return {};
    auto at = std::find(typed.begin(), typed.end(), words[0]);
    bool is_by_itself =
        at != typed.end() && !(at - 1)->starts_with('-') && std::find(typed.begin(), at, std::string_view("--")) == at;
    return is_by_itself ? words[0] : std::string();
}

// Told without an evaluation: this machine, or one that flake.nix or a folder beside it is called after.
bool is_host(const std::string& word, const std::string& flake) {
    std::array<char, 256> own{};
    if (::gethostname(own.data(), own.size() - 1) == 0 && word == own.data()) return true;
    const std::filesystem::path folder(flake);
    std::error_code ignored;
    for (const char* place : {"hosts", "machines", "systems"})
        for (const char* ending : {"", ".nix"})
            if (std::filesystem::exists(folder / place / (word + ending), ignored)) return true;
    auto text = read_file(folder / "flake.nix", 1 << 20);
    auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; };
    for (auto at = text ? text->find(word) : std::string::npos; at != std::string::npos;
         at = text->find(word, at + 1)) {
        auto end = at + word.size();
        if ((at == 0 || !is_part((*text)[at - 1])) && (end == text->size() || !is_part((*text)[end]))) return true;
    }
    return false;
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
    auto word = word_by_itself(settings);
    if (word.empty() || word == "-" || word.find_first_of("/:.*!@#") != std::string::npos) return {};
    std::error_code ignored;
    if (std::filesystem::exists(word, ignored) || is_host(word, settings.flake)) return {};
    auto name = sanitize(word);
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
