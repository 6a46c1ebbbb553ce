#include "github/context.hpp"

#include "base/text.hpp"
#include "github/event_payload.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::github {

namespace {

using Json = nlohmann::json;

constexpr std::string_view branch_prefix = "refs/heads/";

// The value at `keys`, or null wherever the way there ends early.
Json at(const Json& json, std::initializer_list<const char*> keys) {
    const Json* here = &json;
    for (const auto* key : keys) {
        if (!here->is_object()) return {};
        auto it = here->find(key);
        if (it == here->end()) return {};
        here = &*it;
    }
    return *here;
}

std::string text_at(const Json& json, std::initializer_list<const char*> keys) {
    auto value = at(json, keys);
    return value.is_string() ? value.get<std::string>() : std::string();
}

// "owner/name/.github/workflows/build.yml@refs/heads/main" → "build.yml"
std::string file_of(std::string_view workflow_ref) {
    auto path = workflow_ref.substr(0, workflow_ref.find('@'));
    auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string() : std::string(path.substr(slash + 1));
}

std::uint64_t number_of(const Environment& environment, const char* name) {
    return parse_u64(environment.get_or(name)).value_or(0);
}

void read_pull_request(Context& context, const Json& event) {
    auto number = at(event, {"pull_request", "number"});
    if (number.is_number_unsigned()) context.pull_request = number.get<std::uint64_t>();
    if (auto head = text_at(event, {"pull_request", "head", "sha"}); !head.empty()) context.head_sha = head;
    // The variables for these are set for two of the four events only.
    if (context.branch.empty()) context.branch = text_at(event, {"pull_request", "head", "ref"});
    if (context.base_branch.empty()) context.base_branch = text_at(event, {"pull_request", "base", "ref"});
}

} // namespace

bool is_step(const Environment& environment) { return environment.get_or("GITHUB_ACTIONS") == "true"; }

std::string Context::run_url() const {
    if (repository.empty() || run_id == 0) return {};
    return server_url + "/" + repository + "/actions/runs/" + std::to_string(run_id);
}

Context read_context(const Environment& environment) {
    Context context;
    context.repository = environment.get_or("GITHUB_REPOSITORY");
    context.event = environment.get_or("GITHUB_EVENT_NAME");
    context.ref = environment.get_or("GITHUB_REF");
    context.base_branch = environment.get_or("GITHUB_BASE_REF");
    context.sha = context.head_sha = environment.get_or("GITHUB_SHA");
    context.actor = environment.get_or("GITHUB_ACTOR");
    context.workflow_file = file_of(environment.get_or("GITHUB_WORKFLOW_REF"));
    context.run_id = number_of(environment, "GITHUB_RUN_ID");
    context.run_number = number_of(environment, "GITHUB_RUN_NUMBER");
    context.run_attempt = number_of(environment, "GITHUB_RUN_ATTEMPT");
    context.server_url = environment.get_or("GITHUB_SERVER_URL", context.server_url);
    context.api_url = environment.get_or("GITHUB_API_URL", context.api_url);
    context.workspace = environment.get_or("GITHUB_WORKSPACE");
    context.temporary = environment.get_or("RUNNER_TEMP");
    context.output_file = environment.get_or("GITHUB_OUTPUT");
    context.summary_file = environment.get_or("GITHUB_STEP_SUMMARY");

    context.branch = environment.get_or("GITHUB_HEAD_REF");
    if (context.branch.empty() && context.ref.starts_with(branch_prefix))
        context.branch = context.ref.substr(branch_prefix.size());
    auto event = read_event_payload(environment);
    if (context.is_pull_request()) read_pull_request(context, event);
    if (context.event == "workflow_run")
        if (auto head = text_at(event, {"workflow_run", "head_sha"}); !head.empty()) context.head_sha = head;
    context.author = author_of(context.event, context.repository, event);
    // No event of GitHub's other than those has such a commit; where one has, nobody can tell whose that is.
    if (context.ref.starts_with("refs/pull/") && !context.is_pull_request() && context.is_trusted())
        context.author = Author::unknown;
    // Its pushes get no secrets either; a person's push to a branch of its does.
    context.from_dependabot =
        context.actor == "dependabot[bot]" && (context.is_pull_request() || context.event == "push");
    return context;
}

} // namespace cachefill::github
