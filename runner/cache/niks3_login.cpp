#include "cache/niks3_login.hpp"

#include "base/text.hpp"
#include "cache/token_store.hpp"
#include "http/url.hpp"

namespace cachefill::cache {

namespace {

constexpr std::string_view variable_of_all = "NIKS3_AUTH_TOKEN";

// As niks3's own client does: what names no server is for the one that this variable names.
bool is_server_meant(const Environment& environment, const Niks3Place& place) {
    auto named = environment.get_or("NIKS3_SERVER_URL");
    if (named.empty()) return true;
    auto theirs = http::parse_url(named), ours = http::parse_url(place.endpoint());
    return theirs && ours && http::is_same_host(*theirs, *ours);
}

Result<std::optional<FoundToken>> find_token_of_niks3(const Environment& environment) {
    auto home = configuration_home(environment);
    if (home.empty()) return std::optional<FoundToken>();
    auto file = home / "niks3" / "auth-token";
    TRY(text, read_private_file(file, Links::follow));
    if (!text) return std::optional<FoundToken>();
    auto source = "the file " + file.string();
    TRY(token, parse_token(*text, source));
    if (token.empty()) return std::optional<FoundToken>();
    return std::optional<FoundToken>(FoundToken{std::move(token), std::move(source)});
}

class TokenSearch {
  public:
    TokenSearch(Niks3Login& login, const Environment& environment, const Niks3Place& place)
        : login_(login), environment_(environment), place_(place) {
        auto url = http::parse_url(place.endpoint());
        is_in_the_open_ = !url || http::is_in_the_open(*url);
    }

    Result<void> look_in_variable(const std::string& variable, const std::string& file_variable) {
        if (login_.token) return {};
        TRY(found, find_token_in(environment_, variable, file_variable));
        if (found) take(FoundToken{std::move(*found), variable});
        return {};
    }

    void look_in(Result<std::optional<FoundToken>> found) {
        if (login_.token) return;
        if (!found)
            login_.passed_over.push_back(found.error().one_line());
        else if (*found)
            take(std::move(**found));
    }

    void look_at_github() {
        auto url = environment_.get_or("ACTIONS_ID_TOKEN_REQUEST_URL");
        Secret token(environment_.get_or("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
        if (login_.token || url.empty() || token.empty()) return;
        if (refuse("the one that GitHub would give")) return;
        login_.request_url = std::move(url);
        login_.request_token = std::move(token);
    }

  private:
    void take(FoundToken found) {
        if (refuse("the token in " + found.source)) return;
        login_.token = std::move(found.token);
        login_.source = std::move(found.source);
    }

    bool refuse(const std::string& which) {
        if (is_in_the_open_)
            login_.passed_over.push_back(which + " would go to " + place_.endpoint() + " unencrypted, and is not sent");
        return is_in_the_open_;
    }

    Niks3Login& login_;
    const Environment& environment_;
    const Niks3Place& place_;
    bool is_in_the_open_ = false;
};

} // namespace

Result<Niks3Login> find_niks3_login(const Environment& environment, const Niks3Place& place, const std::string& name) {
    Niks3Login login;
    TokenSearch search(login, environment, place);
    const std::string of_all(variable_of_all);
    TRY_VOID(search.look_in_variable(name, of_all + "_FILE" + name.substr(of_all.size())));
    bool is_meant = is_server_meant(environment, place);
    if (is_meant) TRY_VOID(search.look_in_variable(of_all, of_all + "_FILE"));
    search.look_in(find_stored_token(environment, name));
    if (is_meant) search.look_in(find_token_of_niks3(environment));
    if (!is_meant && !login.token)
        login.passed_over.push_back("what NIKS3_AUTH_TOKEN and niks3's own file hold is for the server in "
                                    "NIKS3_SERVER_URL");
    search.look_at_github();
    return login;
}

} // namespace cachefill::cache
