#include "app/console.hpp"

#include "app/voice.hpp"
#include "base/elapsed.hpp"
#include "base/locale.hpp"
#include "base/named_output.hpp"
#include "base/text.hpp"
#include "github/context.hpp"
#include "options/exit_code.hpp"
#include "options/settings.hpp"
#include "options/typed.hpp"
#include "report/github_log.hpp"
#include "report/json_lines.hpp"
#include "report/junit.hpp"
#include "report/warnings_text.hpp"

#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

bool wants_color(const options::Settings& settings, const Environment& environment) {
    if (settings.color != options::Color::automatic) return settings.color == options::Color::always;
    if (!environment.get_or("NO_COLOR").empty()) return false;
    if (!environment.get_or("CLICOLOR_FORCE").empty() || !environment.get_or("FORCE_COLOR").empty()) return true;
    return ::isatty(STDERR_FILENO) && environment.get_or("TERM") != "dumb";
}

std::size_t terminal_width() { return terminal_columns(stderr).value_or(100); }

// What was said so short a time ago is still to be seen.
constexpr auto soon = 10s;
// Who sends one to a process and to its group, as `timeout` does, sends it two.
constexpr auto the_same_signal = 300ms;

// Do both lead to the same terminal or file?
bool is_same_place(int one, int other) {
    struct stat a {
    }, b{};
    return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
           a.st_rdev == b.st_rdev;
}

// What is said in quiet, too.
std::string warnings_of(const report::RunReport& report) {
    report::Style plain(false);
    return report::trust_text(report, plain) + report::warnings_text(report, plain);
}

void write_all(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

} // namespace

bool is_output_lost() {
    bool is_written = std::fflush(stdout) == 0 && !std::ferror(stdout);
    if (is_written) return false;
    struct pollfd reader {
        .fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0
    };
    bool has_gone = ::poll(&reader, 1, 0) == 1 && (reader.revents & (POLLERR | POLLNVAL));
    return !has_gone;
}

Failure output_is_lost() {
    return Failure(FailureKind::machine, "not all of it could be written to the standard output")
        .with_hint("is the file system full to which it goes?");
}

class Console::Recorder final : public event::Sink {
  public:
    explicit Recorder(event::Sink& next) : next_(next) {}

    void on_event(const event::Event& event) override {
        const auto* message = std::get_if<event::Message>(&event);
        if (message && message->severity >= event::Severity::notice && messages_.size() < most_messages)
            messages_.push_back(*message);
        next_.on_event(event);
        if (also_) also_->on_event(event);
    }
    void pass_on_to(event::Sink& also) { also_ = &also; }
    const std::vector<event::Message>& messages() const { return messages_; }
    // The report without what has been said in these words; of a run that began nothing also its causes.
    report::RunReport untold(report::RunReport report) const {
        auto was_told = [this](const std::string& text) {
            return std::any_of(messages_.begin(), messages_.end(), [&](const auto& one) { return one.text == text; });
        };
        std::erase_if(report.messages, [&](const auto& message) { return was_told(message.text); });
        if (report.targets.empty()) std::erase_if(report.causes, was_told);
        return report;
    }

  private:
    static constexpr std::size_t most_messages = 1000;
    event::Sink& next_;
    event::Sink* also_ = nullptr;
    std::vector<event::Message> messages_;
};

Console::Console(async::Executor executor, const options::Settings& settings, const Environment& environment)
    : executor_(executor), settings_(settings), color_(wants_color(settings, environment)), environment_(environment),
      width_(terminal_width()) {
    report::DisplaySettings display;
    display.live = ::isatty(STDERR_FILENO) && !github::is_step(environment) && environment.get_or("TERM") != "dumb" &&
                   !settings.quiet && !settings.watch;
    display.signs_of_life = !settings.watch;
    display.color = color_;
    bool is_step = github::is_step(environment);
    display.ascii = !is_step && !speaks_utf8(environment);
    display.is_log_of_runner = is_step;
    display.quiet = settings.quiet;
    display.verbose = settings.verbose || settings.watch; // what a service says is all there is to see of it
    display.width = width_;
    display.log_command = options::log_command(settings.store);
    if (settings.on_github) {
        display.stream = stdout; // the runner reads both streams, and only within one is their order certain
        auto log = report::make_github_log(display);
        github_log_ = log.get();
        display_ = std::move(log);
    } else {
        display_ = report::make_display(display);
    }
    recorder_ = std::make_unique<Recorder>(*display_);
}

Console::~Console() = default;

Result<void> Console::open_events() {
    if (settings_.events.empty()) return {};
    if (settings_.events == "-" && settings_.json == "-")
        return Failure(FailureKind::usage, "--events and --json cannot both go to the standard output")
            .with_hint("name a file for one of them");
    TRY(events, report::EventLines::open(settings_.events));
    events_ = std::move(events);
    recorder_->pass_on_to(*events_);
    return {};
}

event::Sink& Console::sink() { return *recorder_; }

