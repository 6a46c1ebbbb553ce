#include "presence/nix_configuration.hpp"

#include "base/version.hpp"
#include "event/event.hpp"
#include "http/client.hpp"

#include <algorithm>
#include <unistd.h>

namespace cachefill::presence {

using async::Task;
namespace fs = std::filesystem;

namespace {

enum class Readability { absent, readable, refused };

Readability look_at(const fs::path& file) {
    std::error_code error;
    bool exists = fs::exists(file, error);
    if (error == std::errc::permission_denied) return Readability::refused; // its directory does not let us in
    if (!exists) return Readability::absent;
    return ::access(file.c_str(), R_OK) == 0 ? Readability::readable : Readability::refused;
}

class ClientLikeNix final : public http::Client {
  public:
    ClientLikeNix(async::Executor executor, NixConfiguration& configuration, const Environment& environment,
                  event::Sink& sink)
        : executor_(executor), configuration_(configuration), environment_(environment), sink_(sink) {}

    Task<Result<http::Response>> send(http::Request request) override {
        if (!client_) {
            const auto* nix = co_await configuration_.read();
            if (!client_) make(*nix ? &**nix : nullptr); // another request may have come first
        }
        co_return co_await client_->send(std::move(request));
    }

  private:
    void make(const daemon::Settings* nix) {
        auto settings = client_settings_like(nix, environment_);
        auto files = find_netrc_files(nix, environment_);
        settings.netrc = std::move(files.readable);
        for (const auto& file : files.unreadable) {
            event::Message message{.severity = event::Severity::warning,
                                   .text =
                                       "this user may not read " + file.string() + ", which holds logins for caches",
                                   .hint = "what wants one of them will refuse us: let this user read the file, or put "
                                           "the login into ~/.netrc"};
            sink_.on_event(message);
        }
        client_ = http::make_client(executor_, std::move(settings));
    }

    async::Executor executor_;
    NixConfiguration& configuration_;
    const Environment& environment_;
    event::Sink& sink_;
    std::unique_ptr<http::Client> client_;
};

} // namespace

Task<const Result<daemon::Settings>*> NixConfiguration::read() {
    while (!settings_) {
        if (is_asking_) {
            co_await answered_.wait();
            continue;
        }
        // Whoever asks may be cancelled; then the next one asks.
        struct Asking {
            NixConfiguration& self;
            explicit Asking(NixConfiguration& configuration) : self(configuration) { self.is_asking_ = true; }
            ~Asking() {
                self.is_asking_ = false;
                self.answered_.notify_all();
            }
        } asking(*this);
        std::vector<std::string> arguments;
        if (!store_.empty()) arguments = {"--store", store_};
        auto environment = environment_.without_our_secrets();
        settings_.emplace(co_await ask_(std::move(environment), std::move(arguments)));
    }
    co_return &*settings_;
}

http::ClientSettings client_settings_like(const daemon::Settings* nix, const Environment& environment) {
    http::ClientSettings settings;
    settings.user_agent = std::string("cachefill/") + version;
    settings.environment = environment;
    if (!nix) return settings;
    if (nix->http_connections) settings.connections_per_host = *nix->http_connections;
    if (nix->connect_timeout) settings.connect_timeout = *nix->connect_timeout;
    if (nix->stalled_timeout) settings.stall_timeout = *nix->stalled_timeout;
    // What the variables say it repeats, and a message about them should name them.
    bool by_variable = !environment.get_or("NIX_SSL_CERT_FILE").empty() || !environment.get_or("SSL_CERT_FILE").empty();
    bool is_variables = by_variable && (nix->ssl_cert_file == environment.get_or("NIX_SSL_CERT_FILE") ||
                                        nix->ssl_cert_file == environment.get_or("SSL_CERT_FILE"));
    if (!is_variables) settings.certificates = nix->ssl_cert_file;
    return settings;
}

NetrcFiles find_netrc_files(const daemon::Settings* nix, const Environment& environment) {
    auto home = environment.get_or("HOME");
    fs::path own = environment.get_or("NETRC", home.empty() ? "" : home + "/.netrc");
    fs::path of_nix = nix && !nix->netrc_file.empty() ? nix->netrc_file : fs::path("/etc/nix/netrc");
    NetrcFiles files;
    for (const auto& file : {own, of_nix}) {
        if (file.empty() || std::count(files.readable.begin(), files.readable.end(), file)) continue;
        auto readability = look_at(file);
        if (readability == Readability::readable) files.readable.push_back(file);
        if (readability == Readability::refused) files.unreadable.push_back(file);
    }
    return files;
}

std::unique_ptr<http::Client> make_client_like_nix(async::Executor executor, NixConfiguration& configuration,
                                                   const Environment& environment, event::Sink& sink) {
    return std::make_unique<ClientLikeNix>(executor, configuration, environment, sink);
}

} // namespace cachefill::presence
