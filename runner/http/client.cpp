#include "http/client.hpp"

#include "base/text.hpp"
#include "http/dialer.hpp"
#include "http/netrc.hpp"
#include "http/pool.hpp"
#include "http/proxy.hpp"
#include "http/request_head.hpp"
#include "http/retry_after.hpp"
#include "http/status.hpp"

#include <algorithm>
#include <map>

namespace cachefill::http {

namespace {

constexpr int most_redirects = 10;
constexpr std::size_t most_connections = 128; // to one place, when nobody sets a limit
// Between tries of what was refused because there was too much at once.
constexpr std::chrono::milliseconds first_pause{20};
constexpr std::chrono::milliseconds longest_pause{500};
constexpr std::chrono::seconds longest_server_pause{5};

// What a server says that is asked for too much, or whose workers are all taken.
bool is_busy(const Response& response) {
    return response.status == 429 || response.status == 502 || response.status == 503 || response.status == 504;
}

Use use_of(const Request& request) {
    bool reads = request.method == Method::get || request.method == Method::head;
    return reads && !request.sink ? Use::question : Use::transfer;
}

bool is_used_up(const Request& request) { return request.body_source && request.body_source->is_begun(); }

bool may_repeat(Method method) { return method == Method::get || method == Method::head || method == Method::put; }

class RealClient final : public Client {
  public:
    RealClient(async::Executor executor, ClientSettings settings)
        : executor_(executor), proxies_(settings.environment), netrc_files_(std::move(settings.netrc)),
          user_agent_(std::move(settings.user_agent)), connect_timeout_(settings.connect_timeout),
          stall_timeout_(settings.stall_timeout),
          dialer_(executor, std::move(settings.environment), std::move(settings.certificates), user_agent_),
          pool_(executor, settings.connections_per_host > 0 ? settings.connections_per_host : most_connections,
                settings.idle_timeout) {}

    async::Task<Result<Response>> send(Request request) override {
        std::vector<std::string> queries; // of addresses that a server led to, which hold its signatures
        auto response = co_await follow(request, queries);
        Blotter of_address; // of this request only: there is one for each file
        if (!response || !response->is_success()) {
            if (request.is_address_secret) of_address.learn_address(request.url);
            for (const auto& query : queries) of_address.learn_address(query);
        }
        if (response) {
            blot(*response, of_address);
            co_return response;
        }
        auto failure = of_address.clean(response.error());
        auto doing = std::string(to_string(request.method)) + " " + shown_address(request, request.url);
        failure = std::move(failure).with_context(std::move(doing));
        co_return blotter_->clean(failure);
    }

  private:
    // What is data stays as it is.
    void blot(Response& response, const Blotter& of_address) const {
        response.logins_sent = blotter_;
        if (response.is_success()) return;
        response.body = of_address.clean_cut(blotter_->clean_cut(response.body));
        response.effective_url = of_address.clean(blotter_->clean(response.effective_url));
        for (auto& header : response.headers) header.value = of_address.clean(blotter_->clean(header.value));
    }

    // Before anything of it is sent: whoever makes the connection fails with what a proxy answers.
    void learn_logins(const Request& request, const Route& route) {
        if (route.proxy && route.proxy->credentials) blotter_->learn(basic_authorization(*route.proxy->credentials));
        for (const auto& header : request.headers)
            if (is_login(header)) blotter_->learn(header.value);
    }

    // A signature of AWS is good for this one request only, and there are as many as requests.
    static bool is_login(const Header& header) {
        if (iequals(header.name, "Authorization")) return !header.value.starts_with("AWS4-HMAC-SHA256 ");
        return iequals(header.name, "Cookie") || iequals(header.name, "x-amz-security-token") ||
               iequals(header.name, "x-aws-ec2-metadata-token");
    }

