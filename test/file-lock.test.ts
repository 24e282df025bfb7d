import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isDraftOf } from '../src/durable-file.js'
import { FileLock, type HeldLock } from '../src/file-lock.js'
import { blockingCalls, type LockCalls, waitingCalls } from '../src/lock-chain.js'
import { formatNote, type LockNote, parseNote } from '../src/lock-note.js'
import { isAlive, type ProcessIdentity, thisProcess } from '../src/process-identity.js'
import { systemClock } from '../src/system-clock.js'
import { later, seconds } from '../src/time.js'
import { temporaryDirectory } from './control/support.js'
import { FakeClock } from './support/fake-clock.js'
import { FixtureProcess } from './support/fixture-process.js'

const lockPath = (directory: string) => join(directory, 'things.lock')

const note = (pid: number, nonce: string): string =>
  formatNote({ pid, startTime: '77', bootId: 'b', born: new Date(0), nonce })

const heirName = (target: string): string =>
  `things.lock.${createHash('sha256').update(target).digest('hex').slice(0, 16)}`

/** As both kinds of system calls do it. */
function test(title: string, body: (t: Test, calls: LockCalls) => void | Promise<void>): void {
  t.test(`${title} (by calls that wait)`, (t) => body(t, waitingCalls))
  t.test(`${title} (by calls that block)`, (t) => body(t, blockingCalls))
}

