// action/pull-request/propose alone, with reports as they may come, against a stand-in of GitHub's REST interface.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {makeFolder, removeFolder, repository} from './support/machine.mjs';

let folder, server, requests, answer, number = 0;
before(async () => {
  folder = makeFolder();
  server = createServer((request, response) => {
    let body = '';
    request.on('data', chunk => (body += chunk));
    request.on('end', () => {
      requests.push({method: request.method, url: request.url, body: body ? JSON.parse(body) : undefined});
      const [status, json] = answer(request);
      response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(json));
    });
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
});
after(() => (server.close(), removeFolder(folder)));

const host = (more = {}) => ({name: 'nixos:nas', system: 'x86_64-linux', verdict: 'complete', error: '', evaluate_only: false, is_check: false,
  closure_bytes: 1 << 20, previous_closure_bytes: null, ...more});
const report = (targets, more = {}) => ({schema_version: 1, command: 'run', exit_code: 0, targets, ...more});

// Runs it with the reports of jobs by their names; the pull request and the status that GitHub got.
async function propose(reports, variables = {}) {
  const place = join(folder, `run-${++number}`);
  mkdirSync(join(place, 'reports'), {recursive: true});
  for (const [job, content] of Object.entries(reports)) {
    mkdirSync(join(place, 'reports', `cachefill-${job}`), {recursive: true});
    writeFileSync(join(place, 'reports', `cachefill-${job}`, 'report.json'), typeof content === 'string' ? content : JSON.stringify(content));
  }
  for (const file of ['output', 'summary']) writeFileSync(join(place, file), '');
  requests = [];
  answer = ({method, url}) => (url.includes('/pulls?') ? [200, []] : method === 'POST' ? [201, {number: 3, html_url: 'https://github.com/octo/fleet/pull/3'}] : [200, {}]);
  if (variables.answer) answer = variables.answer;
  const child = spawn('bash', [join(repository, 'action/pull-request/propose')], {cwd: place, stdio: ['ignore', 'pipe', 'pipe'], env: {
    PATH: process.env.PATH, BRANCH: 'update-flake-lock', COMMIT: 'a'.repeat(40), BASE: 'main', TITLE: 'update', REPORTS: 'reports', EXPECT: 'linux', TOKEN: 't0ken',
    API: `http://127.0.0.1:${server.address().port}`, RUN_URL: 'https://github.com/octo/fleet/actions/runs/1', GITHUB_REPOSITORY: 'octo/fleet',
    GITHUB_OUTPUT: join(place, 'output'), GITHUB_STEP_SUMMARY: join(place, 'summary'), ...variables, answer: ''}});
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (log += chunk));
  const code = await new Promise(done => child.on('close', done));
  const sent = part => requests.find(({method, url}) => method === 'POST' && url.includes(part))?.body;
  return {code, log, pull: sent('/pulls'), status: sent('/statuses/'), output: readFileSync(join(place, 'output'), 'utf8')};
}

test('the status is a success when every host is complete, and says so of the cache', async () => {
  const elsewhere = host({name: 'darwin:mac', verdict: 'elsewhere'}), template = host({name: 'nixos:template', verdict: 'unknown', evaluate_only: true});
  const check = host({name: 'checks.x', verdict: 'unknown', evaluate_only: true, is_check: true});
  const {code, log, pull, status, output} = await propose({linux: report([host(), elsewhere, template, check])});
  assert.equal(code, 0, log);
  assert.deepEqual([status.state, status.description], ['success', '1 of 1 hosts complete']);
  assert.match(pull.body, /^The cache is filled for this commit/);
  assert.match(output, /^state=success$/m);
});

test('verdicts decide, not what jobs ended with', async () => {
  for (const [targets, more] of [
    [[host(), host({name: 'nixos:b', verdict: 'incomplete'})]], // fail-on: none
    [[host(), host({name: 'nixos:b', verdict: 'unknown'})]], // not verified: a plan, or ended early for a newer run
    [[host(), host({name: 'nixos:b', verdict: 'by-path'})]],
    [[host(), host({name: 'nixos:b', verdict: 'not-evaluated', error: 'attribute missing'})]],
    [[host(), host({name: 'nixos:template', verdict: 'unknown', evaluate_only: true, error: 'attribute missing'})]],
    [[host({verdict: 'elsewhere'})]], // nobody built anything
    [[]],
    [[host()], {exit_code: 5}],
  ]) {
    const {status, pull} = await propose({linux: report(targets, more)});
    assert.equal(status.state, 'failure', JSON.stringify([targets, more]));
    assert.match(pull.body, /^The cache is \*\*not\*\* filled/);
  }
});

