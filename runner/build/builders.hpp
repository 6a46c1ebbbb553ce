#pragma once

#include "build/outages.hpp"
#include "build/ready_builds.hpp"
#include "build/remote_words.hpp"
#include "plan/build_ability.hpp"

namespace cachefill::build {

// The remote builders, by their numbers among the machines, and which of them are away. Pure: moments are handed in. A
// builder that fails is left alone for a while, each time longer; one request at a time finds out whether it is back.
class Builders {
  public:
    using TimePoint = Outages::TimePoint;

    // `patience`: how long one may be away before what only it could build is given up. It is tried after that, too.
    Builders(const std::vector<plan::BuildAbility>& machines, std::chrono::milliseconds patience);

    // This machine is never away.
    bool is_its_turn(std::size_t machine, TimePoint now) const;
    bool is_given_up(std::size_t machine) const { return outages_.is_given_up(addresses_.at(machine)); }
    // A request to it begins and ends. What was said of it meanwhile is noted before the end.
    void begin(std::size_t machine) { outages_.begin({addresses_.at(machine)}); }
    void end(std::size_t machine) { outages_.end({addresses_.at(machine)}); }

    bool knows(const std::string& address) const;
    // Whoever is named in it was asked in vain. True: it was well until now.
    bool note(const BuilderTrouble& trouble, TimePoint now);
    // It has built something, or failed at it by the derivation's own fault. True: it was away until now.
    bool note_answer(std::size_t machine, TimePoint now);
    // What was said last of those of the crew that are away, for people.
    std::string trouble_of(const Crew& crew) const;
    // When a turn comes by itself.
    std::optional<TimePoint> next_moment(TimePoint now) const { return outages_.next_moment(now); }

    const std::string& address(std::size_t machine) const { return addresses_.at(machine); }
    std::chrono::milliseconds patience() const { return patience_; }

  private:
    std::chrono::milliseconds patience_;
    std::vector<std::string> addresses_; // by machine; of this one empty
    Outages outages_;
    std::map<std::string, BuilderTrouble> last_; // by address
};

} // namespace cachefill::build
