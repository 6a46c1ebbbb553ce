#pragma once

#include "event/kinds.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What a JSON report of another machine, and perhaps another version, says: what is not there or of another type is
// empty. Text is as clean_foreign() has it, and in one line: what it says begins no line of ours.
namespace cachefill::report::fields {

std::string text_at(const nlohmann::json& object, const char* key);
// The same with its lines, for what is shown apart.
std::string prose_at(const nlohmann::json& object, const char* key);
// An address of a page that a browser is led to, by http or https, without a login; empty for every other.
std::string page_at(const nlohmann::json& object, const char* key);
std::vector<std::string> texts_at(const nlohmann::json& object, const char* key);
// Of a log: the lines of all its entries.
std::vector<std::string> lines_at(const nlohmann::json& object, const char* key);
std::uint64_t number_at(const nlohmann::json& object, const char* key);
const nlohmann::json& list_at(const nlohmann::json& object, const char* key);
bool flag_at(const nlohmann::json& object, const char* key, bool otherwise);

// Of a target, of a build and of a push; empty for a word that is not ours.
std::optional<event::TargetVerdict> verdict_of(const nlohmann::json& target);
std::optional<event::BuildOutcome> build_outcome_of(const nlohmann::json& build);
std::optional<event::PushOutcome> push_outcome_of(const nlohmann::json& push);

} // namespace cachefill::report::fields
