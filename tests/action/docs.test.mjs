// The parts of workflows that the documents show: complete ones pass actionlint, and every one names only inputs, outputs and
// permissions that there are.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {test} from 'node:test';
import {parse} from 'yaml';
import {repository} from './support/machine.mjs';
import {tool} from './support/tools.mjs';

const read = file => readFileSync(join(repository, file), 'utf8');
const documents = ['README.md', 'action/README.md', ...readdirSync(join(repository, 'docs')).filter(name => name.endsWith('.md')).map(name => join('docs', name))];
const own = {
  'OWNER/cachefill/action': parse(read('action/action.yml')),
  'OWNER/cachefill/action/report': parse(read('action/report/action.yml')),
  'OWNER/cachefill/action/pull-request': parse(read('action/pull-request/action.yml')),
};

function blocks(file) {
  const found = [];
  let start = 0, lines = null;
  read(file).split('\n').forEach((line, number) => {
    if (lines && /^\s*```/.test(line)) {
      found.push({place: `${file}:${start}`, text: lines.join('\n')});
      lines = null;
    } else if (lines) {
      lines.push(line);
    } else if (/^\s*```yaml/.test(line)) {
      start = number + 1;
      lines = [];
    }
  });
  return found;
}
const isOfWorkflow = block => /^ *(- )?(uses|run|concurrency|permissions|timeout-minutes|on):/m.test(block.text);
const shown = documents.flatMap(blocks).filter(isOfWorkflow);

// A part of a workflow, put where it belongs.
function whole(text) {
  if (/^on:/m.test(text) && /^jobs:/m.test(text)) return text;
  const indented = /^( *)/.exec(text)[1].length;
  const head = 'on: push\njobs:\n  job:\n    runs-on: ubuntu-24.04\n';
  if (indented === 6) return `${head}    steps:\n${text}`;
  if (indented === 4) return head + text;
  if (indented === 2) return `on: push\njobs:\n  build: {runs-on: ubuntu-24.04, steps: [{run: x}]}\n  lint: {runs-on: ubuntu-24.04, steps: [{run: x}]}\n${text}`;
  const steps = /^ {8}with:/m.test(text) ? text.replace(/^# …\n/m, `jobs:\n  job:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: OWNER/cachefill/action@v1\n`) : text;
  return /^jobs:/m.test(steps) ? steps : `on: push\n${steps}\njobs: {job: {runs-on: ubuntu-24.04, steps: [{run: x}]}}\n`;
}

// What OWNER and the commit stand for.
const filledIn = text => text.replaceAll('@…', '@v6').replaceAll('uses: …', 'uses: OWNER/cachefill/action@v1');

for (const block of shown) {
  test(`${block.place}: what a workflow would have`, () => {
    const text = whole(filledIn(block.text));
    const workflow = parse(text);
    const steps = Object.values(workflow.jobs).flatMap(job => job.steps ?? []);
    for (const step of steps) {
      const action = own[(step.uses ?? '').split('@')[0]];
      if (!action) continue;
      for (const name of Object.keys(step.with ?? {})) assert.ok(name in action.inputs, `${name} is no input of ${step.uses}`);
    }
    const result = spawnSync(tool('actionlint'), ['-no-color', '-oneline', '-'], {input: text, encoding: 'utf8'});
    assert.equal(result.stdout + result.stderr, '', text);
  });
}

test('the documents show workflows', () => assert.ok(shown.length >= 8, `${shown.length}`));

test('what a step gives is declared', () => {
  const outputs = Object.keys(own['OWNER/cachefill/action'].outputs);
  const used = shown.flatMap(block => [...block.text.matchAll(/steps\.fill\.outputs\.([\w-]+)/g)].map(match => match[1]));
  assert.ok(used.length > 0);
  for (const name of used) assert.ok(outputs.includes(name), `${name} is no output of the action`);
});
