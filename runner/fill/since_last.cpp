#include "fill/since_last.hpp"

#include "async/deadline.hpp"
#include "cache/manifest_store.hpp"
#include "cache/nar_look.hpp"
#include "daemon/connection.hpp"
#include "session/closure_changes.hpp"

#include <algorithm>
#include <utility>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

// Of a run, for all of its targets. Verification asks for as much.
constexpr std::size_t most_questions = 20'000;
constexpr auto most_time = 60s;
constexpr auto most_time_for_manifest = 15s; // three small answers

} // namespace

SinceLast::SinceLast(presence::Judge& judge, plan::Graph& graph, const plan::Facts& facts, const async::Clock& clock)
    : judge_(judge), reader_(judge, graph, facts, most_questions), clock_(clock), time_left_(most_time) {}

Task<void> SinceLast::read_manifest(std::string branch, std::string system) {
    if (std::exchange(has_read_, true)) co_return;
    if (judge_.is_out(plan::own_cache)) co_return;
    auto work =
        cache::find_manifest(judge_.backend(plan::own_cache), std::move(branch), std::move(system), judge_.own_keys());
    auto found = co_await async::with_deadline(std::move(work), most_time_for_manifest, "looking for the manifest");
    if (!found || !*found) co_return;
    const auto& manifest = (*found)->manifest;
    outputs_ = manifest.last_complete;
    for (const auto& target : manifest.targets)
        if (auto output = manifest.complete_output(target.name); !output.empty()) outputs_[target.name] = output;
}

std::string SinceLast::output_of(const std::string& target) const {
    auto output = outputs_.find(target);
    return output == outputs_.end() ? std::string() : output->second;
}

Task<std::optional<report::ClosureDifference>> SinceLast::compare(std::string target, nix::StorePath now,
                                                                  plan::CacheMask caches, daemon::Connection& store) {
    auto then = nix::StorePath::parse(output_of(target));
    if (!then) co_return std::nullopt;
    auto start = clock_.now();
    auto changes =
        co_await session::closure_changes(reader_, std::move(*then), std::move(now), caches, store, time_left_);
    time_left_ = std::max<async::Clock::Duration>(time_left_ - (clock_.now() - start), 0s);
    if (!changes) co_return std::nullopt;
    co_return std::move(*changes);
}

} // namespace cachefill::fill
