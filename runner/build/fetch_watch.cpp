#include "build/fetch_watch.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "event/event.hpp"

namespace cachefill::build {

using daemon::LogEvent;

namespace {

constexpr std::size_t most_messages = 100;
// The page that says "too many requests" is a download, too, and comes again with each try.
constexpr std::uint64_t more_than_a_page = 64 << 10;

} // namespace

void FetchWatch::note_life(TimePoint now) {
    last_life_ = now;
    trouble_.reset();
    bytes_since_trouble_ = 0;
}

std::optional<daemon::FetchReason> FetchWatch::on_event(const LogEvent& event, TimePoint now) {
    switch (event.kind) {
    case LogEvent::Kind::message: {
        if (messages_.size() < most_messages) messages_.push_back(event.text);
        auto told = daemon::trouble_told(event.text);
        if (!told || told->trouble != daemon::FetchTrouble::network) return {};
        if (told->cache.empty()) told->cache = asked_;
        gave_.erase(told->cache); // what came was the page that says so
        if (!trouble_) last_change_ = now;
        trouble_ = *told;
        return told;
    }
    case LogEvent::Kind::download_progress:
        bytes_since_trouble_ += event.moved;
        if (trouble_ && bytes_since_trouble_ < more_than_a_page) return {};
        if (!event.cache.empty() && bytes_since_trouble_ > 0) gave_.insert(event.cache);
        note_life(now);
        return {};
    case LogEvent::Kind::goals_progress:
        if (event.done > 0) {
            note_life(now);
            has_brought_ = true;
        }
        return {};
    case LogEvent::Kind::substitution_started:
    case LogEvent::Kind::other: // something else has begun, and that happens so often as the closure has paths
        if (!event.cache.empty()) asked_ = event.cache;
        last_life_ = now;
        return {};
    default:
        return {};
    }
}

daemon::FetchReason FetchWatch::reason_of_cut() const {
    if (trouble_) return *trouble_;
    return {daemon::FetchTrouble::network, asked_, "nothing came for " + human_duration(limits_.silence)};
}

daemon::FetchReason FetchWatch::reason_of_waiting(TimePoint now) const {
    if (trouble_) return *trouble_;
    auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_life_);
    return {daemon::FetchTrouble::network, asked_, "nothing came for " + human_duration(silent)};
}

} // namespace cachefill::build
