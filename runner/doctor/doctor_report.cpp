#include "doctor/doctor_report.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "base/version.hpp"
#include "options/exit_code.hpp"
#include "presence/source.hpp"
#include "report/what_changed.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::doctor {

namespace {

using nlohmann::json;
constexpr std::size_t names_told = 3;
constexpr std::size_t rows_told = 40;
constexpr std::size_t changes_told = 5;
constexpr std::size_t widest_name = 40;

// Of what is only expected: no more exact than it is.
std::string about(std::chrono::milliseconds time) {
    auto minutes = std::chrono::round<std::chrono::minutes>(time).count();
    if (time < std::chrono::seconds(90))
        return "about " + std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
    if (minutes < 60) return "about " + std::to_string(minutes) + " min";
    return "about " + std::to_string(minutes / 60) + " h" +
           (minutes % 60 > 0 ? " " + std::to_string(minutes % 60) + " min" : std::string());
}

// How long compiling takes, as far as this machine has measured it before.
std::string how_long(const Examination& examination) {
    if (examination.unmeasured == examination.evidence.heavy.size()) return "how long is not known";
    auto text = about(examination.expected);
    return examination.unmeasured == 0 ? text
                                       : text + " and " + std::to_string(examination.unmeasured) + " of unknown length";
}

std::string verdict(const Examination& examination) {
    const auto& evidence = examination.evidence;
    if (!evidence.heavy.empty()) {
        auto unknown =
            static_cast<std::size_t>(std::count_if(evidence.heavy.begin(), evidence.heavy.end(),
                                                   [](const auto& heavy) { return heavy.source == Source::unknown; }));
        auto count = counted(evidence.heavy.size(), "derivation") + " here, ";
        auto text = evidence.target + (unknown == 0 ? " would compile " : " would compile at most ") + count;
        if (unknown > 0)
            text +=
                (unknown == evidence.heavy.size() ? std::string("if no cache has ") + (unknown == 1 ? "it" : "them")
                                                  : std::to_string(unknown) + " of them only if no cache has them") +
                ", ";
        text += how_long(examination) + ": ";
        for (std::size_t i = 0; i < std::min(evidence.heavy.size(), names_told); ++i)
            text += (i > 0 ? ", " : "") + evidence.heavy[i].name;
        if (evidence.heavy.size() > names_told) text += ", …";
        return text;
    }
    auto text = "nothing to compile for " + evidence.target;
    const auto small = evidence.local_by_design + examination.light;
    if (examination.fetches == 0 && small == 0) return text + ": all of it is here";
    if (examination.fetches > 0) {
        text += ": " + counted(examination.fetches, "path") + " to fetch";
        if (examination.fetched_bytes > 0) text += " (" + human_bytes(examination.fetched_bytes) + ")";
    }
    if (small > 0)
        text += std::string(examination.fetches > 0 ? ", " : ": ") + counted(small, "small derivation") +
                " to build here (seconds)";
    return text;
}

// Short, for whoever is about to switch; all of it with --verbose.
std::string changes(const report::ClosureDifference& difference) {
    auto text = "changes: " + report::headline(difference) + "\n";
    auto named = report::most_telling(difference, changes_told);
    return named.empty() ? text : text + "         " + named + "\n";
}

std::string details(const Examination& examination) {
    const auto& evidence = examination.evidence;
    std::string text;
    if (examination.changes) text += "\nswitching changes:\n" + report::changes_text(*examination.changes, rows_told);
    text += compiled_table(examination);
    for (std::size_t i = 0; i < examination.reasons.size(); ++i) {
        const auto& reason = examination.reasons[i];
        text += "\n" + std::to_string(i + 1) + ". " + reason.text + "\n";
        for (const auto& detail : reason.details)
            if (reason.text.find(detail) == std::string::npos) text += "   " + detail + "\n";
        if (!reason.remedy.empty()) text += "   do: " + reason.remedy + "\n";
        if (!reason.lasting.empty()) text += "   then: " + reason.lasting + "\n";
    }
    text += "\nto fetch " + counted(examination.fetches, "path") + ", local by design " +
            std::to_string(evidence.local_by_design) + ", light " + std::to_string(examination.light) +
            ", downloads of sources " + std::to_string(examination.downloads) + "; " +
            counted(examination.derivations, "derivation") + " in all\n";
    text += "asked: " + (examination.asked.empty() ? std::string("no substituters") : join(examination.asked, ", ")) +
            "; the Nix daemon: " + (examination.daemon_said.empty() ? "asked" : examination.daemon_said) + "\n";
    for (const auto& note : examination.notes) text += "note: " + note + "\n";
    text += "evaluated in " + human_duration(examination.evaluating) + ", asked in " +
            human_duration(examination.asking) + "\n";
    return text;
}

json as_seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000; }

