// What a person wants first: is the cache full, else what is not in it; hosts, jobs, failures.

function showPlace() {
    const place = [text(joined.repository), text(joined.branch), text(joined.commit).slice(0, 10), text(joined.workflow)];
    if (isOne && jobs.length === 1) {
        const job = jobs[0];
        if (!place[1]) place.push(job.branch);
        place.push(
            job.cache && `cache ${job.cache}`,
            job.started,
            job.version && `cachefill ${job.version}`,
            job.nixVersion && `Nix ${job.nixVersion}`,
        );
    }
    const line = document.getElementById('place');
    line.append(place.filter(Boolean).join(' · '));
    // Of an address that came with the data only a plain link to the web is made a link.
    const url = text(joined.run_url);
    if (/^https?:\/\/[^\s<>"'`\\]+$/.test(url))
        line.append(place.some(Boolean) ? ' · ' : '', element('a', {href: url, rel: 'noreferrer'}, 'the run'));
}

function showMissing({why, entries}) {
    if (entries.length === 1) return element('p', {class: 'note', title: entries[0].path}, entries[0].name, why && ` – ${why}`);
    return element(
        'details',
        {},
        element('summary', {}, plural(entries.length, 'path'), why && ` – ${why}`),
        inPortions(element('ul'), entries, entry => element('li', {}, code(entry.path))),
    );
}

function showVerdict() {
    const verdict = overallVerdict(jobs, joined);
    const built = outcome => jobs.reduce((total, job) => total + job.builds.filter(build => outcome(build.outcome)).length, 0);
    const lacking = jobs.flatMap(notFilled);
    const published = jobs.flatMap(job => job.pushes).filter(push => push.outcome === 'published');
    const missing = new Set(lacking.flatMap(entry => entry.missing.map(({path}) => path)));
    const figures = [
        ['built', built(outcome => outcome === 'built')],
        ['failed', built(outcome => failures.has(outcome))],
        ['blocked', built(outcome => outcome === 'blocked')],
        ['not started', built(outcome => outcome === 'not-started')],
        ['fetched', jobs.reduce((total, job) => total + job.fetches.filter(fetch => !fetch.error).length, 0)],
        ['pushed', published.length],
        ['uploaded', bytes(published.reduce((total, push) => total + push.fileSize, 0))],
        ...builtForOthers(jobs),
        ['missing paths', missing.size],
        ['time', duration(jobs.reduce((most, job) => Math.max(most, job.took), 0))],
    ];
    document.title = `${verdict.title} – cachefill`;
    const sign = {full: '✓ ', untrusted: '⚠ ', partly: '✗ ', unknown: '? '}[verdict.state];
    const box = element(
        'div',
        {class: `verdict ${verdict.state}`},
        element('h1', {id: 'verdict', tabindex: '-1'}, element('span', {'aria-hidden': 'true'}, sign), verdict.title),
    );
    if (verdict.details.length > 0)
        box.append(inPortions(element('ul'), verdict.details, detail => element('li', {}, detail), 5));
    box.append(
        element(
            'dl',
            {class: 'figures'},
            ...figures.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, String(value)))),
        ),
    );
    main.append(box);
    const unserved = [
        ['Needed, served by nobody, and could not be made', jobs.flatMap(job => job.holes)],
        ['Needed, and a cache that could not be asked may have them', jobs.flatMap(job => job.undecided)],
    ].filter(([, paths]) => paths.length > 0);
    if (lacking.length + unserved.length === 0) return;
    const list = inPortions(
        element('div'),
        lacking,
        ({target, job, reasons, missing}) =>
            element(
                'div',
                {},
                element('h3', {}, target.name, isOne ? '' : ` (${job.name})`, ' ', state(target.verdict)),
                reasons.length > 0 ? inPortions(element('ul'), reasons, reason => element('li', {}, reason), 5) : '',
                missing.length > 0
                    ? element('p', {class: 'note'}, `${plural(missing.length, 'path')} a machine could not fetch:`)
                    : '',
                missing.length > 0 ? inPortions(element('div', {class: 'group'}), byReason(missing), showMissing, 8) : '',
                target.hint ? element('p', {}, target.hint) : '',
            ),
        10,
    );
    const further = unserved.flatMap(([title, paths]) => [
        element('h3', {}, title),
        inPortions(element('ul'), paths, path => element('li', {}, code(path))),
    ]);
    section('lacking', 'What is not in the cache', list, ...further);
}

