#pragma once

#include "async/signal.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>

namespace cachefill::async {

// Threads for what burns or blocks: hashing, compression, reading files. Work must not touch objects of the loop.
// Without threads whoever asks does it himself, which suits tests that turn the clock by hand.
class WorkerPool {
  public:
    WorkerPool(Executor executor, std::size_t threads) : executor_(executor), size_(threads), pool_(threads) {}
    ~WorkerPool() { pool_.join(); }

    std::size_t size() const { return size_; }

    // Runs work() on a thread and comes back to the loop with its result (never a reference). Also when the caller is
    // cancelled it returns only after the work has ended, so the work may use what the caller's frame owns; keep single
    // pieces short (a chunk, not a file).
    template <class Work> Task<std::invoke_result_t<Work>> run(Work work) {
        using R = std::invoke_result_t<Work>;
        static_assert(!std::is_void_v<R>, "let it return something, if only a bool");
        if (size_ == 0) co_return work();
        struct State {
            explicit State(Executor executor) : done(executor) {}
            Signal done;
            bool finished = false;
            std::optional<R> result;
            std::exception_ptr error;
        };
        auto state = std::make_shared<State>(executor_);
        // Keeps run() of the io_context from returning while the result is still on its way.
        auto loop = asio::require(executor_, asio::execution::outstanding_work.tracked);
        auto job = [state, loop, work = std::move(work)]() mutable {
            try {
                state->result.emplace(work());
            } catch (...) { // handed over to the awaiting coroutine
                state->error = std::current_exception();
            }
            auto wake = [state] {
                state->finished = true;
                state->done.notify_all();
            };
            asio::post(loop, std::move(wake));
        };
        asio::post(pool_, std::move(job));
        bool throws = co_await asio::this_coro::throw_if_cancelled();
        co_await asio::this_coro::throw_if_cancelled(false);
        while (!state->finished) co_await state->done.async_wait();
        co_await asio::this_coro::throw_if_cancelled(throws);
        if (state->error) std::rethrow_exception(state->error);
        co_return std::move(*state->result); // a cancelled caller notices at its next await
    }

  private:
    Executor executor_;
    std::size_t size_;
    asio::thread_pool pool_;
};

} // namespace cachefill::async
