#include "base/text.hpp"
#include "nix/narinfo.hpp"
#include "support/golden.hpp"
#include "support/mutations.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

const std::string nar_hash = "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
const std::string minimal =
    "StorePath: /nix/store/0123456789abcdfghijklmnpqrsvwxyz-x\nURL: nar/x.nar\nNarHash: " + nar_hash +
    "\nNarSize: 120\n";

std::vector<PublicKey> golden_keys() { return {PublicKey::parse(trim(test::golden("nix/golden-1.public"))).value()}; }

std::string alpha() { return test::golden("nix/cache/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s.narinfo"); }

} // namespace

BOOST_AUTO_TEST_SUITE(narinfo)

BOOST_AUTO_TEST_CASE(what_nix_wrote_is_read_trusted_and_written_the_same) {
    auto keys = golden_keys();
    std::size_t count = 0;
    for (const auto& file : test::golden_files("nix/cache", ".narinfo")) {
        auto text = read_file(file).value();
        auto info = NarInfo::parse(text).value();
        BOOST_TEST(info.to_string() == text);
        BOOST_TEST(signed_by_one_of(info.fingerprint(), info.signatures, keys), file);
        BOOST_TEST(info.is_trusted_by(keys), file);
        BOOST_TEST(info.is_trusted_by({}) == !info.content_address.empty(), file);
        ++count;
    }
    BOOST_TEST(count > 20U);
}

BOOST_AUTO_TEST_CASE(our_signature_is_the_one_nix_makes) {
    auto info = NarInfo::parse(alpha()).value();
    auto key = SecretKey::parse(Secret(test::golden("nix/golden-1.secret"))).value();
    BOOST_TEST(info.signatures.size() == 1U);
    BOOST_TEST(key.sign(info.fingerprint()).value() == info.signatures[0]);
}

BOOST_AUTO_TEST_CASE(all_that_the_signature_covers_breaks_it) {
    auto keys = golden_keys();
    auto good = NarInfo::parse(alpha()).value();
    BOOST_TEST(good.is_trusted_by(keys));
    auto changed = good;
    changed.nar_size += 1;
    BOOST_TEST(!changed.is_trusted_by(keys));
    changed = good;
    changed.nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "other");
    BOOST_TEST(!changed.is_trusted_by(keys));
    changed = good;
    changed.references.pop_back();
    BOOST_TEST(!changed.is_trusted_by(keys));
    changed = good;
    changed.path = changed.references.back();
    BOOST_TEST(!changed.is_trusted_by(keys));
}

