#include "base/clock_moment.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(a_moment_of_the_clock)

BOOST_AUTO_TEST_CASE(a_date_that_the_clock_cannot_count_is_none) {
    auto seconds_of = [](int year) -> std::optional<std::int64_t> {
        std::tm parts{};
        parts.tm_year = year - 1900;
        parts.tm_mday = 1;
        auto moment = clock_moment(parts);
        if (!moment) return {};
        return std::chrono::duration_cast<std::chrono::seconds>(moment->time_since_epoch()).count();
    };
    BOOST_TEST((seconds_of(1970) == 0));
    BOOST_TEST((seconds_of(1678) == -9'214'560'000));
    BOOST_TEST((seconds_of(2261) == 9'183'110'400));
    for (int year : {-1, 0, 1, 1677, 2262, 4052, 9999}) BOOST_TEST(!seconds_of(year).has_value(), year);
}

BOOST_AUTO_TEST_CASE(a_moment_in_utc_is_read_with_and_without_a_fraction) {
    const auto moment = std::chrono::system_clock::from_time_t(1'440'938'160);
    BOOST_TEST((parse_utc("2015-08-30T12:36:00Z") == moment));
    BOOST_TEST((parse_utc("2015-08-30T12:36:00.123Z") == moment));
    for (const auto* text :
         {"", "Z", "2015-08-30", "2015-08-30T12:36:00", "soonZ", "2999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"})
        BOOST_TEST(!parse_utc(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
