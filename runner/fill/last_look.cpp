#include "fill/last_look.hpp"

#include "cache/nar_look.hpp"
#include "fill/vanished.hpp"
#include "plan/needs.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

Task<void> LastLook::ask(Subject& subject) {
    auto needed = plan::needed_paths(here_.graph, subject.target);
    presence::Judge::Counting counts = [this, &subject] { return here_.upstreams.counting(subject.host); };
    co_await here_.judge.ask_whole(std::move(needed), std::move(counts));
    subject.target.trusted_caches = here_.upstreams.counting(subject.host);
}

LastLook::Found LastLook::find(const Subject& subject) const {
    auto lacking = plan::lacking_alone(here_.graph, here_.facts, subject.target);
    Found found;
    for (auto path : lacking.missing) found.missing.push_back(here_.graph.path(path));
    found.undecided = lacking.undecided.size();
    return found;
}

Task<LastLook::Found> LastLook::look_at_narinfos(Subject& subject) {
    co_await ask(subject);
    co_return find(subject);
}

Task<void> LastLook::await_published(std::vector<Subject>& subjects) {
    auto start = here_.clock.now();
    for (;;) {
        std::set<nix::StorePath> not_shown;
        for (auto& subject : subjects) {
            if (here_.is_over()) co_return;
            co_await ask(subject);
            for (auto& path : find(subject).missing)
                if (here_.was_published(path)) not_shown.insert(std::move(path));
        }
        bool is_nonsense = std::all_of(not_shown.begin(), not_shown.end(), [this](const nix::StorePath& path) {
            return here_.judge.is_answered_with_nonsense(path);
        });
        auto patience = is_nonsense ? patience_with_nonsense : patience_with_new_paths;
        if (not_shown.empty() || here_.clock.now() > start + patience || here_.is_over()) co_return;
        async::Nap nap(here_.executor);
        co_await here_.clock.sleep_until(nap, here_.clock.now() + pause_between_looks);
        for (const auto& path : not_shown) here_.judge.forget(here_.graph.intern(path));
    }
}

Task<Result<void>> LastLook::look(std::vector<Subject>& subjects, std::vector<Found>& found) {
    co_await await_published(subjects);
    if (here_.is_over()) co_return Result<void>();
    Result<void> archives_asked;
    for (bool has_changed = true; has_changed && !here_.is_over();) {
        std::vector<ArchiveLook::Wanted> wanted;
        for (const auto& subject : subjects)
            wanted.push_back({.tops = plan::needed_paths(here_.graph, subject.target),
                              .counting = here_.upstreams.counting(subject.host)});
        auto looked = co_await here_.archives.look(std::move(wanted));
        has_changed = looked && *looked;
        if (!looked) archives_asked = std::move(looked).error();
        if (has_changed)
            for (auto& subject : subjects) co_await ask(subject);
    }
    for (auto& subject : subjects) { // the answers about one may have shown new keys that count for another
        subject.target.trusted_caches = here_.upstreams.counting(subject.host);
        found.push_back(find(subject));
    }
    co_return archives_asked;
}

} // namespace cachefill::fill
