#include "fill/shard_claims.hpp"

#include "options/settings.hpp"
#include "plan/cut.hpp"

#include <algorithm>
#include <unordered_map>

namespace cachefill::fill {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds worth_telling = 5s; // at once; all else can wait for the next sign of life

} // namespace

void ShardClaims::put_into(shard::LogEntry& entry) {
    entry.left = left();
    if (!is_claim_told_) entry.claimed = claim_;
    entry.given = answers_;
}

void ShardClaims::told(const shard::LogEntry& entry) {
    left_told_ = entry.left;
    if (entry.claimed) is_claim_told_ = true;
    auto count = static_cast<std::ptrdiff_t>(std::min(entry.given.size(), answers_.size()));
    answers_.erase(answers_.begin(), answers_.begin() + count);
}

bool ShardClaims::has_something_to_tell() const {
    return (claim_ && !is_claim_told_) || !answers_.empty() || left() > left_told_ * 3 / 2 + worth_telling;
}

bool ShardClaims::hear(std::size_t shard, const shard::LogEntry& entry) {
    Fellow fellow{.left = entry.left, .is_in_vain = false};
    bool is_news = false;
    for (const auto& given : entry.given) {
        if (given.shard == 0 || given.shard > ownership_.size()) continue;
        if (given.shard == ownership_.self() && claim_ && claim_->shard == shard) claim_.reset();
        fellow.is_in_vain |= given.shard == ownership_.self() && given.derivations.empty();
        for (const auto& derivation : given.derivations) {
            ownership_.note_given(shard, *nix::StorePath::parse(derivation), given.shard);
            is_news = true;
        }
    }
    fellows_.insert_or_assign(shard, fellow);
    if (entry.claimed && entry.claimed->shard == ownership_.self()) {
        answer(shard, *entry.claimed);
        is_news = true;
    }
    return is_news;
}

// Who has slots free itself begins whatever it can as soon as that lacks nothing.
void ShardClaims::answer(std::size_t to, const shard::GivenBuilds& claim) {
    shard::GivenBuilds given{.shard = to, .derivations = {}};
    bool is_busy = run_.driver && !run_.is_ending() && run_.driver->slots().spare == 0 && ownership_.is_like(to);
    std::unordered_map<nix::StorePath, plan::DerivationId> planned;
    for (const auto& build : run_.live.now().builds)
        planned.emplace(run_.graph.derivation(build.derivation).path, build.derivation);
    for (const auto& text : claim.derivations) {
        auto path = *nix::StorePath::parse(text);
        auto build = planned.find(path);
        if (!is_busy || build == planned.end()) continue;
        if (!ownership_.is_published_here(path) || ownership_.is_given(path)) continue;
        if (!run_.driver->hold(build->second)) continue; // it has begun
        ownership_.note_given(ownership_.self(), path, to);
        given.derivations.push_back(text);
    }
    if (!given.derivations.empty())
        run_.say(event::Severity::info, "shard " + std::to_string(to) + ", which has nothing else to do, builds " +
                                            std::to_string(given.derivations.size()) + " for this one");
    answers_.push_back(std::move(given));
}

void ShardClaims::note_gone(std::size_t shard) {
    fellows_.erase(shard);
    if (claim_ && claim_->shard == shard) claim_.reset();
}

bool ShardClaims::may_take() const {
    if (!run_.driver || run_.is_ending()) return false;
    if (claim_) return run_.clock.now() < answer_due_;
    return std::any_of(fellows_.begin(), fellows_.end(), [this](const auto& one) { return pays(one.first); });
}

bool ShardClaims::is_idle() const {
    if (!run_.driver || run_.building_done || run_.is_ending() || run_.live.is_open()) return false;
    return run_.driver->slots().spare > 0;
}

bool ShardClaims::pays(std::size_t shard) const {
    const auto& fellow = fellows_.at(shard);
    bool is_worth_it = fellow.left > shard::answer_takes + plan::HandoverCost().latency;
    return is_worth_it && !fellow.is_in_vain && ownership_.is_like(shard) && !ownership_.is_gone(shard);
}

