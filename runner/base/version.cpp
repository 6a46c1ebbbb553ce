#include "base/version.hpp"

namespace cachefill {

const char* const version = CACHEFILL_VERSION;

} // namespace cachefill
