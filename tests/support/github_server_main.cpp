// The stand-in of GitHub's REST API as a program, for end-to-end tests. Runs until SIGTERM or SIGINT.
#include "base/files.hpp"
#include "support/github_server.hpp"
#include "support/server_signals.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

using namespace cachefill;

int main(int argc, char** argv) {
    const test::ServerSignals signals;

    test::GithubServer::Settings settings;
    std::string url_file;
    CLI::App app("A stand-in of GitHub's REST API for tests; PUT /_state tells it what to know");
    app.add_option("--url-file", url_file, "its URL is written here when it is ready")->required();
    app.add_option("--token", settings.tokens, "accepted, repeatable");
    app.add_option("--reader", settings.readers, "of those one that may only read, repeatable");
    app.add_option("--limit", settings.limit, "requests an hour without a token");
    app.add_option("--page-size", settings.page_size, "the most per page");
    CLI11_PARSE(app, argc, argv);

    test::GithubServer server(std::move(settings));
    if (auto written = write_file_atomically(url_file, server.url() + "\n"); !written) {
        std::cerr << "github-server: " << written.error().cause() << "\n";
        return 1;
    }
    signals.wait();
    return 0;
}
