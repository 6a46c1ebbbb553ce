#pragma once

#include "commands_scene.hpp"
#include "options/switch_command.hpp"

#include <filesystem>

namespace cachefill::test {

// nas is made of a tool, which is made of lib; the tool is missing in the cache.
struct OneMissing : CommandScene {
    OneMissing()
        : CommandScene(R"(, "require-sigs": {"value": false}, "substituters": {"value": ["https://own.example"]})") {
        derivation("lib");
        derivation("tool", {"lib"});
        host("nas", {"tool"});
        serve(own, {"lib"});
        machine.environment.set("CACHEFILL_HOSTNAME", "nas");
        machine.settings.interval = std::chrono::minutes(1);
        machine.settings.timeout = std::chrono::minutes(3);
        machine.write("bin/nh", "#!/bin/sh\n");
        std::filesystem::permissions(machine.path("bin/nh"), std::filesystem::perms::owner_all);
    }
};

// Each command that meets caches, the daemon and evaluators.
struct CommandCase {
    const char* name;
    options::Command command;
    CommandScene::Function function;
    void (*prepare)(OneMissing&);
};

inline const CommandCase command_cases[] = {
    {"doctor", options::Command::doctor, app::doctor_command, [](OneMissing&) {}},
    {"wait", options::Command::wait, app::wait_command, [](OneMissing&) {}},
    {"guard", options::Command::guard, app::guard_command,
     [](OneMissing& scene) {
         scene.machine.settings.switches = options::parse_switch_command({"nh", "os", "switch"}).value();
     }},
    {"plan", options::Command::plan, app::plan_command, [](OneMissing&) {}},
    {"run", options::Command::run, app::run_command, [](OneMissing&) {}},
    {"verify", options::Command::verify, app::verify_command, [](OneMissing&) {}},
    {"push", options::Command::push, app::push_command,
     [](OneMissing& scene) {
         scene.make_valid("tool");
         scene.machine.settings.arguments = {Twins::path("tool").to_string()};
     }},
};

} // namespace cachefill::test
