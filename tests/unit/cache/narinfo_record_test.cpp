#include "cache/cache_uri.hpp"
#include "cache/narinfo_record.hpp"
#include "nix/realisation.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

nix::StorePath path(const std::string& name) {
    return nix::StorePath::parse_base_name(std::string(32, '1') + "-" + name).value();
}
const std::string hash = "sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa";

std::string narinfo_of(const std::string& name) {
    return "StorePath: " + path(name).to_string() + "\nURL: nar/x.nar.xz\nCompression: xz\nFileHash: " + hash +
           "\nFileSize: 9\nNarHash: " + hash + "\nNarSize: 20\nReferences: \nSig: old-1:AAAA\n";
}
nix::NarInfo parsed(const std::string& name) { return nix::NarInfo::parse(narinfo_of(name)).value(); }

StoredNar stored() {
    return {.file_hash = codec::Hash::parse(hash).value(), .file_size = 77, .compression = codec::Compression::zstd};
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(narinfo_record)

BOOST_AUTO_TEST_CASE(what_a_cache_answers_for_a_path_is_about_that_path) {
    auto info = read_narinfo(narinfo_of("a"), path("a"), "demo");
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->nar_size == 20U);
    struct Row {
        std::string text, said;
    };
    for (const auto& row : {Row{narinfo_of("b"), "it is for another path, " + path("b").to_string()},
                            Row{"  <!doctype html><title>Login</title>", "demo answered HTML instead of a narinfo"},
                            Row{"nonsense", "reading the narinfo of " + path("a").to_string() + " from demo"}}) {
        auto refused = read_narinfo(row.text, path("a"), "demo");
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST((refused.error().kind() == FailureKind::protocol));
        BOOST_TEST(has(refused.error().one_line(), row.said), refused.error().one_line());
        BOOST_TEST(has(refused.error().one_line(), path("a").to_string()));
    }
    BOOST_TEST(looks_like_html("\n\t<html>"));
    BOOST_TEST(!looks_like_html("StorePath: <x>"));
}

BOOST_AUTO_TEST_CASE(files_are_called_as_nix_calls_them) {
    BOOST_TEST(narinfo_name(path("a")) == std::string(32, '1') + ".narinfo");
    auto nar = stored();
    BOOST_TEST(nar_name(nar) == "nar/" + hash.substr(7) + ".nar.zst");
    nar.compression = codec::Compression::none;
    BOOST_TEST(nar_name(nar) == "nar/" + hash.substr(7) + ".nar");
    BOOST_TEST(realisation_file("sha256:ab!out") == "realisations/sha256:ab!out.doi");
    BOOST_TEST(named_path_file("manifest/x") == "manifest/x.path");
}

BOOST_AUTO_TEST_CASE(a_narinfo_is_completed_with_its_file_and_signed_by_us_once) {
    auto key = nix::SecretKey::generate("own-1");
    auto info = complete_narinfo(parsed("a"), stored(), key).value();
    BOOST_TEST(info.url == nar_name(stored()));
    BOOST_TEST(info.file_size.value() == 77U);
    BOOST_TEST((info.compression == codec::Compression::zstd));
    BOOST_REQUIRE(info.signatures.size() == 2U);
    BOOST_TEST(info.signatures[0] == "old-1:AAAA"); // others' stay
    auto keys = std::vector{key.public_key()};
    BOOST_TEST(nix::signed_by_one_of(info.fingerprint(), info.signatures, keys));
    auto again = complete_narinfo(info, stored(), key).value();
    BOOST_TEST(again.signatures.size() == 2U);
    BOOST_TEST(complete_narinfo(parsed("a"), stored(), {})->signatures.size() == 1U);
}

BOOST_AUTO_TEST_CASE(another_file_leaves_what_is_signed_and_what_is_unknown_as_it_is) {
    auto text = with_other_file(narinfo_of("a") + "X-Other: kept\n", "nar/y.nar.zst", stored());
    BOOST_TEST(has(text, "X-Other: kept\n"));
    BOOST_TEST(!has(text, "nar/x.nar.xz"));
    auto info = nix::NarInfo::parse(text).value();
    auto before = parsed("a");
    BOOST_TEST(info.url == "nar/y.nar.zst");
    BOOST_TEST(info.file_size.value() == 77U);
    BOOST_TEST(info.fingerprint() == before.fingerprint());
    BOOST_TEST((info.signatures == before.signatures));
}

