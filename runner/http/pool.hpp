#pragma once

#include "http/place.hpp"

#include <map>
#include <memory>
#include <string>

namespace cachefill::http {

// The places that a client talks to, by what their connections lead to. Connections that have been idle for too long
// are closed in time: a server may have few, and a daemon on this machine may want one.
class Pool {
  public:
    Pool(async::Executor executor, std::size_t connections_per_place, std::chrono::milliseconds idle_timeout);

    // Lives as long as the pool.
    Place& place(const std::string& key);
    // For connections that are reusable; the turn they were used in is still held.
    void give_back(Place& place, std::unique_ptr<Connection> connection);

  private:
    void close_old();

    async::Executor executor_;
    std::size_t limit_;
    std::chrono::milliseconds idle_timeout_;
    std::map<std::string, std::unique_ptr<Place>> places_;
    Alarm closing_;
};

} // namespace cachefill::http
