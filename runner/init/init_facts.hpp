#pragma once

#include "init/init_plan.hpp"
#include "session/session.hpp"

namespace cachefill::init {

// Looks at the repository around the flake: branches, remote, workflows, Garnix. A usage failure when `flake` is no
// directory or lies in no git repository.
async::Task<Result<RepositoryFacts>> look_at_repository(const std::string& flake, const Environment& environment);

// Names of all hosts, packages, checks and shells, with one listing; and for each host, with one small evaluation, its
// system and the caches it names. A host whose system cannot be asked gets the usual one of its kind, and why.
async::Task<Result<void>> look_at_flake(session::Session& session, InitFacts& facts);

// The commit the action shall be taken at: the one given, or the one git says the tag stands for.
async::Task<Result<PinnedAction>> pin_action(const std::string& given, const Environment& environment);

} // namespace cachefill::init