std::optional<std::size_t> ShardClaims::slowest() const {
    std::optional<std::size_t> slowest;
    if (claim_ || !is_idle()) return slowest;
    for (const auto& [shard, fellow] : fellows_)
        if (pays(shard) && (!slowest || fellow.left > fellows_.at(*slowest).left)) slowest = shard;
    return slowest;
}

void ShardClaims::claim_from(std::size_t shard, const std::set<nix::StorePath>& there) {
    std::set<plan::DerivationId> missing; // of others
    for (auto id : run_.live.now().of_others) {
        const auto& outputs = run_.graph.derivation(id).outputs;
        bool is_there = std::all_of(outputs.begin(), outputs.end(), [&](const auto& output) {
            return output.path == plan::no_path || there.contains(run_.graph.path(output.path));
        });
        if (!is_there) missing.insert(id);
    }
    std::vector<shard::Claimable> builds;
    for (auto id : missing) {
        const auto& derivation = run_.graph.derivation(id);
        auto expected = ownership_.expected_time(derivation.path);
        if (!expected || ownership_.owner(derivation.path) != shard || ownership_.is_given(derivation.path)) continue;
        bool is_ready = std::none_of(derivation.inputs.begin(), derivation.inputs.end(),
                                     [&](const auto& input) { return missing.contains(input.derivation); });
        builds.push_back({.derivation = derivation.path,
                          .expected = expected->time,
                          .handover = plan::HandoverCost().of(plan::guessed_size(derivation)),
                          .is_ready = is_ready});
    }
    std::sort(builds.begin(), builds.end(), [this](const auto& one, const auto& other) {
        return ownership_.place(one.derivation) < ownership_.place(other.derivation);
    });
    auto& fellow = fellows_.at(shard);
    shard::GivenBuilds claim{.shard = shard, .derivations = {}};
    shard::Balance balance{
        .left_there = fellow.left, .slots_here = run_.driver->slots().spare, .pace_here = pace().factor()};
    for (const auto& path : shard::choose_claims(builds, balance)) claim.derivations.push_back(path.to_string());
    fellow.is_in_vain = claim.derivations.empty();
    if (fellow.is_in_vain) return;
    claim_ = std::move(claim);
    is_claim_told_ = false;
    answer_due_ = run_.clock.now() + 2 * run_.session.settings().shard_patience; // a silent owner is replaced before
}

// What runs takes at least as long as it has until now.
shard::Pace ShardClaims::pace() const {
    shard::Pace ended, all;
    for (const auto& [id, record] : run_.driver->records()) {
        auto expected = ownership_.expected_time(run_.graph.derivation(id).path);
        auto began = run_.driver->running_since(id);
        if (!expected || (!record.start && !began)) continue;
        if (!began) ended.note(expected->time, record.took);
        all.note(expected->time, began ? run_.clock.elapsed_since(*began) : record.took);
    }
    return ended.is_known() && ended.factor() > all.factor() ? ended : all;
}

std::chrono::milliseconds ShardClaims::left() const {
    if (!run_.driver || run_.is_ending() || run_.live.is_evaluating()) return 0ms;
    auto slots = run_.driver->slots();
    if (slots.spare > 0) return 0ms;
    const auto& builds = run_.live.now().builds;
    std::vector<shard::OpenBuild> open;
    std::vector<std::optional<std::size_t>> place(builds.size());
    for (std::size_t i = 0; i < builds.size(); ++i) {
        const auto& build = builds[i];
        bool has_begun = run_.driver->record(build.derivation) || run_.driver->running_since(build.derivation);
        if (build.failed_elsewhere || has_begun) continue;
        if (!ownership_.is_built_here(run_.graph.derivation(build.derivation).path)) continue; // given just now
        shard::OpenBuild one{.expected = build.expected.time, .after = {}};
        for (auto before : build.after)
            if (place[before]) one.after.push_back(*place[before]);
        place[i] = open.size();
        open.push_back(std::move(one));
    }
    auto known = pace();
    if (!known.is_known()) return 0ms; // most expected times are guesses
    return shard::time_to_share(open, slots.all, slots.wanted > 0, known.factor());
}

} // namespace cachefill::fill
