#include "base/secret.hpp"

namespace cachefill {

Secret::~Secret() {
    // volatile, or the compiler drops stores to memory that is about to be freed
    volatile char* bytes = value_.data();
    for (std::size_t i = 0; i < value_.size(); ++i) bytes[i] = 0;
}

} // namespace cachefill
