#include "report/junit.hpp"

#include "base/text.hpp"
#include "report/read_back.hpp"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <fmt/format.h>

#include <chrono>
#include <sstream>
#include <vector>

namespace cachefill::report {

namespace {

using Tree = boost::property_tree::ptree;
using std::chrono::milliseconds;

// XML has no way to write control characters, nor the two code points that are none.
std::string clean(const std::string& text) {
    auto kept = sanitize(text);
    for (const char* none : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"})
        for (auto at = kept.find(none); at != std::string::npos; at = kept.find(none, at)) kept.erase(at, 3);
    return kept;
}

std::string seconds(milliseconds time) { return fmt::format("{:.3f}", static_cast<double>(time.count()) / 1000); }

class Suite {
  public:
    explicit Suite(std::string name) : name_(std::move(name)) {}

    void pass(const std::string& group, const std::string& name, milliseconds took) { begin(group, name, took); }
    // `text`: the rest of what is known, such as the end of a log.
    void fail(const std::string& group, const std::string& name, milliseconds took, const std::string& message,
              const std::string& text) {
        auto& failure = begin(group, name, took).add("failure", clean(text));
        failure.put("<xmlattr>.message", clean(message));
        ++failures_;
    }
    void skip(const std::string& group, const std::string& name, const std::string& why) {
        begin(group, name, {}).add("skipped", "").put("<xmlattr>.message", clean(why));
        ++skipped_;
    }
    void add_to(Tree& suites) const {
        auto& tree = suites.add_child("testsuite", tree_);
        tree.put("<xmlattr>.name", clean(name_));
        tree.put("<xmlattr>.tests", tests_);
        tree.put("<xmlattr>.failures", failures_);
        tree.put("<xmlattr>.skipped", skipped_);
        tree.put("<xmlattr>.time", seconds(took_));
    }

  private:
    Tree& begin(const std::string& group, const std::string& name, milliseconds took) {
        ++tests_;
        took_ += took;
        auto& test = tree_.add("testcase", "");
        test.put("<xmlattr>.classname", "cachefill." + clean(group));
        test.put("<xmlattr>.name", clean(name));
        test.put("<xmlattr>.time", seconds(took));
        return test;
    }

    std::string name_;
    Tree tree_;
    std::size_t tests_ = 0, failures_ = 0, skipped_ = 0;
    milliseconds took_{};
};

// `of`: whose, behind which the suites stand; empty if there is but one report.
std::string named(const std::string& of, const char* suite) { return of.empty() ? suite : of + ": " + suite; }
std::string grouped(const std::string& of, const std::string& group) { return of.empty() ? group : of + "." + group; }

Suite hosts(const RunReport& report, const std::string& of) {
    Suite suite(named(of, "hosts"));
    const auto group = grouped(of, "hosts");
    for (const auto& target : report.targets) {
        auto took = target.evaluation;
        auto verdict = std::string(event::to_string(target.verdict));
        if (!target.error.empty())
            suite.fail(group, target.name, took, "it does not evaluate", target.error + "\n" + target.hint);
        else if (!target.counts())
            suite.skip(group, target.name, target.evaluate_only ? "evaluated only" : verdict);
        else if (event::is_filled(target.verdict))
            suite.pass(group, target.name, took);
        else
            suite.fail(group, target.name, took, verdict, join(target.missing, "\n"));
    }
    return suite;
}

Suite builds(const RunReport& report, const std::string& of) {
    Suite suite(named(of, "builds"));
    for (const auto& build : report.builds) {
        auto outcome = std::string(event::to_string(build.outcome));
        auto group = grouped(of, "builds." + build.kind);
        if (event::is_failure(build.outcome))
            suite.fail(group, build.name, build.took, build.error.empty() ? outcome : build.error,
                       build.derivation + "\n" + join(build.log_tail, "\n"));
        else if (build.outcome == event::BuildOutcome::built || build.outcome == event::BuildOutcome::found)
            suite.pass(group, build.name, build.took);
        else
            suite.skip(group, build.name, build.blocked_by.empty() ? outcome : "blocked by " + build.blocked_by);
    }
    return suite;
}

Suite pushes(const RunReport& report, const std::string& of) {
    Suite suite(named(of, "pushes"));
    const auto group = grouped(of, "pushes");
    for (const auto& push : report.pushes) {
        if (push.outcome == event::PushOutcome::failed)
            suite.fail(group, push.path, {}, "it is not in the cache", push.reason);
        else if (push.outcome == event::PushOutcome::withheld || push.outcome == event::PushOutcome::not_pushed)
            suite.skip(group, push.path, push.reason);
    }
    return suite;
}

Suite whole(const RunReport& report) {
    Suite suite("run");
    auto name = std::string(to_string(report.command)) + " " + report.cache;
    auto message = "exit code " + std::to_string(report.exit_code);
    if (report.exit_code == 0)
        suite.pass("run", name, report.took);
    else
        suite.fail("run", name, report.took, message, join(report.causes, "\n"));
    return suite;
}

Suite jobs(const Joined& joined) {
    Suite suite("jobs");
    for (const auto& job : joined.jobs) {
        if (job.exit_code == 0)
            suite.pass("jobs", job.name, job.took);
        else
            suite.fail("jobs", job.name, job.took, "exit code " + std::to_string(job.exit_code),
                       join(job.causes, "\n"));
    }
    for (const auto& name : joined.never_reported) suite.fail("jobs", name, {}, "it never reported", {});
    return suite;
}

Suite whole(const Joined& joined) {
    Suite suite("report");
    if (joined.exit_code == 0) {
        suite.pass("report", "report", {});
        return suite;
    }
    std::string text = "exit code " + std::to_string(joined.exit_code) + "\n";
    for (const auto& finding : joined.findings)
        if (finding.severity >= event::Severity::warning)
            text += finding.source + ": " + finding.title + (finding.text.empty() ? "" : ": " + finding.text) + "\n";
    suite.fail("report", "report", {}, joined.headline(), text);
    return suite;
}

std::string to_xml(const std::vector<Suite>& suites) {
    Tree document;
    auto& tree = document.put_child("testsuites", {});
    tree.put("<xmlattr>.name", "cachefill");
    for (const auto& suite : suites) suite.add_to(tree);
    std::ostringstream text;
    boost::property_tree::write_xml(text, document, boost::property_tree::xml_writer_settings<std::string>(' ', 1));
    return text.str();
}

} // namespace

std::string to_junit(const RunReport& report) {
    return to_xml({hosts(report, {}), builds(report, {}), pushes(report, {}), whole(report)});
}

std::string to_junit(const Joined& joined) {
    std::vector<Suite> suites;
    for (const auto& job : joined.jobs) {
        if (job.document.empty()) continue;
        auto report = read_back(job.document);
        for (auto* suite_of : {&hosts, &builds, &pushes}) suites.push_back(suite_of(report, job.name));
    }
    suites.push_back(jobs(joined));
    suites.push_back(whole(joined));
    return to_xml(suites);
}

} // namespace cachefill::report