    async::Task<Result<Response>> follow(const Request& request, std::vector<std::string>& queries) {
        CO_TRY_VOID(check_headers(request));
        CO_TRY(start, parse_url(request.url));
        if (sends_bearer(request) && is_in_the_open(start))
            co_return Failure(FailureKind::usage,
                              "a token would go to " + start.authority() + " unencrypted, and is not sent")
                .with_hint("give that server an https:// address, or reach it through a tunnel that ends at localhost");
        if (!netrc_) {
            CO_TRY(netrc, Netrc::read(netrc_files_));
            netrc_ = std::move(netrc);
        }
        bool reads = request.method == Method::get || request.method == Method::head;
        Url url = start;
        for (int redirects = 0;; ++redirects) {
            CO_TRY(response, co_await log_in(request, url, start));
            response.effective_url = url.to_string();
            auto location = response.find_header("Location");
            bool follows = request.follow_redirects &&
                           (reads || (request.method == Method::put && response.status != 303)); // 303: "now GET this"
            if (!follows || !is_redirect(response.status) || !location || is_used_up(request)) co_return response;
            if (redirects == most_redirects)
                co_return Failure(FailureKind::protocol, "the server still redirects after " +
                                                             std::to_string(most_redirects) + " times, to " +
                                                             sanitize(redact_url(*location)));
            CO_TRY(next, with_context(resolve_location(url, *location), "following a redirect"));
            if (url.tls && !next.tls)
                co_return Failure(FailureKind::protocol, "the server redirects from https to plain http, to " +
                                                             sanitize(redact_url(next.to_string())) + ": not followed");
            next.credentials.reset(); // a server does not choose what we log in with
            if (is_same_host(next, start) && is_what_was_asked_for(next, start)) next.credentials = start.credentials;
            if (query_of(next) != query_of(start)) queries.emplace_back(query_of(next));
            url = std::move(next);
        }
    }

    // With netrc's login for the host; with the next one, if there are several, where that is refused, and at last with
    // none: a login for something else on that host does not keep us from what is public.
    async::Task<Result<Response>> log_in(const Request& request, const Url& url, const Url& start) {
        CO_TRY(logins, netrc_logins(request, url, start));
        auto count = logins.size() + 1;
        auto first = accepted_logins_[url.host] % count;
        for (std::size_t tried = 0;; ++tried) {
            auto number = (first + tried) % count;
            const Secret* login = number < logins.size() ? &logins[number] : nullptr;
            auto response = co_await hop(request, url, start, login);
            bool is_refused = response && response->status == 401;
            if (is_refused && tried + 1 < count && !is_used_up(request)) continue;
            if (response && !is_refused) accepted_logins_[url.host] = number;
            co_return response;
        }
    }

    // One exchange with the host of `url`, and again where it was only that we crowded it.
    async::Task<Result<Response>> hop(const Request& request, const Url& url, const Url& start, const Secret* login) {
        CO_TRY(proxy, proxies_.find(url));
        auto route = route_to(url, std::move(proxy));
        learn_logins(request, route);
        auto& place = pool_.place(route.key());
        auto pause = first_pause;
        for (int tries = 1;; ++tries) {
            auto turn = co_await place.wait_for_turn(use_of(request));
            // From here on the clock runs: waiting for one's turn is no fault of the server.
            Watch watch(executor_, limits_of(request, place));
            Attempt attempt(request, url, start, route, login, tries);
            auto response = co_await exchange(attempt, place, turn.use(), watch);
            if (!response && !attempt.was_given_up && is_silence(response.error(), watch, turn)) place.note_silence();
            bool again = false;
            if (response)
                again = is_again_after(*response, request, place, turn, tries);
            else if (attempt.was_given_up)
                again = place.given_up(turn, tries);
            else if (attempt.left_no_trace)
                again = place.refused(turn, tries);
            if (response && !is_busy(*response)) place.answered(turn, watch.first_byte_wait(), attempt.keeps_open);
            if (!again || is_used_up(request)) co_return response;
            turn.release();
            co_await async::sleep_for(pause);
            pause = std::min(pause * 2, longest_pause);
        }
    }

    // One try of a request: what it is about, and what else there is to know of how it ended.
    struct Attempt {
        Attempt(const Request& r, const Url& u, const Url& s, const Route& o, const Secret* l, int t)
            : request(r), url(u), start(s), route(o), login(l), tries(t) {}
        const Request& request;
        const Url& url;
        const Url& start;
        const Route& route;
        const Secret* login; // netrc's; null: the request has its own, or none
        int tries;
        bool was_given_up = false;  // by its vigil
        bool keeps_open = false;    // answered, and the connection may be used again
        bool left_no_trace = false; // refused, reset or closed before the server can have done anything that counts
    };

