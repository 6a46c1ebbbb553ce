#include "fill/outlets.hpp"

#include <algorithm>

namespace cachefill::fill {

void Outlets::push(const nix::StorePath& path, bool built_by_this_run) {
    for (auto* pipeline : all_) pipeline->add(path, built_by_this_run);
}

void Outlets::push_further(const nix::StorePath& path) {
    for (std::size_t i = 1; i < all_.size(); ++i) all_[i]->add(path, false);
}

void Outlets::close() {
    for (auto* pipeline : all_) pipeline->close();
}

void Outlets::stop(std::chrono::milliseconds grace) {
    for (auto* pipeline : all_) pipeline->stop(grace);
}

std::size_t Outlets::unsettled() const {
    std::size_t count = 0;
    for (const auto* pipeline : all_) count += pipeline->unsettled();
    return count;
}

const push::Ledger& Outlets::ledger() const {
    static const push::Ledger nothing;
    return all_.empty() ? nothing : all_.front()->ledger();
}

bool Outlets::are_done_with(const nix::StorePath& path) const {
    auto record = ledger().find(path);
    if (record == ledger().end()) return false;
    bool is_there = record->second.outcome == event::PushOutcome::published ||
                    record->second.outcome == event::PushOutcome::already_there;
    return is_there && std::all_of(all_.begin(), all_.end(), [&path](const push::Pipeline* pipeline) {
               return pipeline->ledger().contains(path);
           });
}

} // namespace cachefill::fill
