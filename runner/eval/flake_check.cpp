#include "eval/flake_check.hpp"

#include "base/text.hpp"
#include "eval/discover.hpp"
#include "eval/error_location.hpp"
#include "eval/expression.hpp"
#include "eval/flake_failure.hpp"
#include "eval/licence_check.hpp"

#include <array>
#include <span>

namespace cachefill::eval {

namespace {

// Of a set with a derivation for each system and name, and what one of them has to be.
constexpr std::string_view derivations =
    "builtins.mapAttrs (system: builtins.mapAttrs (name: drv: builtins.unsafeDiscardStringContext drv.drvPath))";
constexpr std::string_view derivation = "drv: builtins.unsafeDiscardStringContext drv.drvPath";

struct Check {
    const char* output;
    std::string_view expression; // a function that forces what has to be right
    TargetKind kind;             // whose names can be listed; attribute: none's
};

// Nix's own tests of each (src/nix/flake.cc, CmdFlakeCheck).
constexpr std::array<Check, 9> checks{{
    {"packages", derivations, TargetKind::package},
    {"checks", derivations, TargetKind::check},
    {"devShells", derivations, TargetKind::dev_shell},
    {"formatter", "builtins.mapAttrs (system: drv: builtins.unsafeDiscardStringContext drv.drvPath)",
     TargetKind::attribute},
    {"apps",
     "builtins.mapAttrs (system: builtins.mapAttrs (name: app: if app.type == \"app\" then "
     "builtins.unsafeDiscardStringContext \"${app.program}\" else throw \"app '${name}' has a type other than app\"))",
     TargetKind::attribute},
    {"overlays",
     "builtins.mapAttrs (name: overlay: if builtins.isFunction overlay then true else throw \"overlay '${name}' is no "
     "function\")",
     TargetKind::attribute},
    {"nixosModules", "builtins.mapAttrs (name: module: builtins.seq module true)", TargetKind::attribute},
    {"homeModules", "builtins.mapAttrs (name: module: builtins.seq module true)", TargetKind::attribute},
    {"templates",
     "builtins.mapAttrs (name: template: if builtins.pathExists template.path then template.description else throw "
     "\"template '${name}' has no files\")",
     TargetKind::attribute},
}};

struct Tried {
    std::optional<CheckFinding> finding;
    std::string licence; // what nixpkgs' licence check said, if it was that
};

async::Task<Tried> try_once(const EvalSettings& settings, const OpenedFlake& flake, std::vector<std::string> path,
                            std::string_view expression, bool impure, NixHooks hooks) {
    auto name = join(path, ".");
    auto command = evaluation(flake, impure, path, std::string(expression));
    command.doing = "checking " + name;
    command.deadline = settings.deadline;
    auto run = co_await run_nix(settings, std::move(command), std::move(hooks));
    Tried tried;
    if (!run) {
        tried.finding = CheckFinding{.output = name, .failure = std::move(run).error(), .position = {}};
        co_return tried;
    }
    if (run->status.success()) co_return tried;
    auto sources = source_map(flake.info);
    // It looked for packages.SYSTEM.OUTPUT and legacyPackages, too. Any other failure comes from code that exists.
    if (run->complaint() == Complaint::missing_attribute) co_return tried;
    auto failure = co_await failure_in_flake(*run, sources, settings.environment);
    CheckFinding finding{.output = name, .failure = std::move(failure), .position = {}};
    if (run->log.error()) {
        finding.position = locate(*run->log.error(), sources);
        tried.licence = licence_refusal(*run->log.error(), flake.info);
    }
    tried.finding = std::move(finding);
    co_return tried;
}

async::Task<std::optional<CheckFinding>> check_one(const EvalSettings& settings, const OpenedFlake& flake,
                                                   std::vector<std::string> path, std::string_view expression,
                                                   NixHooks hooks) {
    bool impure = settings.impure == Impure::always;
    auto tried = co_await try_once(settings, flake, path, expression, impure, hooks);
    if (tried.licence.empty() || !may_repeat_impurely(settings)) co_return std::move(tried.finding);
    auto licence = tried.licence;
    auto name = join(path, ".");
    tried = co_await try_once(settings, flake, std::move(path), expression, true, hooks);
    if (!tried.finding && hooks.on_message) hooks.on_message(event::Severity::notice, repeated_impurely(name, licence));
    co_return std::move(tried.finding);
}

} // namespace

async::Task<void> check_outputs(const EvalSettings& settings, const OpenedFlake& flake, NixHooks hooks,
                                std::vector<CheckFinding>& findings) {
    for (const auto& check : checks) {
        std::vector<std::string> output{check.output};
        auto all = co_await check_one(settings, flake, std::move(output), check.expression, hooks);
        if (!all) continue;
        std::vector<TargetRef> members;
        if (check.kind != TargetKind::attribute) {
            std::vector<TargetKind> kinds{check.kind};
            auto listings = co_await list_targets(settings, flake, std::move(kinds), hooks);
            if (listings && !listings->front().failure) members = std::move(listings->front().targets);
        }
        auto before = findings.size();
        for (auto& member : members) {
            auto path = member.attribute_path;
            auto finding = co_await check_one(settings, flake, std::move(path), derivation, hooks);
            if (finding) findings.push_back(std::move(*finding));
        }
        // They cannot be told apart, or each is fine by itself.
        if (findings.size() == before) findings.push_back(std::move(*all));
    }
}

} // namespace cachefill::eval
