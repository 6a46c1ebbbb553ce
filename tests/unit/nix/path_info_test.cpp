#include "nix/narinfo.hpp"
#include "nix/path_info.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

StorePath path_of(const std::string& base_name) { return StorePath::parse_base_name(base_name).value(); }

std::vector<NarInfo> golden_infos() {
    std::vector<NarInfo> infos;
    for (const auto& file : test::golden_files("nix/cache", ".narinfo"))
        infos.push_back(NarInfo::parse(read_file(file).value()).value());
    return infos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(path_info)

BOOST_AUTO_TEST_CASE(the_fingerprint_sorts_references_and_has_each_once) {
    auto path = path_of("1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-alpha");
    auto low = path_of("0123456789abcdfghijklmnpqrsvwxyz-x");
    auto high = path_of("zyxwvsrqpnmlkjihgfdcba9876543210-x");
    auto hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "");
    const std::string begin = "1;/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-alpha;"
                              "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73;17;";
    BOOST_TEST(fingerprint(path, hash, 17, {}) == begin);
    BOOST_TEST(fingerprint(path, hash, 17, {high, path, low, high}) ==
               begin + low.to_string() + "," + path.to_string() + "," + high.to_string());
}

BOOST_AUTO_TEST_CASE(every_content_address_of_nix_reproduces_its_path) {
    std::size_t text = 0, text_with_references = 0, flat = 0, recursive = 0, with_itself = 0, other_algorithms = 0;
    for (const auto& info : golden_infos()) {
        if (info.content_address.empty()) continue;
        BOOST_TEST(content_address_matches(info.path, info.content_address, info.references), info.path.base_name());
        std::string_view address = info.content_address;
        bool itself = std::find(info.references.begin(), info.references.end(), info.path) != info.references.end();
        text += address.starts_with("text:");
        text_with_references += address.starts_with("text:") && !info.references.empty();
        flat += address.starts_with("fixed:sha256:");
        recursive += address.starts_with("fixed:r:sha256:");
        with_itself += itself && !address.starts_with("text:");
        other_algorithms += address.find("sha256") == address.npos;
    }
    BOOST_TEST(text_with_references > 2U);
    BOOST_TEST(text > text_with_references);
    BOOST_TEST(flat == 1U);
    BOOST_TEST(recursive > 2U);
    BOOST_TEST(with_itself == 1U);
    BOOST_TEST(other_algorithms == 3U);
}

BOOST_AUTO_TEST_CASE(a_content_address_of_anything_else_does_not_match) {
    auto infos = golden_infos();
    auto stranger = path_of("0123456789abcdfghijklmnpqrsvwxyz-stranger");
    for (const auto& info : infos) {
        if (info.content_address.empty()) continue;
        auto renamed = path_of(std::string(info.path.hash_part()) + "-renamed");
        BOOST_TEST(!content_address_matches(renamed, info.content_address, info.references));
        auto more = info.references;
        more.push_back(stranger);
        BOOST_TEST(!content_address_matches(info.path, info.content_address, more));
        if (!info.references.empty()) BOOST_TEST(!content_address_matches(info.path, info.content_address, {}));
        for (const auto& other : infos)
            if (other.content_address != info.content_address)
                BOOST_TEST(!content_address_matches(info.path, other.content_address, info.references));
    }
}

BOOST_AUTO_TEST_CASE(an_absent_or_unknown_content_address_matches_nothing) {
    auto path = golden_infos().front().path;
    for (auto address : {"", "text", "text:", "text:sha256:", "fixed:", "fixed:r:", "fixed:git:sha1:abc",
                         "nar:sha256:x", "text:r:sha256:00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq"})
        BOOST_TEST(!content_address_matches(path, address, {}), address);
}

BOOST_AUTO_TEST_SUITE_END()
