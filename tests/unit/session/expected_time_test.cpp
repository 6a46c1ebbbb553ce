#include "base/files.hpp"
#include "session/expected_time.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace std::chrono_literals;
using plan::DerivationKind;
using session::expected_time;
using session::takes_long;

namespace {

struct Scene {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-history-").value();
    std::unique_ptr<session::History> history = session::History::open(directory.path() / "history.sqlite").value();

    static plan::GraphDerivation made(DerivationKind kind, const std::string& name = "firefox-142.0") {
        auto path = nix::StorePath::parse_base_name(std::string(32, '1') + "-" + name + ".drv").value();
        plan::GraphDerivation derivation{.path = path,
                                         .platform = "x86_64-linux",
                                         .kind = kind,
                                         .allow_substitutes = true,
                                         .required_features = {},
                                         .outputs = {},
                                         .inputs = {},
                                         .sources = {}};
        return derivation;
    }
};

constexpr std::array kinds{DerivationKind::local_by_design, DerivationKind::light, DerivationKind::fixed_output,
                           DerivationKind::compile};

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_expected_time, Scene)

BOOST_AUTO_TEST_CASE(without_experience_it_is_a_guess_by_kind) {
    auto last = 0ms;
    for (auto kind : kinds) { // in the order of what they take
        auto guess = expected_time(nullptr, made(kind));
        BOOST_TEST((guess.time > last));
        BOOST_TEST(!guess.measured);
        BOOST_TEST((expected_time(history.get(), made(kind)).time == guess.time));
        last = guess.time;
    }
}

BOOST_AUTO_TEST_CASE(what_was_measured_counts_for_other_versions_and_not_for_other_platforms) {
    history->record("firefox-141.0", "x86_64-linux", 40min);
    BOOST_TEST((expected_time(history.get(), made(DerivationKind::compile)).time == 40min));
    BOOST_TEST((expected_time(nullptr, made(DerivationKind::compile)).time != 40min));
    auto other = made(DerivationKind::compile);
    other.platform = "aarch64-linux";
    BOOST_TEST((expected_time(history.get(), other).time == expected_time(nullptr, other).time));
    BOOST_TEST((expected_time(history.get(), made(DerivationKind::compile, "gcc-14")).time ==
                expected_time(nullptr, made(DerivationKind::compile, "gcc-14")).time));
    BOOST_TEST(expected_time(history.get(), made(DerivationKind::compile)).measured);
    BOOST_TEST(!expected_time(history.get(), other).measured);
}

BOOST_AUTO_TEST_CASE(it_is_never_nothing) {
    history->record("firefox-141.0", "x86_64-linux", 0ms);
    BOOST_TEST((expected_time(history.get(), made(DerivationKind::compile)).time >= 1ms));
}

BOOST_AUTO_TEST_CASE(a_compilation_is_worth_a_word_unless_it_was_measured_to_take_moments) {
    BOOST_TEST(takes_long(nullptr, made(DerivationKind::compile)));
    BOOST_TEST(takes_long(history.get(), made(DerivationKind::compile)));
    history->record("firefox-141.0", "x86_64-linux", 1900ms);
    BOOST_TEST(!takes_long(history.get(), made(DerivationKind::compile)));
    history->record("gcc-13", "x86_64-linux", 2s);
    BOOST_TEST(takes_long(history.get(), made(DerivationKind::compile, "gcc-14")));
    history->record("source-1", "x86_64-linux", 5h);
    for (auto kind : kinds)
        BOOST_TEST(takes_long(history.get(), made(kind, "source-2")) == (kind == DerivationKind::compile));
}

BOOST_AUTO_TEST_SUITE_END()