BOOST_AUTO_TEST_CASE(a_minimal_record_has_nixs_defaults) {
    auto info = NarInfo::parse(minimal).value();
    BOOST_TEST((info.compression == codec::Compression::bzip2));
    BOOST_TEST(!info.file_hash.has_value());
    BOOST_TEST(!info.file_size.has_value());
    BOOST_TEST(!info.deriver.has_value());
    BOOST_TEST(info.references.empty());
    BOOST_TEST(info.signatures.empty());
    BOOST_TEST(info.to_string().find("\nReferences: \n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(other_writers_are_understood) {
    auto info = NarInfo::parse(
                    minimal +
                    "Compression: \nFileHash: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
                    "FileSize: 0\nReferences: \nReferences: 0123456789abcdfghijklmnpqrsvwxyz-x\n"
                    "Deriver: unknown-deriver\nSystem: x86_64-linux\nSomething-New: a: b\nSig: a:b\nSig: c:d\n")
                    .value();
    BOOST_TEST((info.compression == codec::Compression::bzip2));
    BOOST_TEST(info.file_hash->to_string() == nar_hash);
    BOOST_TEST(info.file_size.value() == 0U);
    BOOST_TEST(!info.deriver.has_value());
    BOOST_TEST(info.references.size() == 1U);
    BOOST_TEST(info.signatures.size() == 2U);
}

// Nix 2.8, 2.26 and 2.34 take such records.
BOOST_AUTO_TEST_CASE(of_a_field_that_stands_there_twice_the_last_counts) {
    auto info = NarInfo::parse(minimal + "NarSize: 7\nURL: y\nCompression: xz\nCompression: zstd\n").value();
    BOOST_TEST(info.nar_size == 7U);
    BOOST_TEST(info.url == "y");
    BOOST_TEST((info.compression == codec::Compression::zstd));
}

BOOST_AUTO_TEST_CASE(a_bad_line_is_named) {
    auto cause = [](const std::string& text) {
        auto parsed = NarInfo::parse(text);
        return parsed ? std::string("no failure") : parsed.error().cause();
    };
    BOOST_TEST(cause(minimal + "CA: text:" + nar_hash + "\nCA: b\n") == "bad narinfo, line 6: CA appears twice");
    BOOST_TEST(cause(minimal + "References:\n") == "bad narinfo, line 5: 'References:' is not 'Key: value'");
    BOOST_TEST(cause(minimal + "\n") == "bad narinfo, line 5: '' is not 'Key: value'");
    BOOST_TEST(cause(minimal + "<html>\n") == "bad narinfo, line 5: '<html>' is not 'Key: value'");
    BOOST_TEST(cause(minimal + "FileSize: -1\n") == "bad narinfo, line 5: FileSize: '-1' is not a size in bytes");
    BOOST_TEST(cause(minimal + "References: /nix/store/x\n").starts_with("bad narinfo, line 5: References: "));
    BOOST_TEST(cause(minimal + "Deriver: x\n").starts_with("bad narinfo, line 5: Deriver: "));
    BOOST_TEST(cause(minimal + "FileHash: sha256:x\n").starts_with("bad narinfo, line 5: FileHash: bad hash"));
    auto record = [](const std::string& hash, const std::string& size) {
        return "StorePath: /nix/store/0123456789abcdfghijklmnpqrsvwxyz-x\nURL: u\nNarHash: " + hash +
               "\nNarSize: " + size + "\n";
    };
    BOOST_TEST(cause(record(nar_hash, "120")) == "no failure");
    BOOST_TEST(cause(record(nar_hash, "0")) == "bad narinfo, line 4: NarSize: 0, but no NAR is empty");
    BOOST_TEST(cause(record(nar_hash, "99999999999999999999")).starts_with("bad narinfo, line 4: NarSize"));
    BOOST_TEST(cause(record("md5:3y8bwfr609h3lh9ch0izcqq7fl", "1")) ==
               "bad narinfo, line 3: NarHash: it is md5, not sha256");
    BOOST_TEST(cause(record(nar_hash.substr(7), "1")).starts_with("bad narinfo, line 3: NarHash: bad hash"));
}

// Tried with Nix 2.8, 2.26 and 2.34: it fails on the one and takes no notice of the other.
BOOST_AUTO_TEST_CASE(a_content_address_must_be_one_and_what_is_not_known_may_be_anything) {
    for (const auto* wrong : {"garbage", "fixed:r:sha256:x", "fixed:", "text:sha256",
                              "fixed:r:"
                              "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                              "r:sha256:x"}) {
        auto parsed = NarInfo::parse(minimal + "CA: " + wrong + "\n");
        BOOST_REQUIRE_MESSAGE(!parsed, wrong);
        BOOST_TEST(parsed.error().cause().find("is no content address") != std::string::npos, parsed.error().cause());
    }
    for (const auto& right : {"", "text:", "fixed:", "fixed:r:", "fixed:git:"})
        BOOST_TEST(NarInfo::parse(minimal + "CA: " + right + (*right ? nar_hash : "") + "\n").has_value(), right);
    for (const auto* unknown : {"System:x86_64-linux\n", "X:\n", "Some Thing:y\n"}) {
        auto info = NarInfo::parse(unknown + minimal + unknown);
        BOOST_REQUIRE_MESSAGE(info.has_value(), unknown);
        BOOST_TEST(info->url == NarInfo::parse(minimal).value().url);
    }
    BOOST_TEST(!NarInfo::parse(minimal + "Deriver:x\n").has_value());
}

BOOST_AUTO_TEST_CASE(a_missing_line_is_named) {
    for (std::string key : {"StorePath", "URL", "NarHash", "NarSize"}) {
        auto text = minimal;
        auto start = text.find(key);
        text.erase(start, text.find('\n', start) + 1 - start);
        auto parsed = NarInfo::parse(text);
        BOOST_REQUIRE(!parsed);
        BOOST_TEST(parsed.error().cause() == "bad narinfo: it has no " + key);
    }
}

BOOST_AUTO_TEST_CASE(a_truncated_record_is_trusted_only_as_far_as_its_lines_are_whole) {
    auto text = alpha();
    test::for_each_truncation(text, [&](std::string_view prefix) {
        // Between two lines a record may well be complete: what it lacks there was optional. It says so in no way, and
        // HTTP's length must tell.
        if (NarInfo::parse(prefix).has_value()) BOOST_TEST(prefix.ends_with('\n'));
    });
}

BOOST_AUTO_TEST_CASE(a_changed_byte_crashes_nothing_and_never_forges_what_is_signed) {
    auto keys = golden_keys();
    auto good = NarInfo::parse(alpha()).value();
    test::for_each_mutation(alpha(), 3'000, [&](std::string_view text) {
        auto info = NarInfo::parse(text);
        if (info && info->is_trusted_by(keys) && info->fingerprint() != good.fingerprint()) BOOST_ERROR(text);
    });
}

BOOST_AUTO_TEST_CASE(cache_info_has_nixs_defaults) {
    auto nothing = CacheInfoFile::parse("").value();
    BOOST_TEST(nothing.store_dir == "/nix/store");
    BOOST_TEST(!nothing.want_mass_query);
    BOOST_TEST(nothing.priority == 0);
    auto by_nix = CacheInfoFile::parse(test::golden("nix/cache/nix-cache-info")).value();
    BOOST_TEST(by_nix.store_dir == "/nix/store");
}

BOOST_AUTO_TEST_CASE(of_a_priority_the_digits_count) {
    BOOST_TEST(CacheInfoFile::parse("Priority: 40 # ours\n").value().priority == 40);
    BOOST_TEST(CacheInfoFile::parse("Priority: +40\n").value().priority == 40);
    BOOST_TEST(!CacheInfoFile::parse("Priority: forty\n").has_value());
}

BOOST_AUTO_TEST_CASE(cache_info_is_read_and_written) {
    auto info =
        CacheInfoFile::parse("StoreDir: /gnu/store\nWantMassQuery: 1\nPriority: -3\nOther: x\nnonsense\n").value();
    BOOST_TEST(info.store_dir == "/gnu/store");
    BOOST_TEST(info.want_mass_query);
    BOOST_TEST(info.priority == -3);
    BOOST_TEST(CacheInfoFile{}.to_string() == "StoreDir: /nix/store\nWantMassQuery: 0\nPriority: 0\n");
    auto again = CacheInfoFile::parse(info.to_string()).value();
    BOOST_TEST(again.to_string() == info.to_string());
    for (auto bad : {"Priority: x\n", "Priority:\n", "Priority: 99999999999\n", "StoreDir: store\n"})
        BOOST_TEST(!CacheInfoFile::parse(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
