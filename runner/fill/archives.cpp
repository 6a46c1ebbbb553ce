#include "fill/archives.hpp"

#include "async/worker_pool.hpp"
#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "cache/front_memory.hpp"
#include "cache/nar_look.hpp"
#include "cache/narinfo_record.hpp"
#include "event/event.hpp"

#include <set>

namespace cachefill::fill {

namespace {

constexpr std::size_t unusable_told = 5;

event::Message error(std::string text, std::string hint) {
    return {.severity = event::Severity::error, .text = std::move(text), .hint = std::move(hint)};
}

event::Message warning(std::string text, std::string hint) {
    return {.severity = event::Severity::warning, .text = std::move(text), .hint = std::move(hint)};
}

const char* remark_hint(cache::NarRemark remark) {
    switch (remark) {
    case cache::NarRemark::wrong_file_hash:
    case cache::NarRemark::wrong_file_size:
    case cache::NarRemark::longer:
        return "Nix does not mind, other clients may";
    case cache::NarRemark::twice_encoded:
        return "Nix since 2.22 can undo that, an older one cannot";
    case cache::NarRemark::not_unpacked:
        break;
    }
    return "";
}

} // namespace

event::Message describe_unusable(const presence::UnusableNar& nar, const cache::CacheUri& cache) {
    const auto path = nar.info.path.to_string();
    auto text = "the cache shows " + path + ", but nobody can fetch it: " + nar.why;
    if (cache.scheme == cache::Scheme::cachix)
        return error(std::move(text), "only Cachix can mend that: ask its support");
    if (cache.scheme == cache::Scheme::attic)
        return error(std::move(text), "only its server can mend that, whose log says what it lacks; or " +
                                          cache::way_to_remove(cache, nar.info.path) +
                                          ", and the next run makes it anew");
    if (nar.state == cache::NarState::encoded)
        return error(std::move(text), "let the server, or the proxy before it, send archives as they are (nginx: gzip "
                                      "off for them), or use a newer Nix");
    auto given = cache.to_string();
    if (!cache.push_base.empty()) given += "?push=" + redact_url(cache.push_base.reveal());
    return error(std::move(text), "where that path is valid, `cachefill push --cache " + given + " " + path +
                                      "` puts its archive back; or " + cache::way_to_remove(cache, nar.info.path) +
                                      ", and the next run makes it anew");
}

std::vector<event::Message> describe_unusable(const std::vector<presence::UnusableNar>& nars,
                                              const cache::CacheUri& cache) {
    std::vector<event::Message> messages;
    for (std::size_t i = 0; i < std::min(nars.size(), unusable_told); ++i)
        messages.push_back(describe_unusable(nars[i], cache));
    if (nars.size() > unusable_told)
        messages.push_back(
            error("so it is with " + counted(nars.size() - unusable_told, "more path") + ", named as missing", {}));
    return messages;
}

std::vector<event::Message> describe_unusable_upstream(const std::vector<presence::UnusableNar>& nars,
                                                       const std::string& upstream) {
    std::vector<event::Message> messages;
    for (std::size_t i = 0; i < std::min(nars.size(), unusable_told); ++i)
        messages.push_back(warning("upstream " + upstream + " shows " + nars[i].info.path.to_string() +
                                       ", but nobody can fetch it there: " + nars[i].why,
                                   "have it mended there; or leave that upstream out (upstreams.ignore), and the next "
                                   "run builds what it lacks and puts it into the cache"));
    if (nars.size() > unusable_told)
        messages.push_back(warning("so it is with " + counted(nars.size() - unusable_told, "more path") +
                                       " of upstream " + upstream + "; a path is missing if no other cache has it",
                                   {}));
    return messages;
}

std::vector<event::Message> describe_remarks(const presence::NarFindings& findings) {
    std::vector<event::Message> messages;
    for (const auto& [remark, paths] : findings.remarks) {
        auto text = "of " + paths.front().to_string();
        if (paths.size() > 1) text += " and " + counted(paths.size() - 1, "other");
        text += ": " + std::string(cache::to_string(remark));
        messages.push_back(
            {.severity = event::Severity::warning, .text = std::move(text), .hint = remark_hint(remark)});
    }
    return messages;
}

namespace {

// What is in their place by now: a server that cut what it was sent cuts it again.
async::Task<Result<presence::NarFindings>> look_again(async::Executor executor, cache::BinaryCache& cache,
                                                      std::vector<nix::StorePath> paths, std::string nix_version) {
    std::vector<nix::NarInfo> infos;
    for (const auto& path : paths) {
        CO_TRY(info, co_await cache.get_narinfo(path));
        if (!info) co_return Failure(FailureKind::protocol, "the narinfo of " + path.to_string() + " is gone");
        infos.push_back(std::move(*info));
    }
    co_return co_await presence::check_nars(executor, cache, std::move(infos), presence::Depth::looking,
                                            std::move(nix_version));
}

} // namespace

async::Task<void> put_back(session::Session& session, cache::BinaryCache& cache,
                           std::vector<presence::UnusableNar>& unusable, push::PushSettings settings,
                           push::PushEnvironment environment, event::Sink& sink) {
    std::vector<nix::NarInfo> broken;
    for (const auto& nar : unusable)
        if (nar.state != cache::NarState::encoded) broken.push_back(nar.info);
    if (broken.empty()) co_return;
    auto records = co_await push::mend_archives(session.executor(), cache, session.workers(), std::move(broken),
                                                std::move(settings), std::move(environment));
    std::set<nix::StorePath> mended;
    for (const auto& record : records) {
        if (record.outcome == push::Mending::mended) mended.insert(record.path);
        if (record.failure) sink.on_event(error(record.failure->one_line(), record.failure->hint()));
    }
    std::vector<nix::StorePath> replaced(mended.begin(), mended.end());
    auto after = co_await look_again(session.executor(), cache, std::move(replaced), session.nix().nix_version);
    if (!after) {
        auto why = std::move(after).error().with_context("looking at the archives that were put back");
        sink.on_event(error(why.one_line(), why.hint()));
        co_return; // what is not known to be mended is not called so
    }
    std::erase_if(unusable, [&](const auto& nar) { return mended.contains(nar.info.path); });
    for (auto& nar : after->unusable) {
        mended.erase(nar.info.path);
        nar.why += ", also after it was put back from this machine's store: the server changes what it is sent";
        unusable.push_back(std::move(nar));
    }
    if (mended.empty()) co_return;
    event::Message message{.severity = event::Severity::warning,
                           .text = "the cache showed " + counted(mended.size(), "path") +
                                   " whose archive nobody could fetch, first " + mended.begin()->to_string() +
                                   ": archives from this machine's store are in their place now",
                           .hint = {}};
    sink.on_event(message);
}

event::Message describe_front(const cache::FrontMemory& front, const cache::CacheUri& cache) {
    return {.severity = event::Severity::warning,
            .text = cache.name + ": " + cache::describe(front),
            .hint = "until then it hides from others what is there; let it remember no 404 (nginx: proxy_cache_valid "
                    "without 404 and any), or empty its memory"};
}

} // namespace cachefill::fill
