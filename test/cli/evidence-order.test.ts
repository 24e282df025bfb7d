import t from 'tap'
import { findSupport } from '../../src/cli/evidence-order.js'
import type { EvidenceItem } from '../../src/cli/incident-report.js'

function item(name: string, content: unknown): EvidenceItem {
  return { kind: 'captured', name, taken: 'at-expiry', tookMs: 1, file: `evidence/${name}.json`, cut: false, content }
}

t.test('percentages and seconds of a cause support nothing', async (t) => {
  const items = [
    item('process', { commandLine: ['node', 'deep.mjs'], threads: 100, load: '2.0' }),
    item('javascript-stack', { frames: [{ function: 'f', url: 'file:///srv/deep.mjs', line: 1 }] }),
  ]
  const cause = 'busy loop in f (deep.mjs:1), process on CPU 100 %, silent for 2.0 s'
  t.equal(findSupport(items, cause)?.name, 'javascript-stack')
})

t.test('a number of a process does', async (t) => {
  const items = [item('waits', { holders: [{ pid: 10_342 }] }), item('process', { commandLine: ['python3'] })]
  t.equal(findSupport(items, 'waiting in flock(), held by process 10342')?.name, 'waits')
})
