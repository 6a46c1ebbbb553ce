// The rest of the page, and its order from top to bottom.

function showTimeLine() {
    const all = allTogether(jobs);
    const timed = [...(all ? [all] : []), ...jobs.filter(job => timeLine(job).length > 0)];
    if (timed.length === 0) return;
    const box = element('div');
    const draw = job => {
        charts.length = 0;
        const chart = timeChart(job, item =>
            (({build: showBuild, push: showPush, fetch: showFetch, evaluation: showTarget})[item.kind] || (() => {}))(
                item.source.origin || item.source,
            ),
        );
        charts.push(chart);
        const total = chart.path.length > 0 ? end(chart.path[chart.path.length - 1].item) : 0;
        box.replaceChildren(...chart.nodes);
        if (!job.builds.some(build => build.start !== null) && job.builds.some(build => build.took > 0))
            box.append(
                element('p', {class: 'note'}, 'This report does not tell when builds started: an older cachefill wrote it.'),
            );
        if (chart.path.length < 2) return;
        box.append(
            element('h3', {}, `Critical path: ${plural(chart.path.length, 'step')}, ${duration(total)} of ${duration(job.took)}`),
            element('p', {class: 'note'}, 'Each step waited for the one before it: the run takes as long as they do together.'),
            element(
                'div',
                {},
                ...windowedTable({
                    caption: `Critical path of ${job.name}`,
                    rows: chart.path.map((step, i) => ({...step, number: i + 1})),
                    searched: step => `${step.kind} ${step.item.name}`,
                    choices: ['evaluation', 'fetch', 'build', 'push'],
                    chosen: step => step.kind,
                    columns: [
                        {label: 'step', value: step => step.number, look: 'number'},
                        {label: 'what', look: 'short', value: step => step.kind},
                        {
                            label: 'name',
                            value: step => step.item.name,
                            show: step => link(step.item.name, () => chart.choose(step.item)),
                        },
                        {label: 'waited for', look: 'middle', value: step => step.after},
                        {label: 'idle before', look: 'number', value: step => step.waited, show: step => timeCell(step.waited)},
                        {
                            label: 'started',
                            look: 'number',
                            value: step => step.item.start,
                            show: step => duration(step.item.start),
                        },
                        {label: 'took', look: 'number', value: step => step.item.took, show: step => duration(step.item.took)},
                    ],
                }),
            ),
        );
    };
    const first = (!all && timed.find(job => job.exitCode !== 0)) || timed[0];
    const choose = element(
        'select',
        {onchange: () => draw(timed[choose.selectedIndex])},
        ...timed.map(job => element('option', {selected: job === first}, job.name)),
    );
    section(
        'time',
        'Time line',
        timed.length > 1 ? element('div', {class: 'tools'}, element('label', {}, 'Job', choose)) : '',
        box,
    );
    draw(first);
}

function showWays() {
    const hosts = jobs.flatMap(job =>
        job.targets
            .filter(target => job.builds.some(build => build.targets.includes(target.name)))
            .map(target => ({job, target})),
    );
    if (hosts.length === 0) return;
    section(
        'why',
        'Why it is built',
        element(
            'p',
            {class: 'note'},
            'From each host down to what is built for it. Each build stands once below a host, where the way to it is shortest. ' +
                'Arrow keys move, open and close; Enter shows the details.',
        ),
        ...whyTree(hosts, showBuild),
    );
}

