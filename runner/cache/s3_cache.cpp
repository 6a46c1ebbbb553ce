#include "cache/s3_cache.hpp"

#include "base/text.hpp"
#include "cache/http_cache.hpp"
#include "cache/nar_look.hpp"
#include "cache/s3_client.hpp"
#include "cache/s3_parts.hpp"
#include "cache/spool.hpp"
#include "nix/realisation.hpp"

namespace cachefill::cache {

using async::Task;

namespace {

constexpr std::string_view usual_region = "us-east-1"; // Nix's

S3Client::Settings signer_settings(const CacheUri& uri, const std::string& region) {
    S3Client::Settings settings;
    settings.party.name = uri.name;
    settings.party.bucket = uri.s3.bucket;
    settings.party.server = uri.s3.endpoint.empty() ? "AWS" : uri.s3.endpoint;
    settings.party.region = region;
    settings.base = uri.s3.base(region);
    settings.storage_class = uri.s3.storage_class;
    return settings;
}

std::string region_of(const CacheUri& uri, const AwsIdentity& identity) {
    if (!uri.s3.region.empty()) return uri.s3.region;
    return identity.region.empty() ? std::string(usual_region) : identity.region;
}

CacheContext asking(http::Client& client, const CacheContext& context) {
    return CacheContext{.executor = context.executor,
                        .client = client,
                        .workers = context.workers,
                        .retry = context.retry,
                        .spool_directory = context.spool_directory,
                        .cachix_api = context.cachix_api,
                        .for_writing = context.for_writing,
                        .is_own = context.is_own,
                        .clock = context.clock};
}

S3Parts::Settings parts_settings(const CacheUri& uri, const std::string& region, const CacheContext& context) {
    S3Parts::Settings settings;
    settings.base = uri.s3.base(region);
    settings.retry = context.retry;
    settings.notes = context.spool_directory;
    return settings;
}

// What fits into the memory of a spool costs fewer requests as a whole, and can be named by its own hash.
StreamWay stream_way(S3Parts& parts) {
    StreamWay way;
    way.begin = [&parts](http::Request put) { return parts.begin_stream(std::move(put)); };
    way.least_nar = Spool::memory_limit + 1;
    way.least_piece = S3Multipart::least_part;
    return way;
}

// One of a plain cache; what was cut off in its middle is cleared away with it.
class S3Upload final : public Upload {
  public:
    S3Upload(std::unique_ptr<Upload> plain, S3Parts& parts) : plain_(std::move(plain)), parts_(parts) {}

    Task<Result<void>> write(Chunk chunk) override { co_return co_await plain_->write(std::move(chunk)); }
    Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override {
        co_return co_await plain_->finish(file_hash, file_size);
    }
    Task<Result<PublishOutcome>> publish(nix::NarInfo info) override {
        co_return co_await plain_->publish(std::move(info));
    }
    Task<void> abort() override {
        co_await plain_->abort();
        co_await parts_.abort_cut_off();
    }
    bool is_wanted_whole() const override { return plain_->is_wanted_whole(); }
    std::string nar_url() const override { return plain_->nar_url(); }

  private:
    std::unique_ptr<Upload> plain_;
    S3Parts& parts_;
};

class S3Cache final : public BinaryCache {
  public:
    S3Cache(CacheUri uri, Credentials credentials, const CacheContext& context)
        : uri_(std::move(uri)), identity_(credentials.logins == http::Logins::all ? credentials.aws : AwsIdentity()),
          keys_(context.executor, context.client, context.clock, identity_),
          signer_(context.client, context.workers, context.clock, signer_settings(uri_, region_of(uri_, identity_)),
                  keys_),
          parts_(context.executor, signer_, context.workers, parts_settings(uri_, region_of(uri_, identity_), context)),
          for_writing_(context.for_writing) {
        auto plain = uri_;
        plain.base = Secret(uri_.s3.base(region_of(uri_, identity_)));
        plain_ = make_http_cache(std::move(plain), std::move(credentials), asking(parts_, context), stream_way(parts_));
    }

