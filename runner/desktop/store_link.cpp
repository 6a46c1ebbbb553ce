#include "desktop/store_link.hpp"

#include "base/text.hpp"

#include <deque>
#include <optional>

namespace cachefill::desktop {

namespace {

namespace fs = std::filesystem;

constexpr int most_links = 64;

std::optional<nix::StorePath> in_store(const fs::path& path, const std::string& root) {
    auto text = path.string();
    if (!root.empty() && text.starts_with(root + "/")) text.erase(0, root.size());
    auto inside = nix::StorePath::parse_inside(text);
    if (!inside) return {};
    return std::move(inside->first);
}

void put_before(std::deque<fs::path>& open, const fs::path& parts) {
    std::deque<fs::path> all(parts.begin(), parts.end());
    all.insert(all.end(), open.begin(), open.end());
    open = std::move(all);
}

} // namespace

Result<nix::StorePath> store_path_at(const fs::path& name, const fs::path& root) {
    std::error_code error;
    auto real_root = root.empty() ? std::string() : fs::weakly_canonical(root, error).string();
    auto fail = [&name](const std::string& why) {
        return Failure(FailureKind::usage, why + " '" + sanitize(redact_url(name.string())) + "'");
    };
    const auto absolute = fs::absolute(name, error);
    // Said by itself it need not be looked for: where the store has another root there may be no /nix at all.
    if (auto path = in_store(absolute.lexically_normal(), real_root)) return std::move(*path);
    std::deque<fs::path> open; // what is still to be walked
    put_before(open, absolute);
    fs::path at("/");
    for (int links = 0; !open.empty();) {
        auto part = std::move(open.front());
        open.pop_front();
        if (part.empty() || part == "." || part == "/") continue;
        if (part == "..") {
            at = at.parent_path();
            continue;
        }
        auto next = at / part;
        if (auto path = in_store(next, real_root)) return std::move(*path);
        auto status = fs::symlink_status(next, error);
        // What a link calls /nix lies below the root, whatever this machine has there.
        bool is_below_root = part == "nix" || status.type() == fs::file_type::not_found;
        if (at == "/" && !real_root.empty() && links > 0 && is_below_root) {
            at = real_root;
            open.push_front(std::move(part));
            continue;
        }
        if (status.type() == fs::file_type::symlink) {
            if (++links > most_links) return fail("there are too many links behind");
            auto target = fs::read_symlink(next, error);
            if (error) return fail("cannot read the link (" + error.message() + ")");
            if (target.is_absolute()) {
                // It need not be there: the store may be another machine's.
                if (auto path = in_store(target.lexically_normal(), real_root)) return std::move(*path);
                at = "/";
            }
            put_before(open, target);
            continue;
        }
        if (!fs::exists(status)) return fail("there is nothing at");
        at = std::move(next);
    }
    return fail("no path of " + std::string(nix::store_dir) + " is at")
        .with_hint("give a store path, or a symlink such as ./result");
}

} // namespace cachefill::desktop
