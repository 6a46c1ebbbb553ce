// What the page of `cachefill report --html` makes of reports: its scripts without a browser. scripts/render-page shows the rest.
import test from 'node:test';
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';

const source = name => readFileSync(new URL(`../../runner/report/page/${name}`, import.meta.url), 'utf8');
const page = new Function(`'use strict';\n${source('read.js')}${source('work.js')}
    return {readJob, notFilled, byReason, overallVerdict, criticalPath, builtForOthers, timeLine, allTogether, lanesOf, firstEndingAfter, waysFrom, onTheWayTo, openRows, matcher, sorted, duration, bytes, storeName, hasChanged, changesInWords, versionsInWords};`)();

const path = name => `/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-${name}`;
const build = (name, started, took, needs = [], more = {}) => ({
    derivation: path(`${name}.drv`),
    name,
    kind: 'compile',
    outcome: 'built',
    started_ms: started,
    took_ms: took,
    outputs: [path(name)],
    targets: ['nixos:nas'],
    needs: needs.map(need => path(`${need}.drv`)),
    ...more,
});
const nas = {
    name: 'nixos:nas',
    system: 'x86_64-linux',
    verdict: 'complete',
    derivation: path('system.drv'),
    evaluation_started_ms: 0,
    evaluation_ms: 1000,
};
const report = (more = {}) => ({schema_version: 1, command: 'run', exit_code: 0, took_ms: 20000, targets: [nas], ...more});
const read = more => page.readJob('x86', report(more));
const names = builds => [...builds].map(entry => entry.name);

test('whatever stands in a report in place of what belongs there is nothing', () => {
    for (const odd of [null, 7, 'x', [null, 3, 'y'], {a: 1}, [[]]]) {
        const job = page.readJob('odd', {
            targets: odd,
            builds: odd,
            pushes: odd,
            fetches: odd,
            stages: odd,
            caches: odd,
            flake: odd,
            causes: odd,
            took_ms: odd,
        });
        page.criticalPath(job);
        page.timeLine(job);
        page.overallVerdict([job], {});
    }
    const job = page.readJob('odd', {builds: [{name: 3, needs: 'no', targets: {}, started_ms: 'soon'}]});
    assert.deepEqual([job.builds[0].name, job.builds[0].needs, job.builds[0].targets, job.builds[0].start], ['', [], [], null]);
});

test('who built how many for a slower shard is told once, however many jobs tell it', () => {
    const given = (...derivations) => ({shard: {given: [{from: 1, to: 3, derivations}]}});
    assert.deepEqual(page.builtForOthers([read(given('a')), read(given('a', 'b')), read()]), [['by shard 3 for shard 1', 2]]);
});

test('a full cache is called full', () => {
    assert.deepEqual(page.overallVerdict([read()], {}), {
        state: 'full',
        title: 'The cache is full: its host is complete',
        details: [],
    });
    const two = read({targets: [nas, {...nas, name: 'nixos:desk'}, {...nas, name: 'darwin:mac', verdict: 'elsewhere'}]});
    assert.equal(page.overallVerdict([two], {}).title, 'The cache is full: all 2 hosts complete');
});

test('a cache that a host does not trust is of no use to it, however full', () => {
    const verdict = page.overallVerdict([read({targets: [nas, {...nas, name: 'nixos:desk', trusted: false}]})], {});
    assert.equal(verdict.state, 'untrusted');
    assert.equal(
        verdict.title,
        '2 hosts complete, but nixos:desk does not trust the cache and would fetch nothing from it',
    );
});

test('a run that was not to push, or made way for a newer one, says so', () => {
    const job = read({read_only: true, superseded_by: 'https://example.org/8'});
    assert.deepEqual(page.overallVerdict([job], {}).details, ['nothing was to be pushed', 'ended early for a newer run']);
});

