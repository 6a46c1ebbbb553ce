// The signatures of the first table are those of AWS's own test suite, those of the second botocore's.
#include "cache/aws_signature.hpp"
#include "codec/hash.hpp"
#include "http/client.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;
using http::Method;

namespace {

const std::chrono::system_clock::time_point moment{std::chrono::seconds(1440938160)}; // 2015-08-30 12:36:00

AwsKey example_key(std::string token = {}) {
    AwsKey key;
    key.id = "AKIDEXAMPLE";
    key.secret = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    key.session_token = Secret(std::move(token));
    return key;
}

std::string sha256(std::string_view text) { return codec::hash_bytes(codec::HashAlgorithm::sha256, text).to_base16(); }

std::string after(std::string_view text, std::string_view mark) {
    auto at = text.find(mark);
    return at == text.npos ? std::string() : std::string(text.substr(at + mark.size()));
}

} // namespace

BOOST_AUTO_TEST_SUITE(aws_signature)

BOOST_AUTO_TEST_CASE(the_test_suite_of_aws_is_signed_as_it_says) {
    struct Row {
        Method method;
        std::string target;
        std::vector<http::Header> headers;
        std::string body;
        std::string signature;
    };
    const std::vector<Row> rows{
        {Method::get, "/", {}, "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {Method::get,
         "/?Param2=value2&Param1=value1",
         {},
         "",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {Method::get,
         "/",
         {{"My-Header1", "  value1  a   b "}},
         "",
         "f8abef309833a862aa415a3a36f92896dd1b70e10846f5761af0278c0a2ded4c"},
        {Method::post,
         "/",
         {{"Content-Type", "application/x-www-form-urlencoded"}},
         "Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    };
    for (const auto& row : rows) {
        auto headers = row.headers;
        headers.push_back({"X-Amz-Date", aws_time(moment)});
        headers.push_back({"Host", "example.amazonaws.com"});
        auto canonical = canonical_request(row.method, aws_target(row.target), headers, sha256(row.body));
        AwsScope scope{"us-east-1", "service"};
        auto authorization = aws_authorization(canonical, example_key(), scope, aws_time(moment));
        BOOST_TEST(after(authorization, "Signature=") == row.signature, row.target);
        auto credential =
            std::string("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,");
        BOOST_TEST(authorization.starts_with(credential));
    }
}

BOOST_AUTO_TEST_CASE(requests_for_s3_are_signed_as_botocore_does) {
    struct Row {
        Method method;
        std::string url;
        std::string storage_class;
        std::string body;
        std::string token;
        std::string region;
        std::string signature;
    };
    const std::string virtual_host = "https://examplebucket.s3.eu-central-1.amazonaws.com/";
    const std::vector<Row> rows{
        {Method::get, "https://examplebucket.s3.amazonaws.com/nix-cache-info", "", "", "", "us-east-1",
         "2e1eb391a2e457ea022015ad1f22dbdca75c5c75cf9f88458da73a1634165d14"},
        {Method::get, "http://127.0.0.1:9000/bucket/realisations/sha256:ab!out.doi", "", "", "", "us-east-1",
         "2262f749f66a9a9fd4a260cda47fba29e056c27bde71ce6d96775adf087a836b"},
        {Method::put, "https://minio.example.org:9000/prefix/bucket/nar/a+b=c.nar.xz", "STANDARD_IA", "hello",
         "TOKEN/with+signs==", "eu-west-1", "0a6dae5c64c0269f2665aa4461ff97956e169372907c79a93fe09805254f5f52"},
        {Method::post, virtual_host + "nar/x.nar.zst?uploads", "", "", "T", "eu-central-1",
         "b2d4bfb6b9ef408cc0baa348e3707ecd42daa9631165f86ce989adea6599bd83"},
        {Method::put, virtual_host + "nar/x.nar.zst?uploadId=a%2Fb%2Bc%3D%3D&partNumber=12", "", "part", "",
         "eu-central-1", "8fbf215ba966c24009740319ed89340c6dc5e67c93db2c7c95ca2b95101a42cb"},
        {Method::get, virtual_host + "?uploads=&prefix=nar%2F", "", "", "", "eu-central-1",
         "81bd08aa0f080fbc31514b8adf42b1b243f45f52af7a098be6213d999ed32102"},
    };
    for (const auto& row : rows) {
        http::Request request(row.method, row.url);
        if (!row.storage_class.empty()) request.headers.push_back({"x-amz-storage-class", row.storage_class});
        request.headers.push_back({"Content-Type", "application/x-nix-nar"}); // is not signed
        AwsScope scope{row.region, "s3"};
        BOOST_REQUIRE(sign_for_s3(request, sha256(row.body), example_key(row.token), scope, moment));
        BOOST_TEST(after(request.headers.back().value, "Signature=") == row.signature, row.url);
    }
}

BOOST_AUTO_TEST_CASE(what_is_signed_is_what_is_sent) {
    const std::pair<std::string, std::string> rows[]{
        {"/a+b:c!d=e", "/a%2Bb%3Ac%21d%3De"}, {"/a%2bb/%7Ec", "/a%2Bb/~c"}, {"/?b=2&a", "/?a=&b=2"},
        {"/x?k=a%20b&k=a", "/x?k=a&k=a%20b"}, {"/100%", "/100%25"},
    };
    for (const auto& [target, wanted] : rows) BOOST_TEST(aws_target(target) == wanted);
    http::Request request(Method::get, "http://localhost:80/a+b");
    AwsScope scope{"us-east-1", "s3"};
    BOOST_REQUIRE(sign_for_s3(request, sha256(""), example_key(), scope, moment));
    BOOST_TEST(request.url == "http://localhost/a%2Bb");
}

BOOST_AUTO_TEST_SUITE_END()
