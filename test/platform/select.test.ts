import t from 'tap'
import { selectPlatform } from '../../src/platform/select.js'

t.test('Linux has its adapter', async (t) => {
  t.equal(selectPlatform({ system: 'linux' }).name, 'linux')
})

t.test('a system without an adapter is refused by name', async (t) => {
  t.throws(() => selectPlatform({ system: 'aix' }), { code: 'unavailable', message: /"aix"/ })
})
