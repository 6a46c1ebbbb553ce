#include "support/cachix_faults.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::test {

namespace {

using Json = nlohmann::json;

template <class T> std::optional<T> optional_field(const Json& json, const char* name) {
    auto field = json.find(name);
    if (field == json.end() || field->is_null()) return {};
    return field->get<T>();
}

CachixFault parse_rule(const Json& json) {
    CachixFault rule;
    rule.match = json.value("match", "*");
    rule.skip = json.value("skip", 0);
    rule.times = optional_field<int>(json, "times");
    rule.status = json.value("status", 0);
    rule.retry_after = optional_field<int>(json, "retry_after");
    rule.body = json.value("body", "");
    rule.lose_reply = json.value("lose_reply", false);
    rule.expired_url = json.value("expired_url", false);
    rule.http.delay = std::chrono::milliseconds(json.value("delay_ms", 0));
    rule.http.reset = json.value("reset", false);
    rule.http.hang_up = json.value("hang_up", false);
    rule.http.never_answer = json.value("never_answer", false);
    rule.http.stall_after = optional_field<std::uint64_t>(json, "stall_after");
    rule.http.reset_after = optional_field<std::uint64_t>(json, "reset_after");
    rule.http.truncate_body = optional_field<std::uint64_t>(json, "truncate_body");
    rule.http.bytes_per_second = json.value("bytes_per_second", std::uint64_t{0});
    return rule;
}

} // namespace

Result<void> CachixFaults::parse(std::string_view text) {
    try {
        auto json = Json::parse(text);
        std::vector<CachixFault> rules;
        for (const auto& rule : json.value("rules", Json::array())) rules.push_back(parse_rule(rule));
        delay_ = std::chrono::milliseconds(json.value("delay_ms", 0));
        rules_ = std::move(rules);
        return {};
    } catch (const Json::exception& error) { // reported to whoever sent it
        return Failure(FailureKind::usage, error.what());
    }
}

CachixFault CachixFaults::next(const std::string& method, const std::string& path) {
    for (auto& rule : rules_) {
        if (!glob_match(rule.match, method + " " + path)) continue;
        if (rule.skip > 0) {
            --rule.skip;
            continue;
        }
        if (rule.times && *rule.times <= 0) continue;
        if (rule.times) --*rule.times;
        auto hit = rule;
        hit.http.delay += delay_;
        return hit;
    }
    CachixFault none;
    none.http.delay = delay_;
    return none;
}

} // namespace cachefill::test
