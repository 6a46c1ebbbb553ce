#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "cache/s3_place.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

std::string base_of(const std::string& text, const std::string& region = "us-east-1") {
    auto uri = CacheUri::parse(text);
    BOOST_REQUIRE_MESSAGE(uri, text);
    return uri->s3.base(region);
}

} // namespace

BOOST_AUTO_TEST_SUITE(s3_place)

BOOST_AUTO_TEST_CASE(each_spelling_leads_to_its_server) {
    BOOST_TEST(base_of("s3://nix-cache") == "https://nix-cache.s3.us-east-1.amazonaws.com");
    BOOST_TEST(base_of("s3://nix-cache", "cn-north-1") == "https://nix-cache.s3.cn-north-1.amazonaws.com.cn");
    BOOST_TEST(base_of("s3://nix-cache?addressing-style=path") == "https://s3.us-east-1.amazonaws.com/nix-cache");
    BOOST_TEST(base_of("s3://nix.cache/") == "https://s3.us-east-1.amazonaws.com/nix.cache");
    BOOST_TEST(base_of("s3://b?endpoint=minio.lan:9000&scheme=http") == "http://minio.lan:9000/b");
    BOOST_TEST(base_of("s3://b?endpoint=minio.lan") == "https://minio.lan/b");
    BOOST_TEST(base_of("s3://b?endpoint=http://minio.lan:9000/s3/") == "http://minio.lan:9000/s3/b");
    BOOST_TEST(base_of("s3://b?endpoint=https%3A%2F%2Fr2.example.org") == "https://r2.example.org/b");
    BOOST_TEST(base_of("s3://b?endpoint=r2.example.org&addressing-style=virtual") == "https://b.r2.example.org");
}

BOOST_AUTO_TEST_CASE(parameters_are_those_of_nix) {
    auto uri =
        CacheUri::parse("s3://b?region=eu-west-1&profile=home&storage-class=STANDARD_IA&compression=xz&priority=7"
                        "&secret-key=/k&optional=1")
            .value();
    BOOST_TEST((uri.scheme == Scheme::s3));
    BOOST_TEST(uri.s3.region == "eu-west-1");
    BOOST_TEST(uri.s3.profile == "home");
    BOOST_TEST(uri.s3.storage_class == "STANDARD_IA");
    BOOST_TEST((uri.s3.compression == codec::Compression::xz));
    BOOST_TEST(*uri.priority == 7);
    BOOST_TEST(uri.optional);
}

BOOST_AUTO_TEST_CASE(two_buckets_of_one_name_are_told_apart) {
    auto ours = CacheUri::parse("s3://b?endpoint=minio.lan&region=x").value();
    BOOST_TEST(ours.to_string() == "s3://b?endpoint=https://minio.lan");
    BOOST_TEST(ours.to_string() == CacheUri::parse(ours.to_string())->to_string());
    BOOST_TEST(CacheUri::parse("s3://b?region=x")->to_string() == "s3://b");
    CacheInfo info;
    BOOST_TEST(substituter_of(ours, info).reveal() == "s3://b?endpoint=minio.lan&region=x");
}

BOOST_AUTO_TEST_CASE(what_is_no_bucket_is_refused) {
    for (const std::string text :
         {"s3://", "s3://b/nar", "s3://b?endpoint=ftp://x", "s3://b?endpoint=https://kim:pw@x", "s3://b?region=a/b",
          "s3://b?addressing-style=x", "s3://b?compression=lzip", "s3://b?scheme=x", "s3://b?push=/up",
          "s3://b?profile=a%0Ab", "s3://b@c", "s3://b?endpoint=%zz"}) {
        auto uri = CacheUri::parse(text);
        BOOST_REQUIRE_MESSAGE(!uri, text);
        BOOST_TEST((uri.error().kind() == FailureKind::usage));
        BOOST_TEST(uri.error().cause().find("pw") == std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
