#!/usr/bin/env node
// What a push starts: .github/workflows/cachefill.yml of a tree of files, as `cachefill init` wrote it, under act, with the token that
// CACHIX_AUTH_TOKEN holds as its secret and the stand-in of Cachix at CACHEFILL_CACHIX_API.
//   CACHIX_AUTH_TOKEN=… CACHEFILL_CACHIX_API=… run_workflow.mjs TREE
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {Act} from './act.mjs';
import {makeFolder, removeFolder} from './machine.mjs';

const tree = process.argv[2], workflow = 'cachefill.yml';
const text = readFileSync(join(tree, '.github/workflows', workflow), 'utf8');
const [, repository, commit] = text.match(/uses: ([^\s/]+\/cachefill)\/action@([0-9a-f]{40})/);
const folder = makeFolder();
try {
  const act = new Act(folder, {sources: [tree], workflows: [], action: `${repository}@${commit}`});
  act.newMachines('x86_64-linux');
  const {CACHIX_AUTH_TOKEN, CACHEFILL_CACHIX_API} = process.env;
  const run = await act.run(workflow, {secrets: {CACHIX_AUTH_TOKEN}, environment: {CACHEFILL_CACHIX_API, CACHEFILL_OFFLINE: 'true'}});
  console.log(run.text);
  process.exitCode = run.code;
} finally {
  removeFolder(folder);
}
