#include "cache/http_cache.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "cache/credentials.hpp"
#include "cache/front_memory.hpp"
#include "cache/http_reader.hpp"
#include "cache/http_upload.hpp"
#include "cache/http_writer.hpp"
#include "cache/make_cache.hpp"
#include "cache/nar_look.hpp"
#include "cache/narinfo_record.hpp"
#include "nix/realisation.hpp"

namespace cachefill::cache {

namespace {

constexpr std::string_view cache_info_name = "nix-cache-info";

HttpReader::Settings reader_settings(const CacheUri& uri, const Credentials& credentials, const CacheContext& context) {
    using Fronts = HttpReader::Settings::Fronts;
    HttpReader::Settings settings;
    settings.name = uri.name;
    settings.base = uri.base.reveal();
    settings.bearer = credentials.read_bearer;
    settings.logins = credentials.logins;
    settings.forbidden_is_absent = true;
    settings.tells_forbidden = !context.is_own && !context.for_writing;
    if (uri.scheme == Scheme::s3) return settings; // what answers is the store itself, and takes no names but its own
    if (context.for_writing) settings.fronts = Fronts::pass;
    if (context.is_own && !context.for_writing) settings.fronts = Fronts::find;
    return settings;
}

class HttpCache final : public BinaryCache {
  public:
    HttpCache(CacheUri uri, Credentials credentials, CacheContext context, StreamWay streams)
        : uri_(std::move(uri)), key_(std::move(credentials.signing_key)), context_(std::move(context)),
          reader_(context_.client, context_.retry, context_.clock, reader_settings(uri_, credentials, context_)),
          writer_(context_.client, context_.retry, uri_, credentials, reader_, std::move(streams)) {}

    const CacheUri& uri() const override { return uri_; }

    async::Task<Result<CacheInfo>> open() override {
        if (context_.for_writing) CO_TRY_VOID(check_signing_key(key_, uri_));
        CO_TRY(file, co_await read_cache_info());
        CacheInfo info;
        info.name = uri_.name;
        info.substituter_url = uri_.name;
        if (context_.for_writing && key_) info.public_keys.push_back(key_->public_key());
        info.permission = context_.for_writing ? Permission::write : Permission::read;
        info.priority = uri_.priority.value_or(file.priority);
        info.keeps_realisations = true; // a server that takes no such files refuses them
        co_return info;
    }

    async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath>) override {
        co_return Failure(FailureKind::internal, "a plain binary cache has no bulk query");
    }

    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override {
        co_return co_await reader_.get_narinfo(std::move(path));
    }

    async::Task<Result<NarLook>> look_at_nar(nix::NarInfo info) override {
        co_return co_await reader_.look_at_nar(std::move(info));
    }

    async::Task<Result<NarRemarks>> check_nar(nix::NarInfo info) override {
        co_return co_await reader_.check_nar(std::move(info));
    }

    async::Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) override {
        CO_TRY_VOID(check_signing_key(key_, uri_));
        std::unique_ptr<Upload> upload =
            std::make_unique<HttpUpload>(writer_, reader_, key_, context_, std::move(request));
        co_return upload;
    }

    async::Task<Result<void>> pin(std::string, nix::StorePath, int) override {
        co_return Failure(FailureKind::internal, "a plain binary cache has no pins");
    }

    async::Task<Result<std::string>> read_nar(nix::NarInfo info) override {
        co_return co_await reader_.read_nar(std::move(info));
    }

    async::Task<Result<void>> set_name(std::string name, nix::StorePath path, int) override {
        auto request = writer_.put(named_path_file(name), "text/plain");
        request.body = std::make_shared<const std::string>(path.to_string() + "\n");
        co_return co_await writer_.send(std::move(request));
    }

