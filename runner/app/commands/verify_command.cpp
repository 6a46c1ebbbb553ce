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

// Of the whole closure, as far as the cache itself serves it, and no other does.
Task<Result<presence::NarFindings>> check_archives(session::Session& session, presence::Judge& presence,
                                                   const plan::Graph& graph, const plan::Facts& facts,
                                                   plan::PathId top) {
    bool deep = session.settings().deep;
    // Cachix shows no narinfo without its archive, and looking at one counts there as having fetched it.
    if (!deep && session.cache_info().hides_incomplete_closures) co_return presence::NarFindings();
    std::vector<plan::PathId> paths;
    std::vector<plan::PathId> open{top};
    std::set<plan::PathId> seen(open.begin(), open.end());
    while (!open.empty()) {
        auto path = open.back();
        open.pop_back();
        if (facts.of(path).present & plan::bit(plan::own_cache)) paths.push_back(path);
        for (auto reference : facts.of(path).references)
            if (seen.insert(reference).second) open.push_back(reference);
    }
    CO_TRY(infos, co_await presence.own_narinfos(std::move(paths)));
    auto depth = deep ? presence::Depth::downloading : presence::Depth::looking;
    CO_TRY(findings, co_await presence::check_nars(session.executor(), presence.backend(plan::own_cache),
                                                   std::move(infos), depth, std::string()));
    auto others = presence.all() & ~presence.views().all_of(plan::own_cache);
    plan::Questions questions;
    for (const auto& nar : findings.unusable)
        if (auto id = graph.find(nar.info.path)) questions.remote.push_back({*id, others});
    CO_TRY_VOID(co_await presence.answer(std::move(questions), nullptr));
    std::erase_if(findings.unusable, [&](const auto& nar) {
        auto id = graph.find(nar.info.path);
        return id && (facts.of(*id).present & others) != 0;
    });
    co_return findings;
}

void tell(report::RunReport& report, const event::Message& message) {
    report.messages.push_back({.severity = message.severity, .text = message.text, .hint = message.hint});
}

// Store paths are checked as they are: no evaluation, no Nix needed.
Task<int> verify_paths(CommandContext& context) {
    auto& session = context.session;
    plan::Graph graph;
    plan::Facts facts;
    presence::Judge presence(session.executor(), session.clock(), graph, facts, session.sink(), session.patience());
    report::RunReport report;
    report.command = report::Command::verify;
    report.again = command_again(session.settings().typed);
    report.version = version;
    auto findings = co_await session.preflight(session::Session::Need::reading, false);
    for (const auto& finding : findings) {
        report.exit_code = static_cast<int>(finding.kind() == FailureKind::usage ? options::ExitCode::usage
                                                                                 : options::ExitCode::machine);
        report.causes.push_back(finding.one_line());
        report.messages.push_back(
            {.severity = event::Severity::error, .text = finding.one_line(), .hint = finding.hint()});
    }
    if (!findings.empty()) co_return context.console.close_with(report);
    report.cache = session.cache_info().name;
    presence.add_own(session.take_cache());
    presence.keep_own_narinfos();
    auto upstreams = presence::Upstreams::make(presence, upstream_rules(session, session.cache_info()),
                                               upstream_maker(session), session.sink());
    if (!upstreams) {
        report.exit_code = static_cast<int>(options::ExitCode::usage);
        report.causes.push_back(upstreams.error().one_line());
        co_return context.console.close_with(report);
    }
    auto anybody = upstreams->add_host("anybody", {});
    for (const auto& argument : session.settings().arguments) {
        auto path = nix::StorePath::parse_inside(argument);
        if (!path) {
            report.exit_code = static_cast<int>(options::ExitCode::usage);
            report.causes.push_back(path.error().one_line());
            continue;
        }
        auto id = graph.intern(path->first);
        std::vector<plan::PathId> asked{id};
        presence::Judge::Counting counts = [&] { return upstreams->counting(anybody); };
        co_await presence.ask_whole(std::move(asked), std::move(counts));
        std::vector<plan::PathId> holes;
        std::vector<plan::CacheMask> counting(graph.path_count(), upstreams->counting(anybody));
        auto state = plan::completeness(id, facts, counting, &holes);
        report::TargetReport target;
        target.name = path->first.to_string();
        target.output = target.name;
        target.verified = true;
        target.verdict =
            state == plan::Completeness::complete ? event::TargetVerdict::complete : event::TargetVerdict::incomplete;
        for (auto hole : holes) target.missing.push_back(graph.path(hole).to_string());
        auto archives = co_await check_archives(session, presence, graph, facts, id);
        if (!archives) {
            report.exit_code = static_cast<int>(options::ExitCode::machine);
            report.causes.push_back(archives.error().one_line());
            break;
        }
        const auto& uri = presence.backend(plan::own_cache).uri();
        for (auto& message : fill::describe_unusable(archives->unusable, uri)) tell(report, message);
        for (auto& message : fill::describe_remarks(*archives)) tell(report, message);
        for (const auto& nar : archives->unusable) {
            target.missing.push_back(nar.info.path.to_string());
            target.verdict = event::TargetVerdict::incomplete;
        }
        if (state == plan::Completeness::unknown && target.missing.empty()) {
            target.verdict = event::TargetVerdict::unknown;
            report.exit_code = static_cast<int>(options::ExitCode::machine);
            for (const auto& unasked : presence.unasked())
                report.causes.push_back("whether " + target.name + " is there whole cannot be known: " +
                                        presence.url(unasked.cache) + " could not be asked: " + unasked.why.one_line());
        }
        if (state == plan::Completeness::absent && target.missing.empty()) target.missing.push_back(target.name);
        if (target.verdict != event::TargetVerdict::complete && report.exit_code == 0) {
            report.exit_code = static_cast<int>(options::ExitCode::failed);
            report.causes.push_back(target.name + " cannot be fetched whole");
        }
        report.targets.push_back(std::move(target));
    }
    if (auto front = presence.backend(plan::own_cache).front_memory())
        tell(report, fill::describe_front(*front, presence.backend(plan::own_cache).uri()));
    co_return context.console.close_with(report);
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
