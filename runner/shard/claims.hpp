#pragma once

#include "nix/store_path.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

// A shard that has nothing left to start takes from the one that will be busy for longest. Pure: how long that is, and
// what is worth taking.
namespace cachefill::shard {

// How much longer than expected the builds of a machine take.
class Pace {
  public:
    void note(std::chrono::milliseconds expected, std::chrono::milliseconds took);
    bool is_known() const { return expected_.count() > 0; }
    double factor() const; // from a hundredth to a hundred; 1 while it is not known

  private:
    std::chrono::milliseconds expected_{}, took_{};
};

// A build that has not begun.
struct OpenBuild {
    std::chrono::milliseconds expected{};
    std::vector<std::size_t> after; // those among them that it needs: indexes below its own
};

// How long it takes until they are all done, on so many slots. 0 where another machine would make that no faster: none
// of them waits for a slot (`is_any_waiting`), and one chain of them takes as long as all.
std::chrono::milliseconds time_to_share(const std::vector<OpenBuild>& builds, std::size_t slots, bool is_any_waiting,
                                        double pace);

// A build of another shard that is not published.
struct Claimable {
    nix::StorePath derivation;
    std::chrono::milliseconds expected{}, handover{}; // to build it; to give it to whoever needs it
    bool is_ready = false;                            // what it needs is published
};

// What a claim takes from being told until it is answered, most of it the time between two looks.
inline constexpr std::chrono::milliseconds answer_takes = std::chrono::seconds(12);

struct Balance {
    std::chrono::milliseconds left_there{}; // until the other is done with all of these
    std::size_t slots_here = 1;             // with nothing to do
    double pace_here = 1;
};

// Of these, which are in the order in which their owner begins them, those that are done here earlier than there: from
// the end, what is ready first, and no more than the slots here are busy with for a minute or two, since who takes
// little may come again. Nothing that takes less than handing it over.
std::vector<nix::StorePath> choose_claims(const std::vector<Claimable>& builds, const Balance& balance);

} // namespace cachefill::shard
