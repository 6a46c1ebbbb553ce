// The one comment on a pull request: action/report as a step, and workflows/comment.yml under act, with the stand-in of GitHub's REST interface.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, beforeEach, test} from 'node:test';
import {setTimeout as wait} from 'node:timers/promises';
import {Job} from './host/step_host.mjs';
import {Act} from './support/act.mjs';
import {cachefill, githubServer, makeFolder, removeFolder, repository} from './support/machine.mjs';

const sha = 'c0ffee'.repeat(6) + 'beef';
const changes = {changed: [{package: 'firefox', before: ['141.0'], after: ['142.0'], grew_by: 1 << 20}], came: [], went: [], resized: [], rebuilt: 3, grew_by: 1 << 20};
const report = (more = {}) => JSON.stringify({schema_version: 1, command: 'run', exit_code: 0, causes: [], builds: [],
  targets: [{name: 'nixos:nas', verdict: 'complete', changes}], ...more});
let folder, server, api, act, number = 0;

before(async () => {
  folder = makeFolder();
  const place = join(folder, 'github.url');
  server = spawn(githubServer, ['--url-file', place, '--token', 't0ken', '--token', 'reader', '--reader', 'reader'], {stdio: 'inherit'});
  for (let tries = 0; tries < 200 && !existsSync(place); ++tries) await wait(50);
  api = readFileSync(place, 'utf8').trim();
  const own = join(folder, 'own');
  mkdirSync(own);
  writeFileSync(join(own, 'flake.nix'), '{ outputs = { self }: { }; }');
  act = new Act(folder, {sources: [own], workflows: ['build.yml', 'comment.yml']});
});
after(() => (server.kill(), removeFolder(folder)));
beforeEach(() => fetch(`${api}/_state`, {method: 'PUT', body: JSON.stringify({'octo/fleet': {pulls: [
  {number: 12, sha, repository: 'octo/fleet', branch: 'b'}, {number: 13, sha, repository: 'kim/fleet', branch: 'b'}]}})}));
const comments = async of => ((await (await fetch(`${api}/_state`)).json())['octo/fleet'].comments?.[of] ?? []).map(comment => comment.body);

async function step(inputs, reports = {linux: report()}) {
  const place = join(folder, `job-${++number}`), event = join(place, 'event.json');
  for (const [job, text] of Object.entries(reports)) {
    mkdirSync(join(place, 'workspace/reports', `cachefill-${job}`), {recursive: true});
    writeFileSync(join(place, 'workspace/reports', `cachefill-${job}`, 'report.json'), text);
  }
  const head = {sha, ref: 'b', repo: {full_name: 'octo/fleet'}};
  writeFileSync(event, JSON.stringify({pull_request: {number: 12, head, base: {ref: 'main', repo: {full_name: 'octo/fleet'}}}, repository: {full_name: 'octo/fleet'}}));
  const job = new Job({folder: place, github: {event_name: 'pull_request', head_ref: 'b', base_ref: 'main', event_path: event, api_url: api, token: 't0ken'}});
  const result = await job.use(join(repository, 'action/report'), {binary: cachefill, ...inputs});
  return result;
}

test('a step comments only if it is asked to, and edits what it wrote', async () => {
  assert.equal((await step({})).status, 'success');
  assert.deepEqual(await comments(12), []);
  assert.equal((await step({comment: 'true'})).status, 'success');
  const [first] = await comments(12);
  assert.match(first, /`firefox` \| `141.0` \| `142.0`/);
  assert.equal((await step({comment: 'true'}, {linux: report({exit_code: 1, causes: ['1 build failed']})})).status, 'failure');
  const texts = await comments(12);
  assert.equal(texts.length, 1);
  assert.match(texts[0], /`1 build failed`/);
  assert.deepEqual(await comments(13), []);
});

test('a token that may not comment reddens nothing', async () => {
  const {status} = await step({comment: 'true', 'github-token': 'reader'});
  assert.equal(status, 'success');
  assert.deepEqual(await comments(12), []);
});

test('the joined report as JUnit is written where it is asked for', async () => {
  const {status} = await step({junit: 'a b.xml'});
  assert.equal(status, 'success');
  assert.match(readFileSync(join(folder, `job-${number}`, 'workspace/a b.xml'), 'utf8'), /<testsuite name="linux: hosts" tests="1" failures="0"/);
});

const follows = (event, from) => ({workflow_run: {id: 5, event, head_sha: sha, head_branch: 'b', head_repository: {full_name: from}}, repository: {full_name: 'octo/fleet'}});
const under = (payload, artifacts) => act.run('comment.yml', {event: 'workflow_run', payload, artifacts, secrets: {GITHUB_TOKEN: 't0ken'},
  environment: {GITHUB_REPOSITORY: 'octo/fleet', GITHUB_API_URL: api}});
const both = text => ({'cachefill-x86_64-linux': {'report.json': text}, 'cachefill-aarch64-darwin': {'report.json': report({targets: []})}});

test("workflows/comment.yml comments on a fork's pull request, and says whose words these are", async () => {
  const run = await under(follows('pull_request', 'kim/fleet'), both(report()));
  assert.equal(run.code, 0, run.text);
  assert.deepEqual(await comments(12), []);
  const texts = await comments(13);
  assert.equal(texts.length, 1, run.text);
  assert.match(texts[0], /`firefox`/);
  assert.match(texts[0], /actions\/runs\/5\).*in the words of jobs that ran this pull request's own code/);
  assert.equal(run.text.includes('t0ken'), false);
});

test('what failed there is red there, and not here; a job that said nothing is named', async () => {
  const run = await under(follows('pull_request', 'octo/fleet'), {'cachefill-x86_64-linux': {'report.json': report({exit_code: 1, causes: ['1 build failed']})}});
  assert.equal(run.code, 0, run.text);
  const [text] = await comments(12);
  assert.match(text, /1 build failed/, run.text);
  assert.match(text, /'aarch64-darwin' never reported/);
});

test('a run that no pull request caused is none of its business', async () => {
  const run = await under(follows('push', 'octo/fleet'), both(report()));
  assert.equal(run.code, 0, run.text);
  assert.deepEqual(await comments(12), []);
});
