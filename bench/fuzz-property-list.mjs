// Feeds the reader of binary property lists with damaged lists for a while: bits flipped, ends cut off, parts of two lists joined, and
// integers at the edges of 32 bits in place of counts, syntaxes and lengths. Checked of each input: it is refused with a HangdogError
// `data` that names an offset, or it is read, and then written and read again it is the same; and that none takes long. Inputs that are
// read and differ in shape from all before become seeds as well. The first failure prints the input as hex and ends the run with 1.
//
//   node bench/fuzz-property-list.mjs [seconds] [seed]        (default 60 and a seed from the clock, which is printed)
import assert from 'node:assert/strict'
import { HangdogError } from '../dist/errors.js'
import { encodePropertyList } from '../dist/property/property-list.js'
import { decodePropertyList } from '../dist/property/property-list-reader.js'
import { printTable, quantile } from './statistics.mjs'

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32)
const random = generator(seed)

/** Inputs have up to 4 KB, and one takes some microseconds. */
const longestMs = 10
const longestInput = 4096
const mostSeeds = 5000

const edges = [0, 1, 2, 3, 4, 7, 8, 0x7fffffff, 0x80000000, 0xfffffff8, 0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff]
const syntaxes = [0x00040003, ...Array.from({ length: 15 }, (_, format) => 0x00010000 + format)]
const mutations = [flipBit, setByte, setWord, cutEnd, cutOut, repeatPart, joinTwo]

const seeds = firstSeeds()
const shapes = new Set(seeds.map((bytes) => shapeOf(decodePropertyList(bytes))))
const count = { inputs: 0, bytes: 0, refused: 0, 'read, written and read again': 0, 'seeds found': 0, 'timed again': 0 }
const reasons = new Map()
const milliseconds = []
let slowest = 0

console.log(`seed ${seed}, ${seconds} s`)
const end = performance.now() + seconds * 1000
while (performance.now() < end) {
  const bytes = mutate(pick(seeds))
  try {
    check(bytes)
  } catch (error) {
    console.error(`failed with ${bytes.toString('hex')}`)
    throw error
  }
}
report()

function check(bytes) {
  count.inputs++
  count.bytes += bytes.length
  const began = performance.now()
  const { entries, error } = decode(bytes)
  let taken = performance.now() - began
  if (count.inputs % 100 === 0) milliseconds.push(taken)
  if (taken > longestMs) taken = quickest(bytes)
  slowest = Math.max(slowest, taken)
  assert.ok(taken <= longestMs, `took ${taken} ms, each of several times`)
  if (entries === undefined) checkRefusal(error, bytes)
  else checkEntries(entries, bytes)
}

function decode(bytes) {
  try {
    return { entries: decodePropertyList(bytes) }
  } catch (error) {
    return { error }
  }
}

/** What an input that took long takes at best: what a pause of the machine or of the garbage collector made slow is quick then. */
function quickest(bytes) {
  const all = Array.from({ length: 10 }, () => {
    const began = performance.now()
    decode(bytes)
    return performance.now() - began
  })
  count['timed again']++
  return Math.min(...all)
}

function checkRefusal(error, bytes) {
  assert.ok(error instanceof HangdogError && error.code === 'data', String(error))
  const match = /^cannot read property list at offset (\d+) \(0x[0-9a-f]{8}\): expected (.+), not .+/s.exec(
    error.message,
  )
  assert.ok(match !== null && Number(match[1]) <= bytes.length, error.message)
  const reason = match[2].replaceAll(/0x[0-9a-f]+|\d+/g, 'N')
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  count.refused++
}

function checkEntries(entries, bytes) {
  const sent = entries.map(sendable).filter(({ values }) => values.length > 0)
  assert.deepEqual(decodePropertyList(encodePropertyList(sent)), sent)
  count['read, written and read again']++
  const shape = shapeOf(entries)
  if (seeds.length >= mostSeeds || shapes.has(shape)) return
  shapes.add(shape)
  seeds.push(bytes)
  count['seeds found']++
}

/** What a client may send of a property: no EXPANDED_SZ, and an EXPAND_SZ alone. */
function sendable({ name, values }) {
  const allowed = values.filter(({ format }) => format !== 'EXPANDED_SZ')
  const expandable = allowed.find(({ format }) => format === 'EXPAND_SZ')
  return { name, values: expandable === undefined ? allowed : [expandable] }
}

