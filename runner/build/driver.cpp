#include "build/driver.hpp"

#include "async/deadline.hpp"
#include "async/together.hpp"
#include "build/nix_driver.hpp"
#include "build/roots.hpp"

#include <algorithm>

namespace cachefill::build {

using async::Task;
using plan::DerivationId;
using namespace std::chrono_literals;

namespace {

constexpr auto a_moment = 2s; // of those few that are left when a run is told to end

} // namespace

void add_paths_around(const plan::Graph& graph, DerivationId id, std::vector<nix::StorePath>& paths) {
    const auto& derivation = graph.derivation(id);
    paths.push_back(derivation.path);
    for (const auto& output : derivation.outputs)
        if (output.path != plan::no_path) paths.push_back(graph.path(output.path));
    for (const auto& input : derivation.inputs)
        for (auto number : input.outputs)
            if (auto path = graph.derivation(input.derivation).outputs[number].path; path != plan::no_path)
                paths.push_back(graph.path(path));
}

void NixDriver::update(const plan::Plan& plan) {
    forget_who_is_free_of_doubt();
    for (auto id : scheduler_.update(plan, settings_.machines)) {
        if (auto by = scheduler_.blocker(id)) {
            blocked(id, *by);
            continue;
        }
        BuildRecord record;
        if (const auto& elsewhere = scheduler_.planned(id)->failed_elsewhere) {
            record.outcome = event::BuildOutcome::failed;
            record.failed_elsewhere = true;
            record.error = elsewhere->why;
            record.log_tail = elsewhere->log_tail;
        } else {
            record.outcome = event::BuildOutcome::refused;
            record.error = graph_.derivation(id).flaw;
        }
        conclude(id, std::move(record));
    }
    notify();
}

Task<void> NixDriver::run() {
    auto all = [this](async::TaskGroup& workers) {
        for (std::size_t i = 0; i < settings_.local_slots; ++i) workers.spawn(build_slot(this_machine));
        for (std::size_t machine = 1; machine < settings_.machines.size(); ++machine)
            for (std::size_t i = 0; i < settings_.machines[machine].slots; ++i) workers.spawn(build_slot(machine));
        for (std::size_t i = 0; i < settings_.fetches; ++i) workers.spawn(fetch_slot());
        workers.spawn(look_at_the_clock());
    };
    co_await async::together(workers_, all);
    auto interrupted = scheduler_.unfinished();
    std::erase_if(interrupted, [this](auto id) { return scheduler_.state(id) != Scheduler::State::running; });
    auto made = co_await find_made_meanwhile(interrupted);
    for (auto id : interrupted) {
        BuildRecord record;
        record.outcome = event::BuildOutcome::cancelled;
        if (auto it = started_.find(id); it != started_.end()) {
            record.start = it->second;
            record.took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - it->second);
        }
        const auto& outputs = graph_.derivation(id).outputs;
        bool is_made = record.start && std::all_of(outputs.begin(), outputs.end(), [&](const auto& output) {
                           return output.path != plan::no_path && made.contains(graph_.path(output.path));
                       });
        if (!is_made) {
            conclude(id, std::move(record));
            continue;
        }
        record.outcome = event::BuildOutcome::built;
        for (const auto& output : outputs) record.outputs.push_back(graph_.path(output.path));
        co_await built(id, std::move(record));
    }
}

// Of outputs of these the valid ones: the daemon may have been done when it was cut off, and had no time to say so.
Task<std::set<nix::StorePath>> NixDriver::find_made_meanwhile(const std::vector<DerivationId>& interrupted) {
    std::vector<nix::StorePath> outputs;
    for (auto id : interrupted)
        for (const auto& output : graph_.derivation(id).outputs)
            if (output.path != plan::no_path) outputs.push_back(graph_.path(output.path));
    std::set<nix::StorePath> made;
    if (outputs.empty()) co_return made;
    auto work = roots_.find_valid(std::move(outputs));
    auto valid = co_await async::with_deadline(std::move(work), a_moment, "asking what was built meanwhile");
    if (valid) made.insert(valid->begin(), valid->end());
    co_return made;
}

std::vector<nix::StorePath> NixDriver::needed_paths() const {
    std::vector<nix::StorePath> paths;
    for (auto id : scheduler_.unfinished()) {
        add_paths_around(graph_, id, paths);
        if (const auto* planned = scheduler_.planned(id))
            for (auto path : planned->fetch) paths.push_back(graph_.path(path));
    }
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
}

// Those that have not ended may wait for a cache that is away, or for something that does.
std::map<DerivationId, BuildRecord> NixDriver::records() const {
    auto all = records_;
    for (auto id : scheduler_.unfinished()) {
        auto [record, is_new] = all.try_emplace(id);
        auto path = is_new ? scheduler_.failed_fetch_before(id) : std::nullopt;
        if (auto reason = path ? given_up_.find(*path) : given_up_.end(); reason != given_up_.end())
            record->second.waits_for = reason->second.in_words();
    }
    return all;
}

SlotsNow NixDriver::slots() const {
    SlotsNow now{.all = settings_.local_slots, .spare = 0, .wanted = 0};
    for (std::size_t machine = 1; machine < settings_.machines.size(); ++machine)
        now.all += settings_.machines[machine].slots;
    auto used = scheduler_.running() + scheduler_.ready();
    if (used > now.all) now.wanted = used - now.all;
    if (used < now.all && !scheduler_.is_fetching()) now.spare = now.all - used;
    return now;
}

std::optional<async::Clock::TimePoint> NixDriver::running_since(DerivationId id) const {
    auto began = started_.find(id);
    if (began == started_.end() || scheduler_.state(id) != Scheduler::State::running) return {};
    return began->second;
}

void NixDriver::blocked(DerivationId id, DerivationId by) {
    BuildRecord record;
    record.outcome = event::BuildOutcome::blocked;
    record.blocked_by = by;
    conclude(id, std::move(record));
}

void NixDriver::conclude(DerivationId id, BuildRecord record) {
    const auto& derivation = graph_.derivation(id);
    event::BuildFinished finished;
    finished.derivation = derivation.path.to_string();
    finished.name = std::string(derivation.name());
    finished.kind = std::string(plan::to_string(derivation.kind));
    finished.outcome = record.outcome;
    finished.took = record.took;
    for (const auto& output : record.outputs) finished.outputs.push_back(output.to_string());
    finished.error = record.error;
    finished.failed_elsewhere = record.failed_elsewhere;
    finished.log_tail = record.log_tail;
    if (record.blocked_by) finished.blocked_by = std::string(graph_.derivation(*record.blocked_by).name());
    if (callbacks_.targets_of) finished.targets = callbacks_.targets_of(id);
    records_[id] = std::move(record);
    sink_.on_event(finished);
}

std::unique_ptr<Driver> make_driver(Surroundings surroundings, BuildSettings settings, DriverCallbacks callbacks) {
    return std::make_unique<NixDriver>(surroundings, std::move(settings), std::move(callbacks));
}

} // namespace cachefill::build
