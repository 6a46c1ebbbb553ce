// workflows/update-flake.yml and workflows/report.yml under act, with a stand-in of GitHub's REST interface.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Act} from './support/act.mjs';
import {Cachix, commitAll, git, gitRepository, makeFolder, removeFolder, repository} from './support/machine.mjs';

// Pull requests and statuses, as far as a workflow asks for them.
class GitHub {
  pulls = [];
  statuses = [];
  tokens = new Set();
  async start() {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', chunk => (body += chunk));
      request.on('end', () => this.#answer(request, body ? JSON.parse(body) : undefined, response));
    });
    await new Promise(done => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }
  #answer(request, body, response) {
    this.tokens.add(request.headers.authorization);
    const [path, query] = request.url.split('?'), parts = path.split('/').slice(4);
    const give = (status, value) => response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(value));
    if (parts[0] === 'statuses' && request.method === 'POST') return this.statuses.push({commit: parts[1], ...body}), give(201, {});
    if (parts[0] === 'pulls' && request.method === 'GET') {
      const head = new URLSearchParams(query).get('head').split(':')[1];
      return give(200, this.pulls.filter(pull => pull.head === head && pull.state === 'open'));
    }
    if (parts[0] === 'pulls' && request.method === 'POST') {
      const pull = {number: this.pulls.length + 1, state: 'open', html_url: `https://github.com/octo/fleet/pull/${this.pulls.length + 1}`, ...body};
      return this.pulls.push(pull), give(201, pull);
    }
    if (parts[0] === 'pulls' && request.method === 'PATCH') return give(200, Object.assign(this.pulls[parts[1] - 1], body));
    give(404, {message: 'Not Found'});
  }
}

describe('workflows/update-flake.yml', () => {
  let folder, act, cachix, gitHub, given, library;
  const version = (number, build = `mkdir "$out"; fill "$out/data" ${number}0000 ${number}`) =>
    writeFileSync(join(library, 'flake.nix'), `{ outputs = { self }: { version = "${number}"; build = ${JSON.stringify(build)}; }; }\n`);
  before(async () => {
    folder = makeFolder();
    cachix = await Cachix.start(folder, 'demo');
    gitHub = await new GitHub().start();
    library = join(folder, 'library');
    mkdirSync(library);
    version('1');
    gitRepository(library);
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(own, 'flake.nix'), `{
      inputs.library.url = "git+file://${library}?ref=main";
      outputs = { self, library }: let inherit (import ./lib { }) linux; in {
        nixosConfigurations.box = linux.nixosSystem { hostName = "box"; packagesOf = [ (linux.builders.make { name = "tool-\${library.version}"; buildCommand = library.build; }) ]; };
        nixosConfigurations.other = linux.nixosSystem { hostName = "other"; packagesOf = [ linux.packages.git ]; };
      };
    }\n`);
    act = new Act(folder, {sources: [join(repository, 'examples/fleet'), own], workflows: ['update-flake.yml'], withOrigin: true});
    act.newMachines('x86_64-linux', 'aarch64-darwin');
    given = {event: 'workflow_dispatch', secrets: {CACHIX_AUTH_TOKEN: 'write-secret', GITHUB_TOKEN: 'github-secret'},
      variables: {CACHEFILL_CACHE: 'cachix://demo', CACHEFILL_GITHUB_API: gitHub.url}, environment: {CACHEFILL_CACHIX_API: cachix.api}};
  });
  after(() => (cachix.stop(), gitHub.server.close(), removeFolder(folder)));

  test('the cache is filled at the commit of the update, then the pull request is opened, with a status on its head', async () => {
    const run = await act.run('update-flake.yml', given);
    assert.equal(run.code, 0, run.text);
    const head = git(act.origin, 'rev-parse', 'refs/heads/update-flake-lock-main');
    assert.equal(gitHub.pulls.length, 1);
    const [pull] = gitHub.pulls;
    assert.deepEqual([pull.head, pull.base, pull.state], ['update-flake-lock-main', 'main', 'open']);
    assert.match(pull.body, /\| `nixos:box` \| `x86_64-linux` \| ✅ complete \| [0-9.]+ [KM]iB \|/);
    assert.match(pull.body, /\| `nixos:other` \|/);
    assert.deepEqual(gitHub.statuses.map(s => [s.commit, s.state, s.context, s.description]), [[head, 'success', 'cachefill', '2 of 2 hosts complete']]);
    assert.equal(run.report('x86_64-linux').flake.revision, head);
    assert.deepEqual([...gitHub.tokens], ['Bearer github-secret']);
    assert.equal(run.text.includes('github-secret'), false);
  });

  test('a second update changes the same pull request, and shows how closures changed', async () => {
    version('22');
    commitAll(library, 'version 22');
    const run = await act.run('update-flake.yml', given);
    assert.equal(run.code, 0, run.text);
    assert.equal(gitHub.pulls.length, 1);
    assert.match(gitHub.pulls[0].body, /\| `nixos:box` .*\| [+−][0-9.]+ [KM]iB \|/);
    assert.match(gitHub.pulls[0].body, /\| `nixos:other` .*\| none \|/);
    assert.equal(gitHub.statuses.length, 2);
  });

  test('a host that fails: the pull request comes all the same, the status is a failure, the rest is in the cache', async () => {
    version('3', 'exit 1');
    commitAll(library, 'version 3');
    const run = await act.run('update-flake.yml', given);
    assert.notEqual(run.code, 0);
    assert.match(gitHub.pulls[0].body, /\| `nixos:box` .*❌ incomplete/);
    assert.match(gitHub.pulls[0].body, /\| `nixos:other` .*✅ complete/);
    assert.deepEqual([gitHub.statuses.at(-1).state, gitHub.statuses.at(-1).description], ['failure', '1 of 2 hosts complete']);
  });

  test('nothing to update: no job fills, nothing is proposed', async () => {
    git(act.origin, 'update-ref', 'refs/heads/main', 'refs/heads/update-flake-lock-main');
    const before = gitHub.statuses.length;
    const run = await act.run('update-flake.yml', given);
    assert.equal(run.code, 0, run.text);
    assert.equal(gitHub.statuses.length, before);
    assert.equal(run.report('x86_64-linux'), undefined);
  });

  test('another branch: that one is checked out and updated, and the pull request is for it', async () => {
    const work = join(folder, 'work');
    git(folder, 'clone', '-q', act.origin, work);
    git(work, 'checkout', '-q', '-b', 'develop');
    writeFileSync(join(work, 'only-on-develop'), '');
    commitAll(work, 'work goes on');
    git(work, 'push', '-q', 'origin', 'develop');
    version('4');
    commitAll(library, 'version 4');
    const main = git(act.origin, 'rev-parse', 'refs/heads/update-flake-lock-main');
    const run = await act.run('update-flake.yml', {...given, payload: {inputs: {branch: 'develop'}}});
    assert.equal(run.code, 0, run.text);
    assert.deepEqual([gitHub.pulls.at(-1).head, gitHub.pulls.at(-1).base], ['update-flake-lock-develop', 'develop']);
    const head = git(act.origin, 'rev-parse', 'refs/heads/update-flake-lock-develop');
    assert.equal(git(act.origin, 'rev-parse', `${head}^`), git(act.origin, 'rev-parse', 'refs/heads/develop'));
    assert.equal(git(act.origin, 'diff', '--name-only', `${head}^`, head), 'flake.lock');
    assert.equal(gitHub.statuses.at(-1).commit, head);
    assert.equal(run.report('x86_64-linux').flake.revision, head);
    assert.equal(git(act.origin, 'rev-parse', 'refs/heads/update-flake-lock-main'), main);
  });
});

