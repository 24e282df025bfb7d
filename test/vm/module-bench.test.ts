import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { moduleArguments } from './module-build.js'
import { assertNeverReset, testScenario } from './scenario.js'

/** What bench/module.mjs makes a table from. How fast a machine in software is says nothing, so that this only looks at what must hold anywhere. */
testScenario(
  'a countdown of the kernel module never ends early, and each of its expiries kills',
  { scenario: 'module-bench', kernelArguments: moduleArguments() },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    const expiries = machine.lines('expiries.txt').map((line) => line.split(' ').map(Number))
    t.equal(expiries.length, 200)
    t.same(
      expiries.filter(([died = -1, acted = -1]) => died < 0 || acted < 0),
      [],
    )
    t.equal(machine.lines('beats.txt').length, 300)
    const results = process.env.HANGDOG_BENCH_RESULTS
    if (results === undefined) return
    for (const name of ['beats.txt', 'expiries.txt', 'clocksource.txt']) {
      writeFileSync(join(results, name), machine.file(name) ?? '')
    }
  },
)
