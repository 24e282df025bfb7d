import t from 'tap'
import { OutputRing, rememberedLines } from '../../src/platform/output-ring.js'

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)

t.test('a line that comes in pieces is one line', async (t) => {
  const ring = new OutputRing()
  for (const piece of ['one\ntw', 'o', '\n', '\nfo', 'ur']) ring.append(Buffer.from(piece), 0)
  t.same(ring.last(10), ['one', 'two', '', 'four'])
  t.same(ring.last(1), ['four'])
  t.same(ring.last(0), [])
})

t.test('unfinished lines of two streams are kept apart', async (t) => {
  const ring = new OutputRing()
  ring.append(Buffer.from('out '), 0)
  ring.append(Buffer.from('err '), 1)
  ring.append(Buffer.from('put\n'), 0)
  ring.append(Buffer.from('or\n'), 1)
  t.same(ring.last(10), ['out put', 'err or'])
})

t.test('a character that is cut in two between chunks stays whole', async (t) => {
  const ring = new OutputRing()
  const bytes = Buffer.from('ä\n')
  ring.append(bytes.subarray(0, 1), 0)
  ring.append(bytes.subarray(1), 0)
  t.same(ring.last(1), ['ä'])
})

for (const size of [1, 7, 4096, 1 << 20]) {
  t.test(`only the last ${rememberedLines} lines are kept, in chunks of ${size} bytes`, async (t) => {
    const ring = new OutputRing()
    const all = Buffer.from(`${numbered(1, 1000).join('\n')}\n`)
    for (let at = 0; at < all.length; at += size) ring.append(all.subarray(at, at + size), 0)
    t.same(ring.last(1000), numbered(801, 1000))
  })
}

t.test('a line without end is cut, and what follows is whole again', async (t) => {
  const ring = new OutputRing()
  for (let count = 0; count < 10; count++) ring.append(Buffer.alloc(100_000, 'x'), 0)
  ring.append(Buffer.from('\nnext\n'), 0)
  const [long, next] = ring.last(2)
  t.equal(long, 'x'.repeat(4096))
  t.equal(next, 'next')
})

t.test('bytes that are no text do no harm', async (t) => {
  const ring = new OutputRing()
  ring.append(Buffer.from([0xff, 0x00, 0x0a, 0xc3]), 0)
  t.same(ring.last(2), ['\ufffd\0', '\ufffd'])
})
