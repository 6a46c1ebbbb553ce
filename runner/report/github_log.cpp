#include "report/github_log.hpp"

#include "base/text.hpp"
#include "report/log_form.hpp"
#include "report/style.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

namespace {

constexpr std::size_t lines_in_annotation = 20;
constexpr std::size_t bytes_of_line_in_annotation = 180; // twenty of them fit into what GitHub keeps

constexpr std::size_t most_error_lines = 4; // of a build: the third and fourth may be what a hash is

std::string last_lines(const std::vector<std::string>& lines) {
    std::string text;
    auto start = lines.size() > lines_in_annotation ? lines.size() - lines_in_annotation : 0;
    for (auto i = start; i < lines.size(); ++i) text += "\n" + ellipsize(lines[i], bytes_of_line_in_annotation);
    return text;
}

// Nix prints how it got there first and the reason last.
std::string reason_of(std::string_view error) {
    auto text = trim(error);
    auto start = text.rfind("error:");
    return std::string(start == std::string_view::npos ? text : text.substr(start));
}

github::Annotation annotation_of(const event::EvaluationFinished& finished) {
    github::Annotation annotation;
    annotation.level = github::Level::error;
    annotation.title = finished.target + " does not evaluate";
    annotation.message = reason_of(finished.error);
    if (!finished.hint.empty()) annotation.message += "\n" + finished.hint;
    // A file outside of the flake, such as one of nixpkgs, is none that GitHub could show.
    if (finished.position && !finished.position->file.starts_with("/")) {
        annotation.file = finished.position->file;
        annotation.line = finished.position->line;
        annotation.column = finished.position->column;
    }
    return annotation;
}

github::Annotation annotation_of(const event::BuildFinished& finished) {
    github::Annotation annotation;
    annotation.level = github::Level::error;
    annotation.title = finished.name + " " + std::string(event::failure_in_words(finished.outcome));
    auto error = split(trim(finished.error), '\n');
    for (std::size_t i = 0; i < std::min(error.size(), most_error_lines); ++i)
        annotation.message += (i > 0 ? "\n" : "") + ellipsize(error[i], bytes_of_line_in_annotation);
    if (!finished.targets.empty()) annotation.message += "\nneeded by " + listed(finished.targets, 5);
    annotation.message += last_lines(finished.log_tail);
    return annotation;
}

github::Annotation annotation_of(const event::Message& message) {
    github::Annotation annotation;
    annotation.level = message.severity == event::Severity::error ? github::Level::error : github::Level::warning;
    annotation.message = message.text;
    if (!message.hint.empty()) annotation.message += "\n" + message.hint;
    return annotation;
}

class RealGithubLog final : public GithubLog {
  public:
    explicit RealGithubLog(const DisplaySettings& settings)
        : stream_(settings.stream), groups_(!settings.quiet),
          inner_(make_log_form(settings, false, [this](const std::string& text) { tell(text); })) {}

    void on_event(const event::Event& event) override {
        choose_group(event);
        if (const auto* message = std::get_if<event::Message>(&event); message && warns(*message)) {
            auto command = budget_.add(annotation_of(*message));
            command.empty() ? inner_->on_event(event) : give(command);
            return;
        }
        const auto* evaluation = std::get_if<event::EvaluationFinished>(&event);
        const auto* build = std::get_if<event::BuildFinished>(&event);
        bool evaluation_failed = evaluation && !evaluation->succeeded;
        bool build_failed = build && event::is_failure(build->outcome);
        is_foreign_ = evaluation_failed || build_failed || std::holds_alternative<event::BuildLogLine>(event);
        inner_->on_event(event);
        is_foreign_ = false;
        if (evaluation_failed) annotate(annotation_of(*evaluation));
        if (build_failed) annotate(annotation_of(*build));
    }

    void tick(std::chrono::steady_clock::time_point now) override { inner_->tick(now); }
    void set_width(std::size_t) override {}

    void finish() override {
        inner_->finish();
        wanted_group_.clear();
        close_group();
        if (auto held = budget_.close(); !held.empty()) give(held);
    }

    void annotate(github::Annotation annotation) override {
        if (auto command = budget_.add(std::move(annotation)); !command.empty()) give(command);
    }

    void conclude(const std::string& text) override {
        finish();
        is_foreign_ = true; // names and log lines; nothing comes after it
        tell(text);
    }

  private:
    static bool warns(const event::Message& message) { return message.severity >= event::Severity::warning; }

    // Stages overlap, groups cannot: a group lasts from the start of its stage to the start of the next one.
    void choose_group(const event::Event& event) {
        if (!groups_) return;
        if (const auto* started = std::get_if<event::StageStarted>(&event)) {
            if (started->stage == event::Stage::preflight)
                wanted_group_ = "Look at the machine, the cache and the flake";
            if (started->stage == event::Stage::evaluate) wanted_group_ = "Evaluate, and build what is ready";
            if (started->stage == event::Stage::verify) wanted_group_ = "Verify";
            if (started->stage == event::Stage::check) wanted_group_ = "Check the rest of the flake";
        }
        if (const auto* finished = std::get_if<event::StageFinished>(&event))
            if (finished->stage == event::Stage::evaluate) wanted_group_ = "Build and push";
    }

    void tell(const std::string& text) {
        if (text.empty()) return;
        open_group();
        if (is_foreign_ && stop_token_.empty()) {
            stop_token_ = github::random_token();
            write(github::stop_commands(stop_token_));
        }
        write(github::harmless(text));
    }

    // Workflow commands, whole lines.
    void give(const std::string& commands) {
        if (!stop_token_.empty()) write(github::resume_commands(stop_token_));
        stop_token_.clear();
        write(commands);
    }

    void open_group() {
        if (wanted_group_ == open_group_) return;
        close_group();
        if (!wanted_group_.empty()) give(github::group(wanted_group_));
        open_group_ = wanted_group_;
    }

    void close_group() {
        if (!open_group_.empty()) give(github::end_group());
        open_group_.clear();
    }

    // The runner reads line by line through a pipe: nothing may wait in a buffer when the process is killed.
    void write(std::string_view text) {
        std::fwrite(text.data(), 1, text.size(), stream_);
        std::fflush(stream_);
    }

    std::FILE* stream_;
    bool groups_;
    github::AnnotationBudget budget_;
    std::string open_group_, wanted_group_;
    std::string stop_token_; // empty: commands are on
    bool is_foreign_ = false;
    std::unique_ptr<Display> inner_;
};

} // namespace

std::unique_ptr<GithubLog> make_github_log(const DisplaySettings& settings) {
    return std::make_unique<RealGithubLog>(settings);
}

} // namespace cachefill::report
