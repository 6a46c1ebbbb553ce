#include "build/builders.hpp"

#include <algorithm>

namespace cachefill::build {

Builders::Builders(const std::vector<plan::BuildAbility>& machines, std::chrono::milliseconds patience)
    : patience_(patience), outages_(patience) {
    for (const auto& machine : machines) addresses_.push_back(machine.address());
}

bool Builders::is_its_turn(std::size_t machine, TimePoint now) const {
    return machine == this_machine || outages_.turn({addresses_.at(machine)}, now) == Outages::Turn::go;
}

bool Builders::knows(const std::string& address) const {
    return !address.empty() && std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
}

bool Builders::note(const BuilderTrouble& trouble, TimePoint now) {
    bool was_well = !outages_.is_away(trouble.address);
    outages_.note_failure(trouble.address, now, now);
    last_.insert_or_assign(trouble.address, trouble);
    return was_well;
}

bool Builders::note_answer(std::size_t machine, TimePoint now) {
    last_.erase(addresses_.at(machine));
    return outages_.note_answer(addresses_.at(machine), now).has_value();
}

std::string Builders::trouble_of(const Crew& crew) const {
    std::string words;
    for (auto machine : crew)
        if (auto found = last_.find(addresses_.at(machine)); found != last_.end())
            words += (words.empty() ? "" : "; ") + found->second.in_words();
    return words;
}

} // namespace cachefill::build
