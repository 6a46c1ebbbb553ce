// The action's step with the real program, real Nix and the stand-in of Cachix, run as GitHub's runner runs it.
import assert from 'node:assert/strict';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Job} from './host/step_host.mjs';
import {Cachix, cachefill, gitRepository, makeFolder, nixEnvironment, removeFolder, repository, tests} from './support/machine.mjs';

const action = join(repository, 'action');
let folder, cachix, fleet, hostile, number = 0;

before(async () => {
  folder = makeFolder();
  cachix = await Cachix.start(folder, 'demo');
  fleet = gitRepository(join(folder, 'fleet'), join(repository, 'examples/fleet'));
  hostile = gitRepository(join(folder, 'hostile'), join(tests, 'flakes/hostile'));
});
after(() => (cachix.stop(), removeFolder(folder)));

function makeJob({machine = `machine-${++number}`, cache = cachix, workspace = fleet, github = {}, environment = {}} = {}) {
  const home = join(folder, machine);
  return new Job({
    folder: join(folder, `job-${++number}`), workspace, github,
    environment: {...nixEnvironment(home), XDG_STATE_HOME: join(home, 'state'), CACHEFILL_CACHIX_API: cache.api,
      STAND_IN_FOLDER: join(folder, 'kept'), ...environment},
    standIns: {'actions/cache/restore': join(tests, 'stand-ins/cache/restore'), 'actions/cache/save': join(tests, 'stand-ins/cache/save')},
  });
}
const inputs = {binary: cachefill, cache: 'cachix://demo', token: 'write-secret', hosts: 'nixos:nas, home:*', deadline: '1h'};
const reportOf = result => JSON.parse(readFileSync(result.outputs.report, 'utf8'));
const runStep = job => job.steps.find(step => step.id === 'run');

test('a first step fills the cache, says what it did, and lets later steps use it', async () => {
  const job = makeJob();
  const result = await job.use(action, inputs);
  assert.equal(result.status, 'success', job.log);
  const report = reportOf(result);
  assert.equal(result.outputs.complete, 'true');
  assert.equal(result.outputs.trusted, 'true');
  assert.equal(job.steps.find(step => step.id === 'learnt').outcome, 'success', 'what was learnt is kept');
  assert.equal(result.outputs['exit-code'], '0');
  assert.equal(Number(result.outputs.built), report.builds.filter(b => b.outcome === 'built').length);
  assert.equal(Number(result.outputs.pushed), report.pushes.filter(p => p.outcome === 'published').length);
  assert.ok(Number(result.outputs.built) > 50);
  assert.equal(job.scanner.openGroups, 0);
  assert.match(job.summary, /nixos:nas/);
  assert.ok(job.summary.length < 1 << 20);
  assert.match(job.environment.NIX_CONFIG, new RegExp(`^extra-substituters = ${cachix.uri.replace(/\/$/, '')}`, 'm'));
  assert.match(job.environment.NIX_CONFIG, /^extra-trusted-public-keys = demo\.cachix\.org-1:/m);
  assert.match(job.environment.NIX_CONFIG, /^experimental-features = nix-command flakes$/m);
});

test('a second step on another machine finds everything, and builds nothing', async () => {
  const job = makeJob();
  const result = await job.use(action, {...inputs, substituter: 'false'});
  assert.equal(result.status, 'success', job.log);
  assert.deepEqual([result.outputs.complete, result.outputs.built, result.outputs.pushed, result.outputs.missing], ['true', '0', '0', '0']);
  assert.doesNotMatch(job.environment.NIX_CONFIG, /extra-substituters/);
});

test('an output that the action promises is set by the program, each of them', async () => {
  const job = makeJob();
  const result = await job.use(action, {...inputs, hosts: 'home:*'});
  for (const [name, value] of Object.entries(result.outputs)) assert.ok(name in runStep(job).outputs, `${name}: '${value}'`);
  for (const name of Object.keys(runStep(job).outputs)) assert.ok(name in result.outputs, `${name} is not handed on`);
});

