#include "report/joined_hosts.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace cachefill::report {

using event::Severity;

namespace {

struct Seen {
    bool was_to_be_filled = false, is_filled = true;
    bool is_elsewhere = false;
    bool matters = false; // a job says so that no newer run stands in for
    std::set<std::string> systems;
};

std::map<std::string, Seen> by_name(const std::vector<JobReport>& jobs) {
    std::map<std::string, Seen> hosts;
    for (const auto& job : jobs)
        for (const auto& host : job.hosts) {
            auto& seen = hosts[host.name];
            bool is_left = host.state == HostState::elsewhere || host.state == HostState::only_evaluated;
            seen.was_to_be_filled = seen.was_to_be_filled || !is_left;
            seen.is_filled = seen.is_filled && host.state != HostState::not_filled;
            seen.is_elsewhere = seen.is_elsewhere || host.state == HostState::elsewhere;
            seen.matters = seen.matters || !job.made_way;
            if (!host.system.empty()) seen.systems.insert(host.system);
        }
    return hosts;
}

std::string shown(const std::string& name) { return name.empty() ? "a target without a name" : name; }

} // namespace

HostCount count_hosts(const std::vector<JobReport>& jobs) {
    HostCount count;
    for (const auto& [name, seen] : by_name(jobs)) {
        if (!seen.was_to_be_filled && !seen.is_elsewhere) continue;
        ++count.hosts;
        if (seen.was_to_be_filled && seen.is_filled) ++count.complete;
    }
    return count;
}

std::vector<Finding> hosts_of_nobody(const std::vector<JobReport>& jobs) {
    std::vector<Finding> findings;
    std::vector<std::string> only_evaluated;
    for (const auto& [name, seen] : by_name(jobs)) {
        if (seen.was_to_be_filled) continue;
        if (!seen.is_elsewhere) {
            only_evaluated.push_back(shown(name));
            continue;
        }
        auto systems = join(std::vector<std::string>(seen.systems.begin(), seen.systems.end()), ", ");
        findings.push_back({.severity = seen.matters ? Severity::warning : Severity::info,
                            .source = "hosts",
                            .title = "no job builds " + shown(name),
                            .text = (systems.empty() ? "" : "it is for " + systems + "; ") +
                                    std::string("a machine that has its system fills it, 'hosts' leaves it out, "
                                                "'evaluate-only' says that this is meant"),
                            .url = {}});
    }
    if (!only_evaluated.empty())
        findings.push_back(
            {.severity = Severity::info,
             .source = "hosts",
             .title = counted(only_evaluated.size(), "host") + " evaluated only, and built by no job, as asked",
             .text = join(only_evaluated, ", "),
             .url = {}});
    return findings;
}

} // namespace cachefill::report
