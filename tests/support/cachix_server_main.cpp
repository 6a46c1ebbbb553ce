// The stand-in of Cachix as a program, for end-to-end tests. Runs until SIGTERM or SIGINT.
#include "base/files.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "support/cachix_server.hpp"
#include "support/server_signals.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

using namespace cachefill;

int main(int argc, char** argv) {
    const test::ServerSignals signals;

    test::CachixServerSettings settings;
    std::string port_file;
    std::string faults;
    std::string public_key;
    std::vector<std::string> tokens;
    bool no_gate = false;
    bool prefer_xz = false;
    int delay = 0;
    int url_lifetime = 3600;
    CLI::App app("A stand-in of Cachix for tests");
    app.add_option("--cache", settings.cache, "name of the cache");
    app.add_option("--dir", settings.directory, "where it keeps everything")->required();
    app.add_option("--port-file", port_file, "written as JSON when ready: api, uri, uploads, public_key");
    app.add_option("--token", tokens, "rw:SECRET or ro:SECRET, repeatable");
    app.add_flag("--private", settings.is_private, "nothing without a token");
    app.add_flag("--self-signed", settings.self_signed, "clients sign");
    app.add_option("--public-key", public_key, "of a self-signed cache: NAME:BASE64 or BASE64");
    app.add_option("--upstream", settings.upstreams, "directory cache, or file of store hashes, repeatable");
    app.add_flag("--no-gate", no_gate, "serve narinfos whose closure is not complete");
    app.add_flag("--prefer-xz", prefer_xz);
    app.add_option("--url-lifetime", url_lifetime, "seconds that presigned URLs live");
    app.add_option("--delay-ms", delay, "before every answer");
    app.add_option("--faults", faults, "JSON as POST /_faults takes it");
    app.add_option("--log-file", settings.log_file, "request log, appended");
    CLI11_PARSE(app, argc, argv);

    for (const auto& token : tokens) {
        if (!token.starts_with("rw:") && !token.starts_with("ro:")) {
            std::cerr << "cachix-server: --token is rw:SECRET or ro:SECRET\n";
            return 2;
        }
        (token[1] == 'w' ? settings.write_tokens : settings.read_tokens).push_back(token.substr(3));
    }
    settings.gate = !no_gate;
    settings.url_lifetime = std::chrono::seconds(url_lifetime);
    if (prefer_xz) settings.preferred = codec::Compression::xz;

    test::CachixServer server(std::move(settings));
    if (!public_key.empty()) {
        auto bytes = codec::from_base64(public_key.substr(public_key.find(':') + 1));
        if (!bytes || bytes->size() != 32) {
            std::cerr << "cachix-server: bad --public-key\n";
            return 2;
        }
        server.set_public_key(*bytes);
    }
    if (!faults.empty()) {
        auto set = server.set_faults_json(faults);
        if (!set) {
            std::cerr << "cachix-server: --faults: " << set.error().cause() << "\n";
            return 2;
        }
    }
    if (delay > 0) server.set_delay(std::chrono::milliseconds(delay));

    nlohmann::json ready;
    ready["api"] = server.api_url();
    ready["uri"] = server.uri();
    ready["uploads"] = server.upload_url();
    ready["public_key"] = server.public_key().value_or("");
    if (port_file.empty()) {
        std::cout << ready.dump() << std::endl;
    } else if (auto written = write_file_atomically(port_file, ready.dump() + "\n"); !written) {
        std::cerr << "cachix-server: " << written.error().cause() << "\n";
        return 1;
    }
    signals.wait();
    return 0;
}
