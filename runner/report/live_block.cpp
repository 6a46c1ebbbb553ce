#include "report/live_block.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cachefill::report {

namespace {

using Clock = Progress::Clock;

constexpr std::size_t most_builds = 6;
constexpr std::size_t most_uploads = 3;
constexpr std::size_t most_lines_of_cloud = 3;
constexpr std::size_t widest_name = 36;
constexpr std::size_t label_width = 8;

std::chrono::milliseconds since(Clock::time_point start, Clock::time_point now) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - start);
}

// Between words, in lines of so many columns; what does not go into the last one is cut off there.
std::vector<std::string> in_lines(const std::string& text, std::size_t width) {
    std::vector<std::string> lines(1);
    for (auto word : split_words(text)) {
        auto& line = lines.back();
        auto taken = columns(line) + 1 + columns(word);
        if (line.empty() || taken <= width) {
            line += (line.empty() ? "" : " ") + std::string(word);
        } else if (lines.size() < most_lines_of_cloud) {
            lines.emplace_back(word);
        } else {
            line = fit(line, width - 1) + "…";
            break;
        }
    }
    return lines;
}

class Block {
  public:
    Block(const Progress& progress, Clock::time_point now, std::size_t width, const Style& style)
        : progress_(progress), now_(now), width_(std::max<std::size_t>(width, 1)), style_(style) {}

    std::vector<std::string> lines() {
        if (progress_.cloud) {
            waiting(progress_.cloud->since, progress_.cloud->text); // what was evaluated and asked before is over
            waits();
            return std::move(lines_);
        }
        evaluation();
        query();
        waits();
        builds();
        uploads();
        verification();
        if (lines_.empty() && progress_.is_running(event::Stage::preflight))
            add("start", "looking at the flake, Nix and the cache");
        else if (lines_.empty() && progress_.is_running(event::Stage::discover))
            add("start", "listing the flake's hosts");
        else if (lines_.empty() && is_asking())
            add("query", "asking the caches");
        return std::move(lines_);
    }

  private:
    // Before builds are known, and before the last look, that is what goes on.
    bool is_asking() const {
        return progress_.is_running(event::Stage::query) ||
               (progress_.has_finished(event::Stage::evaluate) && !progress_.has_finished(event::Stage::verify));
    }

    void add(std::string_view label, const std::string& rest) {
        auto cut = fit(pad_right(std::string(label), label_width) + " " + rest, width_);
        auto end = std::min(cut.size(), label.size());
        lines_.push_back(cut.starts_with(label) ? style_(Tone::strong, cut.substr(0, end)) + cut.substr(end) : cut);
    }

    // "  name   figure  rest": the figure stays whole and aligned, the name gives way, then the rest.
    void add_item(const std::string& name, std::size_t name_width, const std::string& figure, const std::string& rest) {
        auto fixed = 2 + 2 + columns(figure);
        auto room = width_ > fixed ? width_ - fixed : 0;
        auto for_name = std::min(name_width, std::max<std::size_t>(room, 1));
        auto text = "  " + pad_right(fit(name, for_name), for_name) + "  " + figure;
        auto used = columns(text);
        std::string tail;
        if (!rest.empty() && used + 4 <= width_) tail = "  " + fit(rest, width_ - used - 2);
        lines_.push_back(fit(text, width_) + style_(Tone::dim, tail));
    }

    template <class Items> std::size_t name_width(const Items& items) const {
        std::size_t widest = 0;
        for (const auto* item : items) widest = std::max(widest, columns(item->name));
        return std::min({widest, widest_name, std::max<std::size_t>(width_ / 2, 1)});
    }

    void evaluation() {
        if (!progress_.is_running(event::Stage::evaluate) && progress_.evaluations.empty()) return;
        auto done = progress_.evaluated + progress_.not_evaluated;
        auto rest = fmt::format("{}/{}", done, std::max(progress_.targets, done + progress_.evaluations.size()));
        if (progress_.not_evaluated > 0) rest += fmt::format(", {} failed", progress_.not_evaluated);
        std::vector<std::pair<Clock::time_point, std::string>> running;
        for (const auto& [target, start] : progress_.evaluations) running.emplace_back(start, target);
        std::sort(running.begin(), running.end());
        std::vector<std::string> names;
        for (const auto& [start, target] : running) names.push_back(target + " " + clock_text(since(start, now_)));
        if (!names.empty()) rest += " · " + listed(names, 3);
        add("evaluate", rest);
    }

