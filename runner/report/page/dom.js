// Small tools for the document. All text goes in as text, never as markup.

function element(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
        else if (value === true) node.setAttribute(key, '');
        else if (value !== false && value !== null) node.setAttribute(key, value);
    }
    node.append(...children.filter(child => child !== null && child !== ''));
    return node;
}

// For a screen reader, once it has finished what it says.
const announce = words => {
    document.getElementById('announcer').textContent = words;
};

// Calls at most once for each picture on the screen.
function oncePerFrame(work) {
    let waits = false;
    return () => {
        if (waits) return;
        waits = true;
        requestAnimationFrame(() => {
            waits = false;
            work();
        });
    };
}

// What a first search would have to wait for is done when nobody waits. Not every browser tells when that is.
const whenIdle = work => (window.requestIdleCallback ? requestIdleCallback(work) : setTimeout(work, 200));

const rowHeight = () => 2 * parseFloat(getComputedStyle(document.documentElement).fontSize);

// Each state has a sign and a word; the colour only repeats them.
const signs = {
    complete: ['✓', 'good'],
    'by-path': ['≈', 'warn'],
    incomplete: ['✗', 'bad'],
    'not-evaluated': ['✗', 'bad'],
    elsewhere: ['–', 'quiet'],
    unknown: ['?', 'warn'],
    built: ['✓', 'good'],
    found: ['✓', 'quiet'],
    failed: ['✗', 'bad'],
    'timed-out': ['✗', 'bad'],
    silent: ['✗', 'bad'],
    refused: ['✗', 'bad'],
    cancelled: ['–', 'warn'],
    blocked: ['⊘', 'warn'],
    'not-started': ['–', 'quiet'],
    published: ['✓', 'good'],
    'already-there': ['✓', 'quiet'],
    withheld: ['⊘', 'warn'],
    'not-pushed': ['–', 'quiet'],
    fetched: ['✓', 'good'],
    changed: ['→', 'quiet'],
    came: ['+', 'good'],
    went: ['−', 'warn'],
    resized: ['↕', 'quiet'],
    error: ['✗', 'bad'],
    warning: ['⚠', 'warn'],
    notice: ['•', 'quiet'],
    info: ['•', 'quiet'],
};
const words = {
    'by-path': 'by path only',
    'not-evaluated': 'not evaluated',
    'timed-out': 'timed out',
    'already-there': 'already there',
    'not-pushed': 'not pushed',
    'not-started': 'not started',
};

function state(word) {
    const [sign, look] = signs[word] || ['', ''];
    return element('span', {class: look}, element('span', {'aria-hidden': 'true'}, sign && `${sign} `), words[word] || word);
}

// A table of any length, of which only the rows in sight are in the document.
// columns: [{label, value: row → text or number or null, show: row → node or text, look}]
function windowedTable({caption, columns, rows, searched, choices, chosen, start}) {
    const overscan = 12;
    let shown = rows,
        order = start || null,
        first = -1,
        last = -1;
    const body = element('tbody');
    const count = element('span', {class: 'quiet', role: 'status'});
    const heads = columns.map(column => {
        const button = element(
            'button',
            {type: 'button', onclick: () => sortBy(column)},
            column.label,
            element('span', {'aria-hidden': 'true'}),
        );
        return element('th', {scope: 'col', class: column.look || ''}, button);
    });
    const table = element(
        'table',
        {},
        element('caption', {class: 'hidden'}, caption),
        element('thead', {}, element('tr', {'aria-rowindex': '1'}, ...heads)),
        body,
    );
    const box = element('div', {class: 'scroll windowed', tabindex: '0', role: 'region', 'aria-label': caption}, table);
    const haystacks = new Map();
    const haystack = row => {
        if (!haystacks.has(row)) haystacks.set(row, searched(row).toLowerCase());
        return haystacks.get(row);
    };

    const spacer = height => {
        const cell = element('td', {colspan: String(columns.length)});
        cell.style.height = `${height}px`;
        return element('tr', {class: 'spacer', 'aria-hidden': 'true'}, cell);
    };
    const line = (row, index) =>
        element(
            'tr',
            {'aria-rowindex': String(index + 2)},
            ...columns.map(column => {
                const content = column.show ? column.show(row) : column.value(row);
                return element(
                    'td',
                    {class: column.look || '', title: typeof content === 'string' ? content : null},
                    content === null ? '' : content,
                );
            }),
        );
    const draw = () => {
        const height = rowHeight();
        const from = Math.max(0, Math.floor(box.scrollTop / height) - overscan);
        const to = Math.min(shown.length, Math.ceil((box.scrollTop + (box.clientHeight || 416)) / height) + overscan);
        if (from === first && to === last) return;
        // Rows that stay are kept, so that what has the focus does not lose it.
        const kept = new Map([...body.children].slice(1, -1).map((node, i) => [first + i, node]));
        const lines = [];
        for (let i = from; i < to; ++i) lines.push(kept.get(i) || line(shown[i], i));
        const loses = body.contains(document.activeElement) && !lines.some(node => node.contains(document.activeElement));
        const stays = lines.find(node => node.contains(document.activeElement));
        [first, last] = [from, to];
        if (stays) {
            // moving a node takes the focus from it: the others are put around it
            while (stays.previousSibling) stays.previousSibling.remove();
            while (stays.nextSibling) stays.nextSibling.remove();
            const at = lines.indexOf(stays);
            stays.before(spacer(from * height), ...lines.slice(0, at));
            stays.after(...lines.slice(at + 1), spacer((shown.length - to) * height));
        } else {
            body.replaceChildren(spacer(from * height), ...lines, spacer((shown.length - to) * height));
        }
        if (loses) box.focus({preventScroll: true});
    };
    const redraw = () => {
        first = last = -1;
        body.replaceChildren();
        table.setAttribute('aria-rowcount', String(shown.length + 1));
        columns.forEach((column, i) => {
            const is = order && order.column === column.label;
            heads[i].setAttribute('aria-sort', is ? (order.descending ? 'descending' : 'ascending') : 'none');
            heads[i].querySelector('span').textContent = is ? (order.descending ? ' ▼' : ' ▲') : '';
        });
        draw();
    };
    const apply = () => {
        const matches = matcher(search.value),
            choice = choose.value;
        shown = rows.filter(row => (!choice || chosen(row) === choice) && (!search.value || matches(haystack(row))));
        if (order) shown = sorted(shown, columns.find(column => column.label === order.column).value, order.descending);
        count.textContent = shown.length === rows.length ? `${rows.length} rows` : `${shown.length} of ${rows.length} rows`;
        box.scrollTop = 0;
        redraw();
    };
    const sortBy = column => {
        order = {column: column.label, descending: order && order.column === column.label ? !order.descending : false};
        apply();
    };
    const search = element('input', {type: 'search', 'aria-label': `Search in ${caption}`, oninput: oncePerFrame(() => apply())});
    const choose = element(
        'select',
        {'aria-label': `Show of ${caption}`, onchange: () => apply()},
        element('option', {value: ''}, 'all'),
        ...choices.map(choice => element('option', {value: choice}, words[choice] || choice)),
    );
    box.addEventListener('scroll', oncePerFrame(draw), {passive: true});
    new ResizeObserver(oncePerFrame(draw)).observe(box);
    apply();
    whenIdle(() => rows.forEach(haystack));
    return [
        element('div', {class: 'tools'}, element('label', {}, 'Search', search), element('label', {}, 'Show', choose), count),
        box,
    ];
}
