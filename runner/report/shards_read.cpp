#include "base/foreign_json.hpp"
#include "base/text.hpp"
#include "report/shards.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::report {

namespace {

using Json = nlohmann::json;

constexpr int format_version = 1;

constexpr std::int64_t longest = 100LL * 365 * 24 * 3600 * 1000; // with which everybody can still reckon

std::chrono::milliseconds time_in(const Json& json) {
    return std::chrono::milliseconds(std::clamp<std::int64_t>(json.get<std::int64_t>(), 0, longest));
}

// What a person will see.
std::string text_in(const Json& json) { return sanitize(json.get<std::string>()); }

ShardPlan::Build build_in(const Json& json) {
    return {.derivation = text_in(json.at("derivation")),
            .name = text_in(json.at("name")),
            .kind = text_in(json.at("kind")),
            .expected = time_in(json.at("expected_ms")),
            .measured = json.at("measured"),
            .is_copy = json.at("copy")};
}

ShardPlan::Shard shard_in(const Json& json) {
    ShardPlan::Shard shard;
    shard.number = json.at("shard");
    shard.machine = text_in(json.at("machine"));
    for (const auto& label : json.at("runs_on")) shard.runs_on.push_back(text_in(label));
    shard.ends = time_in(json.at("ends_ms"));
    shard.work = time_in(json.at("work_ms"));
    for (const auto& build : json.at("builds")) shard.builds.push_back(build_in(build));
    for (const auto& awaited : json.at("awaits"))
        shard.awaited.push_back({.derivation = text_in(awaited.at("derivation")),
                                 .name = text_in(awaited.at("name")),
                                 .shard = awaited.at("shard")});
    return shard;
}

// Whoever reads it finds shards by their numbers.
bool is_numbered(const ShardPlan& plan) {
    for (std::size_t i = 0; i < plan.shards.size(); ++i) {
        if (plan.shards[i].number != i + 1) return false;
        for (const auto& awaited : plan.shards[i].awaited)
            if (awaited.shard == 0 || awaited.shard > plan.shards.size()) return false;
    }
    return true;
}

Result<ShardPlan> plan_in(const Json& json) {
    if (json.at("version") != format_version)
        return Failure(FailureKind::protocol, "it has a format that is not known here");
    ShardPlan plan;
    plan.most_shards = json.at("most_shards");
    plan.slots = json.at("slots");
    plan.ends = time_in(json.at("ends_ms"));
    plan.bound = time_in(json.at("bound_ms"));
    plan.work = time_in(json.at("work_ms"));
    plan.builds = json.at("derivations");
    plan.unmeasured = json.at("unmeasured");
    plan.copied = json.at("copied");
    plan.copies = json.at("copies");
    plan.handovers = json.at("handovers");
    for (const auto& shard : json.at("shards")) plan.shards.push_back(shard_in(shard));
    for (const auto& build : json.at("on_no_shard")) plan.nobodys.push_back(build_in(build));
    for (const auto& machine : json.at("wanted_machines")) plan.wanted_machines.push_back(text_in(machine));
    if (!is_numbered(plan)) return Failure(FailureKind::protocol, "its shards are not numbered from 1");
    return plan;
}

} // namespace

Result<ShardPlan> parse_shards(std::string_view text) {
    auto wrong = [](const std::string& why) {
        return Failure(FailureKind::protocol, "what shards build cannot be read: " + sanitize(why));
    };
    try {
        auto json = parse_foreign_json(text);
        if (!json.is_object()) return wrong("it is no JSON");
        auto plan = plan_in(json);
        if (!plan) return wrong(plan.error().cause());
        return plan;
    } catch (const Json::exception& error) {
        return wrong(error.what());
    }
}

} // namespace cachefill::report