test('hosts of systems that a job leaves to others are elsewhere, and a system that nobody has is an error', async () => {
  const job = makeJob();
  const mine = await job.use(action, {...inputs, hosts: 'home:*, macbook', systems: 'x86_64-*'});
  assert.equal(mine.status, 'success', job.log);
  const verdicts = JSON.parse(mine.outputs.hosts);
  assert.equal(verdicts['darwin:macbook'], 'elsewhere');
  assert.equal(verdicts['home:alex@nixos-desktop'], 'complete');
  const other = makeJob();
  const nobody = await other.use(action, {...inputs, hosts: 'home:*', systems: 'x86_64-linus'});
  assert.equal(nobody.outputs['exit-code'], '2', other.log);
  assert.match(other.log, /no host is for x86_64-linus/);
});

test('the token stands in no line, no argument and no report, and is masked before anything else', async () => {
  const job = makeJob();
  const lines = [];
  job.onLine = line => lines.push(line);
  const result = await job.use(action, {...inputs, hosts: 'home:*'});
  assert.match(lines.find(line => line.startsWith('::')), /^::add-mask::write-secret$/);
  assert.equal(lines.filter(line => line.includes('write-secret')).length, 1);
  assert.equal(readFileSync(result.outputs.report, 'utf8').includes('write-secret'), false);
});

test('without a token a push fails, names the secret, and still hands over its outputs', async () => {
  const job = makeJob();
  const result = await job.use(action, {...inputs, token: ''});
  assert.equal(result.status, 'failure');
  assert.equal(runStep(job).code, 5);
  assert.equal(result.outputs['exit-code'], '5');
  assert.match(job.scanner.messages('error').join('\n'), /no token for the cache.*CACHIX_AUTH_TOKEN/s);
});

test('a token that is refused fails at the start', async () => {
  const job = makeJob();
  const result = await job.use(action, {...inputs, token: 'nonsense'});
  assert.equal(result.status, 'failure');
  assert.equal(result.outputs['exit-code'], '5');
  assert.equal(result.outputs.built, '0');
});

test("a fork's pull request is built, pushes nothing, says so and succeeds", async () => {
  const fresh = await Cachix.start(folder, 'fork');
  try {
    const job = makeJob({cache: fresh, github: {event_name: 'pull_request', ref: 'refs/pull/7/merge', head_ref: 'main', base_ref: 'main', actor: 'stranger'}});
    const event = join(folder, 'fork-event.json');
    writeFileSync(event, JSON.stringify({pull_request: {number: 7, head: {sha: 'b'.repeat(40), repo: {full_name: 'stranger/fleet'}}}}));
    job.github.event_path = event;
    const result = await job.use(action, {...inputs, cache: 'cachix://fork', token: '', hosts: 'home:*'});
    assert.equal(result.status, 'success', job.log);
    assert.equal(result.outputs['read-only'], 'true');
    assert.equal(result.outputs.trusted, 'false');
    assert.equal(job.steps.find(step => step.id === 'learnt').outcome, 'skipped', 'what was learnt is not kept');
    assert.doesNotMatch(job.environment.NIX_CONFIG, /extra-substituters/);
    assert.ok(Number(result.outputs.built) > 0);
    assert.match(job.scanner.messages('notice').join('\n'), /pull request of a fork/);
    assert.match(job.summary, /nothing was pushed/);
    assert.deepEqual((await fresh.state()).narinfos, []);
  } finally {
    fresh.stop();
  }
});

test('lines of builders that look like commands change nothing', async () => {
  const job = makeJob({workspace: hostile});
  let longest = 0;
  job.onLine = line => (longest = Math.max(longest, line.length));
  const before = {...job.environment};
  const result = await job.use(action, {...inputs, hosts: '', verbose: 'true', substituter: 'false'});
  assert.equal(runStep(job).code, 1, job.log.slice(-4000));
  assert.equal(result.outputs.complete, 'false');
  assert.equal(result.outputs.failed, '1');
  assert.deepEqual(JSON.parse(result.outputs['failed-names']), ['broken']);
  assert.deepEqual(job.environment, before);
  const acted = new Set(job.scanner.commands);
  for (const command of ['set-output', 'save-state', 'set-env', 'add-path', 'debug', 'echo']) assert.equal(acted.has(command), false, command);
  assert.deepEqual(job.scanner.masks, ['write-secret']);
  assert.deepEqual(job.scanner.messages('error').filter(message => /^(an? |in red|behind|no UTF-8)/.test(message)), []);
  assert.equal(job.scanner.annotations.filter(a => a.level === 'error' && /broken/.test(a.title ?? a.message)).length, 1);
  assert.deepEqual(job.scanner.messages('warning').filter(message => /^an? /.test(message)), []);
  assert.deepEqual(job.scanner.messages('notice').filter(message => message === 'a notice'), []);
  assert.equal(job.scanner.groups.includes('a group'), false);
  assert.equal(job.scanner.openGroups, 0);
  assert.ok(longest < 64 * 1024, `a line of ${longest} characters`);
  assert.ok(job.summary.length < 1 << 20);
  assert.doesNotMatch(job.log + job.summary, /\u001b/);
});

