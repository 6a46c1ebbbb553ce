#include "cache/cachix_upload.hpp"

#include "async/retry.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cache/make_cache.hpp"
#include "cache/narinfo_record.hpp"
#include "codec/encoding.hpp"

#include <boost/system/system_error.hpp>

namespace cachefill::cache {

namespace {

// A fresh URL that is refused as well, so often, is no expired one.
constexpr int refusals_allowed = 3;

} // namespace

CachixUpload::CachixUpload(CachixApi& api, const CacheContext& context, const std::optional<nix::SecretKey>& key,
                           UploadRequest request)
    : api_(api), context_(context), key_(key), request_(std::move(request)), random_(std::random_device{}()),
      group_(context.executor) {}

async::Task<Result<void>> CachixUpload::write(Chunk chunk) {
    try {
        auto written = co_await write_part(std::move(chunk));
        if (!written) co_await abort();
        co_return written;
    } catch (const boost::system::system_error&) { // cancelled: the parts must not outlive us; abort() is the caller's
        group_.cancel();
        throw;
    }
}

async::Task<Result<void>> CachixUpload::write_part(Chunk chunk) {
    if (failure_) co_return *failure_;
    if (!upload_) {
        CO_TRY(created, co_await api_.create_multipart(request_.compression));
        upload_ = std::move(created);
    }
    co_await group_.wait_until_fewer_than(parts_in_flight);
    if (failure_) co_return *failure_;
    bytes_ += chunk.bytes.size();
    parts_.emplace_back();
    group_.spawn(send_part(parts_.size() - 1, std::move(chunk)));
    co_return Result<void>();
}

void CachixUpload::fail(Failure failure) {
    if (failure_) return;
    failure_ = std::move(failure);
    group_.cancel();
}

async::Task<void> CachixUpload::send_part(std::size_t index, Chunk chunk) {
    auto budget = std::move(chunk.budget); // until the part has gone out
    auto bytes = std::make_shared<const std::string>(std::move(chunk.bytes));
    auto hash = [bytes] { return codec::hash_bytes(codec::HashAlgorithm::md5, *bytes); };
    auto md5 = co_await context_.workers.run(std::move(hash));
    int number = static_cast<int>(index) + 1;
    auto etag = co_await put_part(number, codec::to_base64(md5.digest()), bytes);
    if (!etag) {
        fail(std::move(etag).error().with_context("sending part " + std::to_string(number) + " (" +
                                                  human_bytes(bytes->size()) + ") of " + request_.path.to_string()));
        co_return;
    }
    parts_[index].number = number;
    parts_[index].etag = *std::move(etag);
}

async::Task<Result<std::string>> CachixUpload::put_part(int number, std::string md5,
                                                        std::shared_ptr<const std::string> bytes) {
    int refusals = 0;
    // The URL expires within minutes, so each try asks for its own (cachix/cachix issue 564).
    auto attempt = [&]() -> async::Task<Result<std::string>> {
        CO_TRY(url, co_await api_.try_get_part_url(*upload_, number, md5));
        auto etag = co_await api_.try_put_part(std::move(url), md5, bytes);
        if (!etag && etag.error().http_status() == 403 && ++refusals <= refusals_allowed)
            co_return Failure(FailureKind::network, etag.error().cause()).with_http_status(403);
        co_return etag;
    };
    co_return co_await async::with_retry(context_.retry, random_, attempt);
}

async::Task<void> CachixUpload::look_for_narinfo() {
    auto there = co_await api_.has_narinfo(std::string(request_.path.hash_part()));
    // Not knowing does no harm: Cachix itself never replaces a narinfo.
    is_there_already_ = there && *there;
}

async::Task<Result<void>> CachixUpload::finish(codec::Hash file_hash, std::uint64_t file_size) {
    file_hash_ = file_hash;
    file_size_ = file_size;
    // Somebody else may have published it meanwhile. Asked beside the last parts, it costs publish() no round trip.
    if (!failure_) group_.spawn(look_for_narinfo());
    co_await group_.join();
    if (!failure_ && (bytes_ != file_size || file_size == 0)) failure_ = wrong_size(file_size, bytes_);
    if (!failure_) co_return Result<void>();
    co_await abort();
    co_return *failure_;
}

async::Task<Result<PublishOutcome>> CachixUpload::publish(nix::NarInfo info) {
    if (is_there_already_) {
        co_await abort();
        co_return PublishOutcome::already_there;
    }
    std::optional<std::string> signature;
    if (key_) {
        CO_TRY(bytes, key_->sign_raw(info.fingerprint()));
        signature = std::move(bytes);
    }
    CachixNarInfo narinfo{
        .info = std::move(info), .file_hash = file_hash_, .file_size = file_size_, .signature = std::move(signature)};
    auto outcome = co_await complete(std::move(narinfo));
    if (!outcome) {
        co_await abort();
        co_return std::move(outcome).error().with_context("publishing " + request_.path.to_string());
    }
    upload_.reset();
    co_return outcome;
}

async::Task<Result<PublishOutcome>> CachixUpload::complete(CachixNarInfo narinfo) {
    auto hash = std::string(request_.path.hash_part());
    auto attempt = [&]() -> async::Task<Result<PublishOutcome>> {
        auto completed = co_await api_.try_complete(*upload_, parts_, narinfo);
        if (completed) co_return PublishOutcome::published;
        // Whether the answer was lost after the deed, or an earlier try's deed is what this one was refused for: the
        // narinfo tells (runtimeverification/kontrol pull 1129).
        auto there = co_await api_.has_narinfo(hash);
        if (there && *there) co_return PublishOutcome::published;
        auto failure = std::move(completed).error();
        if (failure.http_status() == 400 && !key_)
            co_return std::move(failure).with_hint(
                "if '" + api_.cache_name() + "' signs with a key of its own, that key belongs in CACHIX_SIGNING_KEY");
        co_return failure;
    };
    co_return co_await async::with_retry(context_.retry, random_, attempt);
}

async::Task<void> CachixUpload::abort() {
    group_.cancel();
    co_await group_.join();
    if (!upload_) co_return;
    auto upload = *std::exchange(upload_, {});
    // What it says changes nothing: Cachix clears up what nobody aborts, later.
    auto ignored = co_await api_.try_abort(std::move(upload));
    static_cast<void>(ignored);
}

} // namespace cachefill::cache
