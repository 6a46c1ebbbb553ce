#include "build/ready_builds.hpp"

#include <algorithm>

namespace cachefill::build {

void ReadyBuilds::erase(const Crew& crew, bool last, Key key) {
    if (auto found = queues_[last].find(crew); found != queues_[last].end()) found->second.erase(key);
}

bool ReadyBuilds::is_empty(bool last) const {
    return std::all_of(queues_[last].begin(), queues_[last].end(),
                       [](const auto& entry) { return entry.second.empty(); });
}

std::size_t ReadyBuilds::size() const {
    std::size_t builds = 0;
    for (const auto& queues : queues_)
        for (const auto& [crew, queue] : queues) builds += queue.size();
    return builds;
}

ReadyBuilds::Queue* ReadyBuilds::find(std::size_t machine, bool last) {
    Queue* found = nullptr;
    for (auto& [crew, queue] : queues_[last]) {
        if (queue.empty() || !std::binary_search(crew.begin(), crew.end(), machine)) continue;
        if (!found || *queue.begin() < *found->begin()) found = &queue;
    }
    return found;
}

std::vector<plan::DerivationId> ReadyBuilds::all_for(std::size_t machine) const {
    std::vector<plan::DerivationId> ids;
    for (const auto& [crew, queue] : queues_[is_empty(false)])
        if (std::binary_search(crew.begin(), crew.end(), machine))
            for (const auto& [urgency, id] : queue) ids.push_back(id);
    return ids;
}

std::vector<plan::DerivationId> ReadyBuilds::only_for(const std::function<bool(std::size_t)>& is_such) const {
    std::vector<plan::DerivationId> ids;
    for (const auto& queues : queues_)
        for (const auto& [crew, queue] : queues)
            if (std::all_of(crew.begin(), crew.end(), is_such))
                for (const auto& [urgency, id] : queue) ids.push_back(id);
    return ids;
}

} // namespace cachefill::build
