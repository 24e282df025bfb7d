import { createHash } from 'node:crypto'
import { readdirSync, readlinkSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isAlive, thisWriter } from '../../src/incident/writer.js'
import { formatNote, type LockHolder, type LockNote, parseNote } from '../../src/property/lock-note.js'
import { type HeldLock, StoreLock } from '../../src/property/store-lock.js'
import { systemClock } from '../../src/system-clock.js'
import { later, seconds } from '../../src/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { identity, temporaryDirectory } from './store-place.js'
import { WriterProcess } from './writer-process.js'

const lockPath = (directory: string) => join(directory, 'properties.lock')

const note = (pid: number, nonce: string): string =>
  formatNote({ pid, startTime: '77', bootId: 'b', born: new Date(0), nonce })

const heirName = (target: string): string =>
  `properties.lock.${createHash('sha256').update(target).digest('hex').slice(0, 16)}`

/** A lock whose world is made by hand: who is alive, and what happens while that is found out. */
function madeLock(t: Test, directory = temporaryDirectory(t)) {
  const alive = new Set<number>()
  const asked: number[] = []
  let meanwhile: () => void = () => {}
  const clock = new FakeClock()
  const open = (pid: number): StoreLock => {
    alive.add(pid)
    const made = {
      self: (): LockHolder => ({ pid, startTime: '77', bootId: 'b' }),
      isAlive: (holder: LockHolder): boolean => {
        asked.push(holder.pid)
        const answer = alive.has(holder.pid)
        meanwhile()
        meanwhile = () => {}
        return answer
      },
    }
    return new StoreLock({ directory, clock, identity: made })
  }
  return {
    directory,
    alive,
    asked,
    clock,
    open,
    onceAsked: (happens: () => void) => {
      meanwhile = happens
    },
    acquire: (pid: number): Promise<HeldLock> => open(pid).acquire(clock.now()),
    names: () => readdirSync(directory).sort(),
  }
}

/** What a promise has come to so far. */
function follow<T>(promise: Promise<T>): { outcome: T | Error | undefined } {
  const followed: { outcome: T | Error | undefined } = { outcome: undefined }
  promise.then(
    (value) => {
      followed.outcome = value
    },
    (error: Error) => {
      followed.outcome = error
    },
  )
  return followed
}

/** Files take real time, which the fake clock knows nothing of. */
async function until(clock: FakeClock, check: () => boolean): Promise<void> {
  const end = Date.now() + 30_000
  while (!check()) {
    if (Date.now() > end) throw new Error('it never happened')
    await clock.run(5)
  }
}

t.test('a note of the holder comes back from its text', (t) => {
  const holder: LockNote = { pid: 42, startTime: '1234', bootId: 'a-b', born: new Date(99), nonce: 'ff' }
  t.strictSame(parseNote(formatNote(holder)), holder)
  t.strictSame(parseNote(formatNote({ ...holder, startTime: '', bootId: '' })), {
    ...holder,
    startTime: '',
    bootId: '',
  })
  for (const text of ['', 'x', 'pid=0,start=,boot=,born=1,nonce=a', 'pid=1,start=,boot=,born=1', '{"pid":1}']) {
    t.equal(parseNote(text), undefined, text)
  }
  t.end()
})

t.test('the lock names its holder for as long as it is held, and then is gone', async (t) => {
  const { directory, acquire, names } = madeLock(t)
  const lock = await acquire(10)
  t.match(parseNote(readlinkSync(lockPath(directory))), { pid: 10, startTime: '77', bootId: 'b' })
  t.equal(lock.inherited, false)
  t.equal(await lock.isHeld(), true)
  await lock.release()
  t.strictSame(names(), [])
  t.equal(await lock.isHeld(), false)
})

t.test('a lock held by somebody alive is waited for, and taken when it is released', async (t) => {
  const { clock, acquire, open } = madeLock(t)
  const first = await acquire(10)
  const second = follow(open(11).acquire(later(clock.now(), seconds(2))))
  await clock.run(1900)
  t.equal(second.outcome, undefined)
  await first.release()
  await until(clock, () => second.outcome !== undefined)
  t.notOk(second.outcome instanceof Error)
})

