#include "nix/aterm.hpp"

#include "base/text.hpp"

namespace cachefill::nix {

bool ATermReader::fail(std::string why) {
    failure_ =
        Failure(FailureKind::protocol, "bad derivation, byte " + std::to_string(position_) + ": " + std::move(why));
    return false;
}

bool ATermReader::fail_expected(std::string_view token) {
    auto found = position_ >= text_.size() ? "it ends" : "there is '" + sanitize(text_.substr(position_, 12)) + "'";
    return fail("expected '" + std::string(token) + "', but " + found);
}

bool ATermReader::expect_end() {
    if (position_ == text_.size()) return true;
    return fail(counted(text_.size() - position_, "byte") + " after its end");
}

bool ATermReader::string(std::string_view& value) {
    if (!next_is('"')) return fail_expected("\"");
    auto start = position_ + 1;
    auto quote = text_.find('"', start);
    if (quote == text_.npos) return fail("a string does not end");
    auto whole = text_.substr(start, quote - start);
    auto escape = whole.find('\\');
    if (escape != whole.npos) return unescape(start + escape, value);
    value = whole;
    position_ = quote + 1;
    return true;
}

bool ATermReader::unescape(std::size_t first_escape, std::string_view& value) {
    unescaped_.assign(text_, position_ + 1, first_escape - position_ - 1);
    auto at = first_escape;
    for (;;) {
        auto next = text_.find_first_of("\"\\", at);
        if (next == text_.npos || (text_[next] == '\\' && next + 1 == text_.size()))
            return fail("a string does not end");
        unescaped_.append(text_, at, next - at);
        if (text_[next] == '"') {
            value = unescaped_;
            position_ = next + 1;
            return true;
        }
        switch (char c = text_[next + 1]) {
        case 'n':
            unescaped_ += '\n';
            break;
        case 'r':
            unescaped_ += '\r';
            break;
        case 't':
            unescaped_ += '\t';
            break;
        default:
            unescaped_ += c;
        }
        at = next + 2;
    }
}

} // namespace cachefill::nix
