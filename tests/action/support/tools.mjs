// Programs that tests/action/run installs.
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {repository} from './machine.mjs';

export function tool(name) {
  const path = join(process.env.ACTION_TOOLS ?? join(repository, 'build/action-tools'), 'bin', name);
  if (!existsSync(path)) throw new Error(`${name} is not installed: run tests/action/run`);
  return path;
}
