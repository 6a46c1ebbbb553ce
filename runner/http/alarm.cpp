#include "http/alarm.hpp"

namespace cachefill::http {

struct Alarm::State {
    State(async::Executor executor, std::function<void()> c) : timer(executor), call(std::move(c)) {}

    async::SteadyTimer timer;
    std::function<void()> call;
    std::uint64_t setting = 0; // a handler that belongs to another one is outdated
    bool is_set = false;
};

Alarm::Alarm(async::Executor executor, std::function<void()> call)
    : state_(std::make_shared<State>(executor, std::move(call))) {}

Alarm::~Alarm() {
    ++state_->setting;
    state_->timer.cancel();
}

void Alarm::set(TimePoint when) {
    state_->is_set = true;
    auto setting = ++state_->setting;
    state_->timer.expires_at(when);
    auto ring = [state = state_, setting](boost::system::error_code error) {
        if (error || setting != state->setting) return;
        state->is_set = false;
        state->call();
    };
    state_->timer.async_wait(std::move(ring));
}

bool Alarm::is_set() const { return state_->is_set; }

} // namespace cachefill::http
