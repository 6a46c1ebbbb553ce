#include "doctor/doctor.hpp"

#include "async/child_process.hpp"
#include "async/deadline.hpp"
#include "base/elapsed.hpp"
#include "base/text.hpp"
#include "cache/make_cache.hpp"
#include "options/command_line.hpp"
#include "plan/availability.hpp"
#include "presence/nix_configuration.hpp"
#include "presence/opened_cache.hpp"
#include "presence/views.hpp"
#include "report/narrator.hpp"
#include "session/cache_credentials.hpp"
#include "session/evaluation.hpp"
#include "session/expected_time.hpp"
#include "session/lock_copy.hpp"
#include "session/outside.hpp"
#include "session/targets.hpp"
#include "session/upstream_rules.hpp"

#include <algorithm>
#include <unistd.h>

namespace cachefill::doctor {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto cache_patience = 5s;
constexpr auto request_patience = 2s;
constexpr auto daemon_patience = 60s;
// A host of which nothing is cached is a chain of a hundred rounds; after these all is asked at once.
constexpr int careful_rounds = 6;

// As the tools that switch know this machine: nix-darwin by its local name, the others by its host name; homes by the
// host name whole or short.
Task<std::vector<std::string>> machine_names(const Environment& environment) {
    std::vector<std::string> names;
    if (auto name = environment.get_or("CACHEFILL_HOSTNAME"); !name.empty()) names.push_back(std::move(name));
    if (!names.empty()) co_return names;
    if (async::find_program("scutil", environment)) { // macOS
        async::ProcessSpec spec;
        spec.arguments = {"scutil", "--get", "LocalHostName"};
        spec.environment = environment.without_our_secrets();
        auto answer = co_await async::run_process(std::move(spec), 5s);
        if (answer && answer->status.success()) names.emplace_back(trim(answer->output));
    }
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0) co_return names;
    const std::string whole = name;
    for (const auto& one : {whole, whole.substr(0, whole.find('.'))})
        if (!one.empty() && std::find(names.begin(), names.end(), one) == names.end()) names.push_back(one);
    co_return names;
}

} // namespace

Doctor::Doctor(session::Session& session, const session::LockCopy* updated)
    : session_(session), updated_(updated), flake_reference_(updated ? updated->flake() : session.settings().flake) {}

Doctor::~Doctor() = default;

bool Doctor::always_allow() const { return nix_.always_allow_substitutes; }

std::string Doctor::output() const {
    auto path = graph_.derivation(target_->derivation).outputs[target_->outputs.front()].path;
    return path == plan::no_path ? std::string() : graph_.path(path).to_string();
}

std::string Doctor::left_out_by() const {
    const auto& settings = session_.settings();
    auto only = eval::Selectors::parse(settings.evaluate_only);
    if (!settings.evaluate_only.empty() && only && only->selects(evaluated_->target)) return "evaluate-only";
    auto hosts = eval::Selectors::parse(settings.hosts);
    return hosts && !hosts->selects(evaluated_->target) ? "hosts" : "";
}

std::vector<std::string> Doctor::workflows() const {
    if (!session_.settings().workflows.empty()) return session_.settings().workflows;
    return git_ ? filling_workflows(git_->root) : std::vector<std::string>();
}

std::unique_ptr<eval::Evaluator> Doctor::make_evaluator(std::string flake) {
    return session::make_evaluator(session_, std::move(flake));
}

Task<Result<eval::TargetRef>> Doctor::choose() {
    std::vector<std::string> no_extra_kinds;
    CO_TRY(found, co_await evaluator_->discover(std::move(no_extra_kinds)));
    std::erase_if(found, [](const auto& target) { return !target.is_host(); });
    hosts_ = std::move(found);
    session::remember_hosts(session_, hosts_);
    wanted_ = host_wanted(session_.settings());
    wanted_.machines = co_await machine_names(session_.environment());
    auto user = session_.environment().get_or("USER", session_.environment().get_or("LOGNAME"));
    if (!user.empty()) wanted_.users.push_back(std::move(user));
    co_return choose_host(hosts_, wanted_);
}

// What an untrusted user sets for himself does not reach the daemon.
Task<Result<void>> Doctor::read_daemon_settings() {
    nix_ = session_.nix();
    if (session_.is_trusted() || session_.endpoint().socket.empty()) co_return Result<void>();
    auto environment = session_.environment().without_our_secrets();
    environment.unset("NIX_CONFIG");
    environment.set("NIX_USER_CONF_FILES", "/dev/null");
    auto nix_version = nix_.nix_version;
    CO_TRY(settings, co_await daemon::effective_settings(std::move(environment)));
    for (const auto& mine : session_.nix().substituters) {
        const auto& allowed = settings.trusted_substituters;
        bool known =
            std::find(settings.substituters.begin(), settings.substituters.end(), mine) != settings.substituters.end();
        if (!known && std::find(allowed.begin(), allowed.end(), mine) != allowed.end())
            settings.substituters.push_back(mine);
    }
    nix_ = std::move(settings);
    nix_.nix_version = std::move(nix_version);
    co_return Result<void>();
}

