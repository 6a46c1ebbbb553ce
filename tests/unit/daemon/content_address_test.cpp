#include "base/files.hpp"
#include "daemon/content_address.hpp"
#include "nix/path_hash.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using daemon::find_content_address;

namespace {

const std::string text = "a text";

nix::PathInfo info_of(nix::StorePath path) {
    return {.path = std::move(path),
            .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "an archive"),
            .nar_size = 200,
            .references = {},
            .deriver = {},
            .registration_time = {},
            .ultimate = false,
            .signatures = {},
            .content_address = {}};
}

// The text as a file of the store.
class Object {
  public:
    Object() { BOOST_REQUIRE(write_file_atomically(file(), text).has_value()); }
    std::filesystem::path file() const { return directory_.path() / "object"; }

  private:
    TemporaryDirectory directory_{TemporaryDirectory::make("cachefill-object-").value()};
};

std::string found(nix::PathInfo info, const std::filesystem::path& object) {
    find_content_address(info, object);
    return info.content_address;
}

} // namespace

BOOST_AUTO_TEST_SUITE(content_address)

BOOST_AUTO_TEST_CASE(a_source_that_was_imported_is_known_by_the_hash_of_its_archive) {
    auto info = info_of(nix::text_path("source", text).first);
    info.path = nix::StorePath::parse_base_name(nix::path_hash("source", info.nar_hash, "source") + "-source").value();
    BOOST_TEST(found(info, "/nowhere") == "fixed:r:" + info.nar_hash.to_string());
    info.signatures = {"somebody-1:AAAA"}; // of a cache that writes no CA line
    BOOST_TEST(found(info, "/nowhere") == "fixed:r:" + info.nar_hash.to_string());
}

BOOST_AUTO_TEST_CASE(a_text_that_nobody_signed_is_known_by_its_file) {
    Object object;
    auto [path, address] = nix::text_path("text", text);
    BOOST_TEST(found(info_of(path), object.file()) == address);
    auto other = info_of(nix::text_path("text", "another text").first);
    BOOST_TEST(found(other, object.file()) == "");
    BOOST_TEST(found(info_of(path), "/nowhere") == "");
}

BOOST_AUTO_TEST_CASE(what_needs_none_or_may_be_something_else_is_left_as_it_is) {
    Object object;
    auto [path, address] = nix::text_path("text", text);
    auto built = info_of(path);
    built.ultimate = true;
    BOOST_TEST(found(built, object.file()) == "");
    auto noted = info_of(path);
    noted.content_address = "text:sha256:whatever";
    BOOST_TEST(found(noted, object.file()) == "text:sha256:whatever");
    auto is_signed = info_of(path);
    is_signed.signatures = {"somebody-1:AAAA"};
    BOOST_TEST(found(is_signed, object.file()) == "");
    auto large = info_of(path);
    large.nar_size = (1U << 20) + 1;
    BOOST_TEST(found(large, object.file()) == "");
    auto link = object.file().parent_path() / "link";
    std::filesystem::create_symlink(object.file(), link);
    BOOST_TEST(found(info_of(path), link) == "");
    std::filesystem::permissions(object.file(), std::filesystem::perms::owner_all);
    BOOST_TEST(found(info_of(path), object.file()) == "");
}

BOOST_AUTO_TEST_SUITE_END()
