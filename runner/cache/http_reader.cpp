#include "cache/http_reader.hpp"

#include "async/retry.hpp"
#include "base/text.hpp"
#include "cache/front_memory.hpp"
#include "cache/nar_checker.hpp"
#include "cache/narinfo_record.hpp"

namespace cachefill::cache {

namespace {

// A narinfo of 10 000 references has about 600 KiB.
constexpr std::uint64_t longest_text = 16ULL << 20;
// An object store whose lists are closed answers so about what it lacks, too: about so many only if it has nothing.
constexpr int telling_refusals = 25;

// What a proxy takes for another file, and a server of files for the same one.
constexpr std::string_view fresh_parameter = "?cachefill=";

// Those of servers that make narinfos: what a file is called there. Any other one could ask for something to be done.
bool is_harmless(std::string_view query) {
    auto is_named = [query](std::string_view start, std::string_view characters) {
        return query.starts_with(start) && query.find_first_not_of(characters, start.size()) == query.npos;
    };
    constexpr std::string_view digits = "0123456789";
    return query.empty() || is_named(fresh_parameter, digits) ||
           is_named("?hash=", "0123456789abcdfghijklmnpqrsvwxyz"); // harmonia
}

// What is left of `url` below the directory `base`, "/" first, if a server with that login can mean nothing but a file
// there: no dots that it might undo after us.
std::optional<std::string> find_below(const http::Url& base, const http::Url& url) {
    if (url.tls != base.tls || url.host != base.host || url.port != base.port || url.credentials) return {};
    std::string_view directory = base.target, target = url.target;
    while (directory.ends_with('/')) directory.remove_suffix(1);
    auto question = std::min(target.find('?'), target.size());
    auto path = target.substr(0, question);
    if (!path.starts_with(directory) || !path.substr(directory.size()).starts_with('/')) return {};
    auto lower = to_lower(path);
    for (const auto* escape : {"%2e", "%2f", "%5c", "%25"})
        if (lower.find(escape) != lower.npos) return {};
    if (!is_harmless(target.substr(question))) return {};
    return std::string(target.substr(directory.size()));
}

} // namespace

http::Request HttpReader::request(http::Method method, const std::string& url) const {
    bool is_absolute = url.starts_with("http://") || url.starts_with("https://");
    http::Request request(method, is_absolute ? url : settings_.base + "/" + url);
    request.response_limit = longest_text;
    auto asked = http::parse_url(request.url);
    if (asked && !is_absolute) asked->credentials.reset(); // the cache's own
    auto below = asked && base_ ? find_below(*base_, *asked) : std::nullopt;
    if (below) {
        request.url = settings_.base + *below;
        request.bearer = settings_.bearer;
        request.logins = settings_.logins;
        return request;
    }
    if (asked && !is_absolute) request.url = asked->to_string();
    request.logins = http::Logins::none;
    return request;
}

std::string HttpReader::fresh(const std::string& name) {
    if (settings_.fronts == Settings::Fronts::ignore) return name;
    return name + std::string(fresh_parameter) + std::to_string(random_());
}

bool is_file(const http::Response& response) {
    return response.status == 200 || response.status == 201 || response.status == 206;
}

bool is_empty_handed(const http::Response& response) { return response.status == 204 || response.status == 205; }

bool HttpReader::is_absent(const http::Response& response) const {
    return response.status == 404 || response.status == 410 ||
           (response.status == 403 && settings_.forbidden_is_absent);
}

std::function<bool(const http::Response&)> HttpReader::present_or_absent() const {
    return [this](const http::Response& response) { return is_file(response) || is_absent(response); };
}

async::Task<Result<http::Response>> HttpReader::get(std::string name) {
    auto get = request(http::Method::get, name);
    auto once_more = get;
    auto response = co_await http::send_with_retry(client_, std::move(get), policy_, present_or_absent());
    // What was garbled on its way is so for a moment.
    bool is_garbled =
        !response && response.error().kind() == FailureKind::protocol && response.error().http_status() == 0;
    if (is_garbled)
        response = co_await http::send_with_retry(client_, std::move(once_more), policy_, present_or_absent());
    if (response) logins_sent_ = response->logins_sent;
    co_return response;
}

Failure HttpReader::blotted(const Failure& failure) const {
    return logins_sent_ ? logins_sent_->clean(failure) : failure;
}

async::Task<Result<std::optional<std::string>>> HttpReader::get_text(std::string name) {
    CO_TRY(response, co_await get(name));
    if (!is_absent(response)) co_return std::optional<std::string>(std::move(response.body));
    was_forbidden_ = response.status == 403;
    if (asks_past_fronts(name, response)) co_return co_await get_past_fronts(std::move(name), std::move(response));
    co_return std::optional<std::string>();
}

async::Task<Result<std::optional<std::string>>> HttpReader::get_text_afresh(std::string name) {
    CO_TRY(response, co_await get(fresh(name)));
    if (is_absent(response)) co_return std::optional<std::string>();
    co_return std::optional<std::string>(std::move(response.body));
}

bool HttpReader::asks_past_fronts(const std::string& name, const http::Response& absent) const {
    if (settings_.fronts == Settings::Fronts::ignore || absent.status == 403) return false;
    return memory_.files > 0 || suspicions_left_ > 0 || written_.contains(name) || is_remembered(absent);
}

// Whoever asked for a file before it was there has made a proxy remember that it is not.
async::Task<Result<std::optional<std::string>>> HttpReader::get_past_fronts(std::string name, http::Response absent) {
    if (suspicions_left_ > 0) --suspicions_left_;
    auto text = co_await get_text_afresh(std::move(name));
    // Servers may not like such names, and the first answer stands.
    if (!text || !*text) co_return std::optional<std::string>();
    note(memory_, absent);
    if (settings_.fronts == Settings::Fronts::find) co_return std::optional<std::string>();
    co_return text;
}

void HttpReader::note_written(std::string name) {
    absent_.erase(name);
    written_.insert(std::move(name));
}

std::optional<async::Clock::TimePoint> HttpReader::found_absent(const std::string& narinfo) const {
    auto found = absent_.find(narinfo);
    bool may_be_hidden = memory_.files > 0 || second_looks_left_ > 0 || second_looks_found_;
    if (found == absent_.end() || may_be_hidden) return {};
    return found->second;
}

std::optional<FrontMemory> HttpReader::front_memory() const {
    if (memory_.files == 0) return {};
    return memory_;
}

async::Task<Result<std::optional<nix::NarInfo>>> HttpReader::get_narinfo(nix::StorePath path) {
    CO_TRY(text, co_await get_text(narinfo_name(path)));
    bool is_forbidden = !text && was_forbidden_;
    if (!is_forbidden) settings_.tells_forbidden = false; // it is one that says so of what it lacks
    if (is_forbidden && settings_.tells_forbidden && ++forbidden_narinfos_ == telling_refusals) {
        settings_.tells_forbidden = false;
        co_return Failure(FailureKind::protocol, settings_.name + " answers 403 (Forbidden) to each of the first " +
                                                     std::to_string(telling_refusals) +
                                                     " questions about paths, as one does that wants a login or blocks "
                                                     "this address; what it answers so counts as absent");
    }
    if (!text) {
        absent_.insert_or_assign(narinfo_name(path), clock_.now());
        co_return std::optional<nix::NarInfo>();
    }
    auto info = read_narinfo(*text, path, settings_.name);
    if (!info && !looks_like_html(*text)) { // as above
        CO_TRY(again, co_await get_text(narinfo_name(path)));
        if (again) info = read_narinfo(*again, path, settings_.name);
    }
    if (!info) co_return blotted(info.error());
    co_return std::optional<nix::NarInfo>(*std::move(info));
}

async::Task<Result<NarRemarks>> HttpReader::check_nar(nix::NarInfo info, std::string* kept) {
    auto attempt = [&]() -> async::Task<Result<NarRemarks>> {
        NarChecker checker(info, kept);
        auto get = request(http::Method::get, info.url);
        get.sink = [&checker](std::string_view bytes) { return checker.write(bytes); };
        get.deadlines.total = std::chrono::hours(6); // any size; `stall` is what ends a dead connection
        auto shown = request(http::Method::get, info.url);
        CO_TRY(response, co_await client_.send(std::move(get)));
        if (!is_file(response)) co_return http::status_failure(shown, response);
        CO_TRY(remarks, checker.finish());
        if (says_encoding(response) && may_be_undone_twice(info)) remarks.push_back(NarRemark::twice_encoded);
        co_return remarks;
    };
    auto checked = co_await async::with_retry(policy_, random_, attempt);
    if (!checked)
        co_return std::move(checked).error().with_context("checking the NAR of " + info.path.to_string() + " in " +
                                                          settings_.name);
    co_return checked;
}

async::Task<Result<std::string>> HttpReader::read_nar(nix::NarInfo info) {
    std::string nar;
    CO_TRY_VOID(co_await check_nar(std::move(info), &nar));
    co_return nar;
}

} // namespace cachefill::cache