std::size_t Doctor::add_source(const cache::CacheUri& uri) {
    for (std::size_t number = 1; number < presence_->size(); ++number)
        if (presence_->url(number) == uri.to_string()) return number;
    cache::CacheContext context{.executor = session_.executor(),
                                .client = *client_,
                                .workers = session_.workers(),
                                .retry = {.first_delay = 500ms, .budget = request_patience},
                                .spool_directory = session_.state_directory() / "spool",
                                .cachix_api =
                                    session_.environment().get_or("CACHEFILL_CACHIX_API", "https://cachix.org"),
                                .for_writing = false,
                                .clock = session_.outside().clock()};
    cache::Credentials none; // but what this machine's Nix has in its netrc
    none.logins = session::credentials_for_upstream(session_.settings(), nix_, session_.environment(), uri).logins;
    return presence_->add_upstream(session_.outside().make_cache(uri, std::move(none), std::move(context)));
}

bool Doctor::asks(std::size_t cache) const {
    return std::any_of(machine_asks_.begin(), machine_asks_.end(), [&](const auto& ask) { return ask.cache == cache; });
}

plan::CacheMask Doctor::seen_here() const {
    const auto& views = presence_->views();
    plan::CacheMask mask = 0;
    for (const auto& ask : machine_asks_)
        mask |= ask.believes_all ? views.all_of(ask.cache) : views.counting(ask.cache, machine_keys_);
    return mask;
}

Result<void> Doctor::find_sources() {
    presence::Patience patience;
    patience.away = patience.never_seen = patience.one_path = cache_patience;
    presence_ =
        std::make_unique<presence::Judge>(session_.executor(), session_.clock(), graph_, facts_, notes_, patience);
    presence_->doubt_nonsense();
    realisations_ = std::make_unique<presence::Realisations>(
        session_.executor(), graph_, facts_, *presence_,
        [this](const nix::StorePath& path) { return session::read_derivation(session_.endpoint(), path); });
    auto http = presence::client_settings_like(&nix_, session_.environment());
    // Root's netrc is often for root alone; what needs it then answers 401, which is no "absent".
    if (!nix_.netrc_file.empty() && ::access(nix_.netrc_file.c_str(), R_OK) == 0) http.netrc = {nix_.netrc_file};
    client_ = http::make_client(session_.executor(), std::move(http));

    auto own = session_.take_cache();
    if (const auto& failure = session_.cache_failure())
        presence_->add_lost_own(std::move(own.backend), std::move(own.keys), *failure);
    else
        presence_->add_own(std::move(own));
    auto has_room = [this] { return presence_->size() < plan::most_caches; };
    auto trust = session::machine_trust(nix_);
    machine_keys_ = presence::keys_of(trust);
    if (trust.substitutes)
        for (const auto& url : trust.substituters)
            if (auto uri = cache::parse_substituter(url); uri && has_room())
                machine_asks_.push_back({add_source(*uri), uri->trusted});

    // Caches that may help and that this machine does not ask.
    std::vector<cache::CacheUri> others;
    auto says = evaluated_->nix_settings.value_or(nix::CacheSettings());
    for (const auto& url : says.substituters.over({}))
        if (auto uri = cache::parse_substituter(url)) others.push_back(std::move(*uri));
    for (const auto& given : session_.settings().upstreams)
        if (auto uri = cache::CacheUri::parse(given.reveal())) others.push_back(std::move(*uri));
    auto own_substituter = cache::canonical_url(session_.cache_info().substituter_url);
    for (const auto& uri : others)
        if (uri.to_string() != own_substituter && has_room()) add_source(uri);
    // Keys that might be trusted, and whatever else is there: to tell what would help.
    presence_->learn(machine_keys_);
    presence_->learn(nix::TrustedKeys(says.trusted_public_keys.over({})));
    presence_->learn(nix::TrustedKeys(session_.settings().trusted_public_keys));
    presence_->learn(nix::TrustedKeys::everybody());
    return {};
}

// What is valid here is neither asked about nor fetched.
Task<Result<void>> Doctor::look_at_store() {
    std::vector<nix::StorePath> paths;
    auto first = looked_at_;
    looked_at_ = graph_.path_count();
    for (auto i = first; i < looked_at_; ++i) paths.push_back(graph_.path(plan::PathId{static_cast<std::uint32_t>(i)}));
    CO_TRY(valid, co_await session_.connection().query_valid_paths(std::move(paths)));
    for (auto i = first; i < looked_at_; ++i) facts_.of(plan::PathId{static_cast<std::uint32_t>(i)}).valid_here = false;
    for (const auto& path : valid) {
        auto& facts = facts_.of(graph_.intern(path));
        facts.valid_here = true;
        facts.asked = plan::all_caches;
    }
    co_return Result<void>();
}

