#pragma once

#include "report/run_report.hpp"

#include <string>

namespace cachefill::test {

inline std::string store_path(const std::string& name) { return "/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-" + name; }

inline report::TargetReport complete_target(const std::string& name) {
    report::TargetReport target;
    target.name = name;
    target.system = "x86_64-linux";
    target.verdict = event::TargetVerdict::complete;
    target.evaluation = std::chrono::milliseconds(12'300);
    target.derivation = store_path("nixos-system.drv");
    target.output = store_path("nixos-system");
    target.closure_paths = 2104;
    target.closure_bytes = 8'700'000'000;
    target.built_by_design = 152;
    target.verified = true;
    return target;
}

inline report::BuildReport build(const std::string& name, event::BuildOutcome outcome) {
    report::BuildReport build;
    build.derivation = store_path(name + ".drv");
    build.name = name;
    build.kind = "compile";
    build.outcome = outcome;
    build.took = std::chrono::milliseconds(65'000);
    build.targets = {"nixos:nas"};
    if (outcome == event::BuildOutcome::built) build.outputs = {store_path(name)};
    return build;
}

inline report::PushReport push(const std::string& name, event::PushOutcome outcome, bool while_building = true) {
    report::PushReport push;
    push.path = store_path(name);
    push.outcome = outcome;
    push.built_by_this_run = true;
    push.while_building = while_building;
    push.nar_size = 50 << 20;
    push.file_size = 12 << 20;
    return push;
}

inline report::RunReport warm_report() {
    report::RunReport report;
    report.command = report::Command::run;
    report.version = "1.0.0";
    report.flake_url = "git+file:///home/kim/fleet";
    report.flake_is_local = true;
    report.again = "cachefill run . --cache team";
    report.switch_command = "nh os switch .";
    report.flake_revision = "3b1c6f0d";
    report.cache = "team";
    report.nix_version = "2.24.9";
    report.started = "2026-08-01T06:00:00Z";
    report.took = std::chrono::milliseconds(14'200);
    report.stages = {{event::Stage::evaluate, std::chrono::milliseconds(12'500), std::chrono::milliseconds(300)}};
    report.targets = {complete_target("nixos:nas"), complete_target("home:alice@nas")};
    report.derivations = 11'020;
    report.present = 2100;
    report.upstream = 4;
    return report;
}

inline report::RunReport filled_report() {
    auto report = warm_report();
    report.took = std::chrono::milliseconds(754'000);
    report.builds = {build("linux-6.12.4", event::BuildOutcome::built), build("etc-nixos", event::BuildOutcome::built)};
    report.builds[1].kind = "light";
    report.pushes = {push("linux-6.12.4", event::PushOutcome::published),
                     push("linux-6.12.4-modules", event::PushOutcome::published),
                     push("etc-nixos", event::PushOutcome::published, false),
                     push("util-linux-2.40", event::PushOutcome::already_there)};
    report.targets[0].built = 2;
    report.targets[0].pushed = 3;
    report.fetched = 41;
    return report;
}

} // namespace cachefill::test
