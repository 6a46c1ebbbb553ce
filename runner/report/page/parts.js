// What all sections share: the data, lists, tables, and the details of one thing in a dialog.
const data = JSON.parse(document.getElementById('data').textContent);
const joined = data.joined;
const jobs = data.reports.map(entry => readJob(entry.name, entry.report));
const isOne = jobs.length < 2;
const main = document.getElementById('main');
const charts = [];

function section(id, title, ...content) {
    main.append(element('section', {'aria-labelledby': id}, element('h2', {id, tabindex: '-1'}, title), ...content));
    document.getElementById('sections').append(element('li', {}, element('a', {href: `#${id}`}, title)));
}

const link = (label, act) => element('button', {type: 'button', class: 'link', onclick: act, title: label}, label);
const timeCell = ms => (ms ? duration(ms) : '');
const startCell = row => (row.start === null ? '' : duration(row.start));
const jobColumn = isOne ? [] : [{label: 'job', look: 'short', value: row => row.job.name}];

// Many entries, shown a few at a time.
function inPortions(parent, items, make, portion = 30) {
    let shown = 0;
    const more = element('button', {type: 'button'});
    const grow = () => {
        const next = items.slice(shown, shown + portion).map(make);
        shown += next.length;
        parent.append(...next);
        if (shown >= items.length) return more.remove();
        more.textContent = `${Math.min(portion, items.length - shown)} more of ${items.length - shown}`;
        parent.after(more);
    };
    more.addEventListener('click', grow);
    queueMicrotask(grow); // once it stands in the document
    return parent;
}

function plainTable(caption, heads, rows) {
    return element(
        'div',
        {class: 'scroll plain', tabindex: '0', role: 'region', 'aria-label': caption},
        element(
            'table',
            {},
            element('caption', {}, caption),
            element(
                'thead',
                {},
                element('tr', {}, ...heads.map(([head, look]) => element('th', {scope: 'col', class: look || ''}, head))),
            ),
            element(
                'tbody',
                {},
                ...rows.map(cells =>
                    element(
                        'tr',
                        {},
                        ...cells.map((cell, i) =>
                            i === 0
                                ? element('th', {scope: 'row'}, cell)
                                : element('td', {class: heads[i][1] || ''}, cell === null ? '' : cell),
                        ),
                    ),
                ),
            ),
        ),
    );
}

// Details of one thing, in a dialog: Escape closes it and gives the focus back.
function showDetails(title, facts, ...content) {
    const dialog = document.getElementById('details');
    const entries = facts.filter(([, value]) => value !== '' && value !== null && !(Array.isArray(value) && value.length === 0));
    dialog.replaceChildren(
        element('h2', {id: 'details-title'}, title),
        element(
            'dl',
            {},
            ...entries.flatMap(([name, value]) => [
                element('dt', {}, name),
                element('dd', {}, ...(Array.isArray(value) ? value : [value])),
            ]),
        ),
        ...content,
        element('form', {method: 'dialog'}, element('button', {autofocus: true}, 'Close')),
    );
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
}

const code = words => element('code', {}, words);
const links = (items, show) =>
    items
        .slice(0, 40)
        .flatMap((item, i) => [i > 0 ? ', ' : '', link(item.name, () => show(item))])
        .concat(items.length > 40 ? ` and ${items.length - 40} more` : []);
const buildLinks = builds => links(builds, showBuild);
const fetchLinks = fetches => links(fetches, showFetch);

// Builds that could not begin before a fetch had ended.
const whoWaitedFor = fetch =>
    fetch.neededBy.filter(build => build.start !== null && lastBefore(build, build.job)?.item === fetch);

function waitInWords(build) {
    const before = build.start === null ? null : lastBefore(build, build.job);
    if (!before) return '';
    const waited = build.start - end(before.item);
    return (
        `${{build: '', fetch: 'the fetch of '}[before.kind] ?? 'the evaluation of '}${before.item.name}, which ended at ${duration(end(before.item))}` +
        (waited > 0 ? `; then ${duration(waited)} for a free slot or for inputs` : '')
    );
}

function showBuild(build) {
    showDetails(
        build.name,
        [
            ['outcome', state(build.outcome)],
            ['kind', build.kind],
            ['derivation', code(build.derivation)],
            ['job', isOne ? '' : build.job.name],
            ['started', startCell(build)],
            ['took', timeCell(build.took)],
            ['waited for', waitInWords(build)],
            ['needed by hosts', build.targets.join(', ')],
            ['made from', buildLinks(build.before)],
            ['fetched for it', fetchLinks(build.fetched)],
            ['made into', buildLinks(build.neededBy)],
            ['outputs', build.outputs.map(path => element('div', {}, code(path)))],
            ['blocked by', build.blockedBy],
            ['waits for', build.waitsFor],
            ['put off', build.deferred],
            ['error', build.error],
        ],
        ...(build.log.length > 0
            ? [element('h3', {}, 'End of its log'), element('pre', {tabindex: '0'}, build.log.join('\n'))]
            : []),
    );
}

function showPush(push) {
    showDetails(push.name, [
        ['outcome', state(push.outcome)],
        ['path', code(push.path)],
        ['job', isOne ? '' : push.job.name],
        ['started', startCell(push)],
        ['took', timeCell(push.took)],
        ['size', push.narSize ? bytes(push.narSize) : ''],
        ['compressed', push.fileSize ? bytes(push.fileSize) : ''],
        ['why', push.reason],
        ['served by', push.upstream],
        ['built as', push.job.makers.has(push.path) ? buildLinks([push.job.makers.get(push.path)]) : ''],
    ]);
}

const showFetch = fetch =>
    showDetails(fetch.name, [
        ['outcome', state(fetch.outcome)],
        ['path', code(fetch.path)],
        ['job', isOne ? '' : fetch.job.name],
        ['started', startCell(fetch)],
        ['took', timeCell(fetch.took)],
        ['needed by', buildLinks(fetch.neededBy)],
        ['waited for it longest', buildLinks(whoWaitedFor(fetch))],
        ['error', fetch.error],
    ]);

function showTarget(target) {
    showDetails(target.name, [
        ['verdict', state(target.verdict)],
        ['system', target.system],
        ['derivation', code(target.derivation)],
        ['output', code(target.output)],
        ['evaluation', timeCell(target.took)],
        ['memory', target.peakMemory ? bytes(target.peakMemory) : ''],
        ['closure', target.closureBytes ? `${bytes(target.closureBytes)} in ${target.closurePaths} paths` : ''],
        ['changed', hasChanged(target.changes) ? changesInWords(target.changes) : ''],
        ['error', target.error],
        ['hint', target.hint],
        ['everybody builds', target.builtByAll.join(', ')],
        ['lines to add', target.advice.map(line => element('div', {}, code(line)))],
    ]);
}
