#include "support/github_server.hpp"

#include "support/github_reply.hpp"

#include <algorithm>
#include <ctime>
#include <functional>

namespace cachefill::test {

using nlohmann::json;

namespace {

std::string time_before(std::uint64_t seconds) {
    auto when = std::time(nullptr) - static_cast<std::time_t>(seconds);
    std::tm parts{};
    ::gmtime_r(&when, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

json conclusion_of(const json& thing) { return thing.contains("conclusion") ? thing["conclusion"] : json(nullptr); }

} // namespace

GithubServer::GithubServer(Settings settings)
    : settings_(std::move(settings)), remaining_(settings_.limit),
      server_([this](const HttpRequest& request) { return answer(request); }) {}

void GithubServer::set(json repositories) {
    std::lock_guard lock(mutex_);
    repositories_ = std::move(repositories);
    looks_.clear();
}

void GithubServer::patch(const json& repositories) {
    std::lock_guard lock(mutex_);
    repositories_.merge_patch(repositories);
}

void GithubServer::fail_next(HttpReply failure, std::size_t times) {
    std::lock_guard lock(mutex_);
    failures_.insert(failures_.end(), times, failure);
}

void GithubServer::set_remaining(std::uint64_t requests) {
    std::lock_guard lock(mutex_);
    remaining_ = requests;
}

json GithubServer::state() const {
    std::lock_guard lock(mutex_);
    return repositories_;
}

std::vector<json> GithubServer::dispatches() const {
    std::lock_guard lock(mutex_);
    return dispatches_;
}

void GithubServer::add_limits(HttpReply& reply, bool has_token) {
    auto limit = has_token ? 5000 : settings_.limit;
    reply.headers.emplace_back("x-ratelimit-limit", std::to_string(limit));
    reply.headers.emplace_back("x-ratelimit-remaining", std::to_string(has_token ? 4900 : remaining_));
    reply.headers.emplace_back("x-ratelimit-reset",
                               std::to_string(static_cast<std::uint64_t>(std::time(nullptr)) + settings_.reset_in));
    reply.headers.emplace_back("x-ratelimit-resource", "core");
}

HttpReply GithubServer::answer(const HttpRequest& request) {
    std::lock_guard lock(mutex_);
    if (request.path().starts_with("/_")) return control(request);
    if (!failures_.empty()) {
        auto failure = failures_.front();
        failures_.erase(failures_.begin());
        return failure;
    }
    auto authorization = request.header("Authorization");
    bool has_token = !authorization.empty();
    auto is_one_of = [token = authorization.substr(authorization.find(' ') + 1)](const auto& tokens) {
        return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
    };
    if (has_token) {
        if (!is_one_of(settings_.tokens)) return reply(401, message("Bad credentials"));
    } else if (remaining_ == 0) {
        auto limited = reply(403, message("API rate limit exceeded for 203.0.113.7."));
        add_limits(limited, false);
        return limited;
    }
    auto answered = is_one_of(settings_.readers) && request.method != "GET"
                        ? reply(403, message("Resource not accessible by integration"))
                        : answer_api(request, has_token);
    if (answered.status == 200 && request.method == "GET") {
        auto etag = "W/\"" + std::to_string(std::hash<std::string>{}(answered.body)) + "\"";
        answered.headers.emplace_back("ETag", etag);
        if (request.header("If-None-Match") == etag) {
            answered.status = 304;
            answered.body.clear();
        }
    }
    bool costs = answered.status != 304 || settings_.looks_count_unchanged;
    if (!has_token && costs && remaining_ > 0) --remaining_;
    add_limits(answered, has_token);
    return answered;
}

HttpReply GithubServer::answer_api(const HttpRequest& request, bool has_token) {
    auto parts = parts_of(request.path());
    for (auto& part : parts) part = decode(part);
    if (parts.size() < 3 || parts[0] != "repos") return not_found();
    auto name = parts[1] + "/" + parts[2];
    auto found = repositories_.find(name);
    if (found == repositories_.end() || (found->value("private", false) && !has_token)) return not_found();
    auto& repository = *found;
    auto is = [&](std::size_t at, std::string_view word) { return parts.size() > at && parts[at] == word; };
    if (parts.size() == 3)
        return reply(200, {{"id", 1},
                           {"name", parts[2]},
                           {"full_name", name},
                           {"private", repository.value("private", false)},
                           {"default_branch", repository.value("default_branch", "main")}});
    if (is(3, "commits") && parts.size() == 5) {
        auto commits = repository.value("commits", json::array());
        auto& sha = parts[4];
        bool known = std::find(commits.begin(), commits.end(), json(sha)) != commits.end();
        for (const auto& head : repository.value("branches", json::object())) known |= head == sha;
        if (!known) return reply(422, message("No commit found for SHA: " + sha));
        return reply(200, {{"sha", sha}, {"commit", {{"message", "a change"}}}});
    }
    if (is(3, "branches") && parts.size() == 5) {
        auto branches = repository.value("branches", json::object());
        if (!branches.contains(parts[4])) return reply(404, message("Branch not found"));
        return reply(200, {{"name", parts[4]}, {"commit", {{"sha", branches[parts[4]]}}}, {"protected", false}});
    }
    if (is(3, "pulls")) return pulls(request, repository, parts);
    if (is(3, "issues")) return comments(request, repository, parts);
    if (!is(3, "actions")) return not_found();
    if (is(4, "runs") && parts.size() == 5) return runs(request, name, repository, query_of(request.target));
    if (is(4, "runs") && parts.size() == 7 && parts[6] == "jobs")
        for (auto& run : repository["runs"])
            if (std::to_string(run.value("id", 0)) == parts[5]) return jobs(name, run);
    if (is(4, "workflows") && is(6, "dispatches") && request.method == "POST") {
        auto body = json::parse(request.body, nullptr, false);
        if (!body.is_object() || !body.contains("ref"))
            return reply(422, message("Invalid request.\n\n\"ref\" wasn't supplied."));
        if (!has_token) return reply(401, message("Requires authentication"));
        dispatches_.push_back({{"repository", name},
                               {"workflow", parts[5]},
                               {"ref", body["ref"]},
                               {"inputs", body.value("inputs", json::object())}});
        return HttpReply(204);
    }
    return not_found();
}

HttpReply GithubServer::runs(const HttpRequest& request, const std::string& name, json& repository,
                             const std::map<std::string, std::string>& query) {
    auto wanted = [&](const json& run) {
        auto fits = [&](const char* parameter, const char* field, const char* otherwise) {
            auto value = query.find(parameter);
            return value == query.end() || run.value(field, otherwise) == value->second;
        };
        return fits("head_sha", "sha", "") && fits("branch", "branch", "main") && fits("event", "event", "push");
    };
    std::vector<json> all;
    for (auto& run : repository["runs"]) {
        auto key = name + "#" + std::to_string(run.value("id", 0));
        auto frames = run.value("frames", json::array());
        if (!wanted(run)) continue;
        auto look = looks_[key]++;
        json frame = frames.empty() ? json::object() : frames[std::min(look, frames.size() - 1)];
        auto id = std::to_string(run.value("id", 0));
        auto age = run.value("age", std::uint64_t{60});
        all.push_back({{"id", run.value("id", 0)},
                       {"name", run.value("workflow", "Fill")},
                       {"node_id", "WFR_" + id},
                       {"head_branch", run.value("branch", "main")},
                       {"head_sha", run.value("sha", "")},
                       {"head_repository", {{"full_name", run.value("from", name)}}},
                       {"path", ".github/workflows/" + run.value("file", "fill.yml")},
                       {"display_title", "a change"},
                       {"run_number", run.value("number", 1)},
                       {"event", run.value("event", "push")},
                       {"status", frame.value("status", "queued")},
                       {"conclusion", conclusion_of(frame)},
                       {"workflow_id", std::hash<std::string>{}(run.value("file", "fill.yml")) % 100000},
                       {"url", url() + "/repos/" + name + "/actions/runs/" + id},
                       {"html_url", "https://github.com/" + name + "/actions/runs/" + id},
                       {"created_at", time_before(age)},
                       {"updated_at", time_before(age / 2)},
                       {"run_attempt", run.value("attempt", 1)},
                       {"run_started_at", time_before(age)},
                       {"jobs_url", url() + "/repos/" + name + "/actions/runs/" + id + "/jobs"}});
    }
    return page_of(request, all, "workflow_runs");
}

HttpReply GithubServer::jobs(const std::string& name, json& run) {
    auto frames = run.value("frames", json::array());
    auto looks = looks_[name + "#" + std::to_string(run.value("id", 0))];
    json frame = frames.empty() ? json::object() : frames[std::min(looks == 0 ? 0 : looks - 1, frames.size() - 1)];
    json items = json::array();
    std::uint64_t id = run.value("id", std::uint64_t{0}) * 100;
    for (const auto& job : frame.value("jobs", json::array())) {
        json steps = json::array();
        for (const auto& step : job.value("steps", json::array()))
            steps.push_back({{"name", step.value("name", "")},
                             {"status", step.value("status", "queued")},
                             {"conclusion", conclusion_of(step)},
                             {"number", steps.size() + 1}});
        ++id;
        items.push_back({{"id", id},
                         {"run_id", run.value("id", 0)},
                         {"name", job.value("name", "job")},
                         {"status", job.value("status", "queued")},
                         {"conclusion", conclusion_of(job)},
                         {"started_at", time_before(job.value("age", std::uint64_t{30}))},
                         {"completed_at", job.contains("conclusion") ? json(time_before(5)) : json(nullptr)},
                         {"html_url", "https://github.com/" + name + "/actions/runs/1/job/" + std::to_string(id)},
                         {"steps", steps}});
    }
    return reply(200, {{"total_count", items.size()}, {"jobs", items}});
}

// For scripts: PUT /_state sets, PATCH or POST /_state patches, GET /_state shows, POST /_remaining sets the budget,
// GET /_dispatches.
HttpReply GithubServer::control(const HttpRequest& request) {
    if (request.path() == "/_dispatches") return reply(200, dispatches_);
    if (request.method == "GET") return reply(200, repositories_);
    auto body = json::parse(request.body, nullptr, false);
    if (body.is_discarded()) return reply(400, message("no JSON"));
    if (request.path() == "/_remaining") {
        remaining_ = body.get<std::uint64_t>();
        return reply(200, json::object());
    }
    if (request.path() != "/_state") return not_found();
    if (request.method == "PUT") {
        repositories_ = body;
        looks_.clear();
    } else {
        repositories_.merge_patch(body);
    }
    return reply(200, repositories_);
}

} // namespace cachefill::test
