#include "presence/open_cache.hpp"

#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "event/event.hpp"
#include "presence/opened_cache.hpp"

namespace cachefill::presence {

using async::Task;

namespace {

Failure cannot_write(const cache::CacheUri& uri) {
    Failure failure(FailureKind::auth, "the credentials for the cache " + uri.name + " do not allow writing");
    return std::move(failure).with_hint("give credentials that may write, or use --read-only");
}

} // namespace

Task<Result<OpenedCache>> open_cache(std::unique_ptr<cache::BinaryCache> backend, Use use,
                                     std::vector<nix::PublicKey> more_keys, event::Sink& sink) {
    auto info = co_await backend->open();
    // An answer that was garbled on its way is one of a moment.
    if (!info && info.error().kind() == FailureKind::protocol) info = co_await backend->open();
    if (!info) {
        auto failure = std::move(info).error();
        if (failure.kind() == FailureKind::machine && backend->uri().scheme == cache::Scheme::file)
            failure = std::move(failure).with_hint("name a directory that this user may write to");
        else if (failure.can_heal() || (failure.kind() == FailureKind::not_found && failure.http_status() == 0))
            failure = std::move(failure).with_hint(
                "is its address right, and is this machine online? A proxy is taken from http_proxy and https_proxy");
        // What is to be done about credentials, and not about the way there.
        if (failure.kind() == FailureKind::auth && failure.http_status() == 0) co_return failure;
        co_return std::move(failure).with_context("reaching the cache " + backend->uri().name);
    }
    for (const auto& note : info->notes) {
        event::Message message{.severity = event::Severity::notice, .text = note, .hint = {}};
        sink.on_event(message);
    }
    if (use == Use::fill && info->permission != cache::Permission::write) co_return cannot_write(backend->uri());
    OpenedCache opened;
    opened.keys = info->public_keys;
    opened.keys.insert(opened.keys.end(), more_keys.begin(), more_keys.end());
    opened.backend = std::move(backend);
    opened.info = std::move(*info);
    co_return opened;
}

} // namespace cachefill::presence
