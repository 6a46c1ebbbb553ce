// `${{ … }}` by GitHub's own parser and evaluator, with the functions that ask for a job's state.
import {Evaluator, Lexer, Parser, data} from '@actions/expressions';

const states = {
  always: () => true,
  success: status => status === 'success',
  failure: status => status === 'failure',
  cancelled: status => status === 'cancelled',
};

function run(expression, contexts, status) {
  const functions = Object.keys(states).map(name => ({
    name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(states[name](status)),
  }));
  const parsed = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), functions).parse();
  const values = JSON.parse(JSON.stringify(contexts), data.reviver);
  return new Evaluator(parsed, values, new Map(functions.map(f => [f.name, f]))).evaluate();
}

export function fill(template, contexts, status = 'success') {
  return String(template).replace(/\$\{\{([^]*?)\}\}/g, (all, inner) => run(inner.trim(), contexts, status).coerceString());
}

// Of `if:`, whose braces may be left out; without a function that asks for the state, success() is meant.
export function isTrue(condition, contexts, status) {
  const text = String(condition ?? '').trim().replace(/^\$\{\{([^]*)\}\}$/, '$1').trim();
  const asks = /\b(always|success|failure|cancelled)\s*\(/.test(text);
  if (!asks && status !== 'success') return false;
  return text === '' || Boolean(falsy(run(text, contexts, status)) === false);
}

function falsy(value) {
  const text = value.coerceString();
  return text === '' || text === 'false' || text === '0' || value.kind === data.Kind.Null;
}
