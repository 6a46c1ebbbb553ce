// Pull requests, and comments on them.
#include "support/github_reply.hpp"
#include "support/github_server.hpp"

#include <algorithm>

namespace cachefill::test {

using nlohmann::json;

HttpReply GithubServer::page_of(const HttpRequest& request, const std::vector<json>& all,
                                const std::string& key) const {
    auto query = query_of(request.target);
    std::size_t per_page = std::min<std::size_t>(settings_.page_size, 30), page = 1; // GitHub's unless asked for more
    if (auto it = query.find("per_page"); it != query.end())
        per_page = std::min<std::size_t>(settings_.page_size, std::stoul(it->second));
    if (auto it = query.find("page"); it != query.end()) page = std::stoul(it->second);
    auto begin = std::min(all.size(), (page - 1) * per_page);
    auto end = std::min(all.size(), begin + per_page);
    json items = json::array();
    for (auto i = begin; i < end; ++i) items.push_back(all[i]);
    json body = {{"total_count", all.size()}};
    if (key.empty())
        body = items;
    else
        body[key] = items;
    auto answered = reply(200, body);
    if (end < all.size()) {
        auto base = request.target.substr(0, request.target.find("&page="));
        answered.headers.emplace_back("Link", "<" + url() + base + "&page=" + std::to_string(page + 1) +
                                                  ">; rel=\"next\", <" + url() + base + "&page=9>; rel=\"last\"");
    }
    return answered;
}

HttpReply GithubServer::pulls(const HttpRequest& request, const json& repository,
                              const std::vector<std::string>& parts) const {
    auto query = query_of(request.target);
    std::vector<json> all;
    for (const auto& pull : repository.value("pulls", json::array())) {
        auto from = pull.value("repository", "");
        json described = {{"number", pull.value("number", 1)}, {"state", pull.value("state", "open")}};
        described["head"] = {{"sha", pull.value("sha", "")}, {"ref", pull.value("branch", "")}};
        described["head"]["repo"] = from.empty() ? json() : json{{"full_name", from}};
        if (parts.size() == 5 && parts[4] == std::to_string(pull.value("number", 1))) return reply(200, described);
        auto head = from.substr(0, from.find('/')) + ":" + pull.value("branch", "");
        bool is_wanted = !query.contains("head") || query["head"] == head;
        if (is_wanted && (!query.contains("state") || query["state"] == pull.value("state", "open")))
            all.push_back(described);
    }
    return parts.size() == 4 ? page_of(request, all, {}) : not_found();
}

HttpReply GithubServer::comments(const HttpRequest& request, json& repository, const std::vector<std::string>& parts) {
    auto described = [](const json& comment) -> json {
        return {{"id", comment.value("id", 1)},
                {"body", comment.value("body", "")},
                {"user", {{"login", "somebody"}, {"type", comment.value("type", "User")}}},
                {"author_association", comment.value("association", "NONE")}};
    };
    auto& all = repository["comments"];
    auto sent = json::parse(request.body, nullptr, false);
    if (request.method != "GET") {
        if (!sent.is_object() || !sent.value("body", json()).is_string())
            return reply(422, message("Invalid request."));
        if (sent["body"].get<std::string>().size() > 65536)
            return reply(422, message("Validation Failed: body is too long (maximum is 65536 characters)"));
    }
    if (parts.size() == 6 && parts[4] == "comments" && request.method == "PATCH") {
        for (auto& [number, list] : all.items())
            for (auto& comment : list)
                if (parts[5] == std::to_string(comment.value("id", 1))) {
                    comment["body"] = sent["body"];
                    return reply(200, described(comment));
                }
        return not_found();
    }
    if (parts.size() != 6 || parts[5] != "comments") return not_found();
    auto& list = all[parts[4]];
    if (request.method == "POST") {
        std::size_t id = 1000;
        for (const auto& [number, others] : all.items()) id += others.size();
        list.push_back({{"id", id}, {"body", sent["body"]}, {"type", "Bot"}});
        return reply(201, described(list.back()));
    }
    std::vector<json> shown;
    for (const auto& comment : list) shown.push_back(described(comment));
    return page_of(request, shown, {});
}

} // namespace cachefill::test
