#include "fill/push_side.hpp"

#include "async/worker_pool.hpp"
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "fill/archives.hpp"
#include "fill/push_environment.hpp"
#include "fill/pusher.hpp"
#include "fill/sources.hpp"
#include "options/settings.hpp"
#include "presence/source.hpp"
#include "presence/views.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

push::PushSettings PushSide::settings() const {
    auto push = public_settings();
    if (!run_.session.cache_info().is_public) push.withheld.clear();
    return push;
}

push::PushSettings PushSide::public_settings() const {
    const auto& settings = run_.session.settings();
    auto push = push_settings_from(settings);
    push.compression = run_.session.cache_info().preferred_compression;
    if (!settings.allow_source) push.withheld = withheld_from_public();
    return push;
}

std::unordered_map<nix::StorePath, std::string> PushSide::withheld_from_public() const {
    PublicSources sources(private_access(run_.session));
    sources.add_lock(fleet_.flake().lock, fleet_.flake().archive);
    auto withheld = sources.withheld();
    if (fleet_.bundle())
        for (const auto& [path, why] : fleet_.bundle()->contents.withheld) withheld.insert_or_assign(path, why);
    if (fleet_.flake().source)
        withheld.insert_or_assign(*fleet_.flake().source, "it is the flake's own source" + std::string(unless_allowed));
    return withheld;
}

std::map<nix::StorePath, std::string> PushSide::private_sources(const std::vector<nix::PathInfo>& infos) const {
    std::map<nix::StorePath, std::string> found;
    const auto withheld = withheld_from_public();
    const auto pieces = pieces_of_sources();
    for (const auto& info : infos) {
        if (auto known = withheld.find(info.path); known != withheld.end())
            found.emplace(info.path, known->second);
        else if (auto why = pieces->reason_to_withhold(info, run_.session.endpoint().physical(info.path)))
            found.emplace(info.path, std::move(*why));
    }
    return found;
}

std::shared_ptr<SourcePieces> PushSide::pieces_of_sources() const {
    const auto& store = run_.session.endpoint();
    std::vector<SourcePieces::Tree> staying;
    for (const auto& [path, why] : withheld_from_public())
        staying.push_back({.folder = store.physical(path), .why = why});
    PublicSources sources(private_access(run_.session));
    sources.add_lock(fleet_.flake().lock, fleet_.flake().archive);
    std::vector<std::filesystem::path> everybodys;
    for (const auto& path : sources.public_inputs()) everybodys.push_back(store.physical(path));
    return std::make_shared<SourcePieces>(std::move(staying), std::move(everybodys));
}

void PushSide::tell_allowed_sources() {
    const auto& settings = run_.session.settings();
    if (!run_.is_filling() || !settings.allow_source || !run_.session.cache_info().is_public) return;
    PublicSources sources(private_access(run_.session));
    sources.add_lock(fleet_.flake().lock, fleet_.flake().archive);
    auto names = sources.private_origins();
    names.insert(names.begin(), "the flake's own source");
    run_.say(event::Severity::notice,
             "allow-source: may go to the public cache " + run_.session.cache_info().name + ": " + join(names, ", "));
}

push::PushEnvironment PushSide::environment(std::function<void(const nix::StorePath&)> on_done) {
    auto settled = [this, on_done = std::move(on_done)](const nix::StorePath& path, event::PushOutcome outcome) {
        auto upstream = run_.consumers->upstream_of(run_.graph.intern(path));
        if (outcome == event::PushOutcome::published && !upstream.empty()) pushed_although_[path] = std::move(upstream);
        on_done(path);
    };
    // What could not be fetched from where it is served, and so was built, nobody else may get from there either.
    auto counting = [this](const nix::StorePath& path) {
        auto counts = run_.consumers->counting(path);
        bool is_served_in_vain = run_.facts.of(run_.graph.intern(path)).fetch_failed;
        return is_served_in_vain ? counts & run_.judge.views().all_of(plan::own_cache) : counts;
    };
    auto environment = push_environment(run_.session.endpoint(), run_.judge, std::move(counting), std::move(settled));
    environment.clock = &run_.clock;
    environment.path_infos = [this](std::vector<nix::StorePath> paths) { return path_infos(std::move(paths)); };
    environment.is_undecided = [this](const nix::PathInfo& info) {
        return run_.live.is_evaluating() && !run_.consumers->trust().doubt(info).empty();
    };
    environment.until_decided = [this] { return until_evaluated(); };
    if (run_.session.may_be_trusted())
        environment.repair = [this](nix::StorePath path) { return repair(std::move(path)); };
    if (!run_.session.settings().allow_source)
        environment.reason_to_withhold = [this, pieces = pieces_of_sources()](const nix::PathInfo& info) {
            return pieces->reason_to_withhold(info, run_.session.endpoint().physical(info.path));
        };
    environment.known_keys = [this](const nix::StorePath& path) { return run_.consumers->trust().keys(path); };
    environment.is_building = [this] { return !run_.building_done && run_.driver && run_.driver->is_building(); };
    return environment;
}

push::PushEnvironment PushSide::own_environment(std::function<void(const nix::StorePath&)> on_done) {
    auto own = environment(std::move(on_done));
    if (!run_.session.cache_info().is_public) own.reason_to_withhold = {};
    return own;
}

