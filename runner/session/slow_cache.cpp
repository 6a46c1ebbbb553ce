#include "session/slow_cache.hpp"

#include "async/together.hpp"
#include "async/within.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "event/event.hpp"

#include <algorithm>

namespace cachefill::session {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto worth_telling = 5s; // that nothing has come so far
constexpr auto longest_look = 3s;  // at others
constexpr std::size_t most_others = 6;

struct Look {
    std::string name;
    bool answers = false; // whatever it says
};

Task<void> look_at(async::Clock& clock, cache::BinaryCache& cache, Look& look) {
    auto opening = cache.open();
    auto opened = co_await async::within(clock, longest_look, std::move(opening));
    look.name = cache.uri().to_string();
    look.answers = opened && (opened->has_value() || opened->error().http_status() != 0);
}

// The one that answers, or all of them.
std::vector<std::string> names(const std::vector<Look>& looks, bool answers) {
    std::vector<std::string> all;
    for (const auto& look : looks)
        if (look.answers == answers) all.push_back(redact_url(look.name));
    return all;
}

std::string in_words(const std::string& name, const std::vector<Look>& looks) {
    auto waiting = "waiting for the cache " + name + ", which does not answer so far";
    if (looks.empty()) return waiting;
    if (auto answering = names(looks, true); !answering.empty()) return waiting + "; " + answering.front() + " does";
    return waiting + "; offline, it seems: nor does " + join(names(looks, false), ", ");
}

} // namespace

Task<void> tell_of_slow_cache(async::Clock& clock, event::Sink& sink, SlowCache cache, OtherCaches others) {
    co_await clock.sleep_for(worth_telling);
    auto asked = others();
    if (asked.size() > most_others) asked.resize(most_others);
    std::vector<Look> looks(asked.size());
    auto look_at_all = [&](async::TaskGroup& group) {
        for (std::size_t i = 0; i < asked.size(); ++i) group.spawn(look_at(clock, *asked[i], looks[i]));
    };
    co_await async::together(look_at_all);
    event::Message message{
        .severity = event::Severity::notice, .text = in_words(cache.name, looks), .hint = std::move(cache.hint)};
    sink.on_event(message);
}

} // namespace cachefill::session
