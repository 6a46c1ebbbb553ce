#include "cache/niks3_cache.hpp"

#include "async/together.hpp"
#include "base/text.hpp"
#include "cache/http_reader.hpp"
#include "cache/nar_look.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/niks3_api.hpp"
#include "cache/niks3_upload.hpp"
#include "cache/told_reply.hpp"
#include "http/url.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <unordered_map>

namespace cachefill::cache {

using async::Task;

namespace {

// About 100 bytes each; the server looks each up in its bucket before it answers.
constexpr std::size_t paths_per_question = 2'000;
constexpr std::uint64_t looks_at_once = 128; // the client bounds how many of them are under way
constexpr std::chrono::seconds a_moment{30};
constexpr std::size_t most_just_read = 10'000; // who asked about more reads them again

class Niks3Cache final : public BinaryCache {
  public:
    Niks3Cache(CacheUri uri, Credentials credentials, CacheContext context)
        : uri_(std::move(uri)), logins_(credentials.logins), context_(std::move(context)),
          api_(context_.executor, context_.client, context_.retry, context_.clock, uri_, std::move(credentials.niks3)) {
    }

    const CacheUri& uri() const override { return uri_; }

    Task<Result<CacheInfo>> open() override {
        CO_TRY(config, co_await api_.get_config());
        if (context_.for_writing && config.public_keys.empty())
            co_return Failure(FailureKind::usage, "the server of " + uri_.name +
                                                      " has no signing key, so what it "
                                                      "serves nobody would take")
                .with_hint("niks3's option services.niks3.signKeyFiles names one");
        CO_TRY(permission, co_await find_permission());
        can_write_ = permission == Permission::write;
        keys_ = std::move(config.public_keys);
        CO_TRY(priority, co_await read_at(config.substituter_url));

        CacheInfo info;
        info.name = uri_.name;
        info.substituter_url = read_url_;
        info.public_keys = keys_;
        info.permission = permission;
        info.preferred_compression = codec::Compression::zstd;
        info.priority = uri_.priority.value_or(priority);
        info.server_signs = true;
        info.has_pins = can_write_;
        info.has_bulk_query = can_write_;
        info.bulk_query_sees_archives = false; // we put them into the bucket, and it believes that they are there
        co_return info;
    }

    // What is served, and in the server's books as well: those are asked by a pending closure, which is the one
    // question that they answer, and for which the server looks into its bucket. A narinfo whose closure nobody
    // completed counts as missing, and so does what is on its way to be deleted. Only what is served is asked about:
    // what the server lacks of a question stays pending until its clean-up. Where it lacks nothing the closure is
    // completed, and one of the paths begins to age anew.
    Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) override {
        if (!reader_) co_return not_open();
        HashedPaths asked(paths);
        std::vector<std::string> missing; // hash parts
        for (std::span<const nix::StorePath> rest(paths); !rest.empty();) {
            auto some = rest.first(std::min(rest.size(), paths_per_question));
            rest = rest.subspan(some.size());
            CO_TRY_VOID(co_await ask_about(some, missing));
        }
        std::sort(missing.begin(), missing.end());
        missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
        co_return std::move(asked).named_in(missing, uri_.name);
    }

    Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override {
        if (!reader_) co_return not_open();
        auto read = just_read_.extract(path); // for one question: afterwards it may be another one
        if (read && context_.clock.now() - read.mapped().when < a_moment) co_return std::move(read.mapped().info);
        co_return co_await reader_->get_narinfo(std::move(path));
    }

    Task<Result<NarLook>> look_at_nar(nix::NarInfo info) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->look_at_nar(std::move(info));
    }

