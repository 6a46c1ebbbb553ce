#include "desktop/notify.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstring>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace cachefill::desktop {

ServiceManager::ServiceManager(const Environment& environment) : socket_(environment.get_or("NOTIFY_SOCKET")) {
    auto microseconds = parse_u64(environment.get_or("WATCHDOG_USEC"));
    auto process = environment.get_or("WATCHDOG_PID");
    bool is_ours = process.empty() || process == std::to_string(::getpid());
    if (microseconds && *microseconds > 0 && is_ours) // twice as often as asked for
        interval_ = std::chrono::milliseconds(std::max<std::uint64_t>(*microseconds / 2000, 1));
}

void ServiceManager::status(const std::string& text) const {
    auto line = text;
    std::replace(line.begin(), line.end(), '\n', ' ');
    send("STATUS=" + line);
}

void ServiceManager::send(const std::string& message) const {
    struct sockaddr_un address {};
    if (socket_.size() < 2 || socket_.size() >= sizeof(address.sun_path)) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_[0] == '@') address.sun_path[0] = '\0'; // an abstract one
    auto length = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + socket_.size());
    FileDescriptor sender(::socket(AF_UNIX, SOCK_DGRAM, 0));
    if (!sender.is_open()) return;
    // Nobody waits for the manager; a message that does not get through is followed by others.
    static_cast<void>(::sendto(sender.get(), message.data(), message.size(), MSG_DONTWAIT,
                               reinterpret_cast<struct sockaddr*>(&address), length));
}

void run_in_the_background() {
    constexpr int niceness =
        10; // a tenth of what others get: with less, a busy machine would let its Nix daemon time out
    ::setpriority(PRIO_PROCESS, 0, niceness);
#ifdef __linux__
    // Here priorities belong to threads, and the workers are running already.
    constexpr int who_process = 1, class_idle = 3, class_shift = 13; // linux/ioprio.h
    std::error_code error;
    for (std::filesystem::directory_iterator entry("/proc/self/task", error), end; !error && entry != end;
         entry.increment(error)) {
        auto thread = parse_u64(entry->path().filename().string());
        if (!thread) continue;
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(*thread), niceness);
        ::syscall(SYS_ioprio_set, who_process, static_cast<int>(*thread), class_idle << class_shift);
    }
#elif defined(PRIO_DARWIN_PROCESS)
    ::setpriority(PRIO_DARWIN_PROCESS, 0, PRIO_DARWIN_BG);
#endif
}

} // namespace cachefill::desktop
