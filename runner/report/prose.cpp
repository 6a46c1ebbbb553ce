#include "report/prose.hpp"

#include "base/text.hpp"
#include "report/columns.hpp"

#include <algorithm>
#include <array>

namespace cachefill::report {

namespace {

constexpr std::size_t narrowest = 30; // where nothing can be read in any way

// Columns without the colours, which are of our own making.
std::size_t shown_columns(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b')
            i = std::min(text.find('m', i), text.size());
        else
            plain += text[i];
    }
    return columns(plain);
}

std::string_view without_color(std::string_view word) {
    if (word.starts_with('\x1b')) word.remove_prefix(std::min(word.find('m') + 1, word.size()));
    return word.substr(0, word.find('\x1b'));
}

bool begins_prose(std::string_view word) {
    static constexpr std::array<std::string_view, 13> leads{
        "error:", "warning:", "notice:", "note:",    "info:", "hint:", "cause:",
        "while:", "do:",      "reason:", "waiting:", "next:", "then:"};
    return std::find(leads.begin(), leads.end(), without_color(word)) != leads.end();
}

bool begins_command(std::string_view word) {
    static constexpr std::array<std::string_view, 13> programs{"cachefill",
                                                               "nix",
                                                               "git",
                                                               "cd",
                                                               "sudo",
                                                               "nh",
                                                               "nixos-rebuild",
                                                               "home-manager",
                                                               "darwin-rebuild",
                                                               "gh",
                                                               "rm",
                                                               "systemctl",
                                                               "nix-collect-garbage"};
    return std::find(programs.begin(), programs.end(), word) != programs.end() || word.ends_with("/cachefill");
}

bool ends_command(std::string_view word) { return word.ends_with(',') || word.ends_with(';'); }

// Pieces between which a line may be broken.
std::vector<std::string> pieces_of(std::string_view line) {
    std::vector<std::string> pieces;
    bool is_quoted = false, is_command = false, may_begin_command = false;
    for (auto word : split_words(line)) {
        if (is_command && word.starts_with('(')) is_command = false;
        bool begins = may_begin_command && begins_command(word);
        if ((is_quoted || is_command) && !pieces.empty())
            pieces.back() += " " + std::string(word);
        else
            pieces.emplace_back(word);
        is_command = (is_command || begins) && !ends_command(word);
        // An apostrophe within a word is none; a quote opens at the beginning of one.
        auto quote = word.find('\'');
        if (!is_quoted && (quote == 0 || (quote == 1 && word[0] == '(')))
            is_quoted = word.find('\'', quote + 1) == std::string_view::npos;
        else if (is_quoted)
            is_quoted = quote == std::string_view::npos;
        auto plain = without_color(word);
        may_begin_command = plain == "hint:" || plain == "do:" || plain == "next:" || plain == "then:";
    }
    return pieces;
}

std::string wrap_line(const std::string& line, std::size_t width) {
    auto pieces = pieces_of(line);
    auto start = line.find_first_not_of(' ');
    auto second = line.find_first_not_of(' ', std::min(line.find(' ', start), line.size()));
    if (pieces.size() < 2 || second == line.npos) return line;
    auto text = line.substr(0, second);
    const auto hang = shown_columns(text);
    auto at = hang;
    for (std::size_t i = 1; i < pieces.size(); ++i) {
        auto taken = shown_columns(pieces[i]);
        if (i > 1 && at + 1 + taken > width) {
            text += "\n" + std::string(hang, ' ');
            at = hang;
        } else if (i > 1) {
            text += ' ';
            ++at;
        }
        text += pieces[i];
        at += taken;
    }
    return text;
}

} // namespace

std::string wrap_prose(const std::string& text, std::size_t width) {
    if (width < narrowest) return text;
    std::string wrapped;
    bool is_first = true;
    for (auto line : split(text, '\n')) {
        wrapped += is_first ? "" : "\n";
        is_first = false;
        auto words = std::string(line);
        auto start = words.find_first_not_of(' ');
        auto first = start == words.npos ? std::string() : words.substr(start, words.find(' ', start) - start);
        wrapped += begins_prose(first) && shown_columns(words) > width ? wrap_line(words, width) : words;
    }
    return wrapped;
}

} // namespace cachefill::report
