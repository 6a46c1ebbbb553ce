// The stand-in of niks3's server as a program, for end-to-end tests. Runs until SIGTERM or SIGINT.
#include "base/files.hpp"
#include "support/niks3_server.hpp"
#include "support/server_signals.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

using namespace cachefill;

int main(int argc, char** argv) {
    const test::ServerSignals signals;

    test::Niks3ServerSettings settings;
    std::string port_file, faults;
    bool is_silent = false, is_keyless = false;
    CLI::App app("A stand-in of niks3's server, and of the bucket behind it, for tests");
    app.add_option("--dir", settings.directory, "where it keeps everything")->required();
    app.add_option("--port-file", port_file, "written as JSON when ready: url, public_key")->required();
    app.add_option("--token", settings.tokens, "repeatable");
    app.add_option("--oidc-audience", settings.oidc_audience, "takes tokens of GitHub for it");
    app.add_flag("--no-cache-url", is_silent, "does not tell where it is read");
    app.add_flag("--no-key", is_keyless, "has no signing key");
    app.add_flag("--read-proxy", settings.is_read_proxy, "hands on what is in its bucket");
    app.add_option("--faults", faults, "JSON as POST /_faults takes it");
    app.add_option("--log-file", settings.log_file, "request log, appended");
    CLI11_PARSE(app, argc, argv);
    settings.tells_read_url = !is_silent;
    settings.signs = !is_keyless;

    test::Niks3Server server(std::move(settings));
    if (!faults.empty()) {
        auto set = server.set_faults_json(faults);
        if (!set) {
            std::cerr << "niks3-server: --faults: " << set.error().cause() << "\n";
            return 2;
        }
    }
    nlohmann::json ready{{"url", server.url()}, {"public_key", server.public_key()}};
    if (auto written = write_file_atomically(port_file, ready.dump() + "\n"); !written) {
        std::cerr << "niks3-server: " << written.error().cause() << "\n";
        return 1;
    }
    signals.wait();
    return 0;
}
