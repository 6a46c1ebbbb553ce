#include "base/shell.hpp"

#include "base/text.hpp"
#include "base/url_query.hpp"

#include <algorithm>

namespace cachefill {

namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_revealing(std::string_view parameter) {
    return !parameter.ends_with('=') && !is_harmless_parameter(parameter); // an empty value is none
}

} // namespace

std::string shell_word(std::string_view word) {
    // At its start a `~` or `=` is expanded (zsh), and `#` begins a comment.
    auto is_plain = [](char c) {
        return is_alphanumeric(c) || std::string_view("-_./:=@+,%#").find(c) != std::string_view::npos;
    };
    bool starts_plain = !word.empty() && word.front() != '#' && word.front() != '=';
    if (starts_plain && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
    std::string text = "'";
    for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

std::string shell_command(std::span<const std::string> words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + shell_word(word);
    return text;
}

bool holds_secret(std::string_view word) {
    constexpr std::string_view mark = "://";
    auto scheme = word.find(mark);
    if (scheme == std::string_view::npos) { // "kim:password@host", meant for an address
        auto place = word.substr(0, word.find('?'));
        return redact_url(place) != place;
    }
    auto start = scheme + mark.size();
    auto end = std::min(word.find_first_of("/?#", start), word.size());
    auto authority = word.substr(start, end - start);
    // ssh://git@host names an account; with a password, or at a web server, it is one.
    if (auto at = authority.rfind('@'); at != std::string_view::npos) {
        bool is_account =
            word.substr(0, scheme).ends_with("ssh") && authority.substr(0, at).find(':') == std::string_view::npos;
        if (!is_account) return true;
    } else {
        // A password with a '/' in it, or a whole address in the path.
        auto without_parameters = [start](std::string_view text) {
            return text.substr(0, text.find_first_of("?#", std::min(start, text.size())));
        };
        if (without_parameters(redact_url(word)) != without_parameters(word)) return true;
    }
    auto query = word.find('?', end);
    if (query == std::string_view::npos) return false;
    auto parameters = word.substr(query + 1, word.find('#', query) - query - 1);
    auto pieces = split(parameters, '&');
    return std::any_of(pieces.begin(), pieces.end(), is_revealing);
}

} // namespace cachefill
