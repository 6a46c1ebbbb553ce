#include "report/junit.hpp"

#include "base/text.hpp"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <fmt/format.h>

#include <chrono>
#include <sstream>

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
    void add_to(Tree& suites) {
        tree_.put("<xmlattr>.name", name_);
        tree_.put("<xmlattr>.tests", tests_);
        tree_.put("<xmlattr>.failures", failures_);
        tree_.put("<xmlattr>.skipped", skipped_);
        tree_.put("<xmlattr>.time", seconds(took_));
        suites.add_child("testsuite", tree_);
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

Suite hosts(const RunReport& report) {
    Suite suite("hosts");
    for (const auto& target : report.targets) {
        auto took = target.evaluation;
        auto verdict = std::string(event::to_string(target.verdict));
        if (!target.error.empty())
            suite.fail("hosts", target.name, took, "it does not evaluate", target.error + "\n" + target.hint);
        else if (!target.counts())
            suite.skip("hosts", target.name, target.evaluate_only ? "evaluated only" : verdict);
        else if (event::is_filled(target.verdict))
            suite.pass("hosts", target.name, took);
        else
            suite.fail("hosts", target.name, took, verdict, join(target.missing, "\n"));
    }
    return suite;
}

Suite builds(const RunReport& report) {
    Suite suite("builds");
    for (const auto& build : report.builds) {
        auto outcome = std::string(event::to_string(build.outcome));
        auto group = "builds." + build.kind;
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

Suite pushes(const RunReport& report) {
    Suite suite("pushes");
    for (const auto& push : report.pushes) {
        if (push.outcome == event::PushOutcome::failed)
            suite.fail("pushes", push.path, {}, "it is not in the cache", push.reason);
        else if (push.outcome == event::PushOutcome::withheld || push.outcome == event::PushOutcome::not_pushed)
            suite.skip("pushes", push.path, push.reason);
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

} // namespace

std::string to_junit(const RunReport& report) {
    Tree document;
    auto& suites = document.put_child("testsuites", {});
    suites.put("<xmlattr>.name", "cachefill");
    for (auto suite : {hosts(report), builds(report), pushes(report), whole(report)}) suite.add_to(suites);
    std::ostringstream text;
    boost::property_tree::write_xml(text, document, boost::property_tree::xml_writer_settings<std::string>(' ', 1));
    return text.str();
}

} // namespace cachefill::report
