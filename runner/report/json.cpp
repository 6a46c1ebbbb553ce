#include "report/run_report.hpp"
#include "report/what_changed.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::report {

namespace {

using Json = nlohmann::ordered_json;

Json milliseconds(const std::optional<std::chrono::milliseconds>& time) { return time ? Json(time->count()) : Json(); }

Json encode(const event::Position& position) {
    return {{"file", position.file}, {"line", position.line}, {"column", position.column}};
}

Json encode(const TargetReport& target) {
    Json json;
    json["name"] = target.name;
    json["system"] = target.system;
    json["verdict"] = to_string(target.verdict);
    json["verified"] = target.verified;
    json["evaluate_only"] = target.evaluate_only;
    json["is_check"] = target.is_check;
    json["impure"] = target.impure;
    json["why_impure"] = target.why_impure;
    json["evaluation_started_ms"] = milliseconds(target.evaluation_start);
    json["evaluation_ms"] = target.evaluation.count();
    json["peak_memory"] = target.peak_memory;
    json["evaluated_before"] = target.evaluated_before;
    json["derivation"] = target.derivation;
    json["output"] = target.output;
    json["error"] = target.error;
    json["hint"] = target.hint;
    json["position"] = target.position ? encode(*target.position) : Json();
    json["built"] = target.built;
    json["found"] = target.found;
    json["failed"] = target.failed;
    json["blocked"] = target.blocked;
    json["pushed"] = target.pushed;
    json["pushed_bytes"] = target.pushed_bytes;
    json["fetched"] = target.fetched;
    json["build_time_ms"] = target.build_time.count();
    json["missing"] = target.missing;
    json["waiting_for_upstream"] = target.waiting_for_upstream;
    json["closure_paths"] = target.closure_paths;
    json["closure_bytes"] = target.closure_bytes;
    json["previous_closure_bytes"] = target.previous_closure_bytes ? Json(*target.previous_closure_bytes) : Json();
    json["changes"] = target.changes ? changes_json(*target.changes) : Json();
    json["built_by_design"] = target.built_by_design;
    json["would_compile"] = target.would_compile;
    json["would_build_with_always_allow"] = target.would_build_with_always_allow;
    json["built_by_all"] = target.built_by_all;
    json["trusted"] = target.trusted;
    json["trust_advice"] = target.trust_advice;
    json["not_asked"] = target.not_asked;
    return json;
}

Json encode(const BuildReport& build) {
    Json json;
    json["derivation"] = build.derivation;
    json["name"] = build.name;
    json["kind"] = build.kind;
    json["outcome"] = to_string(build.outcome);
    json["started_ms"] = milliseconds(build.start);
    json["took_ms"] = build.took.count();
    json["expected_ms"] = milliseconds(build.expected);
    json["outputs"] = build.outputs;
    json["targets"] = build.targets;
    json["needs"] = build.needs;
    json["builder"] = build.builder;
    json["error"] = build.error;
    json["log_tail"] = build.log_tail;
    json["blocked_by"] = build.blocked_by;
    json["deferred"] = build.deferred;
    json["waits_for"] = build.waits_for;
    return json;
}

Json encode(const PushReport& push) {
    Json json;
    json["path"] = push.path;
    json["outcome"] = to_string(push.outcome);
    json["built_by_this_run"] = push.built_by_this_run;
    json["in_closure_only"] = push.in_closure_only;
    json["while_building"] = push.while_building;
    json["deduplicated"] = push.deduplicated;
    if (push.built_here) json["built_here"] = *push.built_here;
    json["nar_size"] = push.nar_size;
    json["file_size"] = push.file_size;
    json["started_ms"] = milliseconds(push.start);
    json["took_ms"] = push.took.count();
    json["reason"] = push.reason;
    json["upstream"] = push.upstream;
    return json;
}

Json encode(const FetchReport& fetch) {
    Json json;
    json["path"] = fetch.path;
    json["started_ms"] = fetch.start.count();
    json["took_ms"] = fetch.took.count();
    json["error"] = fetch.error;
    json["needed_by"] = fetch.needed_by;
    return json;
}

Json encode(const TrustLines& advice) { return {{"hosts", advice.hosts}, {"lines", advice.lines}}; }

Json encode(const UpstreamPushes& pushes) {
    Json json;
    json["paths"] = pushes.paths;
    json["nar_bytes"] = pushes.nar_bytes;
    json["file_bytes"] = pushes.file_bytes;
    json["upstreams"] = pushes.upstreams;
    return json;
}

Json encode(const CacheReport& cache) {
    Json json;
    json["name"] = cache.name;
    json["url"] = cache.url;
    json["is_upstream"] = cache.is_upstream;
    json["reachable"] = cache.reachable;
    json["requests"] = cache.requests;
    return json;
}

Json encode(const MirrorReport& mirror) {
    Json json;
    json["name"] = mirror.name;
    json["url"] = mirror.url;
    json["optional"] = mirror.optional;
    json["reachable"] = mirror.reachable;
    json["pushed"] = mirror.pushed;
    json["already_there"] = mirror.already_there;
    json["failed"] = mirror.failed;
    json["not_pushed"] = mirror.not_pushed;
    json["pushed_file_bytes"] = mirror.pushed_bytes;
    json["error"] = mirror.error;
    return json;
}

Json encode(const event::Message& message) {
    Json json;
    json["severity"] = to_string(message.severity);
    json["text"] = message.text;
    json["hint"] = message.hint;
    return json;
}

Json encode(const StageReport& stage) {
    Json json;
    json["stage"] = to_string(stage.stage);
    json["started_ms"] = stage.start.count();
    json["took_ms"] = stage.took.count();
    return json;
}

Json encode(const RunReport& report, const Figures& sums) {
    Json json;
    json["derivations"] = report.derivations;
    json["present"] = report.present;
    json["upstream"] = report.upstream;
    json["fetched"] = report.fetched;
    json["built"] = sums.built;
    json["found"] = sums.found;
    json["failed"] = sums.failed;
    json["timed_out"] = sums.timed_out;
    json["silent"] = sums.silent;
    json["refused"] = sums.refused;
    json["cancelled"] = sums.cancelled;
    json["blocked"] = sums.blocked;
    json["not_started"] = sums.not_started;
    json["waiting_for_upstream"] = sums.waiting_for_upstream;
    json["elsewhere"] = sums.elsewhere;
    json["pushed_while_building"] = sums.pushed_while_building;
    json["pushed_after"] = sums.pushed_after;
    json["deduplicated"] = sums.deduplicated;
    json["already_there"] = sums.already_there;
    json["withheld"] = sums.withheld;
    json["failed_to_push"] = sums.failed_to_push;
    json["not_pushed"] = sums.not_pushed;
    json["pushed_nar_bytes"] = sums.pushed_nar_bytes;
    json["pushed_file_bytes"] = sums.pushed_file_bytes;
    json["would_compile"] = sums.would_compile;
    json["built_by_design"] = sums.built_by_design;
    return json;
}

Json encode(const Explanation& explanation) {
    return {{"subject", explanation.subject}, {"sentences", explanation.sentences}};
}

Json encode(const UncountedUpstream& upstream);

Json encode(const ShardReport& shard) {
    auto given = Json::array();
    for (const auto& one : shard.given)
        given.push_back({{"from", one.from}, {"to", one.to}, {"derivations", one.derivations}});
    return {{"run", shard.run},         {"number", shard.number},         {"shards", shard.shards},
            {"awaited", shard.awaited}, {"taken_over", shard.taken_over}, {"silent", shard.silent},
            {"given", std::move(given)}};
}

template <class Items> Json encode_all(const Items& items) {
    auto json = Json::array();
    for (const auto& item : items) json.push_back(encode(item));
    return json;
}

Json encode(const UncountedUpstream& upstream) {
    Json json;
    json["url"] = upstream.url;
    json["paths"] = upstream.paths;
    json["of"] = upstream.of;
    json["hosts"] = upstream.hosts;
    json["advice"] = encode_all(upstream.advice);
    return json;
}

} // namespace

