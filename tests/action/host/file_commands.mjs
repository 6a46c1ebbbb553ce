// The files by which a step hands over outputs and variables, with the runner's rules: a file it cannot read fails the step.
import {readFileSync} from 'node:fs';

export function readPairs(path) {
  const text = readFileSync(path, 'utf8');
  const result = {};
  let at = 0;
  const nextLine = () => {
    if (at >= text.length) return undefined;
    const end = text.indexOf('\n', at);
    const line = end < 0 ? text.slice(at) : text.slice(at, end);
    at = end < 0 ? text.length : end + 1;
    return {line, ended: end >= 0};
  };
  for (let next; (next = nextLine());) {
    const {line} = next;
    if (line === '') continue;
    const equals = line.indexOf('='), heredoc = line.indexOf('<<');
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      result[line.slice(0, equals)] = line.slice(equals + 1);
    } else if (heredoc > 0) {
      const delimiter = line.slice(heredoc + 2), lines = [];
      if (!delimiter) throw new Error(`invalid value: no delimiter behind '${line}'`);
      for (;;) {
        const value = nextLine();
        if (!value) throw new Error(`invalid value: matching delimiter not found '${delimiter}'`);
        if (value.line === delimiter && value.ended) break;
        lines.push(value.line);
      }
      result[line.slice(0, heredoc)] = lines.join('\n');
    } else {
      throw new Error(`invalid format '${line}'`);
    }
  }
  return result;
}

export const readLines = path => readFileSync(path, 'utf8').split('\n').filter(Boolean);