    // On a connection from the pool or a fresh one.
    async::Task<Result<Response>> exchange(Attempt& attempt, Place& place, Use use, Watch& watch) {
        const auto& request = attempt.request;
        // What cannot be sent again goes where the server has not hung up meanwhile.
        for (bool fresh = request.body_source != nullptr;; fresh = true) {
            auto connection = fresh ? nullptr : place.take();
            bool pooled = connection != nullptr;
            std::optional<Vigil> vigil;
            if (!connection) {
                vigil.emplace(executor_, place, use, watch, attempt.tries);
                auto dialed = co_await dialer_.dial(attempt.route, watch);
                if (!dialed) {
                    attempt.was_given_up = vigil->has_given_up();
                    attempt.left_no_trace = is_connection_trouble(dialed.error(), watch);
                    co_return std::move(dialed).error();
                }
                connection = std::move(*dialed);
            }
            std::optional<FileBody> file;
            if (!request.body_file.empty()) {
                CO_TRY(opened, FileBody::open(request.body_file));
                file = std::move(opened);
            }
            auto outgoing = compose(attempt, file);
            BodyTarget target(request);
            auto answer = co_await connection->exchange(outgoing, target, watch);
            attempt.was_given_up = vigil && vigil->has_given_up();
            vigil.reset();
            if (answer) {
                attempt.keeps_open = connection->is_reusable();
                if (attempt.keeps_open) pool_.give_back(place, std::move(connection));
                Response response;
                response.status = answer->status;
                response.headers = std::move(answer->headers);
                response.body = target.take();
                co_return response;
            }
            const auto& traffic = connection->traffic();
            bool without_a_word = traffic.closed_by_peer && traffic.received == 0;
            bool repeats = without_a_word && (may_repeat(request.method) || traffic.sent == 0);
            attempt.left_no_trace = repeats;
            if (!pooled || !repeats) co_return std::move(answer).error();
        }
    }

    // Refused, reset or never answered while the connection was made; not what a certificate or a name is to blame for.
    static bool is_connection_trouble(const Failure& failure, const Watch& watch) {
        auto phase = watch.phase();
        bool connecting = phase == Phase::connect || phase == Phase::tunnel || phase == Phase::tls;
        return connecting && (failure.kind() == FailureKind::network || failure.kind() == FailureKind::timeout);
    }

    static bool is_silence(const Failure& failure, const Watch& watch, const Place::Turn& turn) {
        return turn.use() == Use::question && failure.kind() == FailureKind::timeout &&
               watch.phase() == Phase::first_byte;
    }

    static bool is_again_after(const Response& response, const Request& request, Place& place, const Place::Turn& turn,
                               int tries) {
        if (!is_busy(response)) return false;
        auto pause = find_retry_after(response, std::chrono::system_clock::now()).value_or(std::chrono::seconds(0));
        bool is_question = use_of(request) == Use::question;
        // A longer one is for whoever asks to spend otherwise.
        return pause <= longest_server_pause && place.busy(turn, tries, pause) && is_question;
    }

    Deadlines limits_of(const Request& request, const Place& place) const {
        auto limits = request.deadlines;
        if (place.is_silent() && use_of(request) == Use::question)
            limits.first_byte = std::min(limits.first_byte, limits.first_byte_after_silence);
        if (connect_timeout_.count() > 0) limits.connect = connect_timeout_;
        if (stall_timeout_.count() > 0) limits.stall = stall_timeout_;
        return limits;
    }

    Outgoing compose(const Attempt& attempt, std::optional<FileBody>& file) {
        const auto& request = attempt.request;
        const auto& url = attempt.url;
        const auto& route = attempt.route;
        HeadExtras extras;
        extras.user_agent = user_agent_;
        bool at_home = is_same_host(url, attempt.start) && is_what_was_asked_for(url, attempt.start);
        extras.drop_authorization = !at_home;
        extras.authorization = authorization(request, url, at_home, attempt.login);
        blotter_->learn(extras.authorization);
        extras.absolute_form = route.proxy && !route.proxy->is_socks() && !route.tls;
        if (extras.absolute_form && route.proxy->credentials)
            extras.proxy_authorization = basic_authorization(*route.proxy->credentials);
        Outgoing outgoing;
        if (file) {
            if (!readers_) readers_.emplace(executor_, 1);
            outgoing.file = &*file;
            outgoing.readers = &*readers_;
            extras.body_size = file->size();
        } else if (request.body_source) {
            outgoing.source = request.body_source.get();
        } else if (request.body) {
            outgoing.body = *request.body;
            extras.body_size = request.body->size();
        }
        if (request.method == Method::head) outgoing.expect = ResponseReader::Expect::head_only;
        outgoing.head = compose_head(request, url, extras);
        return outgoing;
    }

