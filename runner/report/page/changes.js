// What changed in the closures of hosts since they were complete last: nothing is shown where nothing did, or that is not known.

function showChanges() {
    const hosts = jobs.flatMap(job =>
        job.targets.filter(target => hasChanged(target.changes)).map(target => ({job, target, changes: target.changes})),
    );
    if (hosts.length === 0) return;
    const rows = hosts.flatMap(({job, target, changes}) => changes.rows.map(change => ({job, target, ...change})));
    const versions = side => ({
        label: side,
        look: 'middle',
        value: row => versionsInWords(row[side], row),
    });
    section(
        'changes',
        'What changed',
        element(
            'p',
            {class: 'note'},
            'Since each host was complete last. Packages are told by the names of store paths; sizes are unpacked, of the whole closure.',
        ),
        plainTable(
            'Hosts in which something changed',
            [['host'], ...(isOne ? [] : [['job']]), ['what changed']],
            hosts.map(({job, target, changes}) => [
                link(target.name, () => showTarget(target)),
                ...(isOne ? [] : [job.name]),
                changesInWords(changes),
            ]),
        ),
        ...(rows.length === 0
            ? []
            : windowedTable({
                  caption: 'Packages that changed',
                  rows,
                  choices: ['changed', 'came', 'went', 'resized'].filter(what => rows.some(row => row.what === what)),
                  chosen: row => row.what,
                  searched: row => `${row.name} ${row.target.name} ${row.what} ${row.before.join(' ')} ${row.after.join(' ')}`,
                  columns: [
                      {label: 'package', value: row => row.name},
                      {label: 'host', look: 'middle', value: row => row.target.name},
                      ...jobColumn,
                      {label: 'what', look: 'short', value: row => row.what, show: row => state(row.what)},
                      versions('before'),
                      versions('after'),
                      {label: 'size', look: 'number', value: row => row.grewBy, show: row => growth(row.grewBy)},
                  ],
              })),
    );
}
