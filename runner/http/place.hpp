#pragma once

#include "async/signal.hpp"
#include "http/alarm.hpp"
#include "http/concurrency.hpp"
#include "http/connection.hpp"
#include "http/pace.hpp"
#include "http/watch.hpp"

#include <list>
#include <memory>
#include <vector>

namespace cachefill::http {

// Questions are small and many. Transfers have a body, and whoever starts them keeps them few: neither kind waits for
// the other's turns, or a few long uploads would hold up every question.
enum class Use { question, transfer };

// One place that connections lead to: who has a turn to be answered there, and the connections that wait for their next
// exchange. How many may have a turn at once follows from what came of the turns before.
class Place {
  public:
    using Duration = std::chrono::steady_clock::duration;
    using TimePoint = std::chrono::steady_clock::time_point;

    Place(async::Executor executor, std::size_t most);
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Leave for one exchange, given back when it goes away. Must not outlive the place.
    class Turn {
      public:
        Turn(Turn&& other) noexcept
            : place_(std::exchange(other.place_, nullptr)), use_(other.use_), round_(other.round_),
              began_(other.began_) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() { release(); }
        void release();
        Use use() const { return use_; }

      private:
        friend class Place;
        Turn(Place& place, Use use);
        Place* place_;
        Use use_;
        std::uint64_t round_;
        TimePoint began_;
    };
    // First come, first served.
    async::Task<Turn> wait_for_turn(Use use);

    // What came of a turn: a whole answer, whose first byte took so long.
    void answered(const Turn& turn, Duration first_byte, bool keeps_open);
    // No connection came about, or it ended without a word. True if that may be our own crowding, because others are
    // answered: then it is worth another try, `tries` having been made.
    bool refused(const Turn& turn, int tries);
    // Its vigil has given it up. True as above.
    bool given_up(const Turn& turn, int tries);
    // The answer was "too many", to be asked again after `pause`. True as above.
    bool busy(const Turn& turn, int tries, Duration pause);

    // A question has waited as long as one may, and nothing came.
    void note_silence() { is_silent_ = true; }
    // So it was, and no question has been answered since.
    bool is_silent() const { return is_silent_; }

    // The idle connection that was used last and still looks alive; null when there is none.
    std::unique_ptr<Connection> take();
    // A connection that may be used again: kept, unless there are too many. Its turn is still held.
    void give_back(std::unique_ptr<Connection> connection, TimePoint until);
    // Closes the idle ones whose time has come; says when the next one's comes.
    std::optional<TimePoint> close_old(TimePoint now);

  private:
    friend class Vigil;
    struct Waiter {
        std::uint64_t number;
        bool granted = false;
        async::Signal signal;
    };
    struct Line {
        std::size_t in_use = 0;
        std::list<Waiter*> waiters;
    };
    struct Idle {
        std::unique_ptr<Connection> connection;
        TimePoint until;
    };

    Line& line(Use use) { return use == Use::question ? questions_ : transfers_; }
    std::size_t in_use() const { return questions_.in_use + transfers_.in_use; }
    std::size_t transfer_limit() const;
    bool is_proven(TimePoint now) const;
    bool has_room(Use use) const;
    Line* next_line();
    void grant();
    void begin_fresh(Use use);
    void end_fresh(Use use, bool was_unserved);
    // Fewer connections from now on.
    void tighten();
    // A fresh connection has been waiting for too long, while `answers` others were given.
    void is_unserved(bool for_the_first_time, std::uint64_t answers);

    async::Executor executor_;
    std::size_t most_;
    Concurrency concurrency_;
    Pace pace_;
    Line questions_;
    Line transfers_;
    std::size_t called_ = 0; // have got their turn and have not yet come round to taking a connection
    std::uint64_t numbers_ = 0;
    std::vector<Idle> idle_; // the oldest first
    bool is_tight_ = false;  // it has refused, or not served, connections of ours
    bool is_silent_ = false;
    std::size_t fresh_ = 0;    // questions under way on connections on which nothing has come yet
    std::size_t unserved_ = 0; // new connections that have waited for too long
    std::size_t owed_ = 0;     // connections to close for their sake
    std::uint64_t answers_ = 0;
    TimePoint last_answer_{};
    Alarm pace_alarm_;
};

// Watches over an exchange on a new connection until it goes away: when nothing comes although others are answered
// meanwhile, the server may have no worker left for it, and connections that are idle are closed for its sake. What
// still is not answered may have been dropped from a listen queue that was full, which nobody tells: such a question is
// given up, to be asked again.
class Vigil {
  public:
    // `tries` of this question, this one included.
    Vigil(async::Executor executor, Place& place, Use use, Watch& watch, int tries);
    Vigil(const Vigil&) = delete;
    Vigil& operator=(const Vigil&) = delete;
    ~Vigil();

    bool has_given_up() const { return has_given_up_; }

  private:
    void look();

    Place& place_;
    Use use_;
    Watch& watch_;
    Place::TimePoint began_;
    Place::TimePoint end_; // not beyond
    std::uint64_t answers_before_;
    Place::Duration patience_;
    bool is_unserved_ = false;
    bool has_given_up_ = false;
    Alarm alarm_;
};

} // namespace cachefill::http
