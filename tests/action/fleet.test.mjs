// workflows/fleet.yml under act: a cold cache, and a full one. What goes wrong on the way: fleet_faults.mjs.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Fleet, assertComplete, cutOf, machines} from './support/fleet.mjs';
import {repository} from './support/machine.mjs';

// Of the builds of which this state knows how long they took.
const namesWithTimes = file => new Set(execFileSync('python3', ['-c',
  'import sqlite3, sys; print("\\n".join(name for name, in sqlite3.connect(sys.argv[1]).execute("SELECT name FROM builds")))', file], {encoding: 'utf8'}).split('\n'));

describe('workflows/fleet.yml on examples/fleet', () => {
  let fleet;
  const shardsBuilt = new Set(); // names without version
  before(async () => (fleet = await Fleet.start()));
  after(() => fleet.stop());

  test('is the shipped file, byte for byte', () => {
    assert.equal(readFileSync(join(fleet.act.repository, '.github/workflows/fleet.yml'), 'utf8'), readFileSync(join(repository, 'workflows/fleet.yml'), 'utf8'));
  });

  test('a cold cache: the shards build it together, each derivation once, and the end finds every host complete', async t => {
    fleet.newMachines();
    const run = await fleet.run();
    assert.equal(run.code, 0, run.text);
    const cut = cutOf(run);
    assert.equal(run.outputsOf('plan').shards, String(machines.length));
    assert.deepEqual(cut.shards.map(shard => shard.machine), machines);
    const built = {}, given = new Set(); // to a shard that had nothing left to do
    for (const {shard} of cut.shards) {
      const report = run.report(`shard-${shard}`);
      for (const build of report.builds.filter(build => build.outcome === 'built')) {
        (built[build.derivation] ??= []).push(shard);
        shardsBuilt.add(build.name.replace(/-\d.*/, ''));
      }
      for (const {derivations} of report.shard.given) for (const derivation of derivations) given.add(derivation);
    }
    for (const {shard, builds} of cut.shards)
      for (const {name, derivation, copy} of builds) {
        assert.ok(built[derivation], `${name} was not built`);
        assert.ok(copy || given.has(derivation) || built[derivation].includes(shard), `${name} was not built by its owner, shard ${shard}`);
      }
    const copies = new Set(cut.shards.flatMap(shard => shard.builds).filter(build => build.copy).map(build => build.derivation));
    for (const [derivation, shards] of Object.entries(built)) assert.ok(shards.length === 1 || copies.has(derivation), `${derivation} was built by shards ${shards}`);
    assertComplete(run);
    assert.equal(run.outputsOf('end').built, '0');
    assert.deepEqual(run.result('report'), ['success']);
    assert.match(run.text, /notification: nothing to say/);
    assert.equal(run.text.includes('write-secret'), false);
    assert.match(run.summaryOf('plan'), /### Shards/);
    assert.match(run.summaryOf('shard'), /## ✅ Shard \d of 4: \d+ derivations built/);
    // One for all, which names each.
    for (const job of ['end', ...cut.shards.map(({shard}) => `shard-${shard}`)]) assert.ok(run.summaryOf('report').includes(`| ${job} |`), job);
    t.diagnostic(`${cut.derivations} derivations on ${cut.shards.length} shards, ${cut.copies} copies`);
  });

  test('a full cache: no shard starts, and the end says complete with 0 built', async () => {
    fleet.newMachines([]);
    const run = await fleet.run();
    assert.equal(run.code, 0, run.text);
    assert.equal(run.outputsOf('plan').shards, '0');
    assert.deepEqual(run.events.filter(e => e.jobID === 'shard' && e.stage === 'Main'), []);
    assertComplete(run);
    const planned = run.events.filter(e => e.jobID === 'plan').map(e => e.msg ?? '').join('\n');
    assert.match(planned, /cache: restored cachefill-times-1-1/, 'the plan takes what all shards measured');
    assert.ok(shardsBuilt.size > 100);
    const known = namesWithTimes(join(fleet.act.kept, 'cache/any/cachefill-times-1-1/history.sqlite'));
    for (const name of shardsBuilt) assert.ok(known.has(name), `nobody told how long ${name} took`);
    assert.doesNotMatch(run.summaryOf('end'), /git\+file/, 'where the checkout lies is the affair of the runner');
    const end = run.outputsOf('end');
    assert.deepEqual([end.complete, end.built, end.pushed], ['true', '0', '0']);
    assert.match(run.text, /notification: nothing to say/);
  });

  test('without its secret the plan fails by name: no shard, no end, and the report is red and says why', async () => {
    fleet.newMachines([]);
    const run = await fleet.run({secrets: {}});
    assert.notEqual(run.code, 0);
    const plan = run.outputsOf('plan');
    assert.deepEqual([plan['exit-code'], plan.shards, plan.matrix, plan.bundle], ['5', '', '', '']);
    assert.deepEqual(run.events.filter(e => ['shard', 'end'].includes(e.jobID) && e.stage === 'Main'), []);
    assert.deepEqual(run.result('report'), ['failure']);
    assert.match(run.summaryOf('report'), /there is no token for the cache/);
  });
});
