#pragma once

#include "base/failure.hpp"
#include "base/secret.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cachefill::http {

// The logins that a client has sent, so that they can be blotted out of what comes back: servers, and proxies before
// them, repeat what they refuse, in the body, in a Location, and in what they serve as a file.
class Blotter {
  public:
    // The value of an Authorization field, or of a Cookie. Too short to be secret: not taken.
    void learn(std::string_view value);
    // An address that is a login in itself, as one with a signature in its query or a token in its path: all of it
    // behind the host, each part of the path and each value of the query. What is too short to be secret is not taken.
    void learn_address(std::string_view url);

    // With "***" for each of them, whether it stands there as it is, percent-encoded, in base 64 or in JSON.
    std::string clean(std::string_view text) const;
    // Also where the end of the text cuts one off.
    std::string clean_cut(std::string_view text) const;
    Failure clean(const Failure& failure) const;

  private:
    void add(std::string_view secret);
    void add_form(std::string form);

    std::vector<Secret> known_; // values of fields
    std::vector<Secret> forms_; // in lower case, the longest first
};

} // namespace cachefill::http
