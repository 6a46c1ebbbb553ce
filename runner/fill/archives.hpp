#pragma once

#include "cache/binary_cache.hpp"
#include "event/message.hpp"
#include "presence/nar_checks.hpp"
#include "push/mending.hpp"
#include "session/session.hpp"

#include <vector>

namespace cachefill::event {
class Sink;
}

namespace cachefill::fill {

// What is told of a cache's archives and of what stands before it, the same by every command.

// An archive that nobody can use, with the command that puts another one in its place.
event::Message describe_unusable(const presence::UnusableNar& nar, const cache::CacheUri& cache);
// The first of many one by one, the rest in number.
std::vector<event::Message> describe_unusable(const std::vector<presence::UnusableNar>& nars,
                                              const cache::CacheUri& cache);
// The same of an upstream, by its URL.
std::vector<event::Message> describe_unusable_upstream(const std::vector<presence::UnusableNar>& nars,
                                                       const std::string& upstream);
// What Nix does not mind and other clients may; one for each sort.
std::vector<event::Message> describe_remarks(const presence::NarFindings& findings);
// A proxy that answers what is no longer true.
event::Message describe_front(const cache::FrontMemory& front, const cache::CacheUri& cache);

// Puts archives back from this machine's store (push/mending.hpp), looks at them again and tells what came of it. What
// could be mended is taken out of `unusable`.
async::Task<void> put_back(session::Session& session, cache::BinaryCache& cache,
                           std::vector<presence::UnusableNar>& unusable, push::PushSettings settings,
                           push::PushEnvironment environment, event::Sink& sink);

} // namespace cachefill::fill
