#include "captured_stream.hpp"
#include "golden_text.hpp"
#include "report/columns.hpp"
#include "report/display.hpp"
#include "report/live_block.hpp"
#include "reports.hpp"
#include "screen.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

event::BuildStarted build_started(const std::string& name) {
    return event::BuildStarted{
        .derivation = store_path(name + ".drv"), .name = name, .kind = "compile", .expected = 60s};
}

event::BuildFinished build_finished(const std::string& name, event::BuildOutcome outcome) {
    event::BuildFinished finished;
    finished.derivation = store_path(name + ".drv");
    finished.name = name;
    finished.outcome = outcome;
    finished.took = 75s;
    return finished;
}

event::PlanChanged plan(std::uint64_t builds) {
    event::PlanChanged changed;
    changed.builds = builds;
    changed.expected = 600s;
    changed.critical_path = 300s;
    return changed;
}

// A run in full swing.
void apply_busy_run(event::Sink& sink) {
    sink.on_event(event::StageStarted{event::Stage::evaluate});
    sink.on_event(event::TargetsFound{.targets = {"nixos:nas", "nixos:web", "home:alice@nas"}, .skipped = {}});
    for (const auto* target : {"nixos:nas", "nixos:web"}) sink.on_event(event::EvaluationStarted{target});
    event::EvaluationFinished finished;
    finished.target = "nixos:nas";
    finished.succeeded = true;
    finished.took = 12s;
    sink.on_event(finished);
    sink.on_event(event::StageStarted{event::Stage::build});
    sink.on_event(plan(40));
    sink.on_event(build_started("linux-6.12.4"));
    sink.on_event(build_started("firefox-unwrapped-141.0"));
    sink.on_event(
        event::BuildLogLine{store_path("linux-6.12.4.drv"), "  CC\tdrivers/gpu/drm/amd/amdgpu/amdgpu_device.o"});
    sink.on_event(event::StageStarted{event::Stage::push});
    sink.on_event(event::PushStarted{store_path("gcc-14.2"), 210 << 20});
    sink.on_event(event::PushProgress{store_path("gcc-14.2"), 12 << 20});
}

struct Live {
    explicit Live(std::size_t width, bool verbose = false) : screen(width) {
        report::DisplaySettings settings;
        settings.live = true;
        settings.verbose = verbose;
        settings.width = width;
        settings.stream = captured.stream();
        display = report::make_display(settings);
        start = std::chrono::floor<std::chrono::seconds>(Clock::now()); // rates are told for whole seconds
        display->tick(start);
    }
    std::string tick(std::chrono::milliseconds after) {
        display->tick(start + after);
        auto bytes = captured.take();
        screen.write(bytes);
        return bytes;
    }

    CapturedStream captured;
    Screen screen;
    std::unique_ptr<report::Display> display;
    Clock::time_point start;
};

} // namespace

BOOST_AUTO_TEST_SUITE(live_display)

BOOST_AUTO_TEST_CASE(the_block_shows_what_runs_with_time_and_last_line) {
    Live live(80);
    apply_busy_run(*live.display);
    live.tick(5500ms);
    check_golden("live-80.txt", live.screen.text());
}

