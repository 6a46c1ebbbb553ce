#include "cache/cachix_cache.hpp"

#include "base/text.hpp"
#include "cache/cachix_api.hpp"
#include "cache/cachix_upload.hpp"
#include "cache/http_reader.hpp"
#include "cache/make_cache.hpp"
#include "cache/nar_look.hpp"
#include "cache/told_reply.hpp"
#include "http/url.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

// What https://NAME.cachix.org/nix-cache-info says for every cache.
constexpr int cachix_priority = 41;

// May the token that the API got also go where its reply says that the cache is read? Where a reply leads elsewhere,
// nobody has said that it may.
bool is_of(const std::string& api_url, const std::string& read_url) {
    auto api = http::parse_url(api_url), read = http::parse_url(read_url);
    if (!api || !read) return false;
    auto is_here = [](http::Url url) {
        url.tls = false;
        return !http::is_in_the_open(url);
    };
    if (is_here(*api) && is_here(*read)) return true;
    std::string_view domain = api->host;
    if (domain.starts_with("app.") || domain.starts_with("api.")) domain.remove_prefix(4);
    bool is_named_so = read->host == domain || read->host.ends_with("." + std::string(domain));
    return read->tls && is_named_so;
}

class CachixCache final : public BinaryCache {
  public:
    CachixCache(CacheUri uri, const Credentials& credentials, CacheContext context)
        : uri_(std::move(uri)), token_(credentials.token), key_(credentials.signing_key),
          key_is_a_guess_(credentials.key_is_a_guess), context_(std::move(context)),
          api_(context_.client, context_.retry, context_.cachix_api, uri_, credentials) {}

    const CacheUri& uri() const override { return uri_; }

    async::Task<Result<CacheInfo>> open() override {
        CO_TRY(told, co_await api_.get_info());
        if (context_.for_writing && told.permission != Permission::write)
            co_return token_ ? api_.only_reads() : api_.no_token();
        if (key_is_a_guess_ && !fits(told)) key_.reset();
        CO_TRY_VOID(check_key(told));
        HttpReader::Settings settings;
        settings.name = uri_.name;
        settings.base = told.uri;
        bool is_cachix = is_of(context_.cachix_api, told.uri);
        settings.logins = is_cachix ? http::Logins::all : http::Logins::none;
        if (!told.is_public && is_cachix) settings.bearer = token_;
        reader_.emplace(context_.client, context_.retry, context_.clock, std::move(settings));

        CacheInfo info;
        info.name = uri_.name;
        info.substituter_url = told.uri;
        info.public_keys = std::move(told.public_keys);
        info.is_public = told.is_public;
        info.permission = told.permission;
        info.preferred_compression = told.preferred_compression;
        info.priority = uri_.priority.value_or(cachix_priority);
        info.server_signs = !key_;
        info.has_pins = token_.has_value();
        info.has_bulk_query = true;
        info.hides_incomplete_closures = true;
        if (!told.is_public && token_ && !is_cachix)
            info.notes.push_back("the Cachix cache '" + uri_.name + "' is private and says that it is read at " +
                                 info.substituter_url + ", which is not over https at " +
                                 redact_url(context_.cachix_api) + ": no token is sent there");
        co_return info;
    }

    async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) override {
        HashedPaths asked(std::move(paths));
        CO_TRY(answer, co_await api_.query_missing(asked.hashes()));
        co_return std::move(asked).named_in(answer, "the Cachix cache '" + uri_.name + "'");
    }

    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->get_narinfo(std::move(path));
    }

    async::Task<Result<NarLook>> look_at_nar(nix::NarInfo info) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->look_at_nar(std::move(info));
    }

    async::Task<Result<NarRemarks>> check_nar(nix::NarInfo info) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->check_nar(std::move(info));
    }

    bool sends_piece_by_piece() const override { return true; }
    async::Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) override {
        if (request.mends)
            co_return Failure(FailureKind::protocol,
                              "Cachix keeps its archives itself, and has lost that of " + request.path.to_string())
                .with_hint("only Cachix can mend that: ask its support");
        if (request.compression != codec::Compression::zstd && request.compression != codec::Compression::xz)
            co_return Failure(FailureKind::usage,
                              "Cachix takes zstd and xz, not " + std::string(codec::to_string(request.compression)));
        std::unique_ptr<Upload> upload = std::make_unique<CachixUpload>(api_, context_, key_, std::move(request));
        co_return upload;
    }

    async::Task<Result<void>> pin(std::string name, nix::StorePath path, int keep) override {
        co_return co_await api_.pin(std::move(name), std::move(path), keep);
    }

    async::Task<Result<std::string>> read_nar(nix::NarInfo info) override {
        if (!reader_) co_return not_open();
        co_return co_await reader_->read_nar(std::move(info));
    }

    async::Task<Result<void>> set_name(std::string name, nix::StorePath path, int keep) override {
        co_return co_await api_.pin(std::move(name), std::move(path), keep);
    }

    async::Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) override {
        co_return co_await api_.find_pin(std::move(name));
    }

  private:
    static Failure not_open() {
        return Failure(FailureKind::internal, "a Cachix cache was asked before it was opened");
    }

    bool fits(const CachixCacheInfo& told) const {
        auto ours = key_->public_key();
        return std::any_of(told.public_keys.begin(), told.public_keys.end(),
                           [&](const nix::PublicKey& key) { return key.bytes == ours.bytes; });
    }

    // A signature by another key would be served to everybody and accepted by nobody.
    Result<void> check_key(const CachixCacheInfo& told) const {
        if (!context_.for_writing) return {};
        if (!key_) {
            if (!told.public_keys.empty()) return {};
            return Failure(FailureKind::auth, "the Cachix cache '" + uri_.name + "' has no signing key")
                .with_hint("make one with `cachix generate-keypair " + uri_.name +
                           "` and put it in CACHIX_SIGNING_KEY");
        }
        if (fits(told)) return {};
        std::vector<std::string> names;
        for (const auto& key : told.public_keys) names.push_back(sanitize(key.to_string()));
        return Failure(FailureKind::usage,
                       "the signing key does not belong to the Cachix cache '" + uri_.name +
                           "', whose public keys are: " + (names.empty() ? std::string("none") : join(names, ", ")))
            .with_hint("a cache that Cachix signs for needs no CACHIX_SIGNING_KEY or CACHEFILL_SIGNING_KEY; unset it");
    }

    CacheUri uri_;
    std::optional<Secret> token_;
    std::optional<nix::SecretKey> key_;
    bool key_is_a_guess_;
    CacheContext context_;
    CachixApi api_;
    std::optional<HttpReader> reader_;
};

} // namespace

std::unique_ptr<BinaryCache> make_cachix_cache(CacheUri uri, Credentials credentials, CacheContext context) {
    return std::make_unique<CachixCache>(std::move(uri), credentials, std::move(context));
}

} // namespace cachefill::cache
