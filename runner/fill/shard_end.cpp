#include "fill/shard_end.hpp"

#include "async/together.hpp"
#include "async/within.hpp"
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "session/history.hpp"
#include "shard/ownership.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto most_time = 60s; // for what all shards said
constexpr int most_rounds = 50; // of entries of one shard, in case somebody writes without an end

} // namespace

ShardEnd::ShardEnd(RunContext& run, std::vector<std::string> run_ids, std::size_t shards)
    : run_(run), run_ids_(std::move(run_ids)), shards_(shards) {}

Task<void> ShardEnd::learn() {
    auto reading = read_all();
    auto read = co_await async::within(run_.clock, most_time, std::move(reading));
    if (!read || !*read)
        run_.say(event::Severity::warning,
                 "what the shards said cannot be read" + (read ? ": " + read->error().one_line() : std::string()),
                 "what failed on them is tried once more");
    plan::Division division;
    division.is_built_here = division.is_published_here = [](plan::DerivationId) { return true; };
    division.failure = [this](plan::DerivationId id) -> std::optional<plan::FailedElsewhere> {
        auto failed = failed_.find(run_.graph.derivation(id).path);
        if (failed == failed_.end()) return {};
        return failed->second;
    };
    run_.live.divide(std::move(division));
}

// All logs at once: each may have many entries, which are read one after another.
Task<Result<void>> ShardEnd::read_all() {
    std::vector<Heard> heard(shards_, Heard::nothing);
    std::optional<Failure> failure;
    auto all = [&](async::TaskGroup& group) {
        for (std::size_t shard = 1; shard <= shards_; ++shard)
            group.spawn(read_attempts(shard, heard[shard - 1], failure));
    };
    co_await async::together(all);
    if (failure) co_return std::move(*failure);
    for (std::size_t shard = 1; shard <= shards_; ++shard) {
        if (heard[shard - 1] == Heard::end) continue;
        bool was_heard = heard[shard - 1] == Heard::beginning;
        silent_.push_back(shard);
        run_.say(event::Severity::warning,
                 "shard " + std::to_string(shard) +
                     (was_heard ? " began, and did not say that it came to its end" : " was never heard"),
                 "what it left is built here");
    }
    co_return Result<void>();
}

Task<void> ShardEnd::read_attempts(std::size_t shard, Heard& heard, std::optional<Failure>& failure) {
    for (const auto& run_id : run_ids_) {
        auto found = co_await read(run_id, shard);
        if (!found) {
            failure = std::move(found).error();
            co_return;
        }
        heard = *found;
        if (heard != Heard::nothing) co_return;
    }
}

Task<Result<ShardEnd::Heard>> ShardEnd::read(const std::string& run_id, std::size_t shard) {
    constexpr std::size_t nobody = 0; // says nothing
    shard::ShardLog log(run_.judge.backend(plan::own_cache), run_.session.cache_info(), run_.judge.own_keys(), run_id,
                        nobody);
    auto heard = Heard::nothing;
    for (int round = 0; round < most_rounds; ++round) {
        CO_TRY(read, co_await log.read(shard));
        if (read.complaint) run_.say(event::Severity::warning, read.complaint->one_line());
        for (const auto& entry : read.entries) {
            heard = entry.said == shard::LogEntry::Said::finished ? Heard::end : Heard::beginning;
            for (const auto& build : entry.failed)
                if (auto path = nix::StorePath::parse(build.derivation))
                    failed_.insert_or_assign(std::move(*path), shard::failed_there(shard, build));
            for (const auto& build : entry.done) note_done(build);
            for (const auto& given : entry.given) note_given(shard, given);
        }
        if (read.entries.empty() && !read.complaint) break;
    }
    co_return heard;
}

// The state of this run is what the next cut is made with.
void ShardEnd::note_done(const shard::DoneBuild& build) {
    if (run_.history) run_.history->record(build.name, build.platform, build.took);
}

void ShardEnd::note_given(std::size_t from, const shard::GivenBuilds& given) {
    if (given.derivations.empty()) return;
    auto known = std::find_if(given_.begin(), given_.end(),
                              [&](const auto& one) { return one.from == from && one.to == given.shard; });
    if (known == given_.end())
        known = given_.insert(given_.end(), {.from = from, .to = given.shard, .derivations = {}});
    known->derivations.insert(known->derivations.end(), given.derivations.begin(), given.derivations.end());
}

report::ShardReport ShardEnd::report() const {
    report::ShardReport report;
    report.run = run_ids_.front();
    report.shards = shards_;
    report.silent = silent_;
    report.given = given_;
    return report;
}

} // namespace cachefill::fill
