// A whole set-up of several machines, as a user has it: hosts, homes and a template, other trusted caches on each host, a config file
// with selectors, evaluate-only, defer, fail-on and pins; the shipped build.yml in a matrix over systems.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Act} from './support/act.mjs';
import {Cachix, commitAll, makeFolder, removeFolder, repository, tests} from './support/machine.mjs';

const nobody = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
const settings = (cachix, folder) => `{
  cache = { url = "${cachix.uri}"; key = "${cachix.public_key}"; };
  upstream = { url = "file://${folder}/empty-upstream"; key = "upstream-1:${nobody}"; };
  private = { url = "http://nas.tail1234.ts.net:8080/attic"; key = "attic-1:${nobody}"; };
}\n`;
const target = (report, name) => report.targets.find(t => t.name === name);

describe("a user's whole set-up", () => {
  let folder, act, cachix, given;
  before(async () => {
    folder = makeFolder();
    cachix = await Cachix.start(folder, 'krit-nixos');
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(own, 'settings.nix'), settings(cachix, folder));
    act = new Act(folder, {sources: [join(repository, 'examples/fleet'), join(tests, 'first-user'), own]});
    act.newMachines('x86_64-linux', 'aarch64-darwin');
    given = {variables: {CACHEFILL_CACHE: 'cachix://krit-nixos'}, secrets: {CACHIX_AUTH_TOKEN: 'write-secret'}, environment: {CACHEFILL_CACHIX_API: cachix.api}};
  });
  after(() => (cachix.stop(), removeFolder(folder)));

  let run, linux, darwin;
  test('one push fills the cache for every system', async () => {
    run = await act.run('build.yml', given);
    linux = run.report('x86_64-linux');
    darwin = run.report('aarch64-darwin');
    assert.equal(run.code, 0, run.text);
    assert.equal(target(linux, 'nixos:nixos-desktop').verdict, 'complete');
    assert.equal(target(linux, 'nixos:nixos-laptop').verdict, 'complete');
    assert.equal(target(darwin, 'darwin:krits-macbook').verdict, 'complete');
    for (const system of ['x86_64-linux', 'aarch64-darwin']) assert.equal(run.outputs(system).complete, 'true');
  });

  test('hosts of the other system are elsewhere, neither failed nor counted', () => {
    // Or complete, when the leg that can build them was faster.
    for (const found of [target(linux, 'darwin:krits-macbook'), target(darwin, 'nixos:nixos-laptop')]) {
      assert.ok(['elsewhere', 'complete'].includes(found.verdict), found.verdict);
      assert.equal(found.built, 0);
    }
  });

  test('template and homes are evaluated, never built or pushed', async () => {
    for (const name of ['nixos:template-host-minimal', 'home:krit@nixos-desktop', 'home:krit@nixos-laptop', 'home:user@template-host-minimal']) {
      assert.equal(target(linux, name).evaluate_only, true, name);
      assert.equal(target(linux, name).error ?? '', '', name);
      assert.equal(target(linux, name).built, 0, name);
    }
    for (const report of [linux, darwin]) assert.deepEqual(report.builds.filter(b => /^(home-manager|nixos-system-template)/.test(b.name)).map(b => b.name), []);
    assert.equal(JSON.parse(run.outputs('x86_64-linux').hosts)['nixos:template-host-minimal'], 'evaluated');
  });

  test('a host that does not trust the cache is its own finding, and no failure', () => {
    assert.equal(target(linux, 'nixos:template-host-minimal').trusted, false);
    assert.equal(target(linux, 'nixos:nixos-desktop').trusted, true);
    assert.match(run.text, /template-host-minimal does not trust/);
  });

  test('the cache on the own network is not asked', () => {
    assert.equal(run.text.includes('nas.tail1234.ts.net'), false);
  });

  test('what upstream is about to have is built after everything that does not need it', () => {
    const why = report => Object.fromEntries(report.builds.filter(b => b.deferred).map(b => [b.name.split('-')[0], b.deferred]));
    assert.equal(why(linux).firefox, 'defer: firefox-1*');
    assert.equal(why(darwin).vim, 'defer: vim-*');
    assert.equal(why(linux).vim, undefined);
    assert.ok(linux.builds.filter(b => b.deferred).every(b => b.outcome === 'built'));
  });

  test('each host is pinned on main, per machine', async () => {
    const {pins} = await cachix.state();
    const hosts = Object.keys(pins).filter(name => name.startsWith('main-')).sort();
    assert.deepEqual(hosts, ['main-krits-macbook', 'main-nixos-desktop', 'main-nixos-laptop']);
  });

  test('a package that does not build costs only its host: fail-on says build, so the run is red and says why', async () => {
    writeFileSync(join(act.repository, 'hosts/nixos-laptop.nix'), `{ packages, builders, settings, ... }:
      { hostName = "nixos-laptop"; caches = [ settings.cache settings.upstream ];
        packagesOf = [ packages.git (builders.make { name = "broken-tool-1.0"; buildCommand = "echo this is why; exit 1"; }) ]; }\n`);
    commitAll(act.repository, 'the laptop breaks');
    const broken = await act.run('build.yml', given);
    assert.notEqual(broken.code, 0);
    const report = broken.report('x86_64-linux');
    assert.equal(report.exit_code, 1);
    assert.equal(target(report, 'nixos:nixos-desktop').verdict, 'complete');
    assert.equal(target(report, 'nixos:nixos-laptop').verdict, 'incomplete');
    assert.equal(target(broken.report('aarch64-darwin'), 'darwin:krits-macbook').verdict, 'complete');
    assert.match(broken.messages('error').join('\n'), /broken-tool-1\.0/);
    assert.match(broken.events.filter(e => e.jobID === 'report').map(e => e.msg).join('\n'), /broken-tool-1\.0/);
  });

  test('a cache that is away does not make the run red: push is not in fail-on', async () => {
    writeFileSync(join(act.repository, 'hosts/nixos-laptop.nix'), `{ packages, builders, settings, ... }:
      { hostName = "nixos-laptop"; caches = [ settings.cache settings.upstream ];
        packagesOf = [ packages.git (builders.make { name = "new-tool-1.0"; buildCommand = ''mkdir "$out"''; }) ]; }\n`);
    commitAll(act.repository, 'the laptop changes');
    await cachix.faults({match: 'POST */multipart-nar*', status: 503});
    const away = await act.run('build.yml', {...given, environment: {...given.environment, CACHEFILL_RETRY_BUDGET: '1s'}});
    await cachix.faults();
    assert.equal(away.code, 0, away.text);
    assert.equal(away.outputs('x86_64-linux').complete, 'false');
    assert.notEqual(away.outputs('x86_64-linux')['not-pushed'], '0');
    assert.match(away.messages('warning').join('\n'), /could not be put into the cache/);
  });
});
