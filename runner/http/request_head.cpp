#include "http/request_head.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cachefill::http {

namespace {

bool is_token_char(char c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_value_char(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); }

bool is_ours(std::string_view name) {
    return iequals(name, "Content-Length") || iequals(name, "Connection") || iequals(name, "Transfer-Encoding");
}

bool has_header(const Request& request, std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(),
                       [&](const auto& header) { return iequals(header.name, name); });
}

void add(std::string& head, std::string_view name, std::string_view value) {
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
}

} // namespace

Result<void> check_headers(const Request& request) {
    for (const auto& [name, value] : request.headers) {
        bool good_name = !name.empty() && std::all_of(name.begin(), name.end(), is_token_char);
        if (!good_name || is_ours(name))
            return Failure(FailureKind::usage, "a request cannot have a header named '" + sanitize(name) + "'");
        if (!std::all_of(value.begin(), value.end(), is_value_char))
            return Failure(FailureKind::usage, "the header " + name + " has a value with control characters");
    }
    if (request.bearer && !std::all_of(request.bearer->reveal().begin(), request.bearer->reveal().end(), is_value_char))
        return Failure(FailureKind::usage, "the token has control characters, perhaps a newline at its end");
    return {};
}

std::string compose_head(const Request& request, const Url& url, const HeadExtras& extras) {
    std::string head;
    head.reserve(512);
    head += to_string(request.method);
    head += ' ';
    head += extras.absolute_form ? url.to_string() : url.target;
    head += " HTTP/1.1\r\n";
    if (!has_header(request, "Host")) add(head, "Host", url.authority());
    if (!has_header(request, "User-Agent")) add(head, "User-Agent", extras.user_agent);
    if (!extras.authorization.empty()) add(head, "Authorization", extras.authorization);
    if (!extras.proxy_authorization.empty()) add(head, "Proxy-Authorization", extras.proxy_authorization);
    // What goes to a sink is compressed already, or its exact bytes matter.
    if (request.method == Method::get && !request.sink && !has_header(request, "Accept-Encoding"))
        add(head, "Accept-Encoding", "zstd, gzip");
    for (const auto& [name, value] : request.headers) {
        bool secret = iequals(name, "Authorization") || iequals(name, "Cookie");
        if (!(extras.drop_authorization && secret)) add(head, name, value);
    }
    bool may_have_body =
        request.method == Method::put || request.method == Method::post || request.method == Method::patch;
    if (request.body_source)
        add(head, "Transfer-Encoding", "chunked");
    else if (may_have_body || extras.body_size > 0)
        add(head, "Content-Length", std::to_string(extras.body_size));
    head += "\r\n";
    return head;
}

} // namespace cachefill::http
