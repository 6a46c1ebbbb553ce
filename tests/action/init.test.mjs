// What `cachefill init` writes for repositories of five shapes (tests/golden/init), as written, under act. Steps that they took along
// run here, too, so on Linux they are nothing but actions, which have stand-ins.
import assert from 'node:assert/strict';
import {cpSync, mkdirSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {execFileSync} from 'node:child_process';
import {Act} from './support/act.mjs';
import {Cachix, commitAll, git, makeFolder, removeFolder, repository} from './support/machine.mjs';
import {tool} from './support/tools.mjs';

const action = 'kim/cachefill@0123456789abcdef0123456789abcdef01234567'; // as tests/e2e/init_repositories gives it
const nobody = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
// like: whose repository it has; reports: the jobs that say how hosts ended, where it is not one for each system.
const shapes = {
  framework: {cache: 'kim-nixos', updates: 'develop', systems: ['x86_64-linux', 'aarch64-darwin'],
    complete: ['nixos:desktop', 'nixos:laptop', 'darwin:macbook'],
    evaluated: ['nixos:template-minimal', 'home:kim@desktop', 'home:kim@laptop', 'home:user@template-minimal', 'home:kim@macbook']},
  plain: {cache: 'tower-cache', systems: ['x86_64-linux'], complete: ['nixos:tower', 'nixos:thinkpad'], evaluated: []},
  sharded: {cache: 'tower-cache', like: 'plain', systems: ['x86_64-linux'], reports: ['end'], complete: ['nixos:tower', 'nixos:thinkpad'], evaluated: []},
  homes: {cache: 'kim-home', token: 'CACHIX_TOKEN', updates: 'trunk', systems: ['x86_64-linux', 'aarch64-darwin'], complete: ['home:kim', 'home:kim@work-mac'], evaluated: []},
  garnix: {cache: 'my-servers', systems: ['x86_64-linux', 'aarch64-linux'],
    complete: ['nixos:web', 'nixos:pi', 'package:x86_64-linux.restic', 'package:x86_64-linux.ripgrep', 'check:x86_64-linux.git'],
    evaluated: ['package:x86_64-linux.speech-model', 'package:aarch64-darwin.ripgrep']},
};

for (const [name, shape] of Object.entries(shapes)) describe(`what init writes for the repository '${name}'`, () => {
  const golden = join(repository, 'tests/golden/init', name);
  let folder, cachix, act;
  before(async () => {
    folder = makeFolder();
    cachix = await Cachix.start(folder, shape.cache);
    const own = join(folder, 'own'), written = join(golden, 'expected');
    mkdirSync(own);
    for (const part of ['lib', 'pkgs', 'tools', 'files']) cpSync(join(repository, 'examples/fleet', part), join(own, part), {recursive: true});
    for (const source of [join(repository, 'tests/golden/init', shape.like ?? name, 'repository'), written]) cpSync(source, own, {recursive: true});
    const empty = {url: `file://${folder}/empty-upstream`, key: `upstream-1:${nobody}`}, cache = {url: cachix.uri, key: cachix.public_key};
    const gone = {url: 'http://nas.tail1234.ts.net:8080/attic', key: `attic-1:${nobody}`};
    const nix = set => `{ url = "${set.url}"; key = "${set.key}"; }`;
    writeFileSync(join(own, 'settings.nix'),
      `{ cache = ${nix(cache)}; upstream = ${nix(empty)}; private = ${nix(gone)}; garnix = ${nix({...gone, url: 'https://cache.garnix.io'})}; }\n`);
    // The workflows of before are taken away, as they tell to.
    const workflows = join(own, '.github/workflows');
    for (const file of readdirSync(workflows)) if (!file.startsWith('cachefill')) rmSync(join(workflows, file));
    act = new Act(folder, {sources: [own], workflows: [], action, withOrigin: 'updates' in shape});
    act.newMachines(...shape.systems);
  });
  after(() => (cachix.stop(), removeFolder(folder)));

  test('actionlint has nothing to say', () => {
    const workflows = join(golden, 'expected/.github/workflows');
    execFileSync(tool('actionlint'), ['-no-color', ...readdirSync(workflows).map(file => join(workflows, file))], {encoding: 'utf8'});
  });

  test('one push fills the cache with all that it shall, and builds nothing else', async () => {
    const run = await act.run('cachefill.yml', {secrets: {[shape.token ?? 'CACHIX_AUTH_TOKEN']: 'write-secret'},
      environment: {CACHEFILL_CACHIX_API: cachix.api, CACHEFILL_OFFLINE: 'true'}});
    assert.equal(run.code, 0, run.text);
    if (!shape.reports) assert.deepEqual(run.legs(), [...shape.systems].sort());
    const targets = (shape.reports ?? shape.systems).flatMap(job => run.report(job).targets);
    for (const target of shape.complete) assert.ok(targets.some(t => t.name === target && t.verdict === 'complete'), `${target}\n${run.text}`);
    for (const target of shape.evaluated)
      assert.ok(targets.filter(t => t.name === target).every(t => t.evaluate_only && t.built === 0 && !t.error), target);
    assert.deepEqual([...new Set(targets.map(t => t.name))].sort(), [...shape.complete, ...shape.evaluated].sort());
    assert.equal(run.text.includes('ts.net'), false);
    assert.deepEqual(run.result('report'), ['success']);
  });

  if (shape.updates) test(`the update looks at ${shape.updates}, whatever branch it is started on`, async () => {
    const work = join(folder, 'work');
    git(folder, 'clone', '-q', act.origin, work);
    git(work, 'checkout', '-q', '-b', shape.updates);
    writeFileSync(join(work, 'further'), '');
    commitAll(work, 'work goes on');
    git(work, 'push', '-q', 'origin', shape.updates);
    const run = await act.run('cachefill-update.yml', {event: 'workflow_dispatch'});
    assert.equal(run.code, 0, run.text);
    assert.equal(run.outputs().base, git(work, 'rev-parse', 'HEAD'));
    assert.match(run.text, /flake\.lock is up to date/); // it has no inputs
  });
});
