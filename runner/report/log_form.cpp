#include "report/log_form.hpp"

#include "base/locale.hpp"
#include "github/commands.hpp"
#include "report/milestones.hpp"
#include "report/narrator.hpp"
#include "report/progress.hpp"

#include <algorithm>

namespace cachefill::report {

using namespace std::chrono_literals;

namespace {

using Clock = Progress::Clock;

constexpr auto sign_of_life = 30s;
constexpr auto closest_summaries = 5s;
constexpr std::uint64_t things_per_summary = 25; // or a tenth of all builds, if that is more

class LogForm final : public Display {
  public:
    LogForm(const DisplaySettings& settings, bool whole_logs, std::function<void(const std::string&)> write)
        : write_(std::move(write)), is_quiet_(settings.quiet), is_silent_(!settings.signs_of_life),
          narrator_(settings.quiet     ? Voice::quiet
                    : settings.verbose ? Voice::verbose
                                       : Voice::normal,
                    Style(settings.color), whole_logs, settings.log_command) {}

    void on_event(const event::Event& event) override {
        std::string text;
        // The count of what a failure blocks comes right after it, once all of them have been named.
        const auto* build = std::get_if<event::BuildFinished>(&event);
        if (!build || build->outcome != event::BuildOutcome::blocked) text = narrator_.tell_rest();
        text += narrator_.tell(event, progress_);
        if (const auto* found = std::get_if<event::TargetsFound>(&event); found && !is_quiet_)
            text += targets_line(*found);
        if (std::holds_alternative<event::PlanChanged>(event)) plan_is_news_ = true;
        if (std::holds_alternative<event::RunFinished>(event)) is_over_ = true;
        progress_.apply(event, now_);
        write(text);
    }

    void tick(Clock::time_point now) override {
        now_ = now;
        write(narrator_.tell_rest());
        if (is_quiet_ || is_silent_ || is_over_) return;
        if (plan_is_news_ && progress_.has_finished(event::Stage::evaluate)) tell_plan();
        auto things = progress_.builds_ended() + progress_.pushed;
        auto enough = std::max(things_per_summary, progress_.builds_planned() / 10);
        bool is_milestone = things - things_told_ >= enough && now - last_written_ >= closest_summaries;
        if (!is_milestone && now - last_written_ < sign_of_life) return;
        things_told_ = things;
        write(state_line(progress_, now_));
    }

    void finish() override { write(narrator_.tell_rest()); }
    void set_width(std::size_t) override {}

  private:
    void tell_plan() {
        plan_is_news_ = false;
        auto total = progress_.builds_planned();
        if (total == plan_told_) return;
        plan_told_ = total;
        write(plan_line(*progress_.plan));
    }

    void write(const std::string& text) {
        if (text.empty()) return;
        write_(text);
        last_written_ = now_;
    }

    std::function<void(const std::string&)> write_;
    bool is_quiet_, is_silent_;
    Narrator narrator_;
    Progress progress_;
    Clock::time_point now_ = Clock::now(), last_written_ = now_;
    std::uint64_t things_told_ = 0, plan_told_ = 0;
    bool plan_is_news_ = false, is_over_ = false;
};

} // namespace

std::unique_ptr<Display> make_log_form(const DisplaySettings& settings) {
    auto write = [stream = settings.stream, is_ascii = settings.ascii,
                  is_read = settings.is_log_of_runner](const std::string& text) {
        auto shown = is_ascii ? to_ascii(text) : is_read ? github::harmless(text) : text;
        std::fwrite(shown.data(), 1, shown.size(), stream);
        std::fflush(stream);
    };
    return make_log_form(settings, true, std::move(write));
}

std::unique_ptr<Display> make_log_form(const DisplaySettings& settings, bool whole_logs,
                                       std::function<void(const std::string&)> write) {
    return std::make_unique<LogForm>(settings, whole_logs, std::move(write));
}

} // namespace cachefill::report
