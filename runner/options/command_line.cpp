#include "options/command_line.hpp"

#include "base/foreign_text.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "options/config_files.hpp"
#include "options/flake_around.hpp"
#include "options/help.hpp"
#include "options/host_choice.hpp"
#include "options/inputs.hpp"
#include "options/known_hosts.hpp"
#include "options/manual.hpp"
#include "options/option_values.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>

namespace cachefill::options {

namespace {

std::optional<Command> find_command(std::string_view name) {
    for (auto command : command_list())
        if (to_string(command) == name) return command;
    return {};
}

std::vector<std::string> command_names() {
    std::vector<std::string> names{"help"};
    for (auto command : command_list()) names.emplace_back(to_string(command));
    return names;
}

std::vector<std::string> flags_of(Command command) {
    std::vector<std::string> flags{"--help", "--config"};
    for (const auto& option : option_table())
        if (option.commands & bit(command)) flags.push_back(option.flag());
    return flags;
}

// "'cachefill push'" for --watch.
std::vector<std::string> commands_with(const std::string& flag) {
    std::vector<std::string> names;
    for (auto command : command_list())
        for (const auto& option : option_table()) {
            bool is_it = option.flag() == flag || option.short_flag() == flag ||
                         (option.type == OptionType::toggle && "--no-" + option.flag().substr(2) == flag);
            if (is_it && (option.commands & bit(command)))
                names.push_back("'cachefill " + std::string(to_string(command)) + "'");
        }
    return names;
}

// Where a flag of other programs is something else here.
std::string known_elsewhere(Command command, const std::string& flag, std::span<const std::string> arguments) {
    auto name = flag.substr(0, flag.find('='));
    if (name == "--no-color" || name == "--no-colour") return "write '--color never', or set NO_COLOR=1";
    if (name == "--man") return "the manual is 'cachefill help --man'";
    bool takes_one_host = command == Command::doctor || command == Command::wait;
    if (!takes_one_host || (name != "-H" && name != "--host" && name != "--hosts")) return {};
    auto at = std::find(arguments.begin(), arguments.end(), flag);
    auto host = name == flag && at != arguments.end() && at + 1 != arguments.end() ? *(at + 1)
                                                                                   : flag.substr(flag.find('=') + 1);
    bool is_host = name != flag || host != flag;
    return "the host stands by itself: 'cachefill " + std::string(to_string(command)) + " " +
           (is_host && !holds_secret(host) ? shell_word(sanitize(host)) : "HOST") + "'";
}

Failure unknown_flag(Command command, const std::string& flag, std::span<const std::string> arguments) {
    auto name = flag.substr(0, flag.find('='));
    Failure failure(FailureKind::usage, "'" + shown_name(redact_url(name)) + "' is no option of 'cachefill " +
                                            std::string(to_string(command)) + "'");
    if (auto hint = known_elsewhere(command, flag, arguments); !hint.empty())
        return std::move(failure).with_hint(std::move(hint));
    auto knowing = commands_with(name);
    auto theirs = knowing.empty() ? std::string() : "it is one of " + join(knowing, ", ");
    auto meant = did_you_mean(name, flags_of(command));
    if (meant && !theirs.empty())
        return std::move(failure).with_hint("did you mean '" + *meant + "'? As it stands " + theirs);
    if (meant) return std::move(failure).with_hint("did you mean '" + *meant + "'?");
    if (!theirs.empty()) return std::move(failure).with_hint(std::move(theirs));
    return std::move(failure).with_hint("'cachefill " + std::string(to_string(command)) + " --help' lists them");
}

Failure value_missing(Command command, const std::string& flag) {
    Failure failure(FailureKind::usage, "'" + shown_name(redact_url(flag)) + "' needs a value");
    for (const std::string printed : {"--json", "--events"})
        if (flag.ends_with(printed))
            return std::move(failure).with_hint("'" + printed + " -' prints to standard output, '" + printed +
                                                " FILE' writes a file");
    return std::move(failure).with_hint("'cachefill " + std::string(to_string(command)) + " --help' has its form");
}

// Of what CLI11 could not read. Its own words repeat the value, which was perhaps meant for something else.
Failure not_readable(Command command, std::span<const std::string> arguments) {
    for (const auto& argument : arguments) {
        auto equals = argument.find('=');
        auto name = argument.substr(0, equals);
        auto value = equals == argument.npos ? std::string() : to_lower(argument.substr(equals + 1));
        if (equals == argument.npos || value == "true" || value == "false") continue;
        for (const auto& option : option_table()) {
            if (option.type != OptionType::toggle || !(option.commands & bit(command))) continue;
            auto positive = option.flag(), negative = "--no-" + positive.substr(2);
            if (name != positive && name != negative && name != option.short_flag()) continue;
            return Failure(FailureKind::usage, "'" + name + "' takes no value")
                .with_hint("it is '" + positive + "' or '" + negative + "' alone");
        }
    }
    return Failure(FailureKind::usage, "the options cannot be read")
        .with_hint("'cachefill " + std::string(to_string(command)) + " --help' lists them");
}

// How many words a flag is, by the one table; empty: none that any command knows.
std::optional<std::size_t> words_of(const std::string& flag) {
    auto name = flag.substr(0, flag.find('='));
    if (name == "--config") return name == flag ? 2 : 1;
    for (const auto& option : option_table()) {
        bool is_toggle = option.type == OptionType::toggle;
        if (is_toggle && flag == "--no-" + option.flag().substr(2)) return 1;
        if (option.flag() != name && option.short_flag() != name) continue;
        return is_toggle || option.type == OptionType::maybe_value || name != flag ? 1 : 2;
    }
    return {};
}

// "--cache x run ." as "run --cache x .": before the command nothing else can be meant. As they are if there is a flag
// that nobody knows, or no command behind them.
std::vector<std::string> command_first(std::span<const std::string> arguments) {
    std::vector<std::string> words(arguments.begin(), arguments.end());
    std::size_t at = 0;
    while (at < words.size() && words[at].starts_with('-')) {
        auto count = words_of(words[at]);
        if (!count) return words;
        at += *count;
    }
    if (at < words.size() && find_command(words[at]))
        std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at),
                    words.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    return words;
}

Failure no_such_command(std::span<const std::string> arguments, const std::string& wrong) {
    auto is_command = [](const std::string& word) { return find_command(word).has_value(); };
    auto later = std::find_if(arguments.begin(), arguments.end(), is_command);
    if (wrong.starts_with('-') && wrong != "--man" && wrong != "--completion") {
        Failure failure(FailureKind::usage, "'" + shown_name(redact_url(wrong)) + "' stands where the command should");
        if (later == arguments.end()) return std::move(failure).with_hint("'cachefill help' shows what there is");
        std::vector<std::string> words{"cachefill", *later};
        words.insert(words.end(), arguments.begin(), later);
        words.insert(words.end(), later + 1, arguments.end());
        bool is_secret = std::any_of(words.begin(), words.end(), [](const auto& word) { return holds_secret(word); });
        return std::move(failure).with_hint("the command comes first" +
                                            (is_secret ? std::string() : ": " + sanitize(shell_command(words))));
    }
    Failure failure(FailureKind::usage, "there is no command '" + shown_name(redact_url(wrong)) + "'");
    if (wrong == "--man" || wrong == "man" || wrong == "manual")
        return std::move(failure).with_hint("the manual is 'cachefill help --man'");
    if (wrong == "--completion" || wrong == "completion" || wrong == "completions") {
        auto shell =
            std::find_if(arguments.begin(), arguments.end(), [](const auto& word) { return completion(word); });
        return std::move(failure).with_hint("'cachefill help --completion " +
                                            (shell == arguments.end() ? "SHELL" : *shell) + "' prints it");
    }
    if (auto meant = did_you_mean(wrong, command_names()))
        return std::move(failure).with_hint("did you mean 'cachefill " + *meant + "'?");
    return std::move(failure).with_hint("'cachefill help' shows what there is");
}

// CACHEFILL_CACHE, CACHEFILL_HOSTS, …: every configuration key, lists separated by white space.
Result<void> apply_environment(const Environment& environment, Command command, Settings& settings) {
    for (const auto& option : option_table()) {
        if (!(option.commands & bit(command)) || !option.in_environment()) continue;
        auto name = option.variable();
        auto value = environment.get_or(name);
        if (value.empty()) continue;
        std::vector<std::string> values{value};
        if (option.type == OptionType::list || option.type == OptionType::table) {
            values.clear();
            for (auto word : split_words(value)) values.emplace_back(word);
            if (values.empty()) continue;
        }
        TRY_VOID(with_context(option.apply(settings, values), "reading the environment variable " + name));
    }
    return {};
}

struct RawArguments {
    std::map<std::string, std::vector<std::string>> flags; // by option key
    std::vector<std::string> positional;
    std::string config;
    bool help = false;
};

// "nas", "nixos:*", "!template-*", where a flake might stand. A flake has a '/' or a ':' in its name unless it is a
// directory; what an entry of a registry is called is written flake:NAME.
bool names_host(const std::string& word) {
    auto name = std::string_view(word).substr(word.starts_with('!') ? 1 : 0);
    for (std::string_view kind : {"nixos:", "darwin:", "home:"})
        if (name.starts_with(kind)) return true;
    std::error_code ignored;
    bool is_plain = name.find_first_of("/:#") == std::string_view::npos && name != "." && name != "..";
    return !name.empty() && is_plain && !std::filesystem::exists(word, ignored);
}

// Hosts may stand without --hosts beside the flake or in its place, as they do for `verify`.
void take_hosts(RawArguments& raw) {
    std::vector<std::string> rest;
    for (auto& word : raw.positional) (names_host(word) ? raw.flags["hosts"] : rest).push_back(std::move(word));
    raw.positional = std::move(rest);
}

// The cache may stand without --cache.
void take_cache(RawArguments& raw) {
    if (raw.positional.size() != 1) return;
    raw.flags["cache"] = raw.positional;
    raw.positional.clear();
}

Result<RawArguments> read_arguments(Command command, std::span<const std::string> arguments) {
    CLI::App parser;
    parser.set_help_flag("");
    parser.allow_extras();
    parser.prefix_command(false);
    RawArguments raw;
    parser.add_flag("-h,--help", raw.help);
    parser.add_option("--config", raw.config);
    for (const auto& option : option_table()) {
        if (!(option.commands & bit(command))) continue;
        auto flag = option.flag();
        auto names = option.short_flag().empty() ? flag : option.short_flag() + "," + flag;
        if (option.type == OptionType::toggle) {
            parser.add_flag_callback(names, [&raw, key = option.key] { raw.flags[key] = {"true"}; });
            auto negative = "--no-" + flag.substr(2);
            parser.add_flag_callback(negative, [&raw, key = option.key] { raw.flags[key] = {"false"}; });
        } else if (option.type == OptionType::maybe_value) {
            parser.add_flag(names, raw.flags[option.key]);
        } else {
            // One value for each time it is given: what follows is the next argument, not more of the list.
            parser.add_option(names, raw.flags[option.key])
                ->allow_extra_args(false)
                ->take_all()
                ->type_name(option.placeholder);
        }
    }
    parser.add_option("positional", raw.positional);
    // What follows `--` is nobody's option, however it looks.
    auto end = std::find(arguments.begin(), arguments.end(), "--");
    std::vector<std::string> reversed(std::make_reverse_iterator(end), arguments.rend());
    try {
        parser.parse(reversed);
    } catch (const CLI::ArgumentMismatch& error) {
        std::string what = error.what(); // "--cache: 1 required CACHE missing"
        auto flag = what.substr(0, what.find(':'));
        return value_missing(command, flag);
    } catch (const CLI::ParseError&) {
        return not_readable(command, std::span(arguments.begin(), end));
    }
    for (const auto& extra : parser.remaining())
        if (extra.starts_with("-")) return unknown_flag(command, extra, arguments);
    bool takes_paths = command == Command::push || command == Command::verify || command == Command::report;
    bool takes_host = command == Command::doctor || command == Command::wait;
    if (takes_paths || (takes_host && raw.positional.size() == 1))
        TRY_VOID(with_context(without_login(raw.positional), "reading the arguments"));
    TRY_VOID(with_context(without_login({raw.config}), "reading --config"));
    if (end != arguments.end()) raw.positional.insert(raw.positional.end(), end + 1, arguments.end());
    if (command == Command::run || command == Command::plan) take_hosts(raw);
    if (command == Command::login || command == Command::use) take_cache(raw);
    std::erase_if(raw.flags, [](const auto& entry) { return entry.second.empty(); });
    return raw;
}

// What stands on the command line without a flag: a flake, or hosts, paths, a command.
Result<void> take_positional(Command command, const RawArguments& raw, const Environment& environment,
                             Settings& settings) {
    bool takes_flake =
        command == Command::run || command == Command::plan || command == Command::ci || command == Command::init;
    if ((command == Command::login || command == Command::use) && !raw.positional.empty())
        return Failure(FailureKind::usage, "'cachefill " + std::string(to_string(command)) +
                                               "' takes one cache, but got " + std::to_string(raw.positional.size()))
            .with_hint(command == Command::login
                           ? "a token is never an argument: it is asked for, or read from standard "
                             "input"
                           : "");
    if (!takes_flake) {
        settings.flake = default_flake(environment);
        settings.arguments = raw.positional;
        auto given = raw.flags.find("flake");
        if (given != raw.flags.end()) settings.flake = given->second.back();
        return take_switch_command(command, given != raw.flags.end(), environment, settings);
    }
    if (raw.positional.size() > 1)
        return Failure(FailureKind::usage, "'cachefill " + std::string(to_string(command)) +
                                               "' takes one flake, but got " + std::to_string(raw.positional.size()))
            .with_hint("hosts are named as the flake has them, or with --hosts");
    auto named = command == Command::ci ? environment.get_or(flake_input) : std::string();
    if (named.empty()) named = default_flake(environment);
    settings.flake = raw.positional.empty() ? named : raw.positional[0];
    if (!raw.positional.empty()) settings.typed.flake = raw.positional[0];
    if (auto fragment = settings.flake.find('#'); fragment != std::string::npos) {
        // Of a password with a '#' in it the second half is no host.
        auto host = holds_secret(settings.flake) ? "" : " " + shell_word(host_in(settings.flake.substr(fragment + 1)));
        return Failure(FailureKind::usage, "'" + shown_name(redact_url(settings.flake)) +
                                               "' names an output of a flake; cachefill takes the flake itself")
            .with_hint("choose hosts with --hosts" + host);
    }
    return {};
}

// A folder's flake may lie above it; not one that somebody else put there.
Result<void> take_flake_around(Command command, const Environment& environment, Settings& settings) {
    auto neighbours = environment.get_or("GITHUB_ACTIONS") == "true" ? Neighbours::none : Neighbours::may_be;
    auto why = why_not_around(settings.flake, neighbours);
    settings.flake = flake_around(settings.flake, neighbours);
    bool needs_none =
        command == Command::push || command == Command::login || command == Command::use || command == Command::report;
    if (why.empty() || needs_none) return {};
    return Failure(FailureKind::usage, "the flake above " + shown_name(settings.flake) +
                                           " is not taken, as somebody else could have put it there: " + sanitize(why))
        .with_hint("go to the folder of the flake that you mean, or name it");
}

// To --version and help; empty: something else was asked.
std::optional<Result<std::string>> find_answer(std::span<const std::string> arguments, const Environment& environment) {
    using Text = Result<std::string>;
    const auto& first = arguments[0];
    if (first == "--version" || first == "-V" || first == "version")
        return Text(std::string("cachefill ") + version + "\n");
    if (first != "--help" && first != "-h" && first != "help") return {};
    if (arguments.size() < 2) return Text(help_text());
    if (arguments[1] == "--man") return Text(man_page());
    if (arguments[1] == "--completion") {
        auto shell = arguments.size() > 2 ? completion(arguments[2]) : std::nullopt;
        if (shell) return Text(std::move(*shell));
        return Text(Failure(FailureKind::usage, "--completion needs a shell: bash, zsh or fish"));
    }
    if (arguments[1] == "--completion-hosts") return Text(offered_hosts(arguments.subspan(2), environment));
    if (auto command = find_command(arguments[1])) return Text(help_text(*command, true));
    return {};
}

} // namespace

