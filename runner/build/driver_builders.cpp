#include "base/units.hpp"
#include "build/nix_driver.hpp"

namespace cachefill::build {

using plan::DerivationId;

void NixDriver::note_trouble(BuilderTrouble trouble, std::size_t machine) {
    // Of what was said without a name, or with one that is spelt in another way.
    if (!builders_.knows(trouble.address)) trouble.address = builders_.address(machine);
    if (!builders_.note(trouble, clock_.now())) return;
    auto words =
        trouble.in_words() + "; builds go elsewhere, or wait for it for up to " + human_duration(builders_.patience());
    say(event::Severity::warning, std::move(words), trouble.hint());
}

// Elsewhere, if anybody else could; else again as often as under a daemon that goes away.
void NixDriver::builder_failed(BuildRequest::Ending ending, std::size_t machine) {
    using Kind = BuilderTrouble::Kind;
    auto id = ending.derivation;
    auto trouble = std::move(*ending.trouble);
    // Who was passed over has been noted; and of what it refuses a builder is not away for others.
    if (trouble.kind == Kind::full || trouble.kind == Kind::lost) {
        builders_.note_answer(machine, clock_.now()); // until then it was there
        note_trouble(trouble, machine);
    }
    if (stopping_ || trouble.kind == Kind::away) {
        scheduler_.build_returned(id, true);
        return;
    }
    bool goes_elsewhere = scheduler_.exclude(id, machine);
    if (trouble.kind == Kind::refused && goes_elsewhere)
        say(event::Severity::warning, "of " + std::string(graph_.derivation(id).name()) + ": " + ending.record.error,
            trouble.hint());
    if (goes_elsewhere)
        scheduler_.build_returned(id, true);
    else if (trouble.kind == Kind::refused)
        failed(id, std::move(ending.record));
    else
        lost(id, std::move(ending.record));
}

// Only those that are ready: what they are made from is built all the same.
void NixDriver::give_up_stranded() {
    auto is_lost = [this](std::size_t machine) { return machine != this_machine && builders_.is_given_up(machine); };
    for (auto id : scheduler_.take_stranded(is_lost)) {
        BuildRecord record;
        record.outcome = event::BuildOutcome::refused;
        record.error = builders_.trouble_of(scheduler_.crew(id)) + ", for " + human_duration(builders_.patience());
        record.builder_failed = true;
        failed(id, std::move(record));
        notify();
    }
}

} // namespace cachefill::build