/** A lock whose world is made by hand: who is alive, and what happens while that is found out. */
function madeLock(t: Test, calls: LockCalls, directory = temporaryDirectory(t)) {
  const alive = new Set<number>()
  const asked: number[] = []
  let meanwhile: () => void = () => {}
  const clock = new FakeClock()
  const open = (pid: number): Pick<FileLock, 'acquire'> => {
    alive.add(pid)
    const identity = {
      self: (): ProcessIdentity => ({ pid, startTime: '77', bootId: 'b' }),
      isAlive: (holder: ProcessIdentity): boolean => {
        asked.push(holder.pid)
        const answer = alive.has(holder.pid)
        meanwhile()
        meanwhile = () => {}
        return answer
      },
    }
    const isDraft = (name: string): boolean => isDraftOf('things.json', name)
    return new FileLock({ path: lockPath(directory), clock, identity, isDraft, calls })
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
    acquire: (pid: number): Promise<HeldLock> => open(pid).acquire('the things', clock.now()),
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

test('the lock names its holder for as long as it is held, and then is gone', async (t, calls) => {
  const { directory, acquire, names } = madeLock(t, calls)
  const lock = await acquire(10)
  t.match(parseNote(readlinkSync(lockPath(directory))), { pid: 10, startTime: '77', bootId: 'b' })
  t.equal(lock.inherited, false)
  t.equal(await lock.isHeld(), true)
  await lock.release()
  t.strictSame(names(), [])
  t.equal(await lock.isHeld(), false)
})

test('a lock held by somebody alive is waited for, and taken when it is released', async (t, calls) => {
  const { clock, acquire, open } = madeLock(t, calls)
  const first = await acquire(10)
  const second = follow(open(11).acquire('the things', later(clock.now(), seconds(2))))
  await clock.run(1900)
  t.equal(second.outcome, undefined)
  await first.release()
  await until(clock, () => second.outcome !== undefined)
  t.notOk(second.outcome instanceof Error)
})

test('when the limit has passed the error names the holder, its start and how long it has held the lock', async (t, calls) => {
  const { clock, directory, acquire, open } = madeLock(t, calls)
  const first = await acquire(10)
  const { born } = parseNote(readlinkSync(lockPath(directory))) ?? {}
  const second = follow(open(11).acquire('the things', later(clock.now(), seconds(2))))
  await until(clock, () => second.outcome !== undefined)
  const error = second.outcome
  t.match(error, { code: 'unavailable' })
  const text = error instanceof Error ? error.message : ''
  const expected = 'cannot change the things: expected nobody else to be writing'
  // How long it waited beyond its limit is up to the machine.
  t.ok(text.startsWith(`${expected}, but pid 10 (started ${born?.toISOString()}) has held the lock for `), text)
  t.match(text, /has held the lock for [2-9]/)
  t.ok(text.endsWith(`("${lockPath(directory)}")`), text)
  t.equal(await first.isHeld(), true, 'and is not disturbed')
})

test('the age of a lock counts when it is longer than the wait', async (t, calls) => {
  const { directory, alive } = madeLock(t, calls)
  alive.add(10)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  const wallNow = () => new Date(Date.now() + 3 * 3_600_000)
  const late = new FileLock({
    path: lockPath(directory),
    clock: { ...systemClock, wallNow },
    identity: { self: thisProcess, isAlive: ({ pid }) => alive.has(pid) },
    isDraft: () => false,
    calls,
  })
  await t.rejects(late.acquire('it', systemClock.now()), { message: /has held the lock for 3h/ })
})

test('the lock of a dead holder is inherited and leaves nothing', async (t, calls) => {
  const { directory, acquire, asked, names } = madeLock(t, calls)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  const lock = await acquire(11)
  t.strictSame(asked, [10])
  t.equal(lock.inherited, true)
  t.equal(await lock.isHeld(), true)
  await lock.release()
  t.strictSame(names(), [])
})

test('a dead heir is inherited from as well', async (t, calls) => {
  const { directory, acquire, names } = madeLock(t, calls)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  symlinkSync(note(11, 'bb'), join(directory, heirName(note(10, 'aa'))))
  symlinkSync(note(12, 'cc'), join(directory, heirName(note(11, 'bb'))))
  const lock = await acquire(13)
  t.equal(await lock.isHeld(), true)
  t.equal(names().length, 4)
  await lock.release()
  t.strictSame(names(), [])
})

test('what killed holders left is removed, once and with each inheritance, and nothing else is', async (t, calls) => {
  const { directory, acquire, open, names } = madeLock(t, calls)
  const left = [heirName(note(12, 'bb')), 'things.json.0123456789ab.tmp']
  const others = ['things.json', 'things.json.tmp', 'things.json.0123456789ab.tmp.old', 'things.lock.txt', 'other.lock']
  const leave = (): void => {
    for (const name of left) symlinkSync(note(12, 'bb'), join(directory, name))
  }
  for (const name of others) writeFileSync(join(directory, name), '')
  mkdirSync(join(directory, 'things.json.abababababab.tmp'))
  leave()
  const lock = open(10)
  const first = await lock.acquire('the things', systemClock.now())
  const kept = [...others, 'things.json.abababababab.tmp']
  t.strictSame(names(), [...kept, 'things.lock'].sort())
  await first.release()
  leave()
  await (await lock.acquire('the things', systemClock.now())).release()
  t.strictSame(names(), [...kept, ...left].sort(), 'looking is not for free')
  symlinkSync(note(13, 'cc'), lockPath(directory))
  const heir = await lock.acquire('the things', systemClock.now())
  t.strictSame(names(), [...kept, 'things.lock', heirName(note(13, 'cc'))].sort(), 'its own links are left')
  t.equal(await heir.isHeld(), true)
  await heir.release()
  leave()
  await acquire(11)
  t.strictSame(names(), [...kept, 'things.lock'].sort(), 'another object looks anew')
})

test('a live heir of a dead holder is waited for', async (t, calls) => {
  const { directory, acquire, alive } = madeLock(t, calls)
  alive.add(11)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  symlinkSync(note(11, 'bb'), join(directory, heirName(note(10, 'aa'))))
  await t.rejects(acquire(13), { code: 'unavailable', message: /pid 11 / })
})

// What others do between the look at a lock and the step that follows from it.

test('an heir who comes when the lock has been inherited, released and taken again holds nothing', async (t, calls) => {
  const { directory, acquire, alive, onceAsked, names } = madeLock(t, calls)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  onceAsked(() => {
    unlinkSync(lockPath(directory))
    symlinkSync(note(20, 'dd'), lockPath(directory))
    alive.add(20)
  })
  await t.rejects(acquire(11), { code: 'unavailable' })
  t.equal(readlinkSync(lockPath(directory)), note(20, 'dd'), 'the lock of the other is as it was')
  t.strictSame(names(), ['things.lock'], 'its claim is gone')
})

test('an heir who comes when the lock has been inherited and released takes it anew', async (t, calls) => {
  const { directory, clock, open, onceAsked, names } = madeLock(t, calls)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  onceAsked(() => unlinkSync(lockPath(directory)))
  const lock = follow(open(11).acquire('the things', later(clock.now(), seconds(2))))
  await until(clock, () => lock.outcome !== undefined)
  t.match(lock.outcome, { inherited: false })
  t.strictSame(names(), ['things.lock'])
})

test('of two heirs the later one waits for the earlier', async (t, calls) => {
  const { directory, acquire, alive, onceAsked } = madeLock(t, calls)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  onceAsked(() => {
    alive.add(20)
    symlinkSync(note(20, 'dd'), join(directory, heirName(note(10, 'aa'))))
  })
  await t.rejects(acquire(11), { code: 'unavailable', message: /others took turns/ })
  await t.rejects(acquire(11), { code: 'unavailable', message: /pid 20 / })
})

test('whoever loses the lock, which nobody should take, is told so before it writes', async (t, calls) => {
  const { directory, acquire, alive } = madeLock(t, calls)
  const removed = await acquire(10)
  unlinkSync(lockPath(directory))
  t.equal(await removed.isHeld(), false, 'removed by hand')
  const inherited = await acquire(10)
  alive.delete(10)
  const heir = await acquire(11)
  t.equal(await inherited.isHeld(), false, 'taken for dead')
  t.equal(await heir.isHeld(), true)
})

test('a second release does not touch the lock of the next holder', async (t, calls) => {
  const { acquire } = madeLock(t, calls)
  const first = await acquire(10)
  await first.release()
  const second = await acquire(11)
  await first.release()
  t.equal(await second.isHeld(), true)
})

test('a lock that names nobody is nobody’s and is inherited', async (t, calls) => {
  const { directory, acquire, names } = madeLock(t, calls)
  symlinkSync('nobody', lockPath(directory))
  const lock = await acquire(11)
  t.equal(await lock.isHeld(), true)
  await lock.release()
  t.strictSame(names(), [])
})

test('a chain that leads back to itself is not followed for ever', async (t, calls) => {
  const { directory, acquire } = madeLock(t, calls)
  symlinkSync(note(10, 'aa'), lockPath(directory))
  symlinkSync(note(10, 'aa'), join(directory, heirName(note(10, 'aa'))))
  await t.rejects(acquire(11), { code: 'unavailable' })
})

test('a file that is no link is left alone', async (t, calls) => {
  const { directory, acquire } = madeLock(t, calls)
  writeFileSync(lockPath(directory), '')
  await t.rejects(acquire(11), { code: 'EINVAL' })
})

// With real processes.

const open = (directory: string, calls: LockCalls = waitingCalls): FileLock =>
  new FileLock({
    path: lockPath(directory),
    clock: systemClock,
    identity: { self: thisProcess, isAlive },
    isDraft: () => false,
    calls,
  })

const soon = () => later(systemClock.now(), seconds(60))

test('a live process is named, and its lock is taken over when it was killed', async (t, calls) => {
  const directory = temporaryDirectory(t)
  const holder = new FixtureProcess(t, 'file-lock/holds-lock.mjs', [lockPath(directory)])
  await holder.said(1)
  const before = systemClock.now()
  const limit = seconds(0.3)
  await t.rejects(open(directory, calls).acquire('the things', later(before, limit)), {
    code: 'unavailable',
    message: new RegExp(`but pid ${holder.child.pid} \\(started .*\\) has held the lock for `),
  })
  t.ok(systemClock.now() - before >= limit, 'not before the limit')
  await holder.kill()
  const lock = await open(directory, calls).acquire('the things', systemClock.now())
  t.equal(lock.inherited, true)
  await lock.release()
  t.strictSame(readdirSync(directory), [])
})

t.test('of several processes one at a time does its work, and nothing is left behind', async (t) => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'number')
  writeFileSync(file, '0')
  const args = [lockPath(directory), file, '30']
  const processes = [1, 2, 3].map(() => new FixtureProcess(t, 'file-lock/counts.mjs', args))
  await Promise.all(processes.map((each) => each.succeeded()))
  t.equal(readFileSync(file, 'utf8'), '90')
  t.strictSame(readdirSync(directory), ['number'])
})

