#include "doctor/diagnosis.hpp"

#include "base/shell.hpp"
#include "base/text.hpp"
#include "doctor/words.hpp"
#include "github/repository.hpp"
#include "report/style.hpp"

#include <algorithm>

namespace cachefill::doctor {

using report::listed;

namespace {

constexpr std::size_t most_details = 12, names_told = 3;

class Diagnosis {
  public:
    explicit Diagnosis(const Evidence& evidence) : e_(evidence) {}

    std::vector<Reason> make() {
        if (e_.heavy.empty()) return {};
        if (any(Source::nowhere)) explain_absence();
        if (any(Source::own_cache_holed)) explain_hole(Cause::hole, "the cache", Source::own_cache_holed);
        if (any(Source::upstream_holed))
            explain_hole(Cause::upstream_incomplete, "an upstream cache", Source::upstream_holed);
        if (any(Source::not_a_substituter)) explain_not_asked();
        if (any(Source::key_not_trusted)) explain_not_trusted();
        if (any(Source::here_but_daemon_no)) explain_stale();
        if (any(Source::unknown)) {
            // What is known without asking anybody.
            bool told = e_.git && !e_.git->commit.empty() && !any(Source::nowhere) && explain_tree();
            if (!told && e_.git && !any(Source::nowhere) && !e_.git->pushed && !e_.git->remote.empty())
                explain_not_pushed();
            explain_unknown();
        }
        if (e_.local_by_design > 0) explain_local();
        std::sort(reasons_.begin(), reasons_.end(), [](const Reason& a, const Reason& b) { return a.cause < b.cause; });
        return std::move(reasons_);
    }

  private:
    using State = cache::ManifestTargetState;

    bool any(Source source) const {
        return std::any_of(e_.heavy.begin(), e_.heavy.end(), [&](const auto& heavy) { return heavy.source == source; });
    }
    std::vector<std::string> names(Source source) const {
        std::vector<std::string> found;
        for (const auto& heavy : e_.heavy)
            if (heavy.source == source) found.push_back(heavy.name);
        return found;
    }
    void add(Cause cause, std::string text, std::string remedy, std::vector<std::string> details = {}) {
        if (details.size() > most_details) details.resize(most_details);
        Reason reason{.cause = cause,
                      .text = std::move(text),
                      .remedy = std::move(remedy),
                      .lasting = {},
                      .details = std::move(details)};
        reasons_.push_back(std::move(reason));
    }
    // Commands one after the other. One that may not be shown ends the row: nobody should skip it.
    static std::string in_a_row(const std::vector<std::string>& commands) {
        std::string row;
        for (const auto& command : commands) {
            if (command.empty()) break;
            row += (row.empty() ? "" : " && ") + command;
        }
        return row;
    }
    std::string wait() const { return in_a_row({e_.commands.wait, e_.commands.switches.text()}); }
    std::string git_command(const std::string& command) const {
        return e_.commands.in_work_tree ? "git " + command
                                        : "git -C " + shell_word(e_.git->root.string()) + " " + command;
    }
    std::string gh_command(const std::string& command) const {
        auto repository = e_.commands.in_work_tree ? std::nullopt : github::parse_remote(e_.git->remote_url);
        return "gh " + command + (repository ? " -R " + shell_word(repository->full_name()) : std::string());
    }
    std::string start_again() const {
        if (!e_.git || e_.workflows.empty()) return e_.commands.run;
        return gh_command("workflow run " + shell_word(e_.workflows.front()) +
                          (e_.git->branch.empty() ? "" : " --ref " + shell_word(e_.git->branch)));
    }

    // No cache has it: is it still to be made, and by whom?
    void explain_absence() {
        if (!e_.left_out_by.empty())
            return add(Cause::left_out,
                       "no run builds " + e_.target + ": '" + e_.left_out_by +
                           "' in the configuration leaves it out, so no cache gets it from one",
                       "change '" + e_.left_out_by +
                           "' in cachefill.yml, or push from a machine that has built it: cachefill push");
        if (e_.is_update) return explain_update();
        if (e_.git && !e_.git->commit.empty()) {
            if (explain_tree()) return;
            if (!e_.git->pushed && !e_.git->remote.empty()) return explain_not_pushed();
        }
        switch (e_.cloud.state) {
        case CloudState::queued:
        case CloudState::no_run_yet:
        case CloudState::needs_action:
            return explain_queued();
        case CloudState::in_progress:
            return explain_in_progress();
        case CloudState::failed:
        case CloudState::cancelled:
            return explain_failed();
        case CloudState::no_run:
            return explain_never_started();
        case CloudState::succeeded:
        case CloudState::unknown:
        case CloudState::not_asked:
            return explain_done();
        }
    }

