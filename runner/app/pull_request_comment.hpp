#pragma once

#include "report/joined.hpp"
#include "session/session.hpp"

#include <string>

namespace cachefill::app {

// Keeps the one comment on each pull request that the event of this step is about. Which those are is GitHub's word
// alone (the event's file and the REST interface), never that of a report: a stranger may have written those. Tells
// what was done, or why nothing was to be done: where the event is about no pull request, where it has a newer commit
// than the one that was reported of, and in the run of a fork's own pull request, whose token may only read.
async::Task<Result<std::string>> comment_on_pull_request(session::Session& session, const report::Joined& joined);

} // namespace cachefill::app