test('a process with the number of a dead holder is not taken for it', async (t, calls) => {
  const { bootId, startTime } = thisProcess()
  const recycled: ProcessIdentity = { pid: process.pid, startTime: `${Number(startTime) - 1}`, bootId }
  t.equal(isAlive({ ...recycled, startTime }), true)
  for (const [what, holder] of [
    ['another start', recycled],
    ['another boot', { ...recycled, startTime, bootId: 'another' }],
  ] as const) {
    const directory = temporaryDirectory(t)
    symlinkSync(formatNote({ ...holder, born: new Date(0), nonce: '0a' }), lockPath(directory))
    const lock = await open(directory, calls).acquire('it', systemClock.now())
    t.equal(lock.inherited, true, what)
  }
})

test('where a process has no start time its pid alone counts', async (t, calls) => {
  const directory = temporaryDirectory(t)
  const holder: ProcessIdentity = { pid: process.pid, startTime: '', bootId: thisProcess().bootId }
  symlinkSync(formatNote({ ...holder, born: new Date(0), nonce: '0a' }), lockPath(directory))
  await t.rejects(open(directory, calls).acquire('it', systemClock.now()), {
    message: new RegExp(`pid ${process.pid} `),
  })
})

test('where there is no directory there is no lock', async (t, calls) => {
  const directory = join(temporaryDirectory(t), 'none')
  const message = `ENOENT: no such file or directory, symlink '${lockPath(directory)}'`
  await t.rejects(open(directory, calls).acquire('it', soon()), { code: 'ENOENT', message })
  t.notOk(existsSync(directory))
})

