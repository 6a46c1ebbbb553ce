#include "eval/host_system.hpp"

#include "base/text.hpp"
#include "eval/host_settings.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::eval {

namespace {

// Where hosts are not made of nixpkgs, only the derivation knows its system.
std::string expression_for(TargetKind kind, bool with_settings) {
    auto derivation = kind == TargetKind::nixos    ? "value.config.system.build.toplevel"
                      : kind == TargetKind::darwin ? "value.system"
                                                   : "value.activationPackage";
    return R"nix(value:
let
  attempt = otherwise: v:
    let tried = builtins.tryEval (builtins.deepSeq v v); in if tried.success then tried.value else otherwise;
  plain = builtins.unsafeDiscardStringContext;
in
{
  system = value.pkgs.stdenv.hostPlatform.system or )nix" +
           std::string(derivation) +
           ".system;\n  settings = " + (with_settings ? host_settings_expression(kind) : std::string("null")) + ";\n}";
}

async::Task<Result<HostOutline>> ask(const EvalSettings& settings, const OpenedFlake& flake, const TargetRef& host,
                                     NixHooks hooks, bool with_settings) {
    auto command = evaluation(flake, false, host.attribute_path, expression_for(host.kind, with_settings));
    auto doing = "asking " + host.display() + " for its system";
    command.doing = doing;
    command.deadline = settings.deadline;
    auto run = co_await run_nix(settings, std::move(command), std::move(hooks));
    if (!run) co_return std::move(run).error();
    if (!run->status.success()) {
        auto failure = failure_of(*run, source_map(flake.info)).with_context(doing);
        co_return failure;
    }
    auto value = nlohmann::json::parse(run->output, nullptr, false);
    if (!value.is_object() || !value.contains("system") || !value["system"].is_string())
        co_return Failure(FailureKind::protocol,
                          "nix printed no system but '" + ellipsize(sanitize(run->output), 100) + "'");
    HostOutline outline{.system = value["system"].get<std::string>(), .caches = {}};
    if (auto said = parse_host_settings(value.value("settings", nlohmann::json())))
        outline.caches = said->substituters.over({});
    co_return outline;
}

} // namespace

async::Task<Result<HostOutline>> outline_of_host(const EvalSettings& settings, const OpenedFlake& flake, TargetRef host,
                                                 NixHooks hooks) {
    auto outline = co_await ask(settings, flake, host, hooks, true);
    if (outline) co_return outline;
    co_return co_await ask(settings, flake, host, std::move(hooks), false);
}

} // namespace cachefill::eval
