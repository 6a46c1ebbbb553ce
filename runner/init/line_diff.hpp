#pragma once

#include <string>
#include <string_view>

namespace cachefill::init {

// What leads from one text to the other, in the unified format with three lines of context; `name` heads both sides,
// and an empty `before` is /dev/null. Nothing if they are the same.
std::string unified_diff(const std::string& name, std::string_view before, std::string_view after);

} // namespace cachefill::init
