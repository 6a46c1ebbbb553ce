// The shipped workflows, unmodified, under act.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Act} from './support/act.mjs';
import {Cachix, makeFolder, removeFolder, repository} from './support/machine.mjs';

const hosts = ['nixos:nixos-desktop', 'nixos:nixos-laptop', 'nixos:nas', 'nixos:template-minimal', 'home:alex@nixos-desktop'];
const verdicts = report => Object.fromEntries(report.targets.map(target => [target.name, target.verdict]));

describe('workflows/build.yml on examples/fleet', () => {
  let folder, act, cachix, given;
  before(async () => {
    folder = makeFolder();
    cachix = await Cachix.start(folder, 'demo');
    act = new Act(folder, {sources: [join(repository, 'examples/fleet')]});
    given = {variables: {CACHEFILL_CACHE: 'cachix://demo'}, secrets: {CACHIX_AUTH_TOKEN: 'write-secret'}, environment: {CACHEFILL_CACHIX_API: cachix.api}};
  });
  after(() => (cachix.stop(), removeFolder(folder)));

  test('is the shipped file, byte for byte', () => {
    assert.equal(readFileSync(join(act.repository, '.github/workflows/build.yml'), 'utf8'), readFileSync(join(repository, 'workflows/build.yml'), 'utf8'));
  });

  test('the first run fills the cache, each system on a machine of its own', async t => {
    act.newMachines('x86_64-linux', 'aarch64-darwin');
    const run = await act.run('build.yml', given);
    assert.equal(run.code, 0, run.text);
    assert.deepEqual(run.legs(), ['aarch64-darwin', 'x86_64-linux']);
    const linux = run.report('x86_64-linux'), darwin = run.report('aarch64-darwin');
    for (const host of hosts) assert.equal(verdicts(linux)[host], 'complete', host);
    // The other leg may have filled it already when this one asks.
    assert.ok(['elsewhere', 'complete'].includes(verdicts(linux)['darwin:macbook']));
    assert.equal(verdicts(darwin)['darwin:macbook'], 'complete');
    for (const system of run.legs()) {
      const outputs = run.outputs(system), report = run.report(system);
      assert.equal(outputs.complete, 'true');
      assert.equal(outputs.built, String(report.figures.built));
      assert.equal(outputs.pushed, String(report.figures.pushed_while_building + report.figures.pushed_after));
      assert.equal(outputs.missing, '0');
      t.diagnostic(`${system}: complete ${outputs.complete}, built ${outputs.built}, pushed ${outputs.pushed}`);
    }
    assert.ok(linux.figures.built >= 150);
    assert.deepEqual(run.result('report'), ['success']);
    assert.equal(run.text.includes('write-secret'), false);
    const page = readFileSync(join(run.kept, 'artifacts/cachefill-page/cachefill-page.html'), 'utf8');
    for (const system of run.legs()) assert.ok(page.includes(`{"name":"${system}","report":`), system);
    assert.equal(page.includes('write-secret'), false);
  });

  test('the second run, on new machines, says complete with 0 built', async t => {
    act.newMachines('x86_64-linux', 'aarch64-darwin');
    const run = await act.run('build.yml', given);
    assert.equal(run.code, 0, run.text);
    for (const system of ['x86_64-linux', 'aarch64-darwin']) {
      const outputs = run.outputs(system);
      assert.equal(outputs.complete, 'true');
      assert.equal(outputs.built, '0');
      assert.equal(outputs.pushed, '0');
      t.diagnostic(`${system}: complete ${outputs.complete}, built ${outputs.built}, pushed ${outputs.pushed}`);
    }
    assert.match(run.text, /notification: nothing to say/);
  });

  test('without its secret a push fails by name, and the report job says which', async () => {
    const run = await act.run('build.yml', {...given, secrets: {}});
    assert.notEqual(run.code, 0);
    assert.equal(run.outputs('x86_64-linux')['exit-code'], '5', run.text);
    assert.match(run.messages('error').join('\n'), /there is no token for the cache/);
  });

  test("a fork's pull request builds, pushes nothing, says so and succeeds", async () => {
    const before = (await cachix.log()).split('\n').length;
    const payload = {pull_request: {number: 12, head: {ref: 'main', sha: 'a'.repeat(40), repo: {full_name: 'stranger/fleet'}}, base: {ref: 'main', repo: {full_name: 'octo/fleet'}}},
      repository: {full_name: 'octo/fleet'}};
    // The laptop has unfree packages, and nothing of a fork is evaluated impurely.
    const environment = {...given.environment, CACHEFILL_HOSTS: '* !nixos-laptop'};
    const run = await act.run('build.yml', {...given, environment, event: 'pull_request', payload, secrets: {}});
    assert.equal(run.code, 0, run.text);
    assert.equal(run.outputs('x86_64-linux')['read-only'], 'true');
    assert.equal(run.outputs('x86_64-linux').trusted, 'false');
    assert.match(run.messages('notice').join('\n'), /a pull request of a fork/);
    const asked = (await cachix.log()).split('\n').slice(before - 1).join('\n');
    assert.doesNotMatch(asked, /\b(PUT|multipart-nar)\b/);
  });
});

describe("the example in the action's README", () => {
  let folder, act, cachix;
  before(async () => {
    folder = makeFolder();
    cachix = await Cachix.start(folder, 'my-cache');
    const example = /^```yaml\n([^]*?)^```$/m.exec(readFileSync(join(repository, 'action/README.md'), 'utf8'))[1];
    act = new Act(folder, {sources: [join(repository, 'examples/fleet')], workflows: [], texts: {'example.yml': example}});
    act.newMachines('x86_64-linux');
  });
  after(() => (cachix.stop(), removeFolder(folder)));

  test('fills the cache as it stands there, with one step and one secret', async () => {
    const run = await act.run('example.yml', {secrets: {CACHIX_AUTH_TOKEN: 'write-secret'}, environment: {CACHEFILL_CACHIX_API: cachix.api}});
    assert.equal(run.code, 0, run.text);
    assert.equal(run.outputs().complete, 'true');
    assert.ok(Number(run.outputs().built) >= 150);
    assert.equal(JSON.parse(run.outputs().hosts)['darwin:macbook'], 'elsewhere');
    assert.deepEqual(run.messages('warning').filter(text => /input|deadline/i.test(text)), []);
  });
});
