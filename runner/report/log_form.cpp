#include "report/log_form.hpp"

#include "base/text.hpp"
#include "report/narrator.hpp"
#include "report/progress.hpp"

#include <fmt/format.h>

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
    explicit LogForm(const DisplaySettings& settings)
        : stream_(settings.stream), is_quiet_(settings.quiet), narrator_(settings.quiet     ? Voice::quiet
                                                                         : settings.verbose ? Voice::verbose
                                                                                            : Voice::normal,
                                                                         Style(settings.color), true) {}

    void on_event(const event::Event& event) override {
        std::string text;
        // The count of what a failure blocks comes right after it, once all of them have been named.
        const auto* build = std::get_if<event::BuildFinished>(&event);
        if (!build || build->outcome != event::BuildOutcome::blocked) text = narrator_.tell_rest();
        text += narrator_.tell(event, progress_);
        if (const auto* found = std::get_if<event::TargetsFound>(&event); found && !is_quiet_) text += heading(*found);
        if (std::holds_alternative<event::PlanChanged>(event)) plan_is_news_ = true;
        if (std::holds_alternative<event::RunFinished>(event)) is_over_ = true;
        progress_.apply(event, now_);
        write(text);
    }

    void tick(Clock::time_point now) override {
        now_ = now;
        write(narrator_.tell_rest());
        if (is_quiet_ || is_over_) return;
        if (plan_is_news_ && progress_.has_finished(event::Stage::evaluate)) tell_plan();
        auto things = progress_.builds_ended() + progress_.pushed;
        auto enough = std::max(things_per_summary, progress_.builds_planned() / 10);
        bool is_milestone = things - things_told_ >= enough && now - last_written_ >= closest_summaries;
        if (!is_milestone && now - last_written_ < sign_of_life) return;
        things_told_ = things;
        write(summary() + "\n");
    }

    void finish() override { write(narrator_.tell_rest()); }
    void set_width(std::size_t) override {}

  private:
    static std::string heading(const event::TargetsFound& found) {
        auto text = counted(found.targets.size(), "target") + ": " + listed(found.targets, 20);
        if (!found.skipped.empty()) text += fmt::format(" ({} not selected)", found.skipped.size());
        return text + "\n";
    }

    void tell_plan() {
        plan_is_news_ = false;
        auto total = progress_.builds_planned();
        if (total == plan_told_) return;
        plan_told_ = total;
        const auto& plan = *progress_.plan;
        std::string text = "plan: " + counted(plan.builds, "build");
        std::vector<std::string> kinds;
        if (plan.compiles > 0) kinds.push_back(fmt::format("{} compile", plan.compiles));
        if (plan.light > 0) kinds.push_back(fmt::format("{} light", plan.light));
        if (plan.local_by_design > 0) kinds.push_back(fmt::format("{} local by design", plan.local_by_design));
        if (plan.fixed_output > 0) kinds.push_back(fmt::format("{} fixed output", plan.fixed_output));
        if (!kinds.empty()) text += " (" + join(kinds, ", ") + ")";
        text += ", " + counted(plan.fetches, "fetch", "fetches");
        if (plan.bytes_to_fetch > 0) text += " (" + human_bytes(plan.bytes_to_fetch) + ")";
        if (plan.pushes_without_build > 0) text += ", " + counted(plan.pushes_without_build, "valid path") + " to push";
        if (plan.critical_path > 0ms) text += "; at least " + human_duration(plan.critical_path);
        write(text + "\n");
    }

    std::string summary() const {
        std::vector<std::string> parts;
        if (!progress_.evaluations.empty()) {
            std::vector<std::string> names;
            for (const auto& [target, start] : progress_.evaluations) names.push_back(running(target, start));
            parts.push_back("evaluating " + listed(names, 3));
        }
        if (auto planned = progress_.builds_planned(); planned > 0) {
            auto text = fmt::format("{} of {} built", progress_.built, planned);
            if (progress_.failed > 0) text += fmt::format(", {} failed", progress_.failed);
            if (progress_.blocked > 0) text += fmt::format(", {} blocked", progress_.blocked);
            parts.push_back(text);
        }
        if (progress_.pushed > 0 || !progress_.uploads.empty())
            parts.push_back(fmt::format("{} pushed, {} up", progress_.pushed, human_bytes(progress_.bytes_up)));
        if (!progress_.builds.empty()) {
            std::vector<const Progress::Build*> oldest;
            for (const auto& [derivation, build] : progress_.builds) oldest.push_back(&build);
            std::sort(oldest.begin(), oldest.end(), [](const auto* a, const auto* b) { return a->order < b->order; });
            std::vector<std::string> names;
            for (const auto* build : oldest) names.push_back(running(build->name, build->start));
            parts.push_back("building " + listed(names, 3));
        } else if (!progress_.uploads.empty()) {
            std::vector<std::string> names;
            for (const auto& [path, upload] : progress_.uploads) names.push_back(running(upload.name, upload.start));
            parts.push_back("pushing " + listed(names, 3));
        }
        if (progress_.is_running(event::Stage::verify))
            parts.push_back(fmt::format("verifying, {} complete", progress_.verified_complete));
        if (auto left = progress_.expected_left(now_)) parts.push_back("about " + clock_text(*left) + " left");
        if (!parts.empty()) return join(parts, " · ");
        for (auto stage : {event::Stage::preflight, event::Stage::discover, event::Stage::query})
            if (progress_.is_running(stage)) return fmt::format("still at it: {}", event::to_string(stage));
        if (progress_.paths_asked > 0)
            return "asking the caches: " + counted(progress_.paths_asked, "path") + " so far";
        return "still at it";
    }

    std::string running(const std::string& name, Clock::time_point start) const {
        return name + " " + clock_text(std::chrono::duration_cast<std::chrono::milliseconds>(now_ - start));
    }

    void write(const std::string& text) {
        if (text.empty()) return;
        std::fwrite(text.data(), 1, text.size(), stream_);
        std::fflush(stream_);
        last_written_ = now_;
    }

    std::FILE* stream_;
    bool is_quiet_;
    Narrator narrator_;
    Progress progress_;
    Clock::time_point now_ = Clock::now(), last_written_ = now_;
    std::uint64_t things_told_ = 0, plan_told_ = 0;
    bool plan_is_news_ = false, is_over_ = false;
};

} // namespace

std::unique_ptr<Display> make_log_form(const DisplaySettings& settings) { return std::make_unique<LogForm>(settings); }

} // namespace cachefill::report
