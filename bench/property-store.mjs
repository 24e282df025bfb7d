// What a synced change of the property store costs next to a bare write: a file of the same bytes is written, synced and renamed, and its
// directory synced; by promises, as most programs do it, and by calls that block, as the store does it. All in turns, so that what else
// the disk does strikes them alike.
//
//   node bench/property-store.mjs [CHANGES] [DIRECTORY]      (default 1000, in the directory for temporary files)
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, thisProcess } from '../dist/process-identity.js'
import { openFileStore } from '../dist/property/file-store.js'
import { systemClock } from '../dist/system-clock.js'
import { printTable, quantile, summary } from './statistics.mjs'

const changes = Number(process.argv[2] ?? 1000)
const root = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'hangdog-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

const directories = { store: join(root, 'store'), bare: join(root, 'bare'), blocking: join(root, 'blocking') }
for (const directory of Object.values(directories)) mkdirSync(directory)
const stored = join(directories.store, 'properties.json')
const store = openFileStore({
  directory: directories.store,
  clock: systemClock,
  identity: { self: thisProcess, isAlive },
})
const author = { uid: 0, pid: process.pid }

// The memory of change sets grows for the first ones; after that the file keeps its size. Code is compiled by then, too.
for (let number = 0; number < 100; number += 1) await changeStore(number)
const kinds = [
  ['store', (_, number) => changeStore(number)],
  ['bare', writeBare],
  ['blocking', writeBlocking],
]
const times = { store: [], bare: [], blocking: [] }
for (let number = 100; number < 100 + changes; number += 1) {
  const bytes = readFileSync(stored)
  for (let turn = 0; turn < kinds.length; turn += 1) {
    const [kind, write] = kinds[(number + turn) % kinds.length]
    const start = performance.now()
    await write(bytes, number)
    times[kind].push(performance.now() - start)
  }
}

printTable(`One synced change of a store of ${statSync(stored).size} bytes, ms`, [
  { what: 'bare write, sync, rename, sync', ...summary(times.bare) },
  { what: 'the same by calls that block', ...summary(times.blocking) },
  { what: 'property store', ...summary(times.store) },
])
const ratio = (kind, share) => (quantile(times.store, share) / quantile(times[kind], share)).toFixed(2)
console.log(`store / bare: median ${ratio('bare', 0.5)}, p99 ${ratio('bare', 0.99)} (goal: p99 at most 1.5)`)
console.log(`store / the same by calls that block: median ${ratio('blocking', 0.5)}, p99 ${ratio('blocking', 0.99)}`)

/** Two properties in one set, as a command line that sets a timeout and an action. */
async function changeStore(number) {
  await store.change(
    [
      { name: 'ClusSvcHeartbeatTimeout', value: { format: 'DWORD', value: number + 6 } },
      { service: 'web', name: 'HangRecoveryAction', value: { format: 'DWORD', value: number % 4 } },
    ],
    author,
  )
}

async function writeBare(bytes, number) {
  const draft = join(directories.bare, `${number}.tmp`)
  const file = await open(draft, 'wx', 0o600)
  await file.writeFile(bytes)
  await file.sync()
  await file.close()
  await rename(draft, join(directories.bare, 'properties.json'))
  const directory = await open(directories.bare, 'r')
  await directory.sync()
  await directory.close()
}

function writeBlocking(bytes, number) {
  const draft = join(directories.blocking, `${number}.tmp`)
  const file = openSync(draft, 'wx', 0o600)
  writeFileSync(file, bytes)
  fsyncSync(file)
  closeSync(file)
  renameSync(draft, join(directories.blocking, 'properties.json'))
  const directory = openSync(directories.blocking, 'r')
  fsyncSync(directory)
  closeSync(directory)
}
