#include "http/pool.hpp"

#include <algorithm>

namespace cachefill::http {

using Clock = std::chrono::steady_clock;

std::unique_ptr<Connection> Pool::Place::take() {
    auto now = Clock::now();
    while (!idle_.empty()) {
        auto last = std::move(idle_.back());
        idle_.pop_back();
        if (now < last.until && last.connection->looks_alive()) return std::move(last.connection);
    }
    return nullptr;
}

Pool::Place& Pool::place(const std::string& key) {
    auto& place = places_[key];
    if (!place) place = std::make_unique<Place>(executor_, limit_);
    return *place;
}

void Pool::give_back(Place& place, std::unique_ptr<Connection> connection) {
    close_old_ones();
    place.idle_.push_back({std::move(connection), Clock::now() + idle_timeout_});
}

void Pool::close_old_ones() {
    auto now = Clock::now();
    for (auto& [key, place] : places_) {
        auto& idle = place->idle_;
        auto first_young = std::find_if(idle.begin(), idle.end(), [&](const auto& i) { return now < i.until; });
        idle.erase(idle.begin(), first_young);
    }
}

} // namespace cachefill::http
