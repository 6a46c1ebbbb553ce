#include "app/commands/commands.hpp"
#include "async/clock.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cache/cache_uri.hpp"
#include "cache/front_memory.hpp"
#include "cache/nar_look.hpp"
#include "fill/archive_look.hpp"
#include "fill/archives.hpp"
#include "fill/run.hpp"
#include "options/command_line.hpp"
#include "options/exit_code.hpp"
#include "options/typed.hpp"
#include "presence/judge.hpp"
#include "presence/opened_cache.hpp"
#include "report/run_report.hpp"
#include "session/upstream_rules.hpp"

namespace cachefill::app {

using async::Task;

namespace {

// Store paths are checked as they are: no evaluation, no Nix needed.
class PathVerification {
  public:
    explicit PathVerification(session::Session& session)
        : session_(session),
          presence_(session.executor(), session.clock(), graph_, facts_, session.sink(), session.patience()) {
        report_.command = report::Command::verify;
        report_.again = command_again(session.settings().typed);
        report_.version = version;
    }

    Task<report::RunReport> run() {
        if (!co_await open()) co_return std::move(report_);
        for (const auto& argument : session_.settings().arguments) {
            auto path = nix::StorePath::parse_inside(argument);
            if (!path)
                blame(options::ExitCode::usage, path.error().one_line());
            else if (!co_await verify(path->first))
                break;
        }
        if (auto front = own().front_memory()) tell(fill::describe_front(*front, own().uri()));
        co_return std::move(report_);
    }

  private:
    cache::BinaryCache& own() const { return presence_.backend(plan::own_cache); }
    plan::CacheMask counting() { return upstreams_->counting(anybody_); }

    // Of several the first of 2, 5, 1 counts, as docs/report.md has it.
    void blame(options::ExitCode code, std::string cause) {
        auto is_first = [](int one) { return one == static_cast<int>(options::ExitCode::usage); };
        bool is_weightier = report_.exit_code == 0 || is_first(static_cast<int>(code)) ||
                            (code == options::ExitCode::machine && !is_first(report_.exit_code));
        if (is_weightier) report_.exit_code = static_cast<int>(code);
        report_.causes.push_back(std::move(cause));
    }

    void tell(const event::Message& message) {
        report_.messages.push_back({.severity = message.severity, .text = message.text, .hint = message.hint});
    }

    Task<bool> open() {
        auto findings = co_await session_.preflight(session::Session::Need::reading, false);
        for (const auto& finding : findings) {
            blame(options::exit_code_for(finding.kind()), finding.one_line());
            tell({.severity = event::Severity::error, .text = finding.one_line(), .hint = finding.hint()});
        }
        if (!findings.empty()) co_return false;
        report_.cache = session_.cache_info().name;
        presence_.add_own(session_.take_cache());
        presence_.keep_own_narinfos();
        auto upstreams = presence::Upstreams::make(presence_, upstream_rules(session_, session_.cache_info()),
                                                   upstream_maker(session_), session_.sink());
        if (!upstreams) {
            blame(options::ExitCode::usage, upstreams.error().one_line());
            co_return false;
        }
        upstreams_.emplace(std::move(*upstreams));
        anybody_ = upstreams_->add_host("anybody", {});
        bool deep = session_.settings().deep;
        fill::ArchiveLook::Rules rules{.deep = deep, .at_hiding_caches = deep, .nix_version = {}};
        archives_.emplace(session_.executor(), presence_, graph_, facts_, std::move(rules),
                          [this](const event::Message& message) { tell(message); });
        co_return true;
    }

    // False when nothing further can be told.
    Task<bool> verify(nix::StorePath path) {
        auto id = graph_.intern(path);
        for (bool has_changed = true; has_changed;) {
            std::vector<plan::PathId> asked{id};
            presence::Judge::Counting counts = [this] { return counting(); };
            co_await presence_.ask_whole(std::move(asked), std::move(counts));
            // What counts has grown with the answers.
            std::vector<fill::ArchiveLook::Wanted> wanted{{.tops = {id}, .counting = counting()}};
            auto looked = co_await archives_->look(std::move(wanted));
            if (!looked) {
                blame(options::ExitCode::machine, looked.error().one_line());
                co_return false;
            }
            has_changed = *looked;
        }
        std::vector<plan::PathId> holes;
        std::vector<plan::CacheMask> masks(graph_.path_count(), counting());
        auto state = plan::completeness(id, facts_, masks, &holes);
        report::TargetReport target;
        target.name = path.to_string();
        target.output = target.name;
        target.verified = true;
        for (auto hole : holes) target.missing.push_back(graph_.path(hole).to_string());
        judge(state, target);
        report_.targets.push_back(std::move(target));
        co_return true;
    }

    void judge(plan::Completeness state, report::TargetReport& target) {
        using event::TargetVerdict;
        bool is_unknown = state == plan::Completeness::unknown && target.missing.empty();
        bool is_complete = state == plan::Completeness::complete && target.missing.empty();
        target.verdict = is_complete  ? TargetVerdict::complete
                         : is_unknown ? TargetVerdict::unknown
                                      : TargetVerdict::incomplete;
        if (is_complete) return;
        if (!is_unknown) {
            if (target.missing.empty()) target.missing.push_back(target.name);
            return blame(options::ExitCode::failed, target.name + " cannot be fetched whole");
        }
        for (const auto& unasked : presence_.unasked())
            blame(options::ExitCode::machine, "whether " + target.name +
                                                  " is there whole cannot be known: " + presence_.url(unasked.cache) +
                                                  " could not be asked: " + unasked.why.one_line());
    }

    session::Session& session_;
    plan::Graph graph_;
    plan::Facts facts_;
    presence::Judge presence_;
    std::optional<presence::Upstreams> upstreams_;
    std::size_t anybody_ = 0;
    std::optional<fill::ArchiveLook> archives_;
    report::RunReport report_;
};

Task<int> verify_paths(CommandContext& context) {
    PathVerification verification(context.session);
    auto report = co_await verification.run();
    co_return context.console.close_with(std::move(report));
}

} // namespace

Task<int> verify_command(CommandContext& context) {
    const auto& arguments = context.session.settings().arguments;
    bool paths = !arguments.empty();
    for (const auto& argument : arguments) paths &= argument.starts_with("/");
    if (paths) co_return co_await verify_paths(context);
    fill::Run run(context.session, fill::Extent::verify);
    context.on_signal = [&run](int signal) { run.interrupt(signal); };
    co_await run.execute();
    context.on_signal = {};
    auto report = run.report();
    // Here the question is only whether it can be fetched.
    if (report.exit_code == static_cast<int>(options::ExitCode::not_in_cache))
        report.exit_code = static_cast<int>(options::ExitCode::failed);
    if (report.exit_code == static_cast<int>(options::ExitCode::failed))
        report.run_command = options::command_to_fill(context.session.settings(), arguments);
    co_return context.console.close_with(report);
}

} // namespace cachefill::app
