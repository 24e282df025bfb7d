import { setTimeout as sleep } from 'node:timers/promises'
import type { Machine } from './machine.js'
import { moduleArguments } from './module-build.js'
import { assertNeverReset, testScenario } from './scenario.js'

testScenario(
  'an engine on the kernel module keeps the contract of countdown engines, in real time',
  { scenario: 'module-engine', kernelArguments: moduleArguments(), limitMs: 800_000 },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    const tap = machine.file('engine.tap') ?? ''
    t.notMatch(tap, /not ok/, tap)
    t.equal([...tap.matchAll(/^ok \d+ - kernel engine: /gm)].length, 14)
  },
  stopOnRequest,
)

/** The machine leaves a file that says for how long it is to be stopped, in ms. */
async function stopOnRequest(machine: Machine): Promise<void> {
  let over = false
  void machine.finished.finally(() => {
    over = true
  })
  for (let request = 1; !over; ) {
    const text = machine.file(`stall-${request}`)
    if (text?.endsWith('\n') === true) {
      await machine.starve(Number(text))
      machine.tell(`stalled-${request}`)
      request++
    }
    await sleep(20)
  }
}