// Presses "Cancel" once `isTime` says so of the lines so far; what must hold however far the run has come.
async function cancelled(t, cache, isTime) {
  const job = makeJob({cache});
  let built = 0, pushed = 0, sent = false;
  job.onLine = line => {
    built += line.startsWith('built ');
    pushed += line.startsWith('pushed ');
    if (sent || !isTime(built, pushed)) return;
    sent = true;
    job.cancel();
  };
  const result = await job.use(action, {...inputs, cache: `cachix://${cache.name}`, hosts: '', verbose: 'true'});
  const step = runStep(job);
  assert.equal(result.status, 'cancelled');
  t.diagnostic(`ended ${step.endedAfter} ms after the first signal, exit ${step.code}`);
  assert.equal(step.code, 130, job.log.slice(-3000));
  assert.ok(step.endedAfter <= 6500, `${step.endedAfter} ms`);
  assert.ok(existsSync(result.outputs.report));
  const report = reportOf(result);
  assert.equal(report.exit_code, 130);
  assert.equal(result.outputs['exit-code'], '130');
  assert.match(job.summary, /interrupted/i);
  const outcomes = Object.fromEntries(report.pushes.map(push => [push.path, push.outcome]));
  const outputs = report.builds.filter(b => b.outcome === 'built').flatMap(b => b.outputs);
  const lost = [];
  for (const path of outputs) {
    assert.ok(outcomes[path], `${path} was built and is not mentioned`);
    if (['published', 'already-there'].includes(outcomes[path])) assert.ok(await cache.uploaded(path), `${path} is not there`);
    else lost.push(path);
  }
  t.diagnostic(`${outputs.length} outputs built, ${lost.length} of them named as not pushed`);
  assert.equal(job.steps.find(step => step.id === 'learnt').outcome, 'success', 'what was learnt is kept');
  return {job, result, outputs, lost};
}

test('a cancel in the middle: report and summary in time, exit 130, what was built is published or named', async t => {
  const slow = await Cachix.start(folder, 'slow', '--delay-ms', '40');
  try {
    const {outputs} = await cancelled(t, slow, (built, pushed) => pushed >= 40);
    assert.ok(outputs.length > 5, `only ${outputs.length} outputs were built`);
  } finally {
    slow.stop();
  }
});

test('a cancel while uploads hang: in time all the same, and log, summary and outputs say what was built and not pushed', async t => {
  const stuck = await Cachix.start(folder, 'stuck');
  try {
    await stuck.faults({match: 'PUT *', skip: 20, never_answer: true});
    const {job, result, lost} = await cancelled(t, stuck, (built, pushed) => built >= pushed + 20);
    assert.ok(lost.length >= 15, `only ${lost.length} are named`);
    assert.ok(Number(result.outputs['not-pushed']) >= lost.length, result.outputs['not-pushed']);
    for (const text of [job.log, job.summary]) assert.match(text, /not pushed/);
    for (const path of lost.slice(0, 10)) assert.ok(job.summary.includes(path), `the summary lacks ${path}`);
  } finally {
    stuck.stop();
  }
});

test('one message is sent when something failed and a webhook is given, none when all is well', async () => {
  const received = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', chunk => (body += chunk));
    request.on('end', () => (received.push(JSON.parse(body)), response.end('{}')));
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  try {
    const url = `http://127.0.0.1:${server.address().port}/hook`;
    await makeJob().use(action, {...inputs, hosts: 'home:*', 'notify-url': url});
    assert.equal(received.length, 0);
    await makeJob({workspace: hostile}).use(action, {...inputs, hosts: 'broken', 'notify-url': url});
    assert.equal(received.length, 1);
    assert.match(JSON.stringify(received[0]), /broken/);
  } finally {
    server.close();
  }
});
