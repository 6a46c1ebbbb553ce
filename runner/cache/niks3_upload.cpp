#include "cache/niks3_upload.hpp"

#include "async/retry.hpp"
#include "base/text.hpp"
#include "cache/narinfo_record.hpp"
#include "codec/encoding.hpp"

#include <boost/system/system_error.hpp>

namespace cachefill::cache {

using async::Task;

namespace {

// A fresh address that is refused as well, so often, is no expired one.
constexpr int refusals_allowed = 2;
constexpr int addresses_at_once = 100;
constexpr std::string_view nar_type = "application/octet-stream";
constexpr std::string_view narinfo_type = "text/x-nix-narinfo";

std::string md5_of(const std::string& bytes) {
    return codec::to_base64(codec::hash_bytes(codec::HashAlgorithm::md5, bytes).digest());
}

} // namespace

Niks3Upload::Niks3Upload(Niks3Api& api, const CacheContext& context, std::span<const nix::PublicKey> keys,
                         UploadRequest request)
    : api_(api), context_(context), keys_(keys), request_(std::move(request)),
      narinfo_key_(narinfo_name(request_.path)), nar_key_("nar/" + request_.described->nar_hash.to_nix32() + ".nar" +
                                                          std::string(codec::file_extension(request_.compression))),
      random_(std::random_device{}()), group_(context.executor),
      spool_(context.workers, context.spool_directory, request_.nar_size) {}

std::vector<Niks3Object> Niks3Upload::objects() const {
    Niks3Object narinfo{narinfo_key_, "narinfo", {}, {}};
    for (const auto& reference : request_.described->references)
        if (reference != request_.path) narinfo.refs.push_back(narinfo_name(reference));
    narinfo.refs.push_back(nar_key_);
    return {std::move(narinfo), Niks3Object{nar_key_, "nar", {}, request_.nar_size}};
}

Task<Result<void>> Niks3Upload::begin() {
    if (is_begun_) co_return Result<void>();
    CO_TRY(pending, co_await api_.create(narinfo_key_, objects()));
    pending_ = std::move(pending);
    is_begun_ = true;
    is_there_already_ = !lacks(narinfo_key_) && !request_.mends;
    if (!lacks(nar_key_)) nar_ = Nar::there;
    co_return Result<void>();
}

// Addresses that have ended, or a pending closure that the clean-up has taken: another one, for what is stored by now.
Task<Result<void>> Niks3Upload::renew() {
    CO_TRY(pending, co_await api_.create(narinfo_key_, objects()));
    pending_ = std::move(pending);
    if (!lacks(nar_key_)) co_return Result<void>();
    CO_TRY(is_stored, co_await api_.has_object(nar_key_));
    if (is_stored) co_return Result<void>();
    co_return Failure(FailureKind::network,
                      "the server of " + api_.uri().name + " has cleaned up what was sent of it: it waited too long");
}

Task<Result<void>> Niks3Upload::write(Chunk chunk) {
    try {
        bytes_ += chunk.bytes.size();
        if (request_.nar_size <= in_one_piece) co_return co_await spool_.append(std::move(chunk));
        auto written = co_await write_part(std::move(chunk));
        if (!written) co_await abort();
        co_return written;
    } catch (const boost::system::system_error&) { // cancelled: the parts must not outlive us; abort() is the caller's
        group_.cancel();
        throw;
    }
}

Task<Result<void>> Niks3Upload::write_part(Chunk chunk) {
    if (failure_) co_return co_await explain_part(*failure_);
    CO_TRY_VOID(co_await begin());
    if (is_there_already_ || nar_ == Nar::there) co_return Result<void>();
    if (!pending_.slots.at(nar_key_).is_in_parts()) co_return co_await spool_.append(std::move(chunk));
    co_await group_.wait_until_fewer_than(parts_in_flight);
    if (failure_) co_return co_await explain_part(*failure_);
    etags_.emplace_back();
    group_.spawn(send_part(etags_.size() - 1, std::move(chunk)));
    co_return Result<void>();
}

Task<void> Niks3Upload::send_part(std::size_t index, Chunk chunk) {
    auto budget = std::move(chunk.budget); // until the part has gone out
    auto bytes = std::make_shared<const std::string>(std::move(chunk.bytes));
    auto hash = [bytes] { return md5_of(*bytes); };
    auto md5 = co_await context_.workers.run(std::move(hash));
    auto etag = co_await put_part(index, std::move(md5), bytes);
    if (etag) {
        etags_[index] = *std::move(etag);
        co_return;
    }
    if (failure_) co_return;
    failure_ = std::move(etag).error().with_context("sending part " + std::to_string(index + 1) + " of " +
                                                    request_.path.to_string());
    group_.cancel();
}

Task<Result<std::string>> Niks3Upload::part_url(std::size_t index, bool is_refused) {
    auto& urls = pending_.slots.at(nar_key_).part_urls;
    auto upload_id = pending_.slots.at(nar_key_).upload_id;
    if (index < urls.size() && !is_refused) co_return urls[index];
    // Those of parts that follow will be needed as well.
    auto first = static_cast<int>(index) + 1;
    auto count = is_refused ? 1 : std::min(addresses_at_once, 10'000 - static_cast<int>(index));
    CO_TRY(more, co_await api_.get_part_urls(nar_key_, std::move(upload_id), first, count));
    urls.resize(std::max(urls.size(), index + more.size()));
    std::move(more.begin(), more.end(), urls.begin() + static_cast<std::ptrdiff_t>(index));
    co_return urls[index];
}

Task<Result<std::string>> Niks3Upload::put_part(std::size_t index, std::string md5,
                                                std::shared_ptr<const std::string> bytes) {
    int refusals = 0;
    auto attempt = [&]() -> Task<Result<std::string>> {
        CO_TRY(url, co_await part_url(index, refusals > 0));
        auto put = api_.put(std::move(url), nar_type, bytes->size());
        put.headers.push_back({"Content-MD5", md5}); // a part that was cut off is no part
        put.body = bytes;
        auto etag = co_await api_.try_put(std::move(put));
        if (etag && etag->empty())
            co_return Failure(FailureKind::protocol, "the object storage took a part and gave it no ETag");
        if (!etag && etag.error().http_status() == 403 && ++refusals <= refusals_allowed)
            co_return Failure(FailureKind::network, etag.error().cause())
                .with_hint(etag.error().hint())
                .with_http_status(403);
        co_return etag;
    };
    co_return co_await async::with_retry(api_.retry(), random_, attempt);
}

// Whoever sends the same NAR, and is done first, makes the server end all other uploads of it.
Task<Result<void>> Niks3Upload::explain_part(Failure failure) {
    group_.cancel();
    co_await group_.join();
    bool may_be_ended = failure.http_status() == 404 || failure.kind() == FailureKind::not_found;
    if (!may_be_ended) co_return failure;
    auto is_stored = co_await api_.has_object(nar_key_);
    if (is_stored && *is_stored) {
        nar_ = Nar::there;
        failure_.reset();
        co_return Result<void>();
    }
    is_wanted_whole_ = true;
    co_return Failure(FailureKind::network,
                      "the upload of " + request_.path.to_string() + " was cleared away while it was under way")
        .with_http_status(404);
}

Task<Result<void>> Niks3Upload::send_whole() {
    int refusals = 0;
    std::string md5;
    auto attempt = [&]() -> Task<Result<std::string>> {
        auto slot = pending_.slots.at(nar_key_);
        if (slot.is_in_parts() && slot.part_urls.empty())
            co_return Failure(FailureKind::protocol, "the server gave no address to upload to");
        auto put = api_.put(slot.is_in_parts() ? slot.part_urls[0] : slot.url, nar_type, spool_.size());
        spool_.send_as_body(put);
        if (put.body && md5.empty()) md5 = md5_of(*put.body);
        if (!md5.empty()) put.headers.push_back({"Content-MD5", md5});
        auto etag = co_await api_.try_put(std::move(put));
        bool is_refused = !etag && etag.error().http_status() == 403;
        if (!is_refused || ++refusals > refusals_allowed - 1) co_return etag;
        CO_TRY(pending, co_await api_.create(narinfo_key_, objects()));
        pending_ = std::move(pending);
        if (!lacks(nar_key_)) co_return std::string();
        co_return Failure(FailureKind::network, etag.error().cause()).with_http_status(403);
    };
    auto sent = co_await async::with_retry(api_.retry(), random_, attempt);
    if (!sent) co_return std::move(sent).error().with_context("sending the NAR of " + request_.path.to_string());
    nar_ = Nar::sent;
    if (!lacks(nar_key_) || !pending_.slots.at(nar_key_).is_in_parts()) co_return Result<void>();
    etags_ = {*std::move(sent)};
    co_return co_await complete_parts();
}

Task<Result<void>> Niks3Upload::complete_parts() {
    auto upload_id = pending_.slots.at(nar_key_).upload_id;
    auto completed = co_await api_.complete_parts(nar_key_, std::move(upload_id), etags_);
    if (completed) {
        nar_ = Nar::sent;
        co_return Result<void>();
    }
    if (completed.error().kind() != FailureKind::not_found) co_return completed;
    // An answer that was lost after the deed, or somebody else was first.
    co_return co_await explain_part(completed.error());
}

Task<Result<void>> Niks3Upload::finish(codec::Hash, std::uint64_t file_size) {
    if (!failure_) co_await group_.join();
    std::optional<Failure> failure;
    if (failure_) {
        auto explained = co_await explain_part(*failure_);
        if (!explained) failure = std::move(explained).error();
    }
    if (!failure && (bytes_ != file_size || file_size == 0)) failure = wrong_size(file_size, bytes_);
    if (!failure) {
        auto sent = co_await begin();
        if (sent && request_.mends && request_.mends->url != nar_key_)
            sent = Failure(FailureKind::protocol,
                           api_.uri().name + " has lost " + request_.mends->url + ", for which nothing else can stand");
        bool is_to_send = sent && !is_there_already_ && nar_ == Nar::to_send;
        if (is_to_send && !etags_.empty())
            sent = co_await complete_parts();
        else if (is_to_send)
            sent = co_await send_whole();
        if (!sent) failure = std::move(sent).error();
    }
    spool_.clear();
    if (!failure) co_return Result<void>();
    co_await abort();
    co_return std::move(*failure);
}

Task<Result<nix::NarInfo>> Niks3Upload::complete_narinfo(nix::NarInfo info) {
    info.url = nar_key_;
    info.compression = request_.compression;
    info.file_hash.reset();
    info.file_size.reset();
    CO_TRY(signatures, co_await api_.sign(pending_.id, narinfo_key_, info));
    for (auto& signature : signatures)
        if (std::find(info.signatures.begin(), info.signatures.end(), signature) == info.signatures.end())
            info.signatures.push_back(std::move(signature));
    if (info.is_trusted_by(keys_)) co_return info;
    co_return Failure(FailureKind::protocol, "the server of " + api_.uri().name +
                                                 " signs with none of the keys that it names: nobody would take " +
                                                 info.path.to_string());
}

Task<Result<void>> Niks3Upload::put_narinfo(const nix::NarInfo& record) {
    auto text = std::make_shared<const std::string>(record.to_string());
    auto attempt = [&]() -> Task<Result<std::string>> {
        auto put = api_.put(pending_.slots.at(narinfo_key_).url, narinfo_type, text->size());
        put.headers.push_back({"Content-MD5", md5_of(*text)});
        put.body = text;
        co_return co_await api_.try_put(std::move(put));
    };
    CO_TRY_VOID(co_await async::with_retry(api_.retry(), random_, attempt));
    co_return Result<void>();
}

Task<Result<PublishOutcome>> Niks3Upload::publish_once(nix::NarInfo info) {
    if (lacks(narinfo_key_)) {
        CO_TRY(record, co_await complete_narinfo(std::move(info)));
        CO_TRY_VOID(co_await put_narinfo(record));
    }
    CO_TRY_VOID(co_await api_.complete(pending_.id));
    co_return nar_ == Nar::there ? PublishOutcome::deduplicated : PublishOutcome::published;
}

Task<Result<PublishOutcome>> Niks3Upload::publish(nix::NarInfo info) {
    if (is_there_already_) co_return PublishOutcome::already_there;
    auto again = info;
    auto published = co_await publish_once(std::move(info));
    // Refused, or not known any more: the five hours may be over. Where only the answer was lost, the server lacks
    // nothing when it is asked again.
    bool may_be_over =
        !published && (published.error().http_status() == 403 || published.error().kind() == FailureKind::not_found);
    if (may_be_over) {
        auto renewed = co_await renew();
        if (renewed)
            published = co_await publish_once(std::move(again));
        else
            published = std::move(renewed).error();
    }
    if (!published) co_return std::move(published).error().with_context("publishing " + request_.path.to_string());
    co_return published;
}

Task<void> Niks3Upload::abort() {
    spool_.clear();
    group_.cancel();
    co_await group_.join();
}

} // namespace cachefill::cache
