#include "shard/ownership.hpp"

#include "codec/hash.hpp"

namespace cachefill::shard {

namespace {

// Spreads derivations over shards, alike on all machines.
std::string rank(const nix::StorePath& derivation, std::size_t shard) {
    return codec::hash_bytes(codec::HashAlgorithm::sha256, derivation.to_string() + " " + std::to_string(shard))
        .to_string();
}

} // namespace

plan::FailedElsewhere failed_there(std::size_t shard, const FailedBuild& build) {
    auto why = "failed on shard " + std::to_string(shard) + (build.error.empty() ? "" : ": " + build.error);
    return {.why = std::move(why), .log_tail = build.log_tail};
}

Ownership::Ownership(const report::ShardPlan& cut, std::size_t self) : self_(self) {
    for (const auto& shard : cut.shards) {
        machines_.push_back(shard.machine);
        for (std::size_t place = 0; place < shard.builds.size(); ++place) {
            const auto& build = shard.builds[place];
            auto path = nix::StorePath::parse(build.derivation);
            if (!path) continue; // who read the cut has looked
            Entry entry{.owner = 0, .place = 0, .is_copied_here = false, .expected = {build.expected, build.measured}};
            auto& known = entries_.try_emplace(std::move(*path), entry).first->second;
            if (!build.is_copy) {
                known.owner = shard.number;
                known.place = place;
            }
            known.is_copied_here |= build.is_copy && shard.number == self;
        }
    }
    std::erase_if(entries_, [](const auto& entry) { return entry.second.owner == 0; });
}

std::optional<std::size_t> Ownership::heir(const nix::StorePath& derivation, const std::string& machine) const {
    std::optional<std::size_t> first;
    std::string best;
    for (std::size_t shard = 1; shard <= machines_.size(); ++shard) {
        if (machines_[shard - 1] != machine || is_gone(shard)) continue;
        auto its = rank(derivation, shard);
        if (first && its <= best) continue;
        first = shard;
        best = std::move(its);
    }
    return first;
}

std::optional<std::size_t> Ownership::owner(const nix::StorePath& derivation) const {
    auto entry = entries_.find(derivation);
    if (entry == entries_.end()) return {};
    auto giver = before_it_was_given(derivation, entry->second.owner);
    auto taken = giver ? taker(*giver, derivation) : std::nullopt;
    return taken ? taken : giver;
}

std::optional<std::size_t> Ownership::before_it_was_given(const nix::StorePath& derivation, std::size_t by_cut) const {
    if (!is_gone(by_cut) || taker(by_cut, derivation)) return by_cut;
    return heir(derivation, machines_.at(by_cut - 1));
}

bool Ownership::is_given(const nix::StorePath& derivation) const {
    auto entry = entries_.find(derivation);
    if (given_.empty() || entry == entries_.end()) return false;
    auto giver = before_it_was_given(derivation, entry->second.owner);
    return giver && taker(*giver, derivation);
}

std::optional<std::size_t> Ownership::taker(std::size_t from, const nix::StorePath& derivation) const {
    if (given_.empty()) return {};
    auto given = given_.find({from, derivation});
    if (given == given_.end() || is_gone(given->second)) return {};
    return given->second;
}

std::size_t Ownership::place(const nix::StorePath& derivation) const {
    auto entry = entries_.find(derivation);
    return entry == entries_.end() ? 0 : entry->second.place;
}

bool Ownership::is_published_here(const nix::StorePath& derivation) const {
    if (is_known(derivation)) return owner(derivation) == self_;
    return heir(derivation, machines_.at(self_ - 1)) == self_;
}

bool Ownership::is_built_here(const nix::StorePath& derivation) const {
    auto entry = entries_.find(derivation);
    return (entry != entries_.end() && entry->second.is_copied_here) || is_published_here(derivation);
}

bool Ownership::is_by_cut_anothers(const nix::StorePath& derivation) const {
    auto entry = entries_.find(derivation);
    return entry != entries_.end() && entry->second.owner != self_ && !entry->second.is_copied_here;
}

void Ownership::note_failed(std::size_t shard, const FailedBuild& build) {
    auto path = nix::StorePath::parse(build.derivation);
    if (!path || shard == self_) return;
    failed_.insert_or_assign(std::move(*path), failed_there(shard, build));
}

std::optional<plan::FailedElsewhere> Ownership::failure(const nix::StorePath& derivation) const {
    auto failed = failed_.find(derivation);
    if (failed != failed_.end()) return failed->second;
    auto entry = entries_.find(derivation);
    if (entry == entries_.end() || owner(derivation)) return {};
    return plan::FailedElsewhere{"shard " + std::to_string(entry->second.owner) +
                                     ", which was to build it, is gone, and so is every other that could",
                                 {}};
}

std::optional<plan::ExpectedTime> Ownership::expected_time(const nix::StorePath& derivation) const {
    auto entry = entries_.find(derivation);
    if (entry == entries_.end()) return {};
    return entry->second.expected;
}

} // namespace cachefill::shard
