#include "app/mirror.hpp"

#include "base/text.hpp"
#include "cache/credentials.hpp"

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

// How long an optional cache that stays away may hold up the end of a run.
constexpr auto optional_patience = 30s;

} // namespace

bool Mirror::is_optional(const std::string& given) {
    auto question = given.find('?');
    if (question == given.npos) return false;
    for (auto parameter : split(std::string_view(given).substr(question + 1), '&'))
        if (parameter == "optional=1" || parameter == "optional=true") return true;
    return false;
}

Task<Result<std::unique_ptr<Mirror>>> Mirror::open(Session& session, std::string given) {
    CO_TRY(uri, cache::CacheUri::parse(given));
    CO_TRY(cache, session.make_mirror(uri));
    auto opened = co_await cache->open();
    if (!opened) co_return std::move(opened).error().with_context("reaching the further cache " + uri.name);
    if (opened->permission != cache::Permission::write)
        co_return Failure(FailureKind::auth,
                          "the credentials for the further cache " + uri.name + " do not allow writing")
            .with_hint("its own are named in docs/configuration.md, for instance " +
                       cache::credential_name("CACHIX_AUTH_TOKEN", uri));
    std::unique_ptr<Mirror> mirror(new Mirror(session, std::move(cache), std::move(*opened), is_optional(given)));
    mirror->url_ = uri.to_string();
    co_return std::move(mirror);
}

// The same numbers as in the own cache's view, so that a mask means the same in both.
void Mirror::learn_upstreams(const presence::Judge& own) {
    for (auto number = presence_->sources().size(); number < own.sources().size(); ++number) {
        const auto& source = own.sources()[number];
        presence_->add(session_.make_upstream(source.backend->uri()), source.url, source.keys, {});
    }
}

push::PushEnvironment Mirror::environment(const presence::Judge& own,
                                          std::function<plan::CacheMask(const nix::StorePath&)> counting,
                                          push::PushEnvironment like,
                                          std::function<void(const nix::StorePath&)> on_settled) {
    auto environment = std::move(like);
    environment.is_served = [this, &own, counting](nix::StorePath path) {
        learn_upstreams(own);
        return presence_->is_served(path, counting(path));
    };
    environment.is_hidden = [this](const nix::StorePath& path) { return presence_->is_hidden(path); };
    environment.is_served_by_now = [this, counting](nix::StorePath path) {
        return presence_->is_served_by_now(path, counting(path));
    };
    environment.on_settled = [this, on_settled](const nix::StorePath& path, event::PushOutcome outcome) {
        if (outcome == event::PushOutcome::published || outcome == event::PushOutcome::already_there)
            presence_->note_published(path);
        on_settled(path);
    };
    for (const auto& key : info_.public_keys) environment.known_keys.push_back(key);
    return environment;
}

void Mirror::start(plan::Graph& graph, const presence::Judge& own,
                   std::function<plan::CacheMask(const nix::StorePath&)> counting, push::PushSettings settings,
                   push::PushEnvironment like, std::function<void(const nix::StorePath&)> on_settled) {
    presence_ = std::make_unique<presence::Judge>(session_.executor(), graph, facts_, sink_);
    auto number = presence_->add(std::move(cache_), url_, info_.public_keys, info_);
    if (info_.public_keys.empty()) presence_->source(number).any_signature = true;
    settings.compression = info_.preferred_compression;
    if (!info_.is_public) settings.withheld.clear();
    if (optional_) settings.retry_later.budget = optional_patience;
    pipeline_ = push::make_pipeline(
        session_.executor(), *presence_->source(number).backend, session_.workers(), std::move(settings),
        environment(own, std::move(counting), std::move(like), std::move(on_settled)), sink_);
}

report::MirrorReport Mirror::report() const {
    report::MirrorReport report;
    report.name = info_.name;
    report.url = url_;
    report.optional = optional_;
    report.reachable = true;
    if (!pipeline_) return report;
    for (const auto& [path, record] : pipeline_->ledger()) {
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

} // namespace cachefill::app
