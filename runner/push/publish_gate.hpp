#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace cachefill::push {

// The order in which paths may go up, without any I/O. A consumer that sees a narinfo trusts that all it references is
// there, so a path opens for publication only when each of its references is served; it opens for upload as soon as
// each of them has begun to go up, and what is lost takes all that references it along. So the oldest upload that is
// not published can always finish, whatever the limits on those beside it.
class PublishGate {
  public:
    using Id = std::size_t;

    Id insert(); // 0, 1, 2, …

    // Known now (itself left out), once per path. A reference that is already lost: the path should be lost with it.
    std::optional<Id> set_references(Id id, std::vector<Id> references);

    void begin(Id id); // its upload; further calls change nothing
    void serve(Id id); // it was published, or is served by others
    // It will not be published: ids of all that depends on it, nearest first. They are lost as well now.
    std::vector<Id> lose(Id id);

    bool may_publish(Id id) const; // references known, each served

    // Those for which one of the two has become true since the last call: that they may begin, or may be published.
    std::vector<Id> take_opened();

  private:
    enum class State { open, begun, served, lost };
    struct Entry {
        State state = State::open;
        bool references_known = false;
        std::size_t not_begun = 0;  // of its references
        std::size_t not_served = 0; // of its references
        std::vector<Id> referrers;
    };

    std::vector<Entry> entries_;
    std::vector<Id> opened_;
};

} // namespace cachefill::push
