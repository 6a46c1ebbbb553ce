// The stand-in itself: is it as strict as what it stands for, and does real Nix consume from it?
#include "async/child_process.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using Json = nlohmann::json;

namespace {

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-stand-in").value();
    CachixServerSettings settings = CachixBackend::settings(temporary.path());
};

// Raw requests, one by one.
class Raw {
  public:
    Raw(http::Client& client, CachixServer& server) : client_(client), server_(server) {}

    Task<http::Response> send(http::Method method, std::string url, std::string body = {},
                              std::vector<http::Header> headers = {}, std::string token = "write-token") {
        http::Request request(method, std::move(url));
        request.headers = std::move(headers);
        if (!token.empty()) request.bearer = Secret(token);
        if (method == http::Method::put || method == http::Method::post)
            request.body = std::make_shared<const std::string>(std::move(body));
        auto response = co_await client_.send(std::move(request));
        BOOST_REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error().one_line()));
        co_return *std::move(response);
    }
    Task<http::Response> post(std::string below, std::string body = {}, std::string token = "write-token") {
        std::vector<http::Header> none;
        auto url = server_.api_url() + "/api/v1/cache/demo" + below;
        co_return co_await send(http::Method::post, std::move(url), std::move(body), std::move(none), std::move(token));
    }
    Task<http::Response> put(std::string url, std::string body, std::string md5) {
        std::vector<http::Header> headers;
        headers.push_back({"Content-MD5", std::move(md5)});
        headers.push_back({"Content-Type", "application/octet-stream"});
        co_return co_await send(http::Method::put, std::move(url), std::move(body), std::move(headers), "");
    }
    Task<http::Response> get(std::string url) { co_return co_await send(http::Method::get, std::move(url)); }

    // Creates an upload and asks for the URL of one part.
    Task<std::string> part_url(std::string md5, std::string number = "1") {
        auto created = co_await post("/multipart-nar?compression=zst");
        auto json = Json::parse(created.body);
        nar_id = json["narId"];
        upload_id = percent_encode(json["uploadId"].get<std::string>());
        Json body;
        body["contentMD5"] = md5;
        auto answer =
            co_await post("/multipart-nar/" + nar_id + "?uploadId=" + upload_id + "&partNumber=" + number, body.dump());
        BOOST_TEST(answer.status == 200);
        co_return Json::parse(answer.body)["uploadUrl"].get<std::string>();
    }

    std::string nar_id;
    std::string upload_id;

  private:
    http::Client& client_;
    CachixServer& server_;
};

std::string md5_of(std::string_view bytes) {
    return codec::to_base64(codec::hash_bytes(codec::HashAlgorithm::md5, bytes).digest());
}

void with_server(const CachixServerSettings& settings, const std::function<Task<void>(Raw&, CachixServer&)>& body) {
    CachixServer server(settings);
    auto make = [&](async::Executor executor) -> Task<void> {
        http::ClientSettings client_settings;
        auto client = http::make_client(executor, std::move(client_settings));
        Raw raw(*client, server);
        co_await body(raw, server);
    };
    run_task<void>(make);
}

Json narinfo_create(const Sample& sample, std::string_view file) {
    Json json;
    json["cStoreHash"] = sample.info.path.hash_part();
    json["cStoreSuffix"] = sample.info.path.name();
    json["cNarHash"] = sample.info.nar_hash.to_string();
    json["cNarSize"] = sample.info.nar_size;
    json["cFileHash"] = codec::hash_bytes(codec::HashAlgorithm::sha256, file).to_base16();
    json["cFileSize"] = file.size();
    json["cReferences"] = Json::array();
    json["cDeriver"] = "unknown-deriver";
    json["cSig"] = nullptr;
    return json;
}

Json part(int number, const std::string& etag) {
    Json json;
    json["partNumber"] = number;
    json["eTag"] = etag;
    return json;
}