std::string default_flake(const Environment& environment) {
    auto flake = environment.get_or("NH_FLAKE", environment.get_or("NH_OS_FLAKE", "."));
    return flake.substr(0, flake.find('#'));
}

Result<std::variant<Invocation, Answer>> parse_command_line(std::span<const std::string> arguments,
                                                            const Environment& environment) {
    using Parsed = std::variant<Invocation, Answer>;
    if (arguments.empty()) return Parsed(Answer{.text = help_text(), .was_asked = false});
    auto in_order = command_first(arguments);
    arguments = in_order;
    if (auto answer = find_answer(arguments, environment)) {
        TRY(text, std::move(*answer));
        return Parsed(Answer{.text = std::move(text), .was_asked = true});
    }
    const auto& first = arguments[0];
    auto command = find_command(first == "help" ? arguments[1] : first);
    if (!command) return no_such_command(arguments, first == "help" ? arguments[1] : first);
    TRY(raw, read_arguments(*command, arguments.subspan(1)));
    if (raw.help) {
        bool is_long = std::find(arguments.begin(), arguments.end(), "--help") != arguments.end();
        return Parsed(Answer{.text = help_text(*command, is_long), .was_asked = true});
    }
    Invocation invocation{.command = *command, .settings = {}, .remarks = {}};
    auto& settings = invocation.settings;
    TRY_VOID(take_positional(*command, raw, environment, settings));
    if (raw.flags.contains("flake")) settings.typed.flake = settings.flake;
    auto named_flake = settings.flake;
    TRY_VOID(take_flake_around(*command, environment, settings));
    settings.typed.words.assign(arguments.begin(), arguments.end());
    settings.typed.flags = raw.flags;
    settings.typed.config = raw.config;
    NamedConfig named{.file = environment.get_or("CACHEFILL_CONFIG"), .by_hand = false, .flake = named_flake};
    if (*command == Command::ci) named.file = environment.get_or(config_input, named.file);
    TRY_VOID(with_context(without_login({named.file}), "reading the name of the configuration file"));
    if (!raw.config.empty()) named = {.file = raw.config, .by_hand = true, .flake = {}};
    TRY_VOID(apply_config_files(named, *command, environment, settings, invocation.remarks));
    TRY_VOID(apply_environment(environment, *command, settings));
    if (*command == Command::ci) TRY_VOID(apply_inputs(environment, settings));
    for (const auto& [key, values] : raw.flags) {
        const auto* option = find_option(key);
        auto applied = option->apply(settings, values);
        if (!applied) return Failure(FailureKind::usage, option->flag() + ": " + applied.error().cause());
    }
    TRY_VOID(check_host(settings));
    return Parsed(std::move(invocation));
}

} // namespace cachefill::options
