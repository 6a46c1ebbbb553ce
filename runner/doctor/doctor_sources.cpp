// What this machine would build, and where else each of it is.
#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "daemon/messages.hpp"
#include "doctor/doctor.hpp"
#include "plan/needs.hpp"
#include "presence/source.hpp"
#include "presence/views.hpp"
#include "session/expected_time.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace cachefill::doctor {

using async::Task;

namespace {

// What is built by whom: for each derivation of `built` the one through which a walk from the target meets it first.
std::map<plan::DerivationId, plan::DerivationId> find_parents(const plan::Graph& graph, plan::DerivationId target,
                                                              const std::set<plan::DerivationId>& built) {
    std::map<plan::DerivationId, plan::DerivationId> parents;
    std::vector<plan::DerivationId> queue{target};
    for (std::size_t i = 0; i < queue.size(); ++i)
        for (const auto& input : graph.derivation(queue[i]).inputs)
            if (built.contains(input.derivation) && input.derivation != target &&
                parents.emplace(input.derivation, queue[i]).second)
                queue.push_back(input.derivation);
    return parents;
}

} // namespace

std::vector<std::string> Doctor::cannot_ask() const {
    std::vector<std::string> all;
    if (const auto& failure = session_.cache_failure()) all.push_back(failure->one_line());
    auto is_told = [this](std::size_t cache) { // the same one may be asked under another address, too
        return session_.cache_failure() && (own_caches() & plan::bit(cache)) != 0;
    };
    for (const auto& unasked : presence_->unasked())
        if (!is_told(unasked.cache))
            all.push_back(redact_url(presence_->url(unasked.cache)) + " could not be asked: " + unasked.why.one_line());
    return all;
}

bool Doctor::answers_are_whole() const {
    const auto& unasked = presence_->unasked();
    return std::none_of(unasked.begin(), unasked.end(), [this](const auto& one) { return asks(one.cache); });
}

bool Doctor::nobody_answers() const {
    const auto& unasked = presence_->unasked();
    auto is_away = [&](const auto& ask) {
        return std::any_of(unasked.begin(), unasked.end(),
                           [&](const auto& one) { return one.cache == ask.cache && presence::is_no_answer(one.why); });
    };
    return !machine_asks_.empty() && std::all_of(machine_asks_.begin(), machine_asks_.end(), is_away);
}

// The cache that the cloud fills, under each address by which it is asked.
plan::CacheMask Doctor::own_caches() const {
    const auto& views = presence_->views();
    auto mask = views.all_of(plan::own_cache);
    auto substituter = cache::canonical_url(session_.cache_info().substituter_url);
    for (std::size_t number = 1; number < presence_->size(); ++number)
        if (presence_->url(number) == presence_->url(plan::own_cache) || presence_->url(number) == substituter)
            mask |= views.all_of(number);
    return mask;
}

// All caches in all eyes, but not the own one a second time if this machine asks the very same: what arrives between
// two questions would look as if only one of them had it.
plan::CacheMask Doctor::everywhere() const {
    auto all = presence_->all();
    auto own = own_caches();
    for (const auto& ask : machine_asks_)
        if ((own & plan::bit(ask.cache)) && !presence_->is_out(ask.cache))
            all &= ~presence_->views().all_of(plan::own_cache);
    return all;
}

// The caches that have it, besides those which this machine asks and believes.
void Doctor::note_helpful(std::size_t number, Evidence& evidence) const {
    auto url = number == plan::own_cache ? session_.cache_info().substituter_url : presence_->url(number);
    bool is_asked = false;
    for (const auto& ask : machine_asks_) is_asked |= presence_->url(ask.cache) == cache::canonical_url(url);
    auto& list = is_asked ? evidence.not_trusted : evidence.not_asked;
    if (number == plan::own_cache && !is_asked) evidence.commands.use = use_command();
    for (const auto& known : list)
        if (known.url == url) return;
    HelpfulCache cache{.url = url, .keys = {}, .strangers = {}, .has_unsigned = false};
    for (auto& key : presence_->views().signers(number))
        if (!machine_keys_.trusts(key)) cache.keys.push_back(std::move(key));
    for (const auto& stranger : presence_->views().strangers(number)) {
        cache.has_unsigned |= stranger.signer.empty();
        if (!stranger.signer.empty()) cache.strangers.push_back(ellipsize(sanitize(stranger.signer), 80));
    }
    list.push_back(std::move(cache));
}

