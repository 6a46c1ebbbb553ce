#pragma once

#include "github/commands.hpp"
#include "report/display.hpp"

#include <memory>
#include <string>

namespace cachefill::report {

// A run told to GitHub's log: a group for each stage with milestones in it, an annotation for each target that does not
// evaluate (at its place in the flake) and each derivation that does not build, within what the platform keeps. No text
// from outside can act as a command: it is made harmless line by line, and blocks of it stand where commands are off.
class GithubLog : public Display {
  public:
    virtual void annotate(github::Annotation annotation) = 0;
    // Ends the groups, says what annotations were held back, and prints the closing text, which stays the last thing.
    virtual void conclude(const std::string& text) = 0;
};

std::unique_ptr<GithubLog> make_github_log(const DisplaySettings& settings);

} // namespace cachefill::report
