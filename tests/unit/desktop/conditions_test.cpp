#include "base/files.hpp"
#include "desktop/conditions.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>

using namespace cachefill;
using namespace cachefill::desktop;

namespace {

struct Supplies {
    TemporaryDirectory directory = TemporaryDirectory::make("power").value();
    void put(const std::string& supply, const std::string& file, const std::string& text) {
        std::filesystem::create_directories(directory.path() / supply);
        std::ofstream(directory.path() / supply / file, std::ios::trunc) << text << "\n";
    }
    void battery(const std::string& status) {
        put("BAT0", "type", "Battery");
        put("BAT0", "status", status);
    }
    void mains(bool online) {
        put("AC", "type", "Mains");
        put("AC", "online", online ? "1" : "0");
    }
    bool on_battery() const { return is_on_battery(directory.path()); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(conditions, Supplies)

BOOST_AUTO_TEST_CASE(a_laptop_is_on_battery_when_it_discharges_and_nothing_feeds_it) {
    battery("Discharging");
    mains(false);
    BOOST_TEST(on_battery());
    mains(true);
    BOOST_TEST(!on_battery());
    mains(false);
    battery("Charging");
    BOOST_TEST(!on_battery());
}

BOOST_AUTO_TEST_CASE(power_by_usb_counts_as_power) {
    battery("Discharging");
    put("ucsi", "type", "USB");
    put("ucsi", "online", "1");
    BOOST_TEST(!on_battery());
}

BOOST_AUTO_TEST_CASE(a_desktop_is_never_on_battery_whatever_its_mouse_says) {
    BOOST_TEST(!on_battery());
    put("hid-mouse", "type", "Battery");
    put("hid-mouse", "scope", "Device");
    put("hid-mouse", "status", "Discharging");
    BOOST_TEST(!on_battery());
    BOOST_TEST(!is_on_battery(directory.path() / "nowhere"));
}

BOOST_AUTO_TEST_CASE(a_connection_is_metered_when_network_manager_says_or_guesses_so) {
    BOOST_TEST(says_metered("u 1\n"));
    BOOST_TEST(says_metered("u 3\n"));
    for (const auto* answer : {"u 0\n", "u 2\n", "u 4\n", "", "Failed to connect to bus", "s \"1\""})
        BOOST_TEST(!says_metered(answer), answer);
}

BOOST_AUTO_TEST_CASE(the_network_looks_different_when_a_route_comes_and_the_same_when_only_counters_move) {
    auto write = [this](const std::string& text) { std::ofstream(directory.path() / "route") << text; };
    auto look = [this] { return network_fingerprint(directory.path()); };
    write("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n");
    auto none = look();
    write("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
          "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\n");
    auto one = look();
    BOOST_TEST(one != none);
    write("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
          "eth0\t00000000\t0100A8C0\t0003\t2\t99\t100\t00000000\n");
    BOOST_TEST(look() == one);
}

BOOST_AUTO_TEST_SUITE_END()
