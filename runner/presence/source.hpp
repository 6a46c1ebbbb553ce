#pragma once

#include "async/clock.hpp"
#include "cache/binary_cache.hpp"
#include "event/kinds.hpp"
#include "presence/patience.hpp"

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace cachefill::event {
class Sink;
}

namespace cachefill::presence {

// Nothing came from the other side, or nobody is there under its name; the network may be what is missing.
bool is_no_answer(const Failure& failure);

// One cache as it is asked: opened at the first question, and asked again with back-off while it is away, by one of the
// askers for all of them. Absent and away are two things here: an answer is an answer, and a Failure means that there
// is none and that waiting for it has ended.
class Source {
  public:
    enum class Standing {
        unopened, // not asked yet
        open,     // answers
        away,     // does not answer, and is asked again
        lost,     // did not answer within its patience, or refuses us: what it has stays unknown
        unusable, // for nobody: no binary cache is there, or one for another store
    };

    // `shown`: its address without secrets. Everything outlives the source.
    Source(async::Executor executor, async::Clock& clock, event::Sink& sink,
           std::unique_ptr<cache::BinaryCache> backend, std::string shown, Patience patience);

    // It was reached, or asked in vain, by somebody else before.
    void is_open_already(cache::CacheInfo info);
    void is_lost_already(Failure why);

    // Called whenever a question begins to wait, because the cache is away or has said nothing for some seconds.
    using OnWait = std::function<void()>;

    // A narinfo, or its absence. A Failure that is no `protocol` one: it cannot be known (why, and how often and long
    // it was tried); `protocol`: something else than a narinfo is served. `on_wait` outlives the question.
    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path, const OnWait* on_wait = nullptr);
    async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths);
    // Opens it if it is not; a Failure as above.
    async::Task<Result<void>> reach(const OnWait* on_wait = nullptr);

    // Whoever waits gets a Failure now, and nobody waits any more.
    void stop_waiting();
    // One that was lost may be asked once more, without patience.
    void forgive();

    Standing standing() const { return standing_; }
    // Will not be asked (again).
    bool is_out() const { return standing_ == Standing::lost || standing_ == Standing::unusable; }
    bool is_away() const { return standing_ == Standing::away; }
    bool has_answered() const { return has_answered_; } // at any time
    // What it cannot tell counts as absent: by its address (?optional=1), or by what was said of caches like it.
    bool counts_as_empty() const;
    const std::optional<Failure>& trouble() const { return trouble_; } // while away or out
    const std::string& shown() const { return shown_; }
    const cache::CacheInfo& info() const { return info_; }
    void has_no_bulk_query() { info_.has_bulk_query = false; }
    cache::BinaryCache& backend() { return *backend_; }
    const cache::BinaryCache& backend() const { return *backend_; }
    std::uint64_t requests() const { return requests_; }

    // Called when it goes away, returns or is lost: what hung on it, or did not, may go on.
    std::function<void()> on_change;

  private:
    // What became of one question so far.
    struct Asked {
        std::optional<async::Clock::TimePoint> since; // of the first try that failed
        int tries = 0;
        const OnWait* on_wait = nullptr;
    };
    enum class Next { ask, end };

    template <class T>
    async::Task<Result<T>> persist(std::function<async::Task<Result<T>>()> ask, std::optional<nix::StorePath> about,
                                   const OnWait* on_wait);
    async::Task<Result<void>> open();
    async::Task<Result<void>> open_in_time(async::Clock::TimePoint asked_at, const OnWait* on_wait);
    async::Task<void> note_silence(async::Clock::TimePoint asked_at, const OnWait* on_wait);
    async::Task<Next> find_out(Asked& asked);
    async::Task<bool> answers_about_another();
    async::Task<void> nap(std::chrono::milliseconds pause);
    async::Task<Next> after_failure(const Failure& failure, async::Clock::TimePoint asked_at, Asked& asked);
    void note_answer();
    void go_away(const Failure& failure, async::Clock::TimePoint since);
    void lose(Failure failure);
    void be_unusable(Failure failure);
    void tell(event::CacheWait state);
    std::chrono::milliseconds away_for() const;
    std::chrono::milliseconds budget() const;

    async::Executor executor_;
    async::Clock& clock_;
    event::Sink& sink_;
    std::unique_ptr<cache::BinaryCache> backend_;
    std::string shown_;
    Patience patience_;
    cache::CacheInfo info_;
    Standing standing_ = Standing::unopened;
    bool opening_ = false;
    bool finding_out_ = false; // one asker does, for all
    bool has_answered_ = false;
    bool stopped_ = false;
    bool wait_was_told_ = false;
    bool impatient_ = false; // the next failure is the last
    async::Clock::TimePoint last_answer_{};
    std::optional<nix::StorePath> answered_about_; // the last path about which there was an answer
    async::Clock::TimePoint away_since_{};
    int tries_while_away_ = 0;
    std::optional<Failure> trouble_;
    async::Signal changed_;
    std::list<async::Nap*> sleepers_;
    std::uint64_t requests_ = 0;
    std::mt19937_64 random_;
};

} // namespace cachefill::presence
