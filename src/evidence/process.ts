import { stat } from 'node:fs/promises'
import { readControlGroup } from './control-group.js'
import type { Collector, Finding } from './exhibit.js'
import { listFirstNames, parseFields, readTarget, readText, readWithin, valueOrReason } from './proc-file.js'
import { type Depth, readThreads } from './thread.js'

const statusFields = [
  'Name',
  'State',
  'PPid',
  'TracerPid',
  'Uid',
  'VmPeak',
  'VmRSS',
  'VmSwap',
  'Threads',
  'SigQ',
  'SigPnd',
  'ShdPnd',
  'SigBlk',
  'SigIgn',
  'SigCgt',
  'CapEff',
  'NoNewPrivs',
  'Seccomp',
  'Cpus_allowed_list',
  'Mems_allowed_list',
  'voluntary_ctxt_switches',
  'nonvoluntary_ctxt_switches',
]

/** Descriptors whose targets are listed. */
const descriptorLimit = 200

/** Descriptors that are counted one by one; a process may have a million. */
const countLimit = 10_000

/** Children that are listed. */
const childLimit = 50

/** Command lines can hold megabytes. */
const commandLineLimit = 4096

/** What /proc says about the service: everything for a hang, state and threads for the light capture. */
export function createProcessCollector(depth: Depth): Collector {
  return { name: 'process', collect: (request) => readProcess(request.subject.pid, depth) }
}

async function readProcess(pid: number, depth: Depth): Promise<Finding> {
  const status = await readText(`/proc/${pid}/status`)
  if (status.kind === 'unreadable') {
    return { kind: 'missing', reason: `cannot read /proc/${pid}: ${status.reason}` }
  }
  const threads = valueOrReason(await readThreads(pid, depth))
  const fields = parseFields(status.value, statusFields)
  if (depth === 'light') return { kind: 'found', content: { pid, status: fields, threads } }
  const [commandLine, executable, limits, openFiles, controlGroup, children] = await Promise.all([
    readText(`/proc/${pid}/cmdline`),
    readTarget(`/proc/${pid}/exe`),
    readText(`/proc/${pid}/limits`),
    readOpenFiles(pid),
    readControlGroup(pid).then(valueOrReason),
    readChildren(pid),
  ])
  return {
    kind: 'found',
    content: {
      pid,
      status: fields,
      executable: valueOrReason(executable),
      commandLine: valueOrReason(commandLine)
        .slice(0, commandLineLimit)
        .split('\0')
        .filter((word) => word !== ''),
      startTicks: await readStartTicks(pid),
      threads,
      children,
      openFiles,
      limits: limits.kind === 'read' ? parseLimits(limits.value) : valueOrReason(limits),
      controlGroup,
    },
  }
}

/** A process it started and has not seen end. */
interface Child {
  readonly pid: number
  readonly name: string
  /** The kernel's letter. */
  readonly state: string
}

/** The children its main thread started; a kernel without CONFIG_PROC_CHILDREN does not list them. */
async function readChildren(pid: number): Promise<readonly Child[] | string> {
  const list = await readText(`/proc/${pid}/task/${pid}/children`)
  if (list.kind === 'unreadable') return valueOrReason(list)
  const children: Child[] = []
  for (const child of list.value.trim().split(' ').slice(0, childLimit)) {
    const stat = await readText(`/proc/${child}/stat`)
    if (child === '' || stat.kind === 'unreadable') continue
    const nameEnd = stat.value.lastIndexOf(')')
    const name = stat.value.slice(stat.value.indexOf('(') + 1, nameEnd)
    children.push({ pid: Number(child), name, state: stat.value.charAt(nameEnd + 2) })
  }
  return children
}

/** Start time in clock ticks since boot: field 22 of /proc/PID/stat. */
async function readStartTicks(pid: number): Promise<string> {
  const stat = await readText(`/proc/${pid}/stat`)
  if (stat.kind === 'unreadable') return valueOrReason(stat)
  return stat.value.slice(stat.value.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

async function readOpenFiles(pid: number): Promise<unknown> {
  const folder = `/proc/${pid}/fd`
  const names = await listFirstNames(folder, countLimit)
  if (names.kind === 'unreadable') return valueOrReason(names)
  const targets: Record<string, string> = {}
  for (const fd of names.value.slice(0, descriptorLimit)) {
    targets[fd] = valueOrReason(await readTarget(`${folder}/${fd}`))
  }
  const count = names.value.length
  if (count < countLimit) return { count, targets }
  // Since Linux 6.2 the size of the directory is their number.
  const whole = await readWithin(() => stat(folder))
  return { count: whole.kind === 'read' && whole.value.size > count ? whole.value.size : `${count} and more`, targets }
}

/** Keeps the soft limit of each line of /proc/PID/limits, whose columns stand at fixed places. */
function parseLimits(text: string): Record<string, string> {
  const limits: Record<string, string> = {}
  for (const line of text.split('\n').slice(1)) {
    const name = line.slice(0, 26).trim()
    if (name !== '') limits[name] = line.slice(26, 47).trim()
  }
  return limits
}
