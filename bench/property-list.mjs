// How fast a binary property list is read: lists of 32 properties with names of MSCS, 24 DWORD and 8 SZ, each a list of its own. Beside it,
// in turns in the same run: JSON.parse of the same lists as JSON, and a bare walk from length to length that checks and makes nothing.
// A round reads so many lists that the clock's resolution does not matter; the table is of nanoseconds a property over the rounds.
//
//   node bench/property-list.mjs [rounds]        (default 200)
import { encodePropertyList } from '../dist/property/property-list.js'
import { decodePropertyList } from '../dist/property/property-list-reader.js'
import { printTable, quantile, summary } from './statistics.mjs'

const rounds = Number(process.argv[2] ?? 200)
const warmUp = 20
const goal = 1e6

const numbers = [
  'ClusSvcHeartbeatTimeout',
  'HangRecoveryAction',
  'SameSubnetDelay',
  'SameSubnetThreshold',
  'CrossSubnetDelay',
  'CrossSubnetThreshold',
  'CrossSiteDelay',
  'CrossSiteThreshold',
  'RouteHistoryLength',
  'PlumbAllCrossSubnetRoutes',
  'ClusSvcRegroupOpeningTimeout',
  'ClusSvcRegroupPruningTimeout',
  'ClusSvcRegroupStageTimeout',
  'ClusSvcRegroupTickInMilliseconds',
  'QuorumArbitrationTimeMax',
  'QuorumArbitrationTimeMin',
  'ResiliencyLevel',
  'ResiliencyDefaultPeriod',
  'QuarantineThreshold',
  'QuarantineDuration',
  'EnableResourceDllDeadlockDetection',
  'RestartThreshold',
  'LooksAlivePollInterval',
  'IsAlivePollInterval',
]
const texts = [
  'Description',
  'CommandLine',
  'CurrentDirectory',
  'ServiceName',
  'StartupParameters',
  'MaintenanceSchedule',
  'DrillSchedule',
  'FailureActions',
]
const perList = numbers.length + texts.length

const lists = Array.from({ length: 64 }, (_, list) => [
  ...numbers.map((name, index) => entry(name, { format: 'DWORD', value: (list * 7919 + index * 104_729) >>> 0 })),
  ...texts.map((name, index) => entry(name, { format: 'SZ', value: `value ${index} of the list ${list}` })),
])
const encoded = lists.map((list) => encodePropertyList(list))
const json = lists.map((list) => Buffer.from(JSON.stringify(list)))

const contenders = [
  { name: 'decodePropertyList', inputs: encoded, read: (bytes) => decodePropertyList(bytes).length },
  { name: 'JSON.parse of the same', inputs: json, read: (bytes) => JSON.parse(bytes.toString()).length },
  { name: 'bare walk', inputs: encoded, read: walk },
]
for (const contender of contenders) contender.nanoseconds = []

for (let round = -warmUp; round < rounds; round++) {
  for (const contender of contenders) {
    const taken = measure(contender)
    if (round >= 0) contender.nanoseconds.push(taken)
  }
}

printTable(
  `ns a property; ${encoded.length} lists of ${perList} properties, ${encoded[0].length} bytes each`,
  contenders.map(({ name, nanoseconds }) => ({
    what: name,
    ...summary(nanoseconds),
    'properties/s': Math.round(1e9 / quantile(nanoseconds, 0.5)),
  })),
)
const [decoder, parser] = contenders.map(({ nanoseconds }) => quantile(nanoseconds, 0.5))
console.log(`decodePropertyList: ${(1e3 / decoder).toFixed(2)} million properties/s (goal: at least ${goal / 1e6})`)
console.log(`decodePropertyList / JSON.parse, time: ${(decoder / parser).toFixed(2)}`)

/** Nanoseconds a property, over ten times all lists. */
function measure({ inputs, read }) {
  const repeats = 10
  let properties = 0
  const began = process.hrtime.bigint()
  for (let repeat = 0; repeat < repeats; repeat++) for (const input of inputs) properties += read(input)
  const taken = Number(process.hrtime.bigint() - began)
  if (properties !== repeats * inputs.length * perList) throw new Error(`${properties} properties were read`)
  return taken / properties
}

function walk(bytes) {
  let at = 4
  let properties = 0
  while (at < bytes.length) {
    if (bytes.readUInt32LE(at) === 0) {
      properties++
      at += 4
    } else {
      at += 8 + ((bytes.readUInt32LE(at + 4) + 3) & ~3)
    }
  }
  return properties
}

function entry(name, value) {
  return { name, values: [value] }
}
