// What power cuts leave of the queue, and of a service that is at work on it.
#include "async/task_group.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "desktop.hpp"
#include "desktop/courier.hpp"
#include "support/hand_clock.hpp"
#include "support/lossy_file_system.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <map>
#include <sys/wait.h>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Task;

namespace {

namespace fs = std::filesystem;
const Time now{std::chrono::milliseconds(1'800'000'000'000)};

// What is in it, as a value to compare.
std::map<std::string, std::set<std::string>> content_of(const Queue& queue) {
    std::map<std::string, std::set<std::string>> content;
    for (const auto* cache : {"one", "two"}) {
        auto due = queue.due(cache, now + 1h, 100'000).value();
        for (const auto& item : due) content[cache].emplace(item.path.name());
    }
    auto generations = queue.known_generations().value();
    for (const auto& generation : generations) content["generations"].emplace(generation.name());
    content["position"].insert(std::to_string(queue.position().value().id));
    return content;
}

// One change of the queue, chosen by chance.
Result<void> change(Queue& queue, std::mt19937_64& random) {
    std::string cache = random() % 2 ? "one" : "two";
    if (random() % 3 > 0) {
        std::vector<QueuedPath> paths;
        for (auto count = random() % 40; count > 0; --count) paths.push_back(queued(std::to_string(random() % 500)));
        StorePosition position;
        position.id = static_cast<std::int64_t>(random() % 1000);
        TRY(added, queue.add(paths, {path("system-" + std::to_string(random() % 50))}, position, now));
        static_cast<void>(added);
        return {};
    }
    TRY(due, queue.due(cache, now, 30));
    std::vector<Settlement> settlements;
    for (const auto& item : due)
        settlements.push_back({.path = item.path,
                               .how = random() % 4 ? Settled::pushed : Settled::failed,
                               .bytes = 10,
                               .reason = "why not",
                               .again = now + 1s});
    return queue.settle(cache, settlements, now);
}

void copy_marks(const fs::path& from, const fs::path& to) { fs::copy_file(from / "queue.since", to / "queue.since"); }

} // namespace

BOOST_AUTO_TEST_SUITE(power_cut)

BOOST_AUTO_TEST_CASE(at_any_moment_it_leaves_the_queue_before_or_after_the_change_that_was_under_way) {
    std::mt19937_64 random(20260801);
    int cut_in_the_middle = 0;
    for (int round = 0; round < 60; ++round) {
        auto work = TemporaryDirectory::make("power").value();
        auto before = work.path() / "before", after = work.path() / "after";
        fs::create_directory(before);
        LossyFileSystem disk;
        auto queue = Queue::open(before, now, LossyFileSystem::name()).value();
        BOOST_REQUIRE(queue.set_caches({{"one", "file:///one", false}, {"two", "file:///two", true}}));
        BOOST_REQUIRE(queue.add({}, {}, {}, now));
        for (int changes = static_cast<int>(random() % 12) + 1; changes > 0; --changes)
            BOOST_REQUIRE(change(queue, random));
        auto content_before = content_of(queue);
        disk.before_operation(disk.operations() + 1 + random() % 12, [&] {
            ++cut_in_the_middle;
            disk.cut_power(before, after, random);
        });
        BOOST_REQUIRE(change(queue, random));
        auto content_after = content_of(queue);
        disk.before_operation(0, {});
        if (!fs::exists(after)) disk.cut_power(before, after, random); // after it: nothing of it may be lost
        copy_marks(before, after);
        auto left = Queue::open(after, now).value();
        BOOST_TEST((left.origin() == Queue::Origin::existing));
        auto content = content_of(left);
        BOOST_TEST((content == content_after || content == content_before), "round " << round);
    }
    BOOST_TEST(cut_in_the_middle > 20);
}

BOOST_AUTO_TEST_CASE(what_add_has_returned_from_is_there_whatever_the_disk_had_not_written_yet) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 40; ++round) {
        auto work = TemporaryDirectory::make("power").value();
        auto before = work.path() / "before", after = work.path() / "after";
        fs::create_directory(before);
        LossyFileSystem disk;
        auto queue = Queue::open(before, now, LossyFileSystem::name()).value();
        BOOST_REQUIRE(queue.set_caches({{"one", "file:///one", false}}));
        for (int i = 0; i <= round; ++i) BOOST_REQUIRE(queue.add({queued("path-" + std::to_string(i))}, {}, {}, now));
        disk.cut_power(before, after, random);
        copy_marks(before, after);
        auto left = Queue::open(after, now).value();
        BOOST_TEST(left.due("one", now, 1000).value().size() == static_cast<std::size_t>(round) + 1);
    }
}

namespace {

// A cache that is a file: each upload leaves a line when it begins ("+ NAME") and one when it is published ("= NAME"),
// in one write each, which neither SIGKILL nor our power cuts undo: they hit this machine, not the cache.
class FileCarrier final : public Carrier {
  public:
    FileCarrier(HandClock& clock, fs::path file, bool is_away)
        : clock_(clock), file_(std::move(file)), is_away_(is_away) {
        auto lines = read_file(file_).value_or("");
        for (auto line : split(lines, '\n'))
            if (line.starts_with("= ")) present_.emplace(line.substr(2));
    }

