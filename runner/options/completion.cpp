#include "base/text.hpp"
#include "options/help.hpp"
#include "options/manual.hpp"
#include "options/options.hpp"
#include "options/settings.hpp"

#include <algorithm>

namespace cachefill::options {

namespace {

std::vector<const Option*> options_of(Command command) {
    std::vector<const Option*> options;
    for (const auto& option : option_table())
        if (option.commands & bit(command)) options.push_back(&option);
    return options;
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

// First line of what a command does.
std::string summary_of(Command command) {
    auto description = help_of(command).description;
    return std::string(description.substr(0, description.find(". ")));
}

enum class Takes { nothing, files, hosts, word };
Takes takes(const Option& option) {
    if (option.key == "hosts" || option.key == "host" || option.key == "evaluate-only") return Takes::hosts;
    if (option.type == OptionType::toggle || option.type == OptionType::maybe_value) return Takes::nothing;
    return option.placeholder == "FILE" || option.placeholder == "PATH" ? Takes::files : Takes::word;
}

std::vector<std::string> names_of(const Option& option) {
    std::vector<std::string> names{option.flag()};
    if (!option.short_flag().empty()) names.push_back(option.short_flag());
    return names;
}

bool takes_host(Command command) {
    return command == Command::doctor || command == Command::wait || command == Command::verify;
}
// Hosts, or a flake's folder.
bool takes_hosts_or_files(Command command) { return command == Command::run || command == Command::plan; }

// Bash cuts words at ':' and before '@', too, and replaces what it hands over as the second argument. What is offered
// is added as it is: compgen -W would run what stands in it.
constexpr std::string_view hosts_in_bash = R"bash(_cachefill_hosts() {
    local line=${COMP_LINE-} whole=$1 cut host
    line=${line:0:${COMP_POINT:-0}}
    line=${line##*[[:space:]]}
    [[ -n $line && $line == *"$1" ]] && whole=$line
    cut=${whole%"$1"}
    while IFS= read -r host; do
        COMPREPLY+=("${host#"$cut"}")
    done < <(cachefill help --completion-hosts "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$whole" 2> /dev/null)
}
)bash";

std::string bash() {
    std::string text = "# bash completion for cachefill\n" + std::string(hosts_in_bash) +
                       "_cachefill() {\n"
                       "    local current=${COMP_WORDS[COMP_CWORD]} previous= command=${COMP_WORDS[1]-}\n"
                       "    ((COMP_CWORD > 0)) && previous=${COMP_WORDS[COMP_CWORD - 1]}\n    COMPREPLY=()\n";
    std::vector<std::string> names{"help"};
    for (auto command : command_list()) names.emplace_back(to_string(command));
    text += "    if ((COMP_CWORD == 1)); then\n        mapfile -t COMPREPLY < <(compgen -W '" + join(names, " ") +
            " --help --version' -- \"$current\")\n        return\n    fi\n    case $previous in\n";
    std::vector<std::string> files{"--config"}, hosts, words;
    for (const auto& option : option_table()) {
        if (auto choices = choices_of(option); !choices.empty())
            text += "        " + option.flag() + ")\n            mapfile -t COMPREPLY < <(compgen -W '" +
                    join(choices, " ") + "' -- \"$current\")\n            return\n            ;;\n";
        else if (takes(option) != Takes::nothing)
            for (const auto& flag : names_of(option))
                (takes(option) == Takes::files ? files : takes(option) == Takes::hosts ? hosts : words).push_back(flag);
    }
    text += "        " + join(hosts, " | ") +
            ")\n            _cachefill_hosts \"${2-$current}\"\n            return\n            ;;\n";
    text += "        " + join(files, " | ") +
            ")\n            mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
            "            return\n            ;;\n        " +
            join(words, " | ") + ") return ;;\n    esac\n";
    text += "    local flags='--help --config'\n    case $command in\n";
    std::vector<std::string> only_hosts, also_hosts;
    for (auto command : command_list()) {
        std::vector<std::string> flags;
        for (const auto* option : options_of(command)) {
            for (auto& flag : names_of(*option)) flags.push_back(std::move(flag));
            if (option->type == OptionType::toggle) flags.push_back("--no-" + option->flag().substr(2));
        }
        text += "        " + std::string(to_string(command)) + ") flags+=' " + join(flags, " ") + "' ;;\n";
        if (takes_host(command)) only_hosts.emplace_back(to_string(command));
        if (takes_hosts_or_files(command)) also_hosts.emplace_back(to_string(command));
    }
    text += "        help)\n            mapfile -t COMPREPLY < <(compgen -W '" + join(names, " ") +
            "' -- \"$current\")\n            return\n            ;;\n    esac\n    if [[ $current == -* ]]; then\n"
            "        mapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$current\")\n        return\n    fi\n"
            "    case $command in\n        " +
            join(only_hosts, " | ") +
            ") ;;\n        *) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n    esac\n" +
            "    case $command in " + join(only_hosts, " | ") + " | " + join(also_hosts, " | ") +
            ") _cachefill_hosts \"${2-$current}\" ;; esac\n}\n"
            "complete -o filenames -F _cachefill cachefill\n";
    return text;
}

std::string zsh_text(const std::string& text) {
    auto escaped = replace_all(replace_all(text, "'", "'\\''"), ":", "\\:");
    return replace_all(replace_all(escaped, "[", "\\["), "]", "\\]");
}

constexpr std::string_view hosts_in_zsh = R"zsh(_cachefill_hosts() {
    local -a hosts
    hosts=(${(f)"$(cachefill help --completion-hosts "${(@)words[1,CURRENT-1]}" "$PREFIX" 2> /dev/null)"})
    compadd -a hosts
}
_cachefill_hosts_or_files() {
    _cachefill_hosts
    _files
}
)zsh";