/** The formats of a list in their order: lists of one shape take the same way through the reader. */
function shapeOf(entries) {
  return entries.map(({ values }) => values.map(({ format }) => format).join()).join(';')
}

/** One list of each format, and some of many. */
function firstSeeds() {
  const values = [
    { format: 'DWORD', value: 720 },
    { format: 'SZ', value: 'a text' },
    { format: 'EXPAND_SZ', value: '%PATH%' },
    { format: 'MULTI_SZ', value: ['one', 'two', 'three'] },
    { format: 'BINARY', value: Uint8Array.of(1, 2, 3, 4, 5) },
    { format: 'ULARGE_INTEGER', value: 2n ** 63n },
    { format: 'LARGE_INTEGER', value: -1n },
    { format: 'LONG', value: -1 },
    { format: 'WORD', value: 0xabcd },
    { format: 'SECURITY_DESCRIPTOR', value: Uint8Array.of(1) },
    { format: 'FILETIME', value: 1n },
  ]
  const several = values.filter(({ format }) => format !== 'EXPAND_SZ')
  return [
    encodePropertyList([]),
    ...values.map((value, index) => encodePropertyList([{ name: `Name${index}`, values: [value] }])),
    encodePropertyList([{ name: 'Several', values: several }]),
    encodePropertyList(values.map((value, index) => ({ name: 'P'.repeat(index + 1), values: [value] }))),
    encodePropertyList([{ name: 'ß\ud800', values: [{ format: 'SZ', value: '\udc00 ä 😀' }] }]),
  ]
}

function mutate(original) {
  let bytes = Buffer.from(original)
  for (let left = 1 + below(3); left > 0; left--) bytes = pick(mutations)(bytes)
  return bytes.subarray(0, longestInput)
}

function flipBit(bytes) {
  if (bytes.length > 0) bytes[below(bytes.length)] ^= 1 << below(8)
  return bytes
}

function setByte(bytes) {
  if (bytes.length > 0) bytes[below(bytes.length)] = below(256)
  return bytes
}

/** Counts, syntaxes and lengths are all at multiples of 4. */
function setWord(bytes) {
  if (bytes.length < 4) return bytes
  const word = below(2) === 0 ? pick(edges) : below(2) === 0 ? pick(syntaxes) : below(bytes.length)
  bytes.writeUInt32LE(word, 4 * below(Math.floor(bytes.length / 4)))
  return bytes
}

function cutEnd(bytes) {
  return bytes.subarray(0, below(bytes.length + 1))
}

function cutOut(bytes) {
  const [from, to] = part(bytes)
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
}

function repeatPart(bytes) {
  const [from, to] = part(bytes)
  return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
}

/** The beginning of one list and the end of another. Half the time the counts are added, so that two whole lists make a longer one. */
function joinTwo(bytes) {
  const other = pick(seeds)
  if (below(2) === 0 || bytes.length < 4) {
    return Buffer.concat([bytes.subarray(0, part(bytes)[0]), other.subarray(part(other)[0])])
  }
  const joined = Buffer.concat([bytes, other.subarray(4)])
  joined.writeUInt32LE((bytes.readUInt32LE(0) + other.readUInt32LE(0)) >>> 0, 0)
  return joined
}

/** From and to; mostly at multiples of 4, where the parts of a list begin. */
function part(bytes) {
  const grain = below(4) === 0 ? 1 : 4
  const places = [0, 0].map(() => grain * below(Math.floor(bytes.length / grain) + 1))
  return places.sort((a, b) => a - b)
}

function pick(list) {
  return list[below(list.length)]
}

function below(limit) {
  return Math.floor(random() * limit)
}

/** A small generator with a seed (mulberry32), so that a run can be repeated. */
function generator(from) {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function report() {
  printTable('inputs', [count])
  const byCount = [...reasons].sort(([, a], [, b]) => b - a)
  printTable(
    'refused, where this was expected',
    byCount.map(([expected, times]) => ({ expected, times })),
  )
  const [median, p99] = [0.5, 0.99].map((share) => (1000 * quantile(milliseconds, share)).toFixed(1))
  console.log(
    `µs an input: median ${median}, p99 ${p99} (of every 100th), slowest of all ${(1000 * slowest).toFixed(0)}`,
  )
}
