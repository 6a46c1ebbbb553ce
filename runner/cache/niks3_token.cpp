#include "cache/niks3_token.hpp"

#include "base/foreign_text.hpp"
#include "cache/github_identity.hpp"

namespace cachefill::cache {

using async::Task;

namespace {

// They are good for five minutes and more.
constexpr std::chrono::minutes surely_good{3};

} // namespace

Niks3Token::Niks3Token(async::Executor executor, http::Client& client, const async::Clock& clock, Niks3Login login)
    : client_(client), clock_(clock), login_(std::move(login)), one_at_a_time_(executor, 1) {}

bool Niks3Token::forget() {
    bool was_lent = lent_.has_value();
    lent_.reset();
    return was_lent && !login_.token;
}

Task<Result<std::optional<Secret>>> Niks3Token::get() {
    if (login_.token || login_.request_url.empty()) co_return login_.token;
    auto turn = co_await one_at_a_time_.acquire();
    if (lent_ && clock_.now() - lent_at_ < surely_good) co_return lent_;
    if (audience_.empty() && !wanted_.empty())
        co_return Failure(FailureKind::auth, "the server asks for a token of GitHub that is made out for '" +
                                                 shown_name(wanted_) + "', which is not its own address")
            .with_hint("if that is its name, say so: niks3://HOST?audience=NAME");
    if (audience_.empty())
        co_return Failure(FailureKind::auth, "the server takes no tokens of GitHub")
            .with_hint("whoever runs it has to configure OIDC for GitHub and this repository (niks3's option "
                       "services.niks3.oidc.providers); or give it a token as NIKS3_AUTH_TOKEN");
    GithubIdentity github{login_.request_url, login_.request_token};
    CO_TRY(token, co_await ask_github_for_token(client_, std::move(github), audience_));
    lent_ = std::move(token);
    lent_at_ = clock_.now();
    co_return lent_;
}

} // namespace cachefill::cache
