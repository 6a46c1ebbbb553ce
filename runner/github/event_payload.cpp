#include "github/event_payload.hpp"

#include "base/files.hpp"
#include "base/foreign_json.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::github {

namespace {

constexpr std::uint64_t longest_event = 64 << 20; // GitHub cuts them at 25 MB

}

nlohmann::json read_event_payload(const Environment& environment) {
    auto path = environment.get_or("GITHUB_EVENT_PATH");
    if (path.empty()) return {};
    auto text = read_file(path, longest_event);
    return text ? parse_foreign_json(*text) : nlohmann::json(nlohmann::json::value_t::discarded);
}

} // namespace cachefill::github
