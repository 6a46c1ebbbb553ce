#include "cache/attic_login.hpp"

#include "base/text.hpp"
#include "cache/attic_configuration.hpp"
#include "cache/token_store.hpp"
#include "http/url.hpp"

namespace cachefill::cache {

namespace {

constexpr const char* own_file_hint =
    "'attic login NAME URL TOKEN' writes it there; or name the server by its address: attic://HOST/CACHE";

struct OwnFile {
    std::string source; // "the file …"
    AtticConfiguration configuration;
};

// Empty: there is none.
Result<std::optional<OwnFile>> read_own_file(const Environment& environment) {
    auto file = attic_configuration_file(environment);
    if (file.empty()) return std::optional<OwnFile>();
    TRY(text, read_private_file(file, Links::follow));
    if (!text) return std::optional<OwnFile>();
    auto source = "the file " + file.string();
    TRY(configuration, with_context(parse_attic_configuration(*text), "reading " + source));
    return std::optional<OwnFile>(OwnFile{std::move(source), std::move(configuration)});
}

Failure no_server(const AtticPlace& place, const std::string& why) {
    return Failure(FailureKind::usage, "which server " + place.to_string() + " is on is not known: " + why)
        .with_hint(own_file_hint);
}

std::string names_of(const AtticConfiguration& configuration) {
    std::vector<std::string> names;
    for (const auto& [name, server] : configuration.servers) names.push_back(sanitize(name));
    return names.empty() ? "none" : join(names, ", ");
}

// The entry of a server that has a name, or of the default one.
Result<std::string> name_in(const AtticPlace& place, const OwnFile& own) {
    const auto& servers = own.configuration.servers;
    auto name = place.server.empty() ? own.configuration.default_server : place.server;
    if (name.empty() && servers.size() == 1) return servers.begin()->first;
    if (name.empty())
        return no_server(place, own.source + " has no default-server; it has: " + names_of(own.configuration));
    if (!servers.contains(name))
        return no_server(place, own.source + " has no server '" + sanitize(name) +
                                    "'; it has: " + names_of(own.configuration));
    return name;
}

Result<std::string> endpoint_of(const AtticServer& server, const std::string& name, const OwnFile& own) {
    auto url = http::parse_url(server.endpoint);
    bool is_plain = url && !url->credentials && server.endpoint.find_first_of("?#") == std::string::npos;
    if (!is_plain)
        return Failure(FailureKind::usage, "the endpoint of '" + sanitize(name) + "' in " + own.source +
                                               " is no address of a server: " + redact_url(sanitize(server.endpoint)));
    return http::without_slash_at_end(url->to_string());
}

Result<std::optional<FoundToken>> token_of(const AtticServer& server, const OwnFile& own) {
    if (server.token.empty() && server.token_file.empty()) return std::optional<FoundToken>();
    auto source = server.token.empty() ? "the file " + sanitize(server.token_file) : own.source;
    Secret text = server.token;
    if (text.empty()) {
        TRY(content, with_context(read_named_secret(server.token_file, SecretKind::token),
                                  "reading the token-file that " + own.source + " names"));
        text = Secret(std::move(content));
    }
    TRY(token, parse_token(text.reveal(), source));
    return std::optional<FoundToken>(FoundToken{std::move(token), std::move(source)});
}

class TokenSearch {
  public:
    TokenSearch(AtticLogin& login, const Environment& environment) : login_(login), environment_(environment) {
        auto url = http::parse_url(login.endpoint);
        is_in_the_open_ = url && http::is_in_the_open(*url);
    }

    Result<void> look_in_variable(const std::string& variable, const std::string& file_variable) {
        if (login_.token) return {};
        TRY(found, find_token_in(environment_, variable, file_variable));
        if (found) take(FoundToken{std::move(*found), variable}, false);
        return {};
    }

    void look_in(Result<std::optional<FoundToken>> found, bool is_of_endpoint) {
        if (login_.token) return;
        if (!found)
            login_.passed_over.push_back(found.error().one_line());
        else if (*found)
            take(std::move(**found), is_of_endpoint);
    }

  private:
    void take(FoundToken found, bool is_of_endpoint) {
        if (is_in_the_open_ && !is_of_endpoint) {
            login_.passed_over.push_back("the token in " + found.source + " would go to " + login_.endpoint +
                                         " unencrypted, and is not sent (one from attic's own configuration, or from "
                                         "an entry of netrc for that host, is)");
            return;
        }
        login_.token = std::move(found.token);
        login_.source = std::move(found.source);
        login_.is_of_endpoint = is_of_endpoint;
    }

    AtticLogin& login_;
    const Environment& environment_;
    bool is_in_the_open_ = false;
};

const AtticServer* find_by_endpoint(const AtticConfiguration& configuration, const std::string& endpoint) {
    for (const auto& [name, server] : configuration.servers)
        if (auto url = http::parse_url(server.endpoint);
            url && http::without_slash_at_end(url->to_string()) == endpoint)
            return &server;
    return nullptr;
}

} // namespace

Result<AtticLogin> find_attic_login(const Environment& environment, const AtticPlace& place, const std::string& name,
                                    AtticCacheIs whose) {
    AtticLogin login;
    auto own = read_own_file(environment);
    const AtticServer* server = nullptr;
    if (place.is_address()) {
        login.endpoint = place.endpoint();
        if (auto url = http::parse_url(login.endpoint)) login.endpoint = http::without_slash_at_end(url->to_string());
        if (own && *own) server = find_by_endpoint((*own)->configuration, login.endpoint);
        if (!own) login.passed_over.push_back(own.error().one_line());
    } else {
        if (!own) return std::move(own).error();
        if (!*own) {
            auto file = attic_configuration_file(environment);
            return no_server(place, file.empty() ? "attic's own configuration file is not looked at here"
                                                 : "there is no " + file.string());
        }
        TRY(entry, name_in(place, **own));
        server = &(*own)->configuration.servers.at(entry);
        TRY(endpoint, endpoint_of(*server, entry, **own));
        login.endpoint = std::move(endpoint);
    }
    TokenSearch search(login, environment);
    auto file_of = [](const std::string& variable) {
        return variable == "ATTIC_TOKEN" ? std::string("ATTIC_TOKEN_FILE") : "ATTIC_TOKEN_FILE" + variable.substr(11);
    };
    TRY_VOID(search.look_in_variable(name, file_of(name)));
    if (whose == AtticCacheIs::ours) TRY_VOID(search.look_in_variable("ATTIC_TOKEN", file_of("ATTIC_TOKEN")));
    if (!login.token) search.look_in(find_stored_token(environment, name), false);
    if (server && !login.token) search.look_in(token_of(*server, **own), true);
    return login;
}

} // namespace cachefill::cache
