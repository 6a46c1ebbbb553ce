// What follows from the reports: who waited for whom, the time line, the way from a host to a build, search and order. Pure.

const end = item => item.start + item.took;

// Of the evaluations of these hosts the one that ended first: it asked first.
function firstEvaluation(targets, job) {
    let first = null;
    for (const target of job.targets)
        if (target.start !== null && targets.has(target.name) && (!first || end(target) < end(first))) first = target;
    return first && {kind: 'evaluation', item: first};
}

// What had to end before a build could start: the last of what it is made from, built or fetched; else the evaluation that first asked for
// it. What was fetched in vain held up nothing that started.
function lastBefore(build, job) {
    let last = null;
    const take = (kind, item) => {
        if (item.start !== null && (!last || end(item) > end(last.item))) last = {kind, item};
    };
    for (const before of build.before) take('build', before);
    for (const fetch of build.fetched) if (!fetch.error) take('fetch', fetch);
    return last || firstEvaluation(new Set(build.targets), job);
}

// What had to end before a fetch could start.
const evaluationBefore = (fetch, job) => firstEvaluation(new Set(fetch.neededBy.flatMap(build => build.targets)), job);

// What slower shards left to others, a figure for each two of them. Several jobs may tell of the same.
function builtForOthers(jobs) {
    const counts = new Map();
    for (const {from, to, count} of jobs.flatMap(job => job.given)) {
        const heading = `by shard ${to} for shard ${from}`;
        counts.set(heading, Math.max(count, counts.get(heading) || 0));
    }
    return [...counts];
}

const soon = 1000; // what starts within this time of something's end has most likely waited for it

// The chain of which each link waited for the one before it, back from what ended last: [{kind, item, after, waited}], first to last.
// `after`: what it waited for; `waited`: how long it was idle since then, for inputs to be fetched or answers of caches.
function criticalPath(job) {
    const endedOn = new Map(); // by the job that has the slots
    for (const build of job.builds.filter(build => build.start !== null).sort((a, b) => end(a) - end(b))) {
        if (!endedOn.has(build.job)) endedOn.set(build.job, []);
        endedOn.get(build.job).push(build);
    }
    const lastEndedBy = (moment, on) => {
        const ended = endedOn.get(on) || [];
        let low = 0,
            high = ended.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (end(ended[middle]) > moment) high = middle;
            else low = middle + 1;
        }
        return low > 0 ? ended[low - 1] : null;
    };
    let last = null;
    for (const [kind, items] of [
        ['evaluation', job.targets],
        ['build', job.builds],
        ['push', job.pushes],
    ])
        for (const item of items)
            if (item.start !== null && item.took > 0 && (!last || end(item) > end(last.item))) last = {kind, item};
    const path = [],
        seen = new Set();
    while (last && !seen.has(last.item)) {
        seen.add(last.item);
        path.unshift(last);
        let before = null,
            after = '';
        if (last.kind === 'build') {
            before = lastBefore(last.item, job);
            after = before ? {build: 'what it is made from', fetch: 'an input that was fetched'}[before.kind] || 'its evaluation' : '';
            // It could have begun long before: it began when another build made room for it.
            const other = lastEndedBy(last.item.start, last.item.job);
            const waited = before ? last.item.start - end(before.item) : 0;
            const isLater = before && other && end(other) > end(before.item);
            if (isLater && waited > soon && last.item.start - end(other) <= Math.max(soon, waited / 4)) {
                before = {kind: 'build', item: other};
                after = 'a free slot';
            }
        }
        if (last.kind === 'fetch') {
            before = last.item.maker ? {kind: 'build', item: last.item.maker} : evaluationBefore(last.item, job);
            after = before ? (last.item.maker ? 'its build by another job' : 'its evaluation') : '';
        }
        const maker = last.kind === 'push' ? last.item.maker || last.item.job.makers.get(last.item.path) : null;
        if (maker && maker.start !== null) [before, after] = [{kind: 'build', item: maker}, 'its build'];
        last.after = after;
        last.waited = Math.max(0, last.item.start - (before ? end(before.item) : 0));
        last = before;
    }
    return path;
}

