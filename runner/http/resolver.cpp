#include "http/resolver.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <list>
#include <mutex>
#include <netdb.h>
#include <sys/socket.h>
#include <thread>

namespace cachefill::http {

namespace asio = async::asio;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

// getaddrinfo does not tell how long an answer holds. Caches behind content delivery networks move within minutes, and
// a run may take hours.
constexpr auto lifetime = 5min;

Addresses known_without_asking(const std::string& host) {
    if (host == "localhost" || host.ends_with(".localhost")) // RFC 6761
        return {asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
    boost::system::error_code error;
    auto address = asio::ip::make_address(host, error);
    if (error) return {};
    return {address};
}

} // namespace

Result<Addresses> look_up(const std::string& host) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    if (int error = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found)) {
        // "No such name" is an answer, and the next try gets the same one; the rest is trouble on the way to an answer.
        auto kind = error == EAI_NONAME ? FailureKind::not_found : FailureKind::network;
        return Failure(kind, "cannot look up the name " + host + ": " + ::gai_strerror(error));
    }
    Addresses addresses;
    for (auto* entry = found; entry; entry = entry->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (entry->ai_addrlen > endpoint.capacity()) continue;
        std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
        addresses.push_back(endpoint.address());
    }
    ::freeaddrinfo(found);
    if (addresses.empty()) return Failure(FailureKind::network, "the name " + host + " has no address");
    return addresses;
}

struct Resolver::Entry {
    bool pending = true;
    std::optional<Result<Addresses>> result;
    Clock::time_point expires;
    std::list<async::SteadyTimer*> timers; // of those who wait
};

// One who waits, on the list for as long as that takes, also when it ends by cancellation.
struct Resolver::Waiting {
    Waiting(async::Executor executor, Clock::time_point deadline, std::list<async::SteadyTimer*>& list)
        : timer(executor, deadline), timers(list), spot(list.insert(list.end(), &timer)) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { timers.erase(spot); }

    async::SteadyTimer timer;
    std::list<async::SteadyTimer*>& timers;
    std::list<async::SteadyTimer*>::iterator spot;
};

// Where threads leave their results, if the resolver is still there.
struct Resolver::Mailbox {
    std::mutex mutex;
    Resolver* resolver = nullptr;
};

Resolver::Resolver(async::Executor executor, LookUp look_up)
    : executor_(executor), look_up_(std::move(look_up)), mailbox_(std::make_shared<Mailbox>()) {
    mailbox_->resolver = this;
}

Resolver::~Resolver() {
    std::lock_guard lock(mailbox_->mutex);
    mailbox_->resolver = nullptr;
}

async::Task<Result<std::optional<Addresses>>> Resolver::resolve(std::string host, Clock::time_point deadline) {
    if (auto known = known_without_asking(host); !known.empty()) co_return std::optional<Addresses>(std::move(known));
    auto place = entries_.find(host);
    if (place != entries_.end() && !place->second->pending && Clock::now() >= place->second->expires) {
        entries_.erase(place);
        place = entries_.end();
    }
    if (place == entries_.end()) {
        place = entries_.emplace(host, std::make_shared<Entry>()).first;
        start(host);
    }
    auto entry = place->second;
    if (entry->pending) {
        Waiting waiting(executor_, deadline, entry->timers);
        co_await waiting.timer.async_wait(async::use_task_tuple);
        auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
    }
    if (entry->pending) co_return std::optional<Addresses>();
    if (!*entry->result) co_return entry->result->error();
    co_return std::optional<Addresses>(entry->result->value());
}

void Resolver::start(const std::string& host) {
    auto work = [host, look_up = look_up_, mailbox = mailbox_] {
        auto result = look_up(host);
        std::lock_guard lock(mailbox->mutex);
        if (!mailbox->resolver) return; // and perhaps the loop is gone, too
        auto deliver = [host, mailbox, result = std::move(result)]() mutable {
            if (mailbox->resolver) mailbox->resolver->finish(host, std::move(result));
        };
        asio::post(mailbox->resolver->executor_, std::move(deliver));
    };
    std::thread(std::move(work)).detach();
}

void Resolver::finish(const std::string& host, Result<Addresses> result) {
    auto place = entries_.find(host);
    if (place == entries_.end()) return;
    auto entry = place->second;
    entry->pending = false;
    entry->result = std::move(result);
    entry->expires = Clock::now() + lifetime;
    if (!*entry->result) entries_.erase(place); // only those who wait now hear of a failure
    for (auto* timer : entry->timers) timer->cancel();
}

void Resolver::prefer(const std::string& host, const asio::ip::address& address) {
    auto place = entries_.find(host);
    if (place == entries_.end() || place->second->pending) return;
    auto& addresses = place->second->result->value();
    auto found = std::find(addresses.begin(), addresses.end(), address);
    if (found != addresses.end()) std::rotate(addresses.begin(), found, found + 1);
}

void Resolver::forget(const std::string& host) {
    auto place = entries_.find(host);
    if (place != entries_.end() && !place->second->pending) entries_.erase(place);
}

} // namespace cachefill::http
