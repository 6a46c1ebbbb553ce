#include "shard/importing.hpp"

#include "async/deadline.hpp"
#include "base/text.hpp"
#include "daemon/operations.hpp"
#include "nix/nar.hpp"

#include <algorithm>
#include <unordered_set>

namespace cachefill::shard {

namespace fs = std::filesystem;

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto longest_fetch = 30min;         // of one path
constexpr std::size_t group_of = 32;          // objects that are added at once
constexpr std::uint64_t group_size = 4 << 20; // bytes, or one object

Task<Result<BundleReader>> open(async::WorkerPool& workers, fs::path file) {
    auto work = [file = std::move(file)] { return BundleReader::open(file); };
    co_return co_await workers.run(std::move(work));
}

Task<Result<std::string>> read_on(async::WorkerPool& workers, BundleReader& reader) {
    auto work = [&reader] { return reader.next(); };
    co_return co_await workers.run(work);
}

// Keeps the NARs of derivations out of a payload that comes in pieces.
class DerivationPicker {
  public:
    using Kept = std::unordered_map<nix::StorePath, std::string>;
    DerivationPicker(const std::vector<BundledObject>& objects, Kept& kept) : objects_(objects), kept_(kept) {}

    void write(std::string_view bytes) {
        while (!bytes.empty() && next_ < objects_.size()) {
            const auto& object = objects_[next_];
            auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(object.size() - at_, bytes.size()));
            if (object.path.is_derivation()) {
                auto skipped = static_cast<std::size_t>(
                    std::min<std::uint64_t>(taken, object.info_bytes > at_ ? object.info_bytes - at_ : 0));
                kept_[object.path] += bytes.substr(skipped, taken - skipped);
            }
            at_ += taken;
            bytes.remove_prefix(taken);
            if (at_ < object.size()) return;
            ++next_;
            at_ = 0;
        }
    }

  private:
    const std::vector<BundledObject>& objects_;
    Kept& kept_;
    std::size_t next_ = 0;
    std::uint64_t at_ = 0; // in the next one
};

Result<void> check_commit(const Bundle& bundle, const std::string& commit) {
    if (commit.empty() || bundle.commit == commit) return {};
    auto of = bundle.commit.empty() ? "no commit" : "the commit " + bundle.commit;
    return Failure(FailureKind::usage, "it is of " + of + ", and this run is of " + sanitize(commit) + " (GITHUB_SHA)")
        .with_hint("hand on the bundle that a job of the same run has written");
}

} // namespace

Task<Result<std::unique_ptr<Import>>> Import::begin(async::WorkerPool& workers, fs::path file, std::string commit,
                                                    daemon::Connection& store) {
    auto doing = "taking the bundle " + sanitize(file.string());
    auto executor = co_await boost::asio::this_coro::executor;
    auto import = std::make_unique<Import>(executor, workers, std::move(file), store);
    CO_TRY_VOID(co_await import->check());
    CO_TRY_VOID(with_context(check_commit(import->bundle_, commit), doing));
    auto fetched = co_await import->fetch_expected();
    CO_TRY_VOID(with_context(std::move(fetched), doing));
    auto added = co_await import->add_sources();
    CO_TRY_VOID(with_context(std::move(added), doing));
    co_return std::move(import);
}

// Reads it to its end.
Task<Result<void>> Import::check() {
    CO_TRY(reader, co_await open(workers_, file_));
    bundle_ = reader.bundle();
    for (const auto& object : bundle_.contents.objects) numbers_.emplace(object.path, numbers_.size());
    DerivationPicker picker(bundle_.contents.objects, derivations_);
    for (bool more = true; more;) {
        CO_TRY(piece, co_await read_on(workers_, reader));
        picker.write(piece);
        more = !piece.empty();
    }
    co_return Result<void>();
}

// What is not content-addressed no daemon takes from a file.
Task<Result<void>> Import::fetch_expected() {
    CO_TRY(valid, co_await store_.query_valid_paths(bundle_.contents.expected));
    std::unordered_set<nix::StorePath> here(valid.begin(), valid.end());
    for (const auto& path : bundle_.contents.expected) {
        if (!here.contains(path)) {
            auto doing = "fetching " + path.to_string();
            auto work = store_.ensure_path(path);
            auto fetched = co_await async::with_deadline(std::move(work), longest_fetch, doing);
            if (!fetched)
                co_return std::move(fetched)
                    .error()
                    .with_context("fetching " + path.to_string() + ", which derivations of the bundle need")
                    .with_hint("it was built for an evaluation, or named by its path: it has to be in a cache that "
                               "this machine's Nix fetches from");
        }
        CO_TRY_VOID(co_await store_.add_temp_root(path));
    }
    co_return Result<void>();
}

Result<nix::Derivation> Import::read(const nix::StorePath& path) const {
    auto found = derivations_.find(path);
    if (found == derivations_.end()) return Failure(FailureKind::not_found, path.to_string() + " is not in the bundle");
    auto doing = "reading " + path.to_string() + " of the bundle";
    TRY(text, with_context(nix::file_of_nar(found->second), doing));
    return with_context(nix::Derivation::parse(text), doing);
}

