#include "shard/claims.hpp"

#include "shard/log_entry.hpp"

#include <algorithm>

namespace cachefill::shard {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds enough = 1min; // of work for each slot, from one claim

milliseconds times(milliseconds time, double factor) {
    return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(time.count()) * factor));
}

} // namespace

void Pace::note(milliseconds expected, milliseconds took) {
    expected_ += expected;
    took_ += took;
}

double Pace::factor() const {
    if (!is_known()) return 1;
    return std::clamp(static_cast<double>(took_.count()) / static_cast<double>(expected_.count()), 0.01, 100.0);
}

milliseconds time_to_share(const std::vector<OpenBuild>& builds, std::size_t slots, bool is_any_waiting, double pace) {
    std::vector<milliseconds> chain(builds.size()); // the longest that ends here
    milliseconds work{}, longest{};
    for (std::size_t i = 0; i < builds.size(); ++i) {
        for (auto before : builds[i].after) chain[i] = std::max(chain[i], chain[before]);
        chain[i] += builds[i].expected;
        work += builds[i].expected;
        longest = std::max(longest, chain[i]);
    }
    auto busy = work / static_cast<milliseconds::rep>(std::max<std::size_t>(slots, 1));
    return busy > longest || is_any_waiting ? times(std::max(busy, longest), pace) : 0ms;
}

std::vector<nix::StorePath> choose_claims(const std::vector<Claimable>& builds, const Balance& balance) {
    milliseconds work{};
    for (const auto& build : builds) work += build.expected;
    std::vector<const Claimable*> from_the_end;
    for (bool is_ready : {true, false}) {
        for (auto build = builds.rbegin(); build != builds.rend(); ++build) {
            if (build->is_ready == is_ready) from_the_end.push_back(&*build);
        }
    }
    const auto slots = static_cast<double>(std::max<std::size_t>(balance.slots_here, 1));
    std::vector<nix::StorePath> chosen;
    milliseconds taken{};
    for (const auto* build : from_the_end) {
        if (chosen.size() == LogEntry::most_given) break;
        if (build->expected <= build->handover) continue;
        bool is_enough = chosen.size() >= balance.slots_here && times(taken, balance.pace_here / slots) >= enough;
        if (is_enough) break;
        auto share_there = static_cast<double>((work - taken).count()) / static_cast<double>(work.count());
        auto done_there = times(balance.left_there, share_there);
        auto busy_here = times(taken, balance.pace_here / slots);
        auto done_here = answer_takes + build->handover + busy_here + times(build->expected, balance.pace_here);
        if (done_here >= done_there) continue;
        chosen.push_back(build->derivation);
        taken += build->expected;
    }
    return chosen;
}

} // namespace cachefill::shard
