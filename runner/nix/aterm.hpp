#pragma once

#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::nix {

// The part of ATerm that .drv files use: tokens, strings and lists, in one pass over the text, which must stay valid.
// Methods return false when the text is not as expected; take_failure() then says what and where. Not Result, because
// thousands of files with hundreds of tokens each are read in a row.
class ATermReader {
  public:
    explicit ATermReader(std::string_view text) : text_(text) {}

    bool next_is(char c) const { return position_ < text_.size() && text_[position_] == c; }
    bool next_is(std::string_view token) const { return text_.substr(position_).starts_with(token); }
    bool expect(std::string_view token) {
        if (!next_is(token)) return fail_expected(token);
        position_ += token.size();
        return true;
    }
    bool expect_end();

    // A string without its quotes and escapes. The view is into the text, or valid until the next string is read.
    bool string(std::string_view& value);
    bool string(std::string& value) {
        std::string_view view;
        if (!string(view)) return false;
        value = view;
        return true;
    }

    // "[" item "," item "]": calls `item` for each.
    template <class Item> bool list(Item item) {
        if (!expect("[")) return false;
        if (next_is(']')) return expect("]");
        for (;;) {
            if (!item()) return false;
            if (next_is(']')) return expect("]");
            if (!expect(",")) return false;
        }
    }

    // Notes a failure at the place reached; always false.
    bool fail(std::string why);
    Failure take_failure() { return *std::move(failure_); }

  private:
    bool fail_expected(std::string_view token);
    bool unescape(std::size_t first_escape, std::string_view& value);

    std::string_view text_;
    std::size_t position_ = 0;
    std::string unescaped_;
    std::optional<Failure> failure_;
};

} // namespace cachefill::nix