    async::Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) override {
        CO_TRY(text, co_await reader_.get_text(named_path_file(name)));
        if (!text) co_return std::optional<nix::StorePath>();
        auto path = read_named_path(*text, name, uri_.name);
        if (!path) co_return reader_.blotted(path.error());
        co_return std::optional<nix::StorePath>(*std::move(path));
    }

    async::Task<Result<std::optional<nix::Realisation>>> get_realisation(std::string id) override {
        CO_TRY(text, co_await reader_.get_text(realisation_file(id)));
        if (!text) co_return std::optional<nix::Realisation>();
        auto realisation = read_realisation(*text, id, uri_.name);
        if (!realisation) co_return reader_.blotted(realisation.error());
        co_return std::optional<nix::Realisation>(*std::move(realisation));
    }

    async::Task<Result<void>> put_realisation(nix::Realisation realisation) override {
        auto request = writer_.put(realisation_file(realisation.id), "application/json");
        CO_TRY(text, complete_realisation(std::move(realisation), key_));
        request.body = std::make_shared<const std::string>(std::move(text));
        co_return co_await writer_.send(std::move(request));
    }
    std::optional<FrontMemory> front_memory() const override { return reader_.front_memory(); }

  private:
    async::Task<Result<nix::CacheInfoFile>> read_cache_info() {
        std::string name(cache_info_name);
        auto found = co_await reader_.get_text(name);
        bool is_explained = !found && !found.error().hint().empty(); // by whoever knows better
        if (!found && found.error().kind() == FailureKind::auth && !is_explained)
            co_return Failure(FailureKind::auth, uri_.name + " refuses reads: " + found.error().cause())
                .with_http_status(found.error().http_status())
                .with_hint(ways_to_log_in(uri_) + "; consumers need some, too");
        if (!found) co_return std::move(found).error();
        auto& text = *found;
        // Those who read through a proxy that hides it are told so; here it only says what the cache is like.
        if (!text && reader_.front_memory()) {
            CO_TRY(hidden, co_await reader_.get_text_afresh(name));
            text = std::move(hidden);
        }
        if (!text) co_return co_await make_cache_info();
        auto parsed = nix::CacheInfoFile::parse(*text);
        if (looks_like_html(*text))
            co_return Failure(FailureKind::protocol, uri_.name + " answered HTML instead of a nix-cache-info")
                .with_hint(html_hint);
        if (!parsed)
            co_return Failure(FailureKind::protocol, uri_.name + " answered something else than a nix-cache-info")
                .with_hint("is this the address of a binary cache? Open " + uri_.name + "/nix-cache-info to see");
        if (parsed->store_dir != nix::store_dir)
            co_return reader_.blotted(Failure(FailureKind::usage, uri_.name + " is a cache for the store " +
                                                                      quoted_reply(parsed->store_dir, 200) +
                                                                      ", not for " + std::string(nix::store_dir)));
        if (context_.for_writing) CO_TRY_VOID(co_await reader_.look_written(std::move(name)));
        co_return parsed;
    }

    async::Task<Result<nix::CacheInfoFile>> make_cache_info() {
        nix::CacheInfoFile info;
        if (!context_.for_writing && uri_.scheme != Scheme::s3 && reader_.was_forbidden()) // s3 has words of its own
            co_return Failure(FailureKind::protocol,
                              uri_.name +
                                  " answers 403 (Forbidden) when asked for its nix-cache-info, as to a login it "
                                  "does not know or an address that it blocks");
        if (!context_.for_writing)
            co_return Failure(FailureKind::not_found,
                              "there is no binary cache at " + uri_.name + ": it has no nix-cache-info")
                .with_http_status(404);
        info.want_mass_query = true;
        info.priority = 40;
        CO_TRY_VOID(co_await writer_.put_cache_info(std::string(cache_info_name), info.to_string()));
        co_return info;
    }

    CacheUri uri_;
    std::optional<nix::SecretKey> key_;
    CacheContext context_;
    HttpReader reader_;
    HttpWriter writer_;
};

} // namespace

std::unique_ptr<BinaryCache> make_http_cache(CacheUri uri, Credentials credentials, CacheContext context,
                                             StreamWay streams) {
    return std::make_unique<HttpCache>(std::move(uri), std::move(credentials), std::move(context), std::move(streams));
}

} // namespace cachefill::cache
