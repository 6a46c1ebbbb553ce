// The time line: drawn, since there may be thousands of bars. Whatever it shows stands in the tables, too; what is chosen is said in words.
function timeChart(job, showItem) {
    const groups = timeLine(job),
        path = criticalPath(job),
        critical = new Set(path.map(link => link.item));
    const lanes = groups.flatMap(group => group.lanes.map((items, i) => ({items, group, isFirst: i === 0})));
    const everything = lanes.flatMap(lane => lane.items).sort((a, b) => a.start - b.start);
    const whole = everything.reduce((latest, item) => Math.max(latest, item.end), Math.max(job.took, 1));
    const gutter = Math.min(220, Math.max(92, 12 + 6.4 * Math.max(...groups.map(group => group.label.length)))),
        axis = 24,
        gap = 6;
    const laneHeight = Math.max(7, Math.min(20, Math.floor(640 / Math.max(1, lanes.length))));
    const height = axis + lanes.length * laneHeight + groups.length * gap;
    let from = 0,
        to = whole,
        chosen = null,
        colors = null;

    const canvas = element('canvas', {
        tabindex: '0',
        role: 'application',
        'aria-roledescription': 'time line',
        'aria-describedby': 'chart-help',
        'aria-label': `Time line of ${job.name}: ${plural(everything.length, 'bar')} over ${duration(whole)}`,
    });
    canvas.style.height = `${height}px`;
    const hovered = element('output', {id: 'hovered', class: 'note'});
    let y = axis;
    for (const lane of lanes) {
        if (lane.isFirst && y > axis) y += gap;
        lane.y = y;
        y += laneHeight;
    }

    const width = () => canvas.clientWidth - gutter;
    const at = moment => gutter + ((moment - from) / (to - from)) * width();
    const momentAt = x => from + ((x - gutter) / Math.max(1, width())) * (to - from);
    const inWords = item => {
        const parts = [
            `${item.kind} ${item.name}`,
            `from ${duration(item.start)} to ${duration(item.end)}, ${duration(item.end - item.start)}`,
        ];
        if (item.outcome) parts.push(words[item.outcome] || item.outcome);
        if (critical.has(item.source)) parts.push('on the critical path');
        return parts.join(' · ');
    };
    const readColors = () => {
        const probe = element('span');
        document.body.append(probe);
        const color = name => {
            probe.style.color = `var(--${name})`;
            return getComputedStyle(probe).color;
        };
        colors = {
            text: color('text'),
            quiet: color('quiet'),
            line: color('line'),
            ground: color('ground'),
            raised: color('raised'),
            bad: color('bad'),
        };
        for (const kind of ['stage', 'evaluation', 'fetch', 'build', 'push']) colors[kind] = color(`bar-${kind}`);
        probe.remove();
    };
    const ticks = () => {
        const steps = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5,
            432e5, 864e5,
        ];
        const step = steps.find(size => ((to - from) / size) * 80 <= width()) || 864e5;
        const marks = [];
        for (let mark = Math.ceil(from / step) * step; mark <= to; mark += step) marks.push(mark);
        return marks;
    };
    const drawBar = (pen, lane, item) => {
        const left = Math.max(gutter, at(item.start)),
            right = Math.min(gutter + width(), Math.max(at(item.end), at(item.start) + 1.5));
        const top = lane.y + 1,
            tall = laneHeight - 2,
            wide = right - left > 4 ? right - left - 1 : Math.max(1.5, right - left);
        const isBad = failures.has(item.outcome);
        pen.fillStyle = isBad ? colors.ground : colors[item.kind];
        pen.fillRect(left, top, wide, tall);
        if (isBad) {
            // told by its cross, not by its colour alone
            pen.strokeStyle = colors.bad;
            pen.lineWidth = 1.5;
            pen.strokeRect(left + 0.75, top + 0.75, Math.max(1, wide - 1.5), tall - 1.5);
            const size = Math.min(tall, wide);
            pen.beginPath();
            pen.moveTo(left, top);
            pen.lineTo(left + size, top + tall);
            pen.moveTo(left + size, top);
            pen.lineTo(left, top + tall);
            pen.stroke();
        }
        if (critical.has(item.source)) {
            // a thick line below
            pen.fillStyle = colors.text;
            pen.fillRect(left, top + tall - Math.max(2, tall / 5), wide, Math.max(2, tall / 5));
        }
        if (item === chosen) {
            pen.strokeStyle = colors.text;
            pen.lineWidth = 3;
            pen.strokeRect(left, top, wide, tall);
        }
        if (wide > 36 && laneHeight >= 13) {
            const room = Math.floor((wide - (isBad ? tall + 8 : 8)) / 6.4);
            pen.fillStyle = isBad ? colors.bad : '#fff';
            pen.fillText(
                item.name.length > room ? `${item.name.slice(0, Math.max(0, room - 1))}…` : item.name,
                left + (isBad ? tall + 4 : 4),
                top + tall / 2,
            );
        }
    };
    // From what was waited for to who waited: of the chosen bar.
    const drawWaits = pen => {
        if (!chosen || !['build', 'fetch'].includes(chosen.kind)) return;
        const place = new Map();
        for (const lane of lanes) for (const item of lane.items) place.set(item.source, lane.y + laneHeight / 2);
        pen.strokeStyle = colors.text;
        pen.lineWidth = 1;
        const link = (before, after) => {
            if (!place.has(before) || !place.has(after)) return;
            pen.beginPath();
            pen.moveTo(Math.max(gutter, at(end(before))), place.get(before));
            pen.lineTo(Math.max(gutter, at(after.start)), place.get(after));
            pen.stroke();
        };
        for (const before of [...(chosen.source.before || []), ...(chosen.source.fetched || [])]) link(before, chosen.source);
        for (const after of chosen.source.neededBy) link(chosen.source, after);
    };
    const draw = () => {
        if (canvas.clientWidth === 0) return;
        if (!colors) readColors();
        const scale = window.devicePixelRatio || 1;
        canvas.width = Math.round(canvas.clientWidth * scale);
        canvas.height = Math.round(height * scale);
        const pen = canvas.getContext('2d');
        pen.scale(scale, scale);
        pen.font = '11px system-ui, sans-serif';
        pen.textBaseline = 'middle';
        pen.fillStyle = colors.ground;
        pen.fillRect(0, 0, canvas.clientWidth, height);
        for (const mark of ticks()) {
            const x = Math.round(at(mark)) + 0.5;
            pen.fillStyle = colors.line;
            pen.fillRect(x, axis - 4, 1, height);
            pen.fillStyle = colors.quiet;
            pen.fillText(duration(mark), x + 3, axis / 2);
        }
        for (const lane of lanes) {
            if (lane.isFirst) {
                pen.fillStyle = colors.text;
                pen.fillText(lane.group.label, 6, lane.y + laneHeight / 2, gutter - 12);
                pen.fillStyle = colors.line;
                pen.fillRect(0, lane.y - gap / 2, canvas.clientWidth, 1);
            }
            let covered = -1;
            for (let i = firstEndingAfter(lane.items, from); i < lane.items.length && lane.items[i].start < to; ++i) {
                const item = lane.items[i],
                    right = at(item.end);
                // What is less than a point wide would hide behind what is there; what failed or decides is always shown.
                if (right <= covered && !failures.has(item.outcome) && !critical.has(item.source) && item !== chosen) continue;
                drawBar(pen, lane, item);
                covered = Math.max(covered, Math.ceil(right));
            }
        }
        drawWaits(pen);
    };
    const redraw = oncePerFrame(draw);
    const look = (newFrom, newTo) => {
        const span = Math.max(Math.min(whole, 10), Math.min(whole, newTo - newFrom));
        from = Math.max(0, Math.min(whole - span, newFrom));
        to = from + span;
        redraw();
    };
    const zoom = (factor, around = (from + to) / 2) => look(around - (around - from) / factor, around + (to - around) / factor);
    const move = part => look(from + (to - from) * part, to + (to - from) * part);
    const choose = item => {
        chosen = item;
        hovered.textContent = inWords(item);
        announce(inWords(item));
        if (item.start < from || item.end > to) {
            const span = Math.max(to - from, (item.end - item.start) * 1.2),
                middle = (item.start + item.end) / 2;
            look(middle - span / 2, middle + span / 2);
        }
        redraw();
    };
    const step = by => {
        const i = chosen ? everything.indexOf(chosen) + by : 0;
        if (everything[i]) choose(everything[i]);
    };
    const stepCritical = by => {
        const links = everything.filter(item => critical.has(item.source));
        const i = chosen && links.includes(chosen) ? links.indexOf(chosen) + by : by > 0 ? 0 : links.length - 1;
        if (links[i]) choose(links[i]);
    };
    const itemAt = event => {
        const lane = lanes.find(entry => event.offsetY >= entry.y && event.offsetY < entry.y + laneHeight);
        if (!lane || event.offsetX < gutter) return null;
        const slack = ((to - from) / Math.max(1, width())) * 2;
        const item = lane.items[firstEndingAfter(lane.items, momentAt(event.offsetX) - slack)];
        return item && item.start <= momentAt(event.offsetX) + slack ? item : null;
    };
    let drag = null;
    canvas.addEventListener('pointerdown', event => {
        drag = {x: event.offsetX, from, to, moved: false};
        canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', event => {
        if (!drag) {
            const item = itemAt(event);
            hovered.textContent = item ? inWords(item) : '';
            return;
        }
        if (Math.abs(event.offsetX - drag.x) < 4 && !drag.moved) return;
        drag.moved = true;
        const by = ((drag.x - event.offsetX) / Math.max(1, width())) * (drag.to - drag.from);
        look(drag.from + by, drag.to + by);
    });
    canvas.addEventListener('pointerup', event => {
        const item = drag && !drag.moved ? itemAt(event) : null;
        drag = null;
        if (!item) return;
        choose(item);
        showItem(item);
    });
    canvas.addEventListener('pointercancel', () => {
        drag = null;
    });
    canvas.addEventListener(
        'wheel',
        event => {
            if (!event.ctrlKey) return; // the page goes on scrolling
            event.preventDefault();
            zoom(event.deltaY < 0 ? 1.25 : 0.8, momentAt(event.offsetX));
        },
        {passive: false},
    );
    canvas.addEventListener('keydown', event => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const actions = {
            ArrowRight: () => step(1),
            ArrowLeft: () => step(-1),
            ArrowDown: () => stepCritical(1),
            ArrowUp: () => stepCritical(-1),
            '+': () => zoom(2),
            '=': () => zoom(2),
            '-': () => zoom(0.5),
            0: () => look(0, whole),
            PageDown: () => move(0.8),
            PageUp: () => move(-0.8),
            Enter: () => chosen && showItem(chosen),
        };
        if (!actions[event.key]) return;
        event.preventDefault();
        actions[event.key]();
    });
    new ResizeObserver(redraw).observe(canvas);
    const tool = (label, act) => element('button', {type: 'button', onclick: act}, label);
    const tools = element(
        'div',
        {class: 'tools'},
        tool('Zoom in', () => zoom(2)),
        tool('Zoom out', () => zoom(0.5)),
        tool('Earlier', () => move(-0.5)),
        tool('Later', () => move(0.5)),
        tool('All', () => look(0, whole)),
    );
    const help = element(
        'p',
        {class: 'note', id: 'chart-help'},
        'A bar with a thick line below is on the critical path; a crossed one failed. With the keyboard: ' +
            'left and right for the bar before and after, up and down along the critical path, Enter for its details, plus and minus to zoom, 0 for all. ' +
            'With a mouse: drag, Ctrl and the wheel. The tables below hold the same times.',
    );
    return {
        nodes: [tools, element('div', {class: 'chart'}, canvas), hovered, help],
        path,
        repaint: () => {
            colors = null;
            redraw();
        },
        choose: source => {
            const item = everything.find(entry => entry.source === source);
            if (item) choose(item);
        },
    };
}