test('what is not complete, a job that never reported and one that cannot be read keep a cache from being called full', () => {
    const lacking = read({
        exit_code: 1,
        causes: ['1 build failed'],
        targets: [nas, {...nas, name: 'nixos:desk', verdict: 'incomplete'}],
    });
    assert.deepEqual(page.overallVerdict([lacking], {}), {
        state: 'partly',
        title: 'The cache is not full: 1 of 2 hosts complete',
        details: ['1 build failed'],
    });
    const lost = page.overallVerdict([read()], {never_reported: ['arm']});
    assert.deepEqual([lost.state, lost.details], ['partly', ['arm: never reported']]);
    const unread = page.overallVerdict([read()], {jobs: [{name: 'x86'}, {name: 'arm', causes: ['its report cannot be read']}]});
    assert.deepEqual([unread.state, unread.details], ['partly', ['arm: its report cannot be read']]);
    assert.equal(page.overallVerdict([], {}).state, 'unknown');
});

test('what a host lacks is told with the reason', () => {
    const job = read({
        targets: [
            {
                ...nas,
                verdict: 'incomplete',
                missing: [path('gcc-13-lib'), path('firefox'), path('secret')],
                waiting_for_upstream: ['linux'],
            },
        ],
        builds: [
            build('gcc-13', 0, 5, [], {outcome: 'failed', error: 'exit code 2', outputs: []}),
            build('firefox', null, 0, ['gcc-13'], {outcome: 'blocked', blocked_by: 'gcc-13', outputs: []}),
        ],
        pushes: [{path: path('secret'), outcome: 'withheld', reason: 'a private source'}],
    });
    const [entry] = page.notFilled(job);
    assert.deepEqual(
        entry.missing.map(missing => [missing.name, missing.why]),
        [
            ['gcc-13-lib', 'failed: exit code 2'],
            ['firefox', 'blocked by gcc-13'],
            ['secret', 'withheld: a private source'],
        ],
    );
    assert.deepEqual(entry.reasons, ['gcc-13 does not build: exit code 2', 'linux was put off and its turn did not come']);
    const groups = page.byReason([{why: 'a'}, {why: 'b'}, {why: 'b'}]);
    assert.deepEqual(
        groups.map(group => [group.why, group.entries.length]),
        [
            ['b', 2],
            ['a', 1],
        ],
    );
});

test('the critical path goes back from what ended last to the evaluation, and says what each step waited for', () => {
    const job = read({
        builds: [
            build('glibc', 1100, 4000),
            build('zlib', 1100, 1000),
            build('gcc', 5100, 6000, ['glibc', 'zlib']),
            build('system', 11150, 50, ['gcc']),
        ],
        pushes: [
            {path: path('system'), outcome: 'published', started_ms: 11300, took_ms: 700},
            {path: path('zlib'), outcome: 'published', started_ms: 2200, took_ms: 100},
        ],
    });
    assert.deepEqual(
        page.criticalPath(job).map(step => [step.kind, step.item.name, step.after, step.waited]),
        [
            ['evaluation', 'nixos:nas', '', 0],
            ['build', 'glibc', 'its evaluation', 100],
            ['build', 'gcc', 'what it is made from', 0],
            ['build', 'system', 'what it is made from', 50],
            ['push', 'system', 'its build', 100],
        ],
    );
});

test('the critical path goes through the fetch that a build waited for', () => {
    const fetch = (name, started, took, users, more = {}) => ({
        path: path(name),
        started_ms: started,
        took_ms: took,
        error: '',
        needed_by: users.map(user => path(`${user}.drv`)),
        ...more,
    });
    const job = read({
        builds: [build('tool', 1100, 500), build('app', 5200, 3000, ['tool']), build('system', 8300, 50, ['app'])],
        fetches: [
            fetch('stdenv', 1050, 200, ['tool', 'app', 'app', 'gone']),
            fetch('qt', 1100, 4000, ['app'], {error: 'cut off'}),
            fetch('qt', 1200, 3900, ['app']),
        ],
    });
    assert.deepEqual(
        page.criticalPath(job).map(step => [step.kind, step.item.name, step.after, step.waited]),
        [
            ['evaluation', 'nixos:nas', '', 0],
            ['fetch', 'qt', 'its evaluation', 200],
            ['build', 'app', 'an input that was fetched', 100],
            ['build', 'system', 'what it is made from', 100],
        ],
    );
    assert.equal(page.criticalPath(job)[1].item, job.fetches[2]); // the one that brought it
    assert.deepEqual(job.fetches.map(entry => names(entry.neededBy)), [['tool', 'app'], ['app'], ['app']]);
    assert.deepEqual(
        names(job.byDerivation.get(path('app.drv')).fetched),
        ['stdenv', 'qt', 'qt'],
    );
});