// Does something that one of these caches serves refer to it?
bool Doctor::is_hole_of(plan::PathId path, plan::CacheMask caches) const {
    for (std::size_t i = 0; i < graph_.path_count(); ++i) {
        const auto& facts = facts_.of(plan::PathId{static_cast<std::uint32_t>(i)});
        if (!(facts.present & caches)) continue;
        if (std::find(facts.references.begin(), facts.references.end(), path) != facts.references.end()) return true;
    }
    return false;
}

// The daemon says of every content-addressed output that it would be built (Nix 2.8), and then fetches it as the cache
// tells.
bool Doctor::is_told_by_caches(plan::DerivationId id) const {
    const auto& outputs = graph_.derivation(id).outputs;
    return std::all_of(outputs.begin(), outputs.end(), [](const auto& output) {
        bool is_addressed = output.kind == nix::OutputKind::floating || output.kind == nix::OutputKind::deferred;
        return is_addressed && output.path != plan::no_path;
    });
}

bool Doctor::takes_long(plan::DerivationId id) const {
    return session::takes_long(history_.get(), graph_.derivation(id));
}

Source Doctor::source_of(plan::DerivationId id, const plan::ConsumerView& machine, const plan::ConsumerView& wide,
                         Evidence& evidence) {
    auto contains = [](const std::vector<plan::DerivationId>& list, plan::DerivationId wanted) {
        return std::find(list.begin(), list.end(), wanted) != list.end();
    };
    if (!contains(machine.would_compile, id) && !contains(machine.built_by_design, id))
        return answers_are_whole() ? Source::here_but_daemon_no : Source::unknown;
    plan::CacheMask present = 0;
    bool is_hole = false;
    for (const auto& output : graph_.derivation(id).outputs)
        if (output.path != plan::no_path) {
            present |= facts_.of(output.path).present;
            is_hole |=
                std::find(wide.unfetchable.begin(), wide.unfetchable.end(), output.path) != wide.unfetchable.end();
        }
    if (!contains(wide.would_compile, id)) {
        // With every cache believed it would be fetched, or not be needed.
        auto before = evidence.not_trusted.size();
        bool some_cache = false;
        for (std::size_t number = 0; number < presence_->size(); ++number)
            if (auto there = present & presence_->views().all_of(number); there && !(there & seen_here())) {
                note_helpful(number, evidence);
                some_cache = true;
            }
        bool believed_none = evidence.not_trusted.size() > before || (some_cache && evidence.not_asked.empty());
        if (believed_none || (!some_cache && evidence.not_asked.empty() && !evidence.not_trusted.empty()))
            return Source::key_not_trusted;
        return Source::not_a_substituter;
    }
    if (present != 0 || is_hole) {
        // Who was not asked may have what is missing.
        for (const auto& unasked : presence_->unasked())
            if (!unasked.counts_as_empty) return Source::unknown;
        if (present != 0) return (present & own_caches()) != 0 ? Source::own_cache_holed : Source::upstream_holed;
        // Of the missing path itself: whoever refers to it tells whose hole it is.
        for (const auto& output : graph_.derivation(id).outputs)
            if (output.path != plan::no_path && is_hole_of(output.path, own_caches())) return Source::own_cache_holed;
        return Source::upstream_holed;
    }
    const auto& unasked = presence_->unasked();
    bool own_away =
        std::any_of(unasked.begin(), unasked.end(), [](const auto& one) { return one.cache == plan::own_cache; });
    return own_away || !answers_are_whole() ? Source::unknown : Source::nowhere;
}

Heavy Doctor::describe(plan::DerivationId id, Source source, const Parents& parents,
                       std::map<plan::DerivationId, Source>& sources) const {
    const auto& derivation = graph_.derivation(id);
    Heavy item;
    item.name = derivation.name();
    item.derivation = derivation.path.to_string();
    auto parent = parents.find(id); // the target itself has none
    auto path =
        parent == parents.end() ? derivation.outputs.front().path : plan::wanted_output(graph_, id, parent->second);
    if (path != plan::no_path) item.output = graph_.path(path).to_string();
    item.expected = session::expected_time(history_.get(), derivation);
    item.source = source;
    std::optional<Source> above;
    for (auto at = parents.find(id); at != parents.end(); at = parents.find(at->second)) {
        item.needed_by.emplace_back(graph_.derivation(at->second).name());
        if (auto known = sources.find(at->second); known != sources.end() && !above) above = known->second;
    }
    auto is_holed = [](Source one) { return one == Source::own_cache_holed || one == Source::upstream_holed; };
    if (item.source == Source::nowhere && above) item.source = is_holed(*above) ? Source::below_a_hole : *above;
    if (is_holed(item.source)) {
        auto of = item.source == Source::own_cache_holed ? own_caches() : ~own_caches();
        for (const auto& output : derivation.outputs)
            item.is_there |= output.path != plan::no_path && (facts_.of(output.path).present & of) != 0;
    }
    sources[id] = item.source;
    return item;
}

