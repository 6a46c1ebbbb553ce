#include "options/option_rows.hpp"

namespace cachefill::options {

std::vector<Option> rows::building_and_pushing() {

    return {
        {"jobs", T::value, run_only, W::anywhere, "N", "Building",
         "builds at once on this machine (default: Nix's max-jobs)", "", number(&Settings::jobs, 0, 4096)},
        {"cores", T::value, run_only, W::anywhere, "N", "Building",
         "cores for each build (default: Nix's cores; 0: all)", "",
         [](Settings& settings, const Values& values) -> Result<void> {
             TRY(value, number_in(values.back(), 0, 4096));
             settings.cores = value;
             return {};
         }},
        {"max-silent", T::value, run_only, W::anywhere, "TIME", "Building",
         "stop a build that prints nothing for so long (default 1h; 0: never)", "", duration(&Settings::max_silent)},
        {"build-timeout", T::value, run_only, W::anywhere, "TIME", "Building",
         "stop a build after this time (default: never)", "", duration(&Settings::build_timeout)},
        {"defer", T::list, run_plan, W::anywhere, "PATTERN", "Building",
         "names to build last: 'firefox-unwrapped-*', 'aarch64-darwin:llvm-*'",
         "For what upstream's builders are about to have. What the deadline keeps from being started waits for "
         "upstream; "
         "a derivation that used up an earlier deadline comes last by itself. In the file also by system: "
         "{aarch64-darwin: ['firefox-unwrapped-*']}.",
         apply_defer, true},
        {"min-free", T::value, run_only, W::anywhere, "SIZE", "Building",
         "start no build while the store has less space than this (default 2G)",
         "What this run built, and is in the cache, and nothing needs any more, is then deleted from the store.",
         bytes(&Settings::min_free)},
        {"store", T::value, run_plan | run_push | laptop, W::flag, "URI", "Building",
         "another Nix store: a directory, local?root=DIR, unix://SOCKET", "", text(&Settings::store)},
        {"read-only", T::toggle, run_push, W::merged, "", "Pushing", "plan and build, but push nothing", "",
         toggle(&Settings::read_only)},
        {"also-push", T::list, run_only, W::outside, "CACHE", "Pushing",
         "a further cache to fill beside it; CACHE?optional=1 may be away",
         "What is built, and what of the hosts is in this machine's store, goes there, too. Only --cache decides what "
         "is missing "
         "and whether a host is complete. Credentials of its own: CACHIX_AUTH_TOKEN_NAME, CACHEFILL_BEARER_TOKEN_NAME, "
         "CACHEFILL_SIGNING_KEY_NAME.",
         urls(&Settings::also_push)},
        {"uploads", T::value, run_push, W::anywhere, "N", "Pushing", "paths uploaded at once (default 16)", "",
         number(&Settings::uploads, 1, 256)},
        {"memory", T::value, run_push, W::anywhere, "SIZE", "Pushing",
         "for compressed pieces on their way (default 256M)", "", bytes(&Settings::memory)},
        {"compression-level", T::value, run_push, W::anywhere, "N", "Pushing", "1 (fast) to 19 (small); default 3", "",
         number(&Settings::compression_level, 1, 19)},
        {"exclude-push", T::list, run_push, W::merged, "PATTERN", "Pushing",
         "names never pushed, unless something that is pushed refers to them", "", list(&Settings::exclude_push)},
        {"push-foreign",
         T::toggle,
         run_push,
         W::outside,
         "",
         "Pushing",
         "push (and sign) also what neither was built here nor comes from a known cache",
         "",
         toggle(&Settings::push_foreign),
         false,
         {"false"}},
        {"allow-source",
         T::toggle,
         run_push,
         W::outside,
         "",
         "Pushing",
         "let private sources, the flake's own first, go to a public cache if referred to",
         "",
         toggle(&Settings::allow_source),
         false,
         {"false"}},
        {"size-budget", T::value, run_push, W::merged, "SIZE", "Pushing", "push at most so much; the rest is listed",
         "", bytes(&Settings::size_budget)},
        {"push.scope",
         T::value,
         push_only,
         W::outside,
         "SCOPE",
         "Pushing",
         "what --watch and --since look at: system (default) or all",
         "system: the closures of system and home generations, and what was built here for them. all: besides, "
         "whatever gets built on this machine; think before you do that with a public cache.",
         choice<PushScope>(&Settings::push_scope, {{"system", PushScope::system}, {"all", PushScope::all}}),
         false,
         {"system"}},
        {"push.users", T::list, push_only, W::outside, "USER", "Pushing",
         "users whose home generations --watch and --since push, besides root's and your own",
         "A profile is a link that its owner can point at anything in the store, so a user who is named here decides "
         "what goes into the cache.",
         list(&Settings::push_users)},
        {"push.caches", T::table, push_only, W::outside, "NAME=URI", "Pushing",
         "the caches that --watch fills, each with its own credentials and queue",
         "In the file a mapping: NAME: {uri: …, push: …, token-file: …, signing-key-file: …, optional: true}. As a "
         "flag NAME=URI,token-file=FILE,optional. An optional cache may be away for days. Without it --watch fills the "
         "one "
         "that --cache names; with it --cache may give one of these names.",
         apply_push_caches},
        {"push.on-battery", T::value, push_only, W::anywhere, "WHAT", "Pushing",
         "what --watch does on battery: push (default) or wait", "",
         choice<bool>(&Settings::push_on_battery, {{"push", true}, {"wait", false}})},
        {"push.metered", T::value, push_only, W::anywhere, "WHAT", "Pushing",
         "what --watch does on a metered connection: push (default) or wait", "NetworkManager says which is one.",
         choice<bool>(&Settings::push_when_metered, {{"push", true}, {"wait", false}})},
        {"retroactive",
         T::toggle,
         push_only,
         W::outside,
         "",
         "Pushing",
         "let --watch push also what was here before its first start",
         "",
         toggle(&Settings::retroactive),
         false,
         {"false"}},
        {"pins.branches", T::list, run_only, W::anywhere, "BRANCH", "Pushing",
         "branches whose hosts are pinned where the cache has pins (default develop, main)", "",
         list(&Settings::pin_branches)},
        {"pins.keep", T::value, run_only, W::anywhere, "N", "Pushing", "revisions of each pin to keep (default 2)", "",
         number(&Settings::pin_keep, 1, 1000)},
        {"manifest", T::toggle, run_only, W::anywhere, "", "Pushing",
         "leave a signed record in the cache of what was filled (default)", "", toggle(&Settings::manifest)},
    };
}

} // namespace cachefill::options
