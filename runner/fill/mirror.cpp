#include "fill/mirror.hpp"

#include "base/text.hpp"
#include "cache/credentials.hpp"
#include "cache/make_cache.hpp"
#include "fill/push_environment.hpp"
#include "options/settings.hpp"
#include "presence/open_cache.hpp"

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

// How long an optional cache that stays away may hold up the end of a run.
constexpr auto optional_patience = 30s;
// And its beginning, of one that nobody has seen yet: it may have been away for days.
constexpr auto optional_patience_at_first = 15s;

} // namespace

bool Mirror::is_optional(const GivenUrl& given) {
    auto uri = cache::CacheUri::parse(given.reveal());
    return uri && uri->optional;
}

Task<Result<std::unique_ptr<Mirror>>> Mirror::open(session::Session& session, GivenUrl given) {
    CO_TRY(uri, cache::CacheUri::parse(given.reveal()));
    CO_TRY(credentials, cache::credentials_for(session.environment(), uri));
    async::RetryPolicy retry{.budget = session.settings().retry_budget};
    if (uri.optional) retry.budget = std::min<std::chrono::milliseconds>(retry.budget, optional_patience_at_first);
    auto backend = session.make_cache(uri, std::move(credentials), retry, true);
    auto keys = nix::usable_keys(session.settings().trusted_public_keys);
    CO_TRY(opened,
           co_await presence::open_cache(std::move(backend), presence::Use::fill, std::move(keys), session.sink()));
    std::unique_ptr<Mirror> mirror(new Mirror(session, std::move(opened)));
    co_return std::move(mirror);
}

// The same numbers as in the own cache's view, so that a mask means the same in both.
void Mirror::learn_upstreams(const presence::Judge& own) {
    for (auto number = presence_->size(); number < own.size(); ++number)
        presence_->add_upstream(session_.make_upstream(own.backend(number).uri()));
}

push::PushEnvironment Mirror::environment(const presence::Judge& own, Counting counting, push::PushEnvironment like,
                                          OnSettled on_settled) {
    auto settled = [on_settled = std::move(on_settled)](const nix::StorePath& path, event::PushOutcome) {
        on_settled(path);
    };
    auto served = push_environment(session_.endpoint(), *presence_, std::move(counting), std::move(settled));
    auto environment = std::move(like);
    environment.is_served = [this, &own, ask = std::move(served.is_served)](nix::StorePath path) {
        learn_upstreams(own);
        return ask(std::move(path));
    };
    environment.is_hidden = std::move(served.is_hidden);
    environment.is_served_by_now = std::move(served.is_served_by_now);
    environment.on_settled = std::move(served.on_settled);
    environment.known_keys = [keys = info_.public_keys, others = environment.known_keys](const nix::StorePath& path) {
        auto all = others(path);
        all.insert(all.end(), keys.begin(), keys.end());
        return all;
    };
    return environment;
}

void Mirror::start(plan::Graph& graph, const presence::Judge& own, Counting counting, push::PushSettings settings,
                   push::PushEnvironment like, OnSettled on_settled) {
    presence_ = std::make_unique<presence::Judge>(session_.executor(), session_.clock(), graph, facts_, sink_,
                                                  session_.patience());
    presence_->share_views(own);
    presence_->add_own(std::move(cache_));
    settings.compression = info_.preferred_compression;
    if (!info_.is_public) {
        settings.withheld.clear();
        like.reason_to_withhold = {};
    }
    if (optional_) settings.retry_later.budget = optional_patience;
    pipeline_ = push::make_pipeline(
        session_.executor(), presence_->backend(plan::own_cache), session_.workers(), std::move(settings),
        environment(own, std::move(counting), std::move(like), std::move(on_settled)), sink_);
}

Task<Result<void>> Mirror::keep_realisations(presence::Realisations& realisations, const presence::Judge& own,
                                             plan::CacheMask counting, daemon::Connection& store) {
    if (!presence_) co_return Result<void>(); // nothing was pushed
    learn_upstreams(own);
    CO_TRY_VOID(co_await realisations.publish(*presence_, counting, store));
    co_return Result<void>();
}

Task<Result<void>> Mirror::look(std::function<bool()> is_over) {
    if (!pipeline_) co_return Result<void>(); // nothing was pushed
    VanishedLook where{.executor = session_.executor(),
                       .clock = session_.clock(),
                       .cache = presence_->backend(plan::own_cache),
                       .info = info_,
                       .is_over = is_over};
    CO_TRY(vanished, co_await find_vanished(std::move(where), claimed(pipeline_->ledger())));
    if (!is_over()) vanished_ = std::move(vanished); // else it was not looked at to the end
    co_return Result<void>();
}

report::MirrorReport Mirror::report() const {
    report::MirrorReport report;
    report.name = info_.name;
    report.url = url_;
    report.optional = optional_;
    report.reachable = true;
    if (!pipeline_) return report;
    for (const auto& [path, record] : pipeline_->ledger()) {
        if (auto vanished = vanished_.find(path); vanished != vanished_.end()) {
            ++report.failed;
            if (report.error.empty()) report.error = why_vanished(record, vanished->second);
            continue;
        }
        switch (record.outcome) {
        case event::PushOutcome::published:
            ++report.pushed;
            report.pushed_bytes += record.file_size;
            break;
        case event::PushOutcome::already_there:
            ++report.already_there;
            break;
        case event::PushOutcome::withheld:
        case event::PushOutcome::failed:
            ++report.failed;
            if (report.error.empty()) report.error = record.reason;
            break;
        case event::PushOutcome::not_pushed:
            ++report.not_pushed;
            break;
        }
    }
    return report;
}

} // namespace cachefill::fill