std::string_view name_of(Source source) {
    switch (source) {
    case Source::nowhere:
        return "nowhere";
    case Source::own_cache_holed:
        return "cache-with-hole";
    case Source::upstream_holed:
        return "upstream-with-hole";
    case Source::below_a_hole:
        return "below-a-hole";
    case Source::not_a_substituter:
        return "cache-not-asked";
    case Source::key_not_trusted:
        return "cache-not-trusted";
    case Source::here_but_daemon_no:
        return "daemon-remembers-absence";
    case Source::unknown:
        return "unknown";
    }
    return "unknown";
}

} // namespace

int exit_code_of(const Examination& examination) {
    auto code = examination.is_healthy() ? options::ExitCode::complete : options::ExitCode::failed;
    for (const auto& failure : examination.failures) {
        if (failure.kind() == FailureKind::usage) return static_cast<int>(options::ExitCode::usage);
        if (failure.kind() != FailureKind::eval) code = options::ExitCode::machine;
    }
    return static_cast<int>(code);
}

std::string compiled_table(const Examination& examination) {
    const auto& evidence = examination.evidence;
    if (evidence.heavy.empty()) return {};
    std::string text = "\nwould be compiled, heaviest first:\n";
    std::size_t name_column = 0; // no wider than need be, for narrow terminals
    for (std::size_t i = 0; i < std::min(evidence.heavy.size(), rows_told); ++i)
        name_column = std::max(name_column, std::min<std::size_t>(evidence.heavy[i].name.size(), widest_name));
    for (std::size_t i = 0; i < std::min(evidence.heavy.size(), rows_told); ++i) {
        const auto& heavy = evidence.heavy[i];
        auto line = "  " + heavy.name;
        line.resize(std::max(line.size(), 2 + name_column) + 2, ' ');
        line += heavy.expected.measured ? about(heavy.expected.time) : "not known";
        // On a line of its own, where it can be broken between words.
        if (!heavy.needed_by.empty()) line += "\n      needed by " + join(heavy.needed_by, " < ");
        text += line + "\n";
    }
    if (evidence.heavy.size() > rows_told)
        text += "  … and " + std::to_string(evidence.heavy.size() - rows_told) + " more (--json lists all)\n";
    return text;
}

std::string to_text(const Examination& examination, bool verbose) {
    std::string text;
    for (const auto& failure : examination.failures) text += render(failure) + "\n";
    if (!text.empty()) return text;
    text = verdict(examination) + "\n";
    if (!examination.reasons.empty()) {
        const auto& first = examination.reasons.front();
        text += "reason: " + first.text + "\n";
        if (!first.remedy.empty()) text += "do:     " + first.remedy + "\n";
        if (!first.lasting.empty())
            text += "then:   " + first.lasting + "\n        (shows the lines that make it last)\n";
    }
    if (examination.changes) text += changes(*examination.changes);
    if (verbose) text += details(examination);
    return text;
}

std::string to_json(const Examination& examination) {
    const auto& evidence = examination.evidence;
    json answer = {
        {"cachefill_doctor", 1},
        {"cachefill", version},
        {"exit_code", exit_code_of(examination)},
        {"healthy", examination.is_healthy()},
        {"target", evidence.target},
        {"derivation", evidence.derivation},
        {"output", evidence.output},
        {"expected_seconds", as_seconds(examination.expected)},
        {"unmeasured", examination.unmeasured},
        {"fetch", {{"paths", examination.fetches}, {"bytes", examination.fetched_bytes}}},
        {"local_by_design", evidence.local_by_design},
        {"light", examination.light},
        {"downloads", examination.downloads},
        {"derivations", examination.derivations},
        {"asked", examination.asked},
        {"daemon", examination.daemon_said.empty() ? "asked" : examination.daemon_said},
        {"seconds", {{"evaluating", as_seconds(examination.evaluating)}, {"asking", as_seconds(examination.asking)}}}};
    if (examination.changes) answer["changes"] = json::parse(report::changes_json(*examination.changes).dump());
    auto& heavy = answer["would_compile"] = json::array();
    for (const auto& item : evidence.heavy)
        heavy.push_back({{"name", item.name},
                         {"derivation", item.derivation},
                         {"output", item.output},
                         {"expected_seconds", item.expected.measured ? json(as_seconds(item.expected.time)) : json()},
                         {"needed_by", item.needed_by},
                         {"source", name_of(item.source)}});
    auto& reasons = answer["reasons"] = json::array();
    for (const auto& reason : examination.reasons)
        reasons.push_back({{"cause", to_string(reason.cause)},
                           {"text", reason.text},
                           {"command", reason.remedy},
                           {"lasting", reason.lasting},
                           {"details", reason.details}});
    auto& runs = answer["runs"] = json::array();
    for (const auto& run : evidence.cloud.runs)
        runs.push_back({{"id", run.id},
                        {"workflow", run.workflow_file},
                        {"state", github::to_string(run.state)},
                        {"commit", run.head_sha},
                        {"url", run.url}});
    auto& failures = answer["failures"] = json::array();
    for (const auto& failure : examination.failures)
        failures.push_back({{"text", failure.one_line()}, {"hint", failure.hint()}});
    return answer.dump(2, ' ', false, json::error_handler_t::replace);
}

} // namespace cachefill::doctor
