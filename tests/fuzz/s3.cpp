// What S3, STS and the services that lend keys answer (XML and JSON); an endpoint may be any server.
//
// The first byte chooses what is looked at, the second the status. Elements lie in the text; their insides are not
// longer than it. Errors and keys' failures steer no terminal. What is lent is a whole key.
#include "cache/aws_keys.hpp"
#include "cache/s3_reply.hpp"
#include "fuzz/canned_client.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

namespace cachefill::fuzz {

namespace {

void elements(std::string_view xml) {
    for (auto name : {"Key", "Error", "Upload", "E"}) {
        std::size_t together = 0;
        for (auto inside : cache::find_elements(xml, name)) {
            require(inside.data() >= xml.data() && inside.data() + inside.size() <= xml.data() + xml.size(),
                    "an element lies in the text");
            together += inside.size();
        }
        require(together <= xml.size(), "elements do not overlap");
        require(cache::find_element(xml, name).size() <= xml.size(), "what is undone of them is not longer");
    }
}

void error(const http::Response& response) {
    auto told = cache::parse_s3_error(response);
    for (const auto* text : {&told.code, &told.message, &told.region}) {
        require_harmless(*text);
        require(text->find('\n') == text->npos, "it is one line");
    }
    cache::S3Party party;
    party.name = "s3://nix";
    party.bucket = "nix";
    party.server = "https://minio.example";
    party.region = "us-east-1";
    party.key_source = "AWS_ACCESS_KEY_ID";
    for (auto method : {http::Method::get, http::Method::put}) {
        http::Request request(method, "https://minio.example/nix/x.narinfo");
        if (auto failure = cache::explain_s3_error(request, response, party))
            require_told(*failure, {FailureKind::auth, FailureKind::not_found, FailureKind::network,
                                    FailureKind::protocol, FailureKind::usage, FailureKind::machine});
    }
}

void lent_key(http::Response response, bool is_instance) {
    CannedClient client(std::move(response));
    cache::AwsIdentity identity;
    if (is_instance)
        identity.metadata_server = "http://169.254.169.254";
    else
        identity.container = cache::AwsIdentity::Container{"http://169.254.170.2/x", Secret("authorization"), {}};
    auto key = test::run_task<Result<std::optional<cache::AwsKey>>>(
        [&](async::Executor executor) -> async::Task<Result<std::optional<cache::AwsKey>>> {
            cache::AwsKeys keys(executor, client, async::real_clock(), identity);
            co_return co_await keys.get();
        });
    if (!key)
        return require_told(key.error(), {FailureKind::auth, FailureKind::network, FailureKind::protocol,
                                          FailureKind::usage, FailureKind::not_found});
    if (*key) require(!(*key)->id.empty() && !(*key)->secret.empty(), "what is lent is a whole key");
}

} // namespace

void s3(std::string_view input) {
    if (input.size() < 2) return;
    unsigned choice = static_cast<unsigned char>(input.front()) % 4;
    auto response = canned_answer(input.substr(1));
    response.effective_url = "https://minio.example/nix/x.narinfo";
    if (choice == 0) return elements(input.substr(2));
    if (choice == 1) return error(response);
    lent_key(std::move(response), choice == 2);
}

} // namespace cachefill::fuzz
