#include "base/files.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"
#include "daemon/session.hpp"
#include "support/fake_daemon.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::daemon;
using namespace cachefill::test;
using nix::StorePath;

namespace {

const auto hello = StorePath::parse_base_name("j4vaq5dqqcl9szjyp2rpiyv1xy419972-hello.drv").value();
const auto hello_out = StorePath::parse_base_name("9hzpq8jfhlayb0410fpmql7bc47lc40c-hello").value();

struct Exchange {
    bool from_client;
    std::string bytes;
};

std::vector<Exchange> golden(const std::string& name) {
    std::vector<Exchange> exchanges;
    auto text = read_file(std::filesystem::path(CACHEFILL_GOLDEN) / "daemon" / name).value();
    for (auto line : split(text, '\n')) {
        if (line.size() < 3) continue;
        auto bytes = codec::from_base16(line.substr(3)).value();
        if (line[0] != ' ')
            exchanges.push_back({line[0] == 'C', bytes});
        else
            exchanges.back().bytes += bytes;
    }
    return exchanges;
}

// A session and everything that came out of it.
struct Client {
    Session session;
    std::vector<LogEvent> log;
    std::vector<Result<Reply>> replies;
    std::optional<Failure> failure;

    void hear(std::string_view bytes) {
        session.receive(bytes);
        for (;;) {
            auto event = session.next();
            if (!event) {
                failure = event.error();
                return;
            }
            if (!*event) return;
            if (auto* line = std::get_if<LogEvent>(&**event)) log.push_back(*line);
            if (auto* completed = std::get_if<Session::Completed>(&**event)) replies.push_back(completed->reply);
        }
    }

    void hear_in_pieces(std::string_view bytes, std::size_t size) {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) hear(bytes.substr(0, size));
    }

    // Past the handshake.
    static Client ready(unsigned minor = 38) {
        Client client;
        for (const auto& step : FakeDaemon::handshake(minor)) {
            if (step.kind == FakeDaemon::Step::Kind::expect)
                BOOST_TEST((client.session.take_output() == step.bytes));
            else
                client.hear(step.bytes);
        }
        BOOST_TEST(client.session.is_ready());
        BOOST_TEST(!client.failure.has_value());
        return client;
    }

    template <class T> T reply(std::size_t index = 0) { return std::get<T>(replies.at(index).value()); }
};

// Plays a recorded conversation: the requests must become the recorded bytes.
Client replay(const std::string& name, std::vector<Request> requests, std::size_t piece) {
    Client client;
    std::size_t next_request = 0;
    for (const auto& exchange : golden(name)) {
        if (!exchange.from_client) {
            client.hear_in_pieces(exchange.bytes, piece);
            continue;
        }
        if (client.session.is_ready()) client.session.request(requests.at(next_request++));
        BOOST_TEST((client.session.take_output() == exchange.bytes));
    }
    BOOST_TEST(!client.failure.has_value());
    return client;
}

std::vector<Request> hello_requests() {
    auto build = build_paths({{hello, {"*"}}}, BuildMode::normal).value();
    return {build, query_derivation_outputs(hello), query_path_info(hello_out), build};
}

std::string build_reply(unsigned minor, const std::string& derived_path, std::uint64_t status) {
    auto reply = wire(1, derived_path, status, "", 1, 0, 100, 160);
    if (minor >= 37) reply += wire(1, 1500000) + wire(0);
    return reply + wire(1, "sha256:abcdef!out",
                        "{\"id\":\"sha256:abcdef!out\",\"outPath\":\"" + std::string(hello_out.base_name()) + "\"}");
}

} // namespace

BOOST_AUTO_TEST_SUITE(session)

