#include "session/evaluation_memory.hpp"

#include "base/text.hpp"
#include "codec/hash.hpp"
#include "daemon/settings.hpp"
#include "eval/evaluator.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::session {

using sqlite::Database;

namespace {

constexpr std::int64_t format_version = 1;

constexpr const char* schema =
    "PRAGMA synchronous = OFF; " // losing one in a crash costs an evaluation
    "PRAGMA journal_mode = WAL; "
    "CREATE TABLE IF NOT EXISTS evaluations (key TEXT PRIMARY KEY, printed TEXT NOT NULL, kept INTEGER NOT NULL) "
    "WITHOUT ROWID;";

// Those that decide whether a pure evaluation fails, or what it is. Whom it asks for what it builds is not among them:
// what was built for an evaluation is not kept.
constexpr const char* settings_that_matter[] = {"allow-import-from-derivation",
                                                "allow-unsafe-native-code-during-evaluation",
                                                "allowed-uris",
                                                "experimental-features",
                                                "extra-experimental-features",
                                                "lazy-trees",
                                                "restrict-eval",
                                                "system"};

bool is_pure(const eval::EvalSettings& settings, const daemon::Settings& nix) {
    auto value = [&nix](const char* name) {
        auto found = nix.by_name.find(name);
        return found == nix.by_name.end() ? std::string() : found->second;
    };
    return settings.impure != eval::Impure::always && !settings.accept_flake_config && value("plugin-files").empty() &&
           value("pure-eval") != "false" && value("allow-unsafe-native-code-during-evaluation") != "true";
}

// Where the tree comes from, whichever branch its commit was found on: no expression sees that.
std::string without_branch(const std::string& url) {
    auto query = url.find('?');
    if (query == url.npos) return url;
    std::vector<std::string> kept;
    for (auto parameter : split(std::string_view(url).substr(query + 1), '&'))
        if (!parameter.starts_with("ref=")) kept.emplace_back(parameter);
    return url.substr(0, query + 1) + join(kept, "&");
}

} // namespace

Result<std::unique_ptr<EvaluationMemory>> EvaluationMemory::open(const std::filesystem::path& file) {
    auto database = Database::open_ours(file, schema, format_version);
    if (!database)
        return std::move(database)
            .error()
            .with_context("opening what is kept of evaluations")
            .with_hint("delete " + file.string() + "; it is made anew");
    return std::unique_ptr<EvaluationMemory>(new EvaluationMemory(std::move(*database)));
}

std::optional<std::string> EvaluationMemory::find(std::string_view key) const {
    auto statement = database_.prepare("SELECT printed FROM evaluations WHERE key = ?1");
    if (!statement) return {};
    auto row = statement->bind(1, key).step();
    if (!row || !*row) return {};
    return statement->text(0);
}

void EvaluationMemory::keep(std::string_view key, std::string_view printed) {
    if (printed.size() > largest) return;
    // A counter instead of a clock: only the order matters, and a machine's clock may be anything.
    auto insert = database_.prepare("INSERT OR REPLACE INTO evaluations VALUES (?1, ?2, "
                                    "(SELECT coalesce(max(kept), 0) + 1 FROM evaluations))");
    if (!insert || !insert->bind(1, key).bind(2, printed).run()) return;
    auto forget = database_.prepare("DELETE FROM evaluations WHERE kept <= (SELECT max(kept) FROM evaluations) - ?1");
    if (forget) (void)forget->bind(1, static_cast<std::int64_t>(most_kept)).run();
}

std::string evaluation_key(const eval::FlakeInfo& flake, const eval::EvalSettings& settings,
                           const daemon::Settings& nix, std::string_view expression) {
    if (flake.revision.empty() || flake.dirty || !flake.source || !is_pure(settings, nix)) return {};
    auto of_nix = nlohmann::json::object();
    for (const auto* name : settings_that_matter)
        if (auto found = nix.by_name.find(name); found != nix.by_name.end()) of_nix[name] = found->second;
    nlohmann::json all{flake.nix_version,
                       without_branch(flake.url),
                       flake.revision,
                       flake.source->to_string(),
                       flake.subdirectory,
                       flake.lock,
                       settings.import_from_derivation,
                       settings.nix_options,
                       std::move(of_nix),
                       expression};
    auto text = all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return codec::hash_bytes(codec::HashAlgorithm::sha256, text).to_base16();
}

} // namespace cachefill::session
