#pragma once

#include "async/signal.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <list>
#include <memory>

namespace cachefill::async {

// Owns the coroutines it starts; the only place where anything runs beside its caller. Every path out of the owner must
// await join(): a group destroyed with live children ends the program, because they would use what is gone.
class TaskGroup {
  public:
    explicit TaskGroup(Executor executor) : executor_(executor), changed_(executor) {}
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup();

    // On the loop the child starts at once and runs up to its first wait; it leaves the group at a later turn. An
    // exception that leaves it (cancellation aside) cancels the siblings and is rethrown by join(). A child spawned
    // after cancel() is cancelled at once.
    void spawn(Task<void> child);

    // Asks every child to stop at its next wait. They are done only after join().
    void cancel();
    bool is_cancelled() const { return cancelled_; }

    std::size_t size() const { return children_.size(); }

    // Waits until no child is left. When the caller is cancelled the children are cancelled, waited for, and then
    // operation_aborted is thrown.
    Task<void> join();

    // Waits until fewer than `limit` children are left: a bound on how many run at once.
    Task<void> wait_until_fewer_than(std::size_t limit);

  private:
    struct Child {
        asio::cancellation_signal cancellation;
    };

    void finished(std::list<Child>::iterator child, std::exception_ptr error);

    Executor executor_;
    Signal changed_;
    std::list<Child> children_;
    std::exception_ptr first_error_;
    bool cancelled_ = false;
};

} // namespace cachefill::async
