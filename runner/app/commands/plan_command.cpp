#include "app/commands/commands.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "fill/run.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

constexpr std::size_t builds_shown = 20;

std::string plan_text(const fill::Run& run) {
    const auto& plan = run.plan();
    const auto& graph = run.graph();
    auto pushes = run.planned_pushes();
    if (plan.builds.empty() && pushes == 0) return {};
    std::string text;
    auto heavy = plan.builds;
    std::sort(heavy.begin(), heavy.end(), [](const auto& a, const auto& b) {
        return std::pair(b.expected, a.derivation) < std::pair(a.expected, b.derivation);
    });
    if (!heavy.empty()) text += "would build " + counted(heavy.size(), "derivation") + ", heaviest first:\n";
    for (std::size_t i = 0; i < std::min(heavy.size(), builds_shown); ++i) {
        const auto& derivation = graph.derivation(heavy[i].derivation);
        std::string line = "  " + std::string(derivation.name());
        line.resize(std::max<std::size_t>(line.size() + 2, 44), ' ');
        line += std::string(plan::to_string(derivation.kind));
        line.resize(std::max<std::size_t>(line.size() + 2, 62), ' ');
        text += line + "about " + human_duration(heavy[i].expected) + "\n";
    }
    if (heavy.size() > builds_shown)
        text += "  … and " + counted(heavy.size() - builds_shown, "other") + " (--json lists all)\n";
    if (!plan.fetches.empty())
        text += "would fetch " + counted(plan.fetches.size(), "path") + ", " + human_bytes(plan.bytes_to_fetch) +
                " at least\n";
    if (pushes > 0)
        text += "would push " + counted(pushes, "path") + (pushes == 1 ? " that is" : " that are") + " here already\n";
    if (!plan.builds.empty())
        text += "expected: " + human_duration(plan.expected_total) + " of work, longest chain " +
                human_duration(plan.critical_path) + "\n";
    return text + "\n";
}

// A store path, a derivation, or the name of either.
std::optional<nix::StorePath> find_path(const fill::Run& run, const std::string& text) {
    if (auto path = nix::StorePath::parse_inside(text)) return path->first;
    if (auto path = nix::StorePath::parse_base_name(text)) return *path;
    for (std::size_t i = run.graph().derivation_count(); i-- > 0;) {
        const auto& derivation = run.graph().derivation(static_cast<plan::DerivationId>(i));
        if (derivation.name() == text) return derivation.path;
    }
    return {};
}

} // namespace

async::Task<int> plan_command(CommandContext& context) {
    fill::Run run(context.session, fill::Extent::plan);
    context.on_signal = [&run](int signal) { run.interrupt(signal); };
    co_await run.execute();
    context.on_signal = {};
    const auto& why = context.session.settings().why;
    auto text = plan_text(run);
    if (!why.empty()) {
        if (auto path = find_path(run, why)) {
            text.clear();
            auto uncounted = [&run](plan::PathId id) { return run.where_it_does_not_count(id); };
            for (const auto& line :
                 plan::explain(run.graph(), run.facts(), run.plan_targets(), run.plan(), *path, uncounted))
                text += line + "\n";
            text += "\n";
        } else {
            Failure failure(FailureKind::usage,
                            "'" + sanitize(why) + "' is no store path and no derivation of these hosts");
            context.console.print_error(
                std::move(failure).with_hint("give a path such as /nix/store/…-name, or a name"));
            co_return 2;
        }
    }
    co_return context.console.close_with(run.report(), text);
}

} // namespace cachefill::app
