#pragma once

#include "async/limiter.hpp"
#include "http/connection.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cachefill::http {

// Connections that wait for their next exchange, by where they lead, and how many may be in use at once to each place.
// Idle ones are closed when somebody looks and finds them too old: no timer that would keep the loop running.
class Pool {
  public:
    class Place {
      public:
        Place(async::Executor executor, std::size_t limit) : limiter(executor, limit) {}

        async::Limiter limiter; // one unit per connection in use

        // The one that was used last and still looks alive; null when there is none.
        std::unique_ptr<Connection> take();

      private:
        friend class Pool;
        struct Idle {
            std::unique_ptr<Connection> connection;
            std::chrono::steady_clock::time_point until;
        };
        std::vector<Idle> idle_; // the oldest first
    };

    Pool(async::Executor executor, std::size_t connections_per_place, std::chrono::milliseconds idle_timeout)
        : executor_(executor), limit_(connections_per_place), idle_timeout_(idle_timeout) {}

    // Lives as long as the pool.
    Place& place(const std::string& key);
    // For connections that are reusable.
    void give_back(Place& place, std::unique_ptr<Connection> connection);

  private:
    void close_old_ones();

    async::Executor executor_;
    std::size_t limit_;
    std::chrono::milliseconds idle_timeout_;
    std::map<std::string, std::unique_ptr<Place>> places_;
};

} // namespace cachefill::http
