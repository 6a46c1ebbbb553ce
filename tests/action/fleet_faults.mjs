// workflows/fleet.yml under act when something goes wrong on the way. Takes minutes, so that it runs by its name alone:
//   tests/action/run fleet_faults.mjs
import assert from 'node:assert/strict';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, beforeEach, test} from 'node:test';
import {setTimeout as wait} from 'node:timers/promises';
import {Fleet, assertComplete} from './support/fleet.mjs';

let fleet;
beforeEach(async () => {
  fleet = await Fleet.start();
  fleet.newMachines();
});
afterEach(() => fleet.stop());

// Calls `act` once, when so much has been published and the file is there.
async function whenPublished(count, file, act) {
  for (let tries = 0; tries < 1500; ++tries) {
    const {narinfos} = await fleet.cachix.state();
    if (narinfos.length >= count && existsSync(file)) return act();
    await wait(200);
  }
  assert.fail(`${count} paths were not published in five minutes`);
}

// The numbers of the shards' processes, as files; what each step's shell reads first, and the program takes the place of that shell.
const pidOf = shard => join(fleet.act.kept, `shard-${shard}.pid`);
function tellingNumbers() {
  const file = join(fleet.folder, 'tell-number');
  writeFileSync(file, '[ -z "${CACHEFILL_INPUT_SHARD:-}" ] || echo $$ > "$STAND_IN_FOLDER/shard-$CACHEFILL_INPUT_SHARD.pid"\n');
  return {BASH_ENV: file, CACHEFILL_SHARD_PATIENCE: '10s'};
}

test('a shard that is killed: the end names it, and the cache is complete', async () => {
  const going = fleet.run({environment: tellingNumbers()});
  await whenPublished(60, pidOf(2), () => process.kill(Number(readFileSync(pidOf(2), 'utf8')), 'SIGKILL'));
  const run = await going;
  assert.notEqual(run.code, 0, 'the job of the shard is red');
  assert.equal(run.report('shard-2'), undefined);
  assertComplete(run);
  assert.deepEqual(run.report('end').shard.silent, [2]);
  assert.deepEqual(run.result('end'), ['success']);
  assert.match(run.summaryOf('report'), /shard 2 began, and did not say that it came to its end/);
});

test("a fork's pull request: no shard starts, the end builds what its machine can, and nothing is pushed", async () => {
  const payload = {pull_request: {number: 12, head: {ref: 'main', sha: 'a'.repeat(40), repo: {full_name: 'stranger/fleet'}}}, base: {ref: 'main'},
    repository: {full_name: 'octo/fleet'}};
  // The laptop has unfree packages, and nothing of a fork is evaluated impurely.
  const run = await fleet.run({event: 'pull_request', payload, secrets: {}, environment: {CACHEFILL_HOSTS: '* !nixos-laptop'}});
  assert.equal(run.code, 0, run.text);
  assert.equal(run.outputsOf('plan').shards, '0');
  assert.match(run.messages('notice').join('\n'), /no shards, since nothing is pushed/);
  const end = run.outputsOf('end');
  assert.equal(end['read-only'], 'true');
  assert.ok(Number(end.built) > 100, end.built);
  assert.deepEqual((await fleet.cachix.state()).narinfos, []);
});

test('cancelled while shards build: no process is left, and the next run builds nothing again that was published', async t => {
  let cancel;
  const going = fleet.run({environment: tellingNumbers(), onEvent: (_, cancelRun) => (cancel = cancelRun)});
  await whenPublished(60, pidOf(2), () => cancel());
  const cancelledAt = Date.now();
  const cancelled = await going;
  assert.notEqual(cancelled.code, 0);
  t.diagnostic(`ended ${Date.now() - cancelledAt} ms after the cancel`);
  for (const shard of [1, 2, 3, 4])
    if (existsSync(pidOf(shard))) assert.throws(() => process.kill(Number(readFileSync(pidOf(shard), 'utf8')), 0), {code: 'ESRCH'}, `shard ${shard} goes on`);
  const published = new Set((await fleet.cachix.state()).narinfos);
  assert.ok(published.size >= 60);

  fleet.newMachines();
  const next = await fleet.run();
  assert.equal(next.code, 0, next.text);
  assertComplete(next);
  const again = ['end', 'shard-1', 'shard-2', 'shard-3', 'shard-4'].flatMap(job => next.report(job)?.builds ?? [])
    .filter(build => build.outcome === 'built' && build.outputs.every(path => published.has(path.replace('/nix/store/', '').slice(0, 32))));
  assert.deepEqual(again.map(build => build.name), []);
});