std::string zsh() {
    std::string text = "#compdef cachefill\n" + std::string(hosts_in_zsh) +
                       "_cachefill() {\n    local context state state_descr line\n"
                       "    typeset -A opt_args\n    _arguments -C '1: :->command' '*:: :->arguments'\n"
                       "    case $state in\n    command)\n        local -a commands=(\n";
    for (auto command : command_list())
        text += "            '" + std::string(to_string(command)) + ":" + zsh_text(summary_of(command)) + "'\n";
    text += "            'help:explain a command'\n        )\n        _describe command commands\n        ;;\n"
            "    arguments)\n        case $words[1] in\n";
    for (auto command : command_list()) {
        text += "        " + std::string(to_string(command)) +
                ")\n            _arguments '--help[explain this command]' "
                "'--config[another cachefill.yml]:file:_files'";
        for (const auto* option : options_of(command)) {
            std::string value;
            if (auto choices = choices_of(*option); !choices.empty())
                value = ":" + zsh_text(option->placeholder) + ":(" + join(choices, " ") + ")";
            else if (takes(*option) != Takes::nothing)
                value = ":" + zsh_text(option->placeholder) + ":" +
                        (takes(*option) == Takes::files   ? "_files"
                         : takes(*option) == Takes::hosts ? "_cachefill_hosts"
                                                          : " ");
            // With an asterisk: may be given again.
            std::string again(option->type == OptionType::list ? "*" : "");
            for (const auto& flag : names_of(*option))
                text += " \\\n                '" + again + flag + "[" + zsh_text(option->help) + "]" + value + "'";
            if (option->type == OptionType::toggle)
                text += " \\\n                '--no-" + option->flag().substr(2) + "'";
        }
        text += std::string(" \\\n                '*:argument:") +
                (takes_host(command)             ? "_cachefill_hosts"
                 : takes_hosts_or_files(command) ? "_cachefill_hosts_or_files"
                                                 : "_files") +
                "'\n            ;;\n";
    }
    text += "        help) _values command";
    for (auto command : command_list()) text += " " + std::string(to_string(command));
    return text + " ;;\n        esac\n        ;;\n    esac\n}\nif [ \"$funcstack[1]\" = _cachefill ]; then\n    "
                  "_cachefill \"$@\"\n"
                  "else\n    compdef _cachefill cachefill\nfi\n";
}

std::string fish_text(const std::string& text) {
    return "'" + replace_all(replace_all(text, "\\", "\\\\"), "'", "\\'") + "'";
}

std::string fish() {
    std::string text =
        "# fish completion for cachefill\n"
        "function __cachefill_hosts\n"
        "    cachefill help --completion-hosts (commandline -opc)[2..-1] (commandline -ct) 2> /dev/null\n"
        "end\n";
    for (auto command : command_list())
        text += "complete -c cachefill -f -n __fish_use_subcommand -a " + std::string(to_string(command)) + " -d " +
                fish_text(summary_of(command)) + "\n";
    text += "complete -c cachefill -f -n __fish_use_subcommand -a help -d 'explain a command'\n";
    for (auto command : command_list()) {
        auto start = "complete -c cachefill -n '__fish_seen_subcommand_from " + std::string(to_string(command)) + "'";
        for (const auto* option : options_of(command)) {
            text += start;
            if (!option->short_flag().empty()) text += " -s " + option->short_flag().substr(1);
            text += " -l " + option->flag().substr(2);
            if (auto choices = choices_of(*option); !choices.empty())
                text += " -x -a " + fish_text(join(choices, " "));
            else if (takes(*option) != Takes::nothing)
                text += takes(*option) == Takes::files   ? " -r"
                        : takes(*option) == Takes::hosts ? " -x -a '(__cachefill_hosts)'"
                                                         : " -x";
            text += " -d " + fish_text(option->help) + "\n";
            if (option->type == OptionType::toggle) text += start + " -l no-" + option->flag().substr(2) + "\n";
        }
        if (takes_host(command)) text += start + " -f -a '(__cachefill_hosts)'\n";
        if (takes_hosts_or_files(command)) text += start + " -a '(__cachefill_hosts)'\n";
        text += start + " -l config -r -d 'another cachefill.yml'\n" + start + " -l help -d 'explain this command'\n";
    }
    return text;
}

} // namespace

std::vector<std::string> choices_of(const Option& option) {
    if (option.type != OptionType::value) return {};
    Settings unused;
    auto refused = option.apply(unused, {"\x01"});
    constexpr std::string_view before = "expected one of ";
    if (refused) return {};
    const auto& cause = refused.error().cause();
    auto at = cause.find(before);
    if (at == std::string::npos) return {};
    std::vector<std::string> choices;
    for (auto word : split_words(std::string_view(cause).substr(at + before.size()))) {
        if (word.ends_with(",")) word.remove_suffix(1);
        choices.emplace_back(word);
    }
    return choices;
}

std::optional<std::string> completion(std::string_view shell) {
    if (shell == "bash") return bash();
    if (shell == "zsh") return zsh();
    if (shell == "fish") return fish();
    return {};
}

} // namespace cachefill::options
