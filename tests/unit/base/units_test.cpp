#include "base/units.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <ctime>
#include <limits>

using namespace cachefill;
using namespace std::chrono_literals;
using std::chrono::milliseconds, std::chrono::seconds, std::chrono::sys_seconds;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr auto ten_years = 10LL * 366 * 24 * 3600;

// Local time is that of Berlin while it lives: with a summer, and hours that there are twice and not at all.
struct InBerlin {
    InBerlin() { set("Europe/Berlin"); }
    ~InBerlin() {
        ::unsetenv("TZ");
        ::tzset();
    }
    InBerlin(const InBerlin&) = delete;
    InBerlin& operator=(const InBerlin&) = delete;

  private:
    static void set(const char* zone) {
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
};

constexpr sys_seconds now{seconds(1'790'000'000)}; // September 2026

std::int64_t moment(std::string_view text) {
    auto parsed = parse_moment(text, now);
    return parsed ? parsed->time_since_epoch().count() : -1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(units)

BOOST_AUTO_TEST_CASE(a_size_has_the_largest_unit_of_which_there_is_one) {
    const std::pair<std::uint64_t, std::string_view> table[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1025, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {1'048'524, "1023.9 KiB"}, // what would be rounded to 1024.0 has the next unit
        {1'048'525, "1.0 MiB"},
        {1ULL << 30, "1.0 GiB"},
        {1ULL << 40, "1.0 TiB"},
        {1ULL << 50, "1.0 PiB"},
        {most, "16384.0 PiB"}, // there is no larger unit
    };
    for (auto [bytes, text] : table) BOOST_TEST(human_bytes(bytes) == text);
}

BOOST_AUTO_TEST_CASE(a_time_is_told_as_precisely_as_somebody_cares) {
    const std::pair<milliseconds, std::string_view> table[] = {
        {0ms, "0.0 s"},
        {49ms, "0.0 s"},
        {51ms, "0.1 s"},
        {9'940ms, "9.9 s"},
        {59'949ms, "59.9 s"},
        {59'950ms, "1 min 00 s"},
        {60s, "1 min 00 s"},
        {60'499ms, "1 min 00 s"},
        {60'500ms, "1 min 01 s"},
        {59min + 59s, "59 min 59 s"},
        {59min + 59'500ms, "1 h 00 min"},
        {1h, "1 h 00 min"},
        {1h + 59s, "1 h 00 min"},
        {26h + 5min, "26 h 05 min"},
    };
    for (auto [time, text] : table) BOOST_TEST(human_duration(time) == text, time.count());
}

BOOST_AUTO_TEST_CASE(a_duration_has_each_unit_once_and_the_large_before_the_small) {
    const std::pair<std::string_view, seconds> good[] = {{"0", 0s},
                                                         {"0s", 0s},
                                                         {"007m", 7min},
                                                         {"1d", 24h},
                                                         {"1d2h3m4s", 93784s},
                                                         {"1d4s", 86404s},
                                                         {"90m", 90min},
                                                         {"3660d", seconds(ten_years)},
                                                         {"316224000", seconds(ten_years)}};
    for (auto [text, time] : good) BOOST_TEST((parse_duration(text) == time), text);
    for (const auto* bad : {"s",
                            "1h30",
                            "30s1m",
                            "1m1m",
                            "1H",
                            "1.5h",
                            "1 h",
                            " 1h",
                            "1h ",
                            "+1h",
                            "-1h",
                            "1w",
                            "1hm",
                            "h1",
                            "3661d",
                            "316224001",
                            "87841h",
                            "18446744073709551616s",
                            "18446744073709551615h",
                            "1h\n",
                            "½h"})
        BOOST_TEST(!parse_duration(bad).has_value(), bad);
    BOOST_TEST(!parse_duration(std::string_view("1h\0", 3)).has_value());
}

BOOST_AUTO_TEST_CASE(a_size_is_a_whole_number_that_fits) {
    const std::pair<std::string_view, std::uint64_t> good[] = {{"0", 0},
                                                               {"1", 1},
                                                               {"1k", 1024},
                                                               {"1K", 1024},
                                                               {"1KiB", 1024},
                                                               {"1M", 1 << 20},
                                                               {"3MiB", 3 << 20},
                                                               {"2G", 2ULL << 30},
                                                               {"1T", 1ULL << 40},
                                                               {"18446744073709551615", most},
                                                               {"16777215T", 16777215ULL << 40}};
    for (auto [text, bytes] : good) BOOST_TEST((parse_bytes(text) == bytes), text);
    for (const auto* bad : {"", "B", "iB", "KiB", "1Ki", "1KB", "1kb", "1m", "1g", "1P", "1.5G", "1 K", "-1", "+1",
                            "1K ", "0x10", "16777216T", "18446744073709551616", "18014398509481984K"})
        BOOST_TEST(!parse_bytes(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(a_moment_is_so_long_ago_or_has_a_date) {
    InBerlin zone;
    const std::pair<std::string_view, std::int64_t> table[] = {
        {"0", 1'790'000'000},           // now
        {"2026", 1'790'000'000 - 2026}, // a number alone is one of seconds
        {"2h", 1'790'000'000 - 7200},
        {"3d", 1'790'000'000 - 3 * 86400},
        {"@0", 0},
        {"@1785535200", 1'785'535'200},
        {"@253402300799", 253'402'300'799},
        {"2026-08-01", 1'785'535'200}, // midnight, in summer
        {"2026-08-01 12:30", 1'785'580'200},
        {"2026-08-01T12:30", 1'785'580'200},
        {"2026-08-01 12:30:15", 1'785'580'215},
        {"2026-08-01T12:30:15", 1'785'580'215},
        {"2026-01-01", 1'767'222'000}, // in winter
        {"2024-02-29", 1'709'161'200},
        {"9999-12-31", 253'402'210'800}, // more than the clock can count
    };
    for (auto [text, wanted] : table) BOOST_TEST(moment(text) == wanted, text);
}

BOOST_AUTO_TEST_CASE(what_is_no_moment_is_not_taken_for_another) {
    InBerlin zone;
    for (const auto* text :
         {"", "@", "@-1", "@1h", "@253402300800", "yesterday", "2026-08", "01.08.2026", "2026-13-01", "2026-08-32",
          "2026-08-01 25:00", "2026-08-01 12", "2026-08-01  ", "2026-08-01 12:30 Uhr", "2026-08-01T12:30:15Z", "-2h"})
        BOOST_TEST(moment(text) == -1, text);
    // Days that a month has not got: the calendar must not go on to the next one by itself.
    for (const auto* text : {"2026-02-29", "2026-02-30", "2026-04-31", "2026-06-31 12:00"})
        BOOST_TEST(moment(text) == -1, text);
}

BOOST_AUTO_TEST_SUITE_END()
