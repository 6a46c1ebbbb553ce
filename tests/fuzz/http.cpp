// The bytes of an HTTP/1.1 answer: head, interim answers, chunks, content encodings.
//
// The first byte chooses how it was asked for. It makes no difference in which pieces it comes: the same status, fields
// and body, or a failure both times. The body is no longer than it may be. A failure is one of the network or of the
// protocol and steers no terminal. Interim answers are never what is handed on.
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "http/response_reader.hpp"
#include "http/retry_after.hpp"

namespace cachefill::fuzz {

namespace {

constexpr std::uint64_t longest_body = 4096;
constexpr std::size_t wanted_beginning = 10;

struct Heard {
    bool is_good = false;
    std::string told;
};

// The buffer as a connection has it: what was not used comes again, with more behind it.
class Wire {
  public:
    Wire(http::Request request, http::ResponseReader::Expect expect)
        : request_(std::move(request)), target_(request_), reader_(expect, target_) {
        if (request_.sink)
            request_.sink = [this](std::string_view piece) -> Result<void> {
                sunk_ += piece;
                if (sunk_.size() > longest_body) return Failure(FailureKind::protocol, "enough");
                return {};
            };
    }

    bool hear(std::string_view piece) {
        buffer_ += piece;
        auto used = reader_.read(buffer_);
        if (!used) {
            require_told(used.error(), {FailureKind::network, FailureKind::protocol});
            has_failed_ = true;
            return false;
        }
        require(*used <= buffer_.size(), "no more is used than there is");
        buffer_.erase(0, *used);
        return !reader_.is_done() && !target_.has_enough();
    }

    Heard end() {
        if (has_failed_) return {};
        if (!reader_.is_done() && !target_.has_enough()) {
            auto whole = reader_.end_of_stream(true);
            if (!whole) {
                require_told(whole.error(), {FailureKind::network, FailureKind::protocol});
                return {};
            }
        }
        http::Response response;
        response.status = reader_.status();
        response.headers = reader_.take_headers();
        response.body = target_.take();
        require(response.status >= 200, "an interim answer is none");
        require(response.body.size() <= longest_body, "the body is no longer than it may be");
        if (request_.enough) require(response.body.size() <= *request_.enough, "no more is read than is wanted");
        auto pause = http::find_retry_after(response, std::chrono::system_clock::time_point{});
        require(!pause || pause->count() > 0, "who asks to wait asks for some time");
        auto failure = http::status_failure(request_, response);
        require(failure.http_status() == response.status, "a failure tells the status");
        require_harmless(failure.cause());
        auto told = std::to_string(response.status) + "\n";
        for (const auto& header : response.headers) told += header.name + ": " + header.value + "\n";
        return {true, told + response.body + sunk_};
    }

  private:
    http::Request request_;
    http::BodyTarget target_;
    http::ResponseReader reader_;
    std::string buffer_, sunk_;
    bool has_failed_ = false;
};

Heard hear(std::string_view input, unsigned choice, bool at_once) {
    http::Request request(choice % 4 == 1 ? http::Method::head : http::Method::get, "https://cache.example/x");
    request.response_limit = longest_body;
    if (choice % 4 == 2) request.enough = wanted_beginning;
    if (choice % 4 == 3) request.sink = [](std::string_view) -> Result<void> { return {}; };
    Wire wire(std::move(request),
              choice % 4 == 1 ? http::ResponseReader::Expect::head_only : http::ResponseReader::Expect::body);
    if (at_once)
        wire.hear(input);
    else
        in_pieces(input, input.size(), [&](std::string_view piece) { return wire.hear(piece); });
    return wire.end();
}

} // namespace

void http(std::string_view input) {
    if (input.empty()) return;
    unsigned choice = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    auto whole = hear(input, choice, true), in_parts = hear(input, choice, false);
    // Where only the beginning is wanted, whether the rest is broken may be seen or not.
    bool wants_all = choice % 4 != 2;
    require(!wants_all || whole.is_good == in_parts.is_good, "pieces do not decide whether it is an answer");
    if (whole.is_good && in_parts.is_good) require(whole.told == in_parts.told, "pieces make no difference");
}

} // namespace cachefill::fuzz
