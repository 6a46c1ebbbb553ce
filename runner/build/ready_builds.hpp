#pragma once

#include "plan/graph.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace cachefill::build {

// Numbers of the machines that could build something, ascending. 0 is this one, the others are remote builders.
using Crew = std::vector<std::size_t>;
inline constexpr std::size_t this_machine = 0;

// What could be built at once, the most urgent first, in a queue for each crew: however much waits for a builder that
// is busy or away, whoever looks for work for another does not pass over it. What comes last is kept apart.
class ReadyBuilds {
  public:
    // Longest chain first; ties in the order the plan had.
    using Key = std::pair<std::int64_t, plan::DerivationId>;
    using Queue = std::set<Key>;

    void insert(const Crew& crew, bool last, Key key) { queues_[last][crew].insert(key); }
    void erase(const Crew& crew, bool last, Key key);
    bool is_empty(bool last) const;
    std::size_t size() const; // those that come last among them
    // With the most urgent of those that this machine could build. Null: there is none.
    Queue* find(std::size_t machine, bool last);
    // All that this machine could build; those that come last only if there are no others.
    std::vector<plan::DerivationId> all_for(std::size_t machine) const;
    // Those for which each machine of their crew is such a one.
    std::vector<plan::DerivationId> only_for(const std::function<bool(std::size_t machine)>& is_such) const;

  private:
    std::array<std::map<Crew, Queue>, 2> queues_; // [1]: of what comes last
};

} // namespace cachefill::build
