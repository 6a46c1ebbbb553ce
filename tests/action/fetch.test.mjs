// The step that finds the program, against a release server with TLS on loopback and stub programs.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:https';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Job} from './host/step_host.mjs';
import {makeFolder, removeFolder, repository, tests} from './support/machine.mjs';

let folder, server, base, requests = [], number = 0;
const program = '#!/bin/sh\nenv | sort > "$RUNNER_TEMP/environment"\nprintf "%s\\n" "$0 $*" > "$RUNNER_TEMP/arguments"\n' +
  'printf "complete=true\\nreport=/nowhere.json\\n" >> "$GITHUB_OUTPUT"\n';
const hash = text => createHash('sha256').update(text).digest('hex');
const asset = 'cachefill-1.2.3-x86_64-linux';

before(async () => {
  folder = makeFolder();
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')], {stdio: 'pipe'});
  server = createServer({key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem'))}, (request, response) => {
    requests.push(request.url);
    if (!request.url.endsWith(asset)) response.writeHead(404);
    response.end(program);
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  base = `https://localhost:${server.address().port}`;
});
after(() => (server.close(), removeFolder(folder)));

// A copy of the action as a release leaves it, and a job to use it in.
function released({version = '1.2.3', source = '', table = `${hash(program)}  ${asset}`, github = {}, runner = {}, environment = {}} = {}) {
  const place = join(folder, `copy-${++number}`);
  cpSync(join(repository, 'action'), join(place, 'action'), {recursive: true});
  writeFileSync(join(place, 'action/version'), `# comment\n${version}\n`);
  writeFileSync(join(place, 'action/source'), `# comment\n${source}\n`);
  writeFileSync(join(place, 'action/sha256'), `# comment\n${table}\n`);
  const job = new Job({
    folder: join(place, 'job'), github: {server_url: base, action_repository: 'octo/cachefill', action_ref: 'v1', ...github}, runner,
    environment: {CURL_CA_BUNDLE: join(folder, 'cert.pem'), STAND_IN_FOLDER: join(place, 'kept'), ...environment},
    standIns: {'actions/cache/restore': join(tests, 'stand-ins/cache/restore'), 'actions/cache/save': join(tests, 'stand-ins/cache/save')},
  });
  requests = [];
  return {job, action: join(place, 'action')};
}

async function refused(options, inputs, pattern) {
  const {job, action} = released(options);
  const result = await job.use(action, inputs);
  assert.equal(result.status, 'failure', job.log);
  assert.equal(job.steps.find(step => step.id === 'run').outcome, 'skipped');
  assert.match(job.scanner.messages('error').join('\n'), pattern);
  return job;
}

test('a release is downloaded over TLS, checked and run; the tool cache serves the next job', async () => {
  const tools = {tool_cache: join(folder, 'shared-tools')};
  const first = released({runner: tools});
  assert.equal((await first.job.use(first.action)).status, 'success', first.job.log);
  assert.deepEqual(requests, [`/octo/cachefill/releases/download/v1.2.3/${asset}`]);
  assert.ok(existsSync(join(folder, 'shared-tools/cachefill/1.2.3/x64.complete')));
  const second = released({runner: tools});
  assert.equal((await second.job.use(second.action)).outputs.complete, 'true');
  assert.deepEqual(requests, []);
  assert.match(readFileSync(join(second.job.temp, 'arguments'), 'utf8'), /shared-tools\/cachefill\/1\.2\.3\/x64\/cachefill ci$/m);
});

test('a tool cache that was changed is not trusted', async () => {
  const tools = {tool_cache: join(folder, 'changed-tools')};
  mkdirSync(join(folder, 'changed-tools/cachefill/1.2.3/x64'), {recursive: true});
  writeFileSync(join(folder, 'changed-tools/cachefill/1.2.3/x64/cachefill'), '#!/bin/sh\nexit 9\n', {mode: 0o755});
  const {job, action} = released({runner: tools});
  assert.equal((await job.use(action)).status, 'success', job.log);
  assert.equal(requests.length, 1);
});

test('a checksum that differs ends the step, and the program is not run', async () => {
  const job = await refused({table: `${hash('something else')}  ${asset}`}, {}, /SHA-256 [0-9a-f]{64}, and [0-9a-f]{64} was expected/);
  assert.equal(existsSync(join(job.temp, 'environment')), false);
});

test('a version without a checksum ends the step before any download', async () => {
  const job = await refused({version: '1.2.4'}, {}, /no entry for cachefill-1\.2\.4-x86_64-linux.*binary:/);
  assert.deepEqual(requests, []);
  await refused({table: `not-a-hash  ${asset}`}, {}, /no entry/);
  assert.deepEqual(requests, []);
  assert.equal(job.status, 'failure');
});

test('a release tag of the action decides about the version, and so about the checksum', async () => {
  await refused({github: {action_ref: 'v9.9.9'}}, {}, /no entry for cachefill-9\.9\.9-x86_64-linux/);
});

test('a runner that leaves the contexts empty gets the release named beside the action', async () => {
  const {job, action} = released({source: 'octo/cachefill', github: {action_repository: '', action_ref: ''}});
  assert.equal((await job.use(action)).status, 'success', job.log);
  assert.equal(requests.length, 1);
});

test('neither contexts nor files: closed, and binary: is named as the way out', async () => {
  await refused({github: {action_repository: '', action_ref: ''}}, {}, /names no release.*binary: PATH/);
  await refused({version: '', github: {action_ref: ''}}, {}, /names no release.*binary: PATH/);
});

// What a runner unpacks of a commit without a release: the whole repository. `nix` is a stand-in that writes down what it is told.
function unreleased({nix = true, environment = {}, kept = join(folder, `kept-${number + 1}`)} = {}) {
  const {job, action} = released({version: '', table: '', environment: {STAND_IN_FOLDER: kept, TRUSTED: 'true', ...environment}});
  const place = join(action, '..');
  for (const file of ['flake.nix', 'flake.lock', 'CMakeLists.txt', 'LICENSE']) cpSync(join(repository, file), join(place, file));
  for (const part of ['nix', 'workflows']) cpSync(join(repository, part), join(place, part), {recursive: true});
  mkdirSync(join(place, 'runner'));
  writeFileSync(join(place, 'runner/main.cpp'), 'int main() {}\n');
  const tools = join(place, 'tools');
  mkdirSync(tools);
  if (nix) writeFileSync(join(tools, 'nix'), readFileSync(join(tests, 'stand-ins/nix')), {mode: 0o755});
  // A machine without Nix has everything else.
  const others = process.env.PATH.split(':').filter(part => existsSync(part)).flatMap(part => readdirSync(part).map(name => [name, join(part, name)]));
  if (!nix) for (const [name, path] of new Map(others)) if (name !== 'nix') symlinkSync(path, join(tools, name));
  job.environment.PATH = nix ? `${tools}:${process.env.PATH}` : tools;
  job.environment.STAND_IN_NIX = place;
  job.environment.NIX_STORE_DIR = join(kept, 'store');
  return {job, action, place, told: () => (existsSync(join(place, 'told')) ? readFileSync(join(place, 'told'), 'utf8').trim().split('\n') : [])};
}

test('a commit without a release is built from its own source, said in one notice, and kept for the next job', async () => {
  const kept = join(folder, 'kept-program');
  const first = unreleased({kept});
  assert.equal((await first.job.use(first.action)).status, 'success', first.job.log);
  assert.match(first.told()[0], /^build --no-link --print-out-paths --no-update-lock-file --option accept-flake-config false path:.*#cachefill$/);
  assert.match(first.told()[1], /^copy --to file:/);
  assert.equal(first.told().length, 2);
  const notices = first.job.scanner.messages('notice');
  assert.equal(notices.length, 1, notices.join('\n'));
  assert.match(notices[0], /no release. Its own source was built in 0:0\d; the next job has it from the Actions cache/);
  assert.deepEqual(requests, []);
  const second = unreleased({kept});
  assert.equal((await second.job.use(second.action)).status, 'success', second.job.log);
  assert.match(second.told()[0], /^copy --no-check-sigs --from file:/);
  assert.equal(second.told().length, 1, 'and not built again');
  assert.equal(second.job.scanner.messages('notice').length, 0);
  const changed = unreleased({kept});
  writeFileSync(join(changed.place, 'runner/main.cpp'), 'int main() { return 0; }\n');
  assert.equal((await changed.job.use(changed.action)).status, 'success', changed.job.log);
  assert.match(changed.told()[0], /^build /, 'another source is another program');
});

test('a program that was kept and cannot be taken over is built again', async () => {
  const kept = join(folder, 'kept-untrusted');
  const first = unreleased({kept});
  assert.equal((await first.job.use(first.action)).status, 'success', first.job.log);
  const second = unreleased({kept, environment: {STAND_IN_NIX_REFUSES: 'copy --no-check-sigs'}});
  assert.equal((await second.job.use(second.action)).status, 'success', second.job.log);
  assert.match(second.told().join('\n'), /^copy --no-check-sigs.*\nbuild /);
});

test('after the code of a stranger the program is not kept: the next job builds its own', async () => {
  const kept = join(folder, 'kept-by-nobody');
  for (let job = 1; job <= 2; ++job) {
    const stranger = unreleased({kept, environment: {TRUSTED: 'false'}});
    assert.equal((await stranger.job.use(stranger.action)).status, 'success', stranger.job.log);
    assert.match(stranger.told()[0], /^build /, `job ${job}`);
  }
});

test('a source that does not build, something else than a program, and no Nix end the step', async () => {
  const ends = async (options, pattern) => {
    const {job, action} = unreleased(options);
    assert.equal((await job.use(action)).status, 'failure', job.log);
    assert.equal(job.steps.find(step => step.id === 'run').outcome, 'skipped');
    assert.match(job.scanner.messages('error').join('\n'), pattern);
  };
  await ends({environment: {STAND_IN_NIX_REFUSES: 'build'}}, /building its own source failed.*binary: PATH/);
  await ends({environment: {STAND_IN_NIX_PRINTS: '/etc/passwd'}}, /something else than one program/);
  await ends({nix: false}, /without Nix its own source cannot be built.*binary: PATH/);
});

test('a source that is no repository is refused', async () => {
  await refused({github: {action_repository: 'octo/../../evil'}}, {}, /is no release/);
  await refused({github: {action_repository: 'octo/x y'}}, {}, /is no release/);
});

test('a runner without a release, and one whose download fails', async () => {
  await refused({runner: {os: 'Windows'}}, {}, /no release for Windows on X64.*binary:/);
  const missing = 'cachefill-1.2.5-x86_64-linux';
  await refused({version: '1.2.5', table: `${hash(program)}  ${missing}`}, {}, /could not be downloaded/);
});

function stub() {
  const path = join(folder, `stub-${++number}`);
  writeFileSync(path, program);
  chmodSync(path, 0o755);
  return path;
}

test('binary: runs that file and downloads nothing; a path that is none is an error', async () => {
  const {job, action} = released();
  const path = stub();
  assert.equal((await job.use(action, {binary: path})).status, 'success', job.log);
  assert.deepEqual(requests, []);
  assert.equal(readFileSync(join(job.temp, 'arguments'), 'utf8'), `${path} ci\n`);
  await refused({}, {binary: join(folder, 'nothing')}, /no executable file/);
  await refused({}, {binary: join(folder, 'cert.pem')}, /no executable file/);
});

test('every input reaches the program, under a name of our own, and secrets only where they belong', async () => {
  const {job, action} = released();
  const {inputs} = await job.use(action, {binary: stub(), 'keep-state': 'false'}).then(() => job.use(action, {}, {}).catch(() => ({inputs: {}})));
  const given = Object.fromEntries(Object.keys(inputs).map(name => [name, `value of ${name}`]));
  const second = released();
  await second.job.use(second.action, {...given, binary: stub(), 'keep-state': 'false', 'notify-url': ''});
  const environment = readFileSync(join(second.job.temp, 'environment'), 'utf8').split('\n');
  const own = {token: 'CACHIX_AUTH_TOKEN', 'signing-key': 'CACHEFILL_SIGNING_KEY', 'bearer-token': 'CACHEFILL_BEARER_TOKEN', 'github-token': 'CACHEFILL_GITHUB_TOKEN'};
  const elsewhere = ['binary', 'keep-state', 'notify-url', 'allow-unfree'];
  assert.ok(Object.keys(given).length > 40);
  for (const name of Object.keys(given).filter(name => !elsewhere.includes(name))) {
    const variable = own[name] ?? `CACHEFILL_INPUT_${name.toUpperCase().replace(/-/g, '_')}`;
    assert.ok(environment.includes(`${variable}=value of ${name}`), `${variable} is not set`);
  }
  assert.deepEqual(environment.filter(line => line.startsWith('INPUT_')), []);
  assert.equal(environment.filter(line => line.endsWith('value of token')).length, 1);
  assert.equal(environment.filter(line => line.endsWith('value of signing-key')).length, 1);
  assert.equal(environment.filter(line => line.endsWith('value of bearer-token')).length, 1);
});

test('unfree packages are allowed by default, and refused when asked', async () => {
  for (const [given, value] of [[{}, '1'], [{'allow-unfree': 'true'}, '1'], [{'allow-unfree': 'false'}, '0']]) {
    const {job, action} = released();
    await job.use(action, {...given, binary: stub()});
    assert.match(readFileSync(join(job.temp, 'environment'), 'utf8'), new RegExp(`^NIXPKGS_ALLOW_UNFREE=${value}$`, 'm'));
  }
});

test("what was learnt survives from run to run, also of a run that failed, but for a stranger's", async () => {
  const state = join(folder, 'state-home');
  const learning = join(folder, 'learning');
  writeFileSync(learning, '#!/bin/sh\nmkdir -p "$XDG_STATE_HOME/cachefill"\necho learnt > "$XDG_STATE_HOME/cachefill/evaluation-memory.json"\n' +
    'echo "trusted=$TRUSTED" >> "$GITHUB_OUTPUT"\nexit 1\n', {mode: 0o755});
  const looking = join(folder, 'looking');
  writeFileSync(looking, '#!/bin/sh\ncat "$XDG_STATE_HOME/cachefill/evaluation-memory.json"\n', {mode: 0o755});
  const kept = {STAND_IN_FOLDER: join(folder, 'kept-state'), TRUSTED: 'true'};
  const first = released({environment: {...kept, XDG_STATE_HOME: join(state, 'a')}});
  assert.equal((await first.job.use(first.action, {binary: learning})).status, 'failure');
  const second = released({environment: {...kept, XDG_STATE_HOME: join(state, 'a')}, github: {run_id: '78'}});
  execFileSync('rm', ['-rf', join(state, 'a')]);
  assert.equal((await second.job.use(second.action, {binary: looking})).status, 'success', first.job.log + second.job.log);
  assert.match(second.job.log, /^learnt$/m);
  for (const TRUSTED of ['false', '']) {
    const elsewhere = {STAND_IN_FOLDER: join(folder, `kept-${TRUSTED}`), TRUSTED, XDG_STATE_HOME: join(state, 'b')};
    const stranger = released({environment: elsewhere});
    await stranger.job.use(stranger.action, {binary: learning});
    execFileSync('rm', ['-rf', join(state, 'b')]);
    const later = released({environment: elsewhere, github: {run_id: '78'}});
    assert.equal((await later.job.use(later.action, {binary: looking})).status, 'failure', later.job.log);
  }
});