    // Nobody has built this lock: where a workflow of the repository updates, that one can; else the new lock goes
    // there.
    void explain_update() {
        auto updates = std::find_if(e_.workflows.begin(), e_.workflows.end(),
                                    [](const auto& file) { return file.find("update") != std::string::npos; });
        auto text = "no cache has what the updated flake.lock needs, and no cloud has seen that lock" +
                    (e_.differences.empty() ? std::string() : " (" + e_.differences.front() + ")");
        std::string remedy;
        if (e_.git && updates != e_.workflows.end())
            remedy = gh_command("workflow run " + shell_word(*updates) +
                                (e_.git->branch.empty() ? "" : " --ref " + shell_word(e_.git->branch)));
        else if (e_.git)
            remedy = in_a_row({e_.commands.update,
                               git_command("commit -m 'flake.lock: update' -- " +
                                           shell_word((e_.commands.in_work_tree ? ":/" : "") + lock_in(*e_.git))),
                               git_command("push"), wait()});
        add(Cause::lock_not_pushed, std::move(text), std::move(remedy), e_.differences);
    }

    static std::string lock_in(const GitState& git) {
        return git.subdirectory.empty() ? "flake.lock" : git.subdirectory + "/flake.lock";
    }
    std::string commit_and_wait(const std::string& commit) const {
        return in_a_row({git_command(commit), git_command("push"), wait()});
    }

    // Uncommitted changes are told only if they matter.
    bool explain_tree() {
        const auto& git = *e_.git;
        if (git.is_clean() || e_.commit_gives_the_same.value_or(false)) return false;
        bool is_sure = e_.commit_gives_the_same.has_value();
        std::vector<std::string> others;
        for (const auto& file : git.changed)
            if (!file.ends_with("flake.lock")) others.push_back(file);
        if (!is_sure && !git.lock_changed) return false;
        if (git.lock_changed) {
            std::vector<std::string> details = e_.differences;
            if (!others.empty()) details.push_back("also changed: " + listed(others, 8));
            add(Cause::lock_not_pushed,
                "flake.lock was changed here and is not committed, so the cloud builds with the old inputs" +
                    (e_.differences.empty() ? std::string() : " (" + e_.differences.front() + ")"),
                commit_and_wait("commit -m 'flake.lock: update' -- " +
                                shell_word((e_.commands.in_work_tree ? ":/" : "") + lock_in(git))),
                std::move(details));
            if (others.empty()) return true;
        }
        std::vector<std::string> details = e_.differences;
        details.push_back("changed: " + listed(git.changed, 8));
        if (e_.commit_is_fetchable)
            details.push_back("what is committed needs no compiling: " +
                              e_.commands.switches.with_flake(git.flake_at(git.commit)).text());
        add(Cause::tree_differs,
            "uncommitted changes (" + listed(others.empty() ? git.changed : others, names_told) +
                ") give another system than the commit " + git.short_commit(),
            commit_and_wait("commit -a"), std::move(details));
        return true;
    }

    void explain_not_pushed() {
        const auto& git = *e_.git;
        std::string text =
            "the commit " + git.short_commit() + " is not pushed to " + git.remote + ", so the cloud cannot build it";
        if (git.lock_unpushed)
            add(Cause::lock_not_pushed, "flake.lock as committed here is not pushed to " + git.remote,
                in_a_row({git_command("push"), wait()}));
        add(Cause::commit_not_pushed, std::move(text), in_a_row({git_command("push"), wait()}));
    }

    std::string run_name(const github::WorkflowRun& run) const {
        auto number = run.number > 0 ? " #" + std::to_string(run.number) : std::string();
        return "the run '" + run.workflow + "'" + number + " of " + short_sha(run.head_sha);
    }

    void explain_queued() {
        if (const auto* run = e_.cloud.run(); run && e_.cloud.state == CloudState::needs_action)
            return add(Cause::run_queued, run_name(*run) + " waits for somebody's approval", "open " + run->url);
        if (const auto* run = e_.cloud.run())
            return add(Cause::run_queued, run_name(*run) + " is queued", wait(), {run->url});
        add(Cause::run_queued,
            "the commit " + e_.git->short_commit() + " was made a moment ago: its run is about to start", wait());
    }

    void explain_in_progress() {
        const auto& run = *e_.cloud.run();
        const auto* built = e_.manifest ? e_.manifest->find(e_.target) : nullptr;
        bool is_settled = built && e_.git && e_.manifest->commit == e_.git->commit &&
                          e_.manifest->state == cache::ManifestState::finished && built->state != State::complete &&
                          built->state != State::building;
        if (is_settled) return explain_done(); // the run goes on, but not with this host
        auto progress = e_.cloud.progress();
        add(Cause::run_in_progress, run_name(run) + " is running" + (progress.empty() ? "" : ": " + progress), wait(),
            {run.url});
    }

