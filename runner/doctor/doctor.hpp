#pragma once

#include "daemon/messages.hpp"
#include "doctor/diagnosis.hpp"
#include "eval/evaluator.hpp"
#include "event/event.hpp"
#include "options/host_choice.hpp"
#include "presence/judge.hpp"
#include "presence/realisations.hpp"
#include "report/closure_difference.hpp"
#include "session/session.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::session {
class History;
class LockCopy;
} // namespace cachefill::session

namespace cachefill::doctor {

// What a look at one host has shown.
struct Examination {
    std::vector<Failure> failures; // it could not be looked at; the rest is empty then
    Evidence evidence;
    std::vector<Reason> reasons;          // the first is the primary one; empty when nothing would be compiled
    std::chrono::milliseconds expected{}; // to compile what was measured before
    std::uint64_t unmeasured = 0;         // of the heavy: nobody here knows how long they take
    std::uint64_t fetches = 0;            // paths
    std::uint64_t fetched_bytes = 0;      // as far as known
    std::uint64_t light = 0, downloads = 0;
    std::uint64_t derivations = 0;
    std::string daemon_said;                          // why its answer is missing; empty: it was asked
    std::vector<std::string> asked;                   // URLs of this machine's caches
    std::vector<std::string> notes;                   // what the caches did that is worth telling with --verbose
    std::optional<report::ClosureDifference> changes; // what switching changes, if it does and that can be told
    std::chrono::milliseconds evaluating{}, asking{};

    bool is_healthy() const { return failures.empty() && evidence.heavy.empty(); }
};

// Asks, as this machine's Nix would, what switching to a host would compile here, and why.
class Doctor {
  public:
    // `updated`: a copy of the settings' flake whose flake.lock was moved; that one is looked at.
    explicit Doctor(session::Session& session, const session::LockCopy* updated = nullptr);
    ~Doctor();

    // The host that the settings ask for. May be called again (`wait` does): it is evaluated once, the caches are asked
    // afresh about what they lacked. `runs_since`: a run for the commit may be expected for so long, at most.
    async::Task<Examination> examine(std::chrono::system_clock::time_point runs_since = {});
    // Has the daemon ask its caches again about what it remembers as absent, which it does for trusted users only.
    async::Task<Result<void>> refresh_daemon();

    // After a successful examine():
    // What switching to it changes on this machine, by what its store and the caches say of it: nothing is fetched. For
    // a machine that would compile nothing; why it cannot be told is a note.
    async::Task<void> find_changes(Examination& examination);
    // Fetches the host's system by its path; fails if no cache has it.
    async::Task<Result<void>> fetch_output();
    const eval::EvaluatedTarget& evaluated() const { return *evaluated_; }
    const std::optional<GitState>& git() const { return git_; }
    std::string output() const;
    // The key of the configuration by which no run builds this host.
    std::string left_out_by() const;
    // Files of this tree that fill the cache, or those that --workflow names.
    std::vector<std::string> workflows() const;

  private:
    void tell_begin(event::Stage stage);
    void tell_end(event::Stage stage);
    std::chrono::steady_clock::time_point stage_began_{};
    // What the caches' readers say is no news for the terminal: the diagnosis tells it better.
    struct Notes final : event::Sink {
        void on_event(const event::Event& event) override {
            if (const auto* message = std::get_if<event::Message>(&event)) texts.push_back(message->text);
        }
        std::vector<std::string> texts;
    };

    async::Task<Result<void>> prepare();
    std::unique_ptr<eval::Evaluator> make_evaluator(std::string flake);
    async::Task<Result<eval::TargetRef>> choose();
    Commands commands() const;
    std::string use_command() const; // how this machine comes to ask our cache
    options::SwitchCommand usual_switch_command() const;
    async::Task<Result<void>> read_daemon_settings();
    Result<void> find_sources();
    std::size_t add_source(const cache::CacheUri& uri);
    async::Task<Result<void>> look_at_store();
    std::optional<nix::StorePath> find_current(const nix::StorePath& next) const; // what this machine runs of it
    async::Task<Result<void>> ask(const plan::Target& target, presence::Judge::Counting counting);
    plan::CacheMask seen_here() const; // the caches this machine's Nix asks, as far as it believes them
    bool asks(std::size_t cache) const;
    presence::Judge::Counting by_machine() const {
        return [this] { return seen_here(); };
    }
    presence::Judge::Counting by_all() const {
        return [this] { return everywhere(); };
    }
    plan::CacheMask own_caches() const;
    plan::CacheMask everywhere() const;
    async::Task<Result<daemon::Missing>> ask_daemon(bool forgetting);
    async::Task<Result<void>> look(Examination& examination);

