#include "app/ask_secret.hpp"
#include "app/commands/commands.hpp"
#include "app/voice.hpp"
#include "base/text.hpp"
#include "cache/make_cache.hpp"
#include "cache/token_store.hpp"
#include "options/exit_code.hpp"
#include "options/typed.hpp"

#include <cstdio>
#include <unistd.h>

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s; // with a cache that does not answer: the token is stored anyway

void say_line(const std::string& text) { say(text + "\n"); }

Failure no_cache(const options::Settings& settings) {
    return options::no_cache_named(settings,
                                   "name it: cachefill login NAME (of a Cachix cache), or its https:// address");
}

Result<Secret> get_token(const options::Settings& settings, const cache::CacheUri& uri) {
    bool asks = !settings.token_stdin && ::isatty(STDIN_FILENO) == 1;
    if (asks && uri.scheme == cache::Scheme::cachix)
        std::fputs("a token is made at https://app.cachix.org, with write permission for pushing\n", stderr);
    if (asks && uri.scheme == cache::Scheme::attic)
        std::fputs("a token is made on the server: atticadm make-token --sub NAME --validity 1y --pull CACHE --push "
                   "CACHE\n",
                   stderr);
    TRY(given, asks ? ask_secret("token for " + uri.name + " (not shown): ") : read_secret());
    TRY(token, cache::parse_token(given.reveal(), "what was given"));
    if (token.empty())
        return Failure(FailureKind::usage, "no token was given; nothing was stored")
            .with_hint("without a terminal it is read from standard input: cachefill login NAME < FILE");
    return token;
}

// What the cache says of the token: a sentence, or why it is not to be stored.
Task<Result<std::string>> examine(session::Session& session, cache::CacheUri uri, Secret token) {
    cache::Credentials credentials;
    credentials.token_source.clear(); // it was just given
    bool is_cachix = uri.scheme == cache::Scheme::cachix, is_attic = uri.scheme == cache::Scheme::attic;
    bool is_niks3 = uri.scheme == cache::Scheme::niks3;
    if (is_attic) {
        // Where the server is; what it finds as a token is not what was given.
        CO_TRY_VOID(cache::find_identity_of(credentials, session.environment(), uri, cache::AtticCacheIs::ours));
        credentials.attic.token = std::move(token);
        credentials.attic.source.clear();
        credentials.attic.is_of_endpoint = false;
    } else if (is_niks3) {
        credentials.niks3.token = std::move(token);
    } else if (is_cachix) {
        credentials.token = std::move(token);
    } else {
        credentials.bearer = credentials.read_bearer = std::move(token);
    }
    async::RetryPolicy retry{.budget = patience};
    auto name = uri.name;
    auto cache = session.make_cache(uri, std::move(credentials), retry, false);
    auto info = co_await cache->open();
    if (!info && (info.error().kind() == FailureKind::auth || info.error().kind() == FailureKind::usage))
        co_return std::move(info).error().with_context("trying the token, which is not stored");
    if (!info) co_return "it could not be tried: " + info.error().one_line();
    if (is_niks3 && info->permission != cache::Permission::write)
        co_return Failure(FailureKind::auth, "the server of " + name + " does not accept it")
            .with_context("trying the token, which is not stored");
    if (!is_cachix && !is_attic && !is_niks3)
        co_return name + " can be read with it; whether it may write shows when something is pushed";
    if (info->permission == cache::Permission::write) co_return "it may read and write " + name;
    if (info->permission == cache::Permission::read)
        co_return "it may only read " + name + ": pushing needs a token with write permission";
    co_return "what it may do, " + name + " does not say";
}

Task<Result<void>> log_in(session::Session& session) {
    const auto& settings = session.settings();
    if (settings.cache.empty()) co_return no_cache(settings);
    CO_TRY(uri, cache::CacheUri::parse(settings.cache.reveal()));
    CO_TRY(variable, cache::token_name(uri));
    if (settings.forget) {
        CO_TRY(was_there, cache::forget_token(session.environment(), variable));
        say_line(was_there ? "the token for " + uri.name + " is forgotten"
                           : "no token was stored for " + uri.name + "; nothing was done");
        co_return Result<void>();
    }
    CO_TRY(token, get_token(settings, uri));
    auto tried = token;
    auto asked = uri;
    CO_TRY(finding, co_await examine(session, std::move(asked), std::move(tried)));
    CO_TRY(file, cache::store_token(session.environment(), variable, token));
    say_line("stored in " + file.string());
    say_line(finding);
    for (const auto& name : {variable, cache::token_variable(uri.scheme)})
        if (!session.environment().get_or(name).empty())
            say_line("note: " + name + " is set, and wins over what is stored");
    co_return Result<void>();
}

} // namespace

Task<int> login_command(CommandContext& context) {
    auto done = co_await log_in(context.session);
    if (done) co_return static_cast<int>(options::ExitCode::complete);
    context.console.print_error(done.error());
    co_return static_cast<int>(options::exit_code_for(done.error().kind()));
}

} // namespace cachefill::app