    void explain_failed() {
        const auto& run = *e_.cloud.run();
        std::vector<std::string> details;
        for (const auto& job : e_.cloud.jobs)
            if (job.state == github::RunState::failed) details.push_back("failed: " + job.name + " " + job.url);
        bool cancelled = e_.cloud.state == CloudState::cancelled;
        std::string word = run.timed_out ? " ran into its time limit" : cancelled ? " was cancelled" : " failed";
        add(Cause::run_failed, run_name(run) + word + ": " + run.url,
            in_a_row({gh_command("run rerun " + std::to_string(run.id) + (cancelled ? "" : " --failed")), wait()}),
            std::move(details));
    }

    void explain_never_started() {
        std::vector<std::string> details;
        for (const auto& other : e_.cloud.others)
            details.push_back(run_name(other) + " is " + std::string(github::to_string(other.state)) + ": " +
                              other.url);
        auto text = "the cloud was never started for the commit " + e_.git->short_commit();
        if (!e_.cloud.others.empty()) text += ", but for " + short_sha(e_.cloud.others.front().head_sha);
        add(Cause::run_never_started, std::move(text), in_a_row({start_again(), wait()}), std::move(details));
    }

    // The cloud says it is done, or nobody can say: the manifest tells what it made.
    void explain_done() {
        const auto* built = e_.manifest ? e_.manifest->find(e_.target) : nullptr;
        if (built && !built->derivation.empty() && built->derivation != e_.derivation) return explain_other(*built);
        if (built && built->state == State::building)
            return add(Cause::run_in_progress, "the cloud has begun with " + e_.target + " and not reported its end",
                       wait());
        if (built && built->state != State::complete)
            return add(Cause::run_failed,
                       "the cloud's run ended with " + e_.target + " " + std::string(to_string(built->state)) +
                           (built->missing.empty() ? "" : ": " + counted(built->missing.size(), "path") + " missing"),
                       start_again(), built->missing);
        auto which = listed(names(Source::nowhere), names_told);
        if (built)
            return add(Cause::evicted,
                       "the cloud built this very system and put it into the cache, which no longer has " + which,
                       start_again());
        if (e_.cloud.state == CloudState::succeeded)
            return add(Cause::evicted,
                       run_name(*e_.cloud.run()) + " succeeded, but the cache does not have " + which +
                           ": it was evicted, or the run does not build " + e_.target,
                       start_again(), {e_.cloud.run()->url});
        std::vector<std::string> details;
        if (e_.cloud.failure) details.push_back("GitHub could not be asked: " + e_.cloud.failure->one_line());
        if (e_.cloud.failure && !e_.cloud.failure->hint().empty()) details.push_back(e_.cloud.failure->hint());
        add(Cause::not_built,
            "no cache has " + which +
                (e_.cloud.failure ? ", and GitHub cannot be asked what the cloud is doing" : std::string()),
            start_again(), std::move(details));
    }

    void explain_other(const cache::ManifestTarget& built) {
        auto details = e_.differences;
        details.push_back("there: " + built.derivation);
        details.push_back("here:  " + e_.derivation);
        std::string text = "the cloud built another " + e_.target;
        bool same_commit = e_.git && e_.git->commit == e_.manifest->commit && !e_.manifest->commit.empty();
        if (same_commit)
            text += " from the same commit";
        else if (!e_.manifest->commit.empty())
            text += ", of commit " + short_sha(e_.manifest->commit);
        if (!e_.differences.empty()) text += ": " + e_.differences.front();
        // What it built can be fetched as it is.
        bool can_take = built.state == State::complete && !built.output.empty();
        if (!same_commit && e_.cloud.state == CloudState::succeeded && !e_.manifest->commit.empty()) {
            text = run_name(*e_.cloud.run()) + " succeeded, but the last " + e_.target +
                   " that the cache tells of is another commit's, " + short_sha(e_.manifest->commit) +
                   (e_.differences.empty() ? "" : ": " + e_.differences.front());
            if (can_take) details.push_back("to go (back) to that one: " + e_.commands.switches.to_built(built.output));
            can_take = false; // who has a commit of his own is not sent to another one's system
        }
        add(Cause::other_derivation, std::move(text),
            can_take ? e_.commands.switches.to_built(built.output) : in_a_row({start_again(), wait()}),
            std::move(details));
    }

