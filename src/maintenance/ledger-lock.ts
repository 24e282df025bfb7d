import type { BigIntStats } from 'node:fs'
import { lstat, open, readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { HangdogError, systemCode } from '../errors.js'
import { isAlive, thisWriter, type Writer } from '../incident/writer.js'

/** How long to wait for another writer, who needs milliseconds. */
const defaultPatienceMs = 5000
const lookEveryMs = 20

/** A lock that does not say whose it is was left by one that died while it made it, when it is older than this. */
const oldestUnsignedMs = 60_000

/**
 * Does something while no other process does: the lock is a file that only one can make. One that a dead process left behind is removed.
 * @param thing what cannot be changed meanwhile, for the error
 * @param patienceMs how long to wait for others; default 5000
 * @throws HangdogError `unavailable` naming the holder when it does not finish in time; the system's error when no file can be made
 */
export async function withLock<T>(
  path: string,
  thing: string,
  work: () => Promise<T>,
  patienceMs: number = defaultPatienceMs,
): Promise<T> {
  const own = await waitForLock(path, thing, patienceMs)
  try {
    return await work()
  } finally {
    await removeIfSame(path, own)
  }
}

async function waitForLock(path: string, thing: string, patienceMs: number): Promise<string> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const made = await tryMake(path)
    if (made !== undefined) return made
    const holder = await look(path)
    if (performance.now() > deadline) throw refusal(path, thing, holder)
    if (holder !== undefined && isLeftBehind(holder)) await breakLock(path, holder)
    else await sleep(lookEveryMs)
  }
}

/** @returns what tells this file from any other of its name; undefined when there is one already */
async function tryMake(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      const { pid, startTime, bootId } = thisWriter()
      await file.writeFile(`${pid} ${startTime} ${bootId}\n`)
      return identify(await file.stat({ bigint: true }))
    } catch (error) {
      // On a full disk an empty file can still be made; it must not keep others out.
      await rm(path, { force: true })
      throw error
    } finally {
      await file.close()
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined
    throw error
  }
}

interface Holder {
  /** Undefined while it is not written yet. */
  readonly writer: Writer | undefined
  readonly identity: string
  readonly ageMs: number
}

/** Undefined when there is no lock by now. */
async function look(path: string): Promise<Holder | undefined> {
  try {
    const stats = await lstat(path, { bigint: true })
    const ageMs = Date.now() - Number(stats.mtimeNs / 1_000_000n)
    return { writer: parseWriter(await readFile(path, 'utf8')), identity: identify(stats), ageMs }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function identify({ ino, ctimeNs }: BigIntStats): string {
  return `${ino}-${ctimeNs}`
}

function parseWriter(text: string): Writer | undefined {
  // Without its end the line may name somebody else.
  const [, pid, startTime, bootId] = /^(\d+) (\S*) (\S*)\n$/.exec(text) ?? []
  if (pid === undefined || startTime === undefined || bootId === undefined) return undefined
  return { pid: Number(pid), startTime, bootId }
}

function isLeftBehind({ writer, ageMs }: Holder): boolean {
  return writer === undefined ? ageMs > oldestUnsignedMs : !isAlive(writer)
}

/**
 * Of several that find the same dead lock, only the one that can make its marker may remove it; and it does so only if it is still the
 * same lock, which nobody else can change then. So nobody removes the lock of a live one.
 */
async function breakLock(path: string, { identity }: Holder): Promise<void> {
  const marker = `${path}.${identity}`
  if ((await tryMake(marker)) === undefined) return await sleep(lookEveryMs)
  await removeIfSame(path, identity)
  await rm(marker, { force: true })
}

async function removeIfSame(path: string, identity: string): Promise<void> {
  try {
    if (identify(await lstat(path, { bigint: true })) === identity) await rm(path, { force: true })
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}

function refusal(path: string, thing: string, holder: Holder | undefined): HangdogError {
  const who = holder?.writer === undefined ? 'another process' : `process ${holder.writer.pid}`
  return new HangdogError('unavailable', `cannot change ${thing}: ${who} holds the lock "${path}"`)
}
