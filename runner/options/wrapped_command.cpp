#include "options/wrapped_command.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

namespace cachefill::options {

namespace {

// A program that runs the one that follows its options. An option that takes a value is told by its letter or name; a
// value behind `=`, or in the same word as the letter, is no word of its own.
struct Wrapper {
    std::string_view name;
    std::string_view letters;     // of options that take a value
    std::string_view names;       // likewise, with blanks between them
    bool takes_variables = false; // NAME=value before the program
    std::size_t words_first = 0;  // arguments of its own before the program
    std::string_view user_option = {}, directory_option = {};
    std::string_view user = {}; // as whom it runs the program unless told otherwise
};

constexpr std::array<Wrapper, 24> wrappers{{
    {"sudo", "CDghpRrTtUu", "user group host prompt chdir chroot role type command-timeout other-user close-from", true,
     0, "u user", "D chdir", "root"},
    {"sudo-rs", "CDghpRrTtUu", "user group chdir", true, 0, "u user", "D chdir", "root"},
    {"doas", "uC", "", false, 0, "u", "", "root"},
    {"run0", "ugD", "user group chdir unit property description slice nice setenv", false, 0, "u user", "D chdir",
     "root"},
    {"pkexec", "", "user", false, 0, "user", "", "root"},
    {"env", "uCS", "unset chdir", true, 0, "", "C chdir", ""},
    {"nice", "n", "adjustment"},
    {"ionice", "cnpPu", "class classdata pid pgid uid"},
    {"chrt", "TPD", "", false, 1},
    {"taskset", "", "", false, 1},
    {"timeout", "ks", "kill-after signal", false, 1},
    {"systemd-inhibit", "", "what who why mode"},
    {"systemd-run", "upEMHCt", "unit property uid gid slice description setenv nice working-directory machine host",
     false, 0, "uid", "working-directory", ""},
    {"time", "fo", "format output"},
    {"stdbuf", "ioe", "input output error"},
    {"caffeinate", "tw", ""},
    {"gnome-session-inhibit", "", "inhibit reason app-id"},
    {"command", "", ""},
    {"exec", "a", ""},
    {"nohup", "", ""},
    {"setsid", "", ""},
    {"unbuffer", "", ""},
    {",", "", ""},
    {"builtin", "", ""},
}};

std::string base_name(const std::string& word) { return std::filesystem::path(word).filename().string(); }

bool is_among(std::string_view name, std::string_view names) {
    auto words = split_words(names);
    return !name.empty() && std::find(words.begin(), words.end(), name) != words.end();
}

bool is_assignment(std::string_view word) {
    auto equals = word.find('=');
    return equals != std::string_view::npos && equals > 0 && word.front() != '-' &&
           word.substr(0, equals).find('/') == std::string_view::npos;
}

class Unwrapping {
  public:
    explicit Unwrapping(std::span<const std::string> words) : words_(words) {}

    WrappedCommand run() {
        while (at_ < words_.size()) {
            auto name = base_name(words_[at_]);
            auto known =
                std::find_if(wrappers.begin(), wrappers.end(), [&](const auto& each) { return each.name == name; });
            if (known != wrappers.end())
                pass(*known);
            else if (name != "nix" || !pass_nix())
                break;
            if (!result_.program.empty()) return std::move(result_);
        }
        if (at_ < words_.size()) result_.program = base_name(words_[at_++]);
        result_.arguments_at = std::min(at_, words_.size());
        return std::move(result_);
    }

  private:
    // Behind the wrapper's options and their end, `--`.
    void pass(const Wrapper& wrapper) {
        ++at_;
        if (!wrapper.user.empty()) result_.user = wrapper.user;
        auto own = wrapper.words_first;
        for (; at_ < words_.size(); ++at_) {
            const auto& word = words_[at_];
            if (word == "--") continue; // nobody's program is called so
            if (word.size() > 1 && word.front() == '-') {
                pass_option(wrapper, word);
            } else if (wrapper.takes_variables && is_assignment(word)) {
                auto equals = word.find('=');
                result_.variables[word.substr(0, equals)] = word.substr(equals + 1);
            } else if (own > 0) {
                --own;
            } else {
                return;
            }
        }
    }

    void pass_option(const Wrapper& wrapper, const std::string& word) {
        std::string name;
        std::optional<std::string> value;
        if (word.starts_with("--")) {
            auto equals = word.find('=');
            name = word.substr(2, equals == word.npos ? word.npos : equals - 2);
            if (equals != word.npos) value = word.substr(equals + 1);
            if (!value && is_among(name, wrapper.names) && at_ + 1 < words_.size()) value = words_[++at_];
        } else {
            // -nH: letters one after the other; the first that takes a value takes the rest, or the next word.
            auto letter = word.find_first_of(wrapper.letters, 1);
            if (wrapper.letters.empty() || letter == word.npos) return;
            name = word.substr(letter, 1);
            value = word.substr(letter + 1);
            if (value->empty() && at_ + 1 < words_.size()) value = words_[++at_];
        }
        if (!value) return;
        if (is_among(name, wrapper.user_option)) result_.user = *value;
        if (is_among(name, wrapper.directory_option)) result_.directory = *value;
    }

    // nix run REFERENCE -- ARGUMENT…, nix shell REFERENCE… -c COMMAND…; false for any other.
    bool pass_nix() {
        auto is_command = [](const std::string& word) { return word == "run" || word == "shell" || word == "develop"; };
        auto command = std::find_if(words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end(), is_command);
        if (command == words_.end()) return false;
        auto next = static_cast<std::size_t>(command - words_.begin()) + 1;
        if (*command != "run") {
            while (next < words_.size() && words_[next] != "-c" && words_[next] != "--command") ++next;
            at_ = std::min(next + 1, words_.size());
            return true;
        }
        std::string reference;
        for (; next < words_.size() && words_[next] != "--"; ++next) {
            const auto& word = words_[next];
            if (word == "--option" || word == "--override-input") ++next;
            if (word == "--option" || word == "--override-input" || word == "-I" || word == "--inputs-from" ||
                word.ends_with("experimental-features"))
                ++next;
            else if (!word.starts_with("-") && reference.empty())
                reference = word;
        }
        result_.program = program_of(reference);
        result_.arguments_at = std::min(next + 1, words_.size());
        return true;
    }

    // Of "nixpkgs#nh", "home-manager/master", "github:LnL7/nix-darwin".
    static std::string program_of(const std::string& reference) {
        if (auto mark = reference.find('#'); mark != reference.npos) {
            auto name = reference.substr(mark + 1);
            return name.substr(name.rfind('.') + 1);
        }
        auto path = reference.substr(0, reference.find('?'));
        std::replace(path.begin(), path.end(), ':', '/');
        for (auto part : split(path, '/')) {
            if (part == "nix-darwin") return "darwin-rebuild";
            if (part == "home-manager" || part == "nh") return std::string(part);
        }
        return "nix run";
    }

    std::span<const std::string> words_;
    std::size_t at_ = 0;
    WrappedCommand result_;
};

} // namespace

WrappedCommand unwrap(std::span<const std::string> words) { return Unwrapping(words).run(); }

} // namespace cachefill::options
