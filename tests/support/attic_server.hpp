#pragma once

#include "support/attic_store.hpp"
#include "support/cachix_faults.hpp"

#include <memory>

namespace cachefill::test {

struct AtticServerSettings {
    std::string cache = "team";
    std::filesystem::path directory;
    std::vector<std::string> push_tokens, pull_tokens;
    bool is_private = false;
    bool tells_public = true; // whether it is private
    int priority = 41;
    std::vector<std::string> upstream_key_names = {"cache.nixos.org-1"};
    std::optional<std::uint64_t> retention; // seconds; else the server's own
    std::uint64_t body_limit = 0;           // 413 above that, as from a proxy before it; 0: none
    // What it works on a NAR after its last byte before it answers.
    std::chrono::milliseconds work_per_mebibyte{0};
    std::string api_endpoint, substituter_endpoint; // told instead of what the Host field says
    std::filesystem::path log_file;                 // empty: none
};

// A stand-in of attic's server (atticd) with one cache, behind no prefix: its API under /_api/v1, its read side under
// /CACHE. What is known of the real one is in the cases where it shows. Beyond that:
//   GET  /_log            what was asked, one JSON object per line
//   GET  /_state          {"uri": "…", "narinfos": […]}
//   POST /_faults         see CachixFaults::parse
//   POST /_delete/HASH    takes a path away
// Requests to these run into no fault and are not logged.
class AtticServer {
  public:
    explicit AtticServer(AtticServerSettings settings);
    ~AtticServer();

    std::string url() const;  // its endpoint
    std::string host() const; // "127.0.0.1:PORT"
    std::string public_key() const;
    HttpServer& server();

    // These may be called at any time.
    void set_faults(std::vector<CachixFault> rules);
    Result<void> set_faults_json(std::string_view json);
    void set_body_limit(std::uint64_t bytes);
    std::size_t count(std::string_view method_and_path_glob) const; // of logged requests
    // Of the uploads: by a preamble, by a header; in chunks.
    struct Forms {
        int preambles = 0, headers = 0, chunked = 0;
        std::size_t most_hashes = 0; // in one question
    };
    Forms forms() const;
    std::vector<std::string> published() const;
    bool remove(const std::string& hash);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace cachefill::test
