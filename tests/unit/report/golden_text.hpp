#pragma once

#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <string>

namespace cachefill::test {

// Compares with tests/golden/report/NAME; CACHEFILL_ACCEPT=1 writes the file instead, for a person to review the
// difference.
inline void check_golden(const std::string& name, const std::string& text) {
    if (const char* accept = std::getenv("CACHEFILL_ACCEPT"); accept && std::string(accept) == "1")
        std::ofstream(std::filesystem::path(CACHEFILL_GOLDEN) / "report" / name) << text;
    auto expected = golden("report/" + name);
    BOOST_TEST(text == expected, name << " is now:\n" << text);
}

} // namespace cachefill::test
