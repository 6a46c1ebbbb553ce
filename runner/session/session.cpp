#include "session/session.hpp"

#include "async/beside.hpp"
#include "async/git.hpp"
#include "async/together.hpp"
#include "async/within.hpp"
#include "base/ownership.hpp"
#include "base/secret_variables.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cache/attic_configuration.hpp"
#include "cache/cache_uri.hpp"
#include "cache/make_cache.hpp"
#include "daemon/lasting_connection.hpp"
#include "eval/evaluator.hpp"
#include "eval/temporary_place.hpp"
#include "event/event.hpp"
#include "http/client.hpp"
#include "options/state_directory.hpp"
#include "options/typed.hpp"
#include "presence/nix_configuration.hpp"
#include "presence/open_cache.hpp"
#include "presence/opened_cache.hpp"
#include "presence/upstreams.hpp"
#include "session/cache_credentials.hpp"
#include "session/git_configuration.hpp"
#include "session/outside.hpp"
#include "session/shard_kinds.hpp"
#include "session/slow_cache.hpp"

#include <algorithm>
#include <set>

namespace cachefill::session {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto request_patience = 2s;
constexpr std::chrono::milliseconds patience_of_who_looks = 15s; // a person waits, and can ask again

// A store is a directory, too, and evaluators need not run where we do.
std::string absolute_store(const std::string& uri) {
    bool is_relative = !uri.starts_with('/') && uri.find("://") == uri.npos && uri.find('/') < uri.find('?');
    return is_relative ? std::filesystem::absolute(uri).lexically_normal().string() : uri;
}

// Files of ours that evaluators have no use for, wherever they lie.
std::vector<std::filesystem::path> secret_files(const options::Settings& settings, const Environment& environment) {
    auto files = files_of_secrets(environment);
    for (auto& file : cache::attic_secret_files(environment)) files.push_back(std::move(file));
    for (const auto& cache : settings.push_caches)
        for (const auto& file : {cache.token_file, cache.signing_key_file})
            if (!file.empty()) files.push_back(file);
    return files;
}

// Nix itself fetches with the key in the environment, so its processes have it. One that may write to the bucket which
// is filled is none of an evaluation's, which reads variables where it is impure.
bool fills_bucket(const options::Settings& settings) {
    auto is_bucket = [](const GivenUrl& cache) {
        auto uri = cache::CacheUri::parse(cache.reveal());
        return uri && uri->scheme == cache::Scheme::s3;
    };
    return is_bucket(settings.cache) || std::any_of(settings.also_push.begin(), settings.also_push.end(), is_bucket);
}

using Opening = Task<Result<presence::OpenedCache>>;

// However long a single request may wait for a server that is silent.
Opening in_time(async::Clock& clock, std::chrono::milliseconds limit, Opening opening, std::string name) {
    auto opened = co_await async::within(clock, limit, std::move(opening));
    if (opened) co_return std::move(*opened);
    Failure silent(FailureKind::timeout, "it did not answer within " + human_duration(limit));
    co_return std::move(silent).with_context("reaching the cache " + name);
}

} // namespace

Session::Session(async::Executor executor, const options::Settings& settings, const Environment& environment,
                 event::Sink& sink, std::shared_ptr<Outside> outside)
    : executor_(executor), settings_(settings), environment_(environment), sink_(sink),
      outside_(outside ? std::move(outside) : std::make_shared<Outside>()),
      workers_(std::make_unique<async::WorkerPool>(executor, outside_->threads())),
      nix_configuration_(std::make_unique<presence::NixConfiguration>(
          executor, environment, settings.store,
          [outside = outside_](Environment asking, std::vector<std::string> arguments) {
              return outside->nix_settings(std::move(asking), std::move(arguments));
          })),
      client_(make_client_like_nix(executor, *nix_configuration_, environment, sink)),
      state_directory_(state_directory_of(settings, environment)) {}

Session::~Session() = default;

async::Clock& Session::clock() { return outside_->clock(); }