async::ProcessSpec nix_command(std::vector<std::string> arguments, const std::filesystem::path& home) {
    async::ProcessSpec spec;
    spec.arguments = std::move(arguments);
    spec.environment = Environment::of_this_process();
    spec.environment.set("HOME", home.string());
    spec.environment.set("XDG_CACHE_HOME", (home / "cache").string());
    spec.environment.set("NIX_CONFIG", "extra-experimental-features = nix-command\nsubstituters =\n");
    spec.environment.unset("NIX_REMOTE");
    return spec;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(cachix_server, Fixture)

BOOST_AUTO_TEST_CASE(a_presigned_url_takes_what_it_was_made_for_and_nothing_else) {
    with_server(settings, [](Raw& raw, CachixServer& server) -> Task<void> {
        auto md5 = md5_of("hello");
        auto url = co_await raw.part_url(md5);
        BOOST_TEST(url.starts_with(server.upload_url()));
        auto answer = co_await raw.put(url, "hello", md5_of("other"));
        BOOST_TEST(answer.status == 403);
        BOOST_TEST(answer.body.find("SignatureDoesNotMatch") != std::string::npos);
        answer = co_await raw.put(url, "hellO", md5);
        BOOST_TEST(answer.status == 400);
        BOOST_TEST(answer.body.find("BadDigest") != std::string::npos);
        answer = co_await raw.put(url + "0", "hello", md5);
        BOOST_TEST(answer.status == 403);
        std::vector<http::Header> headers;
        headers.push_back({"Content-MD5", md5});
        answer = co_await raw.send(http::Method::put, url, "hello", std::move(headers), "write-token");
        BOOST_TEST(answer.status == 400);
        answer = co_await raw.put(url, "hello", md5);
        BOOST_TEST(answer.status == 200);
        BOOST_TEST(answer.find_header("ETag").value() == "\"5d41402abc4b2a76b9719d911017c592\"");

        CachixFault expired;
        expired.expired_url = true;
        server.set_faults({expired});
        auto late = co_await raw.part_url(md5);
        answer = co_await raw.put(late, "hello", md5);
        BOOST_TEST(answer.status == 403);
        BOOST_TEST(answer.body.find("Request has expired") != std::string::npos);
    });
}

BOOST_AUTO_TEST_CASE(complete_checks_parts_and_narinfo) {
    with_server(settings, [](Raw& raw, CachixServer& server) -> Task<void> {
        auto sample = make_sample("raw", 3);
        auto file = std::string("hello");
        auto url = co_await raw.part_url(md5_of(file));
        auto put = co_await raw.put(url, file, md5_of(file));
        std::string etag(put.find_header("ETag").value());
        auto path = "/multipart-nar/" + raw.nar_id + "/complete?uploadId=" + raw.upload_id;
        auto good = Json::array({part(1, etag)});

        auto refused = [&](Json parts, Json create) -> Task<std::string> {
            Json body;
            body["parts"] = std::move(parts);
            body["narInfoCreate"] = std::move(create);
            auto answer = co_await raw.post(path, body.dump());
            BOOST_TEST(answer.status == 400);
            BOOST_TEST(server.published().empty());
            co_return answer.body;
        };
        auto create = narinfo_create(sample, file);
        auto check = [&](const std::string& reason, const std::string& expected) {
            BOOST_TEST(reason.find(expected) != std::string::npos, reason);
        };
        auto twice = Json::array({part(1, etag), part(1, etag)});
        auto unknown = Json::array({part(2, etag)});
        auto unquoted = Json::array({part(1, etag.substr(1, 32))});
        auto none = Json::array();
        check(co_await refused(twice, create), "InvalidPartOrder");
        check(co_await refused(unknown, create), "InvalidPart");
        check(co_await refused(unquoted, create), "eTag");
        check(co_await refused(none, create), "no parts");
        std::vector<std::pair<std::string, Json>> wrong;
        wrong.emplace_back("cFileHash", "sha256:00");
        wrong.emplace_back("cFileHash", std::string(64, '0'));
        wrong.emplace_back("cFileSize", 6);
        wrong.emplace_back("cNarSize", 0);
        wrong.emplace_back("cNarHash", "0000");
        wrong.emplace_back("cReferences", Json::array({"/nix/store/x"}));
        wrong.emplace_back("cSig", "AAAA");
        for (const auto& [field, value] : wrong) {
            auto bad = create;
            bad[field] = value;
            check(co_await refused(good, bad), field);
        }
        create.erase("cDeriver");
        check(co_await refused(good, create), "cDeriver");

        Json body;
        body["parts"] = good;
        body["narInfoCreate"] = narinfo_create(sample, file);
        auto answer = co_await raw.post(path, body.dump());
        BOOST_TEST(answer.status == 200);
        BOOST_TEST(server.published().size() == 1U);
        answer = co_await raw.post(path, body.dump());
        BOOST_TEST(answer.status == 404);
    });
}

BOOST_AUTO_TEST_CASE(only_a_write_token_writes) {
    with_server(settings, [](Raw& raw, CachixServer&) -> Task<void> {
        auto answer = co_await raw.post("/multipart-nar?compression=zst", "", "read-token");
        BOOST_TEST(answer.status == 403);
        answer = co_await raw.post("/multipart-nar?compression=zst", "", "");
        BOOST_TEST(answer.status == 401);
        answer = co_await raw.post("/multipart-nar?compression=zst", "", "other");
        BOOST_TEST(answer.status == 401);
        BOOST_TEST(answer.body.find("doesn't exist or you're not authorized") != std::string::npos);
        answer = co_await raw.post("/multipart-nar?compression=gzip");
        BOOST_TEST(answer.status == 400);
        answer = co_await raw.post("/narinfo", "[\"zzz\"]");
        BOOST_TEST(answer.status == 400);
    });
}

BOOST_AUTO_TEST_CASE(it_is_steered_and_asked_while_it_runs) {
    with_server(settings, [](Raw& raw, CachixServer& server) -> Task<void> {
        std::vector<http::Header> none;
        auto steer = [&](std::string path, std::string body) -> Task<int> {
            auto answer = co_await raw.send(http::Method::post, server.api_url() + path, std::move(body));
            co_return answer.status;
        };
        auto status = co_await steer("/_faults", R"({"rules": [{"match": "GET */nix-cache-info", "times": 1,
            "status": 429, "retry_after": 7}]})");
        BOOST_TEST(status == 200);
        auto answer = co_await raw.get(server.uri() + "/nix-cache-info");
        BOOST_TEST(answer.status == 429);
        BOOST_TEST(answer.find_header("Retry-After").value() == "7");
        answer = co_await raw.get(server.uri() + "/nix-cache-info");
        BOOST_TEST(answer.status == 200);
        status = co_await steer("/_faults", R"({"rules": [{"times": "once"}]})");
        BOOST_TEST(status == 400);
        status = co_await steer("/_delete/00000000000000000000000000000000", "");
        BOOST_TEST(status == 404);
        answer = co_await raw.get(server.api_url() + "/_log");
        BOOST_TEST(split(trim(answer.body), '\n').size() == 2U);
        auto first = Json::parse(answer.body.substr(0, answer.body.find('\n')));
        BOOST_TEST(first["method"] == "GET");
        BOOST_TEST(first["path"] == "/c/demo/nix-cache-info");
        BOOST_TEST(first["status"] == 429);
        answer = co_await raw.get(server.api_url() + "/_state");
        BOOST_TEST(Json::parse(answer.body)["open_uploads"] == 0);
    });
}