BOOST_AUTO_TEST_CASE(who_waits_for_the_cloud_sees_that_and_nothing_that_has_ended) {
    Live live(80);
    apply_busy_run(*live.display);
    live.display->on_event(event::CloudWaiting{"the run 'Fill' #214 is running: 2 of 5 jobs done", 190s});
    live.tick(2000ms);
    BOOST_TEST(live.screen.text().find("waiting  3:12 · the run 'Fill' #214 is running: 2 of 5 jobs done\n") !=
               std::string::npos);
    BOOST_TEST(live.screen.text().find("evaluate ") == std::string::npos);
    live.display->on_event(event::CloudWaiting{"the commit was made a moment ago", {}});
    live.tick(3000ms);
    BOOST_TEST(live.screen.text().find("waiting  0:03 · the commit was made") != std::string::npos, live.screen.text());
    BOOST_TEST(live.screen.text().find("#214") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_cache_sees_the_time_go_by) {
    Live live(60);
    live.display->on_event(event::StageStarted{event::Stage::evaluate});
    live.display->on_event(event::StageFinished{event::Stage::evaluate, 900ms});
    live.tick(1000ms);
    BOOST_TEST(live.screen.text().find("query    asking the caches\n") != std::string::npos, live.screen.text());
    event::CacheWaiting waiting;
    waiting.cache = "https://a-long-name-of-a-cache.example.org";
    waiting.state = event::CacheWaiting::State::waits;
    waiting.said = "cannot look up the name a-long-name-of-a-cache.example.org: Name or service not known";
    waiting.waited = 3s;
    live.display->on_event(waiting);
    for (int i = 4; i < 6; ++i) {
        live.tick(std::chrono::milliseconds(1000 * i));
        BOOST_TEST(live.screen.text().find("waiting  0:0" + std::to_string(i + 2) + " · for\n") != std::string::npos,
                   live.screen.text());
    }
}

BOOST_AUTO_TEST_CASE(what_is_waited_for_is_broken_between_words) {
    Live live(40);
    live.display->on_event(event::CloudWaiting{"nixos:lap is not in the cache; the cloud built another one, of "
                                               "commit 1a2b3c4: etc < activate < nixos-system-lap-24.11 and more",
                                               {}});
    live.tick(12000ms);
    auto text = live.screen.text();
    BOOST_TEST(text.find("waiting  0:12 · nixos:lap is not in the\n"
                         "         cache; the cloud built another\n"
                         "         one, of commit 1a2b3c4: etc <…\n") != std::string::npos,
               text);
}

BOOST_AUTO_TEST_CASE(a_locale_without_utf_8_gets_as_many_columns_in_ascii) {
    report::DisplaySettings settings;
    settings.live = settings.ascii = true;
    settings.width = 40;
    CapturedStream captured;
    settings.stream = captured.stream();
    auto display = report::make_display(settings);
    apply_busy_run(*display);
    display->tick(Clock::now() + 2s);
    auto shown = captured.take();
    BOOST_TEST(std::all_of(shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
    BOOST_TEST(shown.find('~') != std::string::npos); // what was cut
}

BOOST_AUTO_TEST_CASE(a_narrow_terminal_cuts_lines_and_hides_none) {
    Live wide(80), narrow(34);
    apply_busy_run(*wide.display);
    apply_busy_run(*narrow.display);
    wide.tick(5500ms);
    narrow.tick(5500ms);
    check_golden("live-34.txt", narrow.screen.text());
    BOOST_TEST(!narrow.screen.wrapped());
    auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
    BOOST_TEST(lines(wide.screen.text()) == lines(narrow.screen.text()));
}

BOOST_AUTO_TEST_CASE(no_width_makes_a_line_wrap) {
    for (std::size_t width = 1; width < 120; ++width) {
        report::Progress progress;
        struct Feed final : event::Sink {
            explicit Feed(report::Progress& to) : progress(to) {}
            void on_event(const event::Event& event) override { progress.apply(event, Clock::time_point(0s)); }
            report::Progress& progress;
        } feed(progress);
        apply_busy_run(feed);
        for (const auto& line : report::live_block(progress, Clock::time_point(9s), width, report::Style(false)))
            BOOST_TEST(report::columns(line) <= width, line << " is wider than " << width);
    }
}

BOOST_AUTO_TEST_CASE(finished_things_leave_lasting_lines_above_the_block) {
    Live live(80);
    apply_busy_run(*live.display);
    live.tick(1s);
    live.display->on_event(build_finished("linux-6.12.4", event::BuildOutcome::built));
    auto failed = build_finished("firefox-unwrapped-141.0", event::BuildOutcome::failed);
    failed.error = "builder failed with exit code 2";
    live.display->on_event(failed);
    for (const auto* name : {"firefox-141.0", "profile"}) {
        auto blocked = build_finished(name, event::BuildOutcome::blocked);
        blocked.blocked_by = failed.name;
        live.display->on_event(blocked);
    }
    live.display->on_event(event::Message{event::Severity::warning, "the cache is slow", "wait"});
    live.tick(2s);
    check_golden("live-lasting.txt", live.screen.text());
}

BOOST_AUTO_TEST_CASE(an_unchanged_frame_is_not_written_again_and_frames_keep_their_distance) {
    Live live(80);
    live.display->on_event(event::PlanChanged{.builds = 9});
    live.display->on_event(event::StageStarted{event::Stage::evaluate});
    BOOST_TEST(!live.tick(1000ms).empty());
    BOOST_TEST(live.tick(1100ms).empty());
    live.display->on_event(build_started("hello-2.12"));
    BOOST_TEST(!live.tick(1200ms).empty());
    live.display->on_event(build_started("hello-2.13"));
    BOOST_TEST(live.tick(1240ms).empty()); // less than 50 ms later
    BOOST_TEST(!live.tick(1260ms).empty());
}

BOOST_AUTO_TEST_CASE(a_frame_is_one_synchronized_write_that_blanks_nothing) {
    Live live(80);
    apply_busy_run(*live.display);
    live.tick(1s);
    auto bytes = live.tick(2s);
    BOOST_TEST(bytes.starts_with("\x1b[?2026h"));
    BOOST_TEST(bytes.ends_with("\x1b[?2026l"));
    BOOST_TEST(bytes.find("\x1b[2K") == std::string::npos);
    BOOST_TEST(bytes.find("\x1b[2J") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(finish_leaves_lasting_lines_only) {
    Live live(80);
    apply_busy_run(*live.display);
    live.tick(1s);
    live.display->on_event(event::Message{event::Severity::error, "too bad", ""});
    live.display->finish();
    live.screen.write(live.captured.take());
    BOOST_TEST(live.screen.text() == "evaluated nixos:nas  12.0 s\nerror: too bad\n");
}

BOOST_AUTO_TEST_CASE(a_block_that_was_wrapped_by_a_narrower_terminal_is_still_replaced_whole) {
    Live live(100);
    apply_busy_run(*live.display);
    live.tick(1s);
    live.screen.resize(40);
    live.display->set_width(40);
    live.tick(2s);
    auto text = live.screen.text();
    BOOST_TEST(text.find("evaluate 1/3") == text.rfind("evaluate 1/3"));
    BOOST_TEST(text.find("evaluate 1/3") == 0U + std::string("evaluated nixos:nas  12.0 s\n").size());
}

BOOST_AUTO_TEST_CASE(many_builds_fit_a_screen) {
    Live live(80);
    live.display->on_event(plan(50));
    for (int i = 10; i < 40; ++i) live.display->on_event(build_started("p-" + std::to_string(i)));
    live.tick(1s);
    auto text = live.screen.text();
    BOOST_TEST(std::count(text.begin(), text.end(), '\n') <= 12);
    BOOST_TEST(text.find("and 24 more") != std::string::npos);
    BOOST_TEST(text.find("p-10") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(verbose_shows_log_lines_with_their_names) {
    Live live(80, true);
    apply_busy_run(*live.display);
    live.tick(1s);
    BOOST_TEST(live.screen.text().find("linux-6.12.4>   CC") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_later_plan_does_not_count_failures_twice) {
    report::Progress progress;
    auto now = Clock::time_point(0s);
    progress.apply(plan(3), now);
    progress.apply(build_finished("a", event::BuildOutcome::built), now);
    progress.apply(build_finished("b", event::BuildOutcome::failed), now);
    BOOST_TEST(progress.builds_planned() == 3U);
    progress.apply(plan(4), now); // a is done and gone, b still stands there, two others are new
    BOOST_TEST(progress.builds_planned() == 5U);
    BOOST_TEST(progress.builds_ended() == 2U);
}

BOOST_AUTO_TEST_CASE(rates_fade_when_nothing_moves) {
    report::Progress progress;
    auto start = Clock::time_point(0s);
    progress.apply(event::PushStarted{"p", 100}, start);
    for (int second = 0; second <= 4; ++second)
        progress.apply(event::PushProgress{"p", static_cast<std::uint64_t>(second + 1) << 20}, start + second * 1s);
    BOOST_TEST(progress.upload_rate(start + 4s) > 1e6);
    BOOST_TEST(progress.upload_rate(start + 20s) == 0.0);
}

BOOST_AUTO_TEST_SUITE_END()
