// The five steps of the README by the letter (tests/e2e/five_steps), and what their last one starts: the workflow that they wrote, under
// act. On machines with nothing but Nix and git, and on such with the root of a NixOS.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {test} from 'node:test';
import {repository, tests} from './support/machine.mjs';

for (const kind of ['plain', 'nixos']) test(`the five steps fill a cache by the workflow that they wrote, ${kind}`, () => {
  const env = {...process.env, CACHEFILL_WORKFLOW_RUNNER: join(tests, 'support/run_workflow.mjs')};
  const run = spawnSync(join(repository, 'tests/e2e/five_steps'), [kind], {env, encoding: 'utf8', timeout: 600_000});
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /ok {3}the workflow, under act: 0/);
});
