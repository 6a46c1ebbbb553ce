#include "push/publish_gate.hpp"

#include <utility>

namespace cachefill::push {

PublishGate::Id PublishGate::insert() {
    entries_.emplace_back();
    return entries_.size() - 1;
}

std::optional<PublishGate::Id> PublishGate::set_references(Id id, std::vector<Id> references) {
    std::optional<Id> lost;
    auto& entry = entries_[id];
    entry.references_known = true;
    for (auto reference : references) {
        auto& other = entries_[reference];
        if (other.state == State::lost) lost = reference;
        if (other.state == State::open) ++entry.not_begun;
        if (other.state == State::served) continue;
        ++entry.not_served;
        other.referrers.push_back(id);
    }
    if (!lost && entry.not_begun == 0) opened_.push_back(id);
    return lost;
}

void PublishGate::begin(Id id) {
    auto& entry = entries_[id];
    if (entry.state != State::open) return;
    entry.state = State::begun;
    for (auto referrer : entry.referrers)
        if (--entries_[referrer].not_begun == 0) opened_.push_back(referrer);
}

void PublishGate::serve(Id id) {
    begin(id);
    auto& entry = entries_[id];
    if (entry.state != State::begun) return;
    entry.state = State::served;
    for (auto referrer : entry.referrers)
        if (--entries_[referrer].not_served == 0) opened_.push_back(referrer);
}

std::vector<PublishGate::Id> PublishGate::lose(Id id) {
    std::vector<Id> also_lost;
    if (std::exchange(entries_[id].state, State::lost) == State::lost) return also_lost;
    auto visit = [&](Id lost) {
        for (auto referrer : entries_[lost].referrers)
            if (std::exchange(entries_[referrer].state, State::lost) != State::lost) also_lost.push_back(referrer);
    };
    visit(id);
    for (std::size_t i = 0; i < also_lost.size(); ++i) visit(also_lost[i]);
    return also_lost;
}

bool PublishGate::may_publish(Id id) const {
    const auto& entry = entries_[id];
    return entry.references_known && entry.not_served == 0 && entry.state != State::lost;
}

std::vector<PublishGate::Id> PublishGate::take_opened() { return std::exchange(opened_, {}); }

} // namespace cachefill::push