function showHosts() {
    const rows = jobs.flatMap(job => job.targets.map(target => ({job, target})));
    if (rows.length === 0) return;
    const heads = [
        ['host'],
        ...(isOne ? [] : [['job']]),
        ['verdict'],
        ['system'],
        ['built', 'number'],
        ['fetched', 'number'],
        ['pushed', 'number'],
        ['missing', 'number'],
        ['closure', 'number'],
        ['compiles itself', 'number'],
        ['trusts the cache'],
    ];
    section(
        'hosts',
        'Hosts',
        plainTable(
            plural(rows.length, 'host') + ' and what became of each',
            heads,
            rows.map(({job, target}) => [
                link(target.name, () => showTarget(target)),
                ...(isOne ? [] : [job.name]),
                state(target.evaluateOnly && !target.error ? 'evaluated only' : target.verdict),
                target.system,
                String(target.built),
                String(target.fetched),
                String(target.pushed),
                String(target.missing.length),
                target.closureBytes ? bytes(target.closureBytes) : '',
                target.verified ? String(target.wouldCompile) : '',
                target.system ? (target.trusted ? 'yes' : element('span', {class: 'warn'}, '⚠ no')) : '',
            ]),
        ),
    );
}

function showJobs() {
    const entries = objects(joined.jobs);
    if (entries.length < 2) return;
    const rows = entries.map(entry => [
        text(entry.name),
        number(entry.exit_code) === 0 ? '✓ done' : `✗ exit code ${number(entry.exit_code)}`,
        `${number(entry.complete)} of ${number(entry.targets)}`,
        String(number(entry.built)),
        String(number(entry.failed)),
        String(number(entry.pushed)),
        timeCell(number(entry.took_ms)),
    ]);
    for (const name of texts(joined.never_reported)) rows.push([name, '✗ never reported', '', '', '', '', '']);
    section(
        'jobs',
        'Jobs',
        plainTable(
            'Jobs that this report joins',
            [
                ['job'],
                ['end'],
                ['complete', 'number'],
                ['built', 'number'],
                ['failed', 'number'],
                ['pushed', 'number'],
                ['time', 'number'],
            ],
            rows,
        ),
    );
}

function showFailures() {
    const broken = jobs.flatMap(job => job.builds.filter(build => failures.has(build.outcome)));
    const unpushed = jobs.flatMap(job => job.pushes.filter(push => push.outcome === 'failed'));
    const unfetched = jobs.flatMap(job => job.fetches.filter(fetch => fetch.error));
    // What a job with a report found stands elsewhere on the page.
    const found = objects(joined.findings).filter(entry => !jobs.some(job => job.name === text(entry.source)));
    if (broken.length + unpushed.length + unfetched.length + found.length === 0) return;
    const content = [];
    const blocks = build => {
        const seen = new Set([build]);
        for (const entry of seen) for (const user of entry.neededBy) seen.add(user);
        return seen.size - 1;
    };
    if (broken.length > 0)
        content.push(
            element('h3', {}, plural(broken.length, 'build')),
            inPortions(element('div'), broken, (build, i) => {
                const more = [
                    element(
                        'p',
                        {},
                        link('details', () => showBuild(build)),
                        build.targets.length > 0 ? ` · needed by ${build.targets.join(', ')}` : '',
                        build.neededBy.length > 0 ? ` · holds up ${plural(blocks(build), 'other build')}` : '',
                    ),
                ];
                if (build.log.length > 0)
                    more.push(
                        element('pre', {tabindex: '0', 'aria-label': `End of the log of ${build.name}`}, build.log.join('\n')),
                    );
                return element(
                    'details',
                    {open: broken.length <= 5},
                    element(
                        'summary',
                        {},
                        state(build.outcome),
                        ` ${build.name}`,
                        isOne ? '' : ` (${build.job.name})`,
                        build.error && `: ${build.error}`,
                    ),
                    ...more,
                );
            }),
        );
    for (const [noun, items] of [
        ['push', unpushed],
        ['fetch', unfetched],
    ]) {
        if (items.length === 0) continue;
        content.push(
            element('h3', {}, items.length === 1 ? `1 ${noun}` : `${items.length} ${noun}es`),
            inPortions(element('ul'), items, item => element('li', {}, item.name, `: ${item.reason || item.error}`)),
        );
    }
    if (found.length > 0)
        content.push(
            element('h3', {}, 'What other jobs say'),
            inPortions(element('ul'), found, entry =>
                element(
                    'li',
                    {},
                    state(text(entry.severity)),
                    ` ${text(entry.source)}: `,
                    text(entry.title),
                    text(entry.text) && `: ${text(entry.text)}`,
                ),
            ),
        );
    section('failures', 'Failures', ...content);
}
