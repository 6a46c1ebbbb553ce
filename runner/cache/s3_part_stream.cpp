#include "cache/s3_part_stream.hpp"

namespace cachefill::cache {

using async::Task;

Task<bool> S3PartStream::write(Chunk chunk) {
    if (failure_) co_return false;
    if (!upload_) {
        auto started = co_await multipart_.start(put_);
        if (!started) {
            failure_ = std::move(started).error();
            co_return false;
        }
        upload_ = *std::move(started);
    }
    co_await group_.wait_until_fewer_than(parts_in_flight);
    if (failure_) co_return false;
    size_ += chunk.bytes.size();
    etags_.emplace_back();
    group_.spawn(send_part(etags_.size() - 1, std::move(chunk)));
    co_return true;
}

Task<void> S3PartStream::send_part(std::size_t index, Chunk chunk) {
    auto budget = std::move(chunk.budget); // until the part has gone out
    auto bytes = std::make_shared<const std::string>(std::move(chunk.bytes));
    auto etag = co_await multipart_.put_part(*upload_, index, std::move(bytes));
    if (etag) {
        etags_[index] = *std::move(etag);
        co_return;
    }
    if (failure_) co_return;
    failure_ = std::move(etag).error().with_context("sending part " + std::to_string(index + 1));
    group_.cancel();
}

Task<Result<http::Response>> S3PartStream::finish() {
    co_await group_.join();
    if (!upload_ && !failure_) failure_ = Failure(FailureKind::internal, "an upload without a byte");
    if (!failure_) {
        auto done = co_await multipart_.complete(*upload_, etags_, size_);
        if (!done) failure_ = std::move(done).error();
    }
    if (failure_) {
        co_await clear_away();
        co_return *failure_;
    }
    upload_.reset();
    http::Response response;
    response.status = 200;
    co_return response;
}

Task<void> S3PartStream::abort() {
    group_.cancel();
    co_await group_.join();
    co_await clear_away();
}

Task<void> S3PartStream::clear_away() {
    if (!upload_) co_return;
    auto upload = *std::move(upload_);
    upload_.reset();
    co_await multipart_.abort(std::move(upload));
}

} // namespace cachefill::cache
