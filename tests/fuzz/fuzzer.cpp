// One target as libFuzzer runs it; CMake says which.
#include "fuzz/targets.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    cachefill::fuzz::CACHEFILL_FUZZ_TARGET({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
