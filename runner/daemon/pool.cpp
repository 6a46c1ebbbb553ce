#include "daemon/pool.hpp"

namespace cachefill::daemon {

ConnectionPool::Lease::~Lease() {
    if (!connection_ || connection_->is_broken()) return;
    connection_->set_log_sink({});
    pool_->idle_.push_back(std::move(connection_));
}

async::Task<Result<ConnectionPool::Lease>> ConnectionPool::acquire() {
    auto place = co_await places_.acquire();
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (!connection->is_broken()) co_return Lease(*this, std::move(place), std::move(connection));
    }
    CO_TRY(connection, co_await connect(endpoint_));
    co_return Lease(*this, std::move(place), std::move(connection));
}

} // namespace cachefill::daemon
