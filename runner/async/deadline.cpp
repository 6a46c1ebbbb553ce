#include "async/deadline.hpp"

namespace cachefill::async {

template Task<Result<void>> with_deadline(Task<Result<void>>, std::chrono::steady_clock::duration, std::string);

} // namespace cachefill::async