    void query() {
        bool is_known = progress_.plan || progress_.has_finished(event::Stage::evaluate);
        if (progress_.paths_asked == 0 || (is_known && progress_.builds_planned() > 0)) return;
        if (progress_.is_running(event::Stage::verify)) return;
        add("query", counted(progress_.paths_asked, "path") + " asked about");
    }

    // It may be long: it is broken between words, and the time, which shows that we live, comes first.
    void waiting(Clock::time_point start, const std::string& text) {
        std::string_view label = "waiting";
        auto room = std::max(width_, label_width + 2) - label_width - 1;
        for (const auto& line : in_lines(clock_text(since(start, now_)) + " · " + text, room))
            add(std::exchange(label, ""), line);
    }

    void waits() {
        for (const auto& [cache, wait] : progress_.waits) waiting(wait.since, "for " + cache + ": " + wait.said);
    }

    void builds() {
        auto planned = progress_.builds_planned();
        bool is_over = progress_.has_finished(event::Stage::build);
        if (planned == 0 && progress_.builds.empty()) return;
        if (is_over && progress_.builds.empty() && !progress_.is_running(event::Stage::push)) return;
        auto rest = fmt::format("{}/{}", progress_.built, planned);
        if (progress_.failed > 0) rest += fmt::format(", {} failed", progress_.failed);
        if (progress_.blocked > 0) rest += fmt::format(", {} blocked", progress_.blocked);
        if (!progress_.builds.empty()) rest += fmt::format(" · {} running", progress_.builds.size());
        if (progress_.fetched > 0) rest += " · " + counted(progress_.fetched, "input") + " fetched";
        if (auto left = progress_.expected_left(now_); left && *left >= std::chrono::seconds(3))
            rest += " · about " + clock_text(*left) + " left";
        add("build", rest);

        std::vector<const Progress::Build*> running;
        for (const auto& [derivation, build] : progress_.builds) running.push_back(&build);
        std::sort(running.begin(), running.end(), [](const auto* a, const auto* b) { return a->order < b->order; });
        auto hidden = running.size() > most_builds ? running.size() - most_builds : 0;
        running.resize(running.size() - hidden);
        auto name = name_width(running);
        for (const auto* build : running)
            add_item(build->name, name, pad_left(clock_text(since(build->start, now_)), 5), build->last_line);
        if (hidden > 0) lines_.push_back(fit(fmt::format("  and {} more", hidden), width_));
    }

    void uploads() {
        auto settled = progress_.pushed + progress_.already_there + progress_.not_pushed;
        if (settled == 0 && progress_.uploads.empty()) return;
        if (progress_.has_finished(event::Stage::push) && progress_.uploads.empty()) return;
        auto rest = fmt::format("{} up", progress_.pushed);
        if (progress_.not_pushed > 0) rest += fmt::format(", {} not", progress_.not_pushed);
        if (!progress_.uploads.empty()) rest += fmt::format(" · {} on the way", progress_.uploads.size());
        rest += " · " + human_bytes(progress_.bytes_up);
        auto steady = std::chrono::floor<std::chrono::seconds>(now_); // or the figure would change with every frame
        rest += " · " + human_bytes(static_cast<std::uint64_t>(progress_.upload_rate(steady))) + "/s";
        add("push", rest);

        // Large ones are what one waits for.
        std::vector<const Progress::Upload*> running;
        for (const auto& [path, upload] : progress_.uploads) running.push_back(&upload);
        std::sort(running.begin(), running.end(), [](const auto* a, const auto* b) {
            return std::pair(b->nar_size, std::string_view(a->name)) <
                   std::pair(a->nar_size, std::string_view(b->name));
        });
        auto hidden = running.size() > most_uploads ? running.size() - most_uploads : 0;
        running.resize(running.size() - hidden);
        auto name = name_width(running);
        for (const auto* upload : running)
            add_item(
                upload->name, name, pad_left(clock_text(since(upload->start, now_)), 5),
                fmt::format("{} sent of a NAR of {}", human_bytes(upload->uploaded), human_bytes(upload->nar_size)));
        if (hidden > 0) lines_.push_back(fit(fmt::format("  and {} more", hidden), width_));
    }

    void verification() {
        if (!progress_.is_running(event::Stage::verify)) return;
        add("verify", fmt::format("{}/{} complete", progress_.verified_complete,
                                  std::max(progress_.targets, progress_.verified)));
    }

    const Progress& progress_;
    Clock::time_point now_;
    std::size_t width_;
    const Style& style_;
    std::vector<std::string> lines_;
};

} // namespace

std::vector<std::string> live_block(const Progress& progress, Clock::time_point now, std::size_t width,
                                    const Style& style) {
    return Block(progress, now, width, style).lines();
}

} // namespace cachefill::report