// All jobs as one on one clock, for the time line and the critical path: {name, took, parts: jobs, builds, fetches, pushes, targets},
// whose items know their `origin`. A push has the build of its own job as `maker`; a fetch, if another job built it, that one. Null unless
// at least two jobs tell when they began and did something.
function allTogether(jobs) {
    const moment = job => Date.parse(job.started);
    const begun = jobs.filter(job => Number.isFinite(moment(job)) && timeLine(job).length > 0);
    if (begun.length < 2) return null;
    begun.sort((a, b) => moment(a) - moment(b));
    const moved = new Map();
    const parts = begun.map(job => {
        const later = moment(job) - moment(begun[0]);
        const move = item => {
            const start = item.start === null ? null : item.start + later;
            moved.set(item, {...item, start, origin: item});
            return moved.get(item);
        };
        return {
            name: job.name,
            took: later + job.took,
            ...Object.fromEntries(['stages', 'targets', 'fetches', 'builds', 'pushes'].map(of => [of, job[of].map(move)])),
        };
    });
    const all = {name: 'all jobs', took: Math.max(...parts.map(part => part.took)), parts};
    for (const of of ['targets', 'fetches', 'builds', 'pushes']) all[of] = parts.flatMap(part => part[of]);
    const ofAll = items => items.map(item => moved.get(item));
    for (const build of all.builds)
        Object.assign(build, {before: ofAll(build.before), neededBy: ofAll(build.neededBy), fetched: ofAll(build.fetched)});
    const built = all.builds.filter(build => build.start !== null && build.outcome === 'built').sort((a, b) => end(b) - end(a));
    const makers = new Map(); // whoever was first
    for (const build of built) for (const output of build.outputs) makers.set(output, build);
    for (const push of all.pushes) push.maker = moved.get(push.job.makers.get(push.path));
    for (const fetch of all.fetches) {
        const maker = makers.get(fetch.path);
        fetch.neededBy = ofAll(fetch.neededBy);
        // Clocks of machines differ a little.
        if (maker && maker.job !== fetch.job && fetch.start !== null && end(maker) < fetch.start + soon) fetch.maker = maker;
    }
    return all;
}

// Items side by side in as few lanes as nothing overlaps in, each lane in order of time.
function lanesOf(items) {
    const lanes = [],
        free = [];
    for (const item of [...items].sort((a, b) => a.start - b.start)) {
        let lane = free.findIndex(until => until <= item.start);
        if (lane < 0) lane = lanes.push([]) - 1;
        lanes[lane].push(item);
        free[lane] = item.end;
    }
    return lanes;
}

// The job over time: [{label, lanes: [[{kind, name, start, end, outcome, source}]]}], groups with nothing in them left out. Of all jobs
// together a group for each job: what it built; else what it evaluated; else its stages.
function timeLine(job) {
    const group = (label, kind, items) => ({
        label,
        lanes: lanesOf(
            items
                .filter(item => item.start !== null)
                .map(item => ({
                    kind,
                    name: item.name,
                    start: item.start,
                    end: end(item),
                    outcome: item.outcome || '',
                    source: item,
                })),
        ),
    });
    if (job.parts)
        return job.parts.map(part =>
            [
                group(part.name, 'build', part.builds),
                group(part.name, 'evaluation', part.targets),
                group(part.name, 'stage', part.stages),
            ].find(entry => entry.lanes.length > 0),
        ).filter(Boolean);
    return [
        group('stages', 'stage', job.stages),
        group('evaluation', 'evaluation', job.targets),
        group('fetches', 'fetch', job.fetches),
        group('builds', 'build', job.builds),
        group('pushes', 'push', job.pushes),
    ].filter(entry => entry.lanes.length > 0);
}

// Index of the first item of a lane that ends after `moment`.
function firstEndingAfter(lane, moment) {
    let low = 0,
        high = lane.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (lane[middle].end > moment) high = middle;
        else low = middle + 1;
    }
    return low;
}

