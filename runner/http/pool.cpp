#include "http/pool.hpp"

#include <algorithm>

namespace cachefill::http {

using Clock = std::chrono::steady_clock;

Pool::Pool(async::Executor executor, std::size_t connections_per_place, std::chrono::milliseconds idle_timeout)
    : executor_(executor), limit_(connections_per_place), idle_timeout_(idle_timeout),
      closing_(executor, [this] { close_old(); }) {}

Place& Pool::place(const std::string& key) {
    auto& place = places_[key];
    if (!place) place = std::make_unique<Place>(executor_, limit_);
    return *place;
}

void Pool::give_back(Place& place, std::unique_ptr<Connection> connection) {
    auto until = Clock::now() + idle_timeout_;
    place.give_back(std::move(connection), until);
    if (!closing_.is_set()) closing_.set(until);
}

void Pool::close_old() {
    std::optional<Clock::time_point> next;
    for (auto& [key, place] : places_) {
        auto then = place->close_old(Clock::now());
        if (then && (!next || *then < *next)) next = then;
    }
    if (next) closing_.set(*next);
}

} // namespace cachefill::http
