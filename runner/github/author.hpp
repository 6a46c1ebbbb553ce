#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace cachefill::github {

// Whose code the steps of an event are given.
enum class Author {
    repository, // who may write to this repository
    fork,       // a stranger: the head of a pull request lies elsewhere, or nobody can tell where
    unknown,    // perhaps a stranger: the event can be caused by everybody, or is none that is known
};

// Trust is never guessed: the events that only those cause who may write are a closed list, and every pull request that
// the payload names has to come from this repository. `payload` is null where the runner gave no file, and "discarded"
// where there is one that cannot be read.
Author author_of(std::string_view event, std::string_view repository, const nlohmann::json& payload);

// The same of a run that is only listed, by what a list tells: could it have been caused by somebody who may write to
// `repository`, and by nobody else?
bool is_run_of_writers(std::string_view event, std::string_view head_repository, std::string_view repository);

// Does the sender of a repository_dispatch pass on a pull request, what followed a run, or something of which nobody
// can tell? Then the code of the steps may be that one's, and not the commit's of the event.
bool passes_on_foreign_events(const nlohmann::json& payload, std::string_view repository);

// pull_request, pull_request_target, pull_request_review and pull_request_review_comment.
bool is_pull_request_event(std::string_view event);

} // namespace cachefill::github