std::string to_json(const RunReport& report) {
    Json json;
    json["schema_version"] = RunReport::schema_version;
    json["command"] = to_string(report.command);
    json["version"] = report.version;
    json["exit_code"] = report.exit_code;
    json["causes"] = report.causes;
    json["read_only"] = report.read_only;
    json["deadline_reached"] = report.deadline_reached;
    json["superseded_by"] = report.superseded_by;
    json["flake"] = {{"url", report.flake_url}, {"revision", report.flake_revision}, {"dirty", report.flake_dirty}};
    json["branch"] = report.branch;
    json["cache"] = report.cache;
    json["manifest"] = report.manifest;
    json["nix_version"] = report.nix_version;
    json["started"] = report.started;
    json["took_ms"] = report.took.count();
    json["stages"] = encode_all(report.stages);
    json["figures"] = encode(report, figures(report));
    json["targets"] = encode_all(report.targets);
    json["skipped"] = report.skipped;
    json["builds"] = encode_all(report.builds);
    json["pushes"] = encode_all(report.pushes);
    json["fetches"] = encode_all(report.fetches);
    json["holes"] = report.holes;
    json["undecided"] = report.undecided;
    json["not_fetchable_here"] = report.not_fetchable_here;
    json["uncounted_upstreams"] = encode_all(report.uncounted_upstreams);
    json["upstream_pushes"] = encode(report.upstream_pushes);
    json["caches"] = encode_all(report.caches);
    json["also_pushed"] = encode_all(report.also_pushed);
    json["why"] = encode_all(report.why);
    json["shard"] = report.shard.run.empty() ? Json() : encode(report.shard);
    json["messages"] = encode_all(report.messages);
    return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

} // namespace cachefill::report
