#include "report/run_report.hpp"

#include <algorithm>

namespace cachefill::report {

namespace {

template <class Records, class Outcome> std::uint64_t count_in(const Records& records, Outcome outcome) {
    return static_cast<std::uint64_t>(std::count_if(
        records.begin(), records.end(), [outcome](const auto& record) { return record.outcome == outcome; }));
}

} // namespace

std::string_view to_string(Command command) {
    switch (command) {
    case Command::run:
        return "run";
    case Command::plan:
        return "plan";
    case Command::push:
        return "push";
    case Command::verify:
        return "verify";
    }
    return "run";
}

std::vector<std::pair<std::string, std::uint64_t>> given_in_words(const ShardReport& shard) {
    std::vector<std::pair<std::string, std::uint64_t>> words;
    for (const auto& given : shard.given) {
        auto from = "shard " + std::to_string(given.from), to = "shard " + std::to_string(given.to);
        auto count = given.derivations.size();
        if (shard.number == 0)
            words.emplace_back(to + " for " + from, count);
        else if (shard.number == given.to)
            words.emplace_back("for " + from, count);
        else if (shard.number == given.from)
            words.emplace_back("left to " + to, count);
    }
    return words;
}

std::uint64_t RunReport::count(event::BuildOutcome outcome) const { return count_in(builds, outcome); }

std::uint64_t RunReport::count(event::PushOutcome outcome) const { return count_in(pushes, outcome); }

Figures figures(const RunReport& report) {
    using event::BuildOutcome;
    using event::PushOutcome;
    Figures result;
    for (const auto& build : report.builds) {
        switch (build.outcome) {
        case BuildOutcome::built:
            ++result.built;
            ++result.built_of_kind[build.kind];
            break;
        case BuildOutcome::found:
            ++result.found;
            break;
        case BuildOutcome::failed:
            ++result.failed;
            break;
        case BuildOutcome::timed_out:
            ++result.timed_out;
            break;
        case BuildOutcome::silent:
            ++result.silent;
            break;
        case BuildOutcome::refused:
            ++result.refused;
            break;
        case BuildOutcome::cancelled:
            ++result.cancelled;
            break;
        case BuildOutcome::blocked:
            ++result.blocked;
            break;
        case BuildOutcome::not_started:
            ++(build.waits_for_upstream() && report.command != Command::plan ? result.waiting_for_upstream
                                                                             : result.not_started);
            break;
        case BuildOutcome::elsewhere:
            ++result.elsewhere;
            break;
        }
    }
    for (const auto& push : report.pushes) {
        switch (push.outcome) {
        case PushOutcome::published:
            ++(push.while_building ? result.pushed_while_building : result.pushed_after);
            result.deduplicated += push.deduplicated ? 1 : 0;
            result.pushed_nar_bytes += push.nar_size;
            result.pushed_file_bytes += push.file_size;
            break;
        case PushOutcome::already_there:
            ++result.already_there;
            break;
        case PushOutcome::withheld:
            ++result.withheld;
            break;
        case PushOutcome::failed:
            ++result.failed_to_push;
            break;
        case PushOutcome::not_pushed:
            // Of a plan: those to push. What it leaves out stands in the list, with the reason.
            if (push.planned || report.command != Command::plan) ++result.not_pushed;
            break;
        }
    }
    for (const auto& target : report.targets) {
        if (target.verdict == event::TargetVerdict::elsewhere) continue; // not a question of this machine
        result.would_compile += target.would_compile;
        result.built_by_design += target.built_by_design;
    }
    return result;
}

} // namespace cachefill::report
