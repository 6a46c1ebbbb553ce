#include "eval/host_system.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::eval {

namespace {

// Where hosts are not made of nixpkgs, only the derivation knows.
std::string expression_for(TargetKind kind) {
    auto derivation = kind == TargetKind::nixos    ? "value.config.system.build.toplevel"
                      : kind == TargetKind::darwin ? "value.system"
                                                   : "value.activationPackage";
    return "value: value.pkgs.stdenv.hostPlatform.system or " + std::string(derivation) + ".system";
}

} // namespace

async::Task<Result<std::string>> system_of_host(const EvalSettings& settings, const OpenedFlake& flake, TargetRef host,
                                                NixHooks hooks) {
    auto command = evaluation(flake, false, host.attribute_path, expression_for(host.kind));
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
    if (!value.is_string())
        co_return Failure(FailureKind::protocol,
                          "nix printed no system but '" + ellipsize(sanitize(run->output), 100) + "'");
    co_return value.get<std::string>();
}

} // namespace cachefill::eval
