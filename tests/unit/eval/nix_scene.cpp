#include "nix_scene.hpp"

#include "async/child_process.hpp"
#include "async/task_group.hpp"
#include "support/run_task.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace cachefill::test {

using eval::EvaluatedTarget;
using eval::Evaluator;
using eval::FlakeInfo;
using eval::TargetRef;

const std::string nix_helpers = R"nix(
  drv = name: extra: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo hi > $out" ]; } // extra);
  host = toplevel: { config.system.build.toplevel = toplevel; };
)nix";

std::string RecordingSink::messages() const {
    std::string texts;
    for (const auto& event : events)
        if (const auto* message = std::get_if<event::Message>(&event))
            texts += std::string(to_string(message->severity)) + ": " + message->text + "\n";
    return texts;
}

std::size_t RecordingSink::evaluations_started() const {
    std::size_t count = 0;
    for (const auto& event : events)
        if (std::holds_alternative<event::EvaluationStarted>(event)) ++count;
    return count;
}

NixScene::NixScene() : directory_(TemporaryDirectory::make("eval-scene").value()) {
    std::filesystem::create_directories(flake());
    std::filesystem::create_directories(path("home"));
    auto real = Environment::of_this_process();
    Environment environment;
    environment.set("PATH", real.get_or("PATH", "/usr/bin:/bin"));
    environment.set("HOME", path("home").string());
    environment.set("GIT_CONFIG_NOSYSTEM", "1");
    for (const char* who : {"AUTHOR", "COMMITTER"}) {
        environment.set(std::string("GIT_") + who + "_NAME", "kim");
        environment.set(std::string("GIT_") + who + "_EMAIL", "kim@example.org");
    }
    environment.set("NIX_CONFIG", "substituters =\nbuild-users-group =\nflake-registry =\n"
                                  "sandbox-paths = /bin/sh=/usr/bin/bash-static\n");
    settings.environment = std::move(environment);
    settings.flake = flake().string();
    settings.store_uri = "local?root=" + path("root").string();
    settings.deadline = std::chrono::seconds(60);
}

void NixScene::write(const std::string& file, const std::string& content, unsigned mode) const {
    std::filesystem::create_directories(path(file).parent_path());
    std::ofstream(path(file), std::ios::trunc) << content;
    std::filesystem::permissions(path(file), static_cast<std::filesystem::perms>(mode));
}

std::string NixScene::read(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(path(file)).rdbuf();
    return text.str();
}

std::string NixScene::shell(const std::string& script) const {
    auto body = [&](async::Executor) -> async::Task<Result<async::FinishedProcess>> {
        async::ProcessSpec spec;
        spec.arguments = {"sh", "-ec", script};
        spec.environment = settings.environment;
        spec.directory = directory_.path();
        co_return co_await async::run_process(std::move(spec), std::chrono::seconds(60));
    };
    auto finished = run_task<Result<async::FinishedProcess>>(body);
    if (!finished) throw std::runtime_error(finished.error().one_line());
    if (!finished->status.success()) throw std::runtime_error(script + ": " + finished->error);
    return finished->output;
}

void NixScene::flake_with(const std::string& outputs, const std::string& inputs) const {
    write("fleet/flake.nix",
          "{\n" + inputs + "outputs = { self, ... }@inputs: let" + nix_helpers + "in " + outputs + ";\n}\n");
    commit();
}

void NixScene::commit() const {
    shell("cd fleet; [ -d .git ] || git init -q -b main .; git add -A; git commit -q --allow-empty -m x");
}

void NixScene::fake_nix(const std::string& script) {
    write("bin/nix", "#!/bin/sh\n" + script, 0755);
    settings.environment.set("PATH", path("bin").string() + ":" + settings.environment.get_or("PATH"));
    settings.environment.set("SCENE", directory_.path().string());
}

template <class T>
T NixScene::with_evaluator(std::function<async::Task<T>(Evaluator&)> body, const std::vector<TargetRef>& asked) {
    auto run = [&](async::Executor executor) -> async::Task<T> {
        auto evaluator = eval::make_evaluator(executor, settings, sink);
        T result = co_await body(*evaluator);
        positions_.clear();
        for (const auto& one : asked)
            if (auto position = evaluator->position_of_failure(one)) positions_[one.display()] = *position;
        co_return result;
    };
    return run_task<T>(run);
}

Result<FlakeInfo> NixScene::open() {
    auto body = [](Evaluator& evaluator) { return evaluator.open(); };
    return with_evaluator<Result<FlakeInfo>>(body, {TargetRef{}});
}

Result<std::vector<TargetRef>> NixScene::discover(std::vector<std::string> extra) {
    auto body = [&](Evaluator& evaluator) { return evaluator.discover(extra); };
    std::vector<TargetRef> kinds;
    for (auto kind : {eval::TargetKind::nixos, eval::TargetKind::darwin, eval::TargetKind::home})
        kinds.push_back({.kind = kind, .name = {}, .attribute_path = {}});
    return with_evaluator<Result<std::vector<TargetRef>>>(body, kinds);
}

Result<EvaluatedTarget> NixScene::evaluate(const TargetRef& target) {
    return std::move(evaluate_all({target}).front());
}

namespace {

async::Task<void> evaluate_one(Evaluator& evaluator, TargetRef target, std::optional<Result<EvaluatedTarget>>& result) {
    result.emplace(co_await evaluator.evaluate(std::move(target)));
}

async::Task<std::vector<Result<EvaluatedTarget>>> evaluate_each(Evaluator& evaluator, std::vector<TargetRef> targets) {
    std::vector<Result<EvaluatedTarget>> results;
    auto opened = co_await evaluator.open();
    if (!opened) {
        for (std::size_t i = 0; i < targets.size(); ++i) results.emplace_back(opened.error());
        co_return results;
    }
    std::vector<std::optional<Result<EvaluatedTarget>>> slots(targets.size());
    async::TaskGroup group(co_await boost::asio::this_coro::executor);
    for (std::size_t i = 0; i < targets.size(); ++i) group.spawn(evaluate_one(evaluator, targets[i], slots[i]));
    co_await group.join();
    for (auto& slot : slots) results.push_back(std::move(*slot));
    co_return results;
}

} // namespace

std::vector<Result<EvaluatedTarget>> NixScene::evaluate_all(const std::vector<TargetRef>& targets) {
    auto body = [&](Evaluator& evaluator) { return evaluate_each(evaluator, targets); };
    return with_evaluator<std::vector<Result<EvaluatedTarget>>>(body, targets);
}

std::optional<event::Position> NixScene::position(const TargetRef& target) const {
    auto it = positions_.find(target.display());
    if (it == positions_.end()) return {};
    return it->second;
}

TargetRef target(eval::TargetKind kind, const std::string& output, const std::string& name) {
    return {.kind = kind, .name = name, .attribute_path = {output, name}};
}

TargetRef nixos(const std::string& name) { return target(eval::TargetKind::nixos, "nixosConfigurations", name); }

std::string place(const std::optional<event::Position>& position) {
    if (!position) return "unknown";
    return position->file + ":" + std::to_string(position->line) + ":" + std::to_string(position->column);
}

} // namespace cachefill::test
