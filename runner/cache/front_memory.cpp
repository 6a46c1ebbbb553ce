#include "cache/front_memory.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "http/client.hpp"

#include <algorithm>
#include <array>

namespace cachefill::cache {

using std::chrono::seconds;

namespace {

constexpr std::uint64_t longest = 10ULL * 365 * 86'400; // beyond it a number means nothing

std::optional<seconds> find_seconds(std::string_view text) {
    auto number = parse_u64(trim(text));
    if (!number || *number > longest) return {};
    return seconds(*number);
}

// Of Cache-Control, what a shared cache goes by (RFC 9111, 5.2.2.10).
std::optional<seconds> find_lifetime(const http::Response& response) {
    auto control = response.find_header("Cache-Control");
    if (!control) return {};
    std::optional<seconds> lifetime;
    for (auto part : split(*control, ',')) {
        auto equals = part.find('=');
        if (equals == part.npos) continue;
        auto key = trim(part.substr(0, equals));
        auto value = find_seconds(part.substr(equals + 1));
        if (iequals(key, "s-maxage") && value) return value;
        if (iequals(key, "max-age")) lifetime = value;
    }
    return lifetime;
}

std::string name_of(const http::Response& response) {
    if (auto via = response.find_header("Via")) return quoted_reply(trim(*via), 60);
    if (auto server = response.find_header("Server")) return quoted_reply(trim(*server), 60);
    return {};
}

} // namespace

bool is_remembered(const http::Response& response) {
    if (auto age = response.find_header("Age"); age && find_seconds(*age).value_or(seconds(0)).count() > 0) return true;
    // Varnish names two transactions where the first one's answer was kept.
    if (auto varnish = response.find_header("X-Varnish"); varnish && split_words(*varnish).size() > 1) return true;
    constexpr std::array names{"X-Cache", "X-Cache-Status", "X-Proxy-Cache", "CF-Cache-Status", "Cache-Status"};
    return std::any_of(names.begin(), names.end(), [&](const char* name) {
        auto value = response.find_header(name);
        return value && to_lower(*value).find("hit") != std::string::npos;
    });
}

void note(FrontMemory& memory, const http::Response& outdated) {
    ++memory.files;
    if (memory.name.empty()) memory.name = name_of(outdated);
    std::optional<seconds> age;
    if (auto header = outdated.find_header("Age")) age = find_seconds(*header);
    if (age) memory.age = std::max(*age, memory.age.value_or(seconds(0)));
    auto lifetime = find_lifetime(outdated);
    if (!lifetime) return;
    auto left = std::max(seconds(0), *lifetime - age.value_or(seconds(0)));
    memory.remaining = std::max(left, memory.remaining.value_or(seconds(0)));
}

std::string describe(const FrontMemory& memory) {
    auto text = "a proxy before it" + (memory.name.empty() ? "" : " (" + memory.name + ")") +
                " still answers the 404 that it remembers from before the push, for " + counted(memory.files, "file");
    if (memory.remaining) return text + "; it forgets that within " + human_duration(*memory.remaining);
    if (memory.age) text += "; it has remembered that for " + human_duration(*memory.age);
    return text + "; for how long yet it does not tell";
}

} // namespace cachefill::cache
