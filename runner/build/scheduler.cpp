#include "build/scheduler.hpp"

#include <algorithm>

namespace cachefill::build {

using plan::DerivationId;
using plan::PathId;

namespace {

// Sharing a request saves about as much as starting a tiny build costs; past this it only delays results.
constexpr std::chrono::milliseconds cheap_limit{1500};

} // namespace

ReadyBuilds::Key Scheduler::key(DerivationId id) const { return {-nodes_.at(id).build.longest_chain.count(), id}; }

// A remote builder has to be reached, and given the inputs: more than what is cheap saves.
Crew Scheduler::crew_for(const Node& node, const std::vector<plan::BuildAbility>& machines) const {
    const auto& derivation = graph_.derivation(node.build.derivation);
    Crew crew;
    for (std::size_t number = 0; number < machines.size(); ++number) {
        bool is_excluded = std::find(node.excluded.begin(), node.excluded.end(), number) != node.excluded.end();
        if (is_excluded || !machines[number].can_build(derivation)) continue;
        crew.push_back(number);
        if (number == this_machine && derivation.kind != plan::DerivationKind::compile) break;
    }
    return crew;
}

std::vector<DerivationId> Scheduler::update(const plan::Plan& plan, const std::vector<plan::BuildAbility>& machines) {
    std::vector<DerivationId> ended;
    std::set<PathId> perhaps_unwanted;
    for (auto id : plan.of_others) forget(id);
    for (const auto& build : plan.builds) {
        auto id = build.derivation;
        auto [it, is_new] = nodes_.try_emplace(id);
        Node& node = it->second;
        if (node.state == State::deleted) node.state = State::waiting;
        if (node.state != State::waiting) continue;
        if (!is_new) unready(id);
        for (auto path : node.build.fetch) { // by the plan before
            waiting_for_fetch_[path].erase(id);
            perhaps_unwanted.insert(path);
        }
        node.build = build;
        node.held = false;
        node.after.clear();
        for (auto before : build.after) {
            node.after.push_back(plan.builds[before].derivation);
            dependents_[node.after.back()].insert(id);
        }
        const auto& derivation = graph_.derivation(id);
        if (!derivation.flaw.empty() || build.failed_elsewhere) {
            node.state = State::failed;
            ended.push_back(id);
            continue;
        }
        node.crew = crew_for(node, machines);
        node.cheap =
            !node.alone && derivation.kind != plan::DerivationKind::compile && build.expected.time <= cheap_limit;
        for (auto path : build.fetch) {
            waiting_for_fetch_[path].insert(id);
            fetches_.try_emplace(path);
        }
    }
    for (const auto& build : plan.builds) {
        bool was_waiting = nodes_.at(build.derivation).state == State::waiting;
        refresh(build.derivation);
        auto state = nodes_.at(build.derivation).state;
        if (was_waiting && state == State::blocked) ended.push_back(build.derivation);
    }
    for (auto path : perhaps_unwanted) give_up_unwanted(path);
    // Of what runs already the plan may bring more that waits for it.
    for (const auto& [id, node] : nodes_)
        if (node.state == State::running) fetch_ahead(id);
    return ended;
}

// Rare: it may stand in the lists of what it needed by earlier plans, so all are looked through.
void Scheduler::forget(DerivationId id) {
    auto it = nodes_.find(id);
    if (it == nodes_.end() || it->second.state != State::waiting) return;
    unready(id);
    nodes_.erase(it);
    for (auto& [before, dependents] : dependents_) dependents.erase(id);
    for (auto& [path, waiting] : waiting_for_fetch_)
        if (waiting.erase(id) > 0) give_up_unwanted(path);
}

// As urgent as the most urgent build that wants it now.
void Scheduler::queue_fetch(PathId path, const plan::PlannedBuild& build) {
    auto& fetch = fetches_[path];
    if (fetch.state != FetchState::queued) return;
    fetch_queue_.erase({fetch.urgency, path});
    if (!build.last) fetch.urgency = std::min<std::int64_t>(fetch.urgency, -build.longest_chain.count());
    fetch_queue_.emplace(fetch.urgency, path);
}

bool Scheduler::anything_else_is_left() const {
    return !ready_.is_empty(false) || running_ > running_last_ || running_fetches_ > running_last_fetches_ ||
           (!fetch_queue_.empty() && fetch_queue_.begin()->first < last_urgency);
}

bool Scheduler::is_only_in_want_of_inputs(const Node& node) const {
    if (node.state != State::waiting || node.held) return false;
    return std::all_of(node.after.begin(), node.after.end(), [this](DerivationId before) {
        auto it = nodes_.find(before);
        return it == nodes_.end() || it->second.state == State::built || it->second.state == State::deleted;
    });
}

bool Scheduler::wants_inputs(const Node& node) const {
    return node.state == State::waiting && (node.ahead || is_only_in_want_of_inputs(node));
}

// Of those that wait for nothing but running ones, this among them, the most urgent.
void Scheduler::fetch_ahead(DerivationId running) {
    auto dependents = dependents_.find(running);
    if (dependents == dependents_.end()) return;
    auto is_near = [this](const Node& node) {
        return std::all_of(node.after.begin(), node.after.end(), [this](DerivationId before) {
            auto it = nodes_.find(before);
            return it == nodes_.end() || it->second.state == State::running || it->second.state == State::built ||
                   it->second.state == State::deleted;
        });
    };
    std::optional<DerivationId> nearest;
    for (auto id : dependents->second) {
        const auto& node = nodes_.at(id);
        if (node.state != State::waiting || node.build.last || (nearest && key(*nearest) < key(id))) continue;
        if (is_near(node)) nearest = id;
    }
    if (!nearest || nodes_.at(*nearest).ahead) return;
    nodes_.at(*nearest).ahead = true;
    refresh(*nearest);
}

bool Scheduler::has_inputs(const Node& node) const {
    return std::all_of(node.build.fetch.begin(), node.build.fetch.end(), [this](PathId path) {
        auto it = fetches_.find(path);
        return it != fetches_.end() && it->second.state == FetchState::done;
    });
}

void Scheduler::unready(DerivationId id) {
    const auto& node = nodes_.at(id);
    ready_.erase(node.crew, node.build.last, key(id));
}

void Scheduler::refresh(DerivationId id) {
    Node& node = nodes_.at(id);
    if (node.state != State::waiting) return;
    for (auto before : node.after) {
        auto it = nodes_.find(before);
        if (it == nodes_.end()) continue;
        if (it->second.state == State::failed)
            node.blocker = before;
        else if (it->second.state == State::blocked)
            node.blocker = it->second.blocker;
        else
            continue;
        unready(id);
        block(node, *node.blocker);
        return;
    }
    unready(id);
    if (is_only_in_want_of_inputs(node) && has_inputs(node))
        ready_.insert(node.crew, node.build.last, key(id));
    else if (wants_inputs(node))
        for (auto path : node.build.fetch) queue_fetch(path, node.build);
}

// What was to be fetched for it alone is not, unless that has begun.
void Scheduler::block(Node& node, DerivationId by) {
    node.state = State::blocked;
    node.blocker = by;
    for (auto path : node.build.fetch) give_up_unwanted(path);
}

void Scheduler::give_up_unwanted(PathId path) {
    auto& fetch = fetches_[path];
    const auto& waiting = waiting_for_fetch_[path];
    auto wants = [this](DerivationId id) { return wants_inputs(nodes_.at(id)); };
    if (!fetch_queue_.contains({fetch.urgency, path}) || std::any_of(waiting.begin(), waiting.end(), wants)) return;
    fetch_queue_.erase({fetch.urgency, path});
    fetch.urgency = last_urgency;
}

void Scheduler::refresh_dependents(DerivationId id) {
    auto it = dependents_.find(id);
    if (it == dependents_.end()) return;
    for (auto dependent : it->second) refresh(dependent);
}

void Scheduler::start_running(DerivationId id) {
    unready(id);
    Node& node = nodes_.at(id);
    node.state = State::running;
    ++running_;
    if (node.build.last) ++running_last_;
}

std::vector<DerivationId> Scheduler::take_builds(std::size_t machine, std::size_t limit, std::size_t slots,
                                                 bool nothing_else_comes) {
    bool is_last_phase = nothing_else_comes && !anything_else_is_left();
    std::vector<DerivationId> taken;
    auto* ready = ready_.find(machine, is_last_phase);
    if (!ready) return taken;
    // What is ready is shared out over all slots, so that a batch for one leaves no other idle.
    auto share = std::max<std::size_t>(1, ready->size() / std::max<std::size_t>(1, slots));
    while (!ready->empty() && taken.size() < std::min(limit, share)) {
        auto id = ready->begin()->second;
        bool is_cheap = nodes_.at(id).cheap;
        if (!taken.empty() && !is_cheap) break;
        start_running(id);
        taken.push_back(id);
        fetch_ahead(id);
        if (!is_cheap) break;
    }
    return taken;
}

std::optional<DerivationId>
Scheduler::take_to_free_room(std::size_t machine, const std::function<std::uint64_t(DerivationId)>& deletable_bytes) {
    std::optional<DerivationId> best;
    double most = 0;
    for (auto id : ready_.all_for(machine)) {
        double bytes = 0;
        for (auto before : nodes_.at(id).after)
            bytes += static_cast<double>(deletable_bytes(before)) / static_cast<double>(users_left(before));
        if (bytes <= most) continue;
        most = bytes;
        best = id;
    }
    if (best) start_running(*best);
    return best;
}

std::vector<DerivationId> Scheduler::take_stranded(const std::function<bool(std::size_t)>& is_lost) {
    auto stranded = ready_.only_for(is_lost);
    for (auto id : stranded) start_running(id);
    return stranded;
}

bool Scheduler::hold(DerivationId id) {
    auto it = nodes_.find(id);
    if (it == nodes_.end() || it->second.state != State::waiting) return false;
    unready(id);
    it->second.held = true;
    return true;
}

bool Scheduler::exclude(DerivationId id, std::size_t machine) {
    Node& node = nodes_.at(id);
    auto place = std::find(node.crew.begin(), node.crew.end(), machine);
    if (place == node.crew.end()) return !node.crew.empty();
    if (node.crew.size() == 1) return false;
    node.crew.erase(place);
    node.excluded.push_back(machine);
    return true;
}

std::optional<PathId> Scheduler::take_fetch(bool nothing_else_comes, const std::function<bool(PathId)>& is_its_turn) {
    auto may_go = [&](const auto& entry) { return !is_its_turn || is_its_turn(entry.second); };
    auto found = std::find_if(fetch_queue_.begin(), fetch_queue_.end(), may_go);
    if (found == fetch_queue_.end()) return {};
    auto [urgency, path] = *found;
    if (urgency == last_urgency && (!nothing_else_comes || anything_else_is_left())) return {};
    fetch_queue_.erase(found);
    fetches_[path].state = FetchState::running;
    ++running_fetches_;
    if (urgency == last_urgency) ++running_last_fetches_;
    return path;
}

void Scheduler::stop_running(DerivationId id, State state) {
    auto& node = nodes_.at(id);
    node.state = state;
    --running_;
    if (node.build.last) --running_last_;
}

void Scheduler::stop_fetching(PathId path, FetchState state) {
    auto& fetch = fetches_[path];
    fetch.state = state;
    --running_fetches_;
    if (fetch.urgency == last_urgency) --running_last_fetches_;
}

void Scheduler::build_succeeded(DerivationId id) {
    stop_running(id, State::built);
    refresh_dependents(id);
}

void Scheduler::build_deleted(DerivationId id) {
    auto it = nodes_.find(id);
    if (it != nodes_.end() && it->second.state == State::built) it->second.state = State::deleted;
}

std::vector<DerivationId> Scheduler::build_failed(DerivationId id) {
    stop_running(id, State::failed);
    std::vector<DerivationId> blocked, open{id};
    while (!open.empty()) {
        auto current = open.back();
        open.pop_back();
        auto it = dependents_.find(current);
        if (it == dependents_.end()) continue;
        for (auto dependent : it->second) {
            Node& node = nodes_.at(dependent);
            if (node.state != State::waiting) continue;
            unready(dependent);
            block(node, id);
            blocked.push_back(dependent);
            open.push_back(dependent);
        }
    }
    return blocked;
}

void Scheduler::build_returned(DerivationId id, bool alone) {
    stop_running(id, State::waiting);
    auto& node = nodes_.at(id);
    node.alone |= alone;
    node.cheap &= !node.alone;
    refresh(id);
}

void Scheduler::fetch_succeeded(PathId path) {
    stop_fetching(path, FetchState::done);
    for (auto id : waiting_for_fetch_[path]) refresh(id);
}

void Scheduler::fetch_failed(PathId path) { stop_fetching(path, FetchState::failed); }

void Scheduler::fetch_returned(PathId path) {
    stop_fetching(path, FetchState::queued);
    for (auto id : waiting_for_fetch_[path])
        if (wants_inputs(nodes_.at(id))) queue_fetch(path, nodes_.at(id).build);
}

std::optional<Scheduler::State> Scheduler::state(DerivationId id) const {
    auto it = nodes_.find(id);
    if (it == nodes_.end()) return {};
    return it->second.state;
}

std::optional<DerivationId> Scheduler::blocker(DerivationId id) const {
    auto it = nodes_.find(id);
    if (it == nodes_.end()) return {};
    return it->second.blocker;
}

const plan::PlannedBuild* Scheduler::planned(DerivationId id) const {
    auto it = nodes_.find(id);
    return it == nodes_.end() ? nullptr : &it->second.build;
}

std::vector<DerivationId> Scheduler::unfinished() const {
    std::vector<DerivationId> ids;
    for (const auto& [id, node] : nodes_)
        if (is_unfinished(node.state)) ids.push_back(id);
    return ids;
}

std::optional<PathId> Scheduler::failed_fetch_before(DerivationId id) const {
    std::vector<DerivationId> open{id};
    std::set<DerivationId> seen{id};
    while (!open.empty()) {
        auto found = nodes_.find(open.back());
        open.pop_back();
        if (found == nodes_.end() || found->second.state != State::waiting) continue;
        for (auto path : found->second.build.fetch)
            if (auto fetch = fetches_.find(path); fetch != fetches_.end() && fetch->second.state == FetchState::failed)
                return path;
        for (auto before : found->second.after)
            if (seen.insert(before).second) open.push_back(before);
    }
    return {};
}

bool Scheduler::is_needed(PathId path) const {
    auto it = waiting_for_fetch_.find(path);
    if (it != waiting_for_fetch_.end() && unfinished_of(it->second) > 0) return true;
    auto producer = graph_.producer(path);
    return producer && users_left(producer->derivation) > 0;
}

std::size_t Scheduler::users_left(DerivationId id) const {
    auto it = dependents_.find(id);
    return it == dependents_.end() ? 0 : unfinished_of(it->second);
}

std::size_t Scheduler::unfinished_of(const std::set<DerivationId>& builds) const {
    auto counts = [this](DerivationId id) { return is_unfinished(nodes_.at(id).state); };
    return static_cast<std::size_t>(std::count_if(builds.begin(), builds.end(), counts));
}

} // namespace cachefill::build
