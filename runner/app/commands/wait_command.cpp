#include "app/commands/commands.hpp"
#include "async/clock.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "doctor/doctor.hpp"
#include "doctor/doctor_report.hpp"
#include "options/exit_code.hpp"
#include "report/run_report.hpp"

#include <algorithm>

namespace cachefill::app {

using async::Task;
using doctor::Cause;
using doctor::CloudState;
using namespace std::chrono_literals;
using async::Clock;

namespace {

// A run that has ended well may have published its last paths a moment ago.
constexpr auto patience_after_success = 90s;

// What no waiting will mend.
bool is_hopeless(const doctor::Reason& reason) {
    switch (reason.cause) {
    case Cause::left_out:
    case Cause::commit_not_pushed:
    case Cause::lock_not_pushed:
    case Cause::tree_differs:
    case Cause::not_a_substituter:
    case Cause::key_not_trusted:
    case Cause::run_failed:
        return true;
    default:
        return false;
    }
}

class Waiting {
  public:
    explicit Waiting(CommandContext& context)
        : context_(context), settings_(context.session.settings()), doctor_(context.session) {}

    Task<int> execute() {
        for (;;) {
            auto examination = co_await doctor_.examine(started_at_);
            if (!examination.failures.empty() && !can_heal(examination)) co_return close(examination, {});
            if (examination.is_healthy()) co_return close(examination, {});
            bool daemon_is_stale =
                !examination.reasons.empty() && examination.reasons.front().cause == Cause::stale_absence;
            if (daemon_is_stale && !refreshed_) {
                refreshed_ = true;
                auto refreshed = co_await doctor_.refresh_daemon();
                if (refreshed) continue;
            }
            if (auto end = why_to_stop(examination); !end.empty()) co_return close(examination, end);
            say(examination);
            auto left = settings_.timeout - (now() - start_);
            if (left <= 0s) co_return close(examination, "gave up after " + human_duration(settings_.timeout));
            co_await context_.session.clock().sleep_for(std::min<Clock::Duration>(left, settings_.interval));
        }
    }

  private:
    Clock::TimePoint now() const { return context_.session.clock().now(); }

    static bool can_heal(const doctor::Examination& examination) {
        return std::all_of(examination.failures.begin(), examination.failures.end(),
                           [](const auto& failure) { return failure.can_heal(); });
    }

    std::string why_to_stop(const doctor::Examination& examination) {
        const auto& cloud = examination.evidence.cloud;
        for (const auto& reason : examination.reasons)
            if (is_hopeless(reason)) return "this will not come by waiting";
        if (!examination.reasons.empty() && examination.reasons.front().cause == Cause::stale_absence)
            return "it is in the cache, but this machine's Nix does not see it";
        switch (cloud.state) {
        case CloudState::no_run:
            if (cloud.others.empty()) return "no run will bring it";
            break;
        case CloudState::succeeded:
            if (!succeeded_at_) succeeded_at_ = now();
            if (now() - *succeeded_at_ > std::min<Clock::Duration>(patience_after_success, 6 * settings_.interval))
                return "the run has ended, and the host is not complete";
            break;
        default:
            succeeded_at_.reset();
            break;
        }
        return {};
    }

    // A run of the cloud is what one waits for; of other reasons it is said first.
    static std::string waited_for(const doctor::Examination& examination) {
        const auto& reason = examination.reasons.front();
        bool is_run = reason.cause == Cause::run_queued || reason.cause == Cause::run_in_progress;
        return is_run ? reason.text : examination.evidence.target + " is not in the cache yet; " + reason.text;
    }

    void say(const doctor::Examination& examination) {
        event::CloudWaiting waiting;
        const auto& cloud = examination.evidence.cloud;
        if (!examination.failures.empty())
            waiting.text = examination.failures.front().one_line();
        else if (!examination.reasons.empty())
            waiting.text = waited_for(examination);
        if (cloud.failure) waiting.text += " (GitHub: " + cloud.failure->one_line() + ")";
        if (const auto* run = cloud.run();
            run && cloud.state == CloudState::in_progress && run->started.time_since_epoch() > 0s)
            waiting.running = std::chrono::duration_cast<std::chrono::milliseconds>(
                std::max(context_.session.clock().wall_time() - run->started, std::chrono::system_clock::duration(0)));
        context_.session.sink().on_event(waiting);
    }

    int close(const doctor::Examination& examination, const std::string& end) {
        auto text = to_text(examination, settings_.verbose);
        if (!end.empty()) text = end + "\n" + text;
        return context_.console.close_with_answer(exit_code_of(examination), text, to_json(examination));
    }

    CommandContext& context_;
    const options::Settings& settings_;
    doctor::Doctor doctor_;
    Clock::TimePoint start_ = now();
    std::chrono::system_clock::time_point started_at_ = context_.session.clock().wall_time();
    std::optional<Clock::TimePoint> succeeded_at_;
    bool refreshed_ = false;
};

} // namespace

Task<int> wait_command(CommandContext& context) {
    Waiting waiting(context);
    co_return co_await waiting.execute();
}

} // namespace cachefill::app
