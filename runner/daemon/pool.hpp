#pragma once

#include "async/limiter.hpp"
#include "daemon/connection.hpp"

#include <deque>

namespace cachefill::daemon {

// Up to so many connections to one daemon, made when first needed, each lent to one user at a time. Broken ones are
// dropped, never lent again. Must outlive its leases.
class ConnectionPool {
  public:
    ConnectionPool(async::Executor executor, Endpoint endpoint, std::size_t limit)
        : endpoint_(std::move(endpoint)), places_(executor, limit) {}
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    // Gives the connection back when it goes away; the log sink does not survive that, temporary roots do.
    class Lease {
      public:
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease();

        Connection& operator*() const { return *connection_; }
        Connection* operator->() const { return connection_.get(); }

      private:
        friend class ConnectionPool;
        Lease(ConnectionPool& pool, async::Limiter::Permit place, std::unique_ptr<Connection> connection)
            : pool_(&pool), place_(std::move(place)), connection_(std::move(connection)) {}
        ConnectionPool* pool_;
        async::Limiter::Permit place_;
        std::unique_ptr<Connection> connection_; // null after a move
    };

    // Waits while all are lent; fails as connect() does.
    async::Task<Result<Lease>> acquire();

    // Closes those that nobody uses, which ends their temporary roots.
    void close_idle() { idle_.clear(); }
    std::size_t idle() const { return idle_.size(); }

  private:
    Endpoint endpoint_;
    async::Limiter places_;
    std::deque<std::unique_ptr<Connection>> idle_; // used last, lent first
};

} // namespace cachefill::daemon
