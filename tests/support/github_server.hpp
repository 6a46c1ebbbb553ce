#pragma once

#include "support/http_server.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace cachefill::test {

// A stand-in of GitHub's REST API for one server full of repositories: replies have the shapes, statuses and headers of
// the real one (ETag and 304, rate limit fields, Link pages, "message" and "documentation_url" in errors). What it
// knows is one JSON document, which a test sets, patches (RFC 7386) or lets play:
//   {"owner/name": {
//      "private": false, "default_branch": "main",
//      "branches": {"main": "SHA"}, "commits": ["SHA"],
//      "runs": [{"id": 7, "workflow": "Fill", "file": "fill.yml", "event": "push", "branch": "main", "sha": "SHA",
//                "number": 3, "attempt": 1, "age": 120,
//                "frames": [{"status": "queued"},
//                           {"status": "in_progress", "jobs": [{"name": "x86_64-linux", "status": "in_progress",
//                              "steps": [{"name": "Build", "status": "in_progress"}]}]},
//                           {"status": "completed", "conclusion": "success"}]}]}}
// Pull requests are read from "pulls": [{"number": 12, "sha": "SHA", "repository": "kim/name", "branch": "b", "state":
// "open"}], and comments kept in "comments": {"12": [{"id": 1, "body": "…", "type": "Bot", "association": "NONE"}]}.
// Every look at a list of runs shows each run's next frame; the last one stays.
class GithubServer {
  public:
    struct Settings {
        std::vector<std::string> tokens;    // accepted ones; another one is answered with 401
        std::uint64_t limit = 60;           // requests without a token; with one 5000
        std::uint64_t reset_in = 1800;      // seconds
        std::uint64_t page_size = 100;      // the most per page
        bool looks_count_unchanged = true;  // do 304s without a token cost, as GitHub does it
        std::vector<std::string> readers{}; // those of `tokens` that may only read
    };

    GithubServer() : GithubServer(Settings{}) {}
    explicit GithubServer(Settings settings);

    std::string url() const { return server_.url(); }
    void set(nlohmann::json repositories);
    void patch(const nlohmann::json& repositories);
    // The next `times` requests get this reply.
    void fail_next(HttpReply reply, std::size_t times = 1);
    void set_remaining(std::uint64_t requests);
    std::vector<HttpRequest> log() const { return server_.log(); }
    nlohmann::json state() const; // what it knows, with the comments that came
    // What was dispatched: {"repository", "workflow", "ref", "inputs"}.
    std::vector<nlohmann::json> dispatches() const;

  private:
    HttpReply answer(const HttpRequest& request);
    HttpReply answer_api(const HttpRequest& request, bool has_token);
    HttpReply control(const HttpRequest& request);
    HttpReply runs(const HttpRequest& request, const std::string& name, nlohmann::json& repository,
                   const std::map<std::string, std::string>& query);
    HttpReply jobs(const std::string& name, nlohmann::json& run);
    HttpReply pulls(const HttpRequest& request, const nlohmann::json& repository,
                    const std::vector<std::string>& parts) const;
    HttpReply comments(const HttpRequest& request, nlohmann::json& repository, const std::vector<std::string>& parts);
    // A part of a list, with a Link to the next; `key` names it in the answer's object, which it is itself if empty.
    HttpReply page_of(const HttpRequest& request, const std::vector<nlohmann::json>& all, const std::string& key) const;
    void add_limits(HttpReply& reply, bool has_token);

    Settings settings_;
    mutable std::mutex mutex_; // the handler runs on the server's thread
    nlohmann::json repositories_ = nlohmann::json::object();
    std::map<std::string, std::size_t> looks_;
    std::vector<nlohmann::json> dispatches_;
    std::vector<HttpReply> failures_;
    std::uint64_t remaining_;
    HttpServer server_; // last: its thread calls answer()
};

} // namespace cachefill::test