    Task<Result<NarRemarks>> check_nar(nix::NarInfo info) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->check_nar(std::move(info));
    }

    bool sends_piece_by_piece() const override { return true; }
    Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) override {
        using codec::Compression;
        auto method = request.compression;
        if (method != Compression::none && method != Compression::zstd && method != Compression::xz &&
            method != Compression::bzip2)
            co_return Failure(FailureKind::usage, "niks3 takes NARs as they are or by zstd, xz or bzip2, not by " +
                                                      std::string(codec::to_string(method)));
        if (!request.described) request.described = request.mends;
        if (!request.described)
            co_return Failure(FailureKind::internal, "an upload to niks3 begins with what the path is");
        std::unique_ptr<Upload> upload = std::make_unique<Niks3Upload>(api_, context_, keys_, std::move(request));
        co_return upload;
    }

    // A pin keeps a closure, and not every path is one: of those that niks3's own client has sent only the hosts'. So
    // it becomes one first, which also lets it age anew.
    Task<Result<void>> pin(std::string name, nix::StorePath path, int) override {
        CO_TRY_VOID(co_await commit(path));
        co_return co_await api_.pin(std::move(name), std::move(path));
    }

    Task<Result<std::string>> read_nar(nix::NarInfo info) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->read_nar(std::move(info));
    }

    Task<Result<void>> set_name(std::string name, nix::StorePath path, int keep) override {
        co_return co_await pin(std::move(name), std::move(path), keep);
    }

    // Without a token where the server leaves its pins beside the narinfos, which its read proxy does not show.
    Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) override {
        if (can_write_) co_return co_await api_.find_pin(std::move(name));
        if (!reader_) co_return not_open();
        CO_TRY(text, co_await reader_->get_text("pins/" + Niks3Api::pin_name(name)));
        if (!text) co_return std::optional<nix::StorePath>();
        CO_TRY(path, read_named_path(*text, name, uri_.name));
        co_return std::optional<nix::StorePath>(std::move(path));
    }

    std::optional<FrontMemory> front_memory() const override {
        return reader_ ? reader_->front_memory() : std::nullopt;
    }

  private:
    struct JustRead {
        std::optional<nix::NarInfo> info;
        async::Clock::TimePoint when;
    };

    static Failure not_open() {
        return Failure(FailureKind::internal, "a cache of niks3 was asked before it was opened");
    }

    struct Looks {
        explicit Looks(async::Executor executor) : turns(executor, looks_at_once) {}
        async::Limiter turns;
        std::vector<std::string> served; // keys of narinfos
        std::vector<std::string> absent; // hash parts
        std::optional<Failure> failure;
    };

    // As many as are asked about at once; `paths` outlive it.
    Task<Result<void>> ask_about(std::span<const nix::StorePath> paths, std::vector<std::string>& missing) {
        Looks looks(context_.executor);
        auto look_at_all = [&](async::TaskGroup& group) {
            for (const auto& path : paths) group.spawn(look_at(path, looks));
        };
        co_await async::together(look_at_all);
        if (looks.failure) co_return std::move(*looks.failure);
        std::move(looks.absent.begin(), looks.absent.end(), std::back_inserter(missing));
        if (looks.served.empty()) co_return Result<void>();
        co_return co_await ask_books(std::move(looks.served), missing);
    }

    Task<void> look_at(nix::StorePath path, Looks& looks) {
        auto turn = co_await looks.turns.acquire();
        if (looks.failure) co_return;
        auto info = co_await reader_->get_narinfo(path);
        if (!info && info.error().kind() != FailureKind::protocol) {
            looks.failure = std::move(info).error();
            co_return;
        }
        if (info && !*info) {
            looks.absent.emplace_back(path.hash_part());
            just_read_.erase(path);
            co_return;
        }
        looks.served.push_back(narinfo_name(path)); // what makes no sense is told when it is asked for by itself
        if (just_read_.size() >= most_just_read) just_read_.clear();
        if (info) just_read_.insert_or_assign(path, JustRead{std::move(**info), context_.clock.now()});
    }

    Task<Result<void>> ask_books(std::vector<std::string> keys, std::vector<std::string>& missing) {
        std::vector<Niks3Object> objects;
        for (const auto& key : keys) objects.push_back(Niks3Object{key, "narinfo", {}, {}});
        CO_TRY(pending, co_await api_.create(keys.front(), std::move(objects)));
        for (const auto& [key, slot] : pending.slots) missing.push_back(key.substr(0, key.find('.')));
        if (!pending.slots.empty()) co_return Result<void>();
        auto refreshed = co_await api_.complete(pending.id); // a courtesy, and no more
        static_cast<void>(refreshed);
        co_return Result<void>();
    }

    Task<Result<Permission>> find_permission() {
        if (!context_.for_writing && api_.login().is_empty()) co_return Permission::read;
        auto checked = co_await api_.check_token();
        if (checked) co_return Permission::write;
        if (checked.error().kind() == FailureKind::auth && !context_.for_writing) co_return Permission::read;
        co_return std::move(checked).error();
    }

    // Where the server says, or at the server itself, if it hands on what is in its bucket. The cache's priority.
    Task<Result<int>> read_at(std::string told) {
        using Fronts = HttpReader::Settings::Fronts;
        read_url_ = told.empty() ? uri_.niks3.endpoint() : told;
        HttpReader::Settings settings;
        settings.name = uri_.name;
        settings.base = read_url_;
        settings.logins = told.empty() || logins_ == http::Logins::none ? logins_ : http::Logins::named;
        settings.forbidden_is_absent = true;
        if (context_.for_writing) settings.fronts = Fronts::pass;
        if (context_.is_own && !context_.for_writing) settings.fronts = Fronts::find;
        reader_.emplace(context_.client, context_.retry, context_.clock, std::move(settings));
        CO_TRY(text, co_await reader_->get_text("nix-cache-info"));
        if (!text && told.empty())
            co_return Failure(FailureKind::usage, "the server of " + uri_.name +
                                                      " does not say where its cache is read, and is not that itself")
                .with_hint("niks3's option services.niks3.cacheUrl says it (--cache-url); a private bucket is read "
                           "by way of the server with --enable-read-proxy");
        if (!text)
            co_return Failure(FailureKind::not_found, "there is no binary cache at " + read_url_ + ", where " +
                                                          uri_.name + " says that it is read");
        CO_TRY(file, nix::CacheInfoFile::parse(*text));
        if (file.store_dir != nix::store_dir)
            co_return Failure(FailureKind::usage, uri_.name + " is a cache for the store " + sanitize(file.store_dir) +
                                                      ", not for " + std::string(nix::store_dir));
        co_return file.priority;
    }

    Task<Result<void>> commit(nix::StorePath path) {
        CO_TRY(info, co_await get_narinfo(path));
        if (!info) co_return Failure(FailureKind::not_found, path.to_string() + " is not in " + uri_.name);
        Niks3Object narinfo{narinfo_name(path), "narinfo", {}, {}};
        for (const auto& reference : info->references)
            if (reference != path) narinfo.refs.push_back(narinfo_name(reference));
        narinfo.refs.push_back(info->url);
        auto key = narinfo.key;
        std::vector<Niks3Object> objects{std::move(narinfo), Niks3Object{info->url, "nar", {}, info->nar_size}};
        CO_TRY(pending, co_await api_.create(std::move(key), std::move(objects)));
        if (!pending.slots.empty())
            co_return Failure(FailureKind::not_found, "the server of " + uri_.name +
                                                          " has lost, or is just deleting, " +
                                                          pending.slots.begin()->first)
                .with_hint("the next run puts it up again");
        co_return co_await api_.complete(pending.id);
    }

    CacheUri uri_;
    http::Logins logins_;
    CacheContext context_;
    Niks3Api api_;
    std::vector<nix::PublicKey> keys_;
    std::string read_url_;
    bool can_write_ = false;
    std::optional<HttpReader> reader_;
    std::unordered_map<nix::StorePath, JustRead> just_read_; // by query_missing()
};

} // namespace

std::unique_ptr<BinaryCache> make_niks3_cache(CacheUri uri, Credentials credentials, CacheContext context) {
    return std::make_unique<Niks3Cache>(std::move(uri), std::move(credentials), std::move(context));
}

} // namespace cachefill::cache