// The ways from a host to all that is built for it. Each build stands once, where the way to it is shortest:
// {children: build or null (the host) → builds, parent: build → build or null}.
function waysFrom(target, job) {
    const children = new Map([[null, []]]),
        parent = new Map();
    const take = (build, from) => {
        if (parent.has(build)) return false;
        parent.set(build, from);
        children.get(from).push(build);
        children.set(build, []);
        return true;
    };
    const walk = queue => {
        for (let i = 0; i < queue.length; ++i) for (const next of queue[i].before) if (take(next, queue[i])) queue.push(next);
    };
    const root = job.byDerivation.get(target.derivation);
    if (root && take(root, null)) walk([root]);
    // What evaluation itself needed hangs on no derivation of the host; older reports tell of no ways at all.
    for (const build of job.builds)
        if (
            build.targets.includes(target.name) &&
            !parent.has(build) &&
            !build.neededBy.some(user => user.targets.includes(target.name))
        )
            if (take(build, null)) walk([build]);
    for (const build of job.builds) if (build.targets.includes(target.name) && take(build, null)) walk([build]);
    return {children, parent};
}

// The builds that are on a way to one of `wanted`.
function onTheWayTo(ways, wanted) {
    const kept = new Set();
    for (let build of wanted)
        for (; build && ways.parent.has(build) && !kept.has(build); build = ways.parent.get(build)) kept.add(build);
    return kept;
}

// Rows of a host's tree as it is open: [{host, build, depth, index, siblings, hasChildren, isOpen}]; `kept`: the others are left out, if given.
function openRows(host, ways, isOpen, kept) {
    const nothing = [];
    const shownBelow = build => {
        const children = ways.children.get(build);
        if (children.length === 0) return nothing;
        return kept ? children.filter(child => kept.has(child)) : children;
    };
    const rows = [],
        way = [{builds: shownBelow(null), next: 0}];
    while (way.length > 0) {
        const level = way[way.length - 1];
        if (level.next === level.builds.length) {
            way.pop();
            continue;
        }
        const index = level.next++,
            build = level.builds[index],
            below = shownBelow(build);
        const open = below.length > 0 && isOpen(build);
        rows.push({
            host,
            build,
            depth: way.length + 1,
            index,
            siblings: level.builds.length,
            hasChildren: below.length > 0,
            isOpen: open,
        });
        if (open) way.push({builds: below, next: 0});
    }
    return rows;
}

const hasChanged = changes => changes !== null && changes.rows.length + changes.rebuilt > 0;

// "2 packages changed, 1 came, 40 rebuilt, +3.0 MiB", as the step summary has it.
function changesInWords(changes) {
    const parts = [];
    for (const what of ['changed', 'came', 'went', 'rebuilt']) {
        const count = what === 'rebuilt' ? changes.rebuilt : changes.rows.filter(row => row.what === what).length;
        if (count > 0) parts.push(`${parts.length === 0 ? plural(count, 'package') : count} ${what}`);
    }
    return parts.length === 0 ? 'nothing changed' : `${parts.join(', ')}, ${growth(changes.grewBy)}`;
}

// A version that its name does not tell is ''; of a package that has none at all nothing is said.
const versionsInWords = (versions, change) =>
    [...change.before, ...change.after].some(version => version !== '')
        ? versions.map(version => version || 'no version').join(', ')
        : '';

// Every word of the query somewhere in the text, in any case.
function matcher(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return haystack => words.every(word => haystack.includes(word));
}

// Rows in the order of a column: numbers by size, text by its letters; what is not known comes last either way.
function sorted(rows, value, descending) {
    const keyed = rows.map(row => {
        const key = value(row);
        return [typeof key === 'string' ? key.toLowerCase() : key, row];
    });
    const isKnown = ([key]) => key !== null && key !== '';
    const order = descending ? -1 : 1;
    const known = keyed.filter(isKnown).sort(([a], [b]) => (a < b ? -order : a > b ? order : 0));
    return [...known, ...keyed.filter(entry => !isKnown(entry))].map(([, row]) => row);
}
