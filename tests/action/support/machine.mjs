// What the tests run on: real Nix in a store of its own (tests/support/nix_store.sh), the example fleet in a git repository, the
// stand-in of Cachix. Everything lies in one temporary folder and ends with the test.
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, chmodSync, readFileSync, rmSync, cpSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';

export const tests = dirname(dirname(fileURLToPath(import.meta.url)));
export const repository = dirname(dirname(tests));
const build = process.env.CACHEFILL_BINARY_DIR ?? join(repository, 'build/dev');
const firstOf = paths => paths.find(existsSync) ?? paths[0];
export const cachefill = firstOf([join(build, 'cachefill'), join(build, 'runner/cachefill')]);
const cachixServer = firstOf([join(build, 'cachix-server'), join(build, 'tests/support/cachix-server')]);
export const githubServer = firstOf([join(build, 'github-server'), join(build, 'tests/support/github-server')]);

export function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'action-test.'));
  chmodSync(folder, 0o755);
  return folder;
}

export function removeFolder(folder) {
  if (process.env.KEEP_WORK) return void console.log(`kept: ${folder}`);
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, {recursive: true, force: true});
}

const bash = (script, ...args) => execFileSync('bash', ['-euc', `. "$0/tests/support/nix_store.sh"; . "$0/tests/support/fleet.sh"; ${script}`, repository, ...args],
  {encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit']});

// The variables by which a process uses the store in `directory` and nothing else of this machine's Nix. As after an installer, the
// store has its database: of several that make it at once, Nix lets one fail ("schema is corrupt").
export function nixEnvironment(directory) {
  mkdirSync(directory, {recursive: true});
  const all = bash('nix_in "$1" nix-store --init; nix_in "$1" env -0', directory);
  const result = {};
  for (const line of all.split('\0')) {
    const [name, value] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
    if (name.startsWith('NIX_') || name === 'HOME' || name === 'XDG_CACHE_HOME') result[name] = value;
  }
  return result;
}

// One of the example flakes, or a folder of flakes, committed in a repository of its own; the repository's path.
export function gitRepository(target, ...sources) {
  mkdirSync(target, {recursive: true});
  for (const source of sources) cpSync(source, target, {recursive: true});
  git(target, 'init', '-q', '-b', 'main');
  commitAll(target, 'the fleet');
  return target;
}

export const git = (directory, ...args) =>
  execFileSync('git', ['-C', directory, '-c', 'user.name=octo', '-c', 'user.email=octo@example.org', ...args], {encoding: 'utf8', stdio: 'pipe'}).trim();

export function commitAll(directory, message) {
  git(directory, 'add', '-A');
  git(directory, 'commit', '-q', '-m', message);
}

export class Cachix {
  static async start(folder, name, ...options) {
    const directory = join(folder, `${name}.cachix`), ready = join(folder, `${name}.ready`);
    rmSync(ready, {force: true});
    const server = new Cachix();
    server.name = name;
    server.process = spawn(cachixServer, ['--cache', name, '--dir', directory, '--port-file', ready, '--token', 'rw:write-secret', ...options],
      {stdio: ['ignore', 'inherit', 'inherit']});
    for (let tries = 0; tries < 2400 && !existsSync(ready); ++tries) await wait(50);
    Object.assign(server, JSON.parse(readFileSync(ready, 'utf8')));
    return server;
  }
  // Rules as tests/support/cachix_faults.hpp describes them.
  async faults(...rules) {
    await fetch(`${this.api.replace(/\/$/, '')}/_faults`, {method: 'POST', body: JSON.stringify({rules})});
  }
  async state() { return (await fetch(`${this.api.replace(/\/$/, '')}/_state`)).json(); }
  async log() { return (await fetch(`${this.api.replace(/\/$/, '')}/_log`)).text(); }
  // Was its narinfo published? (Cachix hides one whose closure is not there.)
  async uploaded(path) { return (await this.state()).narinfos.includes(path.replace('/nix/store/', '').slice(0, 32)); }
  stop() { this.process.kill('SIGTERM'); }
}