/** Ten that want it at once; what two at a time cannot do is done by each. */
async function takeTurns(t: Test, directory: string, calls: LockCalls): Promise<void> {
  let holders = 0
  let most = 0
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const lock = await open(directory, calls).acquire('it', soon())
      holders += 1
      most = Math.max(most, holders)
      t.equal(await lock.isHeld(), true)
      symlinkSync('x', join(directory, 'critical'))
      await new Promise((resolve) => setImmediate(resolve))
      renameSync(join(directory, 'critical'), join(directory, 'done'))
      holders -= 1
      await lock.release()
    }),
  )
  t.equal(most, 1)
  t.strictSame(readdirSync(directory), ['done'])
}

test('among many that want the lock of a dead holder never two have it', async (t, calls) => {
  for (let round = 0; round < 20; round += 1) {
    const directory = temporaryDirectory(t)
    symlinkSync(note(4_194_305, 'aa'), lockPath(directory))
    await takeTurns(t, directory, calls)
  }
})

test('the lock of a process that was killed is taken over by one of many', async (t, calls) => {
  const directory = temporaryDirectory(t)
  const holder = new FixtureProcess(t, 'file-lock/holds-lock.mjs', [lockPath(directory)])
  await holder.said(1)
  await holder.kill()
  t.match(parseNote(readlinkSync(lockPath(directory))), { pid: holder.child.pid }, 'it is still there')
  await takeTurns(t, directory, calls)
})