t.test(
  'when the limit has passed the error names the holder, its start and how long it has held the lock',
  async (t) => {
    const { clock, directory, acquire, open } = madeLock(t)
    const first = await acquire(10)
    const { born } = parseNote(readlinkSync(lockPath(directory))) ?? {}
    const second = follow(open(11).acquire(later(clock.now(), seconds(2))))
    await until(clock, () => second.outcome !== undefined)
    const error = second.outcome
    t.match(error, { code: 'unavailable' })
    const text = error instanceof Error ? error.message : ''
    t.ok(text.startsWith(`cannot change the properties in "${directory}": expected nobody else to be writing`), text)
    t.ok(text.includes(`but pid 10 (started ${born?.toISOString()}) has held the lock for 2`), text)
    t.equal(await first.isHeld(), true, 'and is not disturbed')
  },
)

t.test('the age of a lock counts when it is longer than the wait', async (t) => {
  const { directory, alive } = madeLock(t)
  alive.add(10)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  const wallNow = () => new Date(Date.now() + 3 * 3_600_000)
  const late = new StoreLock({
    directory,
    clock: { ...systemClock, wallNow },
    identity: { self: thisWriter, isAlive: ({ pid }) => alive.has(pid) },
  })
  await t.rejects(late.acquire(systemClock.now()), { message: /has held the lock for 3h/ })
})

t.test('the lock of a dead holder is inherited and leaves nothing', async (t) => {
  const { directory, acquire, asked, names } = madeLock(t)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  const lock = await acquire(11)
  t.strictSame(asked, [10])
  t.equal(lock.inherited, true)
  t.equal(await lock.isHeld(), true)
  t.equal(lock.owns('properties.lock'), true)
  t.equal(lock.owns(heirName(note(10, 'aa'))), true)
  t.equal(lock.owns(heirName(note(12, 'bb'))), false)
  await lock.release()
  t.strictSame(names(), [])
})

t.test('a dead heir is inherited from as well', async (t) => {
  const { directory, acquire, names } = madeLock(t)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  symlinkSync(note(11, 'bb'), join(directory, heirName(note(10, 'aa'))))
  symlinkSync(note(12, 'cc'), join(directory, heirName(note(11, 'bb'))))
  const lock = await acquire(13)
  t.equal(await lock.isHeld(), true)
  t.equal(names().length, 4)
  await lock.release()
  t.strictSame(names(), [])
})

t.test('a live heir of a dead holder is waited for', async (t) => {
  const { directory, acquire, alive } = madeLock(t)
  alive.add(11)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  symlinkSync(note(11, 'bb'), join(directory, heirName(note(10, 'aa'))))
  await t.rejects(acquire(13), { code: 'unavailable', message: /pid 11 / })
})

// What others do between the look at a lock and the step that follows from it.

t.test('an heir who comes when the lock has been inherited, released and taken again holds nothing', async (t) => {
  const { directory, acquire, alive, onceAsked, names } = madeLock(t)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  onceAsked(() => {
    unlinkSync(lockPath(directory))
    symlinkSync(note(20, 'dd'), lockPath(directory))
    alive.add(20)
  })
  await t.rejects(acquire(11), { code: 'unavailable' })
  t.equal(readlinkSync(lockPath(directory)), note(20, 'dd'), 'the lock of the other is as it was')
  t.strictSame(names(), ['properties.lock'], 'its claim is gone')
})

t.test('an heir who comes when the lock has been inherited and released takes it anew', async (t) => {
  const { directory, clock, open, onceAsked, names } = madeLock(t)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  onceAsked(() => unlinkSync(lockPath(directory)))
  const lock = follow(open(11).acquire(later(clock.now(), seconds(2))))
  await until(clock, () => lock.outcome !== undefined)
  t.match(lock.outcome, { inherited: false })
  t.strictSame(names(), ['properties.lock'])
})

t.test('of two heirs the later one waits for the earlier', async (t) => {
  const { directory, acquire, alive, onceAsked } = madeLock(t)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  onceAsked(() => {
    alive.add(20)
    symlinkSync(note(20, 'dd'), join(directory, heirName(note(10, 'aa'))))
  })
  await t.rejects(acquire(11), { code: 'unavailable', message: /others took turns/ })
  await t.rejects(acquire(11), { code: 'unavailable', message: /pid 20 / })
})

