#include "http/netrc.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <iterator>

namespace cachefill::http {

namespace {

constexpr std::uint64_t largest_file = 1 << 20;

constexpr std::string_view blanks = " \t\r\n";

// A '#' starts a comment where a keyword may stand; passwords may begin with one.
void skip_comments(std::string_view& text) {
    for (;;) {
        text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
        if (!text.starts_with('#')) return;
        text.remove_prefix(std::min(text.find('\n'), text.size()));
    }
}

// Takes the next word off `text`; empty when there is none. Words may be quoted and then escape with a backslash.
std::optional<std::string> next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    if (text.empty()) return {};
    std::string word;
    if (text.front() != '"') {
        auto length = std::min(text.find_first_of(blanks), text.size());
        word = text.substr(0, length);
        text.remove_prefix(length);
        return word;
    }
    std::size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        word += text[i];
    }
    text.remove_prefix(std::min(i + 1, text.size()));
    return word;
}

// A macro's body ends at an empty line; it is for ftp only.
void skip_macro(std::string_view& text) {
    auto end = text.find("\n\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
}

} // namespace

Netrc Netrc::parse(std::string_view text) {
    Netrc netrc;
    Entry* current = nullptr;
    for (;;) {
        skip_comments(text);
        auto word = next_word(text);
        if (!word) break;
        if (*word == "machine" || *word == "default") {
            std::string host;
            if (*word == "machine") host = to_lower(next_word(text).value_or(""));
            if (*word == "machine" && host.empty()) break;
            current = &netrc.entries_.emplace_back();
            current->host = std::move(host);
        } else if (*word == "macdef") {
            skip_macro(text);
        } else if (*word == "login" || *word == "password" || *word == "account") {
            auto value = next_word(text);
            if (!value || !current) continue;
            if (*word == "login") current->login = std::move(*value);
            if (*word == "password") current->password = Secret(std::move(*value));
        }
    }
    return netrc;
}

Result<Netrc> Netrc::read(std::span<const std::filesystem::path> files) {
    Netrc all;
    for (const auto& file : files) {
        std::error_code error;
        if (file.empty() || !std::filesystem::exists(file, error)) continue;
        TRY(text, read_file(file, largest_file));
        auto netrc = parse(text);
        Secret wiped(std::move(text));
        std::move(netrc.entries_.begin(), netrc.entries_.end(), std::back_inserter(all.entries_));
    }
    return all;
}

std::vector<Secret> Netrc::find(std::string_view host, Default use_default) const {
    std::vector<Secret> found;
    auto add = [&found](const Entry& entry) {
        Secret login(entry.login + ":" + std::string(entry.password.reveal()));
        auto is_same = [&login](const Secret& other) { return other.reveal() == login.reveal(); };
        if (std::none_of(found.begin(), found.end(), is_same)) found.push_back(std::move(login));
    };
    for (const auto& entry : entries_)
        if (!entry.host.empty() && iequals(entry.host, host)) add(entry);
    for (const auto& entry : entries_)
        if (entry.host.empty() && use_default == Default::use) add(entry);
    return found;
}

} // namespace cachefill::http
