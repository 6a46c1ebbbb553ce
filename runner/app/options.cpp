#include "app/options.hpp"

#include "app/option_values.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <map>

namespace cachefill::app {

namespace {

using Values = OptionValues;
using Apply = std::function<Result<void>(Settings&, const Values&)>;

// `ci` is `run` as a step of GitHub Actions and knows all its options.
constexpr unsigned run_only = 1 | 16, run_plan = 3 | 16, run_plan_verify = 11 | 16, run_push = 5 | 16,
                   run_verify = 9 | 16, ci_only = 16;
constexpr unsigned plan_only = 2, push_only = 4, wait_only = 64, guard_only = 128, init_only = 256, report_only = 512;
constexpr unsigned at_a_desk = 15;
constexpr unsigned laptop = 224; // doctor, wait and guard

Apply text(std::string Settings::*member) {
    return [member](Settings& settings, const Values& values) -> Result<void> {
        if (values.back().empty()) return unusable("", "a value that is not empty");
        settings.*member = values.back();
        return {};
    };
}

Apply list(std::vector<std::string> Settings::*member) {
    return [member](Settings& settings, const Values& values) -> Result<void> {
        if (std::any_of(values.begin(), values.end(), [](const auto& v) { return v.empty(); }))
            return unusable("", "values that are not empty");
        settings.*member = values;
        return {};
    };
}

Apply toggle(bool Settings::*member, bool meaning = true) {
    return [member, meaning](Settings& settings, const Values& values) -> Result<void> {
        if (values.back() == "true")
            settings.*member = meaning;
        else if (values.back() == "false")
            settings.*member = !meaning;
        else
            return unusable(values.back(), "true or false");
        return {};
    };
}

Result<std::uint64_t> number_in(const std::string& value, std::uint64_t least, std::uint64_t most) {
    auto number = parse_u64(value);
    if (!number || *number < least || *number > most)
        return unusable(value, "a number from " + std::to_string(least) + " to " + std::to_string(most));
    return *number;
}

template <class T> Apply number(T Settings::*member, std::uint64_t least, std::uint64_t most) {
    return [=](Settings& settings, const Values& values) -> Result<void> {
        TRY(value, number_in(values.back(), least, most));
        if constexpr (std::is_same_v<T, std::optional<std::size_t>>)
            settings.*member = value;
        else
            settings.*member = static_cast<T>(value);
        return {};
    };
}

template <class T> Apply duration(T Settings::*member) {
    return [=](Settings& settings, const Values& values) -> Result<void> {
        auto value = parse_duration(values.back());
        if (!value) return unusable(values.back(), "a time such as 90s, 45m or 5h30m");
        settings.*member = *value;
        return {};
    };
}

Apply bytes(std::uint64_t Settings::*member) {
    return [=](Settings& settings, const Values& values) -> Result<void> {
        auto value = parse_bytes(values.back());
        if (!value) return unusable(values.back(), "a size such as 300M or 5G");
        settings.*member = *value;
        return {};
    };
}

template <class T> Apply choice(T Settings::*member, std::map<std::string, T> choices) {
    return [member, choices = std::move(choices)](Settings& settings, const Values& values) -> Result<void> {
        auto it = choices.find(values.back());
        if (it == choices.end()) {
            std::vector<std::string> names;
            for (const auto& [name, ignored] : choices) names.push_back(name);
            return unusable(values.back(), "one of " + join(names, ", "));
        }
        settings.*member = it->second;
        return {};
    };
}

std::vector<Option> make_table() {
    using T = OptionType;
    using W = Where;
    const auto impure = std::map<std::string, eval::Impure>{
        {"auto", eval::Impure::automatic}, {"always", eval::Impure::always}, {"never", eval::Impure::never}};
    const auto levels = std::map<std::string, event::Severity>{
        {"notice", event::Severity::notice}, {"warning", event::Severity::warning}, {"error", event::Severity::error}};
    const auto formats = std::map<std::string, report::NotifyFormat>{{"auto", report::NotifyFormat::automatic},
                                                                     {"discord", report::NotifyFormat::discord},
                                                                     {"slack", report::NotifyFormat::slack},
                                                                     {"json", report::NotifyFormat::json}};
    const std::map<std::string, std::optional<eval::TargetKind>> kinds{
        {"nixos", eval::TargetKind::nixos}, {"darwin", eval::TargetKind::darwin}, {"home", eval::TargetKind::home}};
    const auto colors =
        std::map<std::string, Color>{{"auto", Color::automatic}, {"always", Color::always}, {"never", Color::never}};
    const auto on_deadline =
        std::map<std::string, OnDeadline>{{"stop", OnDeadline::stop}, {"rerun", OnDeadline::rerun}};
    return {
        {"cache", T::value, all_commands | laptop | init_only, W::looking, "CACHE", "What",
         "the cache to fill: NAME or cachix://NAME, https://…, file:///dir",
         "A bare NAME is a Cachix cache. Credentials come from the environment: CACHIX_AUTH_TOKEN for Cachix; "
         "CACHEFILL_SIGNING_KEY or CACHEFILL_SIGNING_KEY_FILE for plain caches. One that takes uploads at another "
         "address than it is read from is named as URL?push=URL, or URL?push=/PATH; in the file also as {read: URL, "
         "push: URL}.",
         apply_cache, true},
        {"hosts", T::list, run_plan_verify, W::anywhere, "PATTERN", "What",
         "which hosts, as globs with an optional kind: 'nixos:*', 'nas', '!template-*'",
         "Kinds are nixos, darwin and home. Without this option all hosts are meant; the last match decides.",
         list(&Settings::hosts)},
        {"evaluate-only", T::list, run_plan, W::anywhere, "PATTERN", "What",
         "targets to evaluate and report, but never build or push", "", list(&Settings::evaluate_only)},
        {"systems", T::list, run_plan_verify, W::anywhere, "SYSTEM", "What",
         "build and push only for hosts of these systems: x86_64-linux, '*-darwin'",
         "The others are evaluated and called elsewhere. Without this option a run cares for all that this machine "
         "and its builders can build.",
         apply_systems},
        {"also", T::list, run_plan_verify, W::anywhere, "OUTPUT", "What",
         "further outputs of the flake: packages, checks, devShells", "", list(&Settings::also)},
        {"check", T::value, run_only, W::anywhere, "WHAT", "What",
         "flake: evaluate the rest of the flake, too, or none (default)",
         "As `nix flake check --no-build` would: packages, checks, devShells and so on, of all systems, once "
         "everything "
         "is pushed. Hosts are not evaluated twice.",
         choice<bool>(&Settings::check_flake, {{"flake", true}, {"none", false}})},
        {"require-all", T::toggle, run_plan, W::anywhere, "", "What",
         "fail when a target needs a system or feature nobody here has", "", toggle(&Settings::require_all)},
        {"flake", T::value, laptop, W::flag, "FLAKE", "What",
         "the flake (default: $NH_FLAKE, else the current directory)", "", text(&Settings::flake)},
        {"kind", T::value, laptop, W::flag, "KIND", "What",
         "the kind of host: nixos, darwin or home (default: the one that the command switches)",
         "Without a command: the one whose module installed this program, else any. It chooses among hosts of one "
         "name.",
         choice<std::optional<eval::TargetKind>>(&Settings::kind, kinds)},
        {"host", T::value, guard_only, W::flag, "HOST", "What",
         "the host that COMMAND switches to (default: this machine's)", "", text(&Settings::guard_host)},
        {"allow", T::list, guard_only, W::flag, "PATTERN", "What",
         "names that may be compiled all the same: 'firefox-*'", "", list(&Settings::allow)},
        {"max-minutes", T::value, guard_only, W::flag, "N", "What", "compile if it is expected to take at most so long",
         "", number(&Settings::max_minutes, 0, 100000)},
        {"update", T::toggle, guard_only, W::flag, "", "What",
         "move flake.lock first, in a copy, and keep it only if nothing has to be compiled", "",
         toggle(&Settings::update)},
        {"upstream", T::list, all_commands | laptop, W::outside, "CACHE", "Caches",
         "further caches to read; what every consumer there trusts is not pushed again", "",
         list(&Settings::upstreams)},
        {"upstreams.from-hosts", T::toggle, all_commands, W::anywhere, "", "Caches",
         "also read the caches that hosts name in their own nix.settings (default)", "",
         toggle(&Settings::upstreams_from_hosts)},
        {"upstreams.count-given",
         T::toggle,
         run_plan_verify,
         W::outside,
         "",
         "Caches",
         "what the given upstreams have counts for every host, even if it does not trust them",
         "For hosts that will trust them by the time they switch. Without it a run builds what a host cannot fetch.",
         toggle(&Settings::upstreams_count_given),
         false,
         {"false"}},
        {"upstreams.ignore", T::list, all_commands, W::anywhere, "PATTERN", "Caches",
         "caches that hosts name and that are never asked: '*.ts.net'", "", list(&Settings::upstreams_ignore)},
        {"trusted-public-keys", T::list, all_commands | laptop, W::outside, "KEY", "Caches",
         "public keys (name:base64) of caches that do not tell theirs", "", apply_public_keys},
        {"workflow", T::list, laptop, W::anywhere, "FILE", "The cloud",
         "workflows that fill the cache: fill.yml (default: those that mention cachefill)", "",
         list(&Settings::workflows)},
        {"timeout", T::value, wait_only, W::flag, "TIME", "The cloud", "give up after this time (default 3h)", "",
         duration(&Settings::timeout)},
        {"interval", T::value, wait_only, W::flag, "TIME", "The cloud",
         "how often the cache is asked (default 15s); GitHub as often as it allows", "", duration(&Settings::interval)},
        {"impure",
         T::value,
         run_plan | laptop,
         W::outside,
         "WHEN",
         "Evaluation",
         "auto (default), always or never",
         "auto evaluates purely and repeats with --impure only what was refused for an unfree licence.",
         choice<eval::Impure>(&Settings::impure, impure),
         false,
         {"never", "auto"}},
        {"import-from-derivation", T::toggle, run_plan | laptop, W::anywhere, "", "Evaluation",
         "let evaluation build what it reads (default)", "", toggle(&Settings::import_from_derivation)},
        {"accept-flake-config",
         T::toggle,
         run_plan | laptop | init_only,
         W::outside,
         "",
         "Evaluation",
         "let Nix use the flake's own nixConfig",
         "",
         toggle(&Settings::accept_flake_config),
         false,
         {"false"}},
        {"eval-jobs", T::value, run_plan, W::anywhere, "N", "Evaluation",
         "evaluators at once (default: as cores and free memory allow)", "", number(&Settings::eval_jobs, 1, 1000)},
        {"eval-timeout", T::value, run_plan | laptop, W::anywhere, "TIME", "Evaluation",
         "limit for each host (default 30m)", "", duration(&Settings::eval_timeout)},
        {"jobs", T::value, run_only, W::anywhere, "N", "Building",
         "builds at once on this machine (default: Nix's max-jobs)", "", number(&Settings::jobs, 0, 4096)},
        {"cores", T::value, run_only, W::anywhere, "N", "Building",
         "cores for each build (default: Nix's cores; 0: all)", "",
         [](Settings& settings, const Values& values) -> Result<void> {
             TRY(value, number_in(values.back(), 0, 4096));
             settings.cores = value;
             return {};
         }},
        {"max-silent", T::value, run_only, W::anywhere, "TIME", "Building",
         "stop a build that prints nothing for so long (default 1h; 0: never)", "", duration(&Settings::max_silent)},
        {"build-timeout", T::value, run_only, W::anywhere, "TIME", "Building",
         "stop a build after this time (default: never)", "", duration(&Settings::build_timeout)},
        {"defer", T::list, run_plan, W::anywhere, "PATTERN", "Building",
         "names to build last: 'firefox-unwrapped-*', 'aarch64-darwin:llvm-*'",
         "For what upstream's builders are about to have. What the deadline keeps from being started waits for "
         "upstream; "
         "a derivation that used up an earlier deadline comes last by itself. In the file also by system: "
         "{aarch64-darwin: ['firefox-unwrapped-*']}.",
         apply_defer, true},
        {"min-free", T::value, run_only, W::anywhere, "SIZE", "Building",
         "start no build while the store has less space than this (default 2G)",
         "What this run built, and is in the cache, and nothing needs any more, is then deleted from the store.",
         bytes(&Settings::min_free)},
        {"store", T::value, run_plan | run_push | laptop, W::flag, "URI", "Building",
         "another Nix store: a directory, local?root=DIR, unix://SOCKET", "", text(&Settings::store)},
        {"read-only", T::toggle, run_push, W::anywhere, "", "Pushing", "plan and build, but push nothing", "",
         toggle(&Settings::read_only)},
        {"also-push", T::list, run_only, W::outside, "CACHE", "Pushing",
         "a further cache to fill beside it; CACHE?optional=1 may be away",
         "What is built, and what of the hosts is in this machine's store, goes there, too. Only --cache decides what "
         "is missing "
         "and whether a host is complete. Credentials of its own: CACHIX_AUTH_TOKEN_NAME, CACHEFILL_BEARER_TOKEN_NAME, "
         "CACHEFILL_SIGNING_KEY_NAME.",
         list(&Settings::also_push)},
        {"uploads", T::value, run_push, W::anywhere, "N", "Pushing", "paths uploaded at once (default 16)", "",
         number(&Settings::uploads, 1, 256)},
        {"memory", T::value, run_push, W::anywhere, "SIZE", "Pushing",
         "for compressed pieces on their way (default 256M)", "", bytes(&Settings::memory)},
        {"compression-level", T::value, run_push, W::anywhere, "N", "Pushing", "1 (fast) to 19 (small); default 3", "",
         number(&Settings::compression_level, 1, 19)},
        {"exclude-push", T::list, run_push, W::anywhere, "PATTERN", "Pushing",
         "names never pushed, unless something that is pushed refers to them", "", list(&Settings::exclude_push)},
        {"push-foreign",
         T::toggle,
         run_push,
         W::outside,
         "",
         "Pushing",
         "push (and sign) also what neither was built here nor comes from a known cache",
         "",
         toggle(&Settings::push_foreign),
         false,
         {"false"}},
        {"allow-source",
         T::toggle,
         run_push,
         W::outside,
         "",
         "Pushing",
         "let private sources, the flake's own first, go to a public cache if referred to",
         "",
         toggle(&Settings::allow_source),
         false,
         {"false"}},
        {"size-budget", T::value, run_push, W::anywhere, "SIZE", "Pushing", "push at most so much; the rest is listed",
         "", bytes(&Settings::size_budget)},
        {"push.scope",
         T::value,
         push_only,
         W::outside,
         "SCOPE",
         "Pushing",
         "what --watch and --since look at: system (default) or all",
         "system: the closures of system and home generations, and what was built here for them. all: besides, "
         "whatever gets built on this machine; think before you do that with a public cache.",
         choice<PushScope>(&Settings::push_scope, {{"system", PushScope::system}, {"all", PushScope::all}}),
         false,
         {"system"}},
        {"push.users", T::list, push_only, W::outside, "USER", "Pushing",
         "users whose home generations --watch and --since push, besides root's and your own",
         "A profile is a link that its owner can point at anything in the store, so a user who is named here decides "
         "what goes into the cache.",
         list(&Settings::push_users)},
        {"push.caches", T::table, push_only, W::outside, "NAME=URI", "Pushing",
         "the caches that --watch fills, each with its own credentials and queue",
         "In the file a mapping: NAME: {uri: …, push: …, token-file: …, signing-key-file: …, optional: true}. As a "
         "flag NAME=URI,token-file=FILE,optional. An optional cache may be away for days. Without it --watch fills the "
         "one "
         "that --cache names; with it --cache may give one of these names.",
         apply_push_caches},
        {"push.on-battery", T::value, push_only, W::anywhere, "WHAT", "Pushing",
         "what --watch does on battery: push (default) or wait", "",
         choice<bool>(&Settings::push_on_battery, {{"push", true}, {"wait", false}})},
        {"push.metered", T::value, push_only, W::anywhere, "WHAT", "Pushing",
         "what --watch does on a metered connection: push (default) or wait", "NetworkManager says which is one.",
         choice<bool>(&Settings::push_when_metered, {{"push", true}, {"wait", false}})},
        {"retroactive",
         T::toggle,
         push_only,
         W::outside,
         "",
         "Pushing",
         "let --watch push also what was here before its first start",
         "",
         toggle(&Settings::retroactive),
         false,
         {"false"}},
        {"pins.branches", T::list, run_only, W::anywhere, "BRANCH", "Pushing",
         "branches whose hosts are pinned where the cache has pins (default develop, main)", "",
         list(&Settings::pin_branches)},
        {"pins.keep", T::value, run_only, W::anywhere, "N", "Pushing", "revisions of each pin to keep (default 2)", "",
         number(&Settings::pin_keep, 1, 1000)},
        {"manifest", T::toggle, run_only, W::anywhere, "", "Pushing",
         "leave a signed record in the cache of what was filled (default)", "", toggle(&Settings::manifest)},
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
        {"retry-budget", T::value, all_commands | report_only | laptop, W::anywhere, "TIME", "The run",
         "how long a request that may succeed later is repeated (default 90s)",
         "What could not be pushed for all that is tried again while builds run, and three times as long after them.",
         duration(&Settings::retry_budget)},
        {"wait-for-caches", T::value, all_commands, W::anywhere, "TIME", "The run",
         "how long a cache that answered before and is away is waited for (default 10m)",
         "One that never answered is waited for a minute at most. What it may have stays unknown then: it is neither "
         "built nor pushed, the run says so and ends with 5. An upstream with ?optional=1 is not waited for longer "
         "than "
         "that, and what only it may have is built.",
         duration(&Settings::wait_for_caches)},
        {"build-unknown", T::toggle, run_plan, W::anywhere, "", "The run",
         "build what a cache that stays away may have, instead of ending with 5", "", toggle(&Settings::build_unknown)},
        {"offline", T::toggle, all_commands, W::anywhere, "", "The run",
         "do not wait for caches that cannot be reached from the start: they count as empty", "",
         toggle(&Settings::offline)},
        {"fail-on", T::list, run_only, W::outside, "CAUSE", "The run",
         "what makes the run fail: evaluate, build, check, push, incomplete, deadline; or none",
         "Everything by default. What is left out becomes a warning.", apply_fail_on},
        {"strict-trust", T::toggle, run_plan_verify, W::anywhere, "", "The run",
         "fail when a host's own configuration does not trust the cache", "", toggle(&Settings::strict_trust)},
        {"deep", T::toggle, run_verify, W::anywhere, "", "The run",
         "verify by downloading and hashing, not only by asking", "", toggle(&Settings::deep)},
        {"expect", T::list, report_only, W::flag, "NAME", "Joining",
         "jobs that must have reported, as globs; the others are named", "", list(&Settings::expect)},
        {"needs", T::value, report_only, W::flag, "JSON", "Joining",
         "how the jobs before this one ended: GitHub's toJSON(needs), or a file with it", "", text(&Settings::needs)},
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
        {"action", T::value, init_only, W::flag, "OWNER/REPOSITORY[@COMMIT]", "The workflow",
         "where the workflow takes the action from (default: where this program comes from, at its own release)",
         "Without a commit, git is asked once which commit the release's tag stands for; the workflow names that "
         "commit, "
         "never a tag that may move.",
         text(&Settings::action)},
        {"runners", T::list, init_only, W::anywhere, "SYSTEM:LABEL", "The workflow",
         "which of GitHub's or your own machines builds for a system (default: GitHub's newest for each)",
         "In the file by system: {aarch64-linux: ubuntu-24.04-arm}; several labels, as machines of your own have, are "
         "a list.",
         apply_runners, true},
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
        {"why", T::value, plan_only, W::flag, "PATH", "Output", "explain one store path or derivation", "",
         text(&Settings::why)},
        {"exit-code", T::toggle, plan_only, W::flag, "", "Output",
         "end with 1 when something would be built or pushed, as 'git diff --exit-code' does", "",
         toggle(&Settings::exit_code)},
        {"dry-run", T::toggle, run_push | init_only | report_only, W::flag, "", "Output", "say what would be done", "",
         toggle(&Settings::dry_run)},
        {"json", T::value, all_commands | report_only | laptop, W::flag, "FILE", "Output",
         "write the report as JSON ('-': standard output)", "", text(&Settings::json)},
        {"events", T::value, all_commands, W::flag, "FILE", "Output",
         "write what happens, as it happens, as lines of JSON ('-': standard output)",
         "What the lines hold: docs/report.md, \"Events as JSON lines\".", text(&Settings::events)},
        {"quiet", T::toggle, all_commands | init_only | report_only | laptop, W::flag, "", "Output",
         "only warnings and failures", "", toggle(&Settings::quiet)},
        {"verbose", T::toggle, all_commands | init_only | report_only | laptop, W::flag, "", "Output",
         "every build, push and log line", "", toggle(&Settings::verbose)},
        {"color", T::value, all_commands | init_only | report_only | laptop, W::flag, "WHEN", "Output",
         "auto (default), always or never", "", choice<Color>(&Settings::color, colors)},
    };
}

} // namespace

const std::vector<Option>& option_table() {
    static const std::vector<Option> table = make_table();
    return table;
}

const Option* find_option(std::string_view key) {
    for (const auto& option : option_table())
        if (option.key == key) return &option;
    return nullptr;
}

} // namespace cachefill::app
