#include "app/commands/commands.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "fill/archives.hpp"
#include "fill/run.hpp"
#include "options/command_line.hpp"
#include "options/exit_code.hpp"
#include "options/typed.hpp"
#include "presence/judge.hpp"
#include "presence/nar_checks.hpp"
#include "session/upstream_rules.hpp"

#include <set>

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
            blame(finding.kind() == FailureKind::usage ? options::ExitCode::usage : options::ExitCode::machine,
                  finding.one_line());
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
        co_return true;
    }

    // False when nothing further can be told.
    Task<bool> verify(nix::StorePath path) {
        auto id = graph_.intern(path);
        std::vector<plan::PathId> asked{id};
        presence::Judge::Counting counts = [this] { return counting(); };
        co_await presence_.ask_whole(std::move(asked), std::move(counts));
        std::vector<plan::PathId> holes;
        std::vector<plan::CacheMask> masks(graph_.path_count(), counting());
        auto state = plan::completeness(id, facts_, masks, &holes);
        report::TargetReport target;
        target.name = path.to_string();
        target.output = target.name;
        target.verified = true;
        for (auto hole : holes) target.missing.push_back(graph_.path(hole).to_string());
        auto archives = co_await check_archives(id);
        if (!archives) {
            blame(options::ExitCode::machine, archives.error().one_line());
            co_return false;
        }
        for (auto& message : fill::describe_unusable(archives->unusable, own().uri())) tell(message);
        for (auto& message : fill::describe_remarks(*archives)) tell(message);
        for (const auto& nar : archives->unusable) target.missing.push_back(nar.info.path.to_string());
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

    // Of the closure what the own cache serves.
    std::vector<plan::PathId> served_below(plan::PathId top) const {
        std::vector<plan::PathId> paths, open{top};
        std::set<plan::PathId> seen(open.begin(), open.end());
        while (!open.empty()) {
            auto path = open.back();
            open.pop_back();
            if (facts_.of(path).present & plan::bit(plan::own_cache)) paths.push_back(path);
            for (auto reference : facts_.of(path).references)
                if (seen.insert(reference).second) open.push_back(reference);
        }
        return paths;
    }

    // What is unusable in the own cache and in no other either.
    Task<Result<presence::NarFindings>> check_archives(plan::PathId top) {
        bool deep = session_.settings().deep;
        // Cachix shows no narinfo without its archive, and looking at one counts there as having fetched it.
        if (!deep && session_.cache_info().hides_incomplete_closures) co_return presence::NarFindings();
        CO_TRY(infos, co_await presence_.own_narinfos(served_below(top)));
        auto depth = deep ? presence::Depth::downloading : presence::Depth::looking;
        CO_TRY(findings,
               co_await presence::check_nars(session_.executor(), own(), std::move(infos), depth, std::string()));
        auto others = [this] { return presence_.all() & ~presence_.views().all_of(plan::own_cache); };
        plan::Questions questions;
        for (const auto& nar : findings.unusable)
            if (auto id = graph_.find(nar.info.path)) questions.remote.push_back({*id, others()});
        CO_TRY_VOID(co_await presence_.answer(std::move(questions), nullptr));
        std::erase_if(findings.unusable, [&](const auto& nar) { // the answers may have shown new eyes to see them with
            auto id = graph_.find(nar.info.path);
            return id && (facts_.of(*id).present & others()) != 0;
        });
        co_return findings;
    }

    session::Session& session_;
    plan::Graph graph_;
    plan::Facts facts_;
    presence::Judge presence_;
    std::optional<presence::Upstreams> upstreams_;
    std::size_t anybody_ = 0;
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
    fill::Run run(context.session, fill::Run::Extent::verify);
    context.on_signal = [&run](int signal) { run.interrupt(signal); };
    co_await run.execute();
    context.on_signal = {};
    auto report = run.report();
    // Here the question is only whether it can be fetched.
    if (report.exit_code == static_cast<int>(options::ExitCode::not_in_cache))
        report.exit_code = static_cast<int>(options::ExitCode::failed);
    co_return context.console.close_with(report);
}

} // namespace cachefill::app
