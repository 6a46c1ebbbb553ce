#include "cache/http_cache.hpp"

#include "base/text.hpp"
#include "cache/http_reader.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/spool.hpp"

namespace cachefill::cache {

namespace {

constexpr std::string_view cache_info_name = "nix-cache-info";

// PUTs to one plain cache.
class HttpWriter {
  public:
    HttpWriter(http::Client& client, async::RetryPolicy policy, const CacheUri& uri)
        : client_(client), policy_(policy), uri_(uri), random_(std::random_device{}()) {}

    http::Request put(const std::string& name, std::string_view content_type) const {
        http::Request request(http::Method::put, std::string(uri_.base.reveal()) + "/" + name);
        request.headers.push_back({"Content-Type", std::string(content_type)});
        request.follow_redirects = false;
        return request;
    }

    // Is there a file of that name, and of that size if one is given?
    async::Task<Result<bool>> exists(std::string name, std::optional<std::uint64_t> size = {}) {
        http::Request head(http::Method::head, std::string(uri_.base.reveal()) + "/" + name);
        auto any_answer = [](const http::Response& response) {
            return response.is_success() || response.status == 403 || response.status == 404 || response.status == 410;
        };
        CO_TRY(response, co_await http::send_with_retry(client_, std::move(head), policy_, std::move(any_answer)));
        if (!response.is_success()) co_return false;
        auto length = response.find_header("Content-Length");
        co_return !size || !length || parse_u64(*length) == size;
    }

    async::Task<Result<void>> send(http::Request request) {
        auto shown = request;
        shown.body.reset();
        auto is_final = [shown](const http::Response& response) {
            return response.is_success() || !http::status_failure(shown, response).can_heal();
        };
        CO_TRY(response, co_await http::send_with_retry(client_, std::move(request), policy_, std::move(is_final)));
        if (response.is_success()) co_return Result<void>();
        co_return refusal(shown, response);
    }

    // The narinfo, unless there is one. A try whose answer was lost may have worked, so every further one looks first.
    async::Task<Result<PublishOutcome>> put_narinfo(std::string name, std::string text) {
        CO_TRY(exists_already, co_await exists(name));
        if (exists_already) co_return PublishOutcome::already_there;
        auto body = std::make_shared<const std::string>(std::move(text));
        bool is_first = true;
        auto attempt = [&]() -> async::Task<Result<PublishOutcome>> {
            if (!std::exchange(is_first, false)) {
                CO_TRY(arrived, co_await exists(name));
                if (arrived) co_return PublishOutcome::published;
            }
            auto request = put(name, "text/x-nix-narinfo");
            request.headers.push_back({"If-None-Match", "*"}); // servers that know it close the gap after our look
            request.body = body;
            auto shown = request;
            CO_TRY(response, co_await client_.send(std::move(request)));
            if (response.status == 412) co_return PublishOutcome::already_there;
            if (!response.is_success()) co_return refusal(shown, response);
            co_return PublishOutcome::published;
        };
        co_return co_await async::with_retry(policy_, random_, attempt);
    }

  private:
    Failure refusal(const http::Request& request, const http::Response& response) const {
        auto failure = http::status_failure(request, response);
        if (response.status != 401 && response.status != 403 && response.status != 405 && response.status != 501)
            return failure;
        std::string why =
            response.status == 401 || response.status == 403 ? "did not let us write" : "does not take uploads by PUT";
        return Failure(FailureKind::auth, uri_.name + " " + why + ": " + failure.cause())
            .with_http_status(response.status)
            .with_hint("give it credentials by netrc or in the URL; a Cachix cache is written as cachix://NAME");
    }

    http::Client& client_;
    async::RetryPolicy policy_;
    const CacheUri& uri_;
    std::mt19937_64 random_;
};

class HttpUpload final : public Upload {
  public:
    HttpUpload(HttpWriter& writer, const std::optional<nix::SecretKey>& key, const CacheContext& context,
               const UploadRequest& request)
        : writer_(writer), key_(key), spool_(context.workers, context.spool_directory, request.nar_size) {
        nar_.compression = request.compression;
    }