// What is planned looks at the store for them.
Task<Result<void>> Import::add_sources() {
    CO_TRY(reader, co_await open(workers_, file_));
    reader_ = std::move(reader);
    const auto& objects = bundle_.contents.objects;
    auto is_source = [](const BundledObject& object) { return !object.path.is_derivation(); };
    auto behind = std::find_if(objects.rbegin(), objects.rend(), is_source).base();
    auto nothing_ends = [] { return false; };
    co_return co_await add_up_to(static_cast<std::size_t>(behind - objects.begin()), nothing_ends);
}

Task<Result<void>> Import::run(std::function<bool()> is_over) {
    auto added = co_await add_up_to(bundle_.contents.objects.size(), is_over);
    auto result = with_context(std::move(added), "adding what the bundle " + sanitize(file_.string()) + " holds");
    // Nix 2.34 writes structured attributes anew, and refuses what 2.8 wrote another way (1e+06, \u0008).
    if (!result && result.error().hint().empty() && bundle_.nix_version != store_.nix_version())
        result = std::move(result).error().with_hint("the bundle was made with Nix " + sanitize(bundle_.nix_version) +
                                                     ", and this is " + store_.nix_version() +
                                                     ": give the machines of a fleet one version of Nix");
    if (!result) failure_ = result.error();
    changed_.notify_all();
    co_return result;
}

Task<Result<void>> Import::add_up_to(std::size_t last, const std::function<bool()>& is_over) {
    const auto& objects = bundle_.contents.objects;
    while (added_ < last) {
        if (is_over()) {
            failure_ = Failure(FailureKind::store, "the run ends before it was added to the store");
            co_return Result<void>();
        }
        auto end = added_;
        for (std::uint64_t size = 0; end < last && end - added_ < group_of; ++end) {
            size += objects[end].size();
            if (size > group_size && end > added_) break;
        }
        CO_TRY_VOID(co_await add_group(end - added_));
        added_ = end;
        changed_.notify_all();
    }
    co_return Result<void>();
}

// Without what is there already, which Nix 2.8 does not read to its end, and takes for the next object.
Task<Result<void>> Import::add_group(std::size_t count) {
    std::vector<nix::StorePath> paths;
    for (std::size_t i = added_; i < added_ + count; ++i) paths.push_back(bundle_.contents.objects[i].path);
    CO_TRY_VOID(co_await store_.add_temp_roots(paths)); // from here on no garbage collection takes them
    CO_TRY(valid, co_await store_.query_valid_paths(std::move(paths)));
    std::unordered_set<nix::StorePath> here(valid.begin(), valid.end());
    Parts parts;
    std::size_t missing = 0;
    for (std::size_t i = added_; i < added_ + count; ++i) {
        const auto& object = bundle_.contents.objects[i];
        bool is_missing = !here.contains(object.path);
        parts.push_back({.left = object.size(), .is_wanted = is_missing});
        if (is_missing) ++missing;
    }
    if (missing == 0) co_return co_await pass_over(parts);
    bool is_begun = false;
    daemon::Payload payload = [&]() -> Task<Result<std::string>> {
        if (std::exchange(is_begun, true)) return next_wanted(parts);
        auto number = [](std::size_t of) -> Task<Result<std::string>> { co_return daemon::objects_header(of); };
        return number(missing);
    };
    CO_TRY_VOID(co_await store_.add_objects(std::move(payload)));
    co_return co_await pass_over(parts);
}

// The next bytes of what is wanted of these; empty at their end.
Task<Result<std::string>> Import::next_wanted(Parts& parts) {
    while (!parts.empty()) {
        CO_TRY(piece, co_await next_piece(parts.front().left));
        if (piece.empty())
            parts.pop_front();
        else if (parts.front().is_wanted)
            co_return piece;
    }
    co_return std::string();
}

// What is left of these is not wanted.
Task<Result<void>> Import::pass_over(Parts& parts) {
    CO_TRY_VOID(co_await next_wanted(parts));
    co_return Result<void>();
}

// Of an object of which so many bytes are left; empty at its end.
Task<Result<std::string>> Import::next_piece(std::uint64_t& left) {
    if (left == 0) co_return std::string();
    if (unused_.empty()) {
        CO_TRY(piece, co_await read_on(workers_, *reader_));
        if (piece.empty()) co_return Failure(FailureKind::protocol, "the file became shorter while it was read");
        unused_ = std::move(piece);
    }
    auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left, unused_.size()));
    auto piece = unused_.substr(0, taken);
    unused_.erase(0, taken);
    left -= taken;
    co_return piece;
}

Task<Result<void>> Import::until(std::size_t count) {
    while (added_ < count && !failure_) co_await changed_.wait();
    if (added_ < count) co_return *failure_;
    co_return Result<void>();
}

Task<Result<void>> Import::until_added(nix::StorePath path) {
    auto number = numbers_.find(path);
    if (number == numbers_.end()) co_return Result<void>();
    co_return co_await until(number->second + 1);
}

Task<Result<void>> Import::until_all_are_added() { return until(numbers_.size()); }

} // namespace cachefill::shard
