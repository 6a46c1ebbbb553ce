#include "daemon/session.hpp"

#include "base/text.hpp"

#include <array>
#include <cstdio>

namespace cachefill::daemon {

namespace {

constexpr std::uint64_t client_magic = 0x6e697863;
constexpr std::uint64_t daemon_magic = 0x6478696f;
constexpr std::uint64_t our_version = 1U << 8 | 38;
constexpr unsigned oldest_minor = 34;
constexpr std::size_t idle_buffer = 1U << 20; // what a conversation keeps after a large message

std::string hex(std::uint64_t word) {
    std::array<char, 24> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "0x%llx", static_cast<unsigned long long>(word));
    return buffer.data();
}

} // namespace

Session::Session() {
    output_.word(client_magic);
    output_.word(our_version);
}

void Session::request(Request request) {
    output_.encoded(request.bytes);
    request.bytes = {};
    requests_.push_back(std::move(request));
}

std::string Session::take_output() { return output_.take(); }

void Session::receive(std::string_view bytes) {
    if (consumed_ == buffer_.size()) {
        buffer_.clear();
        consumed_ = 0;
        if (buffer_.capacity() > idle_buffer) buffer_.shrink_to_fit();
    } else if (consumed_ > buffer_.size() / 2) {
        buffer_.erase(0, consumed_);
        consumed_ = 0;
    }
    buffer_ += bytes;
}

Result<std::optional<Session::Event>> Session::next() {
    for (;;) {
        auto unread = std::string_view(buffer_).substr(consumed_);
        if (state_ == State::ready && requests_.empty()) return std::optional<Event>();
        if (unread.size() < needed_) return std::optional<Event>();
        needed_ = 0;
        WireReader reader(unread);
        auto event = step(reader);
        if (auto failure = reader.failure()) {
            if (!requests_.empty()) return std::move(*failure).with_context(requests_.front().doing);
            return std::move(*failure);
        }
        if (reader.needed() > 0) {
            needed_ = reader.needed();
            return std::optional<Event>();
        }
        consumed_ += reader.position();
        if (event) return event;
    }
}

std::optional<Session::Event> Session::step(WireReader& reader) {
    switch (state_) {
    case State::greeting:
        read_greeting(reader);
        return {};
    case State::introduction:
        read_introduction(reader);
        return {};
    case State::starting:
    case State::ready:
        break;
    }
    return reply_follows_ ? finish_frames(reader) : read_frame(reader);
}

void Session::read_greeting(WireReader& reader) {
    auto magic = reader.word();
    if (reader.ok() && magic != daemon_magic)
        reader.fail(Failure(FailureKind::protocol, "what answered is not a Nix daemon: it greets with " + hex(magic) +
                                                       " instead of " + hex(daemon_magic)));
    auto version = reader.word();
    if (!reader.ok()) return;
    auto major = version >> 8;
    minor_ = static_cast<unsigned>(version & 0xFF);
    if (major != our_version >> 8 || minor_ < oldest_minor) {
        reader.fail(Failure(FailureKind::store, "the Nix daemon speaks version " + std::to_string(major) + "." +
                                                    std::to_string(minor_) +
                                                    " of the worker protocol; 1.34 (Nix 2.8) is the oldest supported")
                        .with_hint("update Nix to 2.8 or newer and restart its daemon"));
        return;
    }
    minor_ = std::min(minor_, static_cast<unsigned>(our_version & 0xFF));
    if (minor_ >= 38) output_.word(0); // features: none
    output_.word(0);                   // obsolete: CPU affinity
    output_.word(0);                   // obsolete: reserve space
    state_ = State::introduction;
}

void Session::read_introduction(WireReader& reader) {
    if (minor_ >= 38) reader.strings(); // its features; none is agreed on
    auto version = reader.string();
    std::uint64_t trust = minor_ >= 35 ? reader.word() : 0;
    if (!reader.ok()) return;
    nix_version_ = sanitize(version);
    trust_ = trust == 1 ? Trust::trusted : trust == 2 ? Trust::not_trusted : Trust::unknown;
    state_ = State::starting;
}

std::optional<Session::Event> Session::read_frame(WireReader& reader) {
    auto word = reader.word();
    std::optional<LogEvent> event;
    switch (static_cast<FrameKind>(word)) {
    case FrameKind::last:
        if (state_ == State::starting)
            state_ = State::ready;
        else
            reply_follows_ = true;
        return {};
    case FrameKind::error: {
        auto failure = read_error(reader);
        if (!reader.ok()) return {};
        if (state_ == State::starting) {
            reader.fail(std::move(failure).with_context("greeting the Nix daemon"));
            return {};
        }
        return complete(std::move(failure).with_context(requests_.front().doing));
    }
    case FrameKind::next: {
        auto text = reader.string();
        if (reader.ok()) event = activities_.on_next(text);
        break;
    }
    case FrameKind::start_activity: {
        auto frame = read_start_activity(reader);
        if (reader.ok()) event = activities_.on_start(frame);
        break;
    }
    case FrameKind::stop_activity: {
        auto id = reader.word();
        if (reader.ok()) event = activities_.on_stop(id);
        break;
    }
    case FrameKind::result: {
        auto frame = read_result(reader);
        if (reader.ok()) event = activities_.on_result(frame);
        break;
    }
    case FrameKind::write: // data for old clients
        reader.string();
        break;
    case FrameKind::read:
    default:
        reader.fail(Failure(FailureKind::protocol, "the Nix daemon sent a frame of unknown kind " + hex(word)));
    }
    if (!event) return {};
    return Event(std::move(*event));
}

std::optional<Session::Event> Session::finish_frames(WireReader& reader) {
    auto reply = read_reply(requests_.front(), minor_, reader);
    if (!reader.ok()) return {};
    return complete(std::move(reply));
}

Failure Session::cut_off() const {
    if (state_ == State::greeting && buffer_.empty())
        return Failure(FailureKind::store, "the Nix daemon closed the connection without a greeting");
    Failure failure(FailureKind::store, "the Nix daemon closed the connection");
    if (!is_ready()) return std::move(failure).with_context("greeting the Nix daemon");
    if (requests_.empty()) return failure;
    return std::move(failure).with_context(requests_.front().doing);
}

Session::Event Session::complete(Result<Reply> reply) {
    requests_.pop_front();
    reply_follows_ = false;
    if (requests_.empty()) activities_.clear();
    return Completed{std::move(reply)};
}

} // namespace cachefill::daemon
