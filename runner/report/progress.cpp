#include "report/progress.hpp"

#include "report/columns.hpp"
#include "report/style.hpp"

#include <algorithm>

namespace cachefill::report {

using namespace std::chrono_literals;

namespace {

constexpr auto rate_window = 5s;

template <class... Functions> struct Overloaded : Functions... { using Functions::operator()...; };

} // namespace

bool Progress::is_running(event::Stage stage) const {
    auto it = stages_.find(stage);
    return it != stages_.end() && !it->second;
}

bool Progress::has_finished(event::Stage stage) const {
    auto it = stages_.find(stage);
    return it != stages_.end() && it->second;
}

void Progress::apply_cloud(const event::CloudWaiting& waiting, Clock::time_point now) {
    if (!waiting_since_) waiting_since_ = now;
    auto from = waiting.running > std::chrono::milliseconds(0) ? now - waiting.running : *waiting_since_;
    // GitHub knows whole seconds, and a clock that goes back is none.
    bool is_same = cloud && std::chrono::abs(cloud->since - from) < std::chrono::seconds(5);
    cloud = Cloud{.text = one_line(waiting.text), .since = is_same ? cloud->since : from};
}

void Progress::add_bytes(std::uint64_t bytes, Clock::time_point now) {
    bytes_up += bytes;
    if (!samples_.empty() && now - samples_.back().when < 100ms)
        samples_.back().bytes += bytes;
    else
        samples_.push_back({now, bytes});
    while (now - samples_.front().when > rate_window) samples_.pop_front();
}

double Progress::upload_rate(Clock::time_point now) const {
    std::uint64_t bytes = 0;
    auto first = now;
    for (const auto& sample : samples_) {
        if (now - sample.when > rate_window) continue;
        first = std::min(first, sample.when);
        bytes += sample.bytes;
    }
    // A burst that has only just begun would give absurd figures.
    auto seconds = std::max(std::chrono::duration<double>(now - first).count(), 1.0);
    return static_cast<double>(bytes) / seconds;
}

std::uint64_t Progress::builds_planned() const {
    // A later plan leaves out what has been built, but still names what failed or is blocked.
    return std::max(builds_ended(), plan ? plan->builds + built_when_planned_ : 0);
}

std::optional<std::chrono::milliseconds> Progress::expected_left(Clock::time_point now) const {
    if (builds_ended() >= builds_planned()) return {};
    return forecast_.left(now);
}

void Progress::apply(const event::BuildFinished& finished) {
    builds.erase(finished.derivation);
    switch (finished.outcome) {
    case event::BuildOutcome::built:
        ++built;
        break;
    case event::BuildOutcome::failed:
    case event::BuildOutcome::timed_out:
    case event::BuildOutcome::silent:
    case event::BuildOutcome::refused:
        ++failed;
        break;
    case event::BuildOutcome::blocked:
        ++blocked;
        break;
    case event::BuildOutcome::cancelled:
        ++cancelled;
        break;
    case event::BuildOutcome::found:
    case event::BuildOutcome::not_started:
    case event::BuildOutcome::elsewhere:
        break;
    }
}

void Progress::apply(const event::Event& event, Clock::time_point now) {
    std::visit(Overloaded{
                   [&](const event::StageStarted& e) { stages_[e.stage] = false; },
                   [&](const event::StageFinished& e) {
                       stages_[e.stage] = true;
                       if (e.stage == event::Stage::evaluate) evaluations.clear(); // of who tells of no single one
                   },
                   [&](const event::TargetsFound& e) { targets = e.targets.size(); },
                   [&](const event::EvaluationStarted& e) { evaluations[e.target] = now; },
                   [&](const event::EvaluationFinished& e) {
                       evaluations.erase(e.target);
                       ++(e.succeeded ? evaluated : not_evaluated);
                   },
                   [&](const event::CacheWaiting& e) {
                       if (e.state == event::CacheWaiting::State::waits)
                           waits[e.cache] = {now - e.waited, one_line(e.said)};
                       else
                           waits.erase(e.cache);
                   },
                   [&](const event::CloudWaiting& e) { apply_cloud(e, now); },
                   [&](const event::QueryProgress& e) { paths_asked = e.asked; },
                   [&](const event::PlanChanged& e) {
                       plan = e;
                       built_when_planned_ = built;
                       forecast_.planned(e, now);
                   },
                   [&](const event::FetchFinished& e) { fetched += e.succeeded ? 1U : 0U; },
                   [&](const event::BuildStarted& e) {
                       Build build;
                       build.name = e.name;
                       build.start = now;
                       build.order = started_++;
                       builds[e.derivation] = std::move(build);
                       forecast_.started(e, now);
                   },
                   [&](const event::BuildLogLine& e) {
                       auto it = builds.find(e.derivation);
                       auto line = one_line(e.line);
                       if (it != builds.end() && !line.empty()) it->second.last_line = std::move(line);
                   },
                   [&](const event::BuildFinished& e) {
                       apply(e);
                       forecast_.ended(e, now);
                   },
                   [&](const event::PushStarted& e) {
                       Upload upload;
                       upload.name = path_name(e.path);
                       upload.start = now;
                       upload.nar_size = e.nar_size;
                       uploads[e.path] = std::move(upload);
                   },
                   [&](const event::PushProgress& e) {
                       auto it = uploads.find(e.path);
                       if (it == uploads.end()) return;
                       // A retry starts over; what was sent in vain does not count as going down.
                       if (e.uploaded > it->second.uploaded) add_bytes(e.uploaded - it->second.uploaded, now);
                       it->second.uploaded = e.uploaded;
                   },
                   [&](const event::PushFinished& e) {
                       uploads.erase(e.path);
                       if (e.outcome == event::PushOutcome::published)
                           ++pushed;
                       else if (e.outcome == event::PushOutcome::already_there)
                           ++already_there;
                       else
                           ++not_pushed;
                   },
                   [&](const event::TargetVerified& e) {
                       ++verified;
                       verified_complete += e.verdict == event::TargetVerdict::complete ? 1U : 0U;
                   },
                   [](const event::Message&) {},
                   [](const event::RunFinished&) {},
               },
               event);
}

} // namespace cachefill::report
