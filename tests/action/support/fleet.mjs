// workflows/fleet.yml, unmodified, on examples/fleet: four shards, each on a machine of its own with an empty store, that meet in the
// stand-in of Cachix alone.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import {Act} from './act.mjs';
import {Cachix, makeFolder, removeFolder, repository} from './machine.mjs';

// The machines of its shards, as 'plan' cuts it for four that build one thing at a time.
export const machines = ['x86_64-linux', 'x86_64-linux', 'x86_64-linux', 'aarch64-darwin'];
const hosts = ['nixos:nixos-desktop', 'nixos:nixos-laptop', 'nixos:nas', 'nixos:template-minimal', 'darwin:macbook', 'home:alex@nixos-desktop'];

export class Fleet {
  static async start({workflows = ['fleet.yml'], texts = {}} = {}) {
    const fleet = new Fleet();
    fleet.folder = makeFolder();
    fleet.cachix = await Cachix.start(fleet.folder, 'demo');
    fleet.act = new Act(fleet.folder, {sources: [join(repository, 'examples/fleet')], workflows, texts});
    return fleet;
  }
  stop() {
    this.cachix.stop();
    removeFolder(this.folder);
  }

  // Each with an empty store.
  newMachines(shards = machines) {
    for (const job of ['plan', 'end']) this.act.newMachine(job, 'x86_64-linux');
    shards.forEach((system, index) => this.act.newMachine(`shard-${index + 1}`, system));
  }

  run({workflow = 'fleet.yml', environment = {}, ...given} = {}) {
    return this.act.run(workflow, {variables: {CACHEFILL_CACHE: 'cachix://demo', CACHEFILL_SHARDS: String(machines.length)},
      secrets: {CACHIX_AUTH_TOKEN: 'write-secret'}, environment: {CACHEFILL_CACHIX_API: this.cachix.api, CACHEFILL_JOBS: '1', ...environment}, ...given});
  }
}

// Of a run's bundle (docs/shards.md): who builds what.
export function cutOf(run) {
  const content = execFileSync('zstd', ['-dcq', join(run.kept, 'artifacts/bundle/bundle.cachefill')], {maxBuffer: 1 << 30});
  const start = content.indexOf('\n') + 1, length = Number(content.readBigUInt64LE(start));
  return JSON.parse(content.subarray(start + 8, start + 8 + length)).cut;
}

// What the job after all shards found, as its report has it.
export function assertComplete(run) {
  const verdicts = Object.fromEntries(run.report('end').targets.map(target => [target.name, target.verdict]));
  for (const host of hosts) assert.equal(verdicts[host], 'complete', host);
}
