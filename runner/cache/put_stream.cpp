#include "cache/put_stream.hpp"

namespace cachefill::cache {

using async::Task;

// The pieces in the queue. One that has gone out gives its memory back when the next is taken.
class PutStream::Source final : public http::BodySource {
  public:
    explicit Source(PutStream& stream) : stream_(stream) {}

  private:
    Task<Result<std::string_view>> pull() override {
        current_ = Chunk();
        auto next = co_await stream_.queue_.pop();
        if (next) current_ = std::move(*next);
        if (!next && !stream_.has_all_) co_return Failure(FailureKind::internal, "an upload was given up");
        co_return std::string_view(current_.bytes);
    }

    PutStream& stream_;
    Chunk current_;
};

PutStream::PutStream(async::Executor executor, http::Client& client, http::Request request)
    : client_(client), request_(std::move(request)), queue_(executor, 1), group_(executor) {
    request_.body_source = std::make_shared<Source>(*this);
}

Task<void> PutStream::send() {
    auto request = std::move(request_);
    answer_ = co_await client_.send(std::move(request));
    queue_.close();
}

Task<bool> PutStream::write(Chunk chunk) {
    if (chunk.bytes.empty()) co_return !answer_;
    if (!std::exchange(is_begun_, true)) group_.spawn(send());
    size_ += chunk.bytes.size();
    co_return co_await queue_.push(std::move(chunk));
}

Task<Result<http::Response>> PutStream::finish() {
    has_all_ = !answer_;
    if (!std::exchange(is_begun_, true)) group_.spawn(send());
    queue_.close();
    co_await group_.join();
    if (!answer_) co_return Failure(FailureKind::internal, "an upload was given up");
    co_return std::move(*answer_);
}

Task<void> PutStream::abort() {
    group_.cancel();
    queue_.close();
    co_await group_.join();
}

} // namespace cachefill::cache
