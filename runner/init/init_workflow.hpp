#pragma once

#include "init/init_plan.hpp"

namespace cachefill::init {

// The workflows, made of those that are shipped by putting what was found in the place of what their examples name. An
// internal failure when an example has changed and nobody told these functions.
Result<std::string> fill_build_workflow(std::string_view shipped, const InitFacts& facts, const Answers& answers);
Result<std::string> fill_fleet_workflow(std::string_view shipped, const InitFacts& facts, const Answers& answers);
Result<std::string> fill_update_workflow(std::string_view shipped, const InitFacts& facts, const Answers& answers);

// The steps before the action that make machines of these systems ready, as the repository's own workflows have them; a
// step for one kind of machine says so. Empty if there are none.
std::vector<PreparingStep> preparing_steps(const RepositoryFacts& repository, const std::vector<std::string>& systems);

// Does it fill a cache of Cachix?
bool is_cachix(const std::string& cache);
// One that is written with a token, and signs itself; others are signed for.
bool has_token(const std::string& cache);
// One whose server takes GitHub's word for which repository it is: a workflow needs no secret.
bool is_keyless(const std::string& cache);

// The name of the secret with the token or key for the cache, and whether a workflow uses it already.
struct CacheSecret {
    std::string name;
    bool is_there = false;
};
CacheSecret secret_for(const InitFacts& facts, const Answers& answers);

} // namespace cachefill::init
