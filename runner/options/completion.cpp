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

enum class Takes { nothing, files, word };
Takes takes(const Option& option) {
    if (option.type == OptionType::toggle || option.type == OptionType::maybe_value) return Takes::nothing;
    return option.placeholder == "FILE" || option.placeholder == "PATH" ? Takes::files : Takes::word;
}

std::vector<std::string> names_of(const Option& option) {
    std::vector<std::string> names{option.flag()};
    if (!option.short_flag().empty()) names.push_back(option.short_flag());
    return names;
}

std::string bash() {
    std::string text = "# bash completion for cachefill\n_cachefill() {\n"
                       "    local current=${COMP_WORDS[COMP_CWORD]} previous= command=${COMP_WORDS[1]-}\n"
                       "    ((COMP_CWORD > 0)) && previous=${COMP_WORDS[COMP_CWORD - 1]}\n    COMPREPLY=()\n";
    std::vector<std::string> names{"help"};
    for (auto command : command_list()) names.emplace_back(to_string(command));
    text += "    if ((COMP_CWORD == 1)); then\n        mapfile -t COMPREPLY < <(compgen -W '" + join(names, " ") +
            " --help --version' -- \"$current\")\n        return\n    fi\n    case $previous in\n";
    std::vector<std::string> files{"--config"}, words;
    for (const auto& option : option_table()) {
        if (auto choices = choices_of(option); !choices.empty())
            text += "        " + option.flag() + ")\n            mapfile -t COMPREPLY < <(compgen -W '" +
                    join(choices, " ") + "' -- \"$current\")\n            return\n            ;;\n";
        else if (takes(option) != Takes::nothing)
            for (const auto& flag : names_of(option)) (takes(option) == Takes::files ? files : words).push_back(flag);
    }
    text += "        " + join(files, " | ") +
            ")\n            mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
            "            return\n            ;;\n        " +
            join(words, " | ") + ") return ;;\n    esac\n";
    text += "    local flags='--help --config'\n    case $command in\n";
    for (auto command : command_list()) {
        std::vector<std::string> flags;
        for (const auto* option : options_of(command)) {
            for (auto& flag : names_of(*option)) flags.push_back(std::move(flag));
            if (option->type == OptionType::toggle) flags.push_back("--no-" + option->flag().substr(2));
        }
        text += "        " + std::string(to_string(command)) + ") flags+=' " + join(flags, " ") + "' ;;\n";
    }
    text += "        help)\n            mapfile -t COMPREPLY < <(compgen -W '" + join(names, " ") +
            "' -- \"$current\")\n            return\n            ;;\n    esac\n    if [[ $current == -* ]]; then\n"
            "        mapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$current\")\n    else\n"
            "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n    fi\n}\n"
            "complete -o filenames -F _cachefill cachefill\n";
    return text;
}

std::string zsh_text(const std::string& text) {
    auto escaped = replace_all(replace_all(text, "'", "'\\''"), ":", "\\:");
    return replace_all(replace_all(escaped, "[", "\\["), "]", "\\]");
}

std::string zsh() {
    std::string text = "#compdef cachefill\n_cachefill() {\n    local context state state_descr line\n"
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
                value = ":" + zsh_text(option->placeholder) + ":" + (takes(*option) == Takes::files ? "_files" : " ");
            // With an asterisk: may be given again.
            std::string again(option->type == OptionType::list ? "*" : "");
            for (const auto& flag : names_of(*option))
                text += " \\\n                '" + again + flag + "[" + zsh_text(option->help) + "]" + value + "'";
            if (option->type == OptionType::toggle)
                text += " \\\n                '--no-" + option->flag().substr(2) + "'";
        }
        text += " \\\n                '*:argument:_files'\n            ;;\n";
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
    std::string text = "# fish completion for cachefill\n";
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
                text += takes(*option) == Takes::files ? " -r" : " -x";
            text += " -d " + fish_text(option->help) + "\n";
            if (option->type == OptionType::toggle) text += start + " -l no-" + option->flag().substr(2) + "\n";
        }
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
