#include "base/files.hpp"
#include "desktop/notify.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace cachefill;
using desktop::ServiceManager;
using namespace std::chrono_literals;

namespace {

// The other end of a service's socket.
struct Manager {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-notify-").value();
    std::string place = (directory.path() / "socket").string();
    FileDescriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)};

    Manager() {
        struct sockaddr_un address {};
        address.sun_family = AF_UNIX;
        place.copy(address.sun_path, sizeof address.sun_path - 1);
        BOOST_REQUIRE(::bind(socket.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address) == 0);
    }
    // What has arrived; empty: nothing.
    std::string heard() const {
        std::array<char, 512> bytes{};
        auto count = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
        return count < 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(count));
    }
    Environment environment(std::map<std::string, std::string> more = {}) const {
        more.emplace("NOTIFY_SOCKET", place);
        return Environment(std::move(more));
    }
};

std::optional<std::chrono::milliseconds> interval(std::map<std::string, std::string> variables) {
    return ServiceManager(Environment(std::move(variables))).interval();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(desktop_notify, Manager)

BOOST_AUTO_TEST_CASE(the_manager_hears_how_we_are) {
    ServiceManager manager(environment());
    manager.ready();
    BOOST_TEST(heard() == "READY=1");
    manager.alive();
    BOOST_TEST(heard() == "WATCHDOG=1");
    manager.status("3 paths\nwait");
    BOOST_TEST(heard() == "STATUS=3 paths wait"); // one line is one message
    manager.stopping();
    BOOST_TEST(heard() == "STOPPING=1");
    BOOST_TEST(heard() == "");
}

BOOST_AUTO_TEST_CASE(where_nobody_listens_nothing_happens) {
    ServiceManager(Environment()).ready();
    for (const auto& nowhere : {std::string("/nowhere/socket"), std::string(200, 'x')}) {
        Environment environment;
        environment.set("NOTIFY_SOCKET", nowhere);
        ServiceManager(environment).ready();
    }
    BOOST_TEST(heard() == "");
}

BOOST_AUTO_TEST_CASE(who_is_watched_says_so_twice_as_often_as_asked_for) {
    BOOST_TEST((interval({{"WATCHDOG_USEC", "30000000"}}) == 15s));
    BOOST_TEST((interval({{"WATCHDOG_USEC", "1"}}) == 1ms));
    auto ours = std::to_string(::getpid());
    BOOST_TEST((interval({{"WATCHDOG_USEC", "2000000"}, {"WATCHDOG_PID", ours}}) == 1s));
    BOOST_TEST(
        !interval({{"WATCHDOG_USEC", "2000000"}, {"WATCHDOG_PID", ours + "0"}}).has_value()); // meant for another
    for (const auto* text : {"", "0", "-1", "soon"}) BOOST_TEST(!interval({{"WATCHDOG_USEC", text}}).has_value(), text);
    BOOST_TEST(!interval({}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