function showTables() {
    const builds = jobs.flatMap(job => job.builds),
        pushes = jobs.flatMap(job => job.pushes),
        fetches = jobs.flatMap(job => job.fetches);
    const outcomesOf = rows => [...new Set(rows.map(row => row.outcome))].sort();
    const times = [
        {label: 'started', look: 'number', value: row => row.start, show: startCell},
        {label: 'took', look: 'number', value: row => row.took || null, show: row => timeCell(row.took)},
    ];
    const outcome = {label: 'outcome', look: 'short', value: row => row.outcome, show: row => state(row.outcome)};
    if (builds.length > 0)
        section(
            'builds',
            'Builds',
            ...windowedTable({
                caption: 'Builds',
                rows: builds,
                choices: outcomesOf(builds),
                chosen: build => build.outcome,
                searched: build => `${build.name} ${build.kind} ${build.targets.join(' ')} ${build.error} ${build.derivation}`,
                columns: [
                    {label: 'name', value: build => build.name, show: build => link(build.name, () => showBuild(build))},
                    ...jobColumn,
                    outcome,
                    {label: 'kind', look: 'short', value: build => build.kind},
                    ...times,
                    {label: 'hosts', look: 'middle', value: build => build.targets.join(', ')},
                ],
            }),
        );
    if (pushes.length > 0)
        section(
            'pushes',
            'Pushes',
            ...windowedTable({
                caption: 'Pushes',
                rows: pushes,
                choices: outcomesOf(pushes),
                chosen: push => push.outcome,
                searched: push => `${push.name} ${push.reason} ${push.path}`,
                columns: [
                    {label: 'name', value: push => push.name, show: push => link(push.name, () => showPush(push))},
                    ...jobColumn,
                    outcome,
                    ...times,
                    {
                        label: 'size',
                        look: 'number',
                        value: push => push.narSize || null,
                        show: push => (push.narSize ? bytes(push.narSize) : ''),
                    },
                    {
                        label: 'compressed',
                        look: 'number',
                        value: push => push.fileSize || null,
                        show: push => (push.fileSize ? bytes(push.fileSize) : ''),
                    },
                    {label: 'why', look: 'middle', value: push => push.reason},
                ],
            }),
        );
    if (fetches.length > 0)
        section(
            'fetches',
            'Fetches',
            ...windowedTable({
                caption: 'Inputs fetched for builds',
                rows: fetches,
                choices: outcomesOf(fetches),
                chosen: fetch => fetch.outcome,
                searched: fetch => `${fetch.name} ${fetch.error} ${fetch.path}`,
                columns: [
                    {label: 'name', value: fetch => fetch.name, show: fetch => link(fetch.name, () => showFetch(fetch))},
                    ...jobColumn,
                    outcome,
                    ...times,
                    {label: 'needed by', look: 'number', value: fetch => fetch.neededBy.length || null},
                    {label: 'error', look: 'middle', value: fetch => fetch.error},
                ],
            }),
        );
}

function showCaches() {
    const answers = jobs.flatMap(job =>
        job.caches.map(cache => [
            text(cache.name),
            ...(isOne ? [] : [job.name]),
            cache.is_upstream === true ? 'asked' : 'filled',
            cache.reachable === false ? element('span', {class: 'bad'}, '✗ away') : '✓ answered',
            String(number(cache.requests)),
            text(cache.url),
        ]),
    );
    const mirrors = jobs.flatMap(job =>
        job.mirrors.map(mirror => [
            text(mirror.name),
            ...(isOne ? [] : [job.name]),
            'filled, too',
            mirror.reachable === false ? element('span', {class: 'bad'}, '✗ away') : '✓ answered',
            `${number(mirror.pushed)} pushed, ${number(mirror.failed)} failed`,
            text(mirror.error) || text(mirror.url),
        ]),
    );
    if (answers.length + mirrors.length === 0) return;
    const uncounted = jobs
        .flatMap(job => job.uncounted)
        .map(cache =>
            element(
                'li',
                {},
                `${text(cache.url)} has ${number(cache.paths)} of ${number(cache.of)} paths to be built, but is not trusted by ${texts(cache.hosts).join(', ')}`,
            ),
        );
    section(
        'caches',
        'Caches',
        plainTable(
            'Caches and what they answered',
            [['cache'], ...(isOne ? [] : [['job']]), ['is'], ['state'], ['requests'], ['address or error']],
            [...answers, ...mirrors],
        ),
        uncounted.length > 0 ? element('ul', {}, ...uncounted) : '',
    );
}

function showMessages() {
    const messages = jobs.flatMap(job => job.messages.map(message => ({job, message})));
    if (messages.length === 0) return;
    section(
        'messages',
        'Messages',
        inPortions(element('ul'), messages, ({job, message}) =>
            element(
                'li',
                {},
                state(text(message.severity)),
                ` ${isOne ? '' : `${job.name}: `}${text(message.text)}`,
                text(message.hint) && ` – ${text(message.hint)}`,
            ),
        ),
    );
}

for (const input of document.querySelectorAll('#theme input'))
    input.addEventListener('change', () => {
        document.documentElement.dataset.theme = input.value;
        for (const chart of charts) chart.repaint();
    });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const chart of charts) chart.repaint();
});

main.replaceChildren();
for (const show of [
    showPlace,
    showVerdict,
    showJobs,
    showHosts,
    showFailures,
    showChanges,
    showTimeLine,
    showWays,
    showTables,
    showCaches,
    showMessages,
])
    show();
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
