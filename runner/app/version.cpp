#include "app/command_line.hpp"

namespace cachefill::app {

const char* const version = CACHEFILL_VERSION;

} // namespace cachefill::app
