#pragma once

#include "base/environment.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "event/message.hpp"
#include "github/context.hpp"

#include <memory>
#include <string>
#include <vector>

namespace cachefill::options {
struct Settings;
}

namespace cachefill::app {

// What `cachefill ci` knows before it starts.
struct CiSetup {
    github::Context github;
    Secret token;                        // for GitHub's REST interface; may be empty
    std::vector<event::Message> remarks; // to be said first
    // Where a run of a stranger's code keeps what it learns; goes away with the last copy of this.
    std::shared_ptr<TemporaryDirectory> state;
};

// The event decides what may be pushed: code that a stranger may have written (github/author.hpp), and Dependabot's
// without a token, is read-only, whatever was asked for, and a stranger's is confined beyond that; on every other event
// a Cachix cache without a token is a failure unless `read-only` was given. Also fills in what a step needs: a deadline
// (a step cannot see its job's) and a place for the report.
Result<CiSetup> set_up_ci(options::Settings& settings, const Environment& environment);

// Workflow commands that hide our secrets in the log. To be printed before anything else.
std::string masks_of(const Environment& environment);
// Those that came with the configuration: passwords in the URLs of caches. As soon as it has been read.
std::string masks_of(const options::Settings& settings);

} // namespace cachefill::app