Task<std::vector<Failure>> Session::preflight(Need need, bool with_store, std::function<void()> on_store) {
    std::vector<Failure> findings;
    check_state_directory(findings);
    auto store_side = [](Session& session, std::vector<Failure>& found,
                         const std::function<void()>& then) -> Task<void> {
        co_await session.find_nix(found);
        if (session.has_store() && then) then();
    };
    auto checks = [&](async::TaskGroup& group) {
        if (with_store) group.spawn(store_side(*this, findings, on_store));
        group.spawn(open_cache(need, findings));
    };
    co_await async::together(checks);
    if (with_store && findings.empty()) check_disk(findings);
    co_return findings;
}

Task<std::vector<Failure>> Session::find_store() {
    std::vector<Failure> findings;
    check_state_directory(findings);
    co_await find_nix(findings);
    co_return findings;
}

void Session::check_state_directory(std::vector<Failure>& findings) {
    auto state = options::make_state_directory(state_directory_, settings_.on_github);
    may_use_state_ = state.has_value();
    if (state) return;
    findings.push_back(
        std::move(state).error().with_hint("--state-directory names another place for cachefill's state"));
}

eval::EvalSettings Session::eval_settings(std::string flake) {
    eval::EvalSettings eval_settings;
    eval_settings.flake = std::move(flake);
    eval_settings.store_uri = absolute_store(settings_.store);
    // A user's own store lies where run_nix() lets no Nix look any more.
    bool is_private_store = (nix_.store.empty() || nix_.store == "auto") && !endpoint_.physical_root.empty();
    if (eval_settings.store_uri.empty() && is_private_store) eval_settings.store_uri = endpoint_.command.back();
    eval_settings.nix_version = nix_.nix_version;
    eval_settings.environment = environment_.without_our_secrets();
    if (fills_bucket(settings_))
        for (const auto* name : {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"})
            eval_settings.environment.unset(name);
    if (auto store = environment_.get_or("NIX_REMOTE"); !store.empty())
        eval_settings.environment.set("NIX_REMOTE", absolute_store(store));
    eval_settings.impure = settings_.impure;
    eval_settings.import_from_derivation = settings_.import_from_derivation;
    eval_settings.confining = {.is_wanted = settings_.confine_evaluation,
                               .has_daemon = endpoint_.command.empty(),
                               .store_root = endpoint_.physical_root,
                               .readable = {nix_.netrc_file, nix_.ssl_cert_file},
                               .closed = secret_files(settings_, environment_)};
    for (auto& file : files_of_git_logins(git_logins_, environment_))
        eval_settings.confining.closed.push_back(std::move(file));
    auto registry = nix_.by_name.find("flake-registry"); // a URL, mostly
    if (registry != nix_.by_name.end() && registry->second.starts_with('/'))
        eval_settings.confining.readable.emplace_back(registry->second);
    eval_settings.accept_flake_config = settings_.accept_flake_config;
    eval_settings.jobs = settings_.eval_jobs;
    eval_settings.deadline = settings_.eval_timeout;
    eval_settings.before_git = git_guard();
    if (!eval_settings.before_git.empty()) {
        eval_settings.confining.readable.push_back(eval_settings.before_git);
        eval_settings.confining.readable.push_back(settings_.executable);
    }
    if (may_use_state_) eval_settings.past_evaluations = state_directory_ / "evaluation-memory.json";
    eval_settings.expects_refusals = !settings_.fresh;
    return eval_settings;
}

// The folder with what stands before Nix's git: where nobody else can put another program in its place.
std::filesystem::path Session::git_guard() {
    if (settings_.executable.empty()) return {};
    if (git_guard_) return git_guard_->path();
    std::error_code ignored;
    std::optional<Failure> failure;
    std::vector<std::filesystem::path> parents{std::filesystem::temp_directory_path(ignored)};
    if (may_use_state_) parents.push_back(state_directory_);
    for (const auto& parent : parents) {
        if (auto why = why_not_ours_alone(parent / "cachefill-git"); !why.empty() && !settings_.on_github) {
            failure = Failure(FailureKind::machine, "no program is kept in " + parent.string() + ": " + why);
            continue;
        }
        auto made = async::make_git_guard(parent, settings_.executable);
        if (made) return git_guard_.emplace(std::move(*made)).path();
        failure = std::move(made).error();
    }
    event::Message message{.severity = event::Severity::warning,
                           .text = failure->one_line(),
                           .hint = "the git that Nix starts may run what the settings of a downloaded folder name"};
    sink_.on_event(message);
    return {};
}

Task<Result<void>> Session::learn_nix() {
    const auto* nix = co_await nix_configuration_->read();
    if (!*nix) co_return nix->error();
    nix_ = **nix;
    auto endpoint = daemon::find_endpoint(nix_.store, environment_.without_our_secrets(), nix_.version);
    if (!endpoint) co_return std::move(endpoint).error();
    endpoint_ = std::move(*endpoint);
    co_return Result<void>();
}

Task<void> Session::find_nix(std::vector<Failure>& findings) {
    if (auto usable = eval::check_temporary_place(environment_); !usable) {
        findings.push_back(std::move(usable).error());
        co_return;
    }
    auto learnt = co_await learn_nix();
    if (!learnt) {
        findings.push_back(std::move(learnt).error());
        co_return;
    }
    git_logins_ = co_await read_git_logins(environment_);
    machines_ = machines_from(nix_, settings_.jobs);
    if (settings_.is_for_shards())
        for (auto& kind : shard_kinds(settings_, nix_)) machines_.abilities.push_back(std::move(kind.machine));
    for (const auto& failure : machines_.unreadable) {
        event::Message message{.severity = event::Severity::warning,
                               .text = "some of Nix's builders are not known: " + failure.one_line(),
                               .hint = "what only they could build counts as not buildable here"};
        sink_.on_event(message);
    }
    auto connection = co_await daemon::connect_lasting(endpoint_);
    if (!connection) {
        findings.push_back(std::move(connection).error());
        co_return;
    }
    connection_ = std::move(*connection);
}

Task<void> Session::open_cache(Need need, std::vector<Failure>& findings) {
    if (settings_.cache.empty()) {
        findings.push_back(options::no_cache_named(
            settings_,
            "give one with --cache, in CACHEFILL_CACHE, or as 'cache:' in ~/.config/cachefill/cachefill.yml: NAME "
            "(Cachix), https://HOST/PATH, or file:///DIRECTORY to try it out" +
                options::cache_among_words(settings_)));
        co_return;
    }
    auto uri = cache::CacheUri::parse(settings_.cache.reveal());
    if (!uri) {
        findings.push_back(std::move(uri).error());
        co_return;
    }
    auto credentials = credentials_for_own(settings_, environment_, *uri);
    if (!credentials) {
        findings.push_back(std::move(credentials).error());
        co_return;
    }
    cache_token_ = credentials->token;
    async::RetryPolicy retry{.budget = settings_.retry_budget};
    if (need == Need::looking) retry.budget = std::min(retry.budget, patience_of_who_looks);
    auto backend = make_cache(*uri, *credentials, retry, need == Need::writing);
    auto use = need == Need::writing ? presence::Use::fill : presence::Use::read;
    std::vector<nix::PublicKey> more_keys; // those of the options are added by cache_keys()
    auto opening = presence::open_cache(std::move(backend), use, std::move(more_keys), sink_);
    if (need == Need::looking) opening = in_time(clock(), retry.budget, std::move(opening), uri->name);
    auto by = need == Need::looking ? std::string() : std::string(" (--retry-budget)");
    SlowCache slow{.name = uri->name,
                   .hint = "it is asked again for " + human_duration(retry.budget) + " in all" + by +
                           "; what was wrong is told then"};
    OtherCaches others = [this, own = uri->to_string()] { return other_caches(own); };
    auto words = tell_of_slow_cache(clock(), sink_, std::move(slow), std::move(others));
    auto opened = co_await async::beside(std::move(opening), std::move(words));
    if (opened) {
        cache_ = std::move(opened->backend);
        cache_info_ = std::move(opened->info);
    } else if (need == Need::looking) {
        cache_ = make_cache(*uri, std::move(*credentials), retry, false);
        cache_failure_ = std::move(opened).error();
    } else {
        findings.push_back(std::move(opened).error());
    }
}

// What is read besides the own cache: the given upstreams, and what this machine's Nix asks, if that is known by now.
std::vector<std::unique_ptr<cache::BinaryCache>> Session::other_caches(const std::string& own) {
    std::vector<std::unique_ptr<cache::BinaryCache>> others;
    if (settings_.offline) return others;
    std::set<std::string> known{own};
    auto add = [&](std::optional<cache::CacheUri> uri, const std::string& text) {
        if (!uri || uri->scheme == cache::Scheme::file || presence::is_ignored(settings_.upstreams_ignore, text))
            return;
        if (known.insert(uri->to_string()).second) others.push_back(make_upstream(*uri));
    };
    for (const auto& given : settings_.upstreams)
        if (auto uri = cache::CacheUri::parse(given.reveal())) add(*uri, std::string(given.reveal()));
    if (nix_.substitute)
        for (const auto& substituter : nix_.substituters) add(cache::parse_substituter(substituter), substituter);
    return others;
}

void Session::check_disk(std::vector<Failure>& findings) const {
    auto store = endpoint_.physical_root.string() + std::string(nix::store_dir);
    auto free_bytes = outside_->free_bytes(store);
    if (!free_bytes || *free_bytes >= settings_.min_free) return; // a store that is not there yet has no size
    findings.push_back(Failure(FailureKind::machine, "only " + human_bytes(*free_bytes) + " are free in " + store)
                           .with_hint("free some space (nix-collect-garbage), or lower --min-free"));
}

std::vector<nix::PublicKey> Session::cache_keys() const {
    auto keys = cache_info_.public_keys;
    for (const auto& text : settings_.trusted_public_keys)
        if (auto key = nix::PublicKey::parse(text)) keys.push_back(*key);
    return keys;
}

bool Session::may_be_trusted() const { return connection_ && connection_->trust() != daemon::Trust::not_trusted; }

bool Session::is_trusted() const {
    if (!connection_ || connection_->trust() == daemon::Trust::unknown) return connection_ && endpoint_.socket.empty();
    return connection_->trust() == daemon::Trust::trusted;
}

presence::OpenedCache Session::take_cache() {
    return {.backend = std::move(cache_), .info = cache_info_, .keys = cache_keys()};
}

void Session::close_connection() { connection_.reset(); }

presence::Patience Session::patience() const {
    presence::Patience patience;
    patience.away = settings_.wait_for_caches;
    patience.never_seen = std::min<std::chrono::milliseconds>(patience.never_seen, patience.away);
    patience.one_path = std::min<std::chrono::milliseconds>(patience.one_path, patience.away);
    patience.offline = settings_.offline;
    patience.build_unknown = settings_.build_unknown;
    return patience;
}

std::unique_ptr<cache::BinaryCache> Session::make_cache(const cache::CacheUri& uri, cache::Credentials credentials,
                                                        async::RetryPolicy retry, bool for_writing, Whose whose) {
    cache::CacheContext context{.executor = executor_,
                                .client = *client_,
                                .workers = *workers_,
                                .retry = retry,
                                .spool_directory = state_directory_ / "spool",
                                .cachix_api = environment_.get_or("CACHEFILL_CACHIX_API", "https://cachix.org"),
                                .for_writing = for_writing,
                                .is_own = whose == Whose::ours,
                                .clock = outside_->clock()};
    return outside_->make_cache(uri, std::move(credentials), std::move(context));
}

std::unique_ptr<cache::BinaryCache> Session::make_upstream(const cache::CacheUri& uri) {
    auto reading = credentials_for_upstream(settings_, nix_, environment_, uri);
    reading.token = uri.scheme == cache::Scheme::cachix ? cache_token_ : std::nullopt;
    async::RetryPolicy retry{.first_delay = 500ms, .budget = request_patience};
    retry.attempts = static_cast<int>(std::min<std::uint64_t>(nix_.download_attempts.value_or(0), 1000));
    return make_cache(uri, std::move(reading), retry, false, Whose::others);
}

} // namespace cachefill::session
