#include "support/twins.hpp"

#include "async/together.hpp"
#include "base/text.hpp"
#include "cache/make_cache.hpp"
#include "eval/evaluator.hpp"
#include "event/event.hpp"
#include "nix/derivation_text.hpp"
#include "options/settings.hpp"
#include "support/lent_cache.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>
#include <sys/wait.h>

namespace cachefill::test {

using namespace std::chrono_literals;
using async::Task;

namespace {

// "/nix/store/…-lib.drv!*" and "/nix/store/…-lib" alike: "lib".
std::string name_in(std::string text) {
    text = text.substr(0, text.find('!'));
    text = text.substr(text.rfind('/') + 1 + nix::hash_part_length + 1);
    return text.ends_with(".drv") ? text.substr(0, text.size() - 4) : text;
}

// Some process was started and has not been taken note of yet: what it says comes in its own time.
bool has_children() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

} // namespace

class Twins::Evaluator final : public eval::Evaluator {
  public:
    Evaluator(Twins& twins, bool is_of_commit, event::Sink& sink)
        : twins_(twins), is_of_commit_(is_of_commit), sink_(sink) {}

    Task<Result<eval::FlakeInfo>> read() override { co_return twins_.flake; }
    Task<Result<eval::FlakeInfo>> open() override {
        ++twins_.fetched_inputs;
        co_return twins_.flake;
    }
    Task<Result<std::vector<eval::TargetRef>>> discover(std::vector<std::string>) override {
        if (twins_.listing.count() > 0) co_await twins_.clock.sleep_for(twins_.listing);
        std::vector<eval::TargetRef> found;
        for (const auto& host : twins_.hosts) found.push_back(host.ref);
        co_return found;
    }
    Task<Result<eval::EvaluatedTarget>> evaluate(eval::TargetRef target) override {
        auto host = std::find_if(twins_.hosts.begin(), twins_.hosts.end(),
                                 [&](const auto& one) { return one.ref.name == target.name; });
        event::EvaluationStarted started{.target = target.display()};
        sink_.on_event(started);
        co_await twins_.clock.sleep_for(host->evaluation);
        if (host->failure) co_return *host->failure;
        if (twins_.evaluations.next()) co_return Failure(FailureKind::machine, "the evaluator was killed by signal 9");
        auto name = is_of_commit_ && !host->committed.empty() ? host->committed : target.name;
        auto derivation = path(name + ".drv");
        auto platform = twins_.derivations_.at(name).platform;
        auto printed =
            R"({"drvPath": ")" + derivation.to_string() + R"(", "outputs": ["out"], "system": ")" + platform + R"("})";
        eval::EvaluatedTarget evaluated{.target = target,
                                        .derivation = std::move(derivation),
                                        .outputs = {"out"},
                                        .system = std::move(platform),
                                        .nix_settings = host->nix_settings,
                                        .why_impure = {},
                                        .read_by_evaluation = {},
                                        .built_by_evaluation = {},
                                        .fetched_by_evaluation = {},
                                        .took = host->evaluation,
                                        .printed = std::move(printed)};
        if (twins_.change_evaluated) twins_.change_evaluated(evaluated);
        co_return evaluated;
    }
    Task<void> check(std::vector<eval::CheckFinding>& found) override {
        found = twins_.findings;
        co_return;
    }
    std::optional<event::Position> position_of_failure(const eval::TargetRef&) const override { return {}; }
    std::optional<std::chrono::milliseconds> expected_time(const eval::TargetRef& target) const override {
        for (const auto& host : twins_.hosts)
            if (host.ref.name == target.name) return host.evaluation_before;
        return {};
    }

  private:
    Twins& twins_;
    bool is_of_commit_;
    event::Sink& sink_;
};

class Twins::World final : public session::Outside {
  public:
    explicit World(Twins& twins) : twins_(twins) {}

