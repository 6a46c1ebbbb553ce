#include "app/line_input.hpp"

#include "base/files.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace cachefill::app {

std::optional<LineInput> LineInput::open(const async::Executor& executor) {
    FileDescriptor input(::dup(STDIN_FILENO)); // closed with us
    if (!input.is_open()) return {};
    // Asio makes what it waits for non-blocking, for everybody who shares it, unless it believes that it is so already.
    int flags = ::fcntl(input.get(), F_GETFL);
    async::StreamDescriptor descriptor(executor, input.release());
    boost::system::error_code ignored; // what cannot be waited for
    descriptor.native_non_blocking(true, ignored);
    ::fcntl(descriptor.native_handle(), F_SETFL, flags);
    return LineInput(std::move(descriptor));
}

async::Task<std::optional<std::string>> LineInput::line() {
    for (;;) {
        if (auto end = read_.find('\n'); end != read_.npos) {
            auto line = read_.substr(0, end);
            read_.erase(0, end + 1);
            co_return line;
        }
        auto [error] = co_await input_.async_wait(async::StreamDescriptor::wait_read, async::use_task_tuple);
        // What cannot be waited for, as files, never makes anybody wait.
        if (error && error != async::asio::error::operation_not_supported) co_return std::nullopt;
        std::array<char, 4096> piece{};
        auto count = ::read(input_.native_handle(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count > 0) {
            read_.append(piece.data(), static_cast<std::size_t>(count));
            if (read_.size() < longest || read_.find('\n') != read_.npos) continue;
        }
        if (read_.empty()) co_return std::nullopt;
        co_return std::exchange(read_, {});
    }
}

} // namespace cachefill::app
