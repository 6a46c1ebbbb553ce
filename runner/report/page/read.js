// What the reports say, made ready to be shown. Pure: nothing here knows of a document, so tests run it without one.
// Reports come from other machines and other versions: what is not there or of another type is empty.

const text = value => (typeof value === 'string' ? value : '');
const number = value => (Number.isFinite(value) ? value : 0);
const time = value => (Number.isFinite(value) ? value : null); // null: it never started
const list = value => (Array.isArray(value) ? value : []);
const texts = value => list(value).filter(entry => typeof entry === 'string');
const objects = value => list(value).filter(entry => entry !== null && typeof entry === 'object');

const failures = new Set(['failed', 'timed-out', 'silent', 'refused']);

// The part of a store path that people know.
function storeName(path) {
    return path.replace(/^.*\/[0-9a-z]{32}-/, '').replace(/\.drv$/, '');
}

// What changed in a host's closure: {rows: [{what, name, before, after, grewBy}], rebuilt, grewBy}; null if that is not known.
function readChanges(entry) {
    if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return null;
    const rows = ['changed', 'came', 'went', 'resized'].flatMap(what =>
        objects(entry[what]).map(change => ({
            what,
            name: text(change.package),
            before: texts(change.before),
            after: texts(change.after),
            grewBy: number(change.grew_by),
        })),
    );
    return {rows, rebuilt: number(entry.rebuilt), grewBy: number(entry.grew_by)};
}

function readTarget(entry) {
    return {
        name: text(entry.name),
        system: text(entry.system),
        verdict: text(entry.verdict),
        error: text(entry.error),
        hint: text(entry.hint),
        position: entry.position && typeof entry.position === 'object' ? entry.position : null,
        evaluateOnly: entry.evaluate_only === true,
        isCheck: entry.is_check === true,
        verified: entry.verified === true,
        start: time(entry.evaluation_started_ms),
        took: number(entry.evaluation_ms),
        peakMemory: number(entry.peak_memory),
        derivation: text(entry.derivation),
        output: text(entry.output),
        built: number(entry.built),
        failed: number(entry.failed),
        blocked: number(entry.blocked),
        fetched: number(entry.fetched),
        pushed: number(entry.pushed),
        missing: texts(entry.missing),
        waiting: texts(entry.waiting_for_upstream),
        closureBytes: number(entry.closure_bytes),
        closurePaths: number(entry.closure_paths),
        byDesign: number(entry.built_by_design),
        wouldCompile: number(entry.would_compile),
        builtByAll: texts(entry.built_by_all),
        trusted: entry.trusted !== false,
        advice: texts(entry.trust_advice),
        changes: readChanges(entry.changes ?? null),
    };
}

function readBuild(entry, job) {
    const name = text(entry.name);
    return {
        job,
        derivation: text(entry.derivation),
        name,
        lower: name.toLowerCase(),
        kind: text(entry.kind),
        outcome: text(entry.outcome),
        start: time(entry.started_ms),
        took: number(entry.took_ms),
        outputs: texts(entry.outputs),
        targets: texts(entry.targets),
        needs: texts(entry.needs),
        error: text(entry.error),
        log: texts(entry.log_tail),
        blockedBy: text(entry.blocked_by),
        deferred: text(entry.deferred),
        waitsFor: text(entry.waits_for),
        neededBy: [],
        before: [],
        fetched: [],
    };
}

function readPush(entry, job) {
    const path = text(entry.path);
    return {
        job,
        path,
        name: storeName(path),
        outcome: text(entry.outcome),
        start: time(entry.started_ms),
        took: number(entry.took_ms),
        narSize: number(entry.nar_size),
        fileSize: number(entry.file_size),
        reason: text(entry.reason),
        upstream: text(entry.upstream),
    };
}

function readFetch(entry, job) {
    const path = text(entry.path),
        error = text(entry.error);
    return {
        job,
        path,
        name: storeName(path),
        outcome: error ? 'failed' : 'fetched',
        start: time(entry.started_ms),
        took: number(entry.took_ms),
        error,
        neededBy: texts(entry.needed_by), // readJob makes builds of them
    };
}