    Task<Result<void>> carry(std::vector<nix::StorePath> paths, OnSettled on_settled) override {
        if (is_away_) co_return Failure(FailureKind::network, "connection refused");
        for (const auto& path : paths) {
            std::string name(path.name());
            if (present_.contains(name)) {
                on_settled({.path = path, .how = Settled::present});
                continue;
            }
            write("+ " + name);
            co_await clock_.sleep_for(1ms);
            write("= " + name);
            present_.insert(name);
            on_settled({.path = path, .how = Settled::pushed, .bytes = 1});
        }
        co_return Result<void>();
    }
    void stop(std::chrono::milliseconds) override {}
    void rest() override {}

  private:
    void write(const std::string& line) {
        FileDescriptor out(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644));
        auto whole = line + "\n";
        BOOST_REQUIRE(::write(out.get(), whole.data(), whole.size()) == static_cast<ssize_t>(whole.size()));
    }

    HandClock& clock_;
    fs::path file_;
    bool is_away_;
    std::set<std::string> present_;
};

Task<void> work_until_empty(async::Executor executor, HandClock& clock, Queue& queue, Carrier& carrier, Ear& ear) {
    CourierSettings settings;
    settings.cache = "one";
    settings.batch = 16;
    settings.trouble.first_delay = settings.trouble.longest_delay = 1ms;
    Courier::Environment environment{.clock = clock,
                                     .now = [&clock] { return now + clock.elapsed(); },
                                     .obstacle = []() -> Task<std::string> { co_return std::string(); },
                                     .surroundings = [] { return std::string(); }};
    Courier courier(executor, queue, carrier, settings, environment, ear);
    async::TaskGroup group(executor);
    auto run = [](Courier& c) -> Task<void> {
        auto ended = co_await c.run();
        if (!ended) ::_exit(3);
    };
    auto watch = [](HandClock& time, Courier& c, Queue& q) -> Task<void> {
        while (q.waiting().value_or(1) > 0) co_await time.sleep_for(1ms);
        c.stop();
    };
    group.spawn(run(courier));
    group.spawn(watch(clock, courier, queue));
    co_await group.join();
}

} // namespace

// Like the service at work, on a disk that may lose whatever was not synced: 1 000 paths, the cache away for the first
// half of the lives, 20 lives that end by a power cut in the middle of whatever the queue was writing.
BOOST_AUTO_TEST_CASE(a_thousand_paths_arrive_once_through_twenty_power_cuts_and_an_outage) {
    constexpr int paths = 1000, cuts = 20;
    auto work = TemporaryDirectory::make("power").value();
    auto uploads = work.path() / "uploads";
    std::mt19937_64 random(42);
    int lives = 0;
    for (;; ++lives) {
        auto state = work.path() / std::to_string(lives), next = work.path() / std::to_string(lives + 1);
        fs::create_directories(state);
        bool is_away = lives < cuts / 2;
        auto seed = random();
        auto child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            std::mt19937_64 chance(seed);
            LossyFileSystem disk;
            auto queue = Queue::open(state, now, LossyFileSystem::name());
            if (!queue || !queue->set_caches({{"one", "file:///one", false}})) ::_exit(3);
            auto die = [&] {
                disk.cut_power(state, next, chance);
                copy_marks(state, next);
                ::_exit(9);
            };
            if (lives < cuts)
                disk.before_operation(disk.operations() + (is_away ? 40 : 10) + chance() % (is_away ? 80 : 30), die);
            // As the collector does it: paths come with the place in the store that they were found at.
            for (auto at = queue->position().value().id; at < paths; at += 50) {
                std::vector<QueuedPath> batch;
                for (auto i = at; i < at + 50; ++i) batch.push_back(queued("path-" + std::to_string(i)));
                StorePosition position;
                position.id = at + 50;
                if (!queue->add(batch, {}, position, now)) ::_exit(3);
            }
            HandClock clock;
            FileCarrier carrier(clock, uploads, is_away);
            Ear ear;
            run_by_hand(clock, [&](async::Executor executor) {
                return work_until_empty(executor, clock, *queue, carrier, ear);
            });
            ::_exit(0);
        }
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        BOOST_REQUIRE(WIFEXITED(status));
        if (WEXITSTATUS(status) == 0) break;
        BOOST_REQUIRE_MESSAGE(WEXITSTATUS(status) == 9, "life " << lives << " ended with " << WEXITSTATUS(status));
    }
    BOOST_TEST(lives == cuts);

    std::map<std::string, int> begun, published;
    auto text = read_file(uploads).value();
    for (auto line : split(text, '\n')) {
        if (line.starts_with("+ ")) ++begun[std::string(line.substr(2))];
        if (line.starts_with("= ")) ++published[std::string(line.substr(2))];
    }
    BOOST_TEST(published.size() == static_cast<std::size_t>(paths));
    int repeated = 0;
    for (const auto& [name, count] : published) BOOST_TEST(count == 1, name << " was published " << count << " times");
    for (const auto& [name, count] : begun) repeated += count - 1;
    // Begun twice: only what was in flight when the power went, one upload at a time here.
    BOOST_TEST(repeated <= cuts);
}

BOOST_AUTO_TEST_SUITE_END()
