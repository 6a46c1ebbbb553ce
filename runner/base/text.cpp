#include "base/text.hpp"

#include "base/url_query.hpp"

#include <algorithm>
#include <limits>

namespace cachefill {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t substituted = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row[b.size()];
}

// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
    unsigned char first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if (!continues(1) || !continues(2)) return 0;
        if (first == 0xE0 && byte(1) < 0xA0) return 0;
        if (first == 0xED && byte(1) > 0x9F) return 0;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (!continues(1) || !continues(2) || !continues(3)) return 0;
        if (first == 0xF0 && byte(1) < 0x90) return 0;
        if (first == 0xF4 && byte(1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

// Where the escape sequence that starts at `text[at]` (an ESC) ends.
std::size_t skip_escape(std::string_view text, std::size_t at) {
    ++at;
    auto is_control = [text](std::size_t place) { return static_cast<unsigned char>(text[place]) < 0x20; };
    if (at >= text.size() || is_control(at)) return at; // a line ends, or another sequence begins
    if (text[at] == '[') {                              // CSI: parameters, then one final byte
        for (++at; at < text.size() && !is_control(at); ++at)
            if (text[at] >= 0x40 && text[at] <= 0x7E) return at + 1;
        return at;
    }
    if (text[at] == ']' || text[at] == 'P' || text[at] == '^' || text[at] == '_') { // strings ended by BEL or ESC '\'
        for (++at; at < text.size(); ++at) {
            if (text[at] == '\a') return at + 1;
            if (text[at] == '\x1b' && at + 1 < text.size() && text[at + 1] == '\\') return at + 2;
            if (text[at] == '\n') return at; // never let one broken sequence eat a whole log
        }
        return at;
    }
    return at + 1;
}

} // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    std::size_t start = 0;
    for (std::size_t end; (end = text.find(separator, start)) != std::string_view::npos; start = end + 1)
        parts.push_back(text.substr(start, end - start));
    parts.push_back(text.substr(start));
    return parts;
}

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < text.size();) {
        while (i < text.size() && is_blank(text[i])) ++i;
        std::size_t start = i;
        while (i < text.size() && !is_blank(text[i])) ++i;
        if (i > start) words.push_back(text.substr(start, i - start));
    }
    return words;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    std::string joined;
    for (const auto& part : parts) {
        if (&part != parts.data()) joined += separator;
        joined += part;
    }
    return joined;
}

std::string to_lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

bool iequals(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::uint64_t> parse_u64(std::string_view text) {
    if (text.empty()) return {};
    std::uint64_t value = 0;
    for (char c : text) {
        if (!is_digit(c)) return {};
        auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return {};
        value = value * 10 + digit;
    }
    return value;
}

bool glob_match(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') { // before the literal case: a text may contain '*'
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p, ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::optional<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates) {
    const std::string* best = nullptr;
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 2) + 1;
    for (const auto& candidate : candidates) {
        auto distance = edit_distance(word, candidate);
        bool prefix = word.size() >= 3 && candidate.starts_with(word);
        if (prefix) distance = std::min<std::size_t>(distance, 1);
        if (distance < best_distance && distance < std::max(word.size(), candidate.size())) {
            best_distance = distance;
            best = &candidate;
        }
    }
    if (!best) return {};
    return *best;
}

std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural) {
    std::string text = std::to_string(count) + " ";
    if (count == 1)
        text += noun;
    else if (!plural.empty())
        text += plural;
    else
        text += std::string(noun) + "s";
    return text;
}

namespace {

// One character of UTF-8: C1 controls (U+0080 to U+009F) steer terminals as well as ESC does, and
// the marks, embeddings, overrides and isolates of writing directions show text in another order than it is.
bool steers_text(std::string_view character) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
    if (character.size() == 2) return (byte(0) == 0xC2 && byte(1) < 0xA0) || character == "\u061C";
    if (character.size() != 3 || byte(0) != 0xE2) return false;
    if (byte(1) == 0x81) return byte(2) >= 0xA6 && byte(2) <= 0xA9;   // U+2066 to U+2069
    return byte(1) == 0x80 && (byte(2) == 0x8E || byte(2) == 0x8F ||  // U+200E, U+200F
                               (byte(2) >= 0xAA && byte(2) <= 0xAE)); // U+202A to U+202E
}

} // namespace

