import t from 'tap'
import type { RawFrame } from '../../src/evidence/inspected-thread.js'
import { compareStacks } from '../../src/evidence/stack-samples.js'

/** `name@line`, innermost first. */
function stack(...calls: readonly string[]): readonly RawFrame[] {
  return calls.map((call) => {
    const [name = '', line = '0'] = call.split('@')
    return { id: '', function: name, scriptId: '1', url: '', line: Number(line), column: 0, begin: name }
  })
}

t.test('what is common to all looks counts from the outermost call', async (t) => {
  const cases = [
    ['the same', [stack('f@3', 'main@9'), stack('f@3', 'main@9')], 0, true],
    ['another line of the same call', [stack('f@3', 'main@9'), stack('f@4', 'main@9')], 0, false],
    ['another callee', [stack('g@1', 'f@3', 'main@9'), stack('h@1', 'f@3', 'main@9')], 1, true],
    ['a callee that has returned', [stack('g@1', 'f@3', 'main@9'), stack('f@3', 'main@9')], 0, true],
    ['a recursion at two depths', [stack('f@3', 'f@3', 'main@9'), stack('f@3', 'f@3', 'f@3', 'main@9')], 1, true],
    ['nothing', [stack('f@3', 'a@9'), stack('f@3', 'b@9')], 2, true],
    ['one look', [stack('f@3', 'main@9')], 0, true],
    ['empty stacks', [stack(), stack()], 0, true],
  ] as const
  for (const [name, stacks, steady, samePlace] of cases) {
    t.match(compareStacks(stacks), { count: stacks.length, steady, samePlace }, name)
  }
})