    // Of what that cache has and of what it lacks, not of what another one has or lacks.
    void explain_hole(Cause cause, const std::string& whose, Source source) {
        const auto& holes = source == Source::own_cache_holed ? e_.holes : e_.upstream_holes;
        std::vector<std::string> there;
        for (const auto& heavy : e_.heavy)
            if (heavy.source == source && heavy.is_there) there.push_back(heavy.name);
        auto missing = holes.empty() ? listed(names(source), names_told) : listed(holes, 1);
        add(cause,
            there.empty() ? whose + " has what refers to " + missing + ", and not that"
                          : whose + " has " + listed(there, names_told) + ", but not all that it refers to" +
                                (holes.empty() ? std::string() : ": " + missing + " is missing"),
            start_again(), holes);
    }

    // Of these, without those that others of them need.
    std::vector<std::string> outermost_outputs(Source source) const {
        auto heavies = names(source);
        std::vector<std::string> outputs;
        for (const auto& heavy : e_.heavy) {
            bool is_needed = std::any_of(heavy.needed_by.begin(), heavy.needed_by.end(), [&](const auto& name) {
                return std::find(heavies.begin(), heavies.end(), name) != heavies.end();
            });
            if (heavy.source == source && !heavy.output.empty() && !is_needed) outputs.push_back(heavy.output);
        }
        return outputs;
    }
    // Whoever the daemon does not trust can set neither caches nor keys. nh refuses to be root, and a home's switching
    // must not be; so root fetches what is missing, and then the user switches.
    std::string with_options(const std::vector<std::string>& options, Source source) const {
        const auto& switches = e_.commands.switches;
        auto with_them = switches.with_nix_options(options);
        bool reaches_nix = e_.daemon_is_trusting || switches.user == "root";
        if (reaches_nix && !with_them.empty()) return with_them;
        auto outputs = outermost_outputs(source);
        if (outputs.empty()) return switches.text();
        std::vector<std::string> fetch{"sudo", "nix-store", "-r"};
        fetch.insert(fetch.end(), outputs.begin(), outputs.end());
        fetch.insert(fetch.end(), options.begin(), options.end());
        if (reaches_nix) fetch.erase(fetch.begin());
        return in_a_row({shell_command(fetch), switches.text()});
    }
    void add(Cause cause, Source source, TrustRemedy remedy) {
        auto what = remedy.options.empty() ? remedy.words : with_options(remedy.options, source);
        add(cause, std::move(remedy.text), std::move(what), std::move(remedy.lines));
    }
    void explain_not_asked() {
        add(Cause::not_a_substituter, Source::not_a_substituter,
            remedy_for_not_asked(e_.machine, e_.not_asked, listed(names(Source::not_a_substituter), names_told)));
        reasons_.back().lasting = e_.commands.use;
    }
    void explain_not_trusted() {
        add(Cause::key_not_trusted, Source::key_not_trusted,
            remedy_for_not_believed(e_.machine, e_.not_trusted, listed(names(Source::key_not_trusted), names_told)));
    }

    void explain_stale() {
        auto which = listed(names(Source::here_but_daemon_no), names_told);
        std::string until = e_.absence_until ? " until " + std::string(e_.absence_was_seen ? "" : "at most ") +
                                                   clock_time(*e_.absence_until)
                                             : std::string();
        std::vector<std::string> outputs;
        for (const auto& heavy : e_.heavy)
            if (heavy.source == Source::here_but_daemon_no && !heavy.output.empty()) outputs.push_back(heavy.output);
        if (outputs.size() > most_details) outputs.resize(most_details);
        add(Cause::stale_absence,
            "the cache has " + which + " by now, but this machine's Nix asked before and remembers the no" + until,
            (e_.daemon_is_trusting ? "" : "sudo ") +
                std::string("nix-store --option narinfo-cache-negative-ttl 0 -r ") + join(outputs, " "),
            {"fresh query: yes; daemon: no"});
    }

    void explain_unknown() {
        add(Cause::cannot_ask,
            (e_.is_offline ? "offline, it seems: none of this machine's caches answers; " : std::string()) +
                "whether a cache has " + listed(names(Source::unknown), names_told) + " cannot be told: " +
                (e_.cannot_ask.empty() ? std::string("a cache did not answer") : e_.cannot_ask.front()),
            e_.commands.doctor, e_.cannot_ask);
    }

    void explain_local() {
        add(Cause::local_by_design,
            counted(e_.local_by_design, "small derivation") + " would be built here in any case, which takes seconds",
            "",
            e_.always_allow_substitutes
                ? std::vector<std::string>()
                : std::vector<std::string>{
                      "always-allow-substitutes = true (Nix 2.19 and later) would fetch most of them, too"});
    }

    const Evidence& e_;
    std::vector<Reason> reasons_;
};

} // namespace

std::vector<Reason> diagnose(const Evidence& evidence) { return Diagnosis(evidence).make(); }

} // namespace cachefill::doctor