std::string sanitize(std::string_view foreign) {
    std::string clean;
    clean.reserve(foreign.size());
    std::size_t line_start = 0;
    for (std::size_t i = 0; i < foreign.size();) {
        char c = foreign[i];
        if (c == '\x1b') {
            i = skip_escape(foreign, i);
        } else if (c == '\r') {
            // A terminal's driver makes "\r\r\n" of "\r\n": only what comes behind them all writes over the line.
            i = std::min(foreign.find_first_not_of('\r', i), foreign.size());
            bool line_ends_here = i == foreign.size() || foreign[i] == '\n';
            if (!line_ends_here) clean.resize(line_start);
        } else if (c == '\n') {
            clean += c;
            line_start = clean.size();
            ++i;
        } else if (c == '\t') {
            clean += c;
            ++i;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            ++i;
        } else if (auto length = utf8_length(foreign.substr(i)); length > 0) {
            auto character = foreign.substr(i, length);
            if (!steers_text(character)) clean.append(character);
            i += length;
        } else {
            clean += "\xEF\xBF\xBD";
            ++i;
        }
    }
    return clean;
}

std::string ellipsize(std::string_view text, std::size_t width) {
    std::vector<std::size_t> starts; // byte offsets of characters
    for (std::size_t i = 0; i < text.size();) {
        starts.push_back(i);
        auto length = utf8_length(text.substr(i));
        i += length ? length : 1;
    }
    if (starts.size() <= width) return std::string(text);
    if (width == 0) return {};
    std::size_t head = width / 2, tail = width - 1 - head;
    std::string result(text.substr(0, starts[head]));
    result += "…";
    if (tail > 0) result += text.substr(starts[starts.size() - tail]);
    return result;
}

namespace {

// "path:/home/kim@desk/nix", "home:kim@desk", "/srv/a:b@c": what may have an '@' in it, and no login.
bool begins_without_login(std::string_view text) {
    if (text.starts_with('/') || text.starts_with('.')) return true;
    constexpr std::string_view schemes[] = {"path",      "file",     "flake", "github", "gitlab",
                                            "sourcehut", "git+file", "nixos", "darwin", "home"};
    auto scheme = text.substr(0, text.find(':'));
    return std::find(std::begin(schemes), std::end(schemes), scheme) != std::end(schemes);
}

} // namespace

