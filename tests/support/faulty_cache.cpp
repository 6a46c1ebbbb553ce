#include "support/faulty_cache.hpp"

#include "cache/cache_uri.hpp"
#include "nix/realisation.hpp"

namespace cachefill::test {

using namespace std::chrono_literals;

std::string_view to_string(Fault fault) {
    switch (fault) {
    case Fault::refused:
        return "refused";
    case Fault::reset:
        return "reset";
    case Fault::silent:
        return "silent";
    case Fault::unavailable:
        return "503";
    case Fault::limited:
        return "429";
    case Fault::one_path:
        return "500 on one path";
    case Fault::unauthorized:
        return "401";
    case Fault::gone:
        return "gone";
    case Fault::forbidden:
        break;
    }
    return "403";
}

FaultyCache::FaultyCache(async::Executor executor, HandClock& clock, std::string name)
    : MemoryCache(executor), executor_(executor), clock_(clock) {
    address_.scheme = cache::Scheme::http;
    address_.name = "https://" + name;
    address_.base = Secret(address_.name);
}

void FaultyCache::serve(const nix::StorePath& path, std::vector<nix::StorePath> references) {
    put(path);
    visible.at(path).info.references = std::move(references);
}

bool FaultyCache::fails(const nix::StorePath* path) const {
    if (!fault || (until && clock_.elapsed() >= *until)) return false;
    if (fault == Fault::one_path) return path && victim && *path == *victim;
    return true;
}

async::Task<Failure> FaultyCache::fail() {
    if (fault == Fault::silent) {
        async::Nap nap(executor_);
        co_await clock_.sleep_until(nap, clock_.now() + 20s);
        co_return Failure(FailureKind::timeout, "no answer for 20 s");
    }
    switch (*fault) {
    case Fault::refused:
        co_return Failure(FailureKind::network, "connection refused");
    case Fault::unavailable:
        co_return Failure(FailureKind::network, "HTTP status 503").with_http_status(503);
    case Fault::limited:
        co_return Failure(FailureKind::network, "HTTP status 429").with_http_status(429).with_retry_after(5s);
    case Fault::one_path:
        co_return Failure(FailureKind::network, "HTTP status 500").with_http_status(500);
    case Fault::unauthorized:
        co_return Failure(FailureKind::auth, "HTTP status 401").with_http_status(401);
    case Fault::forbidden:
        co_return Failure(FailureKind::auth, "HTTP status 403").with_http_status(403);
    case Fault::gone:
        co_return Failure(FailureKind::machine, "the directory is not there any more");
    case Fault::reset:
    case Fault::silent:
        break;
    }
    co_return Failure(FailureKind::network, "connection reset by peer");
}

std::optional<Failure> FaultyCache::mishap() {
    if (!mishaps.next()) return {};
    return Failure(FailureKind::network, "connection reset by peer");
}

async::Task<Result<cache::CacheInfo>> FaultyCache::open() {
    if (auto failure = mishap()) co_return *failure;
    if (fails(nullptr)) co_return co_await fail();
    cache::CacheInfo info;
    info.name = address_.name;
    info.substituter_url = substituter_url;
    info.has_bulk_query = has_bulk_query;
    info.preferred_compression = preferred_compression;
    info.permission = permission;
    co_return info;
}

async::Task<Result<std::optional<nix::NarInfo>>> FaultyCache::get_narinfo(nix::StorePath path) {
    ++questions;
    if (auto failure = mishap()) co_return *failure;
    // A plain cache that hides what is not there says 403 for that: absent.
    if (fails(&path) && fault == Fault::forbidden) co_return std::optional<nix::NarInfo>();
    if (fails(&path)) co_return co_await fail();
    if (narinfos_are_nonsense) co_return Failure(FailureKind::protocol, address_.name + " answered HTML");
    co_return co_await MemoryCache::get_narinfo(std::move(path));
}

async::Task<Result<std::vector<nix::StorePath>>> FaultyCache::query_missing(std::vector<nix::StorePath> paths) {
    ++questions;
    if (auto failure = mishap()) co_return *failure;
    if (bulk_failure) co_return *bulk_failure;
    if (fails(nullptr)) co_return co_await fail();
    co_return co_await MemoryCache::query_missing(std::move(paths));
}

async::Task<Result<std::optional<nix::Realisation>>> FaultyCache::get_realisation(std::string id) {
    if (auto failure = mishap()) co_return *failure;
    if (fails(nullptr)) co_return co_await fail();
    auto found = told.find(id);
    co_return found == told.end() ? std::nullopt : std::optional(found->second);
}

async::Task<Result<cache::NarLook>> FaultyCache::look_at_nar(nix::NarInfo info) {
    if (auto failure = mishap()) co_return *failure;
    co_return co_await MemoryCache::look_at_nar(std::move(info));
}

} // namespace cachefill::test
