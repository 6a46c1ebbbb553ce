#pragma once

#include "async/clock.hpp"
#include "async/retry_policy.hpp"
#include "cache/binary_cache.hpp"
#include "cache/front_memory.hpp"
#include "cache/nar_look.hpp"
#include "http/client.hpp"
#include "http/url.hpp"

#include <functional>
#include <random>
#include <set>
#include <unordered_map>

namespace cachefill::cache {

// Whether the answer names a Content-Encoding. Nix before 2.22 undoes, whatever is named, "identity" too, all
// compression that it recognizes in the bytes.
bool says_encoding(const http::Response& response);

// Whether Nix takes the answer for the file it asked for (libstore/filetransfer.cc) and can use it: not what is only
// "accepted" (202), what somebody on the way has changed (203), or what has no content (204, 205), as no file of a
// cache.
bool is_file(const http::Response& response);
// Nothing came, and with success: 204, 205.
bool is_empty_handed(const http::Response& response);

// The reading half of every cache that is served over HTTP.
class HttpReader {
  public:
    struct Settings {
        std::string name; // for messages
        std::string base; // URL without trailing '/'
        std::optional<Secret> bearer;
        http::Logins logins = http::Logins::all; // by whose word `base` is asked
        bool forbidden_is_absent = false; // 403 for what is not there, as object stores without list permission answer
        bool tells_forbidden = false;     // once, if nothing but 403 comes for narinfos
        // Proxies before the cache: `find` finds them out, `pass` believes what the cache itself says as well.
        enum class Fronts { ignore, find, pass } fronts = Fronts::ignore;
    };

    // Client and clock outlive it.
    HttpReader(http::Client& client, async::RetryPolicy policy, const async::Clock& clock, Settings settings)
        : client_(client), policy_(policy), clock_(clock), settings_(std::move(settings)),
          random_(std::random_device{}()) {
        if (auto parsed = http::parse_url(settings_.base)) base_ = std::move(*parsed);
    }

    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path);
    async::Task<Result<NarLook>> look_at_nar(nix::NarInfo info);
    // `kept`, if given, receives the unpacked NAR.
    async::Task<Result<NarRemarks>> check_nar(nix::NarInfo info, std::string* kept = nullptr);
    async::Task<Result<std::string>> read_nar(nix::NarInfo info);
    // Any file below the cache's root; empty when it is not there.
    async::Task<Result<std::optional<std::string>>> get_text(std::string name);

    // Asks by a name that no proxy can remember an answer to, nor will remember this one for; by its own while it is
    // not known that the server does not mind that.
    async::Task<Result<FileLook>> look_afresh(std::string name, std::optional<std::uint64_t> size = {});
    // Looks for what is known to be there, and learns whether such names work.
    async::Task<Result<FileLook>> look_written(std::string name);
    async::Task<Result<std::optional<std::string>>> get_text_afresh(std::string name);
    // We have just written it, so that a 404 is worth a second question.
    void note_written(std::string name);

    // When get_narinfo() last found that this narinfo is not there; empty also where a proxy may have hidden it, which
    // is to be feared until a few second looks have found nothing either, and once one of them has found something.
    std::optional<async::Clock::TimePoint> found_absent(const std::string& narinfo) const;
    void note_second_look(bool found) {
        if (found)
            second_looks_found_ = true;
        else if (second_looks_left_ > 0)
            --second_looks_left_;
    }

    std::optional<FrontMemory> front_memory() const;
    // What was said last not to be there was forbidden.
    bool was_forbidden() const { return was_forbidden_; }

    // A failure that may quote a file of this cache, without the logins that were sent for it.
    Failure blotted(const Failure& failure) const;

  private:
    // A narinfo may name any address. What is not a file below the cache gets no login of ours.
    http::Request request(http::Method method, const std::string& url) const;
    std::string fresh(const std::string& name);
    bool is_absent(const http::Response& response) const;
    std::function<bool(const http::Response&)> present_or_absent() const;
    async::Task<Result<http::Response>> ask(http::Request request);
    async::Task<Result<http::Response>> get(std::string name);
    bool asks_past_fronts(const std::string& name, const http::Response& absent) const;
    async::Task<Result<std::optional<std::string>>> get_past_fronts(std::string name, http::Response absent);

    // http_look.cpp
    struct LookFor {
        std::optional<std::uint64_t> size; // as stated; another one is not believed at once
        bool beginning = false;            // its first bytes as well
        bool absence = false;              // that it is not there is likely, and HEAD may say so
        bool patiently = true;
    };
    async::Task<Result<FileLook>> look_at(std::string url, LookFor wanted);
    async::Task<std::optional<FileLook>> look_at_head(std::string url, LookFor wanted);
    async::Task<Result<http::Response>> get_beginning(std::string url, async::RetryPolicy policy);

    http::Client& client_;
    async::RetryPolicy policy_;
    const async::Clock& clock_;
    Settings settings_;
    std::optional<http::Url> base_;
    std::shared_ptr<const http::Blotter> logins_sent_;
    std::mt19937_64 random_;
    bool fresh_names_ = false;
    bool tells_by_head_ = false; // it answered one truly
    enum class Ranges { untried, promised, ignored, refused } ranges_ = Ranges::untried;
    std::set<std::string> written_;
    std::unordered_map<std::string, async::Clock::TimePoint> absent_;
    int second_looks_left_ = 3;
    bool second_looks_found_ = false;
    int suspicions_left_ = 4; // how many more 404s are not taken for granted without any sign of a proxy
    FrontMemory memory_;
    bool was_forbidden_ = false;
    int forbidden_narinfos_ = 0; // while there was no other answer
};

} // namespace cachefill::cache
