#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace cachefill {

// JSON of a file that is not ours. "Discarded", as after a parse that failed, also if it is nested more deeply than
// anything that is meant to be read: who copies it or walks through it goes down as deep on the stack.
nlohmann::json parse_foreign_json(std::string_view text);

} // namespace cachefill
