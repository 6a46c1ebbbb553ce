#include "fill/pusher.hpp"

#include "async/worker_pool.hpp"
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "fill/archives.hpp"
#include "fill/closures.hpp"
#include "fill/push_environment.hpp"
#include "fill/sources.hpp"
#include "fill/vanished.hpp"
#include "nix/realisation.hpp"
#include "options/settings.hpp"
#include "presence/opened_cache.hpp"
#include "presence/realisations.hpp"
#include "presence/source.hpp"
#include "presence/views.hpp"
#include "session/targets.hpp"
#include "session/upstream_rules.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

push::PushSettings push_settings_from(const options::Settings& settings) {
    push::PushSettings push;
    push.uploads = settings.uploads;
    push.memory_budget = settings.memory;
    push.compression_level = settings.compression_level;
    push.exclude = settings.exclude_push;
    push.push_foreign = settings.push_foreign;
    push.size_budget = settings.size_budget;
    push.retry_later.budget = 3 * settings.retry_budget;
    return push;
}

Pusher::Pusher(session::Session& session, presence::OpenedCache target, const std::set<std::string>& other_targets,
               event::Sink& sink)
    : session_(session), sink_(sink), info_(target.info),
      presence_(session.executor(), session.clock(), graph_, facts_, sink, session.patience()) {
    presence_.add_own(std::move(target));
    upstreams_.emplace(make_upstreams(other_targets));
    host_ = upstreams_->add_host("this machine", {});
}

// Whoever fetches what is pushed from here is taken to trust what this machine does.
presence::Upstreams Pusher::make_upstreams(const std::set<std::string>& other_targets) {
    auto rules = upstream_rules(session_, info_);
    rules.excluded = other_targets;
    if (!rules.from_hosts) rules.machine.substituters.clear();
    auto made = presence::Upstreams::make(presence_, rules, upstream_maker(session_), sink_);
    if (made) return std::move(*made);
    event::Message message{
        .severity = event::Severity::error, .text = made.error().one_line(), .hint = made.error().hint()};
    sink_.on_event(message);
    rules.given.clear();
    return presence::Upstreams::make(presence_, std::move(rules), upstream_maker(session_), sink_).value();
}

Task<Result<bool>> Pusher::is_served(nix::StorePath path) {
    presence::Judge::Counting counts = [this] { return upstreams_->counting(host_); };
    co_return co_await presence_.is_served(std::move(path), std::move(counts));
}

Task<Result<std::vector<std::optional<nix::PathInfo>>>> Pusher::path_infos(std::vector<nix::StorePath> paths) {
    auto infos = co_await connection_->query_path_infos(std::move(paths));
    if (!infos) co_return infos;
    for (const auto& info : *infos) {
        if (!info) continue;
        presence_.note_references(*info);
        if (info->ultimate) built_here_.insert(info->path);
    }
    co_return infos;
}

push::PushEnvironment Pusher::environment(OnSettled& on_settled) {
    auto counting = [this](const nix::StorePath&) { return upstreams_->counting(host_); };
    auto settled = [this, &on_settled](const nix::StorePath& path, event::PushOutcome outcome) {
        if (on_settled && outcome != event::PushOutcome::published) on_settled(path, pipeline_->ledger().at(path));
    };
    auto environment = push_environment(session_.endpoint(), presence_, std::move(counting), std::move(settled));
    environment.clock = &session_.clock();
    environment.path_infos = [this](std::vector<nix::StorePath> asked) { return path_infos(std::move(asked)); };
    if (info_.is_public && !session_.settings().allow_source) {
        PublicSources sources(private_access(session_));
        sources.add_flake(session_.settings().flake);
        sources.add_flake("/etc/nixos");
        environment.reason_to_withhold = [this, sources = std::move(sources)](const nix::PathInfo& info) {
            return sources.reason_to_withhold(info, session_.endpoint().physical(info.path));
        };
    }
    environment.known_keys = [this](const nix::StorePath&) { return presence_.views().known_keys(); };
    return environment;
}

Task<Result<std::vector<presence::UnusableNar>>> Pusher::put_back_archives(std::vector<nix::StorePath> paths,
                                                                           push::PushSettings settings) {
    std::vector<presence::UnusableNar> none;
    // Cachix shows no narinfo without its archive, and takes a look for a download.
    if (info_.hides_incomplete_closures) co_return none;
    presence_.keep_own_narinfos();
    CO_TRY(closure, co_await closure_of(*connection_, std::move(paths)));
    std::vector<plan::PathId> served, asked;
    for (const auto& info : closure) asked.push_back(graph_.intern(info.path));
    CO_TRY_VOID(co_await presence_.ask_bulk(std::move(asked))); // or each would be a question by itself
    for (const auto& info : closure) {
        CO_TRY(is_there, co_await is_served(info.path));
        auto id = graph_.find(info.path);
        if (is_there && id && (facts_.of(*id).present & plan::bit(plan::own_cache)) != 0) served.push_back(*id);
    }
    auto& cache = presence_.backend(plan::own_cache);
    CO_TRY(infos, co_await presence_.own_narinfos(std::move(served)));
    CO_TRY(found, co_await presence::check_nars(session_.executor(), cache, std::move(infos), presence::Depth::looking,
                                                session_.nix().nix_version));
    settings.compression = info_.preferred_compression;
    OnSettled nobody;
    co_await put_back(session_, cache, found.unusable, std::move(settings), environment(nobody), sink_);
    co_return std::move(found.unusable);
}

