#!/usr/bin/env bash
# test-results-parser 0.4.6 of npm (what some reporters of CI runs read JUnit's XML with) and a report of builds that has a suite within
# a suite, skipped cases that have no time, and a suite without a case.
# Guess: every case is there, one that has no time took 0, the total is the number of cases, and the empty suite is one of the suites.
# Seen: a suite within one that has cases of its own is dropped with its cases, failed ones too; no time becomes NaN; the total is
# that of the cases that are not skipped; the empty suite is not there. junit-to-ctrf 0.0.14 of npm reads the same
# report whole. (npm has to be there.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . test-results-parser@0.4.6 junit-to-ctrf@0.0.14 > /dev/null
cat > report.xml <<'X'
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="fill" tests="5" failures="2" errors="0" skipped="1" time="8">
  <testsuite name="builds" tests="5" failures="2" errors="0" skipped="1" time="8">
    <testcase name="hello" classname="builds" time="4"/>
    <testcase name="broken" classname="builds" time="1"><failure message="exit code 1">the log</failure></testcase>
    <testcase name="blocked" classname="builds"><skipped message="blocked by broken"/></testcase>
    <testsuite name="within" tests="2" failures="1" errors="0" skipped="0" time="3">
      <testcase name="deep" classname="builds.within" time="1"/>
      <testcase name="deep-and-broken" classname="builds.within" time="2"><failure message="exit code 2">the log</failure></testcase>
    </testsuite>
  </testsuite>
  <testsuite name="pushes" tests="0" failures="0" errors="0" skipped="0" time="0"/>
</testsuites>
X
cat > read.mjs <<'J'
import { createRequire } from "node:module";
import { convertJUnitToCTRFReport } from "junit-to-ctrf";
const { parseV2 } = createRequire(import.meta.url)("test-results-parser");
const { summary, tests } = (await convertJUnitToCTRFReport("report.xml")).results;
console.log("junit-to-ctrf: %d cases:", summary.tests, tests.map((test) => `${test.name} ${test.status} ${test.duration}`).join(", "));
const { result, errors } = parseV2({ type: "junit", files: ["report.xml"] });
console.log("test-results-parser: %d errors, total %d, %d suite:", errors.length, result.total, result.suites.length,
    result.suites.flatMap((suite) => suite.cases).map((one) => `${one.name} ${one.status} ${one.duration}`).join(", "));
J
node read.mjs | tee out
grep -qx 'junit-to-ctrf: 5 cases: hello passed 4000, broken failed 1000, blocked skipped 0, deep passed 1000, deep-and-broken failed 2000' out
grep -qx 'test-results-parser: 0 errors, total 4, 1 suite: hello PASS 4000, broken FAIL 1000, blocked SKIP NaN' out
