#pragma once

#include "support/cachix_faults.hpp"
#include "support/niks3_store.hpp"

#include <memory>

namespace cachefill::test {

struct Niks3ServerSettings {
    std::filesystem::path directory;
    std::vector<std::string> tokens;
    std::string oidc_audience;              // for tokens of GitHub; empty: it takes none
    bool signs = true;                      // else it was started without a key
    bool tells_read_url = true;             // else it was started without --cache-url
    bool is_read_proxy = false;             // hands on what is in its bucket, below its own address
    std::uint64_t smallest_part = 5 << 20;  // S3's; the last one may be smaller
    std::uint64_t largest_whole = 10 << 20; // a larger NAR goes up in parts
    std::filesystem::path log_file;         // empty: none
};

// A stand-in of niks3's server and of the bucket behind it, which is at /bucket. What is known of the real ones is in
// the cases where it shows. Beyond that:
//   GET  /_log            what was asked, one JSON object per line
//   GET  /_state          {"uri": "…", "narinfos": […], "pending": N, "uploads": N, "pins": {…}}
//   POST /_faults         see CachixFaults::parse
//   POST /_delete/KEY     takes a file away from the bucket; the server goes on believing that it is there
//   POST /_expire         all addresses that were handed out have ended
//   POST /_gc[/all]       see Niks3Store::collect_garbage
//   GET  /_github         a token for ?audience=, as GitHub gives one to a step that knows "step-secret"
// Requests to these run into no fault and are not logged.
class Niks3Server {
  public:
    explicit Niks3Server(Niks3ServerSettings settings);
    ~Niks3Server();

    std::string url() const;
    std::string host() const; // "127.0.0.1:PORT"
    std::string public_key() const;
    HttpServer& server();

    // These may be called at any time.
    void set_faults(std::vector<CachixFault> rules);
    Result<void> set_faults_json(std::string_view json);
    void expire_addresses();
    void collect_garbage(bool all = false);
    bool remove(const std::string& key);                            // from the bucket alone
    std::size_t count(std::string_view method_and_path_glob) const; // of logged requests
    std::size_t logins_at_bucket() const;                           // requests to it that had one in their head
    struct State {
        std::size_t pending = 0, uploads = 0;
        std::vector<std::string> narinfos;
        std::map<std::string, std::string> pins;
    };
    State state() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace cachefill::test
