// Runs a composite action as GitHub's runner does: every `run:` in bash with a clean environment, closed standard input and pipes;
// new file commands for each step; no INPUT_* at all; a cancel that signals only the shell. `uses:` of other actions go to
// stand-ins, composite actions like the one under test.
import {spawn} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {parse} from 'yaml';
import {CommandScanner, LineReader} from './commands.mjs';
import {fill, isTrue} from './expressions.mjs';
import {readLines, readPairs} from './file_commands.mjs';

const intToTerm = 7500, termToKill = 2500;
const fileCommands = ['GITHUB_OUTPUT', 'GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_STEP_SUMMARY', 'GITHUB_STATE'];

export class Job {
  // folder: for everything the runner keeps. environment: what the machine and earlier steps have set. github: overrides of
  // the github context, which also become GITHUB_* variables. standIns: {"actions/cache/restore": folder}.
  constructor({folder, environment = {}, github = {}, standIns = {}, workspace, runner = {}}) {
    this.folder = folder;
    this.workspace = workspace ?? join(folder, 'workspace');
    this.temp = join(folder, 'temp');
    for (const directory of [this.workspace, this.temp, join(folder, 'files')]) mkdirSync(directory, {recursive: true});
    this.standIns = standIns;
    this.environment = {PATH: process.env.PATH, HOME: join(folder, 'home'), LANG: 'C.UTF-8', ...environment};
    this.runner = {os: 'Linux', arch: 'X64', temp: this.temp, tool_cache: join(folder, 'tools'), ...runner};
    this.github = {
      repository: 'octo/fleet', event_name: 'push', ref: 'refs/heads/main', ref_name: 'main', sha: '0'.repeat(40), run_id: '77',
      run_number: '5', run_attempt: '1', actor: 'octo', job: 'build', workflow: 'build', server_url: 'https://github.com',
      api_url: 'http://127.0.0.1:9', workspace: this.workspace, action_repository: '', action_ref: '', token: '', ...github,
    };
    this.status = 'success';
    this.scanner = new CommandScanner();
    this.summary = '';
    this.steps = [];
    this.number = 0;
  }

  variables(actionPath) {
    const result = {CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_ACTION_PATH: actionPath};
    for (const [name, value] of Object.entries(this.github))
      if (name !== 'token') result[`GITHUB_${name.toUpperCase()}`] = value;
    for (const [name, value] of Object.entries(this.runner)) result[`RUNNER_${name.toUpperCase()}`] = value;
    return result;
  }

  // The composite in `directory` with the inputs of `with:`; the result holds its outputs and whether it succeeded.
  async use(directory, given = {}, contexts = {}) {
    const action = parse(readFileSync(join(directory, 'action.yml'), 'utf8'));
    if (action.runs.using !== 'composite') throw new Error(`${directory} is not composite`);
    const base = {github: this.github, runner: this.runner, strategy: {'job-index': 0}, matrix: {}, ...contexts, env: {}};
    const inputs = {};
    for (const [name, input] of Object.entries(action.inputs ?? {}))
      inputs[name] = fill(name in given ? given[name] : input.default ?? '', base);
    for (const name of Object.keys(given))
      if (!(name in inputs)) this.scanner.line(`::warning::Unexpected input(s) '${name}'`);
    const steps = {};
    let status = this.status;
    for (const step of action.runs.steps) {
      const inside = {...base, inputs, steps};
      const outcome = isTrue(step.if, inside, status) ? await this.step(step, inside, directory, status) : {outcome: 'skipped', outputs: {}};
      if (step.id) steps[step.id] = {outputs: outcome.outputs, outcome: outcome.outcome, conclusion: outcome.outcome};
      this.steps.push({action: action.name, id: step.id, uses: step.uses, ...outcome});
      if (outcome.outcome === 'failure' && status === 'success') status = 'failure';
      if (outcome.outcome === 'cancelled') status = 'cancelled';
    }
    const outputs = {};
    for (const [name, output] of Object.entries(action.outputs ?? {})) outputs[name] = fill(output.value, {...base, inputs, steps});
    this.status = status;
    return {outputs, status, inputs};
  }

  async step(step, contexts, directory, status) {
    if (step.uses) return this.nested(step, contexts, status);
    const files = {};
    const number = ++this.number;
    for (const name of fileCommands) {
      files[name] = join(this.folder, 'files', `${number}-${name}`);
      writeFileSync(files[name], '');
    }
    const environment = {...this.environment, ...this.variables(directory), ...files};
    for (const [name, value] of Object.entries(step.env ?? {})) environment[name] = fill(value, contexts, status);
    const script = join(this.temp, `${number}.sh`);
    writeFileSync(script, fill(step.run, contexts, status));
    const result = await this.shell(['--noprofile', '--norc', '-e', '-o', 'pipefail', script], environment);
    let outcome = result.cancelled ? 'cancelled' : result.code === 0 ? 'success' : 'failure';
    let outputs = {};
    try {
      outputs = readPairs(files.GITHUB_OUTPUT);
      Object.assign(this.environment, readPairs(files.GITHUB_ENV));
      for (const path of readLines(files.GITHUB_PATH)) this.environment.PATH = `${path}:${this.environment.PATH}`;
    } catch (error) {
      this.scanner.line(`::error::Unable to process file command successfully. ${error.message}`);
      outcome = 'failure';
    }
    this.summary += this.scanner.mask(readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8'));
    return {outcome, outputs, ...result};
  }

  async nested(step, contexts, status) {
    const folder = this.standIns[step.uses.split('@')[0]];
    if (!folder) throw new Error(`no stand-in for ${step.uses}`);
    const given = {};
    for (const [name, value] of Object.entries(step.with ?? {})) given[name] = fill(value, contexts, status);
    const before = this.status;
    this.status = 'success';
    const result = await this.use(folder, given, {matrix: contexts.matrix});
    this.status = before;
    return {outcome: result.status, outputs: result.outputs, given};
  }

  shell(args, environment) {
    return new Promise((resolve, reject) => {
      const child = spawn('bash', args, {cwd: this.workspace, env: environment, stdio: ['ignore', 'pipe', 'pipe']});
      child.on('error', reject);
      this.current = {child, pid: child.pid, environment};
      const readers = ['stdout', 'stderr'].map(name => {
        const reader = new LineReader(line => {
          this.scanner.line(line);
          this.onLine?.(line);
        });
        child[name].on('data', chunk => reader.bytes(chunk));
        return reader;
      });
      child.on('close', (code, signal) => {
        readers.forEach(reader => reader.end());
        const {cancelled = false, cancelledAt, exitedAt} = this.current;
        resolve({code, signal, cancelled, endedAfter: cancelled ? exitedAt - cancelledAt : undefined, environment});
      });
      child.on('exit', () => {
        this.current.exitedAt = Date.now();
        (this.current.timers ?? []).forEach(clearTimeout);
      });
    });
  }

  // What the runner does when somebody presses "Cancel": signals to the entry process alone.
  cancel() {
    const step = this.current;
    step.cancelled = true;
    step.cancelledAt = Date.now();
    step.child.kill('SIGINT');
    step.timers = [setTimeout(() => step.child.kill('SIGTERM'), intToTerm), setTimeout(() => step.child.kill('SIGKILL'), intToTerm + termToKill)];
  }

  get log() { return this.scanner.log.join('\n'); }
}