// One report, with its builds linked: `before` are those a build is made from, `fetched` the fetches of what else it is made from,
// `neededBy` the builds made from it, or from what a fetch brought.
function readJob(name, report) {
    const job = {name};
    const builds = objects(report.builds).map(entry => readBuild(entry, job));
    const byDerivation = new Map(builds.map(build => [build.derivation, build]));
    for (const build of builds)
        for (const path of build.needs) {
            const before = byDerivation.get(path);
            if (!before || before === build) continue;
            build.before.push(before);
            before.neededBy.push(build);
        }
    const fetches = objects(report.fetches).map(entry => readFetch(entry, job));
    for (const fetch of fetches) {
        fetch.neededBy = [...new Set(fetch.neededBy)].map(path => byDerivation.get(path)).filter(Boolean);
        for (const build of fetch.neededBy) build.fetched.push(fetch);
    }
    const pushes = objects(report.pushes).map(entry => readPush(entry, job));
    return Object.assign(job, {
        builds,
        byDerivation,
        buildByName: new Map(builds.map(build => [build.name, build])),
        makers: new Map(builds.flatMap(build => build.outputs.map(output => [output, build]))),
        pushByPath: new Map(pushes.map(push => [push.path, push])),
        command: text(report.command),
        version: text(report.version),
        nixVersion: text(report.nix_version),
        exitCode: number(report.exit_code),
        causes: texts(report.causes),
        cache: text(report.cache),
        branch: text(report.branch),
        started: text(report.started),
        took: number(report.took_ms),
        readOnly: report.read_only === true,
        supersededBy: text(report.superseded_by),
        stages: objects(report.stages).map(stage => ({
            name: text(stage.stage),
            start: number(stage.started_ms),
            took: number(stage.took_ms),
        })),
        targets: objects(report.targets).map(readTarget),
        pushes,
        fetches,
        caches: objects(report.caches),
        mirrors: objects(report.also_pushed),
        uncounted: objects(report.uncounted_upstreams),
        holes: texts(report.holes),
        undecided: texts(report.undecided),
        messages: objects(report.messages),
        given: objects(report.shard && report.shard.given).map(({from, to, derivations}) => ({
            from: number(from),
            to: number(to),
            count: texts(derivations).length,
        })),
    });
}

// Of others it is not to be said whether they are complete: this job was not to fill them.
function countsTarget(target) {
    return !target.isCheck && target.verdict !== 'elsewhere' && !(target.evaluateOnly && !target.error);
}

const isFilled = target => target.verdict === 'complete' || target.verdict === 'by-path';

// Why a path is not in the cache, as far as the report tells.
function whyMissing(path, job) {
    const push = job.pushByPath.get(path);
    if (push && push.reason) return `${push.outcome}: ${push.reason}`;
    // Of what was not built the outputs are not told: "gcc-13-lib" is one of "gcc-13".
    let name = storeName(path),
        build = job.makers.get(path) || job.buildByName.get(name);
    for (let cut = name.lastIndexOf('-'); !build && cut > 0; cut = name.lastIndexOf('-')) {
        name = name.slice(0, cut);
        build = job.buildByName.get(name);
    }
    if (!build || build.outcome === 'built') return '';
    if (build.blockedBy) return `blocked by ${build.blockedBy}`;
    return (
        build.outcome +
        (build.error ? `: ${build.error}` : build.waitsFor ? `: ${build.waitsFor}` : build.deferred ? `: ${build.deferred}` : '')
    );
}

