// Actions and workflows as text: three linters, and what none of them looks at.
import {FeatureFlags} from '@actions/expressions';
import {validate} from '@actions/languageservice';
import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {test} from 'node:test';
import {TextDocument} from 'vscode-languageserver-textdocument';
import {parse} from 'yaml';
import {cachefill, repository, tests} from './support/machine.mjs';
import {tool} from './support/tools.mjs';

const read = file => readFileSync(join(repository, file), 'utf8');
const listed = directory => readdirSync(join(repository, directory)).filter(name => name.endsWith('.yml')).map(name => join(directory, name));
const actions = ['action/action.yml', 'action/report/action.yml', 'action/pull-request/action.yml'];
const shipped = listed('workflows');
const workflows = [...shipped, ...listed('.github/workflows')];
const own = {'OWNER/cachefill/action': actions[0], 'OWNER/cachefill/action/report': actions[1],
  'OWNER/cachefill/action/pull-request': actions[2]};
const inputsOf = file => Object.keys(parse(read(file)).inputs);

const steps = file => {
  const content = parse(read(file));
  return content.runs ? content.runs.steps : Object.values(content.jobs).flatMap(job => job.steps ?? []);
};

for (const file of [...actions, ...workflows]) {
  test(`GitHub's own language service has nothing to say about ${file}`, async () => {
    const document = TextDocument.create(`file:///repository/${file}`, 'yaml', 1, read(file));
    const found = await validate(document, {featureFlags: new FeatureFlags({all: true})});
    assert.deepEqual(found.map(x => `${x.range.start.line + 1}: ${x.message}`), []);
  });
  test(`action-validator has nothing to say about ${file}`, () => {
    const validator = join(tests, 'node_modules/.bin/action-validator');
    // Its schema is older than this permission.
    const copy = mkdtempSync(join(tmpdir(), 'lint-'));
    mkdirSync(join(copy, dirname(file)), {recursive: true});
    writeFileSync(join(copy, file), read(file).replace(/^ +attestations: write.*\n/m, ''));
    const result = spawnSync(validator, [file], {cwd: copy, encoding: 'utf8'});
    rmSync(copy, {recursive: true});
    assert.equal(result.status, 0, result.stdout + result.stderr);
  });
}

test('actionlint has nothing to say about the workflows', () => {
  const result = spawnSync(tool('actionlint'), ['-no-color', '-oneline', ...workflows], {cwd: repository, encoding: 'utf8'});
  assert.equal(result.stdout + result.stderr, '');
});

test('the linters find faults', async () => {
  const document = TextDocument.create('file:///repository/action.yml', 'yaml', 1, 'name: x\nruns: {using: composite, steps: [{run: x}]}\n');
  assert.notEqual((await validate(document, {featureFlags: new FeatureFlags({all: true})})).length, 0);
  const result = spawnSync(tool('actionlint'), ['-'], {input: 'on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: "${{ nothing.x }}"}]}}\n', encoding: 'utf8'});
  assert.match(result.stdout, /nothing/);
});

test('every input is used, and every input that is used is declared', () => {
  for (const file of actions) {
    const used = new Set([...read(file).matchAll(/\binputs\.([A-Za-z0-9_-]+)/g)].map(match => match[1]));
    assert.deepEqual([...used].sort(), inputsOf(file).sort(), `${file}: what stands under "inputs" is used by a step, and the other way round`);
  }
});

test('every step that an expression names exists before it is named', () => {
  for (const file of actions) {
    const ids = parse(read(file)).runs.steps.map(step => step.id).filter(Boolean);
    for (const [, id] of read(file).matchAll(/\bsteps\.([A-Za-z0-9_-]+)/g)) assert.ok(ids.includes(id), `${file}: steps.${id}`);
  }
});

