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
            unfetchable(*path, fetcher_.reason_of_giving_up(wanted), {});
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
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - start);
    switch (outcome.how) {
    case Fetcher::Outcome::How::later:
        scheduler_.fetch_returned(id);
        break;
    case Fetcher::Outcome::How::failed:
        unfetchable(id, outcome.reason, took);
        break;
    case Fetcher::Outcome::How::fetched: {
        event::FetchFinished finished{.path = path.to_string(), .succeeded = true, .error = {}, .took = took};
        sink_.on_event(finished);
        scheduler_.fetch_succeeded(id);
        callbacks_.on_fetched(id);
        break;
    }
    }
}

void NixDriver::unfetchable(PathId id, const daemon::FetchReason& reason, std::chrono::milliseconds took) {
    bool is_away = reason.trouble == daemon::FetchTrouble::network;
    auto error = (is_away ? "waited in vain for " : "") + reason.in_words();
    event::FetchFinished finished{
        .path = graph_.path(id).to_string(), .succeeded = false, .error = std::move(error), .took = took};
    sink_.on_event(finished);
    scheduler_.fetch_failed(id);
    if (is_away) given_up_.insert_or_assign(id, reason);
    callbacks_.on_unfetchable(id, reason);
}

// A fetch that waits for a cache has its turn when its time has come.
Task<void> NixDriver::look_at_the_clock() {
    while (!is_done()) {
        auto next = fetcher_.next_moment();
        if (!next) {
            co_await changed_.wait();
            continue;
        }
        co_await clock_.sleep_until(alarm_, *next);
        if (clock_.now() >= *next) changed_.notify_all();
    }
}

} // namespace cachefill::build
