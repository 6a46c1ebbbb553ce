// The stand-in of attic's server as a program, for end-to-end tests. Runs until SIGTERM or SIGINT.
#include "base/files.hpp"
#include "support/attic_server.hpp"
#include "support/server_signals.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

using namespace cachefill;

int main(int argc, char** argv) {
    const test::ServerSignals signals;

    test::AtticServerSettings settings;
    std::string port_file, faults;
    std::uint64_t retention = 0;
    int work = 0;
    CLI::App app("A stand-in of attic's server for tests");
    app.add_option("--cache", settings.cache, "name of the cache");
    app.add_option("--dir", settings.directory, "where it keeps everything")->required();
    app.add_option("--port-file", port_file, "written as JSON when ready: url, public_key")->required();
    app.add_option("--push-token", settings.push_tokens, "repeatable");
    app.add_option("--pull-token", settings.pull_tokens, "repeatable");
    app.add_flag("--private", settings.is_private, "nothing without a token");
    app.add_option("--upstream-key", settings.upstream_key_names, "names of keys, repeatable");
    app.add_option("--retention", retention, "seconds; 0: the server's own");
    app.add_option("--body-limit", settings.body_limit, "bytes, as of a proxy before it");
    app.add_option("--work-ms-per-mib", work, "after the last byte of a NAR");
    app.add_option("--faults", faults, "JSON as POST /_faults takes it");
    app.add_option("--log-file", settings.log_file, "request log, appended");
    CLI11_PARSE(app, argc, argv);
    if (retention > 0) settings.retention = retention;
    settings.work_per_mebibyte = std::chrono::milliseconds(work);

    test::AtticServer server(std::move(settings));
    if (!faults.empty()) {
        auto set = server.set_faults_json(faults);
        if (!set) {
            std::cerr << "attic-server: --faults: " << set.error().cause() << "\n";
            return 2;
        }
    }
    nlohmann::json ready{{"url", server.url()}, {"public_key", server.public_key()}};
    if (auto written = write_file_atomically(port_file, ready.dump() + "\n"); !written) {
        std::cerr << "attic-server: " << written.error().cause() << "\n";
        return 1;
    }
    signals.wait();
    return 0;
}
