#include "cache/cachix_configuration.hpp"

#include "cache/token_store.hpp"

#include <algorithm>
#include <functional>

namespace cachefill::cache {

namespace {

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

class DhallReader {
  public:
    explicit DhallReader(std::string_view text) : text_(text) {}

    Result<CachixConfiguration> read() {
        CachixConfiguration configuration;
        auto field = [&](const std::string& name) -> Result<void> {
            if (name == "binaryCaches") return read_caches(configuration);
            TRY(value, read_text());
            if (name == "authToken") configuration.token = std::move(value);
            if (name == "hostname") configuration.server = value.reveal();
            return {};
        };
        TRY_VOID(read_record(field));
        skip_blanks();
        if (at_ != text_.size()) return unexpected();
        return configuration;
    }

  private:
    using Field = std::function<Result<void>(const std::string& name)>;

    Failure unexpected() const {
        auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
        return Failure(FailureKind::usage, "line " + std::to_string(line) + " is not as cachix writes it")
            .with_hint("'cachix authtoken --stdin' writes the file anew; 'cachefill login' needs none");
    }

    void skip_blanks() {
        while (at_ < text_.size()) {
            if (text_.substr(at_).starts_with("--"))
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
                ++at_;
            else
                return;
        }
    }

    bool take(char wanted) {
        skip_blanks();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    Result<void> read_record(const Field& field) {
        if (!take('{')) return unexpected();
        take(','); // as in "{ , a = …"
        do {
            skip_blanks();
            auto start = at_;
            while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
            std::string name(text_.substr(start, at_ - start));
            if (name.empty() || !take('=')) return unexpected();
            TRY_VOID(field(name));
        } while (take(','));
        return take('}') ? Result<void>() : unexpected();
    }

    Result<void> read_caches(CachixConfiguration& configuration) {
        if (!take('[')) return unexpected();
        if (take(']')) return skip_type();
        do {
            std::string name;
            Secret key;
            auto field = [&](const std::string& of) -> Result<void> {
                TRY(value, read_text());
                if (of == "name") name = value.reveal();
                if (of == "secretKey") key = std::move(value);
                return {};
            };
            TRY_VOID(read_record(field));
            if (!name.empty() && !key.empty()) configuration.secret_keys.insert_or_assign(name, std::move(key));
        } while (take(','));
        return take(']') ? skip_type() : unexpected();
    }

    // ": List { name : Text, secretKey : Text }", which an empty list needs.
    Result<void> skip_type() {
        if (!take(':')) return {};
        auto end = text_.find('}', at_);
        if (end == text_.npos) return unexpected();
        at_ = end + 1;
        return {};
    }

    Result<Secret> read_text() {
        if (!take('"')) return unexpected();
        std::string value;
        for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            if (text_[at_] == '\n' || text_.substr(at_).starts_with("${")) return unexpected();
            if (text_[at_] == '\\') {
                ++at_;
                // Neither tokens nor keys have any other.
                if (at_ == text_.size() || std::string_view("\"\\$/").find(text_[at_]) == std::string_view::npos)
                    return unexpected();
            }
            value += text_[at_];
        }
        Secret secret(std::move(value));
        if (at_ == text_.size()) return unexpected();
        ++at_;
        return secret;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

Result<CachixConfiguration> parse_cachix_configuration(std::string_view text) { return DhallReader(text).read(); }

std::filesystem::path cachix_configuration_file(const Environment& environment) {
    auto home = configuration_home(environment);
    return home.empty() ? home : home / "cachix/cachix.dhall";
}

} // namespace cachefill::cache