    const CacheUri& uri() const override { return uri_; }

    Task<Result<CacheInfo>> open() override {
        auto opened = co_await plain_->open();
        if (!opened) co_return explained(std::move(opened).error());
        opened->substituter_url = substituter_of(uri_, *opened).reveal();
        if (uri_.s3.compression) opened->preferred_compression = *uri_.s3.compression;
        if (!signer_.clock_note().empty()) opened->notes.push_back(signer_.clock_note());
        std::size_t left = 0;
        if (for_writing_) left = co_await parts_.abort_left();
        if (left > 0)
            opened->notes.push_back(counted(left, "upload") + " to " + uri_.name +
                                    " that a run left unfinished: cleared away");
        co_return opened;
    }

    Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) override {
        co_return co_await plain_->query_missing(std::move(paths));
    }
    Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override {
        co_return co_await plain_->get_narinfo(std::move(path));
    }
    Task<Result<NarLook>> look_at_nar(nix::NarInfo info) override {
        co_return co_await plain_->look_at_nar(std::move(info));
    }
    Task<Result<NarRemarks>> check_nar(nix::NarInfo info) override {
        co_return co_await plain_->check_nar(std::move(info));
    }
    bool sends_piece_by_piece() const override { return true; }
    Task<Result<std::unique_ptr<Upload>>> begin_upload(UploadRequest request) override {
        CO_TRY(plain, co_await plain_->begin_upload(std::move(request)));
        std::unique_ptr<Upload> upload = std::make_unique<S3Upload>(std::move(plain), parts_);
        co_return upload;
    }
    Task<Result<void>> pin(std::string name, nix::StorePath path, int keep) override {
        co_return co_await plain_->pin(std::move(name), std::move(path), keep);
    }
    Task<Result<std::string>> read_nar(nix::NarInfo info) override {
        co_return co_await plain_->read_nar(std::move(info));
    }
    Task<Result<void>> set_name(std::string name, nix::StorePath path, int keep) override {
        co_return co_await plain_->set_name(std::move(name), std::move(path), keep);
    }
    Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) override {
        co_return co_await plain_->find_name(std::move(name));
    }
    Task<Result<std::optional<nix::Realisation>>> get_realisation(std::string id) override {
        co_return co_await plain_->get_realisation(std::move(id));
    }
    Task<Result<void>> put_realisation(nix::Realisation realisation) override {
        co_return co_await plain_->put_realisation(std::move(realisation));
    }

  private:
    // A bucket whose keys we may not list answers a refusal for what is not there.
    Failure explained(Failure failure) const {
        bool may_be_hidden = failure.kind() == FailureKind::not_found && !signer_.refusal().empty();
        if (may_be_hidden)
            return Failure(FailureKind::auth,
                           uri_.name + " is no binary cache, or may not be read: " + signer_.refusal())
                .with_http_status(403)
                .with_hint(how_to_be_let_in());
        if (failure.kind() == FailureKind::auth && failure.hint().empty())
            return std::move(failure).with_hint(how_to_be_let_in());
        return failure;
    }

    std::string how_to_be_let_in() const {
        auto text = ways_to_log_in(uri_);
        if (!identity_.passed_over.empty()) text += "; not taken: " + join(identity_.passed_over, "; ");
        return text;
    }

    CacheUri uri_;
    AwsIdentity identity_;
    AwsKeys keys_;
    S3Client signer_;
    S3Parts parts_;
    bool for_writing_;
    std::unique_ptr<BinaryCache> plain_;
};

} // namespace

std::unique_ptr<BinaryCache> make_s3_cache(CacheUri uri, Credentials credentials, const CacheContext& context) {
    return std::make_unique<S3Cache>(std::move(uri), std::move(credentials), context);
}

} // namespace cachefill::cache