test('the keys that workflows give to our actions are inputs of theirs', () => {
  for (const file of shipped)
    for (const step of steps(file)) {
      const action = own[(step.uses ?? '').split('@')[0]];
      if (action) for (const key of Object.keys(step.with ?? {})) assert.ok(inputsOf(action).includes(key), `${file}: ${key}`);
    }
});

test('the outputs of ours that workflows read exist', () => {
  for (const file of shipped)
    for (const job of Object.values(parse(read(file)).jobs))
      for (const step of (job.steps ?? []).filter(step => own[(step.uses ?? '').split('@')[0]] && step.id)) {
        const outputs = Object.keys(parse(read(own[step.uses.split('@')[0]])).outputs);
        for (const [, name] of JSON.stringify(job).matchAll(new RegExp(`steps\\.${step.id}\\.outputs\\.([a-z-]+)`, 'g')))
          assert.ok(outputs.includes(name), `${file}: ${step.id}.${name}`);
      }
});

test('everything foreign is pinned to a commit, with its tag beside it', () => {
  for (const file of [...actions, ...workflows])
    for (const line of read(file).split('\n').filter(line => /^\s*(- )?uses:/.test(line))) {
      const what = /uses:\s*(\S+)/.exec(line)[1];
      if (own[what.split('@')[0]]) assert.match(what, /@v1$/, `${file}: ${what}`); // \`cachefill init\` writes a commit
      else assert.match(line, /@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${file}: ${line.trim()}`);
    }
});

test('one action is pinned to one commit everywhere', () => {
  const pins = {};
  for (const file of [...actions, ...workflows])
    for (const [, action, commit] of read(file).matchAll(/uses:\s*([^@\s/]+\/[^@\s/]+)[^@\s]*@([0-9a-f]{40})/g)) (pins[action] ??= new Set()).add(commit);
  for (const [action, commits] of Object.entries(pins)) assert.equal(commits.size, 1, action);
});

test('no checkout leaves its token in .git, where whatever runs later could use it', () => {
  for (const file of [...actions, ...workflows])
    for (const step of steps(file))
      if ((step.uses ?? '').startsWith('actions/checkout@')) assert.equal(step.with?.['persist-credentials'], false, file);
});

test('a job that may write runs nothing of the flake: neither Nix nor the program that calls it', () => {
  for (const file of workflows) {
    const workflow = parse(read(file));
    for (const [name, job] of Object.entries(workflow.jobs)) {
      const permissions = Object.values(job.permissions ?? workflow.permissions ?? {});
      if (!permissions.includes('write')) continue;
      for (const step of job.steps) {
        assert.doesNotMatch(step.uses ?? '', /install-nix-action|cachefill\/action@/, `${file}: ${name}`);
        assert.doesNotMatch(step.run ?? '', /\bnix\b/, `${file}: ${name}`);
      }
    }
  }
});

test('one job publishes, after all others, by hand, in the environment whose rules it looks at', () => {
  const workflow = parse(read('.github/workflows/release.yml'));
  assert.deepEqual(Object.keys(workflow.on), ['workflow_dispatch']);
  for (const [name, job] of Object.entries(workflow.jobs)) {
    const writes = Object.values(job.permissions ?? {}).includes('write');
    assert.equal(writes, name === 'publish', name);
  }
  const {publish, ...others} = workflow.jobs;
  assert.deepEqual([...publish.needs].sort(), Object.keys(others).sort());
  assert.equal(publish.environment, 'release');
  assert.match(publish.steps[0].run, /environments\/release.*required_reviewers/s);
  assert.doesNotMatch(read('.github/workflows/release.yml'), /secrets\./);
});

test('images are named by their digests', () => {
  for (const file of workflows)
    for (const job of Object.values(parse(read(file)).jobs)) {
      const images = [job.container, ...Object.values(job.services ?? {})].filter(Boolean).map(x => x.image ?? x);
      for (const image of images) assert.match(image, /@sha256:[0-9a-f]{64}$/, `${file}: ${image}`);
    }
});

test('what a stranger taught the machine is not kept', () => {
  const saves = steps(actions[0]).filter(step => (step.uses ?? '').startsWith('actions/cache/save@'));
  assert.equal(saves.length, 3);
  for (const save of saves) assert.match(save.if, /&& steps\.run\.outputs\.trusted == 'true' }}$/);
});

test('workflows take no more than they need', () => {
  for (const file of shipped) {
    const workflow = parse(read(file));
    assert.ok(workflow.permissions, `${file}: permissions`);
    for (const [scope, level] of Object.entries(workflow.permissions)) assert.equal(level, 'read', `${file}: ${scope}`);
    assert.equal(read(file).includes('pull_request_target'), false, file);
    assert.notEqual(workflow.concurrency?.['cancel-in-progress'], true, `${file}: a newer run would destroy work`);
    for (const job of Object.values(workflow.jobs)) assert.ok(job['timeout-minutes'] || job.uses, `${file}: timeout-minutes`);
  }
});

test('workflows/fleet-reusable.yml has the jobs of fleet.yml, and its inputs in the place of what is written there', () => {
  const isGiven = value => /^\$\{\{ (inputs|secrets|vars)\./.test(value);
  const common = file => {
    const {jobs} = parse(read(file));
    for (const job of Object.values(jobs)) {
      if (!jobs.shard.needs.includes(job.name)) delete job.outputs; // of a whole workflow
      for (const step of job.steps) step.with = Object.fromEntries(Object.entries(step.with ?? {}).filter(([, value]) => !isGiven(value)));
    }
    return jobs;
  };
  assert.deepEqual(common('workflows/fleet-reusable.yml'), common('workflows/fleet.yml'));
  const given = Object.keys(parse(read('workflows/fleet-reusable.yml')).on.workflow_call.inputs);
  const used = new Set([...read('workflows/fleet-reusable.yml').matchAll(/\binputs\.([a-z-]+)/g)].map(match => match[1]));
  assert.deepEqual([...used].sort(), given.sort());
});

test("what follows a stranger's run checks nothing out, runs no script, and may write comments alone", () => {
  const following = workflows.filter(file => parse(read(file)).on?.workflow_run);
  assert.deepEqual(following, ['workflows/comment.yml']);
  const {jobs, permissions} = parse(read(following[0]));
  assert.deepEqual(permissions, {});
  assert.deepEqual(Object.values(jobs).map(job => job.permissions), [{actions: 'read', 'pull-requests': 'write'}]);
  for (const step of steps(following[0])) {
    assert.equal(step.run, undefined);
    assert.match(step.uses, /^(actions\/download-artifact|OWNER\/cachefill\/action\/report)@/);
  }
  assert.equal(read(following[0]).includes('secrets.'), false);
});

test('composite steps keep to what composites may do', () => {
  for (const file of actions)
    for (const step of steps(file)) {
      assert.equal(step['timeout-minutes'], undefined, file);
      if (!step.run) continue;
      assert.equal(step.shell, 'bash', file);
      assert.ok(step.run.length < 21000, file);
      assert.equal(step.run.includes('${{'), false, `${file}: an expression in a script`);
      assert.equal(/\b(secrets|vars|needs)\./.test(JSON.stringify(step.env ?? {})), false, file);
      // A runner signals the shell alone, so a program must take its place.
      if (/CACHEFILL"/.test(step.run)) assert.match(step.run.trim().split('\n').at(-1), /^exec "\$CACHEFILL" /, file);
    }
});

test('nothing is handed over as INPUT_*, which some runners set by themselves', () => {
  for (const file of actions)
    for (const step of steps(file)) for (const name of Object.keys(step.env ?? {})) assert.equal(name.startsWith('INPUT_'), false, name);
});

const cell = text => String(text ?? '').replace(/\|/g, '\\|');
function tables(file) {
  const action = parse(read(file));
  const code = text => (text ? `\`${text}\`` : '');
  return {
    inputs: ['| input | default | meaning |', '|---|---|---|',
      ...Object.entries(action.inputs).map(([name, input]) => `| \`${name}\` | ${code(cell(input.default))} | ${cell(input.description)} |`)],
    outputs: ['| output | meaning |', '|---|---|', ...Object.entries(action.outputs).map(([name, output]) => `| \`${name}\` | ${cell(output.description)} |`)],
  };
}

// CACHEFILL_ACCEPT=1 writes them.
test("the README's tables say what action.yml says", () => {
  let readme = read('action/README.md');
  const part = name => readme.split(`<!-- ${name} -->\n`)[1].split(`\n<!-- /${name} -->`)[0];
  for (const [file, prefix] of [[actions[0], ''], [actions[1], 'report '], [actions[2], 'pull-request ']])
    for (const [kind, lines] of Object.entries(tables(file))) {
      const name = prefix + kind;
      if (process.env.CACHEFILL_ACCEPT) readme = readme.split(part(name)).join(lines.join('\n'));
      assert.equal(part(name), lines.join('\n'), `${file}: ${kind}`);
    }
  if (process.env.CACHEFILL_ACCEPT) writeFileSync(join(repository, 'action/README.md'), readme);
});

test('every input and output has a description, every input a default, every output a value', () => {
  for (const file of actions) {
    const action = parse(read(file));
    for (const [name, input] of Object.entries(action.inputs)) {
      assert.ok(input.description?.length > 10, name);
      assert.equal(typeof input.default, 'string', name);
    }
    for (const [name, output] of Object.entries(action.outputs)) assert.ok(output.description && output.value, name);
  }
});

// Of a command's options, from its help.
const flagsOf = command => [...execFileSync(cachefill, ['help', command], {encoding: 'utf8'}).matchAll(/^ {2}(?:-[a-zA-Z], )?--([a-z-]+)/gm)].map(match => match[1]);

test("the inputs are the options of 'cachefill ci', and a few of the action's own", () => {
  const mapped = parse(read(actions[0])).runs.steps.find(step => step.id === 'run').env;
  const given = Object.keys(mapped).filter(name => name.startsWith('CACHEFILL_INPUT_')).map(name => name.slice(16).toLowerCase().replace(/_/g, '-'));
  // The report's place and the colours are the step's own affair; a job has one store.
  const notInputs = ['json', 'color', 'store'];
  const notOptions = ['flake', 'config'];
  assert.deepEqual(given.filter(name => !notOptions.includes(name)).sort(), flagsOf('ci').filter(flag => !notInputs.includes(flag)).sort(),
    'an option that `ci` takes is an input, and a CACHEFILL_INPUT_ in `env` of the step `run`, of action/action.yml');
});

test("the inputs of action/report are options of 'cachefill report'", () => {
  const flags = flagsOf('report');
  for (const name of inputsOf(actions[1]).filter(name => !['reports', 'notify-url', 'comment', 'github-token', 'binary'].includes(name))) assert.ok(flags.includes(name), name);
});

test('the scripts keep to bash 3.2 and shellcheck has nothing to say', () => {
  const script = read('action/fetch');
  for (const newer of [/\$\{\w+(\^|,)/, /declare -[An]/, /\b(mapfile|readarray|coproc)\b/, /&>>/, /\|&/, /\[\[ .* -v /, /\$\{\w+@/])
    assert.doesNotMatch(script, newer);
  const result = spawnSync('shellcheck', ['action/fetch', 'action/pull-request/propose', 'tests/action/run', 'scripts/go-tool', 'scripts/check-workflows', ...['cache/cache.sh'].map(name => `tests/action/stand-ins/${name}`)],
    {cwd: repository, encoding: 'utf8'});
  assert.equal((result.stdout ?? '') + (result.stderr ?? '') + (result.error ?? ''), '');
});
