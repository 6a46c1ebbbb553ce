#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace cachefill::plan {

// When the slots of one machine have nothing to do, while a schedule is made for it.
class IdleTimes {
  public:
    using Time = std::chrono::milliseconds;

    explicit IdleTimes(std::size_t slots);

    // The first moment from `earliest` on at which one slot is free for so long.
    Time first_fit(Time earliest, Time length) const;
    // The same, and takes it.
    Time take(Time earliest, Time length);

  private:
    struct Gap {
        Time from, to;
    };
    std::size_t gap_for(Time earliest, Time length) const;

    std::vector<Gap> gaps_; // by `from`; there is always one for each slot that never ends
};

} // namespace cachefill::plan
