import t from 'tap'
import type { ChangeContext } from '../../src/property/change-target.js'
import { readListChanges, writeList } from '../../src/property/list-exchange.js'
import { dword, snapshotOf } from './support.js'
import { bytesOf, twoProperties, vectors } from './vectors.js'

const root: ChangeContext = { stored: snapshotOf(), user: 0 }

t.test('the published list becomes two changes, and is written byte for byte', async (t) => {
  const bytes = bytesOf(twoProperties.hex)
  const changes = readListChanges(bytes, root)
  t.strictSame(changes, [
    { name: 'HangRecoveryAction', value: dword(1) },
    { name: 'ClusSvcHeartbeatTimeout', value: dword(720) },
  ])
  const values = new Map([
    ['HangRecoveryAction', dword(1)],
    ['ClusSvcHeartbeatTimeout', dword(720)],
  ])
  t.strictSame(writeList(values), bytes)
})

t.test('what an expandable text expands to is left out', async (t) => {
  const expanded = vectors.find(({ entries }) => entries.some(({ values }) => values[1]?.format === 'EXPANDED_SZ'))
  if (expanded === undefined) throw new Error('there is no such vector')
  const changes = readListChanges(bytesOf(expanded.hex), { ...root, service: 'web' })
  t.match(changes, [{ service: 'web', value: { format: 'EXPAND_SZ' } }])
  t.equal(changes.length, 1)
})

t.test('a property of several values is refused, and so is an unknown common one', async (t) => {
  const several = vectors.find(({ title }) => title.startsWith('several values'))
  if (several === undefined) throw new Error('there is no such vector')
  const read = (service?: string) => () => readListChanges(bytesOf(several.hex), { ...root, service })
  t.throws(read('web'), { code: 'data', message: /expected one value, not \d+$/ })
  const unknown = vectors.find(({ title }) => title === 'DWORD 1')
  t.throws(() => readListChanges(bytesOf(unknown?.hex ?? ''), root), { code: 'data', message: /"A": expected a known/ })
})
