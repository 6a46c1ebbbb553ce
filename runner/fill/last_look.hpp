#pragma once

#include "fill/archive_look.hpp"
#include "presence/upstreams.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::fill {

// Design stage 10: what the consumers of each target would find in the caches that they ask, archives included. Looks
// at what the judge knows; who wants it asked afresh lets it forget first. What was published a moment ago and is not
// shown yet is waited for, a minute for all together.
class LastLook {
  public:
    struct Subject {
        plan::Target target;
        std::size_t host; // number in Upstreams
    };
    struct Found {
        std::vector<nix::StorePath> missing;
        std::size_t undecided = 0; // paths of which nobody can say it, since a cache could not be asked
    };
    struct Surroundings {
        async::Executor executor;
        async::Clock& clock;
        plan::Graph& graph;
        const plan::Facts& facts;
        presence::Judge& judge;
        presence::Upstreams& upstreams;
        ArchiveLook& archives;
        std::function<bool(const nix::StorePath&)> was_published; // by this run
        std::function<bool()> is_over;                            // nobody waits for the answer any more
    };

    explicit LastLook(Surroundings surroundings) : here_(std::move(surroundings)) {}

    // In the order of the subjects, whose trusted_caches are brought up to date. A Failure: the own cache could not be
    // asked for its archives; what is found without that stands in `found` all the same.
    async::Task<Result<void>> look(std::vector<Subject>& subjects, std::vector<Found>& found);
    // Of one, by its narinfos alone and with what is shown now.
    async::Task<Found> look_at_narinfos(Subject& subject);

  private:
    async::Task<void> ask(Subject& subject);
    async::Task<void> await_published(std::vector<Subject>& subjects);
    Found find(const Subject& subject) const;

    Surroundings here_;
};

} // namespace cachefill::fill
