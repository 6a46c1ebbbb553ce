// The shipped workflows under nektos/act in host mode, offline: foreign actions are stand-ins, the cache is the stand-in of Cachix, the
// action is a copy as a release leaves it, with the program under test in the tool cache. The workflows themselves are untouched.
import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {createInterface} from 'node:readline';
import {cachefill, git, gitRepository, nixEnvironment, repository, tests} from './machine.mjs';
import {tool} from './tools.mjs';

const version = '1.2.3';
const standIns = {'actions/checkout': 'checkout', 'cachix/install-nix-action': 'install-nix-action', 'actions/cache': 'cache',
  'DeterminateSystems/nix-installer-action': 'install-nix-action', 'docker/setup-qemu-action': 'nothing', 'wimpysworld/nothing-but-nix': 'nothing', 'pierotofy/set-swap-space': 'nothing',
  'actions/upload-artifact': 'upload-artifact', 'actions/download-artifact': 'download-artifact'};

export class Act {
  // sources: folders whose content becomes the user's repository. workflows: names of shipped workflows. texts: further ones, by file
  // name. withOrigin: jobs check out from, and push to, a bare repository; else act copies the work tree. action: as the workflows
  // name it.
  constructor(folder, {sources, workflows = ['build.yml'], texts = {}, withOrigin = false, action = 'OWNER/cachefill@v1'}) {
    this.folder = folder;
    this.action = action;
    this.kept = join(folder, 'kept');
    this.cache = join(folder, 'act');
    mkdirSync(join(this.kept, 'machines'), {recursive: true});
    this.repository = join(folder, 'repository');
    const shipped = join(folder, 'shipped/.github/workflows');
    mkdirSync(shipped, {recursive: true});
    for (const name of workflows) cpSync(join(repository, 'workflows', name), join(shipped, name));
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(shipped, name), text);
    gitRepository(this.repository, ...sources, join(folder, 'shipped'));
    if (withOrigin) {
      this.origin = join(this.kept, 'origin.git');
      git(this.repository, 'clone', '-q', '--bare', this.repository, this.origin);
    }
    this.#release();
  }

  #release() {
    this.owner = join(this.folder, 'owner');
    cpSync(join(repository, 'action'), join(this.owner, 'action'), {recursive: true});
    const program = readFileSync(cachefill);
    const hash = createHash('sha256').update(program).digest('hex');
    appendFileSync(join(this.owner, 'action/version'), `${version}\n`);
    appendFileSync(join(this.owner, 'action/source'), 'octo/cachefill\n');
    appendFileSync(join(this.owner, 'action/sha256'), `${hash}  cachefill-${version}-x86_64-linux\n`);
    const place = join(this.cache, 'tool_cache/cachefill', version, 'x64');
    mkdirSync(place, {recursive: true});
    writeFileSync(join(place, 'cachefill'), program, {mode: 0o755});
  }

  // A machine with an empty store for each system of the matrix.
  newMachines(...systems) {
    for (const system of systems) this.newMachine(system, system);
  }
  // One by the name under which tests/action/stand-ins/install-nix-action looks for it.
  newMachine(machine, system) {
    const home = join(this.folder, `machine-${machine}-${(this.machineNumber = (this.machineNumber ?? 0) + 1)}`);
    const variables = nixEnvironment(home);
    variables.NIX_CONFIG += `\nsystem = ${system}\n`;
    variables.XDG_STATE_HOME = join(home, 'state');
    writeFileSync(join(this.kept, 'machines', `${machine}.env`),
      Object.entries(variables).map(([name, value]) => `${name}<<END_OF_VALUE\n${value}\nEND_OF_VALUE\n`).join(''));
  }

  #localRepositories(workflow) {
    const options = ['--local-repository', `${this.action}=${this.owner}`];
    const folder = dirname(workflow);
    const files = [join(repository, 'action/action.yml'), ...readdirSync(folder).map(name => join(folder, name))];
    const texts = files.map(file => readFileSync(file, 'utf8')).join('\n');
    for (const [, name, commit] of texts.matchAll(/uses:\s*([^@\s/]+\/[^@\s/]+)[^@\s]*@([0-9a-f]{40}|v\d+)/g))
      if (standIns[name]) options.push('--local-repository', `${name}@${commit}=${join(tests, 'stand-ins', standIns[name])}`);
    return options;
  }

  // Runs a workflow; the result has act's exit code and its log as objects (jobID, matrix, command, name, arg, msg).
  // artifacts: those of an earlier run, {name: {file: text}}. onEvent(event, cancel): with each line of that log; cancel() ends act as
  // Ctrl-C does.
  async run(name, {event = 'push', payload, secrets = {}, variables = {}, environment = {}, artifacts = {}, job, onEvent = () => {}} = {}) {
    rmSync(join(this.kept, 'artifacts'), {recursive: true, force: true});
    for (const [artifact, files] of Object.entries(artifacts))
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(join(this.kept, 'artifacts', artifact), {recursive: true});
        writeFileSync(join(this.kept, 'artifacts', artifact, file), text);
      }
    const workflow = join(this.repository, '.github/workflows', name);
    const options = [event, '--json', '-W', workflow, '--no-cache-server', '--pull=false', '--action-offline-mode', '--action-cache-path', this.cache,
      '--artifact-server-addr', '127.0.0.1', '--cache-server-addr', '127.0.0.1', ...this.#localRepositories(workflow)];
    for (const label of ['ubuntu-24.04', 'macos-15', 'ubuntu-24.04-arm']) options.push('-P', `${label}=-self-hosted`);
    const add = (flag, values) => Object.entries(values).forEach(([key, value]) => options.push(flag, `${key}=${value}`));
    add('-s', secrets);
    add('--var', variables);
    add('--env', {STAND_IN_FOLDER: this.kept, GITHUB_RUN_ID: String((this.runs = (this.runs ?? 0) + 1)), ...environment});
    if (job) options.push('-j', job);
    if (this.origin) options.push('--no-skip-checkout');
    if (payload) {
      writeFileSync(join(this.folder, 'event.json'), JSON.stringify(payload));
      options.push('-e', join(this.folder, 'event.json'));
    }
    const child = spawn(tool('act'), options, {cwd: this.repository, env: {PATH: process.env.PATH, HOME: join(this.folder, 'act-home')}, stdio: ['ignore', 'pipe', 'pipe']});
    const events = [];
    const listen = stream => createInterface({input: stream}).on('line', line => {
      if (!line) return;
      let event = {msg: line};
      try { event = JSON.parse(line); } catch { /* a line of act's own */ }
      events.push(event);
      onEvent(event, () => child.kill('SIGINT'));
    });
    listen(child.stdout);
    listen(child.stderr);
    const code = await new Promise(done => child.on('close', done));
    return new Run(code, events, this.kept);
  }
}