BOOST_AUTO_TEST_CASE(only_a_file_of_the_cache_itself_may_be_written) {
    for (const auto* url : {"nar/x.nar.zst", "x", "a/b/c.nar"}) BOOST_TEST(is_own_file(url), url);
    for (const auto* url :
         {"https://other/x.nar", "/etc/passwd", "../x", "nar/../../x", "nar/x?y=1", "nar/x#y", "nar/%2e%2e/x"})
        BOOST_TEST(!is_own_file(url), url);
}

BOOST_AUTO_TEST_CASE(an_archive_takes_the_place_of_one_with_the_same_content_alone) {
    auto existing = parsed("a");
    BOOST_TEST(!cannot_mend(existing, existing.nar_hash, "demo").has_value());
    auto other = cannot_mend(existing, codec::hash_bytes(codec::HashAlgorithm::sha256, "x"), "demo");
    BOOST_REQUIRE(other.has_value());
    BOOST_TEST(has(other->cause(), "built with another result"));
    BOOST_TEST(has(other->hint(), narinfo_name(existing.path)));
}

BOOST_AUTO_TEST_CASE(who_writes_signs_unless_nobody_looks_at_signatures) {
    auto plain = CacheUri::parse("https://c.example").value();
    auto trusted = CacheUri::parse("https://c.example?trusted=1").value();
    auto key = nix::SecretKey::generate("own-1");
    auto text = std::string(key.to_secret_text().reveal());
    auto nameless = nix::SecretKey::parse(Secret(text.substr(text.find(':') + 1)));
    BOOST_TEST(check_signing_key(key, plain).has_value());
    BOOST_TEST(!check_signing_key({}, plain).has_value());
    BOOST_TEST(check_signing_key({}, trusted).has_value());
    BOOST_REQUIRE(nameless.has_value());
    BOOST_TEST(!check_signing_key(*nameless, trusted).has_value());
}

BOOST_AUTO_TEST_CASE(a_realisation_is_the_one_that_was_asked_for_and_is_signed_once) {
    nix::Realisation realisation{
        .id = "sha256:" + std::string(64, 'a') + "!out", .out_path = path("a"), .dependents = {}, .signatures = {}};
    auto key = nix::SecretKey::generate("own-1");
    auto text = complete_realisation(realisation, key).value();
    auto read = read_realisation(text, realisation.id, "demo");
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST((read->out_path == path("a")));
    BOOST_REQUIRE(read->signatures.size() == 1U);
    BOOST_TEST(read->signatures[0].starts_with("own-1:"));
    BOOST_TEST(nix::Realisation::parse(complete_realisation(*read, key).value())->signatures.size() == 1U);
    auto other = read_realisation(text, "sha256:" + std::string(64, 'b') + "!out", "demo");
    BOOST_REQUIRE(!other.has_value());
    BOOST_TEST(has(other.error().one_line(), "it is another one"));
    BOOST_TEST(!read_realisation("{", realisation.id, "demo").has_value());
}

BOOST_AUTO_TEST_CASE(a_name_leads_to_a_store_path_or_is_shown_for_what_it_is) {
    BOOST_TEST((read_named_path(path("a").to_string() + "\n", "n", "demo").value() == path("a")));
    auto nonsense = read_named_path("\x1b[31m" + std::string(500, 'x'), "n", "demo");
    BOOST_REQUIRE(!nonsense.has_value());
    BOOST_TEST(has(nonsense.error().cause(), "n.path of demo"));
    BOOST_TEST(!has(nonsense.error().cause(), "\x1b"));
    BOOST_TEST(nonsense.error().cause().size() < 200U);
}

BOOST_AUTO_TEST_CASE(what_gets_rid_of_a_narinfo_is_told_by_the_kind_of_cache) {
    auto hello = nix::StorePath::parse_base_name("j4vaq5dqqcl9szjyp2rpiyv1xy419972-hello").value();
    auto way = [&](const char* cache) { return way_to_remove(CacheUri::parse(cache).value(), hello); };
    const std::string file = "/j4vaq5dqqcl9szjyp2rpiyv1xy419972.narinfo";
    BOOST_TEST(way("https://kim:secret@cache.example.org/nix?priority=30") ==
               "remove https://cache.example.org/nix" + file);
    BOOST_TEST(way("file:///srv/cache?trusted=1") == "remove /srv/cache" + file);
    BOOST_TEST(way("s3://bucket?region=eu-west-1") == "remove s3://bucket" + file);
    BOOST_TEST(way("cachix://demo") == "ask Cachix's support to remove it from the cache demo");
}

BOOST_AUTO_TEST_SUITE_END()
