#include "base/foreign_text.hpp"

#include "base/text.hpp"
#include "base/url_query.hpp"

#include <algorithm>

namespace cachefill {

namespace {

// Where an address ends in a sentence.
constexpr std::string_view around = " \t\n'\"`";
constexpr std::string_view quotes[] = {"«", "»", "“", "”", "‘", "’"};

std::size_t end_of_word(std::string_view text, std::size_t at) {
    auto end = std::min(text.find_first_of(around, at), text.size());
    for (auto quote : quotes) end = std::min(end, text.substr(0, end).find(quote, at));
    return end;
}

std::vector<std::string>& hidden() {
    static std::vector<std::string> secrets;
    return secrets;
}

std::string without_secrets(std::string text) {
    constexpr std::string_view blot = "***";
    for (const auto& secret : hidden())
        for (std::size_t at = 0; (at = text.find(secret, at)) != text.npos; at += blot.size())
            text.replace(at, secret.size(), blot);
    return text;
}

// A word without blanks, perhaps with an address in it, without user, password and what a query says.
std::string clean_word(std::string_view word) {
    constexpr std::string_view mark = "://";
    auto query = std::min(word.find('?'), word.size());
    std::string clean(word.substr(0, query));
    bool is_address = clean.find(mark) != clean.npos;
    for (std::size_t at = 0; (at = clean.find(mark, at)) != std::string::npos;) {
        bool is_attic = to_lower(std::string_view(clean).substr(0, at)).ends_with("attic");
        at += mark.size();
        auto end = std::min(clean.find_first_of(is_attic ? "#" : "/#", at), clean.size());
        auto sign = std::string_view(clean).substr(at, end - at).rfind('@');
        if (sign != std::string::npos) clean.replace(at, sign, "…");
    }
    if (query == word.size()) return clean;
    auto rest = word.substr(query + 1);
    // What ends the sentence, or a parenthesis around the address.
    auto last = rest.find_last_not_of(".,:;!?)]}>");
    auto closing = rest.substr(last == rest.npos ? 0 : last + 1);
    rest.remove_suffix(closing.size());
    // "github:kim/x?token=…" is an address, too; "what?" and "a?b" are none.
    bool has_query = is_address || rest.find('=') != rest.npos;
    return clean + "?" + (has_query ? redact_query(rest) : std::string(rest)) + std::string(closing);
}

} // namespace

void hide_in_foreign_text(std::vector<std::string> secrets) {
    constexpr std::size_t shortest = 8;
    std::erase_if(secrets, [](const std::string& secret) { return secret.size() < shortest; });
    // The longest first: one may be a part of another.
    std::sort(secrets.begin(), secrets.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
    hidden() = std::move(secrets);
}

std::string clean_foreign(std::string_view text) {
    const auto printable = without_secrets(sanitize(text));
    std::string_view rest = printable;
    std::string clean;
    while (!rest.empty()) {
        auto end = end_of_word(rest, 0);
        clean += clean_word(rest.substr(0, end));
        rest.remove_prefix(end);
        auto between = std::min(rest.find_first_not_of(around), rest.size());
        for (auto quote : quotes)
            if (between == 0 && rest.starts_with(quote)) between = quote.size();
        clean += rest.substr(0, between);
        rest.remove_prefix(between);
    }
    return clean;
}

std::string shown_name(std::string_view name) {
    std::string shown;
    for (std::size_t at = 0; at < name.size();) {
        auto end = at + 1;
        while (end < name.size() && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) ++end;
        auto character = name.substr(at, end - at);
        bool ends_line = character == "\n" || character == "\u2028" || character == "\u2029";
        bool is_shown = !ends_line && character != "\t" && sanitize(character) == character;
        shown += is_shown ? character : std::string_view("\uFFFD");
        at = end;
    }
    return shown;
}

} // namespace cachefill