Task<Result<void>> Doctor::ask(const plan::Target& target, presence::Judge::Counting counting) {
    auto learnt = co_await realisations_->learn(counting, &session_.connection());
    if (!learnt) notes_.texts.push_back(learnt.error().one_line());
    for (int round = 0;; ++round) {
        CO_TRY_VOID(co_await look_at_store());
        auto caches = counting();
        auto next = plan::consumer_questions(graph_, facts_, target, caches, always_allow());
        if (next.empty()) co_return Result<void>();
        if (round == careful_rounds) {
            next.clear();
            for (std::size_t i = 0; i < graph_.path_count(); ++i) {
                plan::PathId id{static_cast<std::uint32_t>(i)};
                auto producer = graph_.producer(id);
                bool may_fetch =
                    producer && (always_allow() || graph_.derivation(producer->derivation).allow_substitutes);
                if (may_fetch && plan::unasked(facts_.of(id), caches)) next.push_back(id);
            }
        }
        if ((caches & plan::bit(plan::own_cache)) && !presence_->is_out(plan::own_cache)) {
            auto asked = next; // in bulk, where the cache takes that: mostly it lacks them all
            auto told = co_await presence_->ask_bulk(std::move(asked));
            if (!told) presence_->ask_one_by_one(); // perhaps not without a token
        }
        plan::Questions questions;
        for (auto path : next) questions.remote.push_back({path, caches});
        CO_TRY_VOID(co_await presence_->answer(std::move(questions), nullptr));
    }
}

Task<Result<daemon::Missing>> Doctor::ask_daemon(bool forgetting) {
    CO_TRY(connection, co_await daemon::connect(session_.endpoint()));
    // A trusted user's own settings count, which the daemon on the socket learns from its client alone.
    bool may_tell = connection->trust() != daemon::Trust::not_trusted; // before 2.15 it does not say
    if (may_tell && (forgetting || !session_.endpoint().socket.empty())) {
        daemon::Options options;
        options.max_build_jobs = nix_.max_jobs;
        options.build_cores = nix_.cores;
        options.max_silent_seconds = nix_.max_silent_time;
        options.use_substitutes = nix_.substitute;
        for (const auto* name : {"substituters", "trusted-public-keys", "narinfo-cache-negative-ttl",
                                 "narinfo-cache-positive-ttl", "always-allow-substitutes"})
            if (auto set = nix_.by_name.find(name); set != nix_.by_name.end()) options.overrides[name] = set->second;
        if (forgetting) options.overrides["narinfo-cache-negative-ttl"] = "0";
        CO_TRY_VOID(co_await connection->set_options(std::move(options)));
    }
    const auto& derivation = graph_.derivation(target_->derivation);
    std::vector<daemon::DerivedPath> wanted(1, daemon::DerivedPath{.path = derivation.path, .outputs = {}});
    for (auto output : target_->outputs) wanted[0].outputs.push_back(derivation.outputs[output].name);
    co_return co_await connection->query_missing(std::move(wanted), daemon_patience);
}

Task<Result<void>> Doctor::prepare() {
    auto start = session_.clock().now();
    evaluator_ = make_evaluator(flake_reference_);
    auto flake = co_await evaluator_->open();
    if (!flake && flake.error().kind() == FailureKind::usage && flake.error().hint().empty())
        co_return std::move(flake).error().with_hint("--flake names the flake, or NH_FLAKE in the environment");
    if (!flake) co_return std::move(flake).error();
    flake_ = std::move(*flake);
    CO_TRY(chosen, co_await choose());
    tell_begin(event::Stage::evaluate);
    auto evaluated = co_await evaluator_->evaluate(chosen);
    tell_end(event::Stage::evaluate);
    if (!evaluated) {
        auto position = evaluator_->position_of_failure(chosen);
        if (!position) co_return std::move(evaluated).error();
        co_return std::move(evaluated).error().with_context("reading " + report::to_string(*position));
    }
    evaluated_ = std::move(*evaluated);
    evaluating_ = session_.clock().elapsed_since(start);
    std::vector<nix::StorePath> held{evaluated_->derivation};
    CO_TRY_VOID(co_await session_.connection().add_temp_roots(std::move(held)));
    CO_TRY_VOID(co_await read_daemon_settings());
    CO_TRY_VOID(find_sources());
    CO_TRY(target, session::add_target(graph_, *evaluated_, session::derivations_of(session_.endpoint())));
    target_ = std::move(target);
    // A copy has no history.
    auto directory = updated_ ? updated_->original().parent_path() : flake_->directory;
    if (!directory.empty()) {
        CO_TRY(git, co_await read_git_state(directory, session_.environment().without_our_secrets()));
        git_ = std::move(git);
    }
    if (auto history = session::History::open(session_.state_directory() / "history.sqlite"))
        history_ = std::move(*history);
    co_return Result<void>();
}

