#include "options/command_line.hpp"

#include "base/shell.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "options/config_files.hpp"
#include "options/host_choice.hpp"
#include "options/inputs.hpp"
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

Failure unknown_flag(Command command, const std::string& flag) {
    auto name = flag.substr(0, flag.find('='));
    Failure failure(FailureKind::usage, "'" + sanitize(redact_url(name)) + "' is no option of 'cachefill " +
                                            std::string(to_string(command)) + "'");
    if (auto meant = did_you_mean(name, flags_of(command)))
        return std::move(failure).with_hint("did you mean '" + *meant + "'?");
    return std::move(failure).with_hint("'cachefill " + std::string(to_string(command)) + " --help' lists them");
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
    } catch (const CLI::ParseError& error) {
        return Failure(FailureKind::usage, sanitize(error.what()));
    }
    for (const auto& extra : parser.remaining())
        if (extra.starts_with("-")) return unknown_flag(command, extra);
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
        return Failure(FailureKind::usage, "'" + sanitize(redact_url(settings.flake)) +
                                               "' names an output of a flake; cachefill takes the flake itself")
            .with_hint("choose hosts with --hosts" + host);
    }
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
    if (arguments.empty())
        return Failure(FailureKind::usage, "no command was given").with_hint("'cachefill help' shows what there is");
    const auto& first = arguments[0];
    if (first == "--version" || first == "version") return Parsed(Answer{std::string("cachefill ") + version + "\n"});
    if (first == "--help" || first == "-h" || first == "help") {
        if (arguments.size() < 2) return Parsed(Answer{help_text()});
        if (arguments[1] == "--man") return Parsed(Answer{man_page()});
        if (arguments[1] == "--completion") {
            auto shell = arguments.size() > 2 ? completion(arguments[2]) : std::nullopt;
            if (shell) return Parsed(Answer{std::move(*shell)});
            return Failure(FailureKind::usage, "--completion needs a shell: bash, zsh or fish");
        }
        if (auto command = find_command(arguments[1])) return Parsed(Answer{help_text(*command, true)});
    }
    auto command = find_command(first == "help" ? arguments[1] : first);
    if (!command) {
        const auto& wrong = first == "help" ? arguments[1] : first;
        Failure failure(FailureKind::usage, "there is no command '" + sanitize(redact_url(wrong)) + "'");
        if (auto meant = did_you_mean(wrong, command_names()))
            return std::move(failure).with_hint("did you mean 'cachefill " + *meant + "'?");
        return std::move(failure).with_hint("'cachefill help' shows what there is");
    }
    TRY(raw, read_arguments(*command, arguments.subspan(1)));
    if (raw.help) {
        bool is_long = std::find(arguments.begin(), arguments.end(), "--help") != arguments.end();
        return Parsed(Answer{help_text(*command, is_long)});
    }
    Invocation invocation{.command = *command, .settings = {}, .remarks = {}};
    auto& settings = invocation.settings;
    TRY_VOID(take_positional(*command, raw, environment, settings));
    if (raw.flags.contains("flake")) settings.typed.flake = settings.flake;
    settings.typed.words.assign(arguments.begin(), arguments.end());
    settings.typed.flags = raw.flags;
    settings.typed.config = raw.config;
    NamedConfig named{.file = environment.get_or("CACHEFILL_CONFIG"), .by_hand = false};
    if (*command == Command::ci) named.file = environment.get_or(config_input, named.file);
    TRY_VOID(with_context(without_login({named.file}), "reading the name of the configuration file"));
    if (!raw.config.empty()) named = {.file = raw.config, .by_hand = true};
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

std::string help_text() {
    return R"(cachefill fills a Nix binary cache before any of your machines asks for it.

  cachefill run [FLAKE]      evaluate every host, build what the cache lacks, push it while building
  cachefill push [PATH…]     push store paths and their closures (default: the running system)
  cachefill plan [FLAKE]     show what a run would do, and why
  cachefill verify [HOST…]   ask the cache, as a consumer would, whether each host is there whole
  cachefill doctor [HOST]    would switching to this host compile something here; what, and why
  cachefill wait [HOST]      until the host is complete in the cache: cachefill wait && nh os switch
  cachefill guard -- CMD…    runs CMD only if nothing heavy would be compiled
  cachefill ci [FLAKE]       the same as run, as a step of GitHub Actions
  cachefill init [FLAKE]     write a workflow and a configuration for this flake
  cachefill login [CACHE]    store the token of a cache where every command finds it
  cachefill use [CACHE]      the lines that make a machine fetch from the cache; --apply adds them here
  cachefill report [FILE…]   join the reports of several jobs; send a message when there is something to say

FLAKE is a directory or any flake reference; without it $NH_FLAKE, else the current directory.

  cachefill run --cache my-cache .                    fill a Cachix cache (cachefill login my-cache)
  cachefill run --cache file:///tmp/cache .           try it out with a directory as the cache
  cachefill plan --cache my-cache nas                 what is missing for one host

'cachefill help COMMAND' explains one command. Settings may also stand in cachefill.yml.

Exit codes: 0 complete · 1 something did not evaluate or build · 2 wrong use · 3 built but not all in the
cache · 4 stopped at the deadline · 5 the machine or a service could not · 130/143 interrupted
)";
}

