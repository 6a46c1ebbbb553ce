#include "cache/http_cache.hpp"

#include "base/text.hpp"
#include "cache/credentials.hpp"
#include "cache/front_memory.hpp"
#include "cache/http_reader.hpp"
#include "cache/http_writer.hpp"
#include "cache/make_cache.hpp"
#include "cache/nar_look.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/spool.hpp"
#include "nix/realisation.hpp"

namespace cachefill::cache {

namespace {

constexpr std::string_view cache_info_name = "nix-cache-info";

class HttpUpload final : public Upload {
  public:
    HttpUpload(HttpWriter& writer, HttpReader& reader, const std::optional<nix::SecretKey>& key,
               const CacheContext& context, UploadRequest request)
        : writer_(writer), reader_(reader), key_(key),
          spool_(context.workers, context.spool_directory, request.nar_size), path_(std::move(request.path)),
          mends_(std::move(request.mends)) {
        nar_.compression = request.compression;
    }

    async::Task<Result<void>> write(Chunk chunk) override { co_return co_await spool_.append(std::move(chunk)); }

    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override {
        if (spool_.size() != file_size || file_size == 0)
            co_return Failure(FailureKind::internal, "an upload of " + std::to_string(file_size) + " bytes got " +
                                                         std::to_string(spool_.size()));
        nar_.file_hash = file_hash;
        nar_.file_size = file_size;
        if (!mends_) {
            // Somebody else may have been faster, or a proxy may have hidden it from us until now.
            CO_TRY(look, co_await reader_.look_afresh(narinfo_name(path_)));
            looked_ = Clock::now();
            is_there_already_ = look.is_there;
        }
        if (!is_there_already_) CO_TRY_VOID(co_await send_nar());
        spool_.clear();
        co_return Result<void>();
    }

    async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) override {
        if (mends_) co_return co_await mend(std::move(info));
        if (is_there_already_) co_return PublishOutcome::already_there;
        auto name = narinfo_name(info.path);
        CO_TRY(record, complete_narinfo(std::move(info), nar_, key_));
        bool just_looked = Clock::now() - looked_ < a_moment;
        co_return co_await writer_.put_narinfo(std::move(name), record.to_string(), just_looked);
    }

    // A NAR that already went up may be another path's as well, so it stays.
    async::Task<void> abort() override {
        spool_.clear();
        co_return;
    }

    std::string nar_url() const override { return url_; }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds a_moment{10};

    async::Task<Result<void>> send_nar() {
        bool fits = mends_ && mends_->compression == nar_.compression && is_own_file(mends_->url);
        auto name = fits ? mends_->url : nar_name(nar_);
        auto request = writer_.put(name, "application/x-nix-nar");
        spool_.send_as_body(request);
        request.deadlines.total += std::chrono::milliseconds(nar_.file_size / 32); // 32 KB/s; `stall` ends dead ones
        auto url = name;
        CO_TRY_VOID(co_await writer_.put_once(std::move(request), std::move(name), nar_.file_size));
        reader_.note_written(url);
        url_ = std::move(url);
        co_return Result<void>();
    }

    async::Task<Result<PublishOutcome>> mend(nix::NarInfo info) {
        if (auto failure = cannot_mend(*mends_, info.nar_hash, writer_.cache_name())) co_return std::move(*failure);
        bool holds = url_ == mends_->url && (!mends_->file_size || mends_->file_size == nar_.file_size) &&
                     (!mends_->file_hash || mends_->file_hash == nar_.file_hash);
        if (holds) co_return PublishOutcome::published;
        auto name = narinfo_name(path_);
        CO_TRY(text, co_await reader_.get_text(name));
        if (!text)
            co_return Failure(FailureKind::not_found, "the narinfo of " + path_.to_string() + " has just vanished");
        auto corrected = with_other_file(*text, url_, nar_);
        CO_TRY_VOID(co_await writer_.replace_narinfo(std::move(name), std::move(corrected)));
        co_return PublishOutcome::published;
    }

    HttpWriter& writer_;
    HttpReader& reader_;
    const std::optional<nix::SecretKey>& key_;
    Spool spool_;
    nix::StorePath path_;
    std::optional<nix::NarInfo> mends_;
    StoredNar nar_;
    std::string url_; // once it is in its place
    bool is_there_already_ = false;
    Clock::time_point looked_{};
};

HttpReader::Settings reader_settings(const CacheUri& uri, const Credentials& credentials, const CacheContext& context) {
    using Fronts = HttpReader::Settings::Fronts;
    HttpReader::Settings settings;
    settings.name = uri.name;
    settings.base = uri.base.reveal();
    settings.bearer = credentials.read_bearer;
    settings.logins = credentials.logins;
    settings.forbidden_is_absent = true;
    if (uri.scheme == Scheme::s3) return settings; // what answers is the store itself, and takes no names but its own
    if (context.for_writing) settings.fronts = Fronts::pass;
    if (context.is_own && !context.for_writing) settings.fronts = Fronts::find;
    return settings;
}

class HttpCache final : public BinaryCache {
  public:
    HttpCache(CacheUri uri, Credentials credentials, CacheContext context)
        : uri_(std::move(uri)), key_(std::move(credentials.signing_key)), context_(std::move(context)),
          reader_(context_.client, context_.retry, reader_settings(uri_, credentials, context_)),
          writer_(context_.client, context_.retry, uri_, credentials, reader_) {}

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
                                                                      sanitize(parsed->store_dir) + ", not for " +
                                                                      std::string(nix::store_dir)));
        if (context_.for_writing) CO_TRY_VOID(co_await reader_.look_written(std::move(name)));
        co_return parsed;
    }

    async::Task<Result<nix::CacheInfoFile>> make_cache_info() {
        nix::CacheInfoFile info;
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

std::unique_ptr<BinaryCache> make_http_cache(CacheUri uri, Credentials credentials, CacheContext context) {
    return std::make_unique<HttpCache>(std::move(uri), std::move(credentials), std::move(context));
}

} // namespace cachefill::cache
