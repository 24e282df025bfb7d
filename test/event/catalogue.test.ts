import t from 'tap'
import { catalogue } from '../../src/event/catalogue.js'

t.test('each event has a number of its own', async (t) => {
  const numbers = Object.entries(catalogue).map(([name, { id }]) => [id, name] as const)
  const twice = numbers.filter(([id], at) => numbers.findIndex(([other]) => other === id) !== at)
  t.same(twice, [])
})