describe('workflows/report.yml', () => {
  let folder, act, received, server;
  before(async () => {
    folder = makeFolder();
    received = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', chunk => (body += chunk));
      request.on('end', () => (received.push(JSON.parse(body)), response.end('{}')));
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    const own = join(folder, 'own/.github/workflows');
    mkdirSync(own, {recursive: true});
    const caller = result => `on: push
permissions: {contents: read}
jobs:
  build:
    runs-on: ubuntu-24.04
    outputs: {findings: "\${{ steps.x.outputs.findings }}"}
    steps:
      - {id: x, run: "echo 'findings={\\"schema_version\\":1,\\"source\\":\\"dead-code\\",\\"findings\\":[{\\"severity\\":\\"info\\",\\"title\\":\\"2 unused bindings\\"}]}' >> \\"$GITHUB_OUTPUT\\"; ${result}"}
  report:
    needs: build
    if: \${{ always() }}
    uses: ./.github/workflows/report.yml
    with: {needs: "\${{ toJSON(needs) }}", expect: ""}
    secrets: {notify-url: "\${{ secrets.NOTIFY_URL }}"}
`;
    writeFileSync(join(own, 'good.yml'), caller('exit 0'));
    writeFileSync(join(own, 'bad.yml'), caller('exit 1'));
    act = new Act(folder, {sources: [join(folder, 'own')], workflows: ['report.yml']});
  });
  after(() => (server.close(), removeFolder(folder)));
  const hook = () => ({secrets: {NOTIFY_URL: `http://127.0.0.1:${server.address().port}/hook`}});

  test('findings of the lowest level never send by themselves', async () => {
    const run = await act.run('good.yml', hook());
    assert.equal(run.code, 0, run.text);
    assert.equal(received.length, 0);
    assert.match(run.text, /2 unused bindings/);
  });

  test('a job that failed without a report is named, once, with the findings of others along', async () => {
    const run = await act.run('bad.yml', hook());
    assert.notEqual(run.code, 0);
    assert.equal(received.length, 1, run.text);
    assert.match(JSON.stringify(received[0]), /build/);
    assert.match(JSON.stringify(received[0]), /2 unused bindings/);
  });

  test('an empty address means not configured', async () => {
    received.length = 0;
    const run = await act.run('bad.yml', {});
    assert.equal(received.length, 0);
    assert.match(run.text, /not configured/);
  });
});
