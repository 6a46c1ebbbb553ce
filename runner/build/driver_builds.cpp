#include "base/files.hpp"
#include "build/nix_driver.hpp"
#include "build/roots.hpp"
#include "build/slot_connection.hpp"
#include "nix/attribute_types.hpp"

#include <unordered_set>
#include <utility>

namespace cachefill::build {

using async::Task;
using plan::DerivationId;

namespace {

constexpr std::size_t batch_limit = 8;
constexpr int daemon_losses_survived = 3;

std::string remedy(const nix::PathInfo& info) {
    std::string words = info.signatures.empty() ? "; " : "; let those hosts trust that key, or ";
    return words + "delete the path (nix store delete) and run again";
}

} // namespace

Task<void> NixDriver::build_slot(std::size_t machine) {
    std::unique_ptr<daemon::Connection> connection;
    auto slots = machine == this_machine ? settings_.local_slots : settings_.machines[machine].slots;
    auto limit = machine == this_machine ? batch_limit : 1;
    auto generation = idle_generation_;
    while (!is_done()) {
        if (std::exchange(generation, idle_generation_) != idle_generation_) connection.reset();
        if (machine != this_machine) give_up_stranded();
        std::vector<DerivationId> batch;
        if (builders_.is_its_turn(machine, clock_.now())) batch = take(machine, limit, slots);
        if (batch.empty()) {
            co_await changed_.wait();
            continue;
        }
        notify(); // what is to be fetched meanwhile
        co_await build(connection, machine, std::move(batch));
        notify();
    }
    notify(); // the others may be done, too
}

std::vector<DerivationId> NixDriver::take(std::size_t machine, std::size_t limit, std::size_t slots) {
    auto may_start = callbacks_.may_start ? callbacks_.may_start() : MayStart::anything;
    if (may_start == MayStart::nothing) return {};
    if (may_start != MayStart::anything && callbacks_.deletable_bytes)
        if (auto id = scheduler_.take_to_free_room(machine, callbacks_.deletable_bytes)) return {*id};
    if (may_start == MayStart::only_what_frees_room) return {};
    return scheduler_.take_builds(machine, limit, slots, !callbacks_.expects_more());
}

daemon::Options NixDriver::build_options(std::size_t machine) const {
    daemon::Options options;
    options.max_build_jobs = machine == this_machine ? 1 : 0;
    // Or Nix would hand a local slot's build to a builder, and leave this machine idle; and a remote slot's to the
    // first of them that is free, or takes long to be found away.
    if (settings_.machines.size() > 1)
        options.overrides["builders"] = machine == this_machine ? std::string() : settings_.machines[machine].builder;
    options.build_cores = settings_.cores;
    options.max_silent_seconds = static_cast<std::uint64_t>(settings_.limits.silence.count());
    // What could be fetched has been fetched; asking the substituters again would only cost time.
    options.use_substitutes = false;
    if (settings_.limits.time.count() > 0) options.overrides["timeout"] = std::to_string(settings_.limits.time.count());
    return options;
}

Task<void> NixDriver::build(std::unique_ptr<daemon::Connection>& connection, std::size_t machine,
                            std::vector<DerivationId> batch) {
    std::vector<nix::StorePath> held;
    for (auto id : batch) add_paths_around(graph_, id, held);
    auto options = build_options(machine);
    auto ready = co_await ensure_connected(connection, endpoint_, std::move(options));
    if (ready) ready = co_await roots_.hold(std::move(held));
    if (ready) ready = co_await wait_for_files(batch);
    if (ready) ready = co_await leave_out_doubtful(*connection, batch);
    if (!ready) {
        BuildRecord record;
        record.outcome = event::BuildOutcome::failed;
        record.error = ready.error().one_line();
        for (auto id : batch) lost(id, record);
        co_return;
    }
    if (batch.empty()) co_return;
    co_await request(*connection, machine, std::move(batch));
}

Task<void> NixDriver::request(daemon::Connection& connection, std::size_t machine, std::vector<DerivationId> batch) {
    auto builder = machine == this_machine ? Builder::here : Builder::remote;
    BuildRequest request(graph_, clock_, std::move(batch), settings_.limits, listener_, builder);
    builders_.begin(machine);
    auto endings = co_await request.run(connection);
    for (auto& trouble : request.passed_over()) note_trouble(std::move(trouble), machine);
    for (auto& ending : endings) co_await settle(std::move(ending), machine);
    builders_.end(machine);
}

Task<Result<void>> NixDriver::wait_for_files(const std::vector<DerivationId>& batch) {
    if (!callbacks_.until_there) co_return Result<void>();
    for (auto id : batch) CO_TRY_VOID(co_await callbacks_.until_there(graph_.derivation(id).path));
    co_return Result<void>();
}

std::vector<plan::PathId> input_paths(const plan::Graph& graph, DerivationId id) {
    std::vector<plan::PathId> paths;
    for (const auto& input : graph.derivation(id).inputs)
        for (auto number : input.outputs)
            if (auto path = graph.derivation(input.derivation).outputs[number].path; path != plan::no_path)
                paths.push_back(path);
    return paths;
}

// Outputs of a remote builder are not `ultimate` here, and may be signed by it.
bool NixDriver::was_built(const nix::StorePath& path) const {
    auto id = graph_.find(path);
    auto producer = id ? graph_.producer(*id) : std::nullopt;
    if (!producer) return false;
    const auto* known = record(producer->derivation);
    return known && known->outcome == event::BuildOutcome::built;
}

Task<std::string> NixDriver::doubt_about(nix::PathInfo info) {
    auto doubt = callbacks_.doubt(info);
    if (doubt.empty() || !callbacks_.is_vouched_for) co_return doubt;
    auto vouched = co_await callbacks_.is_vouched_for(std::move(info));
    if (vouched && *vouched) co_return std::string();
    if (!vouched) doubt += "; whether a cache has the same cannot be known: " + vouched.error().one_line();
    co_return doubt;
}

// Of something valid among these, or what they refer to; empty: there is none.
Task<Result<std::string>> NixDriver::find_doubt_below(daemon::Connection& connection, std::vector<plan::PathId> tops,
                                                      Cleared& cleared) {
    auto forgotten = doubts_forgotten_;
    std::unordered_set<nix::StorePath> met;
    std::vector<nix::StorePath> found;
    auto meet = [&](const nix::StorePath& path) {
        if (!cleared.paths.contains(path) && met.insert(path).second) found.push_back(path);
    };
    for (auto top : tops) meet(graph_.path(top));
    while (!found.empty()) {
        auto asked = std::exchange(found, std::vector<nix::StorePath>());
        CO_TRY(infos, co_await connection.query_path_infos(std::move(asked)));
        for (const auto& info : infos) {
            if (!info) continue; // the daemon will say so
            bool is_ours = was_built(info->path);
            std::string doubt;
            if (!is_ours) doubt = co_await doubt_about(*info);
            if (!doubt.empty()) co_return info->path.to_string() + ": " + doubt + remedy(*info);
            for (const auto& reference : info->references) meet(reference);
            auto id = cleared.made_here && info->ultimate && !is_ours ? graph_.find(info->path) : std::nullopt;
            auto producer = id ? graph_.producer(*id) : std::nullopt;
            if (producer)
                for (auto input : input_paths(graph_, producer->derivation)) meet(graph_.path(input));
        }
    }
    if (forgotten == doubts_forgotten_) cleared.paths.merge(met);
    co_return std::string();
}

Task<Result<std::string>> NixDriver::find_doubt_in_inputs(daemon::Connection& connection, DerivationId id) {
    auto inputs = input_paths(graph_, id);
    for (auto source : graph_.derivation(id).sources) inputs.push_back(source);
    co_return co_await find_doubt_below(connection, std::move(inputs), inputs_cleared_);
}

// Nix builds and fetches for an evaluation by itself, and whoever gets to decide what an evaluation reads decides what
// it makes of the flake.
Task<Result<std::string>> NixDriver::find_doubt_in_reads(daemon::Connection& connection, DerivationId id) {
    std::string doubt;
    for (auto& reads : callbacks_.read_for(id)) {
        CO_TRY(found, co_await find_doubt_below(connection, std::move(reads), reads_cleared_));
        if (found.empty()) co_return std::string(); // one target at least makes it of what can be vouched for
        doubt = "evaluation read " + std::move(found);
    }
    co_return doubt;
}

Task<Result<std::string>> NixDriver::find_doubt(daemon::Connection& connection, DerivationId id) {
    auto found = co_await find_doubt_in_inputs(connection, id);
    if (!found || !found->empty() || !callbacks_.read_for) co_return found;
    co_return co_await find_doubt_in_reads(connection, id);
}

Task<Result<void>> NixDriver::leave_out_doubtful(daemon::Connection& connection, std::vector<DerivationId>& batch) {
    if (!callbacks_.doubt) co_return Result<void>();
    std::vector<DerivationId> rest;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        auto id = batch[i];
        auto found = co_await find_doubt(connection, id);
        // Who is to be believed may not be known yet.
        while (found && !found->empty() && callbacks_.expects_more() && !is_done()) {
            co_await changed_.wait();
            found = co_await find_doubt(connection, id);
        }
        if (!found) { // what has been settled here is not settled again
            rest.insert(rest.end(), batch.begin() + static_cast<std::ptrdiff_t>(i), batch.end());
            batch = std::move(rest);
            co_return std::move(found).error();
        }
        auto doubt = std::move(*found);
        if (!doubt.empty() && is_done()) { // stopped meanwhile
            scheduler_.build_returned(id, true);
            continue;
        }
        if (doubt.empty()) {
            rest.push_back(id);
            continue;
        }
        BuildRecord record;
        record.outcome = event::BuildOutcome::refused;
        record.error = "not built from what cannot be vouched for: " + std::move(doubt);
        failed(id, std::move(record));
    }
    batch = std::move(rest);
    co_return Result<void>();
}

