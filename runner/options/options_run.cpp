#include "options/option_rows.hpp"
#include "report/notification.hpp"

namespace cachefill::options {

std::vector<Option> rows::the_run_and_its_words() {
    const auto levels = std::map<std::string, event::Severity>{
        {"notice", event::Severity::notice}, {"warning", event::Severity::warning}, {"error", event::Severity::error}};
    const auto formats = std::map<std::string, report::NotifyFormat>{{"auto", report::NotifyFormat::automatic},
                                                                     {"discord", report::NotifyFormat::discord},
                                                                     {"slack", report::NotifyFormat::slack},
                                                                     {"json", report::NotifyFormat::json}};
    const auto colors =
        std::map<std::string, Color>{{"auto", Color::automatic}, {"always", Color::always}, {"never", Color::never}};
    const auto on_deadline =
        std::map<std::string, OnDeadline>{{"stop", OnDeadline::stop}, {"rerun", OnDeadline::rerun}};
    return {
        {"deadline", T::value, run_only, W::anywhere, "TIME", "The run",
         "stop building after this time, finish the uploads, exit 4", "", duration(&Settings::deadline)},
        {"on-deadline",
         T::value,
         ci_only,
         W::outside,
         "WHAT",
         "The run",
         "what follows a deadline: stop (default), or rerun to start the workflow again",
         "Only if something was pushed, and at most max-reruns times for a commit. It needs a token with actions: "
         "write "
         "and a workflow with workflow_dispatch.",
         choice<OnDeadline>(&Settings::on_deadline, on_deadline),
         false,
         {"stop"}},
        {"max-reruns", T::value, ci_only, W::outside, "N", "The run",
         "how often a deadline starts the workflow again (default 3)", "", number(&Settings::max_reruns, 0, 50)},
        {"stop-when-superseded", T::toggle, ci_only, W::anywhere, "", "The run",
         "start nothing new once a newer run of the same workflow and branch waits (default)",
         "What runs is finished and pushed. It needs a token with actions: read.",
         toggle(&Settings::stop_when_superseded)},
        {"substituter", T::toggle, ci_only, W::anywhere, "", "The run",
         "let later steps of the job fetch from the cache, where Nix trusts this user (default)", "",
         toggle(&Settings::substituter)},
        {"retry-budget", T::value, run_plan_push_verify | report_only | laptop, W::anywhere, "TIME", "The run",
         "how long a request that may succeed later is repeated (default 90s)",
         "What could not be pushed for all that is tried again while builds run, and three times as long after them.",
         duration(&Settings::retry_budget)},
        {"wait-for-caches", T::value, run_plan_push_verify, W::anywhere, "TIME", "The run",
         "how long a cache that answered before and is away is waited for (default 10m)",
         "One that never answered is waited for a minute at most. What it may have stays unknown then: it is neither "
         "built nor pushed, the run says so and ends with 5. An upstream with ?optional=1 is not waited for longer "
         "than "
         "that, and what only it may have is built.",
         duration(&Settings::wait_for_caches)},
        {"build-unknown", T::toggle, run_plan, W::anywhere, "", "The run",
         "build what a cache that stays away may have, instead of ending with 5", "", toggle(&Settings::build_unknown)},
        {"offline", T::toggle, run_plan_push_verify, W::anywhere, "", "The run",
         "do not wait for caches that cannot be reached from the start: they count as empty", "",
         toggle(&Settings::offline)},
        {"fail-on", T::list, run_only, W::outside, "CAUSE", "The run",
         "what makes the run fail: evaluate, build, check, push, incomplete, deadline; or none",
         "Everything by default. What is left out becomes a warning.", apply_fail_on},
        {"strict-trust", T::toggle, run_plan_verify, W::merged, "", "The run",
         "fail when a host's own configuration does not trust the cache", "", toggle(&Settings::strict_trust)},
        {"deep", T::toggle, run_verify, W::merged, "", "The run",
         "verify by downloading and hashing, not only by asking", "", toggle(&Settings::deep)},
        {"expect", T::list, report_only, W::flag, "NAME", "Joining",
         "jobs that must have reported, as globs; the others are named", "", list(&Settings::expect)},
        {"needs",
         T::value,
         report_only,
         W::flag,
         "JSON",
         "Joining",
         "how the jobs before this one ended: GitHub's toJSON(needs), or a file with it",
         "",
         text(&Settings::needs),
         false,
         {},
         Login::taken},
        {"notify.from",
         T::value,
         report_only,
         W::outside,
         "LEVEL",
         "Notification",
         "the least severity that sends a message: notice (default), warning or error",
         "The URL of the webhook comes from the environment: CACHEFILL_NOTIFY_URL. Empty: nothing is sent.",
         choice<event::Severity>(&Settings::notify_from, levels),
         false,
         {"notice"}},
        {"notify.format", T::value, report_only, W::anywhere, "FORMAT", "Notification",
         "what the webhook understands: auto (default, by its host), discord, slack or json", "",
         choice<report::NotifyFormat>(&Settings::notify_format, formats)},
        {"action",
         T::value,
         init_only,
         W::flag,
         "OWNER/REPOSITORY[@COMMIT]",
         "The workflow",
         "where the workflow takes the action from (default: where this program comes from, at its own release)",
         "Without a commit, git is asked once which commit the release's tag stands for; the workflow names that "
         "commit, "
         "never a tag that may move.",
         text(&Settings::action),
         false,
         {},
         Login::taken},
        {"runners", T::list, init_only | plan_only, W::merged, "SYSTEM:LABEL", "The workflow",
         "which of GitHub's or your own machines builds for a system (default: GitHub's newest for each)",
         "In the file by system: {aarch64-linux: ubuntu-24.04-arm}; several labels, as machines of your own have, are "
         "a list. For 'plan --shards' a system may be followed by features: x86_64-linux+kvm builds what requires kvm.",
         apply_runners, true},
        {"yes", T::toggle, init_only, W::flag, "", "The workflow",
         "ask nothing, take the defaults and write; needed where there is no terminal", "", toggle(&Settings::yes)},
        {"watch", T::toggle, push_only, W::flag, "", "The run",
         "stay, and push what gets built here: a service with a queue on disk", "", toggle(&Settings::watch)},
        {"since", T::value, push_only, W::flag, "TIME", "The run",
         "push only what was built here since then: 2h, 3d, 2026-08-01, '2026-08-01 12:30'",
         "Of the paths given and their closures; without paths, of the generations made since then.", apply_since},
        {"status", T::toggle, push_only, W::flag, "", "The run",
         "show the queue of --watch: what waits, rate, last error", "", toggle(&Settings::push_status)},
        {"state-directory", T::value, at_a_desk, W::outside, "DIR", "The run",
         "where queue and history are kept (default: $XDG_STATE_HOME/cachefill)", "",
         [](Settings& settings, const Values& values) -> Result<void> {
             if (!values.back().starts_with('/')) return unusable(values.back(), "the absolute path of a directory");
             settings.state_directory = values.back();
             return {};
         }},
        {"why", T::value, plan_only, W::flag, "NAME", "Output", "why something is built, fetched, pushed or left alone",
         "NAME is what a package is called, with or without its version (firefox, firefox-119.0), a glob, a host, or a "
         "store path.",
         text(&Settings::why)},
        {"shards", T::maybe_value, plan_only, W::flag, "[=MAX]", "Output",
         "which of several machines would build what: as few as pay, at most MAX (default 20)",
         "Each builds --jobs derivations at once (default 4, as GitHub's machines have cores). What --json writes "
         "then: "
         "docs/shards.md.",
         number_or(&Settings::shards, usual_shards, 1, 256)},
        {"matrix", T::toggle, plan_only, W::flag, "", "Output",
         "print the shards as a matrix for GitHub; in a step, also as its outputs matrix and shards", "",
         toggle(&Settings::matrix)},
        {"exit-code", T::toggle, plan_only, W::flag, "", "Output",
         "end with 1 when something would be built or pushed, as 'git diff --exit-code' does", "",
         toggle(&Settings::exit_code)},
        {"dry-run", T::toggle, run_push | init_only | report_only | use_only, W::flag, "", "Output",
         "say what would be done", "", toggle(&Settings::dry_run)},
        {"json", T::value, run_plan_push_verify | report_only | laptop, W::flag, "FILE", "Output",
         "write the report as JSON ('-': standard output)", "", text(&Settings::json)},
        {"html", T::value, report_only, W::flag, "FILE", "Output",
         "write one page for a browser, which needs no network: hosts, failures, time line, tables", "",
         text(&Settings::html)},
        {"junit", T::value, run_verify | report_only, W::flag, "FILE", "Output", "write the report as JUnit's XML",
         "For viewers of tests: hosts, builds, and what did not go up. What the cases are: docs/report.md.",
         text(&Settings::junit)},
        {"events", T::value, run_plan_push_verify, W::flag, "FILE", "Output",
         "write what happens, as it happens, as lines of JSON ('-': standard output)",
         "What the lines hold: docs/report.md, \"Events as JSON lines\".", text(&Settings::events)},
        {"bell", T::toggle, at_a_desk | wait_only, W::anywhere, "", "Output",
         "at the end the terminal's bell, and a notice on the desktop",
         "Of 'wait' always, of the others when they took more than a minute. By notify-send or macOS' own means, where "
         "there is one.",
         toggle(&Settings::bell)},
        {"quiet", T::toggle, run_plan_push_verify | init_only | report_only | laptop, W::flag, "", "Output",
         "only warnings and failures", "", toggle(&Settings::quiet)},
        {"verbose", T::toggle, run_plan_push_verify | init_only | report_only | laptop, W::flag, "", "Output",
         "every build, push and log line", "", toggle(&Settings::verbose)},
        {"color", T::value, run_plan_push_verify | init_only | report_only | laptop | login_only | use_only, W::flag,
         "WHEN", "Output", "auto (default), always or never", "", choice<Color>(&Settings::color, colors)},
    };
}

} // namespace cachefill::options
