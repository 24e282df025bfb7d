import { accessSync, constants } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeError } from '../errors.js'
import { runCommand } from './command.js'
import { readKernelFile, writeKernelFile } from './linux-proc.js'
import type { BugCheckFailure, BugCheckMethod, BugCheckReason } from './platform.js'

/** The kernel files that stop the machine. Other paths are for tests. */
export interface BugCheckFiles {
  /** Takes the letter of a system request. */
  readonly sysrqTrigger: string
  /** Holds 1 when a crash kernel is loaded. */
  readonly kexecLoaded: string
  /** Takes a line for the kernel's log, which a crash dump or pstore keeps. */
  readonly kernelLog: string
}

/** For writing all disks back, in ms. A disk that hangs must not keep the machine from being stopped. */
const syncLimitMs = 5000

/** For the kernel's own emergency sync, which says nothing when it is done, in ms. */
const emergencySyncMs = 1000

/** Until the machine must be down, in ms. */
const aliveAfterMs = 1000

/** How this machine would be stopped; see Platform.bugCheckMethod. */
export function linuxBugCheckMethod(files: BugCheckFiles): BugCheckMethod {
  try {
    accessSync(files.sysrqTrigger, constants.W_OK)
  } catch (error) {
    return { kind: 'none', reason: describeError(error) }
  }
  const loaded = readKernelFile(files.kexecLoaded)?.trim() === '1'
  return loaded
    ? { kind: 'dump', method: 'sysrq c: crash dump by the loaded crash kernel' }
    : { kind: 'reboot', method: 'sync, then sysrq b: reboot at once (no crash kernel is loaded)' }
}

/** Stops the machine; see Platform.bugCheck. */
export async function linuxBugCheck(
  files: BugCheckFiles,
  reason: BugCheckReason,
  beforeDump: () => void = () => {},
): Promise<BugCheckFailure> {
  const chosen = linuxBugCheckMethod(files)
  if (chosen.kind === 'none') return { method: 'none', error: chosen.reason }
  try {
    writeLastWords(files, reason)
    await syncDisks(files)
    if (chosen.kind === 'dump') beforeDump()
    writeKernelFile(files.sysrqTrigger, chosen.kind === 'dump' ? 'c' : 'b')
  } catch (error) {
    return { method: chosen.method, error: describeError(error) }
  }
  await sleep(aliveAfterMs)
  return { method: chosen.method, error: `the machine still runs ${aliveAfterMs} ms after the request` }
}

/** 0x9E is USER_MODE_HEALTH_MONITOR, what the source shows for the same thing. Level 2 is critical. */
function writeLastWords(files: BugCheckFiles, reason: BugCheckReason): void {
  const { service, pid, timeout, incident } = reason
  const line = `<2>hangdog: bugcheck 0x9E: service ${service} (pid ${pid}) hung for ${timeout} ms, incident ${incident}\n`
  try {
    // A line break would begin a record of its own.
    writeKernelFile(files.kernelLog, `${line.replace(/[\r\n]+/g, ' ').trim()}\n`)
  } catch {
    // The kernel's log is a courtesy; not every container has it.
  }
}

async function syncDisks(files: BugCheckFiles): Promise<void> {
  const result = await runCommand({ command: 'sync', args: [], timeoutMs: syncLimitMs })
  if (result.kind === 'done' && result.exit.kind === 'code' && result.exit.code === 0) return
  writeKernelFile(files.sysrqTrigger, 's')
  await sleep(emergencySyncMs)
}
