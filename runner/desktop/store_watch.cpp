#include "desktop/store_watch.hpp"

#include "base/files.hpp"

namespace cachefill::desktop {

using async::Task;

namespace {

constexpr std::size_t most_at_a_time = 5000;

// Nix's own schema, unchanged since 2.0 (libstore/schema.sql); AUTOINCREMENT never uses an id twice.
constexpr std::string_view by_id = "SELECT id, path, narSize, registrationTime FROM ValidPaths WHERE id > ?1 AND "
                                   "ultimate = 1 ORDER BY id LIMIT ?2";
constexpr std::string_view by_time = "SELECT id, path, narSize, registrationTime FROM ValidPaths WHERE "
                                     "registrationTime >= ?1 AND ultimate = 1 ORDER BY id";

} // namespace

Task<Result<std::vector<QueuedPath>>> StoreWatch::poll(StorePosition& position) {
    if (!database_) {
        auto opened = sqlite::Database::open(state_ / "db/db.sqlite", sqlite::Database::Mode::read_only);
        if (opened && opened->prepare(by_id)) database_.emplace(std::move(*opened));
    }
    if (database_) {
        auto found = poll_database(position);
        if (found) co_return found;
        database_.reset(); // replaced or out of reach; the other way finds the same by time
        position.id = 0;
    }
    co_return co_await poll_directory(position);
}

Result<std::vector<QueuedPath>> StoreWatch::poll_database(StorePosition& position) {
    TRY(last_query, database_->prepare("SELECT max(id) FROM ValidPaths"));
    TRY(row, last_query.step());
    auto last = row ? last_query.number(0) : 0;
    // Another store than the one the position is from, or a position that knows only a time.
    bool use_time = position.id == 0 || last < position.id;
    TRY(query, database_->prepare(use_time ? by_time : by_id));
    if (use_time)
        query.bind(1, position.registered);
    else
        query.bind(1, position.id).bind(2, static_cast<std::int64_t>(most_at_a_time));
    std::vector<QueuedPath> found;
    for (;;) {
        TRY(more, query.step());
        if (!more) break;
        position.id = std::max(use_time ? 0 : position.id, query.number(0));
        position.registered = std::max(position.registered, query.number(3));
        if (auto path = nix::StorePath::parse(query.text(1)))
            found.push_back({.path = std::move(*path), .nar_size = static_cast<std::uint64_t>(query.number(2))});
    }
    // Up to here nothing else is of interest.
    if (use_time || found.size() < most_at_a_time) position.id = std::max(position.id, last);
    return found;
}

Result<void> StoreWatch::list_new_names() {
    std::error_code error;
    auto changed = std::filesystem::last_write_time(store_, error);
    if (error) return errno_failure("look at", store_, error.value());
    if (listed_ && *listed_ == changed) return {};
    listed_ = changed; // read before the listing: what appears meanwhile is found the next time
    std::set<std::string> still_known;
    std::filesystem::directory_iterator entry(store_, error), end;
    for (; !error && entry != end; entry.increment(error)) {
        auto name = entry->path().filename().string();
        if (known_.contains(name))
            still_known.insert(std::move(name));
        else if (nix::StorePath::parse_base_name(name) && !name.ends_with(".drv") && !name.ends_with(".lock"))
            pending_.insert(std::move(name));
    }
    if (error) {
        listed_.reset();
        return errno_failure("list", store_, error.value());
    }
    known_ = std::move(still_known);
    return {};
}

Task<Result<std::vector<QueuedPath>>> StoreWatch::poll_directory(StorePosition& position) {
    CO_TRY_VOID(list_new_names());
    std::vector<QueuedPath> found;
    if (pending_.empty()) co_return found;
    CO_TRY(connection, co_await connect_());
    auto newest = position.registered;
    auto left = std::move(pending_);
    pending_.clear();
    std::set<std::string> unknown;
    while (!left.empty()) {
        std::vector<nix::StorePath> asked;
        for (; !left.empty() && asked.size() < most_at_a_time; left.erase(left.begin()))
            asked.push_back(nix::StorePath::parse_base_name(*left.begin()).value());
        auto names = asked;
        auto infos = co_await connection->query_path_infos(std::move(asked));
        if (!infos) {
            listed_.reset(); // everything is looked at again the next time
            co_return std::move(infos).error();
        }
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto& info = infos->at(i);
            if (!info) { // being built; a name that is never registered goes with its file
                unknown.emplace(names[i].base_name());
                continue;
            }
            known_.emplace(names[i].base_name());
            auto registered = info->registration_time.time_since_epoch().count();
            newest = std::max<std::int64_t>(newest, registered);
            if (info->ultimate && registered >= position.registered)
                found.push_back({.path = names[i], .nar_size = info->nar_size});
        }
    }
    // Those not valid yet are asked about again, as long as they are there at all.
    std::error_code ignored;
    for (const auto& name : unknown)
        if (std::filesystem::exists(std::filesystem::symlink_status(store_ / name, ignored))) pending_.insert(name);
    position.registered = newest;
    position.id = 0;
    co_return found;
}

} // namespace cachefill::desktop
