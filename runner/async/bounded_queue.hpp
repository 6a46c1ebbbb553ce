#pragma once

#include "async/signal.hpp"

#include <deque>
#include <optional>

namespace cachefill::async {

// Joins two stages. push() waits while it is full, pop() while it is empty; close() delivers what is queued and then
// ends the stream with an empty optional. (Asio's own channel throws buffered items away when closed.)
template <class T> class BoundedQueue {
  public:
    BoundedQueue(Executor executor, std::size_t capacity) : capacity_(capacity), changed_(executor) {}

    // False, and the item is dropped, when the queue has been closed.
    Task<bool> push(T item) {
        while (items_.size() >= capacity_ && !closed_) co_await changed_.wait();
        if (closed_) co_return false;
        items_.push_back(std::move(item));
        changed_.notify_all();
        co_return true;
    }

    Task<std::optional<T>> pop() {
        while (items_.empty() && !closed_) co_await changed_.wait();
        if (items_.empty()) co_return std::nullopt;
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        changed_.notify_all();
        co_return item;
    }

    void close() {
        closed_ = true;
        changed_.notify_all();
    }

    bool is_closed() const { return closed_; }
    std::size_t size() const { return items_.size(); }

  private:
    std::size_t capacity_;
    bool closed_ = false;
    std::deque<T> items_;
    Signal changed_;
};

} // namespace cachefill::async