// What a host lacks and why: {target, job, reasons: [text], missing: [{path, name, why}]}, for each that is not filled.
function notFilled(job) {
    return job.targets
        .filter(target => countsTarget(target) && !isFilled(target))
        .map(target => {
            const reasons = [];
            const {file, line} = target.position || {};
            if (target.error)
                reasons.push(`does not evaluate: ${target.error}${text(file) && ` (${file}${number(line) ? `:${line}` : ''})`}`);
            const broken = job.builds.filter(build => failures.has(build.outcome) && build.targets.includes(target.name));
            for (const build of broken)
                reasons.push(`${build.name} ${outcomeWords(build.outcome)}${build.error && `: ${build.error}`}`);
            for (const name of target.waiting) reasons.push(`${name} was put off and its turn did not come`);
            const missing = target.missing.map(path => ({path, name: storeName(path), why: whyMissing(path, job)}));
            return {target, job, reasons, missing};
        });
}

// Missing paths by what keeps them from the cache, the most common reason first: [{why, entries}].
function byReason(missing) {
    const groups = new Map();
    for (const entry of missing) {
        if (!groups.has(entry.why)) groups.set(entry.why, {why: entry.why, entries: []});
        groups.get(entry.why).entries.push(entry);
    }
    return [...groups.values()].sort((a, b) => b.entries.length - a.entries.length);
}

function outcomeWords(outcome) {
    return (
        {failed: 'does not build', 'timed-out': 'took too long', silent: 'fell silent', refused: 'was refused by Nix'}[outcome] ||
        outcome
    );
}

const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

// What a person wants to know first: {state: 'full' | 'untrusted' | 'partly' | 'unknown', title, details: [text]}.
function overallVerdict(jobs, joined) {
    const targets = jobs.flatMap(job => job.targets.filter(countsTarget));
    const filled = targets.filter(isFilled).length;
    const lost = texts(joined.never_reported);
    const unread = objects(joined.jobs).filter(entry => !jobs.some(job => job.name === text(entry.name)));
    const details = jobs
        .filter(job => job.exitCode !== 0)
        .flatMap(job => job.causes.map(cause => (jobs.length > 1 ? `${job.name}: ${cause}` : cause)));
    for (const job of unread) details.push(...texts(job.causes).map(cause => `${text(job.name)}: ${cause}`));
    for (const name of lost) details.push(`${name}: never reported`);
    for (const job of jobs) {
        const of = jobs.length > 1 ? `${job.name}: ` : '';
        if (job.readOnly) details.push(`${of}nothing was to be pushed`);
        if (job.supersededBy) details.push(`${of}ended early for a newer run`);
    }
    if (targets.length === 0) return {state: 'unknown', title: 'No host was looked at', details};
    const all = plural(targets.length, 'host');
    if (filled < targets.length) {
        const only = jobs.every(job => job.command === 'plan') ? 'A plan' : 'The cache is not full';
        return {state: 'partly', title: `${only}: ${filled} of ${all} complete`, details};
    }
    if (lost.length + unread.length > 0) return {state: 'partly', title: `${all} complete, but not every job reported`, details};
    const strangers = targets.filter(target => !target.trusted).map(target => target.name);
    if (strangers.length > 0) {
        const names = strangers.slice(0, 3).join(', ') + (strangers.length > 3 ? ` and ${strangers.length - 3} more` : '');
        const title = `${all} complete, but ${names} ${strangers.length === 1 ? 'does' : 'do'} not trust the cache and would fetch nothing from it`;
        return {state: 'untrusted', title, details};
    }
    return {
        state: 'full',
        title: targets.length === 1 ? 'The cache is full: its host is complete' : `The cache is full: all ${all} complete`,
        details,
    };
}

function duration(ms) {
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
    const seconds = Math.round(ms / 1000),
        two = value => String(value).padStart(2, '0');
    const minutes = `${Math.floor(seconds / 60) % 60}`;
    return seconds < 3600
        ? `${minutes}:${two(seconds % 60)}`
        : `${Math.floor(seconds / 3600)}:${two(minutes)}:${two(seconds % 60)}`;
}

function bytes(count) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let unit = 0;
    for (; count >= 1023.95 && unit + 1 < units.length; ++unit) count /= 1024;
    return unit === 0 ? `${count} B` : `${count.toFixed(1)} ${units[unit]}`;
}

const growth = count => `${count < 0 ? '−' : '+'}${bytes(Math.abs(count))}`;
