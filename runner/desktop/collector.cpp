#include "desktop/collector.hpp"

#include "async/together.hpp"
#include "base/text.hpp"
#include "event/event.hpp"

#include <ctime>

namespace cachefill::desktop {

using async::Task;
using namespace std::chrono_literals;

namespace {

std::string date_of(Time time) {
    auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts)};
}

} // namespace

void Collector::tell(event::Severity severity, std::string text, std::string hint) {
    event::Message message{.severity = severity, .text = std::move(text), .hint = std::move(hint)};
    sink_.on_event(message);
}

// Once for each reason, not at every look.
void Collector::tell_trouble(const Failure& failure) {
    if (trouble_told_ == failure.cause()) return;
    trouble_told_ = failure.cause();
    tell(event::Severity::warning, "cannot look at the store: " + failure.one_line(), "it is tried again and again");
}

Result<void> Collector::begin() {
    auto generations = environment_.generations();
    if (settings_.retroactive) {
        TRY(first, queue_.look_back());
        if (first)
            tell(event::Severity::notice,
                 "looking back: what is here already (" + counted(generations.size(), "generation") +
                     (settings_.scope == Scope::all ? " and everything built here" : "") + ") is pushed as well");
    } else if (queue_.origin() != Queue::Origin::existing) {
        auto since = queue_.since();
        std::vector<nix::StorePath> old;
        std::size_t young = 0;
        for (const auto& generation : generations) {
            if (generation.made < since)
                old.push_back(generation.path);
            else
                ++young;
        }
        StorePosition position;
        position.registered = std::chrono::floor<std::chrono::seconds>(since).time_since_epoch().count();
        TRY_VOID(queue_.add({}, old, position, environment_.now()));
        if (queue_.origin() == Queue::Origin::first_start)
            tell(event::Severity::notice,
                 "first start: what is here already (" + counted(old.size(), "generation") + ") is not pushed",
                 "'cachefill push' pushes the running system, --retroactive everything there is");
        else
            tell(event::Severity::warning, "the queue was lost; it is filled again from the profiles: " +
                                               counted(young, "generation") + " made since " + date_of(since));
    }
    // A position is kept only while the store is watched, so that a wider scope starts at the moment it is asked for.
    TRY(position, queue_.position());
    bool has_position = position.id != 0 || position.registered != 0;
    if (settings_.scope == Scope::all && !has_position) {
        position.registered = std::chrono::floor<std::chrono::seconds>(environment_.now()).time_since_epoch().count();
        TRY_VOID(queue_.add({}, {}, position, environment_.now()));
        tell(event::Severity::notice, "from now on everything that is built here is pushed");
    } else if (settings_.scope == Scope::system && has_position) {
        TRY_VOID(queue_.add({}, {}, StorePosition(), environment_.now()));
    }
    std::set<nix::StorePath> alive;
    for (auto& generation : generations) alive.insert(generation.path);
    return queue_.forget_generations_except(alive);
}

Task<Result<void>> Collector::look() {
    CO_TRY(waiting, queue_.waiting());
    if (waiting >= Queue::most_waiting) {
        if (!std::exchange(told_full_, true))
            tell(event::Severity::warning, counted(waiting, "path") + " are waiting: nothing more is queued for now",
                 "nothing is lost; the store is read on from here when there is room");
        co_return Result<void>();
    }
    told_full_ = false;
    CO_TRY_VOID(co_await look_at_generations());
    if (settings_.scope == Scope::all && !stopping_) CO_TRY_VOID(co_await look_at_store());
    co_return Result<void>();
}

// A link can be made at any time, to anything: what was built before anybody decided to push is not pushed for it.
bool Collector::is_old(const GenerationContents& contents) const {
    auto first_start = std::chrono::floor<std::chrono::seconds>(queue_.since());
    return !settings_.retroactive && !contents.paths.empty() && contents.registered < first_start;
}

Task<Result<void>> Collector::look_at_generations() {
    CO_TRY(known, queue_.known_generations());
    auto generations = environment_.generations();
    for (const auto& generation : generations) {
        if (known.contains(generation.path) || stopping_) continue;
        auto found = co_await environment_.expand(generation.path);
        if (!found) {
            tell_trouble(found.error());
            continue;
        }
        trouble_told_.clear();
        std::vector<nix::StorePath> remembered{generation.path};
        bool stays_out = is_old(*found);
        if (stays_out) found->paths.clear();
        CO_TRY(added, queue_.add(found->paths, remembered, {}, environment_.now()));
        if (stays_out)
            tell(event::Severity::notice,
                 generation.name + " was here before the first start (" + date_of(queue_.since()) +
                     "), whenever its link was made: it is not pushed",
                 "'cachefill push " + generation.path.to_string() + "' pushes it, --retroactive everything there is");
        if (added == 0) continue;
        tell(event::Severity::info, generation.name + ": " + counted(added, "path") + " queued");
        environment_.on_queued();
    }
    co_return Result<void>();
}

Task<Result<void>> Collector::look_at_store() {
    CO_TRY(position, queue_.position());
    auto before = position;
    auto found = co_await environment_.new_paths(position);
    if (!found) {
        tell_trouble(found.error());
        co_return Result<void>();
    }
    trouble_told_.clear();
    bool has_moved = position.id != before.id || position.registered != before.registered;
    if (found->empty() && !has_moved) co_return Result<void>();
    std::vector<nix::StorePath> none;
    CO_TRY(added, queue_.add(*found, none, position, environment_.now()));
    if (added > 0) environment_.on_queued();
    co_return Result<void>();
}

Task<Result<void>> Collector::run() {
    while (!stopping_) {
        CO_TRY_VOID(co_await look());
        if (stopping_) break;
        auto clock = [](std::chrono::milliseconds time, async::TaskGroup& all) -> Task<void> {
            co_await async::sleep_for(time);
            all.cancel();
        };
        auto ear = [](async::Signal& signal, async::TaskGroup& all) -> Task<void> {
            co_await signal.wait();
            all.cancel();
        };
        auto either = [&](async::TaskGroup& group) {
            group.spawn(clock(settings_.interval, group));
            group.spawn(ear(stop_, group));
        };
        co_await async::together(either);
    }
    co_return Result<void>();
}

void Collector::stop() {
    stopping_ = true;
    stop_.notify_all();
}

} // namespace cachefill::desktop
