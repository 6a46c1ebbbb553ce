// The ways from hosts to what is built for them, as a tree of which only the rows in sight are in the document.
// hosts: [{job, target}]; showBuild opens the details of one.
function whyTree(hosts, showBuild) {
    const open = new Set(),
        ways = new Map();
    let rows = [],
        current = 0;
    const waysOf = host => {
        if (!ways.has(host)) ways.set(host, waysFrom(host.target, host.job));
        return ways.get(host);
    };
    const inside = element('div', {role: 'presentation'});
    const box = element(
        'div',
        {class: 'tree', role: 'tree', tabindex: '0', 'aria-label': 'Why each thing is built, by host'},
        inside,
    );
    const count = element('span', {class: 'quiet', role: 'status'});
    const key = (host, build) => `${hosts.indexOf(host)} ${build.derivation}`;

    // The rows of one host; how many builds a search found for it, if there is one.
    const collect = (host, index) => {
        const matches = matcher(search.value),
            isSearched = search.value !== '',
            choice = only.value;
        const isChosen = {
            '': () => true,
            compile: build => build.kind === 'compile',
            failed: build => failures.has(build.outcome) || build.outcome === 'blocked',
        }[choice];
        const way = waysOf(host);
        const isFiltered = isSearched || choice !== '';
        const wanted = isFiltered ? [...way.parent.keys()].filter(build => isChosen(build) && matches(build.lower)) : [];
        const kept = isFiltered ? onTheWayTo(way, wanted) : null;
        if (isFiltered && kept.size === 0) return 0;
        const hasChildren = way.parent.size > 0;
        const isOpen = hasChildren && (isFiltered || open.has(host));
        rows.push({host, build: null, depth: 1, index, siblings: hosts.length, hasChildren, isOpen});
        // What a search finds is shown with the way to it; by itself only a host's first step is.
        if (isOpen)
            for (const row of openRows(host, way, build => isSearched || open.has(key(host, build)), kept)) rows.push(row);
        return wanted.length;
    };
    const line = (row, i, height) => {
        const {host, build} = row;
        const name = build
            ? build.name
            : host.target.name + (hosts.some(other => other.job !== host.job) ? ` (${host.job.name})` : '');
        const node = element(
            'div',
            {
                class: i === current ? 'row current' : 'row',
                role: 'treeitem',
                id: `why-${i}`,
                'aria-level': String(row.depth),
                'aria-setsize': String(row.siblings),
                'aria-posinset': String(row.index + 1),
                'aria-expanded': row.hasChildren ? String(row.isOpen) : null,
                'aria-selected': String(i === current),
                onclick: () => {
                    current = i;
                    act(row);
                },
            },
            element('span', {class: 'mark', 'aria-hidden': 'true'}, row.hasChildren ? (row.isOpen ? '▾' : '▸') : '·'),
            name,
            ' ',
            build ? element('span', {class: 'quiet'}, `${build.kind}, `) : '',
            state(build ? build.outcome : host.target.verdict),
            build && build.took > 0 ? ` ${duration(build.took)}` : '',
        );
        node.style.top = `${i * height}px`;
        node.style.paddingLeft = `${(row.depth - 1) * 1.25 + 0.25}rem`;
        return node;
    };
    const draw = () => {
        const height = rowHeight();
        const from = Math.max(0, Math.floor(box.scrollTop / height) - 8),
            to = Math.min(rows.length, Math.ceil((box.scrollTop + (box.clientHeight || 416)) / height) + 8);
        inside.style.height = `${rows.length * height}px`;
        const lines = [];
        for (let i = from; i < to; ++i) lines.push(line(rows[i], i, height));
        inside.replaceChildren(...lines);
        if (current >= from && current < to) box.setAttribute('aria-activedescendant', `why-${current}`);
        else box.removeAttribute('aria-activedescendant');
    };
    // Host by host, with a rest between them when that takes long; who types on begins anew.
    let round = 0;
    const redraw = () => {
        const mine = ++round;
        let next = 0,
            found = 0;
        rows = [];
        const goOn = () => {
            if (mine !== round) return;
            const start = performance.now();
            while (next < hosts.length && performance.now() - start < 15) found += collect(hosts[next], next++);
            if (next < hosts.length) return void setTimeout(goOn);
            count.textContent = search.value || only.value ? `${found} found` : `${rows.length} rows`;
            current = Math.min(current, Math.max(0, rows.length - 1));
            draw();
        };
        goOn();
    };
    const keyOf = row => (row.build ? key(row.host, row.build) : row.host);
    const toggle = (row, isOpen) => {
        if (isOpen) open.add(keyOf(row));
        else open.delete(keyOf(row));
        redraw();
    };
    // A click or Enter: opens and closes what has something below it; of a leaf the details.
    const act = row => {
        if (row.hasChildren && search.value === '') toggle(row, !row.isOpen);
        else if (row.build) showBuild(row.build);
        draw();
    };
    const moveTo = i => {
        current = Math.max(0, Math.min(rows.length - 1, i));
        const height = rowHeight(),
            top = current * height;
        if (top < box.scrollTop) box.scrollTop = top;
        else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
        draw();
    };
    box.addEventListener('keydown', event => {
        const row = rows[current];
        if (!row || event.ctrlKey || event.altKey || event.metaKey) return;
        const page = Math.floor(box.clientHeight / rowHeight());
        const up = () => {
            for (let i = current; i-- > 0;) if (rows[i].depth < row.depth) return moveTo(i);
        };
        const actions = {
            ArrowDown: () => moveTo(current + 1),
            ArrowUp: () => moveTo(current - 1),
            PageDown: () => moveTo(current + page),
            PageUp: () => moveTo(current - page),
            Home: () => moveTo(0),
            End: () => moveTo(rows.length - 1),
            ArrowRight: () => (row.hasChildren && !row.isOpen ? toggle(row, true) : row.hasChildren && moveTo(current + 1)),
            ArrowLeft: () => (row.isOpen && search.value === '' ? toggle(row, false) : up()),
            Enter: () => (row.build ? showBuild(row.build) : act(row)),
            ' ': () => act(row),
        };
        if (!actions[event.key]) return;
        event.preventDefault();
        actions[event.key]();
    });
    box.addEventListener('scroll', oncePerFrame(draw), {passive: true});
    const restart = () => {
        current = 0;
        box.scrollTop = 0;
        redraw();
    };
    const search = element('input', {type: 'search', 'aria-label': 'Search in what is built', oninput: oncePerFrame(restart)});
    const only = element(
        'select',
        {onchange: restart},
        element('option', {value: ''}, 'everything'),
        element('option', {value: 'compile'}, 'what is compiled'),
        element('option', {value: 'failed'}, 'what failed or was blocked'),
    );
    if (hosts.length === 1) open.add(hosts[0]);
    redraw();
    for (const host of hosts) whenIdle(() => waysOf(host));
    new ResizeObserver(oncePerFrame(draw)).observe(box);
    return [
        element(
            'div',
            {class: 'tools'},
            element('label', {}, 'Search', search),
            element('label', {}, 'Show the ways to', only),
            count,
        ),
        box,
    ];
}
