#include "cache/http_upload.hpp"

#include "codec/encoding.hpp"

#include <boost/system/system_error.hpp>

#include <array>

namespace cachefill::cache {

using async::Task;

namespace {

constexpr std::chrono::seconds a_moment{10};

// What no other upload will ever have.
std::string random_number() {
    std::random_device device;
    std::array<unsigned, 3> words{device(), device(), device()};
    return codec::to_nix32({reinterpret_cast<const char*>(words.data()), sizeof words});
}

} // namespace

HttpUpload::HttpUpload(HttpWriter& writer, HttpReader& reader, const std::optional<nix::SecretKey>& key,
                       const CacheContext& context, UploadRequest request)
    : writer_(writer), reader_(reader), key_(key), context_(context), request_(std::move(request)),
      spool_(context.workers, context.spool_directory, request_.nar_size) {
    nar_.compression = request_.compression;
}

Task<Result<void>> HttpUpload::write(Chunk chunk) {
    if (stream_) co_return co_await write_on(std::move(chunk));
    if (is_there_already_) co_return Result<void>();
    if (spool_.size() > 0) co_return co_await spool_.append(std::move(chunk));
    if (first_.bytes.empty()) {
        bool may_stream =
            request_.streamed_nar && !request_.mends && writer_.takes_stream(request_.nar_size, chunk.bytes.size());
        // Held ones wait for their second piece: if all memory could be held so, there would never be one.
        if (!may_stream || chunk.budget.is_scarce()) co_return co_await spool_.append(std::move(chunk));
        first_ = std::move(chunk);
        co_return Result<void>();
    }
    CO_TRY_VOID(co_await look_for_narinfo());
    if (is_there_already_) co_return Result<void>();
    stream_name_ = "nar/" + request_.streamed_nar->to_nix32() + "-" + random_number() + ".nar" +
                   std::string(codec::file_extension(nar_.compression));
    stream_ = writer_.begin_stream(context_.executor, put_nar(stream_name_, request_.nar_size));
    CO_TRY_VOID(co_await write_on(std::exchange(first_, Chunk())));
    co_return co_await write_on(std::move(chunk));
}

Task<Result<void>> HttpUpload::write_on(Chunk chunk) {
    if (co_await stream_->write(std::move(chunk))) co_return Result<void>();
    auto ended = co_await end_stream();
    if (ended) co_return not_streamed(Failure(FailureKind::network, "the server took a part for the whole"));
    co_return ended;
}

// Whatever is not clear is left to the way that says how long it is, and tries again as often as is worth it.
Task<Result<void>> HttpUpload::end_stream() {
    auto answer = co_await stream_->finish();
    if (!answer && answer.error().kind() == FailureKind::auth) co_return std::move(answer).error();
    if (!answer) {
        writer_.note_broken_stream();
        co_return not_streamed(std::move(answer).error());
    }
    auto shown = put_nar(stream_name_, 0);
    switch (auto meaning = classify_put(*answer, false)) {
    case PutAnswer::done:
        co_return Result<void>();
    case PutAnswer::too_large:
    case PutAnswer::no_space:
        co_return put_failure(shown, *answer, meaning, writer_.cache_name());
    case PutAnswer::not_allowed: // there may be another login
        break;
    case PutAnswer::away:
        writer_.note_broken_stream();
        break;
    default: // it wants a length (411, 501), or another name
        writer_.note_no_streams();
        break;
    }
    co_return not_streamed(http::status_failure(shown, *answer));
}

Failure HttpUpload::not_streamed(Failure failure) {
    is_wanted_whole_ = true;
    return failure;
}

Task<Result<void>> HttpUpload::check_streamed() {
    auto look = co_await reader_.look_afresh(stream_name_, nar_.file_size);
    if (!look) co_return not_streamed(std::move(look).error());
    if (look->is_there && look->size == nar_.file_size) {
        writer_.note_whole_stream();
        reader_.note_written(stream_name_);
        nar_.url = stream_name_;
        looked_.reset(); // it took a while, and one more question costs little beside it
        co_return Result<void>();
    }
    writer_.note_no_streams();
    co_return not_streamed(
        Failure(FailureKind::protocol, writer_.cache_name() + " has not kept " + stream_name_ + " as it was sent"));
}

Task<Result<void>> HttpUpload::finish(codec::Hash file_hash, std::uint64_t file_size) {
    nar_.file_hash = file_hash;
    nar_.file_size = file_size;
    if (stream_) {
        if (stream_->size() != file_size) {
            auto size = stream_->size();
            co_await abort();
            co_return wrong_size(file_size, size);
        }
        CO_TRY_VOID(co_await end_stream());
        co_return co_await check_streamed();
    }
    if (is_there_already_) co_return Result<void>();
    if (!first_.bytes.empty()) CO_TRY_VOID(co_await spool_.append(std::exchange(first_, Chunk())));
    if (spool_.size() != file_size || file_size == 0) co_return wrong_size(file_size, spool_.size());
    if (!request_.mends) CO_TRY_VOID(co_await look_for_narinfo());
    if (!is_there_already_) CO_TRY_VOID(co_await send_whole());
    spool_.clear();
    co_return Result<void>();
}

// Somebody else may have been faster, or a proxy may have hidden it from us until now.
Task<Result<void>> HttpUpload::look_for_narinfo() {
    auto name = narinfo_name(request_.path);
    looked_ = reader_.found_absent(name);
    if (looked_ && context_.clock.now() - *looked_ < a_moment) co_return Result<void>();
    CO_TRY(look, co_await reader_.look_afresh(std::move(name)));
    looked_ = context_.clock.now();
    is_there_already_ = look.is_there;
    reader_.note_second_look(look.is_there);
    co_return Result<void>();
}

http::Request HttpUpload::put_nar(const std::string& name, std::uint64_t size) const {
    auto request = writer_.put(name, "application/x-nix-nar");
    request.deadlines.total += std::chrono::milliseconds(size / 32); // 32 KB/s; `stall` ends dead ones
    return request;
}

Task<Result<void>> HttpUpload::send_whole() {
    const auto& mends = request_.mends;
    bool fits = mends && mends->compression == nar_.compression && is_own_file(mends->url);
    auto name = fits ? mends->url : nar_name(nar_);
    auto request = put_nar(name, nar_.file_size);
    spool_.send_as_body(request);
    auto url = name;
    if (mends)
        CO_TRY_VOID(co_await writer_.put_again(std::move(request), std::move(name), nar_.file_size));
    else
        CO_TRY_VOID(co_await writer_.put_once(std::move(request), std::move(name), nar_.file_size));
    reader_.note_written(url);
    nar_.url = std::move(url);
    co_return Result<void>();
}

Task<Result<PublishOutcome>> HttpUpload::publish(nix::NarInfo info) {
    if (request_.mends) co_return co_await mend(std::move(info));
    if (is_there_already_) co_return PublishOutcome::already_there;
    auto name = narinfo_name(info.path);
    CO_TRY(record, complete_narinfo(std::move(info), nar_, key_));
    bool just_looked = looked_ && context_.clock.now() - *looked_ < a_moment;
    co_return co_await writer_.put_narinfo(std::move(name), record.to_string(), just_looked);
}

Task<Result<PublishOutcome>> HttpUpload::mend(nix::NarInfo info) {
    const auto& mends = *request_.mends;
    if (auto failure = cannot_mend(mends, info.nar_hash, writer_.cache_name())) co_return std::move(*failure);
    bool holds = nar_.url == mends.url && (!mends.file_size || mends.file_size == nar_.file_size) &&
                 (!mends.file_hash || mends.file_hash == nar_.file_hash);
    if (holds) co_return PublishOutcome::published;
    auto name = narinfo_name(request_.path);
    CO_TRY(text, co_await reader_.get_text(name));
    if (!text)
        co_return Failure(FailureKind::not_found, "the narinfo of " + request_.path.to_string() + " has just vanished");
    auto corrected = with_other_file(*text, nar_.url, nar_);
    CO_TRY_VOID(co_await writer_.replace_narinfo(std::move(name), std::move(corrected)));
    co_return PublishOutcome::published;
}

Task<void> HttpUpload::abort() {
    first_ = Chunk();
    spool_.clear();
    if (stream_) co_await stream_->abort();
}

} // namespace cachefill::cache
