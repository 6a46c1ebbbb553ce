#include "fill/push_environment.hpp"

#include "cache/nar_look.hpp"

namespace cachefill::fill {

push::PushEnvironment push_environment(const daemon::Endpoint& endpoint, presence::Judge& judge,
                                       std::function<plan::CacheMask(const nix::StorePath&)> counting,
                                       std::function<void(const nix::StorePath&, event::PushOutcome)> on_settled) {
    push::PushEnvironment environment;
    environment.physical = [&endpoint](const nix::StorePath& path) { return endpoint.physical(path); };
    environment.is_served = [&judge, counting](nix::StorePath path) {
        presence::Judge::Counting counts = [counting, path] { return counting(path); };
        return judge.is_served(std::move(path), std::move(counts));
    };
    environment.is_hidden = [&judge](const nix::StorePath& path) { return judge.is_hidden(path); };
    environment.is_served_by_now = [&judge, counting](nix::StorePath path) {
        presence::Judge::Counting counts = [counting, path] { return counting(path); };
        return judge.is_served_by_now(std::move(path), std::move(counts));
    };
    environment.on_settled = [&judge, on_settled](const nix::StorePath& path, event::PushOutcome outcome) {
        if (is_there(outcome)) judge.note_published(path);
        on_settled(path, outcome);
    };
    environment.is_building = [] { return false; };
    return environment;
}

} // namespace cachefill::fill
