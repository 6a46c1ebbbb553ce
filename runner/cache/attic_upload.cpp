#include "cache/attic_upload.hpp"

#include "cache/narinfo_record.hpp"

namespace cachefill::cache {

using async::Task;

namespace {

PublishOutcome outcome_of(AtticKept kept) {
    return kept == AtticKept::deduplicated ? PublishOutcome::deduplicated : PublishOutcome::published;
}

// Somebody on the way wants a body with a length.
bool wants_length(const http::Response& response) { return response.status == 411 || response.status == 501; }

} // namespace

AtticUpload::AtticUpload(AtticApi& api, Learnt& learnt, const CacheContext& context, UploadRequest request)
    : api_(api), learnt_(learnt), request_(std::move(request)), executor_(context.executor),
      description_(api.describe(*request_.described)),
      spool_(context.workers, context.spool_directory, request_.nar_size) {}

// An existing path would be replaced by what is sent.
Task<Result<void>> AtticUpload::look() {
    if (learnt_.is_just_missed(request_.path)) co_return Result<void>();
    std::vector<std::string> hashes{std::string(request_.path.hash_part())};
    CO_TRY(missing, co_await api_.query_missing(std::move(hashes)));
    is_there_already_ = missing.empty();
    co_return Result<void>();
}

Task<Result<void>> AtticUpload::hold(Chunk chunk) {
    if (spool_.size() == 0 && !fits_header()) {
        Chunk preamble(description_, async::Limiter::Permit());
        CO_TRY_VOID(co_await spool_.append(std::move(preamble)));
    }
    co_return co_await spool_.append(std::move(chunk));
}

Task<Result<void>> AtticUpload::write(Chunk chunk) {
    nar_bytes_ += chunk.bytes.size();
    if (is_kept_early_) co_return Result<void>();
    if (stream_) co_return co_await write_on(std::move(chunk));
    if (is_there_already_) co_return Result<void>();
    bool may_stream = request_.streamed_nar && learnt_.takes_streams;
    if (!may_stream || spool_.size() > 0) co_return co_await hold(std::move(chunk));
    if (first_.bytes.empty()) {
        // Held ones wait for their second piece: if all memory could be held so, there would never be one.
        if (chunk.budget.is_scarce()) co_return co_await hold(std::move(chunk));
        first_ = std::move(chunk);
        co_return Result<void>();
    }
    CO_TRY_VOID(co_await look());
    if (is_there_already_) {
        first_ = Chunk();
        co_return Result<void>();
    }
    stream_.emplace(executor_, api_.client(), api_.put_path(*request_.described, description_, true));
    Chunk preamble(description_, async::Limiter::Permit());
    CO_TRY_VOID(co_await write_on(std::move(preamble)));
    if (!is_kept_early_) CO_TRY_VOID(co_await write_on(std::exchange(first_, Chunk())));
    if (!is_kept_early_) CO_TRY_VOID(co_await write_on(std::move(chunk)));
    co_return Result<void>();
}

// An answer before the end is a refusal, the connection is gone, or the server is set not to want proof that we have
// the NAR (require-proof-of-possession), and knows it.
Task<Result<void>> AtticUpload::write_on(Chunk chunk) {
    if (co_await stream_->write(std::move(chunk))) co_return Result<void>();
    auto ended = co_await end_stream();
    if (ended) co_return Failure(FailureKind::network, "the server took a part of a NAR for the whole");
    bool is_done = false;
    if (ended.error().can_heal()) is_done = co_await is_there();
    if (!is_done) co_return std::move(ended).error();
    is_kept_early_ = true;
    stream_.reset();
    co_return Result<void>();
}

// Of what may have been done although the answer says otherwise, or did not come.
Task<bool> AtticUpload::is_there() {
    std::vector<std::string> hashes{std::string(request_.path.hash_part())};
    auto missing = co_await api_.query_missing(std::move(hashes));
    co_return missing && missing->empty();
}

Task<Result<AtticKept>> AtticUpload::end_stream() {
    auto answer = co_await stream_->finish();
    if (!answer) {
        is_wanted_whole_ = answer.error().can_heal();
        co_return std::move(answer).error();
    }
    if (wants_length(*answer)) {
        learnt_.takes_streams = false;
        is_wanted_whole_ = true;
        co_return Failure(FailureKind::network,
                          "something before " + api_.endpoint() + " takes no body whose length is not known before");
    }
    auto kept = api_.read_kept(*answer, *request_.described);
    if (!kept) is_wanted_whole_ = kept.error().can_heal();
    co_return kept;
}

Task<Result<void>> AtticUpload::finish(codec::Hash, std::uint64_t file_size) {
    if (is_there_already_) co_return Result<void>();
    if (nar_bytes_ != file_size || file_size == 0) {
        auto got = nar_bytes_;
        co_await abort();
        co_return wrong_size(file_size, got);
    }
    if (!first_.bytes.empty()) CO_TRY_VOID(co_await hold(std::exchange(first_, Chunk())));
    co_return Result<void>();
}

Task<Result<AtticKept>> AtticUpload::send_whole() {
    auto request = api_.put_path(*request_.described, description_, !fits_header());
    spool_.send_as_body(request);
    co_return co_await api_.send_path(std::move(request), *request_.described);
}

Task<Result<PublishOutcome>> AtticUpload::publish(nix::NarInfo info) {
    if (is_kept_early_) co_return PublishOutcome::deduplicated;
    if (!stream_ && !is_there_already_) CO_TRY_VOID(co_await look());
    if (is_there_already_) {
        co_await abort();
        co_return PublishOutcome::already_there;
    }
    std::optional<Result<AtticKept>> ended;
    if (stream_)
        ended.emplace(co_await end_stream());
    else
        ended.emplace(co_await send_whole());
    spool_.clear();
    auto& kept = *ended;
    if (kept) co_return outcome_of(*kept);
    if (kept.error().can_heal()) {
        bool is_done = co_await is_there();
        if (is_done) co_return PublishOutcome::published;
    }
    co_return std::move(kept).error().with_context("uploading " + info.path.to_string());
}

Task<void> AtticUpload::abort() {
    first_ = Chunk();
    spool_.clear();
    if (stream_) co_await stream_->abort();
}

} // namespace cachefill::cache
