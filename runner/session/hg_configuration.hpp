#pragma once

#include "base/environment.hpp"

#include <string>

namespace cachefill::session {

// Why what Mercurial fetches may be private: the user's or the machine's configuration of it has logins ([auth]), or
// says something that is not looked into (%include, an extension, HGRCPATH). Empty: nothing says so.
std::string why_hg_is_private(const Environment& environment);

} // namespace cachefill::session
