// The packages of GitHub's language service import JSON in a way that Node wants an attribute for; this loads it without.
import {register} from 'node:module';
register('data:text/javascript,' + encodeURIComponent(`
  import {readFile} from 'node:fs/promises';
  import {fileURLToPath} from 'node:url';
  export async function load(url, context, next) {
    if (!url.startsWith('file:') || !url.endsWith('.json')) return next(url, context);
    return {format: 'module', shortCircuit: true, source: 'export default ' + await readFile(fileURLToPath(url), 'utf8')};
  }`));
