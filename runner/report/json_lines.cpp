#include "report/json_lines.hpp"

#include "base/files.hpp"
#include "base/named_output.hpp"
#include "base/text.hpp"
#include "github/commands.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>

namespace cachefill::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr int lines_version = 1;

Json start(std::string_view type) {
    Json json;
    json["version"] = lines_version;
    json["type"] = type;
    return json;
}

struct Encoder {
    Json operator()(const event::StageStarted& e) const {
        auto json = start("stage-started");
        json["stage"] = to_string(e.stage);
        return json;
    }
    Json operator()(const event::StageFinished& e) const {
        auto json = start("stage-finished");
        json["stage"] = to_string(e.stage);
        json["took_ms"] = e.took.count();
        return json;
    }
    Json operator()(const event::Message& e) const {
        auto json = start("message");
        json["severity"] = to_string(e.severity);
        json["text"] = e.text;
        json["hint"] = e.hint;
        return json;
    }
    Json operator()(const event::TargetsFound& e) const {
        auto json = start("targets-found");
        json["targets"] = e.targets;
        json["skipped"] = e.skipped;
        return json;
    }
    Json operator()(const event::EvaluationStarted& e) const {
        auto json = start("evaluation-started");
        json["target"] = e.target;
        return json;
    }
    Json operator()(const event::EvaluationFinished& e) const {
        auto json = start("evaluation-finished");
        json["target"] = e.target;
        json["succeeded"] = e.succeeded;
        json["impure"] = e.impure;
        json["took_ms"] = e.took.count();
        json["peak_memory"] = e.peak_memory;
        json["derivation"] = e.derivation;
        json["error"] = e.error;
        json["hint"] = e.hint;
        json["position"] = nullptr;
        if (e.position)
            json["position"] = {{"file", e.position->file}, {"line", e.position->line}, {"column", e.position->column}};
        json["evaluated_before"] = e.evaluated_before;
        json["built_by_evaluation"] = e.built_by_evaluation;
        if (!e.needs_system.empty()) json["needs_system"] = e.needs_system;
        return json;
    }
    Json operator()(const event::CacheWaiting& e) const {
        auto json = start("cache-waiting");
        json["cache"] = e.cache;
        json["state"] = to_string(e.state);
        json["said"] = e.said;
        json["waited_ms"] = e.waited.count();
        json["patience_ms"] = e.patience.count();
        return json;
    }
    Json operator()(const event::CloudWaiting& e) const {
        auto json = start("cloud-waiting");
        json["text"] = e.text;
        json["running_ms"] = e.running.count();
        return json;
    }
    Json operator()(const event::QueryProgress& e) const {
        auto json = start("query-progress");
        json["asked"] = e.asked;
        json["requests"] = e.requests;
        return json;
    }
    Json operator()(const event::PlanChanged& e) const {
        auto json = start("plan-changed");
        json["derivations"] = e.derivations;
        json["builds"] = e.builds;
        json["compiles"] = e.compiles;
        json["light"] = e.light;
        json["local_by_design"] = e.local_by_design;
        json["fixed_output"] = e.fixed_output;
        json["fetches"] = e.fetches;
        json["bytes_to_fetch"] = e.bytes_to_fetch;
        json["pushes_without_build"] = e.pushes_without_build;
        json["expected_ms"] = e.expected.count();
        json["critical_path_ms"] = e.critical_path.count();
        json["unmeasured"] = e.unmeasured;
        return json;
    }
    Json operator()(const event::FetchFinished& e) const {
        auto json = start("fetch-finished");
        json["path"] = e.path;
        json["succeeded"] = e.succeeded;
        json["error"] = e.error;
        json["took_ms"] = e.took.count();
        return json;
    }
    Json operator()(const event::BuildStarted& e) const {
        auto json = start("build-started");
        json["derivation"] = e.derivation;
        json["name"] = e.name;
        json["kind"] = e.kind;
        json["expected_ms"] = e.expected ? Json(e.expected->count()) : Json();
        return json;
    }
    Json operator()(const event::BuildLogLine& e) const {
        auto json = start("build-log-line");
        json["derivation"] = e.derivation;
        json["line"] = e.line;
        return json;
    }
    Json operator()(const event::BuildFinished& e) const {
        auto json = start("build-finished");
        json["derivation"] = e.derivation;
        json["name"] = e.name;
        json["kind"] = e.kind;
        json["outcome"] = to_string(e.outcome);
        json["took_ms"] = e.took.count();
        json["outputs"] = e.outputs;
        json["error"] = e.error;
        json["log_tail"] = e.log_tail;
        json["blocked_by"] = e.blocked_by;
        json["targets"] = e.targets;
        return json;
    }
    Json operator()(const event::PushStarted& e) const {
        auto json = start("push-started");
        json["path"] = e.path;
        json["nar_size"] = e.nar_size;
        return json;
    }
    Json operator()(const event::PushProgress& e) const {
        auto json = start("push-progress");
        json["path"] = e.path;
        json["uploaded"] = e.uploaded;
        return json;
    }
    Json operator()(const event::PushFinished& e) const {
        auto json = start("push-finished");
        json["path"] = e.path;
        json["outcome"] = to_string(e.outcome);
        json["built_by_this_run"] = e.built_by_this_run;
        json["while_building"] = e.while_building;
        json["nar_size"] = e.nar_size;
        json["file_size"] = e.file_size;
        json["took_ms"] = e.took.count();
        json["reason"] = e.reason;
        return json;
    }
    Json operator()(const event::TargetVerified& e) const {
        auto json = start("target-verified");
        json["target"] = e.target;
        json["verdict"] = to_string(e.verdict);
        json["output"] = e.output;
        json["missing"] = e.missing;
        json["closure_paths"] = e.closure_paths;
        json["closure_bytes"] = e.closure_bytes;
        json["built_by_design"] = e.built_by_design;
        json["would_compile"] = e.would_compile;
        json["would_build_with_always_allow"] = e.would_build_with_always_allow;
        json["trusted"] = e.trusted;
        json["trust_advice"] = e.trust_advice;
        return json;
    }
    Json operator()(const event::RunFinished& e) const {
        auto json = start("run-finished");
        json["exit_code"] = e.exit_code;
        json["causes"] = e.causes;
        json["took_ms"] = e.took.count();
        return json;
    }
};

} // namespace

std::string json_line(const event::Event& event) {
    return github::harmless_json(std::visit(Encoder(), event).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<std::unique_ptr<EventLines>> EventLines::open(const std::string& file) {
    if (file == "-") return std::unique_ptr<EventLines>(new EventLines("the standard output", stdout));
    TRY(target, follow_own_links(file));
    auto* stream = std::fopen(target.c_str(), "we");
    if (!stream) return errno_failure("cannot write events to", file, errno);
    return std::unique_ptr<EventLines>(new EventLines(sanitize(file), stream));
}

// One write and one flush for each, so that a reader at the other end of a pipe never sees half a line for long.
void EventLines::on_event(const event::Event& event) {
    if (trouble_) return;
    auto line = json_line(event) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), stream_.get()) == line.size() && std::fflush(stream_.get()) == 0)
        return;
    trouble_ = errno_failure("cannot write any more events to", name_, errno)
                   .with_hint("the run was not affected; what it did is in the report");
}

} // namespace cachefill::report