// What this machine's Nix would build: by our own answers where they are whole, and by what the daemon says.
std::set<plan::DerivationId> Doctor::built_here(const plan::ConsumerView& machine,
                                                const std::optional<daemon::Missing>& daemon) const {
    std::set<plan::DerivationId> built;
    bool ours_counts = !daemon || answers_are_whole();
    if (ours_counts) {
        built.insert(machine.would_compile.begin(), machine.would_compile.end());
        built.insert(machine.built_by_design.begin(), machine.built_by_design.end());
    }
    if (!daemon) return built;
    std::set<plan::DerivationId> said;
    for (const auto& path : daemon->to_build)
        if (auto id = graph_.find_derivation(path); id && !(ours_counts && is_told_by_caches(*id))) said.insert(*id);
    // Asked what it would build, Nix does not look where content-addressed outputs went, and goes on to their inputs.
    if (ours_counts) said = plan::reached_from(graph_, target_->derivation, said);
    built.merge(said);
    return built;
}

// Counts all of it; what takes long is returned, with the target first and its inputs behind it.
std::vector<plan::DerivationId> Doctor::count_kinds(const std::set<plan::DerivationId>& built,
                                                    Examination& examination) const {
    std::vector<plan::DerivationId> heavy;
    auto order = graph_.topological_order();
    for (auto at = order.rbegin(); at != order.rend(); ++at) {
        if (!built.contains(*at)) continue;
        switch (graph_.derivation(*at).kind) {
        case plan::DerivationKind::compile:
            if (takes_long(*at))
                heavy.push_back(*at);
            else
                ++examination.light;
            break;
        case plan::DerivationKind::local_by_design:
            ++examination.evidence.local_by_design;
            break;
        case plan::DerivationKind::light:
            ++examination.light;
            break;
        case plan::DerivationKind::fixed_output:
            ++examination.downloads;
            break;
        }
    }
    return heavy;
}

Task<Result<void>> Doctor::classify(const std::optional<daemon::Missing>& daemon, Examination& examination) {
    auto machine = plan::consumer_view_here(graph_, facts_, *target_, seen_here(), always_allow());
    auto built = built_here(machine, daemon);
    examination.derivations = graph_.derivation_count();
    auto heavy = count_kinds(built, examination);
    for (auto path : machine.fetched) {
        ++examination.fetches;
        examination.fetched_bytes += facts_.of(path).file_size;
    }
    if (heavy.empty()) co_return Result<void>();

    CO_TRY_VOID(co_await ask(*target_, by_all()));
    machine = plan::consumer_view_here(graph_, facts_, *target_, seen_here(), always_allow());
    auto all_caches = everywhere();
    auto wide = plan::consumer_view_here(graph_, facts_, *target_, all_caches, always_allow());
    auto& evidence = examination.evidence;
    for (auto path : wide.unfetchable) {
        auto others = all_caches & ~own_caches();
        if (is_hole_of(path, own_caches())) evidence.holes.push_back(graph_.path(path).to_string());
        if (is_hole_of(path, others)) evidence.upstream_holes.push_back(graph_.path(path).to_string());
    }
    auto parents = find_parents(graph_, target_->derivation, built);
    std::map<plan::DerivationId, Source> sources;
    for (auto id : heavy) { // what is needed only because something above it is missing shares its reason
        auto item = describe(id, source_of(id, machine, wide, evidence), parents, sources);
        if (item.expected.measured)
            examination.expected += item.expected.time;
        else
            ++examination.unmeasured;
        evidence.heavy.push_back(std::move(item));
    }
    std::sort(evidence.heavy.begin(), evidence.heavy.end(), [](const auto& a, const auto& b) {
        return std::tie(b.expected.time, a.name) < std::tie(a.expected.time, b.name);
    });
    co_return Result<void>();
}

} // namespace cachefill::doctor