test('of a report that does not tell who needed a fetch nothing is made up', () => {
    const job = read({builds: [build('a', 9000, 10)], fetches: [{path: path('qt'), started_ms: 1100, took_ms: 4000, error: ''}]});
    assert.deepEqual(
        page.criticalPath(job).map(step => step.kind),
        ['evaluation', 'build'],
    );
});

test('a build that several hosts need waited for the first of their evaluations', () => {
    const desk = {...nas, name: 'nixos:desk', evaluation_ms: 1050};
    const job = read({targets: [desk, nas], builds: [build('a', 1100, 5000, [], {targets: ['nixos:nas', 'nixos:desk']})]});
    assert.deepEqual(
        page.criticalPath(job).map(step => step.item.name),
        ['nixos:nas', 'a'],
    );
});

test('what could have begun long before waited for a slot', () => {
    const job = read({builds: [build('a', 1000, 9000), build('b', 10020, 5000)]});
    assert.deepEqual(
        page.criticalPath(job).map(step => [step.item.name, step.after]),
        [
            ['nixos:nas', ''],
            ['a', 'its evaluation'],
            ['b', 'a free slot'],
        ],
    );
});

test('what nothing was in the way of waited for nothing but its evaluation', () => {
    const job = read({builds: [build('a', 9000, 10)]});
    assert.deepEqual(
        page.criticalPath(job).map(step => [step.item.name, step.after, step.waited]),
        [
            ['nixos:nas', '', 0],
            ['a', 'its evaluation', 8000],
        ],
    );
});

test('a circle, which no true report has, ends', () => {
    const job = read({builds: [build('a', 2000, 10, ['b']), build('b', 2000, 10, ['a'])]});
    assert.equal(page.criticalPath(job).length, 2);
    assert.equal(page.waysFrom(job.targets[0], job).parent.size, 2);
});

test('nothing overlaps within a lane, and no lane is wasted', () => {
    const items = [
        [0, 10],
        [2, 5],
        [5, 9],
        [10, 12],
    ].map(([start, end]) => ({start, end}));
    assert.deepEqual(
        page.lanesOf(items).map(lane => lane.map(item => item.start)),
        [
            [0, 10],
            [2, 5],
        ],
    );
    assert.equal(page.firstEndingAfter(page.lanesOf(items)[0], 10), 1);
    assert.equal(page.firstEndingAfter(page.lanesOf(items)[0], 12), 2);
});

// Shard 1 fetches `lib`, which shard 2 began ten seconds after it and built.
const shards = () => [
    page.readJob('plan', report({started: '2026-11-28T10:00:00Z', took_ms: 5000})),
    page.readJob(
        'shard 1',
        report({
            started: '2026-11-28T10:00:10Z',
            targets: [],
            builds: [build('tool', 1000, 1000), build('app', 34000, 5000, ['lib', 'tool'])],
            fetches: [{path: path('lib'), started_ms: 32000, took_ms: 1500, needed_by: [path('app.drv')]}],
        }),
    ),
    page.readJob(
        'shard 2',
        report({started: '2026-11-28T10:00:20Z', targets: [], builds: [build('lib', 500, 20000), build('app', null, 0, ['lib'])]}),
    ),
];

test('all jobs together are one time line on one clock, with the job that each bar belongs to', () => {
    const groups = page.timeLine(page.allTogether(shards().reverse()));
    assert.deepEqual(
        groups.map(group => [group.label, group.lanes.flat().map(item => [item.kind, item.name, item.start])]),
        [
            ['plan', [['evaluation', 'nixos:nas', 0]]],
            ['shard 1', [['build', 'tool', 11000], ['build', 'app', 44000]]],
            ['shard 2', [['build', 'lib', 20500]]],
        ],
    );
});

