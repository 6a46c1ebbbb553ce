#include "presence/nar_checks.hpp"

#include "async/limiter.hpp"
#include "async/together.hpp"
#include "base/text.hpp"
#include "cache/nar_look.hpp"

#include <algorithm>
#include <optional>

namespace cachefill::presence {

using async::Task;
using cache::NarState;

namespace {

constexpr std::uint64_t downloads_at_once = 16;
constexpr std::uint64_t looks_at_once = 128;
// A length that is not the stated one is most likely that of half an archive, but Nix goes by the content alone.
constexpr std::uint64_t worth_a_download = 256ULL << 20;

// One pass over many paths: what came of it.
struct Pass {
    Pass(async::Executor executor, cache::BinaryCache& c, Depth d, bool old)
        : cache(c), depth(d), is_for_old_nix(old),
          places(executor, d == Depth::looking ? looks_at_once : downloads_at_once) {}
    cache::BinaryCache& cache;
    Depth depth;
    bool is_for_old_nix; // one that undoes all that it finds to undo
    async::Limiter places;
    std::uint64_t downloads_left = worth_a_download;
    NarFindings findings;
    std::optional<Failure> failure;
};

// Nix 2.22 undoes one compression, the stated one (NixOS/nix pull 10341).
bool is_before_2_22(std::string_view version) {
    auto numbers = split(version, '.');
    if (numbers.size() < 2 || numbers[0] != "2") return false;
    auto minor = numbers[1].substr(0, numbers[1].find_first_not_of("0123456789"));
    return parse_u64(minor).value_or(22) < 22;
}

bool should_download(Pass& pass, const nix::NarInfo& info, const cache::NarLook& look) {
    if (pass.depth == Depth::downloading) return look.state == NarState::there || look.state == NarState::wrong_size;
    auto size = info.file_size.value_or(info.nar_size);
    if (look.state != NarState::wrong_size || size > pass.downloads_left) return false;
    pass.downloads_left -= size;
    return true;
}

// Of an archive that is there in some way: what its content says.
Task<Result<cache::NarLook>> download(cache::BinaryCache& cache, nix::NarInfo info, cache::NarLook look) {
    auto checked = co_await cache.check_nar(std::move(info));
    if (checked) {
        look.state = NarState::there;
        look.remarks = std::move(*checked);
        co_return look;
    }
    auto kind = checked.error().kind();
    if (kind != FailureKind::protocol && kind != FailureKind::not_found) co_return std::move(checked).error();
    if (look.state == NarState::there) {
        look.state = kind == FailureKind::not_found ? NarState::gone : NarState::unreadable;
        look.why = checked.error().one_line();
    }
    co_return look;
}

Task<Result<cache::NarLook>> look_at(Pass& pass, nix::NarInfo info) {
    auto asked = info;
    CO_TRY(look, co_await pass.cache.look_at_nar(std::move(asked)));
    if (!should_download(pass, info, look)) co_return look;
    co_return co_await download(pass.cache, std::move(info), std::move(look));
}

Task<void> check(Pass& pass, nix::NarInfo info) {
    auto place = co_await pass.places.acquire();
    if (pass.failure) co_return;
    auto asked = info;
    auto look = co_await look_at(pass, std::move(asked));
    if (!look) {
        if (!pass.failure) pass.failure = std::move(look).error();
        co_return;
    }
    auto& remarks = look->remarks;
    bool is_encoded = std::find(remarks.begin(), remarks.end(), cache::NarRemark::twice_encoded) != remarks.end();
    if (look->state == NarState::there && is_encoded && pass.is_for_old_nix) {
        look->state = NarState::encoded;
        look->why = "it is sent with a Content-Encoding on top of its compression, which Nix before 2.22 cannot undo";
        remarks.clear();
    }
    for (auto remark : remarks) pass.findings.remarks[remark].push_back(info.path);
    if (look->state != NarState::there)
        pass.findings.unusable.push_back({.info = std::move(info), .state = look->state, .why = std::move(look->why)});
}

} // namespace

Task<Result<NarFindings>> check_nars(async::Executor executor, cache::BinaryCache& cache,
                                     std::vector<nix::NarInfo> infos, Depth depth, std::string nix_version) {
    Pass pass(executor, cache, depth, is_before_2_22(nix_version));
    auto check_all = [&](async::TaskGroup& group) {
        for (auto& info : infos) group.spawn(check(pass, std::move(info)));
    };
    co_await async::together(check_all);
    if (pass.failure) co_return std::move(*pass.failure);
    auto by_path = [](const auto& a, const auto& b) { return a.info.path < b.info.path; };
    std::sort(pass.findings.unusable.begin(), pass.findings.unusable.end(), by_path);
    for (auto& [remark, found] : pass.findings.remarks) std::sort(found.begin(), found.end());
    co_return std::move(pass.findings);
}

} // namespace cachefill::presence
