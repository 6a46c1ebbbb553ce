#pragma once

#include "async/clock.hpp"
#include "async/task.hpp"
#include "daemon/connection.hpp"
#include "plan/graph.hpp"

namespace cachefill::event {
class Sink;
}

namespace cachefill::build {

class Roots;

// Where building goes on. All of it outlives whoever is given it.
struct Surroundings {
    async::Executor executor;
    const daemon::Endpoint& endpoint;
    const plan::Graph& graph;
    Roots& roots;
    event::Sink& sink;
    async::Clock& clock;
};

} // namespace cachefill::build
