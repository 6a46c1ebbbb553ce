#include "build/nix_driver.hpp"

namespace cachefill::build {

using async::Task;
using plan::PathId;

Task<void> NixDriver::fetch_slot() {
    Fetcher::Line line;
    auto generation = idle_generation_;
    auto may_go = [this](PathId id) {
        bool is_allowed = !callbacks_.may_fetch || callbacks_.may_fetch(id);
        return is_allowed && fetcher_.turn(graph_.path(id)) != Outages::Turn::wait;
    };
    while (!is_done()) {
        if (std::exchange(generation, idle_generation_) != idle_generation_) line.connection.reset();
        auto path = scheduler_.take_fetch(!callbacks_.expects_more(), may_go);
        if (!path) {
            co_await changed_.wait();
            continue;
        }
        const auto& wanted = graph_.path(*path);
        if (fetcher_.turn(wanted) == Outages::Turn::give_up)
            unfetchable(*path, fetcher_.reason_of_giving_up(wanted), clock_.now());
        else
            co_await fetch(line, *path);
        notify();
    }
    notify();
}

Task<void> NixDriver::fetch(Fetcher::Line& line, PathId id) {
    auto start = clock_.now();
    auto path = graph_.path(id); // a copy: the graph grows, and moves what it has, while hosts are evaluated
    auto outcome = co_await fetcher_.fetch(line, path);
    switch (outcome.how) {
    case Fetcher::Outcome::How::later:
        scheduler_.fetch_returned(id);
        break;
    case Fetcher::Outcome::How::failed:
        unfetchable(id, outcome.reason, start);
        break;
    case Fetcher::Outcome::How::fetched:
        fetch_ended(id, start, {});
        scheduler_.fetch_succeeded(id);
        callbacks_.on_fetched(id);
        break;
    }
}

void NixDriver::fetch_ended(PathId id, async::Clock::TimePoint start, std::string error) {
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - start);
    event::FetchFinished finished{
        .path = graph_.path(id).to_string(), .succeeded = error.empty(), .error = error, .took = took};
    fetches_.push_back({.path = id, .start = start, .took = took, .error = std::move(error)});
    sink_.on_event(finished);
}

void NixDriver::unfetchable(PathId id, const daemon::FetchReason& reason, async::Clock::TimePoint start) {
    bool is_away = reason.trouble == daemon::FetchTrouble::network;
    fetch_ended(id, start, (is_away ? "waited in vain for " : "") + reason.in_words());
    scheduler_.fetch_failed(id);
    if (is_away) given_up_.insert_or_assign(id, reason);
    callbacks_.on_unfetchable(id, reason);
}

// A fetch that waits for a cache, or a build that waits for a builder, has its turn when its time has come.
Task<void> NixDriver::look_at_the_clock() {
    while (!is_done()) {
        auto next = fetcher_.next_moment();
        auto builder = builders_.next_moment(clock_.now());
        if (builder && (!next || *builder < *next)) next = builder;
        if (!next) {
            co_await changed_.wait();
            continue;
        }
        co_await clock_.sleep_until(alarm_, *next);
        if (clock_.now() >= *next) changed_.notify_all();
    }
}

} // namespace cachefill::build
