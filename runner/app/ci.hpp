#pragma once

#include "app/settings.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "event/event.hpp"
#include "github/context.hpp"

#include <string>
#include <vector>

namespace cachefill::app {

// What `cachefill ci` knows before it starts.
struct CiSetup {
    github::Context github;
    Secret token;                        // for GitHub's REST interface; may be empty
    std::vector<event::Message> remarks; // to be said first
};

// The event decides what may be pushed: a pull request of a fork, or of Dependabot without a token, is read-only,
// whatever was asked for; on every other event a Cachix cache without a token is a failure unless `read-only` was
// given. Also fills in what a step needs: a deadline (a step cannot see its job's) and a place for the report.
Result<CiSetup> set_up_ci(Settings& settings, const Environment& environment);

// Workflow commands that hide our secrets in the log. To be printed before anything else.
std::string masks_of(const Environment& environment);
// Those that came with the configuration: passwords in the URLs of caches. As soon as it has been read.
std::string masks_of(const Settings& settings);

} // namespace cachefill::app