t.test('whoever loses the lock, which nobody should take, is told so before it writes', async (t) => {
  const { directory, acquire, alive } = madeLock(t)
  const removed = await acquire(10)
  unlinkSync(lockPath(directory))
  t.equal(await removed.isHeld(), false, 'removed by hand')
  const inherited = await acquire(10)
  alive.delete(10)
  const heir = await acquire(11)
  t.equal(await inherited.isHeld(), false, 'taken for dead')
  t.equal(await heir.isHeld(), true)
})

t.test('a second release does not touch the lock of the next holder', async (t) => {
  const { acquire } = madeLock(t)
  const first = await acquire(10)
  await first.release()
  const second = await acquire(11)
  await first.release()
  t.equal(await second.isHeld(), true)
})

t.test('a lock that names nobody is nobody’s and is inherited', async (t) => {
  const { directory, acquire, names } = madeLock(t)
  symlinkSync('nobody', lockPath(directory))
  const lock = await acquire(11)
  t.equal(await lock.isHeld(), true)
  await lock.release()
  t.strictSame(names(), [])
})

t.test('a chain that leads back to itself is not followed for ever', async (t) => {
  const { directory, acquire } = madeLock(t)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  symlinkSync(note(10, 'aa'), join(directory, heirName(note(10, 'aa'))))
  await t.rejects(acquire(11), { code: 'unavailable' })
})

t.test('a file that is no link is left alone', async (t) => {
  const { directory, acquire } = madeLock(t)
  writeFileSync(lockPath(directory), '')
  await t.rejects(acquire(11), { code: 'EINVAL' })
})

// With real processes.

const open = (directory: string): StoreLock => new StoreLock({ directory, clock: systemClock, identity })

t.test('a live process is named, and its lock is taken over when it was killed', async (t) => {
  const directory = temporaryDirectory(t)
  const holder = new WriterProcess(t, 'holds-lock.mjs', [directory])
  await holder.said(1)
  const before = systemClock.now()
  const limit = seconds(0.3)
  await t.rejects(open(directory).acquire(later(before, limit)), {
    code: 'unavailable',
    message: new RegExp(`but pid ${holder.child.pid} \\(started .*\\) has held the lock for `),
  })
  t.ok(systemClock.now() - before >= limit, 'not before the limit')
  await holder.kill()
  const lock = await open(directory).acquire(systemClock.now())
  t.equal(lock.inherited, true)
  await lock.release()
  t.strictSame(readdirSync(directory), [])
})

t.test('a process with the number of a dead holder is not taken for it', async (t) => {
  const { bootId, startTime } = thisWriter()
  const recycled: LockHolder = { pid: process.pid, startTime: `${Number(startTime) - 1}`, bootId }
  t.equal(isAlive({ ...recycled, startTime }), true)
  for (const [what, holder] of [
    ['another start', recycled],
    ['another boot', { ...recycled, startTime, bootId: 'another' }],
  ] as const) {
    const directory = temporaryDirectory(t)
    symlinkSync(formatNote({ ...holder, born: new Date(0), nonce: '0a' }), lockPath(directory))
    const lock = await open(directory).acquire(systemClock.now())
    t.equal(lock.inherited, true, what)
  }
})

t.test('where a process has no start time its pid alone counts', async (t) => {
  const directory = temporaryDirectory(t)
  const holder: LockHolder = { pid: process.pid, startTime: '', bootId: thisWriter().bootId }
  symlinkSync(formatNote({ ...holder, born: new Date(0), nonce: '0a' }), lockPath(directory))
  await t.rejects(open(directory).acquire(systemClock.now()), { message: new RegExp(`pid ${process.pid} `) })
})

t.test('among many that want the lock of a dead holder never two have it', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const directory = temporaryDirectory(t)
    symlinkSync(note(4_194_305, 'aa'), lockPath(directory))
    let holders = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const lock = await open(directory).acquire(later(systemClock.now(), seconds(60)))
        holders += 1
        most = Math.max(most, holders)
        t.equal(await lock.isHeld(), true)
        // Something that fails when somebody else does it as well.
        symlinkSync('x', join(directory, 'critical'))
        renameSync(join(directory, 'critical'), join(directory, 'done'))
        holders -= 1
        await lock.release()
      }),
    )
    t.equal(most, 1)
    t.strictSame(readdirSync(directory), ['done'])
  }
})