Task<Result<void>> Doctor::fetch_output() {
    CO_TRY(path, nix::StorePath::parse(output()));
    CO_TRY(connection, co_await daemon::connect(session_.endpoint()));
    CO_TRY_VOID(co_await connection->ensure_path(path));
    // Rooted until we end, by which time the command has taken over.
    co_return co_await session_.connection().add_temp_root(std::move(path));
}

Task<Result<void>> Doctor::refresh_daemon() {
    CO_TRY_VOID(co_await ask_daemon(true));
    co_return Result<void>();
}

Task<Result<void>> Doctor::look(Examination& examination) {
    // What a cache had a moment ago it still has; what it lacked is asked again.
    presence_->forget_what_was_lacking();
    looked_at_ = 0;
    CO_TRY_VOID(co_await ask(*target_, by_machine()));
    // The daemon comes second, and only if the caches say that all is there or did not answer us: what it finds absent
    // it would remember for an hour, and then not see it when it has come.
    std::optional<daemon::Missing> missing;
    auto view = plan::consumer_view_here(graph_, facts_, *target_, seen_here(), always_allow());
    bool compiles =
        std::any_of(view.would_compile.begin(), view.would_compile.end(), [&](auto id) { return takes_long(id); });
    if (compiles && answers_are_whole()) {
        examination.daemon_said = "not asked, because the caches lack something and it would remember that";
    } else if (nobody_answers()) {
        // It would try each of them for a minute, and know no more.
        examination.evidence.is_offline = true;
        examination.daemon_said = "not asked, because none of this machine's caches can be reached";
    } else if (session_.endpoint().socket.empty() && answers_are_whole() && remembers_none_absent(view.fetched)) {
        // Nix works as this user here, by the settings and the network that we know, and has only its memory besides.
        examination.daemon_said = "not asked, because Nix works without one here and remembers none of this as absent";
    } else {
        auto said = co_await ask_daemon(false);
        if (said)
            missing = std::move(*said);
        else
            examination.daemon_said = said.error().one_line();
    }
    co_return co_await classify(missing, examination);
}

// For whoever waits: no more than what goes on.
void Doctor::tell_begin(event::Stage stage) {
    stage_began_ = session_.clock().now();
    session_.sink().on_event(event::StageStarted{.stage = stage});
}
void Doctor::tell_end(event::Stage stage) {
    session_.sink().on_event(
        event::StageFinished{.stage = stage, .took = session_.clock().elapsed_since(stage_began_)});
}

Task<Examination> Doctor::examine(std::chrono::system_clock::time_point runs_since) {
    Examination examination;
    if (!target_) {
        tell_begin(event::Stage::preflight);
        examination.failures = co_await session_.preflight(session::Session::Need::looking, true);
        tell_end(event::Stage::preflight);
        if (!examination.failures.empty()) co_return examination;
        auto prepared = co_await prepare();
        if (!prepared) {
            examination.failures.push_back(std::move(prepared).error());
            co_return examination;
        }
    }
    auto start = session_.clock().now();
    examination.evaluating = evaluating_;
    auto& evidence = examination.evidence;
    evidence.target = target_->name;
    evidence.derivation = evaluated_->derivation.to_string();
    evidence.left_out_by = left_out_by();
    evidence.is_update = updated_ != nullptr;
    evidence.output = output();
    // A daemon that we start ourselves is nobody else's.
    evidence.daemon_is_trusting = session_.is_trusted() || session_.endpoint().socket.empty();
    evidence.always_allow_substitutes = always_allow();
    evidence.machine = {.keys = machine_keys_, .words = evaluated_->nix_settings.value_or(nix::CacheSettings())};
    evidence.git = git_;
    evidence.workflows = workflows();
    evidence.commands = commands();
    tell_begin(event::Stage::query);
    auto looked = co_await look(examination);
    tell_end(event::Stage::query);
    if (!looked) {
        examination.failures.push_back(std::move(looked).error());
        co_return examination;
    }
    evidence.cannot_ask = cannot_ask();
    for (const auto& ask : machine_asks_) examination.asked.push_back(redact_url(presence_->url(ask.cache)));
    examination.notes = notes_.texts;
    examination.asking = session_.clock().elapsed_since(start);
    if (!evidence.heavy.empty()) co_await explain(examination, runs_since);
    co_return examination;
}

} // namespace cachefill::doctor
