#include "fill/shard_news.hpp"

#include "options/settings.hpp"

namespace cachefill::fill {

bool ShardNews::has_failures() const {
    shard::LogEntry entry;
    put_failed_into(entry);
    return !entry.failed.empty();
}

void ShardNews::told(const shard::LogEntry& entry) {
    for (const auto& build : entry.failed) told_.insert(build.derivation);
    for (const auto& build : entry.done) told_.insert(build.derivation);
}

bool ShardNews::put_into(shard::LogEntry& entry) const {
    bool are_failures_in = put_failed_into(entry);
    return put_done_into(entry) && are_failures_in;
}

// In a public cache everybody could read logs, and these may show what private sources say.
bool ShardNews::put_failed_into(shard::LogEntry& entry) const {
    bool are_logs_told = !run_.session.cache_info().is_public || run_.session.settings().allow_source;
    if (!run_.driver) return true;
    for (const auto& build : run_.live.now().builds) {
        const auto* record = run_.driver->record(build.derivation);
        const auto& derivation = run_.graph.derivation(build.derivation);
        auto path = derivation.path.to_string();
        if (!record || !event::is_failure(record->outcome) || told_.contains(path)) continue;
        if (!ownership_.is_published_here(derivation.path)) continue;
        if (record->disk_was_full) continue; // no fault of the derivation: who takes it over may build it
        shard::FailedBuild failed{.derivation = std::move(path),
                                  .name = std::string(derivation.name()),
                                  .error = record->error,
                                  .log_tail = are_logs_told ? record->log_tail : std::vector<std::string>()};
        if (!shard::add_failed(entry, std::move(failed))) return false;
    }
    return true;
}

bool ShardNews::put_done_into(shard::LogEntry& entry) const {
    if (!run_.driver) return true;
    for (const auto& [id, record] : run_.driver->records()) {
        const auto& derivation = run_.graph.derivation(id);
        auto path = derivation.path.to_string();
        if (record.outcome != event::BuildOutcome::built || told_.contains(path)) continue;
        shard::DoneBuild done{.derivation = std::move(path),
                              .name = std::string(derivation.name()),
                              .platform = derivation.platform,
                              .took = record.took};
        if (!shard::add_done(entry, std::move(done))) return false;
    }
    return true;
}

} // namespace cachefill::fill
