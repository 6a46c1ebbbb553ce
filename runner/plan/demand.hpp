#pragma once

#include "plan/availability.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace cachefill::plan {

// In which role something is demanded. Each pair of a role and a path (or derivation) is one node of the demand graph.
enum class Role : std::uint8_t {
    complete,  // path: consumers must be able to fetch it whole
    input,     // path, output of a derivation: a build needs it valid here
    source,    // path, input source: a build needs it valid here
    fetch,     // path: can this machine fetch it? (asks only)
    build,     // derivation: must be built
    evaluated, // derivation: a consumer that evaluates meets it
};

// Everything the targets demand, found in one walk from them. What hangs on an open question is walked last and marked
// tentative, so that what is certain is known apart.
class Demand {
  public:
    enum class Mark : std::uint8_t { none, certain, tentative };

    // `does_not_wait`: open questions will stay open for a while; what is needed however they are answered is certain.
    Demand(const Graph& graph, const Facts& facts, const std::vector<Target>& targets, const Availability& availability,
           bool does_not_wait);

    Mark mark(PathId path, Role role) const { return marks_[node(role, index(path))]; }
    Mark mark(DerivationId derivation, Role role) const { return marks_[node(role, index(derivation))]; }
    Questions questions() const;

    // For up to 64 targets from `first` on: which of them (bit 0 is `first`) need each node.
    class Reach {
      public:
        std::uint64_t of(PathId path, Role role) const { return masks_[demand_->node(role, index(path))]; }
        std::uint64_t of(DerivationId derivation, Role role) const {
            return masks_[demand_->node(role, index(derivation))];
        }
        std::uint64_t open() const { return open_; } // those that hang on a question

      private:
        friend class Demand;
        const Demand* demand_ = nullptr;
        std::vector<std::uint64_t> masks_;
        std::uint64_t open_ = 0;
    };
    Reach reach(std::size_t first) const;

  private:
    using Node = std::uint32_t;
    struct Edges {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
    };

    Node node(Role role, std::size_t at) const {
        const std::size_t first = role < Role::build ? static_cast<std::size_t>(role) * paths_
                                                     : 4 * paths_ + (role == Role::evaluated ? derivations_ : 0);
        return static_cast<Node>(first + at);
    }
    std::pair<Role, std::size_t> what(Node node) const;

    std::vector<Node> seeds_of(const Target& target) const;
    bool root_is_elsewhere(const Target& target) const;
    void walk(std::vector<Node>& work, Mark mark);
    void expand(Node node);
    void expand_complete(PathId path);
    void expand_input(PathId path);
    void expand_source(PathId path);
    void expand_fetch(PathId path);
    void expand_build(DerivationId id);
    void expand_evaluated(DerivationId id);
    void demand_output(std::vector<Node>& nodes, DerivationId derivation, PathId path, Role role) const;
    void ask_remote(PathId path, CacheMask caches);
    void ask_local(PathId path);
    void stay_open() { open_ = true; } // whatever is asked, this cannot be known now

    const Graph& graph_;
    const Facts& facts_;
    const Availability& availability_;
    std::size_t paths_;
    std::size_t derivations_;

    std::vector<std::vector<Node>> seeds_; // by target
    std::vector<Mark> marks_;              // by node
    std::vector<Edges> edges_of_;          // by node, into edges_
    std::vector<Node> edges_;
    std::vector<CacheMask> ask_remote_; // by path
    std::vector<bool> ask_local_;       // by path
    bool open_ = false;                 // the node being expanded asks something
    std::vector<Node> open_nodes_;
};

} // namespace cachefill::plan