test('the critical path of all jobs goes from a fetch to the build of it by another job', () => {
    const jobs = shards(),
        all = page.allTogether(jobs);
    const links = page.criticalPath(all);
    assert.deepEqual(
        links.map(link => [link.kind, link.item.name, link.after, link.waited]),
        [
            ['evaluation', 'nixos:nas', '', 0],
            ['build', 'lib', 'its evaluation', 19500],
            ['fetch', 'lib', 'its build by another job', 1500],
            ['build', 'app', 'an input that was fetched', 500],
        ],
    );
    assert.equal(links[1].item.origin, jobs[2].builds[0]); // what the details are shown of
    assert.equal(all.took, 40000);
});

test('a slot is free on the machine where a build ended, and what goes up was built by the job that sends it', () => {
    const [plan] = shards();
    // `late` waits for a slot of its own machine, which `long` leaves; on the other one `copy` ends a moment before `late` begins.
    const push = {path: path('copy'), outcome: 'published', started_ms: 40000, took_ms: 1000};
    const one = {started: '2026-11-28T10:00:10Z', targets: [], builds: [build('long', 0, 10000), build('late', 10100, 100), build('copy', 30000, 9000)], pushes: [push]};
    const other = {started: '2026-11-28T10:00:10Z', targets: [], builds: [build('copy', 0, 10090)]};
    const all = page.allTogether([plan, page.readJob('shard 1', report(one)), page.readJob('shard 2', report(other))]);
    const links = page.criticalPath(all);
    assert.deepEqual(
        links.map(link => [link.item.name, link.item.job?.name]).slice(-2),
        [['copy', 'shard 1'], ['copy', 'shard 1']],
    );
    const slot = page.criticalPath(page.allTogether([plan, page.readJob('shard 1', report({...one, builds: one.builds.slice(0, 2), pushes: []})), page.readJob('shard 2', report(other))]));
    assert.deepEqual(
        slot.map(link => [link.item.name, link.after]).slice(-2),
        [['long', 'its evaluation'], ['late', 'a free slot']],
    );
});

test('jobs of which at most one tells when it began are not put on one clock', () => {
    const [plan, one] = shards();
    assert.equal(page.allTogether([one]), null);
    assert.equal(page.allTogether([one, {...plan, started: ''}]), null);
    assert.equal(page.allTogether([one, {...plan, started: 'yesterday'}]), null);
});

test('the time line has what was timed, and builds that never started are not on it', () => {
    const groups = page.timeLine(
        read({
            builds: [build('a', 0, 10), build('b', null, 0)],
            stages: [{stage: 'build', started_ms: 0, took_ms: 10}],
            fetches: [{path: path('src'), started_ms: 1, took_ms: 1, error: ''}],
        }),
    );
    assert.deepEqual(
        groups.map(group => [group.label, group.lanes.flat().length]),
        [
            ['stages', 1],
            ['evaluation', 1],
            ['fetches', 1],
            ['builds', 1],
        ],
    );
});

test('each build stands once below a host, where the way is shortest', () => {
    const job = read({
        builds: [
            build('leaf', 0, 1),
            build('middle', 1, 1, ['leaf']),
            build('system', 2, 1, ['middle', 'leaf']),
            build('read', 0, 1),
        ],
    });
    const ways = page.waysFrom(job.targets[0], job);
    const [leaf, middle, system, alone] = job.builds;
    assert.deepEqual(names(ways.children.get(null)), ['system', 'read']);
    assert.equal(ways.parent.get(leaf), system);
    assert.equal(ways.parent.get(middle), system);
    assert.deepEqual(names(page.onTheWayTo(ways, [leaf])), ['leaf', 'system']);
    const open = page.openRows('host', ways, () => true, null);
    assert.deepEqual(
        open.map(row => [row.build.name, row.depth, row.index, row.siblings, row.hasChildren]),
        [
            ['system', 2, 0, 2, true],
            ['middle', 3, 0, 2, false],
            ['leaf', 3, 1, 2, false],
            ['read', 2, 1, 2, false],
        ],
    );
    assert.deepEqual(
        page.openRows('host', ways, () => true, page.onTheWayTo(ways, [leaf])).map(row => row.build.name),
        ['system', 'leaf'],
    );
    assert.deepEqual(
        page.openRows('host', ways, () => false, null).map(row => row.build),
        [system, alone],
    );
});

