#include "app/hand_out.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "fill/bundling.hpp"
#include "fill/run.hpp"
#include "fill/shards.hpp"
#include "fill/sources.hpp"
#include "options/exit_code.hpp"
#include "options/settings.hpp"
#include "report/prose.hpp"
#include "report/run_report.hpp"
#include "report/style.hpp"
#include "session/session.hpp"

namespace cachefill::app {

namespace {

constexpr std::size_t expected_shown = 3;

// What is in the file, and what of it not everybody may have.
std::string text_of_bundle(const fill::WrittenBundle& written, const std::string& file) {
    const auto& contents = written.contents;
    auto text = "the bundle " + sanitize(file) + " has " + human_bytes(written.file_bytes) + ": " +
                counted(contents.derivations(), "derivation") + " and " + counted(contents.sources(), "source") +
                " of " + human_bytes(contents.nar_bytes()) + "\n";
    for (const auto& [path, why] : contents.withheld) {
        auto reason = std::string_view(why).substr(0, why.rfind(fill::unless_allowed));
        text += "in it, although not everybody may have it: " + path.to_string() + " (" + std::string(reason) + ")\n";
    }
    std::vector<std::string> expected;
    for (const auto& path : contents.expected) expected.push_back(path.to_string());
    if (!expected.empty())
        text += "whoever takes it fetches first, from a cache: " + report::listed(expected, expected_shown) + "\n";
    return text;
}

bool does_the_last_job_suffice(const report::ShardPlan& cut, const session::Session& session) {
    const auto& settings = session.settings();
    if (settings.read_only) return true;
    if (cut.shards.size() != 1) return cut.shards.empty();
    // A runner that is named for this system may be another machine than the one that planned.
    const auto& machine = cut.shards.front().machine;
    return machine == session.nix().system && !settings.runners.contains(machine);
}

// The work without anybody to do it.
report::ShardPlan without_shards(report::ShardPlan cut) {
    cut.shards.clear();
    cut.copied = cut.copies = cut.handovers = 0;
    cut.ends = {};
    return cut;
}

} // namespace

std::string HandedOut::text(std::size_t width) const {
    return report::shards_text(cut, width) + report::wrap_sentences(bundle_text, width) + "\n";
}

std::vector<std::pair<std::string, std::string>> HandedOut::step_outputs() const {
    return {{"matrix", matrix}, {"shards", std::to_string(cut.shards.size())}, {"bundle", bundle}};
}

bool can_hand_out(const fill::Run& run, const report::RunReport& report) {
    auto ended = static_cast<options::ExitCode>(report.exit_code);
    bool is_made = ended == options::ExitCode::complete || ended == options::ExitCode::failed;
    return is_made && report.superseded_by.empty() && !run.plan_targets().empty();
}

async::Task<Result<HandedOut>> hand_out(fill::Run& run, const session::Session& session, Followed followed) {
    const auto& settings = session.settings();
    HandedOut result;
    result.cut = fill::shard_plan(run, session);
    if (followed == Followed::by_last_job && does_the_last_job_suffice(result.cut, session))
        result.cut = without_shards(std::move(result.cut));
    if (settings.matrix) {
        CO_TRY(matrix, report::shards_matrix(result.cut));
        result.matrix = std::move(matrix);
    }
    if (!settings.bundle.empty()) {
        CO_TRY(written, co_await run.write_bundle(result.cut, settings.bundle));
        result.bundle = settings.bundle;
        result.bundle_text = text_of_bundle(written, settings.bundle);
    }
    co_return result;
}

} // namespace cachefill::app