BOOST_AUTO_TEST_CASE(real_nix_fetches_a_closure_from_it_also_after_a_restart) {
    auto nix = async::find_program("nix", Environment::of_this_process());
    if (!nix) {
        BOOST_TEST_MESSAGE("skipped: no nix here");
        return;
    }
    settings.is_private = true; // so that credentials in netrc are tried as well
    auto leaf = make_sample("leaf", 100'000);
    auto top = make_sample("top", 10, {leaf.info.path});
    {
        CachixBackend backend(settings);
        at_desk(desk_settings(backend, temporary.path()), [&](Desk& desk) -> Task<void> {
            auto pushed = co_await push(desk.cache, desk.budget, leaf);
            BOOST_TEST(pushed.has_value());
            pushed = co_await push(desk.cache, desk.budget, top, codec::Compression::xz);
            BOOST_TEST(pushed.has_value());
        });
    }
    CachixServer server(settings);
    auto home = temporary.path() / "home";
    BOOST_REQUIRE(cachefill::create_directories(home));
    BOOST_REQUIRE(write_file_atomically(home / "netrc", "machine 127.0.0.1 password read-token\n"));
    auto fetch = [&](std::string key) {
        auto store = temporary.path() / "store";
        std::filesystem::remove_all(home / "cache");
        std::vector<std::string> arguments{"nix",
                                           "copy",
                                           "--from",
                                           server.uri(),
                                           "--to",
                                           "local?root=" + store.string(),
                                           top.info.path.to_string(),
                                           "--option",
                                           "trusted-public-keys",
                                           std::move(key),
                                           "--option",
                                           "netrc-file",
                                           (home / "netrc").string()};
        auto make = [&](async::Executor) {
            return async::run_process(nix_command(std::move(arguments), home), std::chrono::seconds(60));
        };
        return run_task<Result<async::FinishedProcess>>(make).value();
    };
    auto untrusted = fetch(nix::SecretKey::generate("demo.cachix.org-1").public_key().to_string());
    BOOST_TEST(!untrusted.status.success());
    auto fetched = fetch(server.public_key().value());
    BOOST_TEST(fetched.status.success(), fetched.error);
    auto placed = temporary.path() / "store/nix/store" / leaf.info.path.base_name();
    BOOST_TEST(std::filesystem::file_size(placed) == 100'000U);
}

BOOST_AUTO_TEST_SUITE_END()