test('a report that tells of no ways still shows every build below its host', () => {
    const job = read({builds: [build('a', 0, 1, [], {needs: undefined}), build('b', 0, 1, [], {targets: ['nixos:desk']})]});
    assert.deepEqual(names(page.waysFrom(job.targets[0], job).children.get(null)), ['a']);
});

test('a search finds every word in any order and case', () => {
    assert.equal(page.matcher('DOC  python')('python3.12-doc'), true);
    assert.equal(page.matcher('doc perl')('python3.12-doc'), false);
    assert.equal(page.matcher('')('anything'), true);
});

test('rows are ordered by number or letter, and what is not known comes last either way', () => {
    const rows = [{v: 10}, {v: null}, {v: 9}, {v: 100}];
    assert.deepEqual(
        page.sorted(rows, row => row.v, false).map(row => row.v),
        [9, 10, 100, null],
    );
    assert.deepEqual(
        page.sorted(rows, row => row.v, true).map(row => row.v),
        [100, 10, 9, null],
    );
    assert.deepEqual(
        page.sorted([{v: 'b'}, {v: ''}, {v: 'A'}], row => row.v, false).map(row => row.v),
        ['A', 'b', ''],
    );
});

test('times and sizes are short', () => {
    assert.deepEqual([0, 999, 1500, 65000, 3725000].map(page.duration), ['0 ms', '999 ms', '1.5 s', '1:05', '1:02:05']);
    assert.deepEqual([512, 2048, 12582912].map(page.bytes), ['512 B', '2.0 KiB', '12.0 MiB']);
    assert.equal(page.storeName(path('gcc-13.drv')), 'gcc-13');
});

const changes = {
    changed: [{package: 'firefox', before: ['141.0'], after: ['142.0'], grew_by: 3 << 20}],
    came: [{package: 'unit-nginx.service', before: [], after: [''], grew_by: 900}],
    went: [{package: 'apache', before: ['2.4'], after: [], grew_by: -1000}],
    resized: [],
    rebuilt: 40,
    grew_by: -(31 << 20),
};

test('what changed is told in a line, and of each package its versions and size', () => {
    const [target] = read({targets: [{...nas, changes}]}).targets;
    assert.equal(page.changesInWords(target.changes), '1 package changed, 1 came, 1 went, 40 rebuilt, −31.0 MiB');
    assert.deepEqual(
        target.changes.rows.map(row => [row.what, row.name, page.versionsInWords(row.before, row), page.versionsInWords(row.after, row), row.grewBy]),
        [
            ['changed', 'firefox', '141.0', '142.0', 3 << 20],
            ['came', 'unit-nginx.service', '', '', 900],
            ['went', 'apache', '2.4', '', -1000],
        ],
    );
    const mixed = {before: [''], after: ['2', '3']};
    assert.equal(page.versionsInWords(mixed.before, mixed), 'no version');
});

test('a host in which nothing changed, or of which that is not known, has nothing to show', () => {
    for (const odd of [null, undefined, 7, 'x', [], {}, {changed: 'x', rebuilt: 'y'}, {changed: [], came: [], went: [], resized: [], rebuilt: 0, grew_by: 0}]) {
        const [target] = read({targets: [{...nas, changes: odd}]}).targets;
        assert.equal(page.hasChanged(target.changes), false, JSON.stringify(odd));
    }
    const [rebuilt] = read({targets: [{...nas, changes: {rebuilt: 2, grew_by: 2048}}]}).targets;
    assert.equal(page.hasChanged(rebuilt.changes), true);
    assert.equal(page.changesInWords(rebuilt.changes), '2 packages rebuilt, +2.0 KiB');
});

test('no script of the page makes markup of text', () => {
    for (const name of ['read', 'work', 'dom', 'chart', 'tree', 'parts', 'overview', 'changes', 'page'])
        assert.doesNotMatch(
            source(`${name}.js`),
            /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setAttribute\('(style|on)/,
            name,
        );
});