Task<void> Console::watch_signals(std::function<void(int)> on_signal) {
    async::asio::basic_signal_set<async::Executor> signals(executor_, SIGINT, SIGTERM);
    struct sigaction hangup {};
    if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) signals.add(SIGHUP); // not of nohup
    std::optional<std::chrono::steady_clock::time_point> first;
    for (;;) {
        int number = co_await signals.async_wait(async::use_task);
        if (number == SIGHUP) number = SIGTERM; // the terminal is gone, and who sat there with it
        if (!first) {
            first = std::chrono::steady_clock::now();
            on_signal(number);
        } else if (number == SIGINT && elapsed_since(*first) > the_same_signal) {
            display_->finish();
            write_all(stderr, "cachefill: interrupted twice, ending at once\n");
            std::_Exit(static_cast<int>(options::ExitCode::interrupted));
        }
    }
}

Task<void> Console::keep_drawing() {
    auto pause = ::isatty(STDERR_FILENO) ? 100ms : 1000ms;
    for (;;) {
        co_await async::sleep_for(pause);
        if (!is_drawing_) co_return;
        display_->set_width(terminal_width());
        display_->tick(std::chrono::steady_clock::now());
    }
}

void Console::say(std::FILE* stream, const std::string& text) const {
    write_all(stream, spoken_on(stream, text, environment_));
}

std::FILE* Console::stream_of_answers() const {
    return settings_.json == "-" || settings_.events == "-" || settings_.matrix ? stderr : stdout;
}

void Console::stop_drawing() {
    is_drawing_ = false;
    display_->finish();
}

report::RunReport Console::completed(report::RunReport report) const {
    for (const auto& message : recorder_->messages()) {
        auto is_same = [&](const auto& other) { return other.text == message.text; };
        if (std::none_of(report.messages.begin(), report.messages.end(), is_same)) report.messages.push_back(message);
    }
    return report;
}

// What cannot be written is told, and no success.
void Console::write(const std::string& file, const std::string& text, const std::string& doing, int& exit_code) {
    auto written = write_named_file(file, text);
    if (written) return;
    print_error(std::move(written).error().with_context(doing));
    if (exit_code == 0) exit_code = static_cast<int>(options::ExitCode::machine);
}

int Console::close_with(report::RunReport report, const std::string& before_text, bool was_asked) {
    return close_with(std::move(report), {.text = before_text, .json = {}, .line = {}, .was_asked = was_asked});
}

int Console::close_with(report::RunReport report, const Answer& answer) {
    display_->finish();
    report = completed(std::move(report));
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_);
    auto document = [&] { return (answer.json.empty() ? report::to_json(report) : answer.json) + "\n"; };
    if (settings_.json == "-") write_all(stdout, github::harmless_json(document()));
    tell(report, answer, took);
    // A report in a file is of how everything ended, and so is written when everything else is.
    if (is_output_lost() && report.exit_code == 0) {
        report.exit_code = static_cast<int>(options::ExitCode::machine);
        report.causes.push_back(output_is_lost().one_line());
    }
    int exit_code = report.exit_code;
    if (!settings_.json.empty() && settings_.json != "-")
        write(settings_.json, document(), "writing the report", exit_code);
    if (!settings_.junit.empty())
        write(settings_.junit, report::to_junit(report), "writing the report as JUnit's XML", exit_code);
    recorder_->on_event(event::RunFinished{exit_code, report.causes, took});
    if (events_ && events_->trouble()) print_error(*events_->trouble());
    return exit_code;
}

void Console::tell(const report::RunReport& report, const Answer& answer, std::chrono::milliseconds took) {
    bool quiet = settings_.quiet && report.exit_code == 0;
    auto left_to_warn_of = quiet ? warnings_of(recorder_->untold(report)) : std::string();
    if (github_log_) {
        if (!quiet) github_log_->conclude(answer.text + report::to_text(report, false, width_, true));
        if (!left_to_warn_of.empty()) github_log_->conclude(left_to_warn_of);
        return;
    }
    say(stderr, left_to_warn_of);
    if (!answer.line.empty()) write_all(stdout, github::harmless_json(answer.line) + "\n");
    auto* stream = stream_of_answers();
    if (!quiet || answer.was_asked) say(stream, answer.text);
    if (quiet) return;
    bool was_just_told = (took < soon || report.targets.empty()) && is_same_place(::fileno(stream), STDERR_FILENO);
    say(stream, report::to_text(was_just_told ? recorder_->untold(report) : report,
                                color_ && ::isatty(::fileno(stream)), width_));
}

int Console::close_with_answer(int exit_code, const std::string& text, const std::string& json) {
    display_->finish();
    if (settings_.json == "-") {
        write_all(stdout, github::harmless_json(json) + "\n");
    } else if (!settings_.json.empty()) {
        write(settings_.json, json + "\n", "writing the answer", exit_code);
    }
    bool quiet = settings_.quiet && exit_code == 0;
    if (!quiet) say(settings_.json == "-" ? stderr : stdout, sanitize(text));
    return exit_code;
}

void Console::print_error(const Failure& failure) {
    if (!github_log_) return say(stderr, render(failure) + "\n");
    github::Annotation annotation;
    annotation.level = github::Level::error;
    annotation.message = failure.one_line() + (failure.hint().empty() ? "" : "\n" + failure.hint());
    github_log_->annotate(std::move(annotation));
}

} // namespace cachefill::app
