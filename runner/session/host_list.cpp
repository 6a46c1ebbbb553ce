#include "session/host_list.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::session {

using Json = nlohmann::json;

Json to_json(const std::vector<eval::TargetRef>& hosts) {
    auto list = Json::array();
    for (const auto& host : hosts)
        list.push_back({{"kind", to_string(host.kind)}, {"name", host.name}, {"attribute_path", host.attribute_path}});
    return list;
}

std::optional<std::vector<eval::TargetRef>> hosts_in(const Json& json) {
    if (!json.is_array()) return {};
    try {
        std::vector<eval::TargetRef> hosts;
        for (const auto& entry : json) {
            auto is_it = [&entry](eval::TargetKind kind) { return entry.at("kind") == to_string(kind); };
            auto kind = std::find_if(host_kinds.begin(), host_kinds.end(), is_it);
            if (kind == host_kinds.end()) return {};
            hosts.push_back({.kind = *kind, .name = entry.at("name"), .attribute_path = entry.at("attribute_path")});
        }
        return hosts;
    } catch (const Json::exception&) {
        return {};
    }
}

} // namespace cachefill::session