std::string help_text(Command command, bool full) {
    static const std::map<Command, std::string> heads{
        {Command::run,
         "cachefill run [FLAKE] [HOST…] --cache CACHE [options]\n\nEvaluates every host of the flake, or those named, "
         "asks the caches what is "
         "missing, builds only that and pushes\neach output the moment it exists; asks again at the end whether "
         "every host can be fetched whole.\n"},
        {Command::plan,
         "cachefill plan [FLAKE] [HOST…] --cache CACHE [options]\n\nWhat 'run' would build, fetch and push. "
         "Changes nothing.\n"},
        {Command::push,
         "cachefill push [PATH…] --cache CACHE [options]\ncachefill push --watch [options]\ncachefill push "
         "--status\n\nPushes store paths (default: the running system and this user's home generation) with whatever "
         "of "
         "their closures\nis not there. '-' reads paths from standard input. --watch is a service that pushes what "
         "gets "
         "built on this\nmachine; docs/desktop.md shows how to set it up.\n"},
        {Command::ci,
         "cachefill ci [FLAKE] [options]\n\nWhat 'run' does, as a step of GitHub Actions: reads the inputs of the "
         "action "
         "(CACHEFILL_INPUT_*), writes\nannotations, the summary and the outputs of the step. docs/github.md has the "
         "rules.\n"},
        {Command::verify,
         "cachefill verify [HOST|PATH…] --cache CACHE [options]\n\nAsks the cache afresh, as a consumer would. Exit 0 "
         "only if everything can be fetched.\nA store path is checked as it is; a host is evaluated first.\n"},
        {Command::doctor,
         "cachefill doctor [HOST] [options]\ncachefill doctor [options] -- COMMAND…\n\nEvaluates a host (default: the "
         "one of this machine's name; or what COMMAND would switch to) and asks\nthe caches, as this machine's Nix "
         "would, what switching to it would compile here; and says why, and what\nto do. Exit 0: nothing.\n"},
        {Command::wait,
         "cachefill wait [HOST] [options]\ncachefill wait [options] -- COMMAND…\n\nFollows the workflow runs of this "
         "commit and ends as soon as the host is complete in the cache (exit 0),\nor as soon as it is certain that it "
         "will not be (exit 1). COMMAND only tells which host; it is not run.\n"},
        {Command::guard, "cachefill guard [options] -- COMMAND…\n\nRuns a command such as 'nh os switch' only if "
                         "nothing heavy would be "
                         "compiled here; else says why, as\n'doctor' does (exit 1). The host is of the kind that the "
                         "command switches, and is evaluated once: nh\ngets the store path.\n"},
        {Command::init, "cachefill init [FLAKE] [--cache CACHE] [options]\n\nLooks at the flake, its repository and "
                        "the workflows there, "
                        "asks what only you can know, shows what it would\nwrite, and writes a workflow for GitHub and "
                        "a configuration "
                        "that fit. Overwrites nothing.\n"},
        {Command::login,
         "cachefill login [CACHE] [options]\ncachefill login --forget [CACHE]\n\nAsks for a token without showing it "
         "(or reads it from standard input), tries it, says what it may do, and\nstores it for this user. run, push "
         "and "
         "the others take it where CACHIX_AUTH_TOKEN or its like is not set.\n"},
        {Command::use,
         "cachefill use [CACHE] [options]\n\nAsks the cache for its address and public key, and prints the lines that "
         "make a machine fetch from it: for\nNixOS, home-manager, nix.conf and a workflow. --apply adds them to "
         "nix.conf.\n"},
        {Command::report,
         "cachefill report [FILE|DIRECTORY…] [options]\n\nJoins the JSON reports and findings of several jobs, names "
         "jobs that never reported, and sends one\nmessage to the webhook in CACHEFILL_NOTIFY_URL when there is "
         "something to say. --html FILE writes\na page to look at.\n"},
    };
    std::string text = heads.at(command);
    std::string group;
    for (const auto& option : option_table()) {
        if (!(option.commands & bit(command))) continue;
        if (option.group != group) {
            group = option.group;
            text += "\n" + group + ":\n";
        }
        std::string left = "  " + (option.short_flag().empty() ? "" : option.short_flag() + ", ") + option.flag();
        if (option.type != OptionType::toggle) left += " " + option.placeholder;
        left.resize(std::max<std::size_t>(left.size() + 2, 34), ' ');
        text += left + option.help + "\n";
        if (full && !option.detail.empty()) {
            std::string line(34, ' ');
            for (auto word : split_words(option.detail)) {
                if (line.size() + word.size() > 108) {
                    text += line + "\n";
                    line.assign(34, ' ');
                }
                line += (line.size() > 34 ? " " : "") + std::string(word);
            }
            text += line + "\n";
        }
        if (full && option.in_config() && option.where != Where::anywhere)
            text += std::string(34, ' ') + "Where from: " + option.where_from() + ".\n";
    }
    text +=
        "\nWhere from: a key may stand in the flake's own cachefill.yml, too, unless 'outside' is said of it. Outside "
        "of the\nflake are flags, CACHEFILL_ variables, inputs of the action, ~/.config/cachefill/cachefill.yml and "
        "--config FILE.\n";
    text += "\nLists: give the option several times. Toggles have a --no- form. --config FILE names another "
            "cachefill.yml.\n";
    return text;
}

} // namespace cachefill::options