std::string redact_url(std::string_view url) {
    std::string result(url);
    // Neither a server of attic's nor a cache there has an '@' in its name: what stands before one was meant for a
    // login.
    constexpr std::string_view of_attic = "attic://";
    if (auto at = result.rfind('@'); at != result.npos && to_lower(url.substr(0, of_attic.size())) == of_attic)
        result.replace(of_attic.size(), at + 1 - of_attic.size(), "");
    // Who encodes a whole login, its '@' too, meant one all the same.
    auto begin = result.find("://") == result.npos ? 0 : result.find("://") + 3;
    if (auto at = result.find("%40", begin); at < result.find_first_of("/?#@", begin) && result.find(':', begin) < at)
        result.replace(at, 3, "@");
    if (auto scheme = result.find("://"); scheme != std::string::npos) {
        auto authority = scheme + 3;
        // "https:///kim:password@host" has a '/' too many; in "file:///a:b@c" it is the path's.
        auto first = std::min(result.find_first_not_of('/', authority), result.size());
        auto login = std::string_view(result).substr(first, result.find_first_of("/?#", first) - first);
        bool is_path = std::string_view(result).substr(0, scheme).ends_with("file");
        if (!is_path && login.find(':') < login.find('@')) authority = first;
        auto end = result.find_first_of("/?#", authority);
        auto at = result.rfind('@', end == std::string::npos ? result.size() : end);
        if (at == std::string::npos || at < authority) {
            // What stands where a port does may be the beginning of a password with a '/', '?' or '#' in it: is, if it
            // is no number, and else as far as no parameter's value begins.
            auto host = std::string_view(result).substr(authority, end == std::string::npos ? end : end - authority);
            auto colon = host.starts_with('[') ? host.npos : host.rfind(':');
            bool is_cut = colon != host.npos && host.find_first_not_of("0123456789", colon + 1) != host.npos;
            if (colon != host.npos) at = result.rfind('@', is_cut ? std::string::npos : result.find('=', authority));
            // Of a list that was split inside of a password this is the first piece.
            // (A port may be followed by what ends a sentence or a quotation.)
            auto port_end = colon == host.npos ? host.npos : host.find_first_not_of("0123456789", colon + 1);
            bool is_port = port_end != colon + 1 && host.find_first_not_of("'\"`)]}>.,;!?", port_end) == host.npos;
            bool is_piece = is_cut && !is_port && at == result.npos && colon + 1 < host.size() &&
                            host.find_first_of(" \t\n:", colon + 1) == host.npos;
            if (is_piece) result.replace(authority + colon + 1, result.npos, "…");
        }
        if (at != std::string::npos && at >= authority) result.erase(authority, at + 1 - authority);
        // One in another's path, as a proxy takes it: "https://proxy/https://kim:password@host".
        auto inner = result.find("://", authority);
        if (inner < result.find_first_of("?#")) {
            while (result[inner - 1] != '/') --inner;
            result.replace(inner, result.npos, redact_url(std::string_view(result).substr(inner)));
        }
        if (auto fragment = result.find('#'); fragment != std::string::npos)
            result.replace(fragment + 1, result.npos, "…");
    } else if (auto colon = result.find(':'), at = result.rfind('@');
               at != std::string::npos && colon < at && !begins_without_login(result)) {
        result.erase(0, at + 1); // meant for one: "kim:password@host", "https:/kim:password@host"
    } else if (colon == std::string::npos && at != std::string::npos &&
               looks_like_token(std::string_view(result).substr(0, at))) {
        result.erase(0, at + 1); // "TOKEN@host", as against "kim@desk"
    }
    auto query = result.find('?');
    if (query == std::string::npos) return result;
    std::string redacted = result.substr(0, query);
    bool is_address = redacted.find("://") != redacted.npos;
    char separator = '?';
    for (auto part : split(std::string_view(result).substr(query + 1), '&')) {
        redacted += separator;
        separator = '&';
        auto equals = part.find('=');
        // "what?" and "nas?" are no addresses.
        bool is_shown = equals != part.npos || part.empty() || (!is_address && !looks_like_token(part));
        redacted += is_shown ? part.substr(0, equals) : std::string_view("…");
        if (equals != std::string_view::npos) redacted += "=…";
    }
    return redacted;
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (char c : text) {
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '.' ||
                          c == '_' || c == '~';
        if (unreserved) {
            encoded += c;
        } else {
            auto byte = static_cast<unsigned char>(c);
            encoded += '%';
            encoded += digits[byte >> 4];
            encoded += digits[byte & 15];
        }
    }
    return encoded;
}

std::string percent_decode(std::string_view text) {
    auto digit = [text](std::size_t at) {
        return at < text.size() ? std::string_view("0123456789abcdef").find(to_lower(text.substr(at, 1)))
                                : std::string_view::npos;
    };
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto high = text[i] == '%' ? digit(i + 1) : text.npos;
        auto low = high != text.npos ? digit(i + 2) : text.npos;
        bool is_encoded = low != text.npos;
        decoded += is_encoded ? static_cast<char>(high * 16 + low) : text[i];
        if (is_encoded) i += 2;
    }
    return decoded;
}

} // namespace cachefill
