#include "eval/credential_store.hpp"

#include "base/text.hpp"

#include <vector>

namespace cachefill::eval {

namespace {

constexpr std::string_view blanks = " \t\n";

// "$HOME" or "${HOME}" at `at`: how long it is; 0 for every other variable.
std::size_t length_of_home(std::string_view text, std::size_t at) {
    for (std::string_view form : {"${HOME}", "$HOME"}) {
        bool is_longer_name = form.back() != '}' && text.size() > at + form.size() &&
                              std::string_view("/\"' \t\n").find(text[at + form.size()]) == std::string_view::npos;
        if (text.substr(at).starts_with(form) && !is_longer_name) return form.size();
    }
    return 0;
}

// As a shell splits the line; HOME stands as "~". Empty for what a shell would do more with.
std::optional<std::vector<std::string>> words_of(std::string_view line) {
    std::vector<std::string> words;
    bool is_inside = false; // of a word
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        char c = line[i];
        if (!quote && blanks.find(c) != blanks.npos) {
            is_inside = false;
            continue;
        }
        if (!is_inside) words.emplace_back();
        is_inside = true;
        if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? '\0' : c;
        } else if (quote == '\'') {
            words.back() += c;
        } else if (c == '\\' && i + 1 < line.size()) {
            words.back() += line[++i];
        } else if (c == '$') {
            auto length = length_of_home(line, i);
            if (length == 0) return {};
            words.back() += '~';
            i += length - 1;
        } else if (c == '`' || (!quote && std::string_view("|&;<>()*?[]#").find(c) != std::string_view::npos)) {
            return {};
        } else {
            words.back() += c;
        }
    }
    if (quote) return {};
    return words;
}

// "--file X", "--file=X", and what git takes for that: "--fi X".
std::string file_among(const std::vector<std::string>& words, std::size_t begin) {
    std::string file;
    for (auto i = begin; i < words.size(); ++i) {
        std::string_view word = words[i];
        auto name = word.substr(0, word.find('='));
        if (name.size() <= 2 || !std::string_view("--file").starts_with(name)) continue;
        if (name.size() < word.size())
            file = word.substr(name.size() + 1);
        else if (i + 1 < words.size())
            file = words[i + 1];
    }
    return file;
}

} // namespace

std::optional<CredentialStore> credential_store(std::string_view helper) {
    helper = trim(helper);
    bool is_line = helper.starts_with('!');
    if (is_line) helper.remove_prefix(1);
    const CredentialStore unknown{.is_known = false, .file = {}};
    auto words = words_of(helper);
    if (!words) {
        auto first = helper.substr(0, helper.find_first_of(blanks));
        bool is_it = helper.find("credential-store") != helper.npos || (!is_line && first == "store");
        return is_it ? std::optional(unknown) : std::nullopt;
    }
    for (std::size_t i = 0; i < words->size(); ++i) {
        const auto& word = (*words)[i];
        auto name = word.substr(word.rfind('/') == word.npos ? 0 : word.rfind('/') + 1);
        bool is_it =
            name == "git-credential-store" || name == "credential-store" || (!is_line && i == 0 && word == "store");
        if (!is_it) continue;
        auto file = file_among(*words, i + 1);
        // A relative one lies where git stands, and another user's home is not known here.
        bool is_known = file.empty() || file.starts_with('/') || file.starts_with("~/");
        return is_known ? CredentialStore{.is_known = true, .file = std::move(file)} : unknown;
    }
    return {};
}

} // namespace cachefill::eval
