#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

// What the sender of a repository_dispatch may pass on in client_payload without a doubt about whose code it is about.
namespace cachefill::github {

// A key in lower case and without '_' and '-': "pull_request", "pullRequest" and "Pull-Request" are one. Empty if there
// is anything else in it than letters of ASCII, which no name on a list has.
std::string plain_key(std::string_view key);

// Is this text, number or yes or no, under this name, about nothing but the repository's own code? The names are a
// closed list (docs/github.md, "What a dispatch passes on"): whatever else may be another word for somebody's pull
// request or fork.
bool is_harmless(std::string_view name, const nlohmann::json& value, std::string_view repository);
// May what stands below this name be judged by itself? Of an object called `repository` the full_name decides.
bool is_harmless_folder(std::string_view name, const nlohmann::json& folder, std::string_view repository);

// Does this stand beside a pull request or a workflow_run in payloads of GitHub's own, about the same one? `event` is
// what both stand in.
bool is_companion(std::string_view name, const nlohmann::json& value, const nlohmann::json& event,
                  std::string_view repository);

} // namespace cachefill::github
