#pragma once

namespace cachefill {

extern const char* const version; // of this program: "1.2.3"

} // namespace cachefill
