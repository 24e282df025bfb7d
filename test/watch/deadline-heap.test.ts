import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { instant } from '../../src/time.js'
import { DeadlineHeap, outside } from '../../src/watch/deadline-heap.js'

type Operation =
  | { readonly kind: 'place'; readonly entry: number; readonly dueAt: number }
  | { readonly kind: 'remove'; readonly entry: number }
  | { readonly kind: 'takeDue'; readonly until: number }

const entry = fc.nat({ max: 31 })
/** So few values that entries are often due at the same instant. */
const time = fc.nat({ max: 50 })

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('place' as const), entry, dueAt: time }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), entry }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeDue' as const), until: time }) },
)

t.test('a heap and a sorted list agree after any placing, moving, removing and taking', (t) => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100, size: 'max' }), (operations) => {
      const entries = Array.from({ length: 32 }, (_, name) => ({ name, dueAt: instant(0), heapIndex: outside }))
      const heap = new DeadlineHeap<(typeof entries)[number]>()
      const model = new Map<number, number>()
      for (const step of operations) {
        if (step.kind === 'takeDue') {
          const due = heap.takeDue(instant(step.until))
          const expected = [...model].filter(([, dueAt]) => dueAt <= step.until)
          assert.deepEqual(
            due.map(({ dueAt }) => dueAt),
            expected.map(([, dueAt]) => dueAt).sort((a, b) => a - b),
          )
          assert.deepEqual(new Set(due.map(({ name }) => name)), new Set(expected.map(([name]) => name)))
          for (const { name, heapIndex } of due) {
            assert.equal(heapIndex, outside)
            model.delete(name)
          }
        } else {
          const chosen = entries[step.entry]
          if (chosen === undefined) continue
          if (step.kind === 'remove') {
            heap.remove(chosen)
            model.delete(step.entry)
          } else {
            chosen.dueAt = instant(step.dueAt)
            heap.place(chosen)
            model.set(step.entry, step.dueAt)
          }
        }
        assert.equal(heap.size, model.size)
        assert.equal(heap.first()?.dueAt, model.size === 0 ? undefined : Math.min(...model.values()))
      }
    }),
    // A wrong place after a removal shows in few shapes of the heap only.
    { numRuns: 500 },
  )
  t.pass('no counterexample was found')
  t.end()
})