    // What would be compiled, and where it could come from.
    async::Task<Result<void>> classify(const std::optional<daemon::Missing>& daemon, Examination& examination);
    using Parents = std::map<plan::DerivationId, plan::DerivationId>; // what is built: for what
    std::set<plan::DerivationId> built_here(const plan::ConsumerView& machine,
                                            const std::optional<daemon::Missing>& daemon) const;
    std::vector<plan::DerivationId> count_kinds(const std::set<plan::DerivationId>& built,
                                                Examination& examination) const;
    Heavy describe(plan::DerivationId id, Source source, const Parents& parents,
                   std::map<plan::DerivationId, Source>& sources) const;
    Source source_of(plan::DerivationId id, const plan::ConsumerView& machine, const plan::ConsumerView& wide,
                     Evidence& evidence);
    bool is_hole_of(plan::PathId path, plan::CacheMask caches) const;
    bool is_told_by_caches(plan::DerivationId id) const; // where its outputs went
    bool takes_long(plan::DerivationId id) const;        // to build
    void note_helpful(std::size_t source, Evidence& evidence) const;
    std::vector<std::string> cannot_ask() const;
    bool answers_are_whole() const;
    bool nobody_answers() const; // of the caches that this machine asks
    bool always_allow() const;

    // Why it is there and not here.
    async::Task<void> explain(Examination& examination, std::chrono::system_clock::time_point runs_since);
    std::chrono::seconds negative_lifetime() const; // of what Nix remembers not to have found
    // Nix' memory of these paths can be read, and of no cache that serves one of them it says otherwise.
    bool remembers_none_absent(const std::vector<plan::PathId>& paths) const;
    bool serves(const std::string& url, plan::PathId path) const; // by the answers of now
    async::Task<void> find_absence(Evidence& evidence);
    async::Task<void> look_at_cloud(Evidence& evidence, std::chrono::system_clock::time_point runs_since);
    async::Task<void> look_at_commit(Evidence& evidence);
    async::Task<void> compare_with_cloud(Evidence& evidence);
    async::Task<std::optional<eval::EvaluatedTarget>> evaluate_commit(std::string commit);
    async::Task<std::vector<std::string>> lock_differences(std::string commit, std::string where);
    std::vector<std::string> moved_inputs() const; // between the lock of the flake and that of its updated copy
    std::vector<std::string> derivation_differences(const nix::StorePath& there, std::string_view where) const;

    session::Session& session_;
    const session::LockCopy* updated_;
    std::string flake_reference_;
    Notes notes_;
    std::unique_ptr<http::Client> client_; // with the netrc of this machine's Nix
    plan::Graph graph_;
    plan::Facts facts_;
    std::unique_ptr<presence::Judge> presence_;
    std::unique_ptr<presence::Realisations> realisations_;
    struct MachineAsks {
        std::size_t cache;
        bool believes_all; // ?trusted=1
    };
    std::vector<MachineAsks> machine_asks_;
    nix::TrustedKeys machine_keys_;
    std::size_t looked_at_ = 0; // paths whose validity here is known
    daemon::Settings nix_;      // what the daemon goes by for this user
    std::unique_ptr<session::History> history_;
    std::unique_ptr<eval::Evaluator> evaluator_;
    std::optional<eval::FlakeInfo> flake_;
    std::optional<eval::EvaluatedTarget> evaluated_;
    std::optional<plan::Target> target_;
    options::HostWanted wanted_;
    std::vector<eval::TargetRef> hosts_; // of the flake
    std::optional<GitState> git_;
    std::unique_ptr<github::RestClient> rest_;
    std::optional<CloudFacts> cloud_; // as seen last
    std::chrono::steady_clock::time_point ask_cloud_again_{};
    std::optional<bool> commit_gives_the_same_;
    std::chrono::milliseconds evaluating_{};
};

} // namespace cachefill::doctor
