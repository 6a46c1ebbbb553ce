// workflows/fleet-reusable.yml under act, called by a workflow of a user's own. Takes minutes, and what its jobs do fleet.test.mjs plays,
// so that it runs by its name alone:
//   tests/action/run fleet_reusable.mjs
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {Fleet, assertComplete, machines} from './support/fleet.mjs';

const caller = `name: mine
on: push
jobs:
  fleet:
    permissions: {contents: read, actions: read}
    uses: ./.github/workflows/fleet-reusable.yml
    with: {cache: "cachix://demo", shards: ${machines.length}, jobs: "1"}
    secrets: {token: "\${{ secrets.CACHIX_AUTH_TOKEN }}"}
  after:
    needs: fleet
    runs-on: ubuntu-24.04
    steps:
      - run: echo "the whole is complete=\${{ needs.fleet.outputs.complete }}"
`;

let fleet;
before(async () => (fleet = await Fleet.start({workflows: ['fleet-reusable.yml'], texts: {'mine.yml': caller}})));
after(() => fleet.stop());

test('a workflow that calls it: cold, each shard builds, the end finds its hosts complete, and says so to the caller', async () => {
  fleet.newMachines();
  const run = await fleet.run({workflow: 'mine.yml'});
  assert.equal(run.code, 0, run.text);
  assert.ok(run.report('shard-1').builds.length > 10);
  assertComplete(run);
  assert.deepEqual(run.report('end').builds, []);
  assert.match(run.text, /the whole is complete=true/);
  assert.equal(run.text.includes('write-secret'), false);
});
