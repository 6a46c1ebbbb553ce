#pragma once

#include "async/retry_policy.hpp"
#include "cache/credentials.hpp"
#include "cache/file_stream.hpp"
#include "cache/http_reader.hpp"
#include "cache/put_answer.hpp"

#include <random>

namespace cachefill::cache {

// Uploads to one plain cache by PUT. What is there already is found out as its readers would, but past whatever
// remembers answers on the way.
class HttpWriter {
  public:
    // All outlive it but the token.
    HttpWriter(http::Client& client, async::RetryPolicy policy, const CacheUri& uri, const Credentials& credentials,
               HttpReader& reader, StreamWay streams)
        : client_(client), policy_(policy), uri_(uri), bearer_(credentials.bearer), logins_(credentials.logins),
          reader_(reader), random_(std::random_device{}()), streams_(std::move(streams)) {}

    const std::string& cache_name() const { return uri_.name; }

    // Whether a file may be sent without its length and under another name than Nix's: until we learn better.
    bool takes_stream(std::uint64_t nar_size, std::size_t first_piece) const {
        return takes_streams_ && nar_size >= streams_.least_nar && first_piece >= streams_.least_piece;
    }
    std::unique_ptr<FileStream> begin_stream(async::Executor executor, http::Request put) const;
    void note_no_streams() { takes_streams_ = false; }
    void note_whole_stream() { broken_streams_ = 0; }
    // One may be anybody's fault.
    void note_broken_stream() {
        if (++broken_streams_ > most_broken_streams) takes_streams_ = false;
    }

    http::Request put(const std::string& name, std::string_view content_type) const;
    // A file that may be replaced. Tried as long as that can help.
    async::Task<Result<void>> send(http::Request request);
    // A file whose name says what is in it. A large one is not sent if it is there with that size; a small one is sent
    // on the condition that there is none.
    async::Task<Result<void>> put_once(http::Request request, std::string name, std::uint64_t size);
    // The same of one that may be there and not be what it should.
    async::Task<Result<void>> put_again(http::Request request, std::string name, std::uint64_t size);
    // The narinfo, unless there is one. A try whose answer was lost may have worked, so every further one looks first.
    // `looked`: that there was none a moment ago.
    async::Task<Result<PublishOutcome>> put_narinfo(std::string name, std::string text, bool looked);
    // In the place of the one there is.
    async::Task<Result<void>> replace_narinfo(std::string name, std::string text);
    // The cache-info of a cache that shows none yet; and whether what was written can be read, which is a Failure of
    // kind auth if not.
    async::Task<Result<void>> put_cache_info(std::string name, std::string text);

  private:
    async::Task<Result<http::Response>> try_put(http::Request request, bool conditional);
    async::Task<Result<bool>> send_if_new(http::Request request);
    async::Task<Result<void>> look_whether_kept(Failure unsure, http::Request sent);
    async::Task<Result<void>> settle_conflict(Failure failure, std::string name, std::uint64_t size);
    async::Task<Result<PublishOutcome>> try_narinfo(const std::string& name,
                                                    const std::shared_ptr<const std::string>& body);
    async::Task<Result<void>> check_readable(std::string name);
    async::Task<Result<void>> check_first_narinfo(std::string name);
    async::Task<Failure> explain_no_uploads(Failure failure);
    Failure unreadable(const std::string& name, const std::string& answer) const;

    http::Client& client_;
    async::RetryPolicy policy_;
    const CacheUri& uri_;
    std::optional<Secret> bearer_;
    http::Logins logins_;
    HttpReader& reader_;
    std::mt19937_64 random_;
    bool knows_conditions_ = true; // If-None-Match
    bool was_read_back_ = false;
    static constexpr int most_broken_streams = 2; // one after the other
    int broken_streams_ = 0;
    bool takes_streams_ = true;
    StreamWay streams_;
};

} // namespace cachefill::cache