    async::Clock& clock() override { return twins_.clock; }
    std::size_t threads() const override { return 0; }
    Task<Result<daemon::Settings>> nix_settings(Environment, std::vector<std::string>) override {
        co_return twins_.machine.nix_settings();
    }
    std::unique_ptr<eval::Evaluator> make_evaluator(async::Executor, eval::EvalSettings settings,
                                                    event::Sink& sink) override {
        return std::make_unique<Evaluator>(twins_, settings.flake.find("rev=") != std::string::npos, sink);
    }
    std::unique_ptr<cache::BinaryCache> make_cache(const cache::CacheUri& uri, cache::Credentials,
                                                   cache::CacheContext) override {
        for (auto* cache : {&twins_.own, &twins_.upstream, &twins_.further})
            if (uri.name == cache->uri().name) return std::make_unique<LentCache>(*cache);
        throw std::runtime_error("nobody made a cache " + uri.to_string());
    }
    std::optional<std::uint64_t> free_bytes(const std::filesystem::path&) override { return twins_.free_bytes; }

  private:
    Twins& twins_;
};

Twins::Twins(const std::string& more_nix_settings)
    : machine(more_nix_settings), daemon(loop.get_executor(), clock), own(loop.get_executor(), clock, "own.example"),
      upstream(loop.get_executor(), clock, "upstream.example"), further(loop.get_executor(), clock, "further.example") {
    std::filesystem::create_symlink(daemon.endpoint().socket, machine.path("socket"));
    machine.settings.flake = "/fleet";
    machine.settings.cache = GivenUrl(own.uri().name);
    flake.nix_version = Machine::nix_version;
    flake.url = "git+file:///fleet";
    flake.revision = "0123456789abcdef0123456789abcdef01234567";
    own.permission = further.permission = cache::Permission::write;
    further.script = [this](MemoryCache::Step, nix::StorePath) -> Task<Result<void>> {
        if (auto failure = further.mishap()) co_return *failure;
        co_return Result<void>();
    };
    own.script = [this](MemoryCache::Step step, nix::StorePath path) -> Task<Result<void>> {
        auto takes = uploads.find(std::string(path.name()));
        if (step == MemoryCache::Step::finish && takes != uploads.end()) co_await clock.sleep_for(takes->second);
        if (auto failure = own.mishap()) co_return *failure;
        if (own.is_away()) co_return Failure(FailureKind::network, "connection refused");
        co_return Result<void>();
    };
    daemon.on_path_info = [this](const std::string& text) -> std::optional<nix::PathInfo> {
        auto known = machine.infos.find(nix::StorePath::parse(text).value());
        if (known == machine.infos.end()) return {};
        return known->second;
    };
    daemon.on_build = [this](const std::vector<std::string>& derived_paths) { return build(derived_paths); };
    daemon.on_fetch = [this](const std::string& path) {
        return ActingDaemon::Play{ActingDaemon::act([this, path] { make_valid(name_in(path)); }),
                                  ActingDaemon::send(fetched_reply())};
    };
}

void Twins::derivation(const std::string& name, const std::vector<std::string>& inputs, const std::string& platform) {
    nix::Derivation derivation;
    derivation.platform = platform;
    derivation.builder = "/bin/sh";
    derivation.environment = {{"name", name}, {"out", path(name).to_string()}};
    nix::DerivationOutput out;
    out.name = "out";
    out.path = path(name);
    derivation.outputs.push_back(std::move(out));
    nix::InputsByHash by_path;
    for (const auto& input : inputs) {
        derivation.input_derivations.push_back(
            {.derivation = path(input + ".drv"), .outputs = {"out"}, .dynamic = false});
        by_path[path(input + ".drv").to_string()] = {"out"};
    }
    machine.write("root" + path(name + ".drv").to_string(),
                  nix::derivation_text(derivation, by_path, nix::OutputPaths::kept));
    derivations_.insert_or_assign(name, std::move(derivation));
}

Twins::Host& Twins::host(const std::string& name, const std::vector<std::string>& inputs, const std::string& platform) {
    derivation(name, inputs, platform);
    Host host;
    host.ref = {.kind = eval::TargetKind::nixos, .name = name, .attribute_path = {"nixosConfigurations", name}};
    return hosts.emplace_back(std::move(host));
}

void Twins::make_valid(const std::string& name) {
    std::vector<nix::StorePath> references;
    for (const auto& input : derivations_.at(name).input_derivations)
        references.push_back(path(name_in(input.derivation.to_string())));
    machine.add(name, std::move(references));
}

void Twins::serve(FaultyCache& cache, const std::vector<std::string>& names) {
    for (const auto& name : names) {
        std::vector<nix::StorePath> references;
        for (const auto& input : derivations_.at(name).input_derivations)
            references.push_back(path(name_in(input.derivation.to_string())));
        cache.serve(path(name), std::move(references));
        if (&cache == &upstream) own.served_elsewhere.insert(path(name));
    }
}

ActingDaemon::Play Twins::build(const std::vector<std::string>& derived_paths) {
    ActingDaemon::Play play;
    std::vector<BuildAnswer> answers;
    for (const auto& derived_path : derived_paths) {
        auto name = name_in(derived_path);
        auto known = builds.find(name);
        auto build = known == builds.end() ? Build() : known->second;
        play.push_back(ActingDaemon::wait(build.takes));
        if (build.error.empty()) play.push_back(ActingDaemon::act([this, name] { make_valid(name); }));
        auto status = build.error.empty() ? daemon::BuildStatus::built : daemon::BuildStatus::permanent_failure;
        answers.push_back({derived_path, status, build.error});
    }
    play.push_back(ActingDaemon::send(build_reply(answers)));
    return play;
}

std::vector<std::string> Twins::names_of(const std::vector<std::string>& requests) {
    std::vector<std::string> names;
    for (const auto& request : requests) names.push_back(name_in(request));
    return names;
}

std::vector<std::string> Twins::published(const FaultyCache& cache) {
    std::vector<std::string> names;
    for (const auto& path : cache.published) names.emplace_back(path.name());
    return names;
}

std::string Twins::messages() const {
    std::string text;
    for (const auto& event : events)
        if (const auto* message = std::get_if<event::Message>(&event)) text += message->text + "\n";
    return text;
}

void Twins::on_event(const event::Event& event) {
    events.push_back(event);
    const auto* started = std::get_if<event::StageStarted>(&event);
    if (!started) return;
    auto beginning = beginnings_.find(started->stage);
    if (beginning != beginnings_.end()) beginning->second();
}

Task<void> Twins::act_at(std::chrono::milliseconds moment, std::function<void()> action) {
    async::Nap nap(loop.get_executor());
    co_await clock.sleep_until(nap, HandClock::TimePoint(moment));
    action();
}

Task<void> Twins::perform(std::function<Task<void>(session::Session&)> command) {
    async::TaskGroup around(loop.get_executor());
    around.spawn(daemon.serve());
    for (auto& [moment, action] : moments_) around.spawn(act_at(moment, action));
    std::exception_ptr thrown;
    try {
        session::Session session(loop.get_executor(), machine.settings, machine.environment, *this,
                                 std::make_shared<World>(*this));
        auto work = [&](async::TaskGroup& group) {
            doing_ = &group;
            group.spawn(command(session));
        };
        co_await async::together(work);
    } catch (...) { // rethrown below
        thrown = std::current_exception();
    }
    doing_ = nullptr;
    around.cancel();
    co_await around.join();
    if (thrown) std::rethrow_exception(thrown);
}

// On the loop, as signals and deadlines do it: elsewhere Asio would only remember a signal that may be gone by then.
void Twins::cancel() {
    if (doing_) doing_->cancel();
}

void Twins::play(std::function<Task<void>(session::Session&)> command) {
    bool ended = false;
    std::exception_ptr error;
    boost::asio::co_spawn(loop, perform(std::move(command)), [&](std::exception_ptr thrown) {
        ended = true;
        error = std::move(thrown);
    });
    while (!ended) {
        while (loop.poll_one() > 0)
            if (++turns == cancelled_after) boost::asio::post(loop, [this] { cancel(); });
        loop.restart();
        if (ended) break;
        bool goes_on = !has_children() && clock.crank();
        if (!goes_on && loop.run_one_for(30s) == 0)
            throw std::runtime_error("everything waits, and nobody for a moment");
        if (clock.elapsed() > 48h) throw std::runtime_error("it has taken two days and does not end");
    }
    if (error) std::rethrow_exception(error);
}

} // namespace cachefill::test
