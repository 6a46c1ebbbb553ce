// Further caches, filled beside the one that decides (design section 3.8, end).
#include "base/text.hpp"
#include "build/roots.hpp"
#include "fill/run.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

Task<bool> Run::open_mirrors() {
    const auto& settings = session_.settings();
    if (!is_filling() || settings.read_only) co_return true;
    for (const auto& given : settings.also_push) {
        auto opened = co_await Mirror::open(session_, given);
        if (opened) {
            mirrors_.push_back(std::move(*opened));
            continue;
        }
        if (!Mirror::is_optional(given)) {
            fail(std::move(opened).error());
            continue;
        }
        say(event::Severity::notice, opened.error().one_line(), "it is optional: the run goes on without it");
        report::MirrorReport away;
        auto uri = cache::CacheUri::parse(given.reveal());
        away.name = away.url = uri ? uri->to_string() : given.shown();
        if (uri) away.name = uri->name;
        away.optional = true;
        away.error = opened.error().one_line();
        unreachable_mirrors_.push_back(std::move(away));
    }
    co_return failures_.empty();
}

void Run::start_mirrors() {
    for (auto& mirror : mirrors_) {
        auto settings = public_push_settings(); // it drops what only a public one must not get
        settings.memory_budget /= mirrors_.size() + 1;
        auto counts = [this](const nix::StorePath& path) { return counting(path); };
        auto settled = [this](const nix::StorePath& path) { release_if_done(path); };
        mirror->start(graph_, presence_, std::move(counts), std::move(settings), push_environment(),
                      std::move(settled));
        outlets_.add(mirror->pipeline());
    }
}

// What needs no build for the cache that decides may be missing in the others.
Task<void> Run::give_targets_to_mirrors() {
    if (mirrors_.empty() || interrupted_) co_return;
    std::vector<nix::StorePath> wanted;
    for (const auto& target : live_.targets())
        for (auto output : target.outputs)
            if (auto path = graph_.derivation(target.derivation).outputs[output].path; path != plan::no_path)
                wanted.push_back(graph_.path(path));
    auto valid = co_await session_.connection().query_valid_paths(std::move(wanted));
    if (!valid) {
        say(event::Severity::warning, valid.error().one_line(), valid.error().hint());
        co_return;
    }
    for (const auto& path : *valid) outlets_.push_further(path);
}

void Run::release_if_done(const nix::StorePath& path) {
    if (outlets_.are_done_with(path)) roots_->release(path);
}

} // namespace cachefill::fill