BOOST_AUTO_TEST_CASE(a_recorded_build_replays_in_pieces_of_any_size) {
    for (std::size_t piece : {std::size_t(1), std::size_t(7), std::size_t(64), std::size_t(100'000)}) {
        auto client = replay("nix-2.8-build.hex", hello_requests(), piece);
        BOOST_TEST(client.session.nix_version() == "2.8.0");
        BOOST_TEST(client.session.minor() == 34U);
        BOOST_TEST((client.session.trust() == Trust::unknown));
        BOOST_REQUIRE(client.replies.size() == 4U);

        auto results = client.reply<std::vector<BuildResult>>(0);
        BOOST_REQUIRE(results.size() == 1U);
        BOOST_TEST((results[0].status == BuildStatus::built));
        BOOST_TEST(results[0].derived_path == hello.to_string() + "!*");
        BOOST_TEST((results[0].outputs.at("out") == hello_out));
        BOOST_TEST((client.reply<OutputPaths>(1) == OutputPaths{{"out", hello_out}}));
        auto info = client.reply<std::optional<nix::PathInfo>>(2).value();
        BOOST_TEST((info.deriver == hello));
        BOOST_TEST(info.nar_hash.to_base16() == "1c37d01af40be2e80691de3cc3df44377a699afbb17c68f080964b2fd071fc13");
        BOOST_TEST(info.nar_size == 120U);
        BOOST_TEST(info.ultimate);
        BOOST_TEST(info.references.empty());
        BOOST_TEST((client.reply<std::vector<BuildResult>>(3).at(0).status == BuildStatus::already_valid));

        std::vector<std::string> seen;
        for (const auto& event : client.log) {
            if (event.kind == LogEvent::Kind::build_started) seen.push_back("start " + event.path->to_string());
            if (event.kind == LogEvent::Kind::build_log_line) seen.push_back("line " + event.text);
            if (event.kind == LogEvent::Kind::build_stopped) seen.push_back("stop " + event.path->to_string());
            if (event.kind == LogEvent::Kind::goals_progress) seen.push_back("done " + std::to_string(event.done));
        }
        BOOST_TEST((seen == std::vector<std::string>{"start " + hello.to_string(), "line first", "line second",
                                                     "done 1", "stop " + hello.to_string()}));
    }
}

BOOST_AUTO_TEST_CASE(a_conversation_cut_anywhere_is_incomplete_and_says_so) {
    std::size_t cuts = 0;
    auto conversation = golden("nix-2.8-build.hex");
    std::size_t last = conversation.size() - 1;
    for (std::size_t i = 1; i <= last; i += 2) {
        for (std::size_t length = 0; length < conversation[i].bytes.size(); length += 11, ++cuts) {
            Client client;
            auto requests = hello_requests();
            for (std::size_t j = 0; j <= i; ++j) {
                if (conversation[j].from_client && client.session.is_ready())
                    client.session.request(requests.at(j / 2 - 2));
                if (!conversation[j].from_client)
                    client.hear(j < i ? conversation[j].bytes : conversation[j].bytes.substr(0, length));
            }
            BOOST_REQUIRE(!client.failure.has_value());
            auto completed = i / 2;
            BOOST_REQUIRE(client.replies.size() == (completed < 2 ? 0 : completed - 2));
            auto failure = client.session.cut_off();
            BOOST_REQUIRE(failure.cause().find("closed the connection") != std::string::npos);
            if (completed >= 2) BOOST_REQUIRE(!failure.context().empty());
        }
    }
    BOOST_TEST(cuts > 200U);
}

BOOST_AUTO_TEST_CASE(recorded_failures_become_results_with_clean_texts) {
    auto drv = [](const char* name) { return DerivedPath{StorePath::parse_base_name(name).value(), {"*"}}; };
    auto build = build_paths(
        {drv("ypvpbhhiy7hjdq0d8kbsrb9ig1ml93y4-good.drv"), drv("wraqvpj5ks2qhlg42j49gv8nl9wvqb13-bad.drv"),
         drv("jxigjkfri1jii84xi7xy1qa0nk5caair-mismatch.drv"), drv("rjhn4p0kfa4gxi7cv9sfl2k4arddc0nw-dependent.drv")},
        BuildMode::normal);
    auto client = replay("nix-2.8-failures.hex", {set_options(Options()), build.value()}, 4096);
    auto results = client.reply<std::vector<BuildResult>>(1);
    std::map<std::string, BuildResult> by_name;
    for (const auto& result : results) by_name[result.derived_path.substr(44)] = result;
    BOOST_TEST((by_name.at("good.drv!*").status == BuildStatus::built));
    BOOST_TEST((by_name.at("bad.drv!*").status == BuildStatus::permanent_failure));
    BOOST_TEST(by_name.at("bad.drv!*").error_message.starts_with("builder for '/nix/store/"));
    BOOST_TEST(by_name.at("bad.drv!*").error_message.find('\x1b') == std::string::npos);
    BOOST_TEST((by_name.at("mismatch.drv!*").status == BuildStatus::output_rejected));
    BOOST_TEST((by_name.at("dependent.drv!*").status == BuildStatus::dependency_failed));
    BOOST_TEST(
        (results.front().derived_path != "/nix/store/ypvpbhhiy7hjdq0d8kbsrb9ig1ml93y4-good.drv!*")); // not in order
}

BOOST_AUTO_TEST_CASE(the_greeting_has_the_documented_bytes) {
    Client client;
    BOOST_TEST(codec::to_base16(client.session.take_output()) == "6378696e000000002601000000000000");
    client.hear(codec::from_base16("6f697864000000002601000000000000").value());
    BOOST_TEST(codec::to_base16(client.session.take_output()) == "000000000000000000000000000000000000000000000000");
    client.hear(codec::from_base16("0000000000000000"
                                   "0600000000000000322e33342e380000"
                                   "0100000000000000"
                                   "73746c6100000000")
                    .value());
    BOOST_TEST(client.session.is_ready());
    BOOST_TEST(client.session.nix_version() == "2.34.8");
    BOOST_TEST((client.session.trust() == Trust::trusted));
}

BOOST_AUTO_TEST_CASE(every_supported_version_shakes_hands) {
    for (unsigned minor : {34U, 35U, 36U, 37U, 38U, 39U}) {
        auto client = Client::ready(minor);
        BOOST_TEST(client.session.minor() == std::min(minor, 38U));
        BOOST_TEST((client.session.trust() == (minor >= 35 ? Trust::trusted : Trust::unknown)));
    }
}

BOOST_AUTO_TEST_CASE(an_old_daemon_is_refused_by_its_version_with_advice) {
    Client client;
    client.hear(wire(0x6478696f, 0x100 + 33));
    BOOST_REQUIRE(client.failure.has_value());
    BOOST_TEST(client.failure->cause().find("1.33") != std::string::npos);
    BOOST_TEST(client.failure->cause().find("Nix 2.8") != std::string::npos);
    BOOST_TEST(!client.failure->hint().empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_nix_daemon_is_told) {
    Client client;
    client.hear("HTTP/1.1 400 Bad Request\r\n");
    BOOST_REQUIRE(client.failure.has_value());
    BOOST_TEST(client.failure->cause().find("not a Nix daemon") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(build_results_carry_cpu_times_since_1_37) {
    for (unsigned minor : {34U, 35U, 37U, 38U}) {
        auto client = Client::ready(minor);
        client.session.request(build_paths({{hello, {"out"}}}, BuildMode::normal).value());
        client.hear(wire(frame_last) + build_reply(minor, hello.to_string() + "!out", 0));
        BOOST_REQUIRE(client.replies.size() == 1U);
        auto results = client.reply<std::vector<BuildResult>>();
        BOOST_TEST((results.at(0).outputs.at("out") == hello_out));
        BOOST_TEST(!client.session.has_unread());
    }
}

BOOST_AUTO_TEST_CASE(a_status_of_a_newer_nix_is_some_other_failure) {
    auto client = Client::ready();
    client.session.request(build_paths({{hello, {"out"}}}, BuildMode::normal).value());
    client.hear(wire(frame_last) + build_reply(38, hello.to_string() + "!out", 16));
    BOOST_TEST((client.reply<std::vector<BuildResult>>().at(0).status == BuildStatus::misc_failure));
}

BOOST_AUTO_TEST_CASE(options_are_sent_as_nix_sends_them) {
    auto client = Client::ready();
    client.session.take_output();
    Options options;
    options.keep_going = false;
    client.session.request(set_options(options));
    // As captured from Nix 2.34's own client.
    BOOST_TEST((client.session.take_output() == wire(19, 0, 0, 0, 3, 1, 0, 1, 7, 0, 0, 0, 1, 0)));
    options.overrides = {{"timeout", "60"}};
    client.session.request(set_options(options));
    BOOST_TEST((client.session.take_output() == wire(19, 0, 0, 0, 3, 1, 0, 1, 7, 0, 0, 0, 1, 1, "timeout", "60")));
}

BOOST_AUTO_TEST_CASE(an_error_answers_its_request_and_the_next_one_goes_on) {
    auto client = Client::ready();
    client.session.request(query_path_info(hello));
    client.session.request(query_path_info(hello_out));
    client.hear(wire(frame_error, "Error", 0, "Error", "'\x1b[35;1mfoo\x1b[0m' is too short\n", 0, 1, 0,
                     "while looking at \x1b[1mbar") +
                wire(frame_last, 0));
    BOOST_REQUIRE(client.replies.size() == 2U);
    BOOST_REQUIRE(!client.replies[0]);
    BOOST_TEST((client.replies[0].error().kind() == FailureKind::store));
    BOOST_TEST(client.replies[0].error().cause() == "'foo' is too short");
    BOOST_TEST((client.replies[0].error().context() ==
                std::vector<std::string>{"while looking at bar", "asking for the path info of " + hello.to_string()}));
    BOOST_TEST(!client.reply<std::optional<nix::PathInfo>>(1).has_value());
    BOOST_TEST(!client.failure.has_value());
}

BOOST_AUTO_TEST_CASE(an_error_said_twice_leaves_something_unread) {
    auto client = Client::ready();
    client.session.request(query_path_info(hello));
    client.hear(error_frame("bad path") + error_frame("bad path"));
    BOOST_TEST(client.replies.size() == 1U);
    BOOST_TEST(client.session.has_unread());
}

BOOST_AUTO_TEST_CASE(logs_of_any_kind_may_come_between) {
    auto client = Client::ready();
    client.session.request(query_path_info(hello));
    client.hear(wire(frame_next, "warning: \x1b[35;1mwatch out\x1b[0m\n") +
                wire(frame_start, 7, 3, 108, "copying", 2, 1, hello_out.to_string(), 1, "https://cache", 0) +
                wire(frame_start, 8, 3, 100, "", 0, 7) + wire(frame_start, 9, 3, 101, "fetching", 1, 1, "u", 8) +
                wire(frame_result, 9, 105, 4, 0, 500, 0, 1000, 0, 0, 0, 0) +
                wire(frame_result, 9, 105, 4, 0, 500, 0, 1000, 0, 0, 0, 0) + // nothing new
                wire(frame_result, 9, 4711, 1, 0, 5) +                       // unknown
                wire(frame_result, 99, 101, 1, 1, "a line of nobody") + wire(frame_stop, 9) + wire(frame_stop, 4711) +
                wire(frame_last, 0));
    BOOST_REQUIRE(client.replies.size() == 1U);
    BOOST_REQUIRE(client.log.size() == 4U);
    BOOST_TEST((client.log[0].kind == LogEvent::Kind::message));
    BOOST_TEST(client.log[0].text == "warning: watch out");
    BOOST_TEST(client.log[0].level == 1);
    BOOST_TEST((client.log[1].kind == LogEvent::Kind::substitution_started));
    BOOST_TEST((client.log[1].path == hello_out));
    BOOST_TEST((client.log[2].kind == LogEvent::Kind::other));
    BOOST_TEST((client.log[3].kind == LogEvent::Kind::download_progress));
    BOOST_TEST((client.log[3].path == hello_out));
    BOOST_TEST(client.log[3].done == 500U);
    BOOST_TEST(client.log[3].expected == 1000U);
}

BOOST_AUTO_TEST_CASE(nonsense_in_frames_and_replies_ends_the_conversation) {
    std::vector<std::string> nonsense{
        wire(0x12345678),                                           // no frame
        wire(0x64617461, 100),                                      // READ: nobody asks for data any more
        wire(frame_next) + std::string(8, '\xff'),                  // string of 2^64-1 bytes
        wire(frame_start, 1, 3, 105, "t", 1, 9, 0, 0),              // field of type 9
        wire(frame_start, 1, 3, 105, "t", 1ULL << 60),              // so many fields
        wire(frame_last, 1, "", "nothex", 0, 0, 0, 0, 0, ""),       // NAR hash
        wire(frame_last, 1, "/tmp/x", "00", 0, 0, 0, 0, 0, ""),     // deriver
        wire(frame_last, 1, "", "00", 1ULL << 61),                  // so many references
        wire(frame_error, "Error", 0, "Error", "m", 0, 1ULL << 62), // so many traces
    };
    for (const auto& bytes : nonsense) {
        auto client = Client::ready();
        client.session.request(query_path_info(hello));
        client.hear(bytes);
        BOOST_TEST(client.failure.has_value());
        BOOST_TEST(client.replies.empty());
    }
    auto client = Client::ready();
    client.session.request(build_paths({{hello, {}}}, BuildMode::normal).value());
    client.hear(wire(frame_last, 1, hello.to_string(), 0, "", 0, 0, 0, 0, 0, 0) +
                wire(1, "sha256:x!out", "{\"id\": 1}"));
    BOOST_TEST(client.failure.has_value());
}

BOOST_AUTO_TEST_CASE(garbage_and_roots_have_their_layouts) {
    auto client = Client::ready();
    std::vector<StorePath> paths{hello};
    client.session.take_output();
    client.session.request(delete_paths(paths));
    auto all = ~std::uint64_t(0);
    BOOST_TEST((client.session.take_output() == wire(20, 3, 1, hello.to_string(), 0, all, 0, 0, 0)));
    client.session.request(find_dead());
    BOOST_TEST((client.session.take_output() == wire(20, 1, 0, 0, all, 0, 0, 0)));
    client.session.request(add_indirect_root("/tmp/link").value());
    BOOST_TEST((client.session.take_output() == wire(12, "/tmp/link")));
    client.session.request(add_temp_root(hello));
    BOOST_TEST((client.session.take_output() == wire(11, hello.to_string())));
    client.session.request(ensure_path(hello));
    BOOST_TEST((client.session.take_output() == wire(10, hello.to_string())));
    client.session.request(query_valid_paths(paths));
    BOOST_TEST((client.session.take_output() == wire(31, 1, hello.to_string(), 0)));
    client.hear(wire(frame_last, 1, hello.to_string(), 4096, 0));
    client.hear(wire(frame_last, 0, 0, 0) + wire(frame_last, 1) + wire(frame_last, 1) + wire(frame_last, 1) +
                wire(frame_last, 1, hello.to_string()));
    BOOST_REQUIRE(client.replies.size() == 6U);
    BOOST_TEST(client.reply<Garbage>().bytes_freed == 4096U);
    BOOST_TEST((client.reply<std::vector<StorePath>>(5) == paths));
    BOOST_TEST(!client.session.has_unread());
}

BOOST_AUTO_TEST_CASE(what_the_daemon_would_hang_up_on_is_never_sent) {
    BOOST_TEST((DerivedPath{hello, {"out", "dev"}}.to_wire() == hello.to_string() + "!out,dev"));
    BOOST_TEST((DerivedPath{hello, {}}.to_wire() == hello.to_string()));
    for (const auto* output : {"", "a,b", "a!b", "a^b", "a b", "out\n"})
        BOOST_TEST(!build_paths({{hello, {output}}}, BuildMode::normal).has_value());
    BOOST_TEST(!build_paths({{hello, {"*", "out"}}}, BuildMode::normal).has_value());
    BOOST_TEST(!add_indirect_root("relative/link").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
