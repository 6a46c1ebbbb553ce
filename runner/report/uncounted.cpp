#include "report/uncounted.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/markdown.hpp"
#include "report/run_report.hpp"
#include "report/style.hpp"

#include <fmt/format.h>

namespace cachefill::report {

namespace {

constexpr std::size_t most_hosts = 10;

} // namespace

std::string UncountedUpstream::text() const {
    return fmt::format("upstream {} has {} of the {} that would be built, but {} {} not trust it", url, paths,
                       counted(of, "output"), listed(hosts, most_hosts), hosts.size() == 1 ? "does" : "do");
}

std::string UpstreamPushes::text(const std::string& cache, bool planned) const {
    if (paths == 0) return {};
    auto size = human_bytes(planned || file_bytes == 0 ? nar_bytes : file_bytes);
    auto text = planned ? fmt::format("up to {} ({}), which {} {} already, would go up as well", counted(paths, "path"),
                                      size, listed(upstreams, most_hosts), upstreams.size() == 1 ? "serves" : "serve")
                        : fmt::format("{} ({}) went up although {} {} them", counted(paths, "path"), size,
                                      listed(upstreams, most_hosts), upstreams.size() == 1 ? "serves" : "serve");
    text += fmt::format(": {} shows a path only when it knows of all that it refers to", cache);
    if (size_budget > 0 && nar_bytes > size_budget)
        text += fmt::format("; that is more than the size-budget of {}", human_bytes(size_budget));
    return text;
}

std::string UpstreamPushes::hint(const std::string& cache) const {
    return fmt::format("name {} among the upstream caches of {} (in its settings), and they stay where they are",
                       listed(upstreams, most_hosts), cache);
}

std::vector<std::string> uncounted_text(const RunReport& report) {
    std::vector<std::string> lines;
    for (const auto& upstream : report.uncounted_upstreams) {
        lines.push_back("warning: " + upstream.text() + "; add to their configuration:");
        for (const auto& advice : upstream.advice) {
            if (upstream.advice.size() > 1) lines.push_back("  " + listed(advice.hosts, most_hosts) + ":");
            for (const auto& line : advice.lines) lines.push_back("    " + line);
        }
        lines.push_back(fmt::format("  or count it for all of them: {}", UncountedUpstream::option));
    }
    const auto& pushes = report.upstream_pushes;
    if (auto text = pushes.text(report.cache, report.command == Command::plan); !text.empty()) {
        lines.push_back("warning: " + text);
        lines.push_back("    hint: " + pushes.hint(report.cache));
    }
    for (const auto& target : report.targets)
        if (!target.not_asked.empty())
            lines.push_back(fmt::format("note: {} also asks {}, which cannot be asked from here: what only that has "
                                        "counts as absent",
                                        target.name, listed(target.not_asked, most_hosts)));
    return lines;
}

std::string uncounted_markdown(const RunReport& report) {
    std::string text;
    for (const auto& upstream : report.uncounted_upstreams) {
        text += "⚠️ " + markdown::text(upstream.text()) + ".\n\n";
        for (const auto& advice : upstream.advice) {
            std::vector<std::string> hosts;
            for (const auto& host : advice.hosts) hosts.push_back(markdown::code(host));
            text += fmt::format("{}:\n\n", listed(std::move(hosts), most_hosts));
            text += markdown::code_block(advice.lines, 400);
        }
        text += fmt::format("Or count it for all of them: {}\n\n", markdown::code(UncountedUpstream::option));
    }
    const auto& pushes = report.upstream_pushes;
    if (auto sentence = pushes.text(report.cache, report.command == Command::plan); !sentence.empty())
        text += "⚠️ " + markdown::text(sentence) + ". " + markdown::text(pushes.hint(report.cache)) + ".\n\n";
    for (const auto& target : report.targets)
        if (!target.not_asked.empty())
            text += fmt::format("{} also asks {}, which cannot be asked from here: what only that has counts as "
                                "absent.\n\n",
                                markdown::code(target.name), markdown::text(listed(target.not_asked, most_hosts)));
    return text;
}

} // namespace cachefill::report