void NixDriver::announce(DerivationId id) {
    started_[id] = clock_.now();
    const auto& derivation = graph_.derivation(id);
    const auto* planned = scheduler_.planned(id);
    event::BuildStarted started{.derivation = derivation.path.to_string(),
                                .name = std::string(derivation.name()),
                                .kind = std::string(plan::to_string(derivation.kind))};
    if (planned && planned->expected.measured) started.expected = planned->expected.time;
    sink_.on_event(started);
}

Task<void> NixDriver::settle(BuildRequest::Ending ending, std::size_t machine) {
    auto id = ending.derivation;
    switch (ending.how) {
    case BuildRequest::Ending::How::ask_alone:
        scheduler_.build_returned(id, true);
        co_return;
    case BuildRequest::Ending::How::daemon_gone:
        lost(id, std::move(ending.record));
        co_return;
    case BuildRequest::Ending::How::builder_failed:
        builder_failed(std::move(ending), machine);
        co_return;
    case BuildRequest::Ending::How::ended:
        break;
    }
    if (machine != this_machine && builders_.note_answer(machine, clock_.now()))
        say(event::Severity::notice, "the remote builder " + builders_.address(machine) + " builds again");
    if (ending.record.outcome == event::BuildOutcome::built || ending.record.outcome == event::BuildOutcome::found) {
        co_await built(id, std::move(ending.record));
        co_return;
    }
    failed(id, std::move(ending.record));
}

