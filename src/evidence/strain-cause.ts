import { formatBytes } from './byte-size.js'
import type { CauseQuestion, CauseRule } from './cause.js'
import type { Strain } from './strain.js'

/** From this many major faults a second on, a process at the limit of its memory does little else … */
const thrashingAtLimit = 100
/** … and any other, which may also be reading a file it has mapped. */
const thrashingAnywhere = 500

/** The group counts as being at its limit from this share of it on: the kernel keeps a little free. */
const atLimitShare = 0.95

/** Threads that were kept from running for this share of the time are held up by that. */
const heldUpPercent = 60

/** Names what keeps the process from running at all, when the figures leave no doubt. */
export const strainCause: CauseRule = (question) => {
  const strain = findStrain(question)
  if (strain === undefined) return undefined
  const kind = question.hang.kind
  if (kind === 'held-too-long' || kind === 'dead-main-thread' || kind === 'triggered') return undefined
  const cause = describeMemory(strain) ?? (kind === 'busy-loop' ? undefined : describeCpu(strain))
  if (cause === undefined) return undefined
  return kind === 'never-started' ? `no sign of life since its start: ${cause}` : cause
}

function describeMemory({ memory, majorFaultsPerSecond = 0 }: Strain): string | undefined {
  const { bytes = 0, limitBytes } = memory
  const limit = limitBytes === undefined ? '' : ` at its memory limit of ${formatBytes(limitBytes)}`
  if (memory.isOutOfMemory) {
    return `its control group is out of memory${limit}, and the kernel was told to let its processes wait (oom_kill_disable)`
  }
  const isAtLimit = limitBytes !== undefined && bytes >= limitBytes * atLimitShare
  if (majorFaultsPerSecond < (isAtLimit ? thrashingAtLimit : thrashingAnywhere)) return undefined
  return `thrashing: ${formatCount(majorFaultsPerSecond)} major faults a second${isAtLimit ? limit : ''}`
}

function describeCpu({ throttledPercent = 0, cpuLimit, waitedForCpu }: Strain): string | undefined {
  if (throttledPercent >= heldUpPercent) {
    const limit = cpuLimit === undefined ? '' : `, which may use ${Number(cpuLimit.toFixed(2))} CPUs,`
    // With several CPUs, the times of each are added up.
    return `throttled: its control group${limit} had no CPU time left for ${Math.min(100, throttledPercent)} % of the time`
  }
  const longest = waitedForCpu[0]
  if (longest === undefined || longest.percent < heldUpPercent) return undefined
  return `starved: thread ${longest.tid} (${longest.name}) waited for a CPU for ${Math.min(100, longest.percent)} % of the time`
}

function findStrain({ exhibits }: CauseQuestion): Strain | undefined {
  const exhibit = exhibits.find(({ name }) => name === 'strain')
  return exhibit?.kind === 'captured' && isStrain(exhibit.content) ? exhibit.content : undefined
}

function isStrain(value: unknown): value is Strain {
  if (typeof value !== 'object' || value === null || !('memory' in value) || !('waitedForCpu' in value)) return false
  return typeof value.memory === 'object' && value.memory !== null && Array.isArray(value.waitedForCpu)
}

/** With a comma for thousands. */
function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
