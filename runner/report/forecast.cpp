#include "report/forecast.hpp"

#include <algorithm>

namespace cachefill::report {

namespace {

using namespace std::chrono_literals;

// A build that has run for longer than was expected will run on for a part of that, nobody knows which.
constexpr double still_to_go = 0.25;
// One that nobody measured may be any: of what takes so differently, what has run for long has long to go.
constexpr double still_to_go_unmeasured = 0.6;
constexpr double most_slowness = 4.0;
// Of as many builds as there were at most at once so many will run later on, however narrow the way was so far.
constexpr double later_at_once = 0.6;

// What a small one takes of which none has ended; nothing is known of compilations.
std::optional<std::chrono::duration<double>> usual(const std::string& kind) {
    if (kind == "fixed output") return 5s;
    if (kind == "light" || kind == "local by design") return 500ms;
    return {};
}

} // namespace

void Forecast::planned(const event::PlanChanged& plan, Clock::time_point now) {
    planned_at_ = now;
    chain_ = plan.critical_path;
    expected_left_ = plan.expected;
    std::uint64_t unmeasured = 0;
    for (auto& [name, kind] : kinds_) kind.planned = kind.begun = 0;
    for (const auto& [name, count] : plan.unmeasured) {
        kinds_[name].planned = count;
        unmeasured += count;
    }
    measured_left_ = plan.builds - std::min(plan.builds, unmeasured);
    for (const auto& [derivation, build] : running_) { // a plan names those, too
        if (build.expected) {
            expected_left_ -= std::min(expected_left_, *build.expected);
            measured_left_ -= std::min<std::uint64_t>(measured_left_, 1);
        } else {
            ++kinds_[build.kind].begun;
        }
    }
}

void Forecast::started(const event::BuildStarted& build, Clock::time_point now) {
    if (!has_begun_) first_start_ = now;
    has_begun_ = true;
    Running running{.start = now, .kind = build.kind, .expected = {}};
    if (build.expected) {
        running.expected = *build.expected;
        expected_left_ -= std::min(expected_left_, *running.expected);
        measured_left_ -= std::min<std::uint64_t>(measured_left_, 1);
    } else {
        ++kinds_[build.kind].begun;
    }
    running_.insert_or_assign(build.derivation, std::move(running));
    most_at_once_ = std::max(most_at_once_, running_.size());
}

void Forecast::ended(const event::BuildFinished& build, Clock::time_point now) {
    auto it = running_.find(build.derivation);
    if (it == running_.end()) { // blocked, or had by other means: nothing of it is ahead
        auto& kind = kinds_[build.kind];
        if (kind.begun < kind.planned) ++kind.begun;
        return;
    }
    const Time took = now - it->second.start;
    busy_ += took;
    if (build.outcome == event::BuildOutcome::built) {
        auto& kind = kinds_[it->second.kind];
        if (it->second.expected) {
            expected_ended_ += *it->second.expected;
            took_instead_ += took;
            ++kind.measured_ended;
            kind.measured_took += took;
        } else {
            ++kind.ended;
            kind.took += took;
        }
    }
    running_.erase(it);
}

std::optional<Forecast::Time> Forecast::average(const std::string& name, Clock::time_point now) const {
    const auto& kind = kinds_.at(name);
    if (kind.ended > 0) {
        auto time = kind.took;
        for (const auto& [derivation, build] : running_)
            if (!build.expected && build.kind == name) time += now - build.start;
        return time / static_cast<double>(kind.ended);
    }
    if (kind.measured_ended > 0) return kind.measured_took / static_cast<double>(kind.measured_ended);
    return usual(name);
}

double Forecast::slowness() const {
    if (expected_ended_ <= 0s) return 1;
    return std::clamp(took_instead_ / expected_ended_, 1 / most_slowness, most_slowness);
}

Forecast::Work Forecast::work_left(Clock::time_point now) const {
    Work work{.time = expected_left_ * slowness(), .builds = static_cast<double>(measured_left_)};
    auto add_running = [&](Time left) {
        work.time += left;
        work.longest = std::max(work.longest, left);
        ++work.builds;
    };
    for (const auto& [derivation, build] : running_) {
        if (!build.expected) continue;
        const auto whole = *build.expected * slowness();
        add_running(std::max<Time>(whole - (now - build.start), whole * still_to_go));
    }
    for (const auto& [name, kind] : kinds_) {
        const auto waiting = static_cast<double>(kind.planned - std::min(kind.planned, kind.begun));
        bool runs = std::any_of(running_.begin(), running_.end(),
                                [&](const auto& entry) { return !entry.second.expected && entry.second.kind == name; });
        if (waiting <= 0 && !runs) continue;
        const auto one = average(name, now);
        if (!one) {
            work.is_known = false;
            return work;
        }
        work.time += *one * waiting;
        work.builds += waiting;
        for (const auto& [derivation, build] : running_) {
            if (build.expected || build.kind != name) continue;
            const Time ran = now - build.start;
            add_running(std::max<Time>(*one - ran, std::max(*one * still_to_go, ran * still_to_go_unmeasured)));
        }
    }
    return work;
}

std::optional<std::chrono::milliseconds> Forecast::left(Clock::time_point now) const {
    const auto work = work_left(now);
    if (!work.is_known || work.builds <= 0) return {};
    auto at_once = static_cast<double>(std::max<std::size_t>(running_.size(), 1));
    if (has_begun_ && now > first_start_) { // on average so far, pauses for fetching included
        auto busy = busy_;
        for (const auto& [derivation, build] : running_) busy += now - build.start;
        at_once = std::max(busy / Time(now - first_start_), static_cast<double>(most_at_once_) * later_at_once);
        at_once = std::clamp(at_once, 0.1, std::max(work.builds, 1.0));
    }
    const auto chain = chain_ * slowness() - Time(now - planned_at_);
    const auto left = std::max({work.time / at_once, chain, work.longest});
    if (left <= 0s) return {};
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

} // namespace cachefill::report
