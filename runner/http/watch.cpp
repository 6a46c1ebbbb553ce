#include "http/watch.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

#include <algorithm>

namespace cachefill::http {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Shared with the timer's handler, which may already be queued when the Watch goes away.
struct Watch::State {
    State(async::Executor executor, const Deadlines& d) : timer(executor), deadlines(d), end(Clock::now() + d.total) {}

    milliseconds limit_of_phase() const {
        switch (phase) {
        case Phase::resolve:
            return deadlines.resolve;
        case Phase::connect:
        case Phase::tunnel:
        case Phase::tls:
            return deadlines.connect;
        case Phase::first_byte:
            return deadlines.first_byte;
        case Phase::send:
        case Phase::receive:
            break;
        }
        return deadlines.stall;
    }

    void close_socket() {
        expired = true;
        boost::system::error_code ignored; // closing is all that is left to do
        if (socket) socket->close(ignored);
    }

    static void arm(const std::shared_ptr<State>& state) {
        state->timer.expires_at(state->deadline);
        state->timer.async_wait([state](boost::system::error_code error) {
            if (error || !state->socket) return;
            if (Clock::now() < state->deadline)
                arm(state);
            else
                state->close_socket();
        });
    }

    async::SteadyTimer timer;
    Deadlines deadlines;
    Clock::time_point end;
    Clock::time_point deadline = Clock::time_point::max();
    milliseconds limit{0};
    Phase phase = Phase::resolve;
    Clock::time_point entered;
    Clock::duration first_byte_wait{};
    TcpSocket* socket = nullptr;
    bool expired = false;
};

Watch::Watch(async::Executor executor, const Deadlines& deadlines)
    : state_(std::make_shared<State>(executor, deadlines)) {}

Watch::~Watch() { guard(nullptr); }

const Deadlines& Watch::deadlines() const { return state_->deadlines; }

void Watch::guard(TcpSocket* socket) {
    if (state_->socket == socket) return;
    state_->socket = socket;
    state_->timer.cancel();
    if (socket) State::arm(state_);
}

void Watch::enter(Phase phase, milliseconds limit) {
    auto& state = *state_;
    auto now = Clock::now();
    if (state.phase == Phase::first_byte) state.first_byte_wait = now - state.entered;
    state.entered = now;
    state.phase = phase;
    state.limit = std::min(limit, state.limit_of_phase());
    auto armed_for = state.timer.expiry();
    state.deadline = std::min(now + state.limit, state.end);
    if (phase == Phase::connect) state.expired = false; // another address, another socket
    if (state.socket && state.deadline < armed_for) State::arm(state_);
}

void Watch::progress() {
    auto& state = *state_;
    if (state.expired) return;
    state.deadline = std::min(Clock::now() + state.limit, state.end);
    // Only after a pause(), as long as there was nothing to wait for.
    if (state.socket && state.deadline < state.timer.expiry()) State::arm(state_);
}

void Watch::pause() {
    auto& state = *state_;
    if (!state.expired) state.deadline = state.end;
}

void Watch::give_up() {
    auto& state = *state_;
    state.limit = std::chrono::ceil<milliseconds>(Clock::now() - state.entered);
    state.close_socket();
}

Clock::time_point Watch::deadline() const { return state_->deadline; }
bool Watch::is_expired() const { return state_->expired; }
bool Watch::is_over() const { return Clock::now() >= state_->end; }
Phase Watch::phase() const { return state_->phase; }
Clock::duration Watch::first_byte_wait() const { return state_->first_byte_wait; }

Failure Watch::failure(const std::string& host) const {
    const auto& state = *state_;
    auto took_longer = " took longer than ";
    std::string what;
    if (is_over()) {
        what = "the exchange with " + host + took_longer + human_duration(state.deadlines.total);
        return Failure(FailureKind::timeout, what);
    }
    switch (state.phase) {
    case Phase::resolve:
        what = "looking up the name " + host + took_longer;
        break;
    case Phase::connect:
        what = "connecting to " + host + took_longer;
        break;
    case Phase::tunnel:
        what = host + " did not connect within ";
        break;
    case Phase::tls:
        what = "the TLS handshake with " + host + took_longer;
        break;
    case Phase::first_byte:
        what = host + " did not begin to answer within ";
        break;
    case Phase::send:
        what = host + " took no byte of the request for ";
        break;
    case Phase::receive:
        what = host + " sent no byte of its answer for ";
        break;
    }
    return Failure(FailureKind::timeout, what + human_duration(state.limit));
}

} // namespace cachefill::http
