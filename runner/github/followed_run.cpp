#include "github/followed_run.hpp"

#include "base/files.hpp"
#include "base/foreign_json.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::github {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t longest_event = 64 << 20; // GitHub cuts them at 25 MB

std::string text_at(const Json& object, const char* key) {
    auto it = object.find(key); // of what is no object: the end
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

} // namespace

std::optional<FollowedRun> followed_run(const Environment& environment) {
    if (environment.get_or("GITHUB_EVENT_NAME") != "workflow_run") return {};
    FollowedRun run;
    auto text = read_file(environment.get_or("GITHUB_EVENT_PATH"), longest_event);
    auto event = text ? parse_foreign_json(*text) : Json();
    auto described = event.find("workflow_run");
    if (described == event.end()) return run;
    if (auto id = described->find("id"); id != described->end() && id->is_number_unsigned())
        run.id = id->get<std::uint64_t>();
    run.event = text_at(*described, "event");
    run.head_branch = text_at(*described, "head_branch");
    run.head_sha = text_at(*described, "head_sha");
    auto repository = described->find("head_repository");
    if (repository != described->end()) run.head_repository = text_at(*repository, "full_name");
    return run;
}

} // namespace cachefill::github
