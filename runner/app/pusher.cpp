#include "app/pusher.hpp"

#include "app/upstreams.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace cachefill::app {

using async::Task;

namespace {

constexpr std::size_t infos_at_once = 1000;

constexpr std::uint64_t longest_flake = 1 << 20;

bool describes_machines(const std::filesystem::path& flake) {
    auto text = read_file(flake, longest_flake);
    constexpr std::array words{"nixosConfigurations", "darwinConfigurations", "homeConfigurations"};
    return text &&
           std::any_of(words.begin(), words.end(), [&](const char* word) { return text->find(word) != text->npos; });
}

// The source of a flake that describes machines, which evaluation copied into the store; a repository may have the
// flake in a folder. Nothing that was built or fetched from a cache is one, nor is nixpkgs, whose comments mention the
// same words.
bool is_own_source(const nix::PathInfo& info, const std::filesystem::path& tree) {
    bool is_named_so = info.path.name() == "source" || info.path.name().ends_with("-source");
    if (!is_named_so || info.ultimate || info.content_address.empty() || !info.signatures.empty()) return false;
    std::error_code ignored;
    if (std::filesystem::exists(tree / "nixos/lib/eval-config.nix", ignored)) return false;
    if (std::filesystem::exists(tree / "flake.nix", ignored)) return describes_machines(tree / "flake.nix");
    std::filesystem::directory_iterator folder(tree, ignored), end;
    for (; !ignored && folder != end; folder.increment(ignored))
        if (describes_machines(folder->path() / "flake.nix")) return true;
    return false;
}

} // namespace

push::PushSettings push_settings_from(const Settings& settings) {
    push::PushSettings push;
    push.uploads = settings.uploads;
    push.memory_budget = settings.memory;
    push.compression_level = settings.compression_level;
    push.exclude = settings.exclude_push;
    push.push_foreign = settings.push_foreign;
    push.size_budget = settings.size_budget;
    push.retry_later.budget = 3 * settings.retry_budget;
    return push;
}

Pusher::Pusher(Session& session, presence::OpenedCache target, const std::set<std::string>& other_targets,
               event::Sink& sink)
    : session_(session), sink_(sink), info_(target.info),
      presence_(session.executor(), session.clock(), graph_, facts_, sink, session.patience()) {
    presence_.add_own(std::move(target));
    add_upstreams(other_targets);
}

bool Pusher::is_own(const std::string& url) const {
    return url == presence_.url(plan::own_cache) || url == cache::canonical_url(info_.substituter_url);
}

void Pusher::add_upstreams(const std::set<std::string>& other_targets) {
    const auto& settings = session_.settings();
    auto keys = nix::usable_keys(session_.nix().trusted_public_keys);
    for (auto& key : nix::usable_keys(settings.trusted_public_keys)) keys.push_back(std::move(key));
    auto urls = settings.upstreams;
    if (settings.upstreams_from_hosts)
        urls.insert(urls.end(), session_.nix().substituters.begin(), session_.nix().substituters.end());
    std::set<std::string> added;
    for (const auto& text : urls) {
        auto uri = cache::parse_substituter(text);
        if (!uri || presence_.size() == plan::most_caches) continue;
        auto url = uri->to_string();
        if (is_ignored_cache(settings, text) || is_own(url) || other_targets.contains(url) || !added.insert(url).second)
            continue;
        presence_.add_upstream(session_.make_upstream(*uri), keys);
    }
}

Task<Result<bool>> Pusher::is_served(nix::StorePath path) {
    co_return co_await presence_.is_served(std::move(path), plan::all_caches);
}

Task<Result<std::vector<std::optional<nix::PathInfo>>>> Pusher::path_infos(std::vector<nix::StorePath> paths) {
    auto infos = co_await connection_->query_path_infos(std::move(paths));
    if (!infos) co_return infos;
    for (const auto& info : *infos) {
        if (!info) continue;
        presence_.note_references(*info);
        if (info->ultimate) built_here_.insert(info->path);
    }
    co_return infos;
}

Task<Result<std::vector<nix::PathInfo>>> Pusher::missing(std::vector<nix::StorePath> open) {
    std::set<nix::StorePath> seen(open.begin(), open.end());
    std::vector<nix::PathInfo> all;
    while (!open.empty()) {
        auto from = open.end() - static_cast<std::ptrdiff_t>(std::min(open.size(), infos_at_once));
        std::vector<nix::StorePath> asked(std::make_move_iterator(from), std::make_move_iterator(open.end()));
        open.erase(from, open.end());
        CO_TRY(infos, co_await path_infos(std::move(asked)));
        for (auto& info : infos) {
            if (!info) continue;
            CO_TRY(served, co_await is_served(info->path));
            if (served) continue;
            for (const auto& reference : info->references)
                if (seen.insert(reference).second) open.push_back(reference);
            all.push_back(std::move(*info));
        }
    }
    co_return all;
}

push::PushEnvironment Pusher::environment(OnSettled& on_settled) {
    push::PushEnvironment environment;
    environment.physical = [this](const nix::StorePath& path) { return session_.endpoint().physical(path); };
    environment.is_served = [this](nix::StorePath path) { return is_served(std::move(path)); };
    environment.is_hidden = [this](const nix::StorePath& path) { return presence_.is_hidden(path); };
    environment.is_served_by_now = [this](nix::StorePath path) {
        return presence_.is_served_by_now(std::move(path), plan::all_caches);
    };
    environment.path_infos = [this](std::vector<nix::StorePath> asked) { return path_infos(std::move(asked)); };
    environment.on_settled = [this, &on_settled](const nix::StorePath& path, event::PushOutcome outcome) {
        if (outcome == event::PushOutcome::published || outcome == event::PushOutcome::already_there)
            presence_.note_published(path);
        if (on_settled) on_settled(path, pipeline_->ledger().at(path));
    };
    environment.is_building = [] { return false; };
    if (info_.is_public && !session_.settings().allow_source)
        environment.reason_to_withhold = [this](const nix::PathInfo& info) -> std::optional<std::string> {
            if (!is_own_source(info, session_.endpoint().physical(info.path))) return std::nullopt;
            return "it is the source of a flake with machines, and the cache is public (allow-source)";
        };
    for (std::size_t cache = 0; cache < presence_.size(); ++cache)
        for (const auto& key : presence_.keys(cache)) environment.known_keys.push_back(key);
    for (auto& key : nix::usable_keys(session_.nix().trusted_public_keys))
        environment.known_keys.push_back(std::move(key));
    return environment;
}

Task<Pusher::Ledger> Pusher::push(std::vector<nix::StorePath> paths, push::PushSettings settings,
                                  OnSettled on_settled) {
    settings.compression = info_.preferred_compression;
    pipeline_ = push::make_pipeline(session_.executor(), presence_.backend(plan::own_cache), session_.workers(),
                                    std::move(settings), environment(on_settled), sink_);
    for (auto& path : paths) pipeline_->add(std::move(path), false);
    pipeline_->close();
    std::exception_ptr broken;
    try {
        co_await pipeline_->run();
    } catch (...) { // cancelled: the pipeline has cleared up, and must go before what it refers to
        broken = std::current_exception();
    }
    auto ledger = pipeline_->ledger();
    pipeline_.reset();
    if (broken) std::rethrow_exception(broken);
    co_return ledger;
}

void Pusher::stop(std::chrono::milliseconds grace) {
    presence_.stop_waiting();
    if (pipeline_) pipeline_->stop(grace);
}

} // namespace cachefill::app
