#pragma once

#include "async/task.hpp"
#include "event/message.hpp"
#include "plan/plan.hpp"
#include "presence/judge.hpp"
#include "presence/nar_checks.hpp"

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cachefill::fill {

// Looks whether the archives are there that narinfos promise. A path whose archive nobody can use is told, and is
// absent from that cache from then on, so that who asks on (Judge::ask_whole) learns what the other caches have; their
// archives are then looked at in turn.
class ArchiveLook {
  public:
    struct Rules {
        bool deep = false; // downloads those of the own cache, and looks at all of an upstream's
        // Of a cache that shows no narinfo without its archive, too; there a look counts as having fetched it.
        bool at_hiding_caches = false;
        std::string nix_version; // of the consumers; empty: any
    };
    using Tell = std::function<void(const event::Message&)>;
    using Mend = std::function<async::Task<void>(std::vector<presence::UnusableNar>&)>;

    ArchiveLook(async::Executor executor, presence::Judge& judge, plan::Graph& graph, const plan::Facts& facts,
                Rules rules, Tell tell);

    // Puts archives back into the own cache and takes out what is whole again; without it nothing is mended.
    void mend_with(Mend mend) { mend_ = std::move(mend); }
    // To be looked at in the own cache even if it is a hiding one: somebody has just put it there.
    void always_look_at(plan::PathId path) { always_.insert(path); }

    // What somebody wants, and the caches that count for him: what another one has does not help him.
    struct Wanted {
        std::vector<plan::PathId> tops;
        plan::CacheMask counting;
    };
    // At what was not looked at yet of these paths and all that they refer to. True: something is absent now that was
    // not. A Failure: the own cache cannot be asked.
    async::Task<Result<bool>> look(std::vector<Wanted> wanted);

  private:
    using Seen = std::pair<std::size_t, plan::PathId>;
    using Paths = std::set<plan::PathId>;
    async::Task<Result<bool>> look_at_own(const Paths& paths);
    async::Task<bool> look_at_upstream(std::size_t upstream, const Paths& paths, plan::CacheMask counting);
    std::vector<plan::PathId> only_in(std::size_t upstream, const Paths& paths, plan::CacheMask counting) const;
    void give_up(std::size_t cache, const std::vector<presence::UnusableNar>& unusable);

    async::Executor executor_;
    presence::Judge& judge_;
    plan::Graph& graph_;
    const plan::Facts& facts_;
    Rules rules_;
    Tell tell_;
    Mend mend_;
    std::set<plan::PathId> always_;
    std::set<Seen> seen_;
    std::set<std::pair<std::size_t, plan::CacheMask>> sound_; // upstreams of which enough was looked at, for whom
    std::set<plan::PathId> given_up_; // in some cache: whoever else has it is looked at for certain
};

} // namespace cachefill::fill
