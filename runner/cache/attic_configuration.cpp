#include "cache/attic_configuration.hpp"

#include "base/text.hpp"
#include "cache/token_store.hpp"

#include <algorithm>
#include <vector>

namespace cachefill::cache {

namespace {

using Key = std::vector<std::string>;

bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

class TomlReader {
  public:
    explicit TomlReader(std::string_view text) : text_(text) {}

    Result<AtticConfiguration> read() {
        Key table;
        for (;;) {
            skip_lines();
            if (is_at_end()) return std::move(configuration_);
            if (next() == '[') {
                TRY(named, read_header());
                table = std::move(named);
            } else {
                TRY_VOID(read_pair(table));
            }
            skip_blanks();
            if (!is_at_end() && next() == '#') skip_comment();
            if (!is_at_end() && next() == '\r') ++at_;
            if (!is_at_end() && next() != '\n') return unexpected();
        }
    }

  private:
    bool is_at_end() const { return at_ >= text_.size(); }
    char next() const { return text_[at_]; }

    Failure unexpected() const {
        auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size()));
        return Failure(FailureKind::usage, "line " + std::to_string(1 + std::count(text_.begin(), end, '\n')) +
                                               " is not as attic writes it")
            .with_hint("'attic login NAME URL TOKEN' writes such a file; 'cachefill login' needs none");
    }

    void skip_blanks() {
        while (!is_at_end() && is_blank(next())) ++at_;
    }
    void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }
    void skip_lines() {
        while (!is_at_end()) {
            if (next() == '#')
                skip_comment();
            else if (is_blank(next()) || next() == '\n' || next() == '\r')
                ++at_;
            else
                return;
        }
    }

    bool take(char wanted) {
        skip_blanks();
        if (is_at_end() || next() != wanted) return false;
        ++at_;
        return true;
    }

    Result<Key> read_header() {
        ++at_;
        if (!is_at_end() && next() == '[') return unexpected(); // a list of tables
        TRY(key, read_key());
        if (!take(']')) return unexpected();
        return key;
    }

    Result<Key> read_key() {
        Key key;
        do {
            skip_blanks();
            if (is_at_end()) return unexpected();
            if (next() == '"' || next() == '\'') {
                TRY(quoted, read_text());
                key.emplace_back(quoted.reveal());
                continue;
            }
            auto start = at_;
            while (!is_at_end() && is_bare(next())) ++at_;
            if (start == at_) return unexpected();
            key.emplace_back(text_.substr(start, at_ - start));
        } while (take('.'));
        return key;
    }

    Result<void> read_pair(Key table) {
        TRY(key, read_key());
        table.insert(table.end(), key.begin(), key.end());
        if (!take('=')) return unexpected();
        skip_blanks();
        if (is_at_end()) return unexpected();
        if (next() == '{') return read_inline_table(table);
        if (next() != '"' && next() != '\'') return skip_value();
        TRY(value, read_text());
        set(table, std::move(value));
        return {};
    }

    Result<void> read_inline_table(const Key& table) {
        if (++depth_ > 8) return unexpected();
        ++at_;
        if (!take('}')) {
            do TRY_VOID(read_pair(table));
            while (take(','));
            if (!take('}')) return unexpected();
        }
        --depth_;
        return {};
    }

    // A number, a date or a truth value.
    Result<void> skip_value() {
        auto start = at_;
        while (!is_at_end() && (is_bare(next()) || next() == '+' || next() == '.' || next() == ':')) ++at_;
        return start == at_ ? Result<void>(unexpected()) : Result<void>();
    }

    Result<Secret> read_text() {
        char quote = next();
        if (text_.substr(at_).starts_with(std::string(3, quote))) return unexpected(); // over several lines
        ++at_;
        std::string value;
        for (; !is_at_end() && next() != quote; ++at_) {
            if (next() == '\n') return unexpected();
            if (next() == '\\' && quote == '"') {
                ++at_;
                // What such texts have needs no other.
                if (is_at_end() || (next() != '"' && next() != '\\')) return unexpected();
            }
            value += next();
        }
        Secret secret(std::move(value));
        if (is_at_end()) return unexpected();
        ++at_;
        return secret;
    }

    void set(const Key& key, Secret value) {
        if (key.size() == 1 && key[0] == "default-server") configuration_.default_server = value.reveal();
        if (key.size() != 3 || key[0] != "servers") return;
        auto& server = configuration_.servers[key[1]];
        if (key[2] == "endpoint") server.endpoint = value.reveal();
        if (key[2] == "token") server.token = std::move(value);
        if (key[2] == "token-file") server.token_file = value.reveal();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
    AtticConfiguration configuration_;
};

} // namespace

Result<AtticConfiguration> parse_attic_configuration(std::string_view text) { return TomlReader(text).read(); }

std::filesystem::path attic_configuration_file(const Environment& environment) {
    auto home = configuration_home(environment);
    return home.empty() ? home : home / "attic/config.toml";
}

} // namespace cachefill::cache