Task<push::Ledger> Pusher::push(std::vector<nix::StorePath> paths, push::PushSettings settings, OnSettled on_settled) {
    settings.compression = info_.preferred_compression;
    bool is_only_planned = settings.only_plan;
    is_stopped_ = false;
    pipeline_ = push::make_pipeline(session_.executor(), presence_.backend(plan::own_cache), session_.workers(),
                                    std::move(settings), environment(on_settled), sink_);
    for (auto& path : paths) pipeline_->add(std::move(path), false);
    pipeline_->close();
    std::exception_ptr broken;
    try {
        co_await pipeline_->run();
    } catch (...) { // cancelled: the pipeline has cleared up, and must go before what it refers to
        broken = std::current_exception();
    }
    auto ledger = pipeline_->ledger();
    pipeline_.reset();
    if (broken) std::rethrow_exception(broken);
    std::vector<nix::StorePath> published;
    for (const auto& [path, record] : ledger)
        if (record.outcome == event::PushOutcome::published) published.push_back(path);
    co_await look_at(claimed(ledger), ledger);
    for (auto& [path, record] : ledger) {
        auto refused =
            record.outcome == event::PushOutcome::already_there ? presence_.why_refused(path) : std::string();
        if (refused.empty()) continue;
        record.outcome = event::PushOutcome::failed;
        record.reason = std::move(refused);
    }
    if (on_settled)
        for (const auto& path : published) on_settled(path, ledger.at(path));
    auto kept = is_only_planned || is_stopped_ ? Result<void>() : co_await keep_realisations(ledger);
    if (!kept) {
        event::Message message{.severity = event::Severity::warning,
                               .text = "the cache cannot be told where content-addressed outputs went: " +
                                       kept.error().one_line(),
                               .hint = kept.error().hint()};
        sink_.on_event(message);
    }
    co_return ledger;
}

Task<void> Pusher::look_at(std::vector<nix::StorePath> claimed, push::Ledger& ledger) {
    VanishedLook look{.executor = session_.executor(),
                      .clock = session_.clock(),
                      .cache = presence_.backend(plan::own_cache),
                      .info = info_,
                      .is_over = [this] { return is_stopped_; }};
    auto asked = claimed;
    auto vanished = co_await find_vanished(std::move(look), std::move(asked));
    if (!vanished && vanished.error().kind() == FailureKind::machine) {
        // Its place is gone, with all that is in it: no later look would find them.
        for (const auto& path : claimed) {
            auto& record = ledger.at(path);
            record.outcome = event::PushOutcome::failed;
            record.reason = vanished.error().one_line();
        }
        co_return;
    }
    if (!vanished) {
        event::Message message{.severity = event::Severity::warning,
                               .text = "whether the cache shows what it took cannot be known: " +
                                       vanished.error().one_line(),
                               .hint = vanished.error().hint()};
        sink_.on_event(message);
        co_return;
    }
    for (const auto& [path, instead] : *vanished) {
        auto& record = ledger.at(path);
        record.reason = is_stopped_ ? why_not_looked_at : why_vanished(record, instead);
        record.outcome = is_stopped_ ? event::PushOutcome::not_pushed : event::PushOutcome::failed;
        presence_.forget(graph_.intern(path));
    }
}

// What built such an output is a derivation without inputs, with one of Nix's own making in place of those that had
// some (nix/resolve.hpp). That one's realisation is what a machine that evaluates asks for when it has resolved its
// own.
Task<Result<void>> Pusher::keep_realisations(const push::Ledger& ledger) {
    if (!info_.keeps_realisations) co_return Result<void>();
    std::vector<nix::StorePath> served;
    for (const auto& [path, record] : ledger)
        if (is_there(record.outcome)) served.push_back(path);
    CO_TRY(infos, co_await path_infos(std::move(served)));
    auto read = [this](const nix::StorePath& path) { return session::read_derivation(session_.endpoint(), path); };
    nix::RealisationIds ids(read);
    for (const auto& info : infos) {
        if (!info || info->content_address.empty() || !info->deriver) continue;
        auto derivation = read(*info->deriver);
        if (!derivation || !derivation->input_derivations.empty()) continue; // it is not here any more
        for (const auto& output : derivation->outputs) {
            if (output.kind != nix::OutputKind::floating) continue;
            auto id = ids.id(*info->deriver, output.name);
            if (!id) continue;
            CO_TRY(known, co_await connection_->query_realisation(*std::move(id)));
            if (!known || known->out_path != info->path) continue;
            CO_TRY_VOID(co_await presence::put_realisation(presence_, std::move(*known), upstreams_->counting(host_)));
        }
    }
    co_return Result<void>();
}

void Pusher::stop(std::chrono::milliseconds grace) {
    is_stopped_ = true;
    presence_.stop_waiting();
    if (pipeline_) pipeline_->stop(grace);
}

} // namespace cachefill::fill
