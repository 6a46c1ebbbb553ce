#pragma once

#include "base/result.hpp"
#include "support/http_server.hpp"

namespace cachefill::test {

// What the stand-in of Cachix does wrong on purpose.
struct CachixFault {
    std::string match = "*";        // glob over "METHOD /path" (no query): "PUT /r2/*", "POST */complete"
    int skip = 0;                   // so many matching requests are left alone first
    std::optional<int> times;       // then so many are hit; all, if not set
    int status = 0;                 // answered instead of doing anything
    std::optional<int> retry_after; // seconds, beside `status`
    std::string body;               // beside `status`
    bool lose_reply = false;        // do it, then reset the connection instead of answering
    bool expired_url = false;       // of a request for a part's URL: one that has expired
    HttpFaults http;                // delays, resets, stalls, truncation, slowness of the answer
};

// The faults in force. Not thread-safe.
class CachixFaults {
  public:
    // {"delay_ms": 20, "rules": [{"match": …, "skip": …, "times": …, "status": …, "retry_after": …, "body": …,
    //   "lose_reply": true, "expired_url": true, "delay_ms": …, "reset": true, "hang_up": true, "never_answer": true,
    //   "stall_after": …, "reset_after": …, "truncate_body": …, "bytes_per_second": …}]}: replaces all there were.
    Result<void> parse(std::string_view json);
    void set(std::vector<CachixFault> rules) { rules_ = std::move(rules); }
    void set_delay(std::chrono::milliseconds delay) { delay_ = delay; }

    // The rule that this request runs into, counted as used; a harmless one if there is none. The general delay is in
    // it.
    CachixFault next(const std::string& method, const std::string& path);

  private:
    std::chrono::milliseconds delay_{0};
    std::vector<CachixFault> rules_;
};

} // namespace cachefill::test
