#pragma once

#include "app/ci.hpp"
#include "fill/run.hpp"
#include "github/sibling_runs.hpp"

#include <functional>
#include <optional>

namespace cachefill::app {

// What a run as a step has to do with the other runs of its workflow, through GitHub's REST interface.
class Siblings {
  public:
    // `remark`: where messages for people go.
    Siblings(session::Session& session, const CiSetup& setup, std::function<void(const event::Message&)> remark);

    // Supersedes `run` once a newer one waits. Runs until cancelled, or until there is nothing to watch for.
    async::Task<void> watch(fill::Run& run);
    // If the deadline ended the run before everything was done, and it got somewhere: starts the workflow again, where
    // that was asked for. Did it?
    async::Task<bool> start_again(const report::RunReport& report);

  private:
    void say(event::Severity severity, std::string text, std::string hint = {});

    session::Session& session_;
    const CiSetup& setup_;
    std::function<void(const event::Message&)> remark_;
    std::optional<github::RestClient> rest_;
    std::optional<github::ActionsApi> api_;
};

} // namespace cachefill::app
