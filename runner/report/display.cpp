#include "report/display.hpp"

#include "base/locale.hpp"
#include "report/columns.hpp"
#include "report/live_block.hpp"
#include "report/log_form.hpp"
#include "report/narrator.hpp"
#include "report/progress.hpp"
#include "report/prose.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

using namespace std::chrono_literals;

namespace {

using Clock = Progress::Clock;

constexpr auto between_frames = 50ms;

// Synchronized output (mode 2026): a terminal that knows it shows a frame whole or not at all; others ignore it.
constexpr std::string_view begin_frame = "\x1b[?2026h", end_frame = "\x1b[?2026l";

constexpr std::string_view clear_to_line_end = "\x1b[K", clear_below = "\x1b[J";

class LiveDisplay final : public Display {
  public:
    explicit LiveDisplay(const DisplaySettings& settings)
        : stream_(settings.stream), is_ascii_(settings.ascii), width_(settings.width), style_(settings.color),
          narrator_(settings.verbose ? Voice::verbose : Voice::normal, style_, false, settings.log_command) {}
    ~LiveDisplay() override { clear(); }
    LiveDisplay(const LiveDisplay&) = delete;
    LiveDisplay& operator=(const LiveDisplay&) = delete;

    void on_event(const event::Event& event) override {
        const auto* build = std::get_if<event::BuildFinished>(&event);
        if (!build || build->outcome != event::BuildOutcome::blocked) lasting_ += narrator_.tell_rest();
        lasting_ += wrap_prose(narrator_.tell(event, progress_), frame_width());
        progress_.apply(event, now_);
    }

    void tick(Clock::time_point now) override {
        now_ = now;
        if (drawn_at_ && now - *drawn_at_ < between_frames) return;
        lasting_ += narrator_.tell_rest();
        auto frame = live_block(progress_, now_, frame_width(), style_);
        if (lasting_.empty() && frame == frame_) return;
        drawn_at_ = now;
        draw(std::move(frame));
    }

    void finish() override { clear(); }

    void set_width(std::size_t width) override { width_ = width; }

  private:
    // One column stays free: a full line leaves the cursor in a state that terminals disagree about.
    std::size_t frame_width() const { return width_ > 1 ? width_ - 1 : 1; }

    void clear() {
        lasting_ += narrator_.tell_rest();
        if (!lasting_.empty() || !frame_.empty()) draw({});
    }

    void draw(std::vector<std::string> frame) {
        std::string out(begin_frame);
        if (auto rows = rows_of_old_frame(); rows > 0) out += fmt::format("\r\x1b[{}A", rows);
        // Lines are overwritten and only their ends cleared: nothing is blank for a moment.
        for (std::size_t start = 0; start < lasting_.size();) {
            auto end = lasting_.find('\n', start);
            out.append(lasting_, start, end - start);
            out.append(clear_to_line_end).append("\n");
            start = end + 1;
        }
        for (const auto& line : frame) out.append(line).append(clear_to_line_end).append("\n");
        out.append(clear_below).append(end_frame);
        if (is_ascii_) out = to_ascii(out, Columns::keep);
        std::fwrite(out.data(), 1, out.size(), stream_);
        std::fflush(stream_);
        lasting_.clear();
        frame_ = std::move(frame);
    }

    // A terminal that became narrower since has wrapped the longest of the lines.
    std::size_t rows_of_old_frame() const {
        if (width_ == 0) return frame_.size();
        std::size_t rows = 0;
        for (const auto& line : frame_)
            rows += std::max<std::size_t>((columns(without_colors(line)) + width_ - 1) / width_, 1);
        return rows;
    }

    std::FILE* stream_;
    bool is_ascii_;
    std::size_t width_;
    Style style_;
    Narrator narrator_;
    Progress progress_;
    Clock::time_point now_ = Clock::now();
    std::optional<Clock::time_point> drawn_at_;
    std::string lasting_; // lines that wait for the next frame
    std::vector<std::string> frame_;
};

} // namespace

std::unique_ptr<Display> make_display(DisplaySettings settings) {
    if (settings.live && !settings.quiet) return std::make_unique<LiveDisplay>(settings);
    return make_log_form(settings);
}

} // namespace cachefill::report
