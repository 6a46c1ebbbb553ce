#pragma once

#include "support/cachix_faults.hpp"
#include "support/cachix_store.hpp"

#include <memory>

namespace cachefill::test {

struct CachixServerSettings {
    std::string cache = "demo";
    std::filesystem::path directory;
    std::vector<std::string> write_tokens;
    std::vector<std::string> read_tokens;
    bool is_private = false;
    bool self_signed = false;
    bool gate = true; // serve a narinfo only when its closure is complete
    codec::Compression preferred = codec::Compression::zstd;
    std::vector<std::filesystem::path> upstreams; // see CachixStore
    std::chrono::seconds url_lifetime{3600};
    std::filesystem::path log_file; // empty: none
};

// A stand-in of Cachix: its API under /api/v1 and its read side under /c/NAME on one port, the store that presigned
// uploads go to on a second one. What is known of the real one, and from where, is in the cases where it shows. Beyond
// that:
//   GET  /_log            what was asked, one JSON object per line (see CachixLogEntry)
//   GET  /_state          {"uri": "…", "narinfos": […], "open_uploads": N, "pins": {…}}
//   POST /_faults         see CachixFaults::parse
//   POST /_gate/on, /off  the closure gate
//   POST /_delete/HASH    takes a published path away
// Requests to these run into no fault and are not logged.
struct CachixLogEntry {
    std::int64_t milliseconds = 0; // since the start
    std::string port;              // "api" or "r2"
    std::string method;
    std::string path;      // without query
    std::string query;     // presigned signatures left out
    int status = 0;        // 0: no answer was given
    std::string published; // by this request: the store hash

    std::string to_json() const;
};

class CachixServer {
  public:
    explicit CachixServer(CachixServerSettings settings);
    ~CachixServer();

    std::string api_url() const; // for CACHEFILL_CACHIX_API
    std::string uri() const;     // for consumers
    std::string upload_url() const;
    std::optional<std::string> public_key() const;

    // These may be called at any time.
    void set_faults(std::vector<CachixFault> rules);
    Result<void> set_faults_json(std::string_view json);
    void set_delay(std::chrono::milliseconds delay);
    void set_gate(bool on);
    std::vector<CachixLogEntry> log() const;
    std::size_t count(std::string_view method_and_path_glob) const; // of logged requests
    std::size_t open_uploads() const;
    std::vector<std::string> published() const;
    std::map<std::string, std::string> pins() const;
    bool remove(const std::string& hash);
    void set_public_key(std::string bytes); // of a self-signed cache

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace cachefill::test