class Run {
  constructor(code, events, kept) { Object.assign(this, {code, events, kept}); }
  get text() { return this.events.map(e => `${e.job ?? ''} | ${(e.msg ?? '').trimEnd()}`).join('\n'); }
  legs() { return [...new Set(this.events.map(e => e.matrix?.system).filter(Boolean))].sort(); }
  outputs(system) {
    return Object.fromEntries(this.events.filter(e => e.command === 'set-output' && (!system || e.matrix?.system === system)).map(e => [e.name, e.arg]));
  }
  outputsOf(jobID) { return Object.fromEntries(this.events.filter(e => e.command === 'set-output' && e.jobID === jobID).map(e => [e.name, e.arg])); }
  summaryOf(jobID) { return this.events.filter(e => e.command === 'summary' && e.jobID === jobID).map(e => e.content ?? e.arg).at(-1) ?? ''; }
  messages(level) { return this.events.filter(e => e.command === level).map(e => e.arg ?? e.msg ?? ''); }
  result(jobID) { return this.events.filter(e => e.jobResult && e.jobID === jobID).map(e => e.jobResult); }
  report(system) {
    const place = join(this.kept, 'artifacts', `cachefill-${system}`);
    if (!existsSync(place)) return undefined;
    return JSON.parse(readFileSync(join(place, readdirSync(place)[0]), 'utf8'));
  }
}
