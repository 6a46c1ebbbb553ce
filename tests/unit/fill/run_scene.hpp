#pragma once

#include "base/text.hpp"
#include "fill/run.hpp"
#include "report/run_report.hpp"
#include "support/twins.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace cachefill::test {

inline std::vector<std::string> sorted(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    return names;
}

// Whole runs over a fleet, and what became of them, by names.
class RunScene : public Twins {
  public:
    // Without git, which would only tell of logins: of a process under sanitizers each child is dear.
    RunScene() { machine.environment.set("PATH", machine.path("bin").string()); }

    // nas needs tool, which needs lib; desk needs lib and app.
    void make_small_fleet() {
        derivation("lib");
        derivation("tool", {"lib"});
        derivation("app");
        host("nas", {"tool"});
        host("desk", {"lib", "app"});
        machine.settings.jobs = 4;
    }

    report::RunReport report;
    fill::Run* running = nullptr;

    const report::RunReport& run(fill::Extent extent = fill::Extent::fill) {
        play([this, extent](session::Session& session) -> async::Task<void> {
            fill::Run run(session, extent);
            running = &run;
            co_await run.execute();
            running = nullptr;
            report = run.report();
        });
        return report;
    }
    // As main() does when a signal comes.
    void interrupt_at(std::chrono::milliseconds moment, int signal) {
        at(moment, [this, signal] { interrupt(signal); });
    }
    void interrupt(int signal) {
        boost::asio::post(loop, [this, signal] {
            if (running) running->interrupt(signal);
        });
    }

    const report::BuildReport* build(const std::string& name) const {
        auto found = std::find_if(report.builds.begin(), report.builds.end(),
                                  [&](const auto& build) { return build.name == name; });
        return found == report.builds.end() ? nullptr : &*found;
    }
    // "built", "blocked", …; "" if nothing is said of it.
    std::string outcome(const std::string& name) const {
        const auto* found = build(name);
        return found ? std::string(event::to_string(found->outcome)) : std::string();
    }
    std::string pushed(const std::string& name) const {
        auto wanted = path(name).to_string();
        for (const auto& push : report.pushes)
            if (push.path == wanted) return std::string(event::to_string(push.outcome));
        return {};
    }
    const report::TargetReport& target(const std::string& name) const {
        auto is_it = [&](const auto& target) { return target.name == "nixos:" + name; };
        return *std::find_if(report.targets.begin(), report.targets.end(), is_it);
    }
    std::string verdict(const std::string& name) const { return std::string(event::to_string(target(name).verdict)); }
    std::string causes() const { return join(report.causes, "; "); }
    // Whatever happens: nothing is published before what it refers to, and no upload is left half done.
    bool is_cache_sound() const { return own.holes.empty() && own.open_uploads == 0 && own.forgotten == 0; }
};

} // namespace cachefill::test
