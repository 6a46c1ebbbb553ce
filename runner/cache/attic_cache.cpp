#include "cache/attic_cache.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "cache/attic_api.hpp"
#include "cache/attic_upload.hpp"
#include "cache/http_reader.hpp"
#include "cache/nar_look.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/told_reply.hpp"
#include "http/url.hpp"

#include <unordered_map>

namespace cachefill::cache {

using async::Task;

namespace {

constexpr std::chrono::seconds a_moment{10};

// Where the cache is read, and whether our token may go there.
struct ReadingPlace {
    std::string url;
    bool gets_token = false;
    std::string note; // worth telling, if not empty
};

// What a server says of itself behind a proxy that does TLS and does not tell it is http, on the host that we have
// reached by https: then we stay with that.
ReadingPlace reading_place(const AtticApi& api, const std::string& told) {
    auto ours = http::parse_url(api.endpoint()), theirs = http::parse_url(told);
    ReadingPlace place{told, false, {}};
    if (!ours || !theirs) return place;
    bool is_here = http::is_same_host(*ours, *theirs);
    place.gets_token = is_here && (theirs->tls || !ours->tls);
    if (!is_here || !ours->tls || theirs->tls) return place;
    place.url = api.endpoint() + "/" + api.uri().attic.cache;
    place.gets_token = true;
    place.note =
        api.uri().name + " says that it is read at " + told + ", over plain http; it is read at " + place.url +
        " here (the server's settings substituter-endpoint and api-endpoint, or the proxy's X-Forwarded-Proto, "
        "would put that right for `attic use`)";
    return place;
}

class AtticCache final : public BinaryCache {
  public:
    AtticCache(CacheUri uri, Credentials credentials, CacheContext context)
        : uri_(std::move(uri)), logins_(credentials.logins), context_(std::move(context)),
          api_(context_.client, context_.retry, uri_, std::move(credentials.attic), logins_) {
        learnt_.is_just_missed = [this](const nix::StorePath& path) {
            auto found = missed_.extract(path); // for one upload: it is not missed afterwards
            return found && context_.clock.now() - found.mapped() < a_moment;
        };
    }

    const CacheUri& uri() const override { return uri_; }

    Task<Result<CacheInfo>> open() override {
        CO_TRY(told, co_await api_.get_info());
        if (!told.store_dir.empty() && told.store_dir != nix::store_dir)
            co_return Failure(FailureKind::usage, uri_.name + " is a cache for the store " +
                                                      quoted_reply(told.store_dir, 200) + ", not for " +
                                                      std::string(nix::store_dir));
        CO_TRY(permission, co_await find_permission());
        auto place = reading_place(api_, told.substituter_url);
        read_at(place);

        CacheInfo info;
        info.name = uri_.name;
        info.substituter_url = place.url;
        info.public_keys.push_back(told.public_key);
        info.is_public = told.is_public;
        info.permission = permission;
        info.preferred_compression = codec::Compression::none; // the server does that
        info.priority = uri_.priority.value_or(told.priority);
        info.server_signs = true;
        info.has_bulk_query = permission == Permission::write;
        info.keeps_names = false;
        info.retention = told.retention;
        info.upstream_key_names = std::move(told.upstream_key_names);
        if (!place.note.empty()) info.notes.push_back(std::move(place.note));
        if (!told.is_public && !place.gets_token)
            info.notes.push_back(uri_.name + " is private and says that it is read at " + place.url +
                                 ", which is another server: no token is sent there");
        co_return info;
    }

    Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) override {
        if (paths.empty()) co_return paths;
        HashedPaths asked(std::move(paths));
        CO_TRY(answer, co_await api_.query_missing(asked.hashes()));
        CO_TRY(missing, std::move(asked).named_in(answer, uri_.name));
        for (const auto& path : missing) missed_.insert_or_assign(path, context_.clock.now());
        co_return missing;
    }

    Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override {
        if (!reader_) co_return not_open();
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

    bool publishes_by_upload() const override { return true; }
    Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) override {
        if (request.mends)
            co_return Failure(FailureKind::protocol,
                              "attic keeps its archives itself, and has lost that of " + request.path.to_string())
                .with_hint("the server's log says what it lacks; or " + way_to_remove(uri_, request.path) +
                           ", and the next run makes it anew");
        if (request.compression != codec::Compression::none)
            co_return Failure(FailureKind::usage, "attic takes NARs as they are, not by " +
                                                      std::string(codec::to_string(request.compression)));
        if (!request.described)
            co_return Failure(FailureKind::internal, "an upload to attic begins with what the path is");
        if (auto size = api_.describe(*request.described).size(); size > AtticApi::longest_preamble)
            co_return Failure(FailureKind::protocol, request.path.to_string() + " has " +
                                                         counted(request.described->references.size(), "reference") +
                                                         ", whose names are more than attic's server reads (1 MiB)")
                .with_http_status(413);
        std::unique_ptr<Upload> upload = std::make_unique<AtticUpload>(api_, learnt_, context_, std::move(request));
        co_return upload;
    }

    Task<Result<void>> pin(std::string, nix::StorePath, int) override {
        co_return Failure(FailureKind::internal, "a cache of attic has no pins");
    }

    Task<Result<std::string>> read_nar(nix::NarInfo info) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->read_nar(std::move(info));
    }

    Task<Result<void>> set_name(std::string name, nix::StorePath, int) override {
        co_return Failure(FailureKind::usage, uri_.name + " keeps no names, such as " + name);
    }

    Task<Result<std::optional<nix::StorePath>>> find_name(std::string) override {
        co_return std::optional<nix::StorePath>();
    }

    std::optional<FrontMemory> front_memory() const override {
        return reader_ ? reader_->front_memory() : std::nullopt;
    }

  private:
    static Failure not_open() {
        return Failure(FailureKind::internal, "a cache of attic was asked before it was opened");
    }

    // Reading a public cache tells nothing about a token, so the question that only pushers may ask is asked, of
    // nothing. Without a token of ours netrc may have one, which only the client knows of.
    Task<Result<Permission>> find_permission() {
        if (!context_.for_writing && !api_.has_token()) co_return Permission::read;
        std::vector<std::string> nothing;
        auto asked = co_await api_.query_missing(std::move(nothing));
        if (asked) co_return Permission::write;
        bool is_refused = asked.error().kind() == FailureKind::auth;
        if (is_refused && !context_.for_writing) co_return Permission::read;
        co_return std::move(asked).error();
    }

    void read_at(const ReadingPlace& place) {
        using Fronts = HttpReader::Settings::Fronts;
        HttpReader::Settings settings;
        settings.name = uri_.name;
        settings.base = place.gets_token ? api_.with_login(place.url) : place.url;
        settings.logins = place.gets_token ? logins_ : http::Logins::none;
        if (place.gets_token && settings.base == place.url) settings.bearer = api_.login().token;
        if (context_.for_writing) settings.fronts = Fronts::pass;
        if (context_.is_own && !context_.for_writing) settings.fronts = Fronts::find;
        reader_.emplace(context_.client, context_.retry, context_.clock, std::move(settings));
    }

    CacheUri uri_;
    http::Logins logins_;
    CacheContext context_;
    AtticApi api_;
    AtticUpload::Learnt learnt_;
    std::unordered_map<nix::StorePath, async::Clock::TimePoint> missed_;
    std::optional<HttpReader> reader_;
};

} // namespace

std::unique_ptr<BinaryCache> make_attic_cache(CacheUri uri, Credentials credentials, CacheContext context) {
    return std::make_unique<AtticCache>(std::move(uri), std::move(credentials), std::move(context));
}

} // namespace cachefill::cache
