#include "base/given_url.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"

namespace cachefill {

std::string GivenUrl::shown() const {
    auto text = redact_url(text_.reveal());
    // No name of a cache has an '@', so this is what is left of an address with a login.
    if (auto at = text.rfind('@'); at != text.npos && text.find("://") == text.npos) text.erase(0, at + 1);
    return shown_name(sanitize(text));
}

} // namespace cachefill
