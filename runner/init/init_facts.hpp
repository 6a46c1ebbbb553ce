#pragma once

#include "init/init_plan.hpp"
#include "session/session.hpp"

namespace cachefill::init {

// Looks at the repository around the flake: branches, remote, workflows that fill a cache already. A usage failure when
// `flake` is no directory or lies in no git repository.
async::Task<Result<RepositoryFacts>> look_at_repository(const std::string& flake, const Environment& environment);

// Names and systems of all hosts, with one listing and one small evaluation for each. A host whose system cannot be
// asked gets the usual one of its kind, and why.
async::Task<Result<std::vector<HostFacts>>> look_at_hosts(session::Session& session);

// The commit the action shall be taken at: the one given, or the one git says the tag stands for.
async::Task<Result<PinnedAction>> pin_action(const std::string& given, const Environment& environment);

} // namespace cachefill::init