    // The last part of the path.
    static std::string_view name_of_file(const Url& url) {
        auto path = std::string_view(url.target).substr(0, url.target.find('?'));
        return path.substr(path.rfind('/') + 1);
    }

    static std::string_view query_of(const Url& url) {
        auto question = url.target.find('?');
        return question == url.target.npos ? std::string_view() : std::string_view(url.target).substr(question);
    }

    // A login is for that. A server that sends us to something else, on its own host or on another one, would have us
    // do there what it chooses, in our name.
    static bool is_what_was_asked_for(const Url& url, const Url& start) {
        return name_of_file(url) == name_of_file(start) && (query_of(url).empty() || query_of(url) == query_of(start));
    }

    static bool sends_bearer(const Request& request) {
        return request.logins != Logins::none && request.bearer && !request.bearer->empty();
    }

    static bool has_own_login(const Request& request, const Url& url) {
        auto is_it = [](const Header& header) { return iequals(header.name, "Authorization"); };
        return sends_bearer(request) || url.credentials ||
               std::any_of(request.headers.begin(), request.headers.end(), is_it);
    }

    Result<std::vector<Secret>> netrc_logins(const Request& request, const Url& url, const Url& start) const {
        bool at_home = is_same_host(url, start);
        if (request.logins == Logins::none) return std::vector<Secret>();
        bool is_told_by_others = !at_home || request.logins == Logins::named;
        if (is_told_by_others && is_in_the_open(url)) return std::vector<Secret>();
        // What is signed already is refused with a second way to log in ("Only one auth mechanism allowed").
        if (request.url.find("X-Amz-Signature=") != std::string::npos) return std::vector<Secret>();
        if (!is_what_was_asked_for(url, start)) return std::vector<Secret>();
        // "default" is for the hosts that we were told to ask, not for those that a narinfo or a redirect leads to:
        // presigned URLs do not work with a login, and need not learn it. Nor is it for everybody on the way; on this
        // machine there is nobody.
        auto use_default = !is_in_the_open(url) && !is_told_by_others ? Netrc::Default::use : Netrc::Default::ignore;
        if (at_home && url.credentials) {
            // "https://kim@host": the password may be known, as it is to curl.
            auto user = url.credentials->reveal();
            if (user.empty() || user.find(':') != std::string_view::npos) return std::vector<Secret>();
            return netrc_->find(url.host, use_default, user);
        }
        if (at_home && has_own_login(request, url)) return std::vector<Secret>();
        return netrc_->find(url.host, use_default);
    }

    static std::string authorization(const Request& request, const Url& url, bool at_home, const Secret* login) {
        if (login) return basic_authorization(*login);
        if (!at_home) return {};
        for (const auto& header : request.headers)
            if (iequals(header.name, "Authorization")) return {};
        if (sends_bearer(request)) return "Bearer " + std::string(request.bearer->reveal());
        return url.credentials ? basic_authorization(*url.credentials) : std::string();
    }

    async::Executor executor_;
    ProxyRules proxies_;
    std::vector<std::filesystem::path> netrc_files_;
    std::optional<Netrc> netrc_;                         // read at the first request
    std::map<std::string, std::size_t> accepted_logins_; // by host: which of netrc's it took last
    std::string user_agent_;
    std::chrono::milliseconds connect_timeout_;
    std::chrono::milliseconds stall_timeout_;
    std::shared_ptr<Blotter> blotter_ = std::make_shared<Blotter>();
    Dialer dialer_;
    Pool pool_;
    std::optional<async::WorkerPool> readers_; // made for the first body that comes from a file
};

} // namespace

std::string_view to_string(Method method) {
    switch (method) {
    case Method::get:
        return "GET";
    case Method::head:
        return "HEAD";
    case Method::put:
        return "PUT";
    case Method::post:
        return "POST";
    case Method::patch:
        return "PATCH";
    case Method::del:
        break;
    }
    return "DELETE";
}

std::optional<std::string_view> Response::find_header(std::string_view name) const {
    for (const auto& header : headers)
        if (iequals(header.name, name)) return std::string_view(header.value);
    return {};
}

std::unique_ptr<Client> make_client(async::Executor executor, ClientSettings settings) {
    return std::make_unique<RealClient>(executor, std::move(settings));
}

} // namespace cachefill::http
