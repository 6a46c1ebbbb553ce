// workflows/fleet.yml under act when something goes wrong on the way. Takes minutes, so that it runs by its name alone:
//   tests/action/run fleet_faults.mjs
import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, beforeEach, test} from 'node:test';
import {Fleet, assertComplete} from './support/fleet.mjs';

let fleet;
beforeEach(async () => {
  fleet = await Fleet.start();
  fleet.newMachines();
});
afterEach(() => fleet.stop());

const isOfShard = (event, shard) => event.jobID === 'shard' && event.matrix?.shard === shard;

// Calls `act` once, when this shard has built so many.
function after(shard, count, act) {
  let built = 0;
  return (event, cancel) => {
    if (isOfShard(event, shard) && /\bbuilt \S+/.test(event.msg ?? '') && ++built === count) act(cancel);
  };
}

test('a shard that is killed: the end names it, and the cache is complete', async () => {
  // What each step's shell reads first; the program takes the place of that shell.
  const tellNumber = join(fleet.folder, 'tell-number');
  writeFileSync(tellNumber, '[ -z "${CACHEFILL_INPUT_SHARD:-}" ] || echo $$ > "$STAND_IN_FOLDER/shard-$CACHEFILL_INPUT_SHARD.pid"\n');
  const kill = () => process.kill(Number(readFileSync(join(fleet.act.kept, 'shard-2.pid'), 'utf8')), 'SIGKILL');
  const run = await fleet.run({environment: {BASH_ENV: tellNumber, CACHEFILL_SHARD_PATIENCE: '10s', CACHEFILL_INPUT_VERBOSE: 'true'}, onEvent: after(2, 10, kill)});
  assert.notEqual(run.code, 0, 'the job of the shard is red');
  assert.equal(run.report('shard-2'), undefined);
  assertComplete(run);
  assert.deepEqual(run.report('end').shard.silent, [2]);
  assert.deepEqual(run.result('end'), ['success']);
  const said = run.messages('summary').at(-1);
  assert.match(said, /shard 2 began, and did not say that it came to its end/);
});

test('cancelled in the middle: the end does not start, what is in the cache is whole, and the next run goes on from there', async () => {
  const run = await fleet.run({onEvent: after(1, 10, cancel => cancel())});
  assert.notEqual(run.code, 0);
  assert.deepEqual(run.events.filter(e => e.jobID === 'end' && e.stage === 'Main'), []);
  const {narinfos} = await fleet.cachix.state();
  assert.ok(narinfos.length > 0);
  fleet.newMachines();
  const next = await fleet.run();
  assert.equal(next.code, 0, next.text);
  assertComplete(next);
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