void PushSide::start(std::function<void(const nix::StorePath&)> on_done) {
    auto done = [this, on_done = std::move(on_done)](const nix::StorePath& path) {
        if (run_.outlets.are_done_with(path)) on_done(path);
    };
    if (!run_.session.settings().read_only) {
        pipeline_ = push::make_pipeline(run_.session.executor(), run_.judge.backend(plan::own_cache),
                                        run_.session.workers(), settings(), own_environment(done), run_.session.sink());
        run_.outlets.add(*pipeline_);
    }
    for (auto& mirror : mirrors_) {
        auto push = public_settings(); // it drops what only a public one must not get
        push.memory_budget /= mirrors_.size() + 1;
        auto counting = [this](const nix::StorePath& path) { return run_.consumers->counting(path); };
        mirror->start(run_.graph, run_.judge, std::move(counting), std::move(push), environment(done), done);
        run_.outlets.add(mirror->pipeline());
    }
}

void PushSide::push(async::TaskGroup& stages) {
    if (pipeline_) stages.spawn(push_own());
    for (auto& mirror : mirrors_) stages.spawn(mirror->pipeline().run());
}

Task<void> PushSide::push_own() {
    auto start = run_.clock.now();
    run_.stage_started(event::Stage::push);
    co_await pipeline_->run();
    run_.stage_finished(event::Stage::push, start);
}

Task<void> PushSide::finish() {
    co_await give_targets_to_mirrors();
    run_.outlets.close();
}

Task<void> PushSide::mend(std::vector<presence::UnusableNar>& unusable) {
    if (!run_.outlets.are_open() || run_.interrupted) co_return;
    auto nobody = [](const nix::StorePath&) {};
    co_await put_back(run_.session, run_.judge.backend(plan::own_cache), unusable, settings(), own_environment(nobody),
                      run_.session.sink());
}

Task<void> PushSide::plan() {
    auto push = settings();
    push.only_plan = true;
    push.retry_later.budget = {};
    auto asked = own_environment([](const nix::StorePath&) {});
    asked.on_settled = [](const nix::StorePath&, event::PushOutcome) {}; // the cache is as it was
    event::NullSink nobody;
    auto pipeline = push::make_pipeline(run_.session.executor(), run_.judge.backend(plan::own_cache),
                                        run_.session.workers(), std::move(push), std::move(asked), nobody);
    for (auto path : run_.live.now().pushes) pipeline->add(run_.graph.path(path), false);
    pipeline->close();
    co_await pipeline->run();
    planned_ = pipeline->ledger();
    auto is_unknown = [](const auto& entry) { return entry.second.outcome == event::PushOutcome::failed; };
    auto unknown = std::find_if(planned_.begin(), planned_.end(), is_unknown);
    if (unknown != planned_.end())
        run_.fail(
            Failure(FailureKind::network,
                    "whether it would be pushed is not known of " +
                        counted(static_cast<std::uint64_t>(std::count_if(planned_.begin(), planned_.end(), is_unknown)),
                                "path") +
                        ": " + unknown->second.reason));
}

std::size_t PushSide::planned_pushes() const {
    return static_cast<std::size_t>(
        std::count_if(planned_.begin(), planned_.end(), [](const auto& entry) { return entry.second.planned; }));
}

std::string PushSide::pushed_although(const nix::StorePath& path) const {
    auto found = pushed_although_.find(path);
    return found == pushed_although_.end() ? std::string() : found->second;
}

Task<Result<std::vector<std::optional<nix::PathInfo>>>> PushSide::path_infos(std::vector<nix::StorePath> paths) {
    auto infos = co_await run_.session.connection().query_path_infos(std::move(paths));
    if (infos)
        for (const auto& info : *infos)
            if (info) run_.judge.note_references(*info);
    co_return infos;
}

// Only then it is known who needs a path.
Task<void> PushSide::until_evaluated() {
    while (run_.live.is_evaluating()) co_await run_.live.changed();
}

Task<bool> PushSide::repair(nix::StorePath path) {
    run_.say(event::Severity::warning,
             "the files of " + path.to_string() + " do not match their recorded hash: repairing");
    auto connection = co_await daemon::connect(run_.session.endpoint());
    if (!connection) co_return false;
    auto info = co_await (*connection)->query_path_info(path);
    if (!info || !*info) co_return false;
    // As Nix does it: by a substituter, else by building it again, in place.
    std::vector<daemon::DerivedPath> ways;
    daemon::DerivedPath fetched{.path = path, .outputs = {}};
    ways.push_back(std::move(fetched));
    if ((*info)->deriver) {
        daemon::DerivedPath built{.path = *(*info)->deriver, .outputs = {"*"}};
        ways.push_back(std::move(built));
    }
    for (auto& way : ways) {
        std::vector<daemon::DerivedPath> wanted{std::move(way)};
        auto results = co_await (*connection)->build_paths(std::move(wanted), daemon::BuildMode::repair);
        if (results && !results->empty() && daemon::is_success(results->front().status)) co_return true;
        if ((*connection)->is_broken()) co_return false;
    }
    co_return false;
}

} // namespace cachefill::fill