test('a job that said nothing, or nothing that can be read, makes it a failure', async () => {
  assert.deepEqual((await propose({other: report([host()])})).status.description, '1 of 1 hosts complete, no report of linux');
  for (const reports of [{}, {linux: '{ no json'}, {linux: '[]'}, {linux: '{"targets": 1}'}]) assert.equal((await propose(reports)).status.state, 'failure', JSON.stringify(reports));
});

test('a report that cannot be read makes it a failure, whatever others of its job say', async () => {
  for (const broken of ['{"schema_version": 1, "targets": [{"name": "nixos:pi", "ver', '', 'null', '{"schema_version": 99, "exit_code": 0, "targets": []}', '{"schema_version": 1, "targets": [1]}',
    '{"schema_version": 1, "exit_code": 0, "targets": []}{}']) {
    for (const expect of ['', 'linux pi']) {
      const {pull, status} = await propose({linux: report([host()]), pi: broken}, {EXPECT: expect});
      assert.deepEqual([status.state, status.description], ['failure', '1 of 1 hosts complete, the report of pi cannot be read'], broken);
      assert.match(pull.body, /^❌ What the job `pi` reported cannot be read\.$/m);
    }
  }
});

test('what turns text around stands in no name and no error', async () => {
  const {pull, log} = await propose({linux: report([host({name: 'nixos:nas\u202egnp\u2066x\u200f', verdict: 'not-evaluated', error: 'a\u202eb\u009b31mc\nd'})])}, {EXPECT: 'linux\n::notice::forged'});
  assert.doesNotMatch(pull.body, /[\u200e\u200f\u202a-\u202e\u2066-\u2069\u0080-\u009f]/);
  assert.match(pull.body, /ab31mc\nd/);
  assert.doesNotMatch(log, /^::notice/m);
});

test('text of reports stands as text in the pull request', async () => {
  const evil = 'x` |<img src=y>@octo #1 [a](https://b) ::error::c\n::error::d ##[error]e';
  const {code, log, pull} = await propose({linux: report([
    host({name: evil, system: evil, verdict: evil}),
    host({name: 'nixos:b', verdict: 'not-evaluated', error: `${'`'.repeat(5)}\n${evil}\r${'`'.repeat(3)}\n# heading`}),
  ])});
  assert.equal(code, 0, log);
  // Without what stands between backticks, whose number nothing inside reaches, there is only our own text left.
  const own = pull.body.replace(/^(`{3,})text\n[^]*?\n\1$/gm, '').replace(/`[^`\n]*`/g, '');
  for (const part of ['<img', '@octo', '#1', '](https://b', '::error', '# heading', '##[']) assert.ok(!own.includes(part), `${part} in ${own}`);
  assert.ok(pull.body.includes(evil.slice(3, 20)), pull.body);
  assert.doesNotMatch(log, /^::|##\[/m);
});

test('names with the characters of addresses arrive whole', async () => {
  await propose({linux: report([host()])}, {BRANCH: 'a&base=evil#x+y', BASE: 'release/1 2'});
  const query = new URL(requests[0].url, 'http://x').searchParams;
  assert.deepEqual([query.get('head'), query.get('base'), query.get('state')], ['octo:a&base=evil#x+y', 'release/1 2', 'open']);
});

test('what is no commit is refused, and what GitHub says is quoted', async () => {
  const wrong = await propose({linux: report([host()])}, {COMMIT: '../../git/refs'});
  assert.notEqual(wrong.code, 0);
  assert.equal(requests.length, 0);
  const refused = await propose({linux: report([host()])}, {answer: () => [403, {message: 'no\n::set-output name=x::1'}]});
  assert.notEqual(refused.code, 0);
  assert.match(refused.log, /^::error title=cachefill: GitHub refused::.*no%0A::set-output/m);
  assert.doesNotMatch(refused.log, /^::set-output/m);
});
