// Workflow commands, as the runner finds them in what a step prints: at the start of a line `::name key=value::data`, and the
// older `##[name key=value]data` anywhere in a line. Holds what a job's log page would show.

const known = new Set(['error', 'warning', 'notice', 'debug', 'group', 'endgroup', 'add-mask', 'add-matcher', 'remove-matcher',
  'set-output', 'save-state', 'set-env', 'add-path', 'echo', 'stop-commands']);
const refused = new Set(['set-env', 'add-path']);
const shownPerLevel = 10;

const unescapeData = text => text.replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%25/g, '%');
const unescapeProperty = text => unescapeData(text.replace(/%3A/g, ':').replace(/%2C/g, ','));

function properties(text, separator) {
  const result = {};
  for (const pair of text.split(separator)) {
    const equals = pair.indexOf('=');
    if (equals > 0) result[pair.slice(0, equals).trim()] = unescapeProperty(pair.slice(equals + 1));
  }
  return result;
}

function parseNew(line) {
  const match = /^\s*::([^\s:]+)(?: ([^\n]*?))?::([^]*)$/.exec(line);
  return match && {name: match[1].toLowerCase(), properties: properties(match[2] ?? '', ','), data: unescapeData(match[3])};
}

function parseOld(line) {
  const match = /##\[([^\s\]]+)(?: ([^\]]*))?\]([^]*)$/.exec(line);
  return match && {name: match[1].toLowerCase(), properties: properties(match[2] ?? '', ';'), data: unescapeData(match[3])};
}

export class CommandScanner {
  annotations = []; // kept: at most ten of each level
  dropped = 0;
  groups = [];
  openGroups = 0;
  masks = [];
  commands = []; // every command that was acted on, by name
  log = [];      // lines as the log page shows them, masked
  #stop = '';

  line(text) {
    if (this.#stop) {
      const command = parseNew(text);
      if (command?.name === this.#stop.toLowerCase()) this.#stop = '';
      else this.#show(text);
      return;
    }
    const command = parseNew(text) ?? parseOld(text);
    if (!command || !known.has(command.name)) return this.#show(text);
    this.commands.push(command.name);
    this.#act(command);
  }

  #act({name, properties, data}) {
    if (name === 'stop-commands') this.#stop = data;
    else if (name === 'add-mask') this.masks.push(...data.split(/\r?\n/).filter(Boolean));
    else if (name === 'group') this.groups.push(data), ++this.openGroups, this.#show(data);
    else if (name === 'endgroup') this.openGroups = Math.max(0, this.openGroups - 1);
    else if (['error', 'warning', 'notice'].includes(name)) {
      this.#show(`${name}: ${data}`);
      const kept = this.annotations.filter(other => other.level === name).length;
      if (kept === shownPerLevel) ++this.dropped;
      else this.annotations.push({level: name, message: this.mask(data).slice(0, 4096), ...properties});
    } else if (refused.has(name)) this.annotations.push({level: 'error', message: `the command ${name} is disabled`});
  }

  mask(text) { return this.masks.reduce((line, secret) => line.replaceAll(secret, '***'), text); }
  #show(text) { this.log.push(this.mask(text)); }
  messages(level) { return this.annotations.filter(a => a.level === level).map(a => a.message); }
}

// Bytes of a step's output to lines, as the runner reads them: LF, CR and CRLF end one, what is no UTF-8 is replaced.
export class LineReader {
  #decoder = new TextDecoder('utf-8');
  #rest = '';
  constructor(take) { this.take = take; }
  bytes(chunk) {
    const pieces = (this.#rest + this.#decoder.decode(chunk, {stream: true})).split(/\r\n|\n|\r(?!$)/);
    this.#rest = pieces.pop();
    pieces.forEach(this.take);
  }
  end() { if (this.#rest) this.take(this.#rest.replace(/\r$/, '')); this.#rest = ''; }
}