    async::Task<Result<void>> write(Chunk chunk) override { co_return co_await spool_.append(std::move(chunk)); }

    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override {
        if (spool_.size() != file_size || file_size == 0)
            co_return Failure(FailureKind::internal, "an upload of " + std::to_string(file_size) + " bytes got " +
                                                         std::to_string(spool_.size()));
        nar_.file_hash = file_hash;
        nar_.file_size = file_size;
        auto name = nar_name(nar_);
        CO_TRY(there, co_await writer_.exists(name, file_size));
        if (!there) {
            auto request = writer_.put(name, "application/x-nix-nar");
            spool_.send_as_body(request);
            request.deadlines.total += std::chrono::milliseconds(file_size / 32); // 32 KB/s; `stall` ends dead ones
            CO_TRY_VOID(co_await writer_.send(std::move(request)));
        }
        spool_.clear();
        is_in_place_ = true;
        co_return Result<void>();
    }

    async::Task<Result<PublishOutcome>> publish(nix::NarInfo info) override {
        auto name = narinfo_name(info.path);
        CO_TRY(record, complete_narinfo(std::move(info), nar_, key_));
        co_return co_await writer_.put_narinfo(std::move(name), record.to_string());
    }

    // A NAR that already went up may be another path's as well, so it stays.
    async::Task<void> abort() override {
        spool_.clear();
        co_return;
    }

    std::string nar_url() const override { return is_in_place_ ? nar_name(nar_) : std::string(); }

  private:
    HttpWriter& writer_;
    const std::optional<nix::SecretKey>& key_;
    Spool spool_;
    StoredNar nar_;
    bool is_in_place_ = false;
};

class HttpCache final : public BinaryCache {
  public:
    HttpCache(CacheUri uri, Credentials credentials, CacheContext context)
        : uri_(std::move(uri)), key_(std::move(credentials.signing_key)), context_(std::move(context)),
          reader_(context_.client, context_.retry,
                  HttpReader::Settings{.name = uri_.name,
                                       .base = std::string(uri_.base.reveal()),
                                       .bearer = {},
                                       .forbidden_is_absent = true}),
          writer_(context_.client, context_.retry, uri_) {}

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

    async::Task<Result<bool>> has_nar(nix::NarInfo info) override {
        co_return co_await reader_.has_nar(std::move(info));
    }

    async::Task<Result<void>> check_nar(nix::NarInfo info) override {
        co_return co_await reader_.check_nar(std::move(info));
    }

    async::Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) override {
        CO_TRY_VOID(check_signing_key(key_, uri_));
        std::unique_ptr<Upload> upload = std::make_unique<HttpUpload>(writer_, key_, context_, request);
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
        CO_TRY(path, read_named_path(*text, name, uri_.name));
        co_return std::optional<nix::StorePath>(std::move(path));
    }

    async::Task<Result<std::optional<nix::Realisation>>> get_realisation(std::string id) override {
        CO_TRY(text, co_await reader_.get_text(realisation_file(id)));
        if (!text) co_return std::optional<nix::Realisation>();
        CO_TRY(realisation, read_realisation(*text, id, uri_.name));
        co_return std::optional<nix::Realisation>(std::move(realisation));
    }

    async::Task<Result<void>> put_realisation(nix::Realisation realisation) override {
        auto request = writer_.put(realisation_file(realisation.id), "application/json");
        CO_TRY(text, complete_realisation(std::move(realisation), key_));
        request.body = std::make_shared<const std::string>(std::move(text));
        co_return co_await writer_.send(std::move(request));
    }

  private:
    async::Task<Result<nix::CacheInfoFile>> read_cache_info() {
        CO_TRY(text, co_await reader_.get_text(std::string(cache_info_name)));
        if (!text) co_return co_await make_cache_info();
        auto parsed = nix::CacheInfoFile::parse(*text);
        if (looks_like_html(*text))
            co_return Failure(FailureKind::protocol, uri_.name + " answered HTML instead of a nix-cache-info")
                .with_hint(html_hint);
        if (!parsed)
            co_return Failure(FailureKind::protocol, uri_.name + " answered something else than a nix-cache-info")
                .with_hint("is this the address of a binary cache? Open " + uri_.name + "/nix-cache-info to see");
        if (parsed->store_dir != nix::store_dir)
            co_return Failure(FailureKind::usage, uri_.name + " is a cache for the store " +
                                                      sanitize(parsed->store_dir) + ", not for " +
                                                      std::string(nix::store_dir));
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
        auto request = writer_.put(std::string(cache_info_name), "text/x-nix-cache-info");
        request.body = std::make_shared<const std::string>(info.to_string());
        CO_TRY_VOID(co_await writer_.send(std::move(request)));
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
