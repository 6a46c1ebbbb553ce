#pragma once

#include "event/message.hpp"
#include "session/session.hpp"

#include <optional>

namespace cachefill::app {

// Lets the later steps of a GitHub job fetch from the cache: adds it to NIX_CONFIG, through the file that the runner
// named in GITHUB_ENV. After a preflight without findings. The message says when it could not be done, and why; none:
// done, or not wanted.
std::optional<event::Message> offer_substituter(const session::Session& session);

} // namespace cachefill::app
