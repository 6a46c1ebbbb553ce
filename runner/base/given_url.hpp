#pragma once

#include "base/secret.hpp"

#include <string>
#include <string_view>

namespace cachefill {

// The address of a cache as somebody gave it: perhaps with a password, and perhaps with one where it is no address at
// all. It is no text: nothing joins, prints, formats or serializes it, so that it gets into no error and no report by
// accident. Whoever asks the cache says reveal(), whoever tells a person says shown().
class GivenUrl {
  public:
    GivenUrl() = default;
    explicit GivenUrl(std::string text) : text_(std::move(text)) {}

    bool empty() const { return text_.empty(); }
    std::string_view reveal() const { return text_.reveal(); }
    // Without logins and values of parameters, harmless to print.
    std::string shown() const;

    friend bool operator==(const GivenUrl& a, const GivenUrl& b) { return a.reveal() == b.reveal(); }

  private:
    Secret text_;
};

} // namespace cachefill
