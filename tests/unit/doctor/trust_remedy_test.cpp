#include "doctor/trust_remedy.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::doctor;
using nix::SecretKey;

namespace {

using Words = std::vector<std::string>;

struct Machine {
    SecretKey mine = SecretKey::generate("mine-1"), theirs = SecretKey::generate("theirs-1"),
              other = SecretKey::generate("theirs-1");
    MachineBelief belief;
    HelpfulCache cache{.url = "https://c", .keys = {theirs.public_key()}, .strangers = {}, .has_unsigned = false};

    Machine() { believes({text(mine)}); }
    static std::string text(const SecretKey& key) { return key.public_key().to_string(); }
    void believes(const Words& keys) { belief.keys = nix::TrustedKeys(keys); }
    TrustRemedy not_believed() const { return remedy_for_not_believed(belief, {cache}, "editor-1.0"); }
    static bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }
};

} // namespace

BOOST_TEST_SPECIALIZED_COLLECTION_COMPARE(Words)

BOOST_FIXTURE_TEST_SUITE(trust_remedy, Machine)

BOOST_AUTO_TEST_CASE(a_key_that_is_not_trusted_is_named_and_added) {
    belief.words.words = nix::SettingsWords::settings;
    auto remedy = not_believed();
    BOOST_TEST(
        remedy.text ==
        "this machine asks https://c, but does not believe theirs-1, which signed editor-1.0 (it trusts mine-1)");
    BOOST_TEST(remedy.options == (Words{"--option", "extra-trusted-public-keys", text(theirs)}));
    BOOST_TEST(remedy.lines == (Words{"for good, in the host's configuration:",
                                      "nix.settings.trusted-public-keys = [ \"" + text(theirs) + "\" ];"}));
}

BOOST_AUTO_TEST_CASE(a_key_that_nobody_knows_is_asked_for_by_its_name) {
    cache.keys.clear();
    cache.strangers = {"signer-1"};
    auto remedy = not_believed();
    BOOST_TEST(says(remedy.text, "does not believe signer-1, which signed editor-1.0"));
    BOOST_TEST(remedy.options.empty());
    BOOST_TEST(remedy.words == "ask whoever runs https://c for the public key of signer-1, and add it to "
                               "extra-trusted-public-keys");
    BOOST_TEST(remedy.lines.empty());
    believes({});
    BOOST_TEST(says(not_believed().text, "(it trusts no key)"));
}

BOOST_AUTO_TEST_CASE(behind_another_key_of_its_name_a_key_is_not_only_added) {
    believes({text(other), text(mine)});
    auto remedy = not_believed();
    BOOST_TEST(says(remedy.text, "of two of one name Nix takes the first"));
    BOOST_TEST(remedy.options == (Words{"--option", "trusted-public-keys", text(theirs) + " " + text(mine)}));
    BOOST_TEST(remedy.lines.back() == "and take the other key of that name out");
}

BOOST_AUTO_TEST_CASE(beside_what_is_no_key_nothing_else_is_the_matter) {
    believes({"bad:AAAA", text(theirs), text(mine)});
    auto remedy = not_believed();
    BOOST_TEST(says(remedy.text, "one of this machine's trusted-public-keys is none"));
    BOOST_TEST(says(remedy.text, "'bad'"));
    BOOST_TEST(remedy.options == (Words{"--option", "trusted-public-keys", text(theirs) + " " + text(mine)}));
    BOOST_TEST(remedy.words == "take what is no key out of extra-trusted-public-keys");
    BOOST_TEST(remedy.lines.front() == remedy.words);
}

BOOST_AUTO_TEST_CASE(what_nobody_signed_needs_no_key) {
    cache.keys.clear();
    cache.has_unsigned = true;
    auto remedy = not_believed();
    BOOST_TEST(says(remedy.text, "is signed by nobody"));
    BOOST_TEST(remedy.options.empty());
    BOOST_TEST(!remedy.words.empty());
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_not_asked_is_added_with_its_keys) {
    belief.words.words = nix::SettingsWords::home_settings;
    auto remedy = remedy_for_not_asked(belief, {cache}, "editor-1.0");
    BOOST_TEST(remedy.text == "https://c has editor-1.0, but is not among this machine's substituters");
    BOOST_TEST(remedy.options == (Words{"--option", "extra-substituters", "https://c", "--option",
                                        "extra-trusted-public-keys", text(theirs)}));
    BOOST_REQUIRE(remedy.lines.size() == 4U);
    BOOST_TEST(remedy.lines[1] == "nix.settings.extra-substituters = [ \"https://c\" ];");
    BOOST_TEST(says(remedy.lines[3], "trusted-users"));
    believes({text(theirs)});
    BOOST_TEST(remedy_for_not_asked(belief, {cache}, "x").options ==
               (Words{"--option", "extra-substituters", "https://c"}));
}

BOOST_AUTO_TEST_SUITE_END()
