#include "http/response_reader.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <optional>

namespace cachefill::http {

namespace beast = boost::beast;
using beast::error_code;

namespace {

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// Behind the empty line that ends a head; nothing while that has not come.
std::optional<std::size_t> end_of_head(std::string_view bytes) {
    for (auto feed = bytes.find('\n'); feed != bytes.npos; feed = bytes.find('\n', feed + 1)) {
        auto rest = bytes.substr(feed + 1);
        if (rest.starts_with('\n')) return feed + 2;
        if (rest.starts_with("\r\n")) return feed + 3;
    }
    return {};
}

bool has_blank(std::string_view name) { return name.find_first_of(" \t") != name.npos; }

// The head as the standard has it. curl, and so Nix, does not mind lines that end in a line feed alone, a status
// without the blank behind it, and fields that nobody can have meant; small servers send such things.
std::string tidied(std::string_view head) {
    std::string tidy;
    bool is_first = true;
    for (auto line : split(head, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() && !is_first) break;
        auto colon = line.find(':');
        bool continues = line.starts_with(' ') || line.starts_with('\t');
        if (!is_first && !continues && colon != line.npos && has_blank(line.substr(0, colon))) continue;
        tidy += line;
        if (is_first && std::count(line.begin(), line.end(), ' ') == 1) tidy += ' ';
        tidy += "\r\n";
        is_first = false;
    }
    return tidy + "\r\n";
}

} // namespace

class ResponseReader::Parser final : public beast::http::basic_parser<false> {
  public:
    explicit Parser(BodyTarget& target) : target_(target) {
        header_limit(head_limit);
        body_limit(boost::none); // the target keeps its own
        eager(true);
    }

    int status = 0;
    std::vector<Header> headers;
    std::uint64_t body_size = 0;
    std::optional<Failure> failure; // of the target; the parser itself only knows error codes

    bool is_interim() const { return status >= 100 && status < 200; }

  private:
    void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, error_code&) override {}

    void on_response_impl(int code, beast::string_view, int, error_code& error) override {
        status = code;
        if (code < 100) error = beast::http::error::bad_status; // "020" has three digits, too
    }

    void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error_code&) override {
        auto& header = headers.emplace_back();
        header.name = view(name);
        header.value = view(value);
    }

    void on_header_impl(error_code&) override {}

    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& error) override {
        if (is_interim()) return;
        std::optional<std::uint64_t> known;
        if (length) known = *length;
        keep(target_.begin(status, headers, known), error);
    }

    std::size_t on_body_impl(beast::string_view body, error_code& error) override {
        body_size += body.size();
        keep(target_.write(view(body)), error);
        return body.size();
    }

    void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}

    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code& error) override {
        return on_body_impl(body, error);
    }

    void on_finish_impl(error_code& error) override {
        if (!is_interim()) keep(target_.finish(), error);
    }

    void keep(Result<void> result, error_code& error) {
        if (result) return;
        failure = std::move(result).error();
        error = boost::system::errc::make_error_code(boost::system::errc::operation_canceled);
    }

    BodyTarget& target_;
};

ResponseReader::ResponseReader(Expect expect, BodyTarget& body)
    : expect_(expect), body_(body), parser_(std::make_unique<Parser>(body)) {
    parser_->skip(expect == Expect::head_only);
}

ResponseReader::~ResponseReader() = default;

Result<std::size_t> ResponseReader::read(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !parser_->is_done()) {
        error_code error;
        auto rest = bytes.substr(used);
        if (!parser_->is_header_done()) {
            auto end = end_of_head(rest);
            if (end.value_or(rest.size()) > head_limit)
                return Failure(FailureKind::protocol,
                               "the head of the answer is longer than the " + human_bytes(head_limit) + " it may have");
            if (!std::string_view("HTTP/").starts_with(rest.substr(0, 5)))
                // Whoever that was, it was not the server: as with a connection that breaks, the next one may be.
                return Failure(FailureKind::network, "the answer is not HTTP/1.1: bad version");
            if (!end) return used;
            auto head = tidied(rest.substr(0, *end));
            parser_->put(boost::asio::const_buffer(head.data(), head.size()), error);
            used += *end;
            if (error == beast::http::error::need_more) error = {}; // the body
        } else {
            used += parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
        }
        if (parser_->failure) return std::move(*parser_->failure);
        if (error == beast::http::error::need_more) return used;
        if (error) return Failure(FailureKind::protocol, "the answer is not HTTP/1.1: " + error.message());
        if (parser_->is_done() && parser_->status == 101)
            return Failure(FailureKind::protocol, "the server switched protocols although it was not asked to");
        if (parser_->is_done() && parser_->is_interim()) {
            parser_ = std::make_unique<Parser>(body_);
            parser_->skip(expect_ == Expect::head_only);
        }
    }
    return used;
}

Result<void> ResponseReader::end_of_stream(bool cleanly) {
    closed_ = true;
    if (parser_->is_done()) return {};
    auto cut_off = [](const std::string& what) {
        return Failure(FailureKind::network, "the connection was closed " + what);
    };
    if (!parser_->is_header_done()) return cut_off("in the head of the answer");
    if (auto length = parser_->content_length())
        return cut_off("after " + std::to_string(parser_->body_size) + " of the answer's " + std::to_string(*length) +
                       " bytes");
    error_code error;
    parser_->put_eof(error);
    if (parser_->failure) return std::move(*parser_->failure);
    if (error || !cleanly)
        return cut_off("after " + std::to_string(parser_->body_size) + " bytes of an answer that was not whole");
    return {};
}

bool ResponseReader::is_done() const { return parser_->is_done(); }
bool ResponseReader::keeps_alive() const { return !closed_ && parser_->is_done() && parser_->keep_alive(); }
int ResponseReader::status() const { return parser_->status; }
std::vector<Header> ResponseReader::take_headers() { return std::move(parser_->headers); }

} // namespace cachefill::http