Task<void> NixDriver::built(DerivationId id, BuildRecord record) {
    for (const auto& output : record.outputs) {
        auto kept = co_await roots_.keep(output);
        // The temporary root still holds it while we live; only a crash would leave it unprotected.
        if (!kept) warn("cannot root " + output.to_string() + ": " + kept.error().one_line());
    }
    auto outputs = record.outputs;
    scheduler_.build_succeeded(id);
    conclude(id, std::move(record));
    callbacks_.on_built(id, outputs);
}

void NixDriver::failed(DerivationId id, BuildRecord record) {
    if (stopping_) record.outcome = event::BuildOutcome::cancelled;
    bool may_be_refused =
        record.outcome == event::BuildOutcome::failed || record.outcome == event::BuildOutcome::refused;
    if (may_be_refused) record.error += odd_attributes(id);
    conclude(id, std::move(record));
    for (auto dependent : scheduler_.build_failed(id)) blocked(dependent, id);
}

// The daemon went away under it. Whether it was built is unknown; asking for it again costs nothing if it was.
void NixDriver::lost(DerivationId id, BuildRecord record) {
    if (stopping_ || ++losses_[id] < daemon_losses_survived)
        scheduler_.build_returned(id, true);
    else
        failed(id, std::move(record));
}

// What Nix says of an attribute of the wrong type does not always name it, and now and then it is gone before it says
// anything.
std::string NixDriver::odd_attributes(DerivationId id) const {
    auto text = read_file(endpoint_.physical(graph_.derivation(id).path));
    auto derivation = text ? nix::Derivation::parse(*text) : Result<nix::Derivation>(std::move(text).error());
    std::string words;
    if (derivation)
        for (const auto& odd : nix::odd_attributes(*derivation)) words += "; " + odd.in_words();
    return words;
}

} // namespace cachefill::build
