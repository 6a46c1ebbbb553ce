#include "http/netrc.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"

#include <algorithm>
#include <iterator>
#include <unistd.h>

namespace cachefill::http {

namespace {

constexpr std::uint64_t largest_file = 1 << 20;
constexpr std::size_t most_remarks = 20;

constexpr std::string_view blanks = " \t\r\n";

} // namespace

// Takes a text apart, word by word, and knows in which line it is.
class NetrcReader {
  public:
    explicit NetrcReader(std::string_view text) : text_(text) {}

    Netrc read() {
        while (auto word = next_word()) {
            auto keyword = to_lower(*word);
            if (keyword == "machine")
                begin_entry();
            else if (keyword == "default")
                netrc_.entries_.emplace_back();
            else if (keyword == "macdef")
                skip_macro();
            else if (keyword == "login" || keyword == "password" || keyword == "account")
                set(keyword);
            else
                remark("a word that belongs to nothing");
        }
        return std::move(netrc_);
    }

  private:
    // Empty at the end of the text, and where a quoted word does not end.
    std::optional<std::string> next_word() {
        if (netrc_.is_broken_) return {};
        for (;;) {
            skip(text_.find_first_not_of(blanks));
            if (!text_.starts_with('#')) break;
            skip(text_.find('\n'));
        }
        word_line_ = line_;
        if (text_.empty()) return {};
        if (text_.front() == '"') return quoted_word();
        std::string word(text_.substr(0, text_.find_first_of(blanks)));
        skip(word.size());
        return word;
    }

    std::optional<std::string> quoted_word() {
        std::string word;
        for (std::size_t i = 1; i < text_.size() && text_[i] != '\n'; ++i) {
            if (text_[i] == '"') {
                skip(i + 1);
                return word;
            }
            if (text_[i] == '\\' && i + 1 < text_.size()) {
                auto escaped = text_[++i];
                word += escaped == 'n' ? '\n' : escaped == 'r' ? '\r' : escaped == 't' ? '\t' : escaped;
            } else {
                word += text_[i];
            }
        }
        remark("a quoted word that does not end");
        netrc_.is_broken_ = true; // what is a word and what is not can no longer be told
        return {};
    }

    void begin_entry() {
        auto host = next_word().value_or("");
        if (host.empty()) remark("a machine without a name");
        netrc_.entries_.emplace_back().host = to_lower(host); // no URL has an empty one
    }

    void set(std::string_view keyword) {
        auto value = next_word();
        if (!value) return remark("no value for " + std::string(keyword));
        if (netrc_.entries_.empty()) return remark(std::string(keyword) + " before any machine");
        auto& entry = netrc_.entries_.back();
        if (keyword == "login") entry.login = std::move(*value);
        if (keyword == "password") entry.password = Secret(std::move(*value));
    }

    // Its body ends at an empty line; it is for ftp only.
    void skip_macro() {
        auto end = text_.find("\n\n");
        auto end_with_returns = text_.find("\n\r\n");
        skip(std::min(end, end_with_returns));
    }

    void skip(std::size_t count) {
        count = std::min(count, text_.size());
        line_ += static_cast<std::size_t>(
            std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(count), '\n'));
        text_.remove_prefix(count);
    }

    void remark(const std::string& what) {
        if (netrc_.is_broken_ || netrc_.remarks_.size() == most_remarks) return;
        netrc_.remarks_.push_back("line " + std::to_string(word_line_) + " has " + what);
    }

    std::string_view text_;
    std::size_t line_ = 1;
    std::size_t word_line_ = 1; // where the last word began
    Netrc netrc_;
};

Netrc Netrc::parse(std::string_view text) { return NetrcReader(text).read(); }

Result<Netrc> Netrc::read(std::span<const std::filesystem::path> files) {
    Netrc all;
    for (const auto& file : files) {
        std::error_code error;
        if (file.empty() || !std::filesystem::exists(file, error)) continue;
        if (::access(file.c_str(), R_OK) != 0) {
            all.remarks_.push_back(file.string() + ": this user may not read it");
            all.is_unreadable_ = true;
            continue;
        }
        TRY(text, read_file(file, largest_file));
        auto netrc = parse(text);
        Secret wiped(std::move(text));
        for (const auto& remark : netrc.remarks_) all.remarks_.push_back(file.string() + ": " + remark);
        if (netrc.is_broken_ && !all.is_broken_) {
            all.is_broken_ = true;
            all.broken_at_ = all.remarks_.back();
        }
        std::move(netrc.entries_.begin(), netrc.entries_.end(), std::back_inserter(all.entries_));
    }
    return all;
}

Result<std::vector<Secret>> Netrc::find(std::string_view host, Default use_default, std::string_view login) const {
    std::vector<Secret> found;
    auto add = [&](const Entry& entry) {
        bool is_for_login = login.empty() || entry.login.empty() || entry.login == login;
        if (!is_for_login || !entry.password) return;
        auto name = login.empty() ? std::string_view(entry.login) : login;
        Secret pair(std::string(name) + ":" + std::string(entry.password->reveal()));
        auto is_same = [&pair](const Secret& other) { return other.reveal() == pair.reveal(); };
        if (std::none_of(found.begin(), found.end(), is_same)) found.push_back(std::move(pair));
    };
    for (const auto& entry : entries_)
        if (entry.host && iequals(*entry.host, host)) add(entry);
    for (const auto& entry : entries_)
        if (!entry.host && use_default == Default::use) add(entry);
    if (found.empty() && is_broken_)
        return Failure(FailureKind::usage, "a netrc file cannot be read to its end: " + broken_at_)
            .with_hint("mend that line, and what stands below it counts again");
    return found;
}

bool Netrc::names(std::string_view host) const {
    return std::any_of(entries_.begin(), entries_.end(), [host](const Entry& entry) {
        return entry.host && iequals(*entry.host, host) && entry.holds_something();
    });
}

std::vector<Secret> Netrc::all() const {
    std::vector<Secret> logins;
    for (const auto& entry : entries_)
        if (entry.holds_something())
            logins.emplace_back(entry.login + ":" + std::string(entry.password ? entry.password->reveal() : ""));
    return logins;
}

std::string in_base64(const Secret& login) {
    auto text = codec::to_base64(login.reveal());
    while (text.ends_with('=')) text.pop_back();
    return text;
}

} // namespace cachefill::http
