#pragma once

#include "init/init_plan.hpp"

namespace cachefill::init {

// What follows from facts and answers, before any file is written.

// The branches whose pushes start the workflow: those of the usual names that exist, and the remote's default.
std::vector<std::string> branches_to_build(const RepositoryFacts& repository);

// What `runs-on` is given: a label, or a list of them; empty if there is no machine.
std::string runner_of(const InitFacts& facts, const std::string& system);

bool is_home(const HostFacts& host);
bool is_template(const HostFacts& host);   // something to copy, of whatever kind
bool has_machines(const InitFacts& facts); // hosts that are no homes

// Does the workflow push to this cache, as far as it says?
bool fills(const WorkflowFacts& workflow, const std::string& cache);

// Which of the flake's hosts and outputs a run builds, in the words of cachefill.yml.
struct Selection {
    std::vector<std::string> hosts, evaluate_only;
    std::vector<std::string> systems; // of what is built; those with most to do first
};
Selection select(const InitFacts& facts, const Answers& answers);

// Those of `systems` for which there is a machine.
std::vector<std::string> systems_with_runner(const InitFacts& facts, const std::vector<std::string>& systems);

// Caches that hosts name and no runner reaches, or that are gone, as patterns for upstreams.ignore.
std::vector<std::string> caches_to_ignore(const InitFacts& facts);

// What upstream's builders are known to have late, by system; for `defer`.
std::map<std::string, std::vector<std::string>> late_packages(const std::vector<std::string>& systems);

} // namespace cachefill::init
